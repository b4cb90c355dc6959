"""Sheaths, axons, venules and doses against counts and closed forms."""

import math

import numpy as np
import pytest

from abm.measures import measure
from kernels.axons import injure_axons
from kernels.device import Machine

f4 = np.float32


def test_health_begins_myelinated(small_model):
    """Every stretch of axon carries a sheath, within the reach of the cell that holds it, and the books agree."""
    model = small_model()
    cells, tissue, grid = model.population["oligodendrocyte"], model.tissue, model.grid
    units = tissue.units.reshape(4, -1)
    assert units[1:].sum() == 0
    myelin = grid.inner(tissue.layers()["myelin"])
    assert myelin.mean() > 0.995 and myelin.max() <= 1
    slots = cells.slots[: cells.n]
    np.testing.assert_array_equal((slots >= 0).sum(axis=1), cells.state("held"))
    counted = np.bincount(slots[slots >= 0] >> 1, minlength=grid.size)
    np.testing.assert_array_equal(counted, units[0])
    row, slot = np.nonzero(slots >= 0)
    voxel = slots[row, slot] >> 1
    dx = voxel % grid.sy - cells.voxel[row] % grid.sy
    dy = voxel // grid.sy - cells.voxel[row] // grid.sy
    assert (np.hypot(dx, dy) * grid.h).max() <= 60


def test_stripped_sheaths_become_debris_and_grow_back_as_remyelinated(small_model):
    """Lost units are counted once, and what is wrapped anew is marked so."""
    model = small_model("laws.oligodendrocyte.myelinate.terms.sheath.base=20 1/day")
    tissue, cells = model.tissue, model.population["oligodendrocyte"]
    before = int(tissue.units.sum())
    tissue.sheath_hazard[:] = 0.5
    cells.act()
    after = int(tissue.units.sum())
    lost, grown = int(tissue.stripped.sum()), int(tissue.units.reshape(4, -1)[1].sum())
    assert before - lost + grown == after
    expected = before * -math.expm1(-0.5)
    assert abs(lost - expected) < 5 * math.sqrt(expected * math.exp(-0.5))
    for _ in range(240):
        model.step()
    layers = tissue.layers()
    assert model.grid.inner(layers["myelin"]).mean() > 0.9
    assert model.grid.inner(layers["remyelinated"]).mean() > 0.3


def test_bids_for_axons_do_not_count_in_the_contest_for_room(small_model):
    """Sheaths and moving cells take turns with one array of bids: in a crowd, what the first leave there stops nobody."""
    crowd = ("therapy.msc.dose=100000 cells/mm^3", "therapy.msc.route=local", "therapy.msc.day=0")
    model, other = small_model(*crowd), small_model(*crowd)
    act = other.tissue.act

    def act_and_leave_bids():
        act()
        other.tissue.best[:] = 2**62

    other.tissue.act = act_and_leave_bids
    for _ in range(5):
        model.step()
        other.step()
    assert other.digest() == model.digest()


def test_sheaths_of_the_dead_are_shed(small_model):
    """A dead cell's sheaths are orphans, lost at 0.5 per day."""
    model = small_model("laws.oligodendrocyte=null", "laws.opc=null")
    cells, tissue = model.population["oligodendrocyte"], model.tissue
    cells.leave(np.arange(cells.n))
    units = tissue.units.reshape(4, -1)
    assert units[:2].sum() == 0
    begin = int(units[2].sum())
    for step in range(240):
        model.steps = step
        tissue.expect_losses()
        tissue.act()
    left, expected = int(units[2].sum()), begin * math.exp(-0.5)
    assert abs(left - expected) < 5 * math.sqrt(expected * (1 - math.exp(-0.5)))


def test_axon_states_follow_their_rates():
    """Swelling, recovery and transection of one voxel against the matrix exponential of the three-state chain."""
    from scipy.linalg import expm

    swell, recover, cut, fail, clear, dt, days = 0.075, 0.15, 0.1, 0.001, 0.1, 0.1, 30
    rates = [np.full(1, rate / 24, f4) for rate in (swell, recover, cut, fail, clear)]
    intact, swollen, ovoids, lost = (np.array([x], f4) for x in (1, 0, 0, 0))
    for _ in range(int(days * 24 / dt)):
        injure_axons(Machine(), 1, intact, swollen, ovoids, *rates, dt, lost)
    chain = np.array([[-swell - fail, recover, 0], [swell, -recover - cut, 0], [fail, cut, -clear]])
    exact = expm(chain * days) @ [1, 0, 0]
    np.testing.assert_allclose([intact[0], swollen[0], ovoids[0]], exact, rtol=2e-3)


def test_conduction_of_a_demyelinated_path(small_model):
    """A fully bare, unblocked path of length L adds L (1 / 0.4 - 1 / 5.5) ms per mm: 2.3 ms per mm."""
    model = small_model()
    model.tissue.units[:] = 0
    model.tissue.adapted[:] = 1.0
    model._measured.clear()
    readouts = model.measure()
    assert readouts["latency_ms"] - 100 == pytest.approx(0.4 * (1 / 0.4 - 1 / 5.5), rel=1e-4)
    assert readouts["amplitude"] == pytest.approx(1.0) and readouts["demyelinated_fraction"] == pytest.approx(1.0)
    model.tissue.adapted[:] = 0.0
    model._measured.clear()
    assert model.measure()["amplitude"] == 0.0


