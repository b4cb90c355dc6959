"""Laws against hand computation: the equations of the configuration, evaluated in float64 from the same signals."""

import math

import numpy as np
import pytest

HOURS_PER_DAY = 24.0


def hill(x, half, n, start, end):
    return start + (end - start) * max(x, 0.0) ** n / (half**n + max(x, 0.0) ** n)


def ramp(x, low, high, start, end):
    return start + (end - start) * min(max((x - low) / (high - low), 0.0), 1.0)


def set_fields(model, **levels):
    for name, level in levels.items():
        model.laws.row(f"field.{name}")[:] = level


def add_cells(model, kind, n, spread=3.0, **states):
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    x, y = 200 + spread * np.cos(angle), 200 + spread * np.sin(angle)
    return model.population[kind].place_cells(x, y, 0 * x, 0, **states)


@pytest.fixture
def model(small_model):
    model = small_model()
    for kind in ("th1", "th17", "cd8", "treg"):
        population = model.population[kind]
        population.remove(np.arange(population.n))
        population.changed = True
    return model


def density_of(model, kind, radius, at=200.0, weights=None):
    """Density around the voxel of a point, by the definition of the smoothing kernel, in float64."""
    from kernels.density import box_of_radius

    population, grid = model.population[kind], model.grid
    m, f = box_of_radius(radius, grid.h, 2)
    weight = np.where(np.abs(np.arange(-m - 1, m + 2)) <= m, 256, f) / 256
    line = np.zeros(grid.nx)
    here = int(at // grid.h)
    for offset, w in zip(range(-m - 1, m + 2), weight):
        if 0 <= here + offset < grid.nx:
            line[here + offset] = w
    columns = population.columns()
    ix, iy = (columns["x"] // grid.h).astype(int), (columns["y"] // grid.h).astype(int)
    amount = 1.0 if weights is None else columns[weights]
    count = (line[ix] * line[iy] * amount).sum()
    return count / (line.sum() ** 2 * model.voxel_volume * 1e-9), 1 / (line.sum() ** 2 * model.voxel_volume * 1e-9)


def test_division_of_th1_by_hand(model):
    """divide = 0.5 /d x active x (1 -> 0.1, PGE2 7000, n 1.5) x (1 -> 0.4, Treg 600/mm3) x ramp(T, 0, 3e4, 1 -> 0)."""
    add_cells(model, "th1", 6, active=1.0)
    add_cells(model, "cd8", 4)
    add_cells(model, "treg", 5)
    set_fields(model, pge2=2500.0, pge2_msc=4000.0)
    model._sense()
    treg, _ = density_of(model, "treg", 250)
    th1, share = density_of(model, "th1", 150)
    cd8, _ = density_of(model, "cd8", 150)
    expected = 0.5 * hill(6500, 7000, 1.5, 1, 0.1) * hill(treg, 600, 1, 1, 0.4)
    expected *= ramp(th1 + cd8 - share, 0, 30000, 1, 0)  # a cell does not count itself
    np.testing.assert_allclose(model.population["th1"].law("divide"), expected / HOURS_PER_DAY, rtol=2e-5)
    np.testing.assert_allclose(model.population["cd8"].law("divide"), 0.0)  # none of them is active


def test_terms_add_up_and_offsets_subtract_the_baseline(model):
    """become_treg = 0.008 (TGF-b - 60, 300, n 2) + 0.032 (PGE2, 7000, n 1.5)."""
    add_cells(model, "th1", 3)
    set_fields(model, tgfb=260.0, pge2=3000.0, pge2_msc=0.0)
    model._sense()
    expected = 0.008 * hill(200, 300, 2, 0, 1) + 0.032 * hill(3000, 7000, 1.5, 0, 1)
    np.testing.assert_allclose(model.population["th1"].law("become_treg"), expected / HOURS_PER_DAY, rtol=1e-5)
    set_fields(model, tgfb=10.0, pge2=0.0)
    model._sense()
    np.testing.assert_allclose(model.population["th1"].law("become_treg"), 0.0, atol=1e-12)


def test_own_state_groups(model):
    """die of macrophages: 0.06 m1 + 0.07 (1 - m1) x (1 -> 0.5, debris 0.1, n 2), each cell by its own score."""
    add_cells(model, "macrophage", 3, m1=np.array([0.0, 0.25, 1.0], np.float32))
    set_fields(model, debris=0.3)
    model._sense()
    m1 = model.population["macrophage"].state("m1").astype(float)
    expected = 0.06 * m1 + 0.07 * (1 - m1) * hill(0.3, 0.1, 2, 1, 0.5)
    np.testing.assert_allclose(model.population["macrophage"].law("die"), expected / HOURS_PER_DAY, rtol=1e-5)


def test_at_most_and_synergy_of_a_level(model):
    """licence = min(1, 0.15 + 0.425 H(IFN-g) + 0.425 H(IFN-g) H(TNF)), halves 500, n 2."""
    add_cells(model, "msc", 2)
    set_fields(model, ifng=700.0, tnf=300.0)
    model._sense()
    ifng, tnf = hill(700, 500, 2, 0, 1), hill(300, 500, 2, 0, 1)
    np.testing.assert_allclose(model.population["msc"].law("licence"), 0.15 + 0.425 * ifng * (1 + tnf), rtol=1e-5)


def test_contact_slows_a_t_cell(model):
    """speed = 4 um/min, x 0.3 with a macrophage within 20 um."""
    add_cells(model, "th1", 1, spread=0.0)
    model.population["th1"].place_cells([100.0], [100.0], [0.0], 0)
    model.population["macrophage"].place_cells([212.0], [212.0], [0.0], 0)  # 17 um away
    model._sense()
    speed = dict(zip(model.population["th1"].columns()["x"], model.population["th1"].law("speed")))
    assert speed[100.0] == pytest.approx(4 * 60) and speed[200.0] == pytest.approx(4 * 60 * 0.3, rel=1e-5)


def test_secretion_and_uptake_of_a_voxel(model):
    """TNF of M1: 0.7 molecules/s x m1 x IL-10 x PGE2 factors, 52 kDa, in 8 pL; uptake 20 um3/s of each cell."""
    rows = add_cells(model, "macrophage", 2, spread=0.0, m1=0.5)
    set_fields(model, il10=300.0, pge2=0.0, pge2_msc=0.0, tnf=0.0)
    model._sense()
    macrophages = model.population["macrophage"]
    v = int(macrophages.voxel[rows][0])
    picograms = 52e3 / 6.02214076e23 * 1e12
    expected = 2 * 0.7 * 3600 * 0.5 * hill(300, 300, 2, 1, 0.6) * picograms / 8e-9
    assert model.laws.row("source.tnf")[v] == pytest.approx(expected, rel=1e-5)
    grid, sessile = model.grid, 0
    for kind in ("opc", "oligodendrocyte"):
        sessile += int((model.population[kind].voxel[: model.population[kind].n] == v).sum())
    astrocytes = 2.4e4 * 8e-6
    uptake = (2 * 20 + 3 * (sessile + astrocytes)) * 3600 / grid.h**3
    assert model.laws.row("uptake.tnf")[v] == pytest.approx(uptake, rel=1e-5)


def test_a_window_holds_only_then(small_model):
    """A term with `during` acts from its beginning to before its end."""
    term = "laws.th1.die.terms.flare={base: 2.4 1/day, during: {from: 0.5, to: 1}}"
    model = small_model(term)
    add_cells(model, "th1", 1)
    values = []
    for hours in (11.9, 12.0, 23.9, 24.0):
        model.laws.sense_voxels(hours)
        model.crowd.sort(), model.crowd.feel(), model.crowd.sense(hours)
        values.append(float(model.population["th1"].law("die")[0]))
    assert values[1] - values[0] == pytest.approx(0.1, rel=1e-5)
    assert values[1] == values[2] and values[3] == values[0]


def test_a_line_can_be_removed(small_model):
    """A law set to null is gone."""
    model = small_model("laws.th1.divide=null")
    assert model.population["th1"].law("divide") is None


@pytest.mark.parametrize("name", ["t_cell_suppression", "m2_polarisation", "opc_recruitment", "ros_scavenging"])
def test_a_mechanism_without_msc_changes_nothing(small_model, name):
    """With no MSC present, switching a mechanism off changes nothing, to the bit."""
    digests = []
    for overrides in ((), (f"therapy.msc.mechanisms.{name}=off",)):
        model = small_model(*overrides)
        for _ in range(30):
            model.step()
        digests.append(model.digest())
    assert digests[0] == digests[1]


def test_a_mechanism_acts_with_msc(small_model):
    """Switched off, a tagged factor loses the PGE2 of MSC and keeps the endogenous one."""
    values = {}
    for switch in ("on", "off"):
        model = small_model(f"therapy.msc.mechanisms.t_cell_suppression={switch}")
        add_cells(model, "th1", 1, active=1.0)
        set_fields(model, pge2=2000.0, pge2_msc=9000.0)
        model._sense()
        values[switch] = float(model.population["th1"].law("divide").max())
    ratio = hill(11000, 7000, 1.5, 1, 0.1) / hill(2000, 7000, 1.5, 1, 0.1)
    assert values["on"] / values["off"] == pytest.approx(ratio, rel=1e-4)


def test_half_powers():
    """x ** (n / 2) by products and a root, for every exponent that a law may have."""
    from kernels.laws import half_power

    for twice in range(1, 9):
        for x in (0.0, 0.3, 1.0, 17.5):
            assert float(half_power(np.float32(x), np.int32(twice))) == pytest.approx(math.pow(x, twice / 2), rel=3e-7)