def test_remyelinated_axons_conduct_at_the_speed_of_their_geometry():
    """5.5 m/s x sqrt(-ln 0.87) / sqrt(-ln 0.77) x 0.45^0.4 = 2.9 m/s."""
    from abm.measures import velocity

    assert velocity(0.87, 45.0, 1.0, 5.5, 0.77, 100.0) == pytest.approx(2.9, abs=0.05)
    assert velocity(0.77, 100.0, 1.0, 5.5, 0.77, 100.0) == pytest.approx(5.5)


def test_leukocytes_enter_at_the_rate_of_their_law(small_model):
    """Arrivals at a venule are Poisson with rate x served volume, within 60 um of it."""
    model = small_model(
        "laws.macrophage=null", "laws.th1.die=null", "laws.th1.divide=null", "laws.th1.become_treg=null"
    )
    venules, th1 = model.venules, model.population["th1"]
    served = 400 * 400 * 20e-9  # the radius of 400 um covers the whole small tissue
    assert venules.state("served")[0] == pytest.approx(served)
    th1.remove(np.arange(th1.n))
    expected = 0.0
    for step in range(1, 2001):
        model.steps = step
        venules.law("enter_th1")[:] = 3000 / 24
        venules.admit()
        expected += 3000 / 24 * served * 0.1
    x, y = th1.columns()["x"], th1.columns()["y"]
    near = np.hypot(x - 200, y - 200) <= 60.001
    assert abs(near.sum() - expected) < 5 * math.sqrt(expected)
    assert abs((~near).sum() - 4.375 / 24 * served * 200) < 10  # surveillance, anywhere else


@pytest.mark.parametrize(
    ("dose", "route", "expected"),
    [
        ("500 cells/mm^3", "local", 500 * 400 * 400 * 20e-9),
        ("60", "local", 60),
        ("3000 cells/kg", "local", 60),
    ],
)
def test_a_local_dose_becomes_cells(small_model, dose, route, expected):
    """By unit; a whole number near the expected one is placed, once."""
    model = small_model(f"therapy.msc.dose={dose}", f"therapy.msc.route={route}", "therapy.msc.day=0.5")
    for _ in range(120):
        model.step()
    assert model.population["msc"].n == 0
    model.step()
    placed = model.population["msc"].n
    assert abs(placed - expected) <= 2 and placed == model.events[0]["cells"]
    for _ in range(5):
        model.step()
    assert len(model.events) == 1


def test_repeated_and_conditional_doses(small_model):
    """A repeat comes after its interval; a condition is met or not."""
    doses = (
        "therapy.msc.doses={weekly: {day: 0, dose: 50, route: local, every: 0.25 day, repeats: 3},"
        " never: {dose: 70, route: local, when: 'lesion.area > 100 mm^2'},"
        " once: {dose: 30, route: local, when: 'bbb_leak >= 0'}}"
    )
    model = small_model(doses)
    for _ in range(200):
        model.step()
    given = [(event["name"], event["day"], event["cells"]) for event in model.events]
    assert given == [("once", 0.0, 30), ("weekly", 0.0, 50), ("weekly", 0.25, 50), ("weekly", 0.5, 50)]


def test_what_a_condition_looks_at_is_not_told_as_what_came_of_the_step(small_model):
    """A dose looks at the read-outs when a step begins; what is read after it is anew."""
    model = small_model("therapy.msc.doses={never: {day: 0, dose: 70, route: local, when: 'lesion.area > 100 mm^2'}}")
    for step in range(62):
        model.step()
        if step % 60 < 2:
            assert model.measure() == measure(model, 0)


def test_daughters_of_oligodendrocytes_hold_no_sheaths(small_model):
    """As many as their slots say, also of those whose mothers hold some."""
    model = small_model("laws.oligodendrocyte.divide={type: rate, unit: 1/day, terms: {growth: {base: 2}}}")
    cells = model.population["oligodendrocyte"]
    before = cells.n
    for _ in range(10):
        model.step()
    assert cells.n > before + 5
    np.testing.assert_array_equal((cells.slots[: cells.n] >= 0).sum(axis=1), cells.state("held"))


def test_entry_by_a_law_that_reads_the_trigger_of_one_venule_is_of_its_voxel(small_model):
    """The law of the tissue holds in one voxel then: what it comes to is not that of any other times their number."""
    trigger = "laws.tissue.enter_th1.times.trigger={signal: trigger, linear: [0, 1], from: 0, to: 1}"
    window = "tissue.trigger={windows: {onset: {from: 0 day, to: 2 day, venule: central}}}"
    model = small_model(trigger, window)
    model.step()
    row = model.laws.tissue["tissue"]["enter_th1"]
    there = model.grid.inner(model.laws.channel(row))
    assert np.count_nonzero(there) == 1
    assert model.venules._everywhere([row]) == pytest.approx(float(there.sum()))
