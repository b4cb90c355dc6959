"""The model as Mesa users meet it: agents, phases, views of a cell, the data collector, and clear failures."""

import mesa
import numpy as np
import pytest

from abm.cells.venule import Venule
from abm.model import LesionModel, ModelError
from abm.rows import ONE


def test_mesa_schedules_populations(small_model):
    """Populations and Therapy are Mesa agents; Mesa counts the steps."""
    model = small_model()
    assert isinstance(model, mesa.Model)
    assert all(isinstance(agent, mesa.Agent) for agent in model.agents)
    assert set(model.population.values()) <= set(model.agents) and model.therapy in model.agents
    model.step()
    assert model.steps == 1 and model.hours == pytest.approx(0.1)
    assert {"sense", "act", "diffuse", "move", "die and divide", "observe"} <= set(model.phase_seconds)


def test_the_data_collector_follows_the_cadence(small_model):
    """Read-outs at hours 0, 6, 12."""
    model = small_model()
    for _ in range(121):
        model.step()
    table = model.datacollector.get_model_vars_dataframe()
    assert list(table["hours"].round(3)) == [0, 6, 12]
    assert (table["count.oligodendrocyte"] > 200).all()


def test_a_cell_is_a_view_of_its_row(small_model):
    """Columns are attributes; an unknown one is named with those there are."""
    opc = small_model().population["opc"]
    cell = opc[3]
    assert cell.uid == opc.columns()["uid"][3] and 0 <= cell.x <= 400
    with pytest.raises(AttributeError, match="has no column 'size'; it has uid"):
        _ = cell.size
    with pytest.raises(IndexError, match="no row"):
        _ = opc[10_000]


def test_cells_are_sorted_and_uids_are_unique(small_model):
    """After sensing, every population is in (voxel, uid) order and no uid is used twice or again."""
    model = small_model()
    for _ in range(50):
        model.step()
    model._sense()
    for kind, population in model.population.items():
        columns = population.columns()
        assert len(set(columns["uid"])) == population.n, kind
        order = np.lexsort((columns["uid"], columns["voxel"]))
        np.testing.assert_array_equal(order, np.arange(population.n), err_msg=kind)
        assert (columns["uid"] < population.next_uid[0]).all()


def test_voxels_count_the_cells_in_them_and_no_others(small_model):
    """Also after cells have left a voxel, or all cells of a kind have gone."""
    model = small_model()
    for _ in range(30):
        model.step()
    opc = model.population["opc"]
    opc.put_columns({name: column[:0] for name, column in opc.columns().items()})
    model._sense()
    counted = 0
    for kind, population in model.population.items():
        row = f"sum.{kind}.{model.laws.tables[0].cells[kind].own[ONE]}" if population.in_crowd else ""
        if row in model.laws:
            here = np.bincount(population.voxel[: population.n], minlength=model.grid.size)
            np.testing.assert_array_equal(model.laws.row(row), here, err_msg=kind)
            counted += population.n
    assert opc.n == 0 and counted > 200


def test_a_cell_that_becomes_another_keeps_its_place(small_model):
    """Precursors that differentiate leave, and appear as pre-myelinating cells where they stood."""
    model = small_model(
        "laws.opc.differentiate={terms: {switch: {base: 20 1/day}}, times: null}", "laws.opc.speed=null"
    )
    before = model.population["opc"].columns()
    model.step()
    opc, young = model.population["opc"].columns(), model.population["premyelinating_ol"].columns()
    gone = ~np.isin(before["uid"], opc["uid"])
    assert len(young["uid"]) > 0
    places = set(zip(before["x"][gone], before["y"][gone]))
    moved = len(set(zip(young["x"], young["y"])) - places)
    assert moved == 0


def test_divisions_follow_their_rate(small_model):
    """A kind that only divides, at 4 per day, grows by exp(4 t); daughters stand within a diameter of their mothers."""
    laws = ("laws.opc.divide={terms: {demand: null, home: {base: 4 1/day, times: null}}, times: null}",)
    model = small_model(*laws, "laws.opc.die=null", "laws.opc.differentiate=null", "laws.opc.speed=null")
    begin, mothers = model.population["opc"].n, model.population["opc"].columns()
    model.step()
    opc = model.population["opc"].columns()
    for x, y in zip(opc["x"][begin:], opc["y"][begin:]):
        assert np.hypot(mothers["x"] - x, mothers["y"] - y).min() <= 9 * 2**0.5
    for _ in range(119):
        model.step()
    grown = model.population["opc"].n
    exact = begin * np.exp(4 * 0.5)
    # a Yule process of n mothers has the variance n exp(r t) (exp(r t) - 1); a step of 0.1 h loses at most a percent
    assert abs(grown - exact) < 4 * np.sqrt(exact * (np.exp(2) - 1)) + 0.01 * exact


def test_non_finite_values_are_named(small_model):
    """Field or kind, place and hour."""
    model = small_model()
    model.check()
    model.population["macrophage"].place_cells([110.0], [50.0], [0.0], 0, m1=np.nan)
    model.step()
    with pytest.raises(ModelError, match=r"is not a finite number at \(110, 50.*\) um in hour 0.1"):
        model.check()
    model = small_model()
    model.population["opc"].x[2] = np.inf
    with pytest.raises(ModelError, match=r"opc \d+ has a x that is not a finite number"):
        model.check()


def test_nothing_but_fields(small_config):
    """A scenario without cells and tissue runs."""
    from abm.config import load

    model = LesionModel(load("diffusion"))
    model.step()
    assert model.field_frame("tracer").max() > 0 and model.cell_table().empty


@pytest.mark.parametrize("kind", ["neutrophil", "microglia", "msc", "macrophage", "th1", "venule", None])
def test_cells_without_laws_do_nothing(small_model, kind):
    """They stand where they are; venules without laws are not there."""
    cells = "{neutrophil: 500, microglia: 500, msc: 500, macrophage: 500, th1: 500}"
    plaque = f"tissue.plaques={{one: {{at: {{x: 200, y: 200}}, radius: 150, myelin: 0, cells: {cells}}}}}"
    model = small_model(f"laws.{kind}=null" if kind else "laws=null", "tissue.trigger=null", plaque)
    still = [model.population[each] for each in ("neutrophil", "macrophage") if kind in (each, None)]
    before = [population.columns() for population in still]
    for _ in range(3):
        model.step()
    model.check()
    for population, then in zip(still, before):
        now = population.columns()
        assert all(np.array_equal(then[name], now[name]) for name in ("uid", "x", "y"))
    assert ("venule" in model.population) == (kind not in ("venule", None)) and model.measure()


@pytest.mark.parametrize(
    "overrides",
    [
        ("grid.size=[200, 200, 100]", "tissue.venules.positions.central={x: 100, y: 100, z: 50}"),
        ("grid.faces=periodic",),
        ("grid.voxel=10", "time.step=3 min"),
        ("grid.faces={x: periodic, y: value}",),
    ],
    ids=["3D", "periodic", "half the voxel", "mixed faces"],
)
def test_other_grids(small_model, overrides):
    """In 3D, with other faces, on finer voxels: the lesion runs, its books balance, and a slab equals the run alone."""
    msc = ("therapy.msc.dose=2000 cells/mm^3", "therapy.msc.route=local", "therapy.msc.day=0")
    alone, batch = small_model(*msc, *overrides), small_model(*msc, *overrides, seeds=[4, 1])
    for _ in range(20):
        alone.step()
        batch.step()
    alone.check()
    readouts = alone.measure()
    assert readouts["count.msc"] > 0
    for name in alone.fields.names:
        budget = alone.fields.budget(name)
        came_in = budget["start"] + budget["secreted"] + max(-budget["left"], 0.0)
        left_over = budget["secreted"] - sum(budget[s] for s in ("change", "decayed", "taken", "left", "clamped"))
        assert abs(left_over) <= max(1e-5 * budget["secreted"], 1e-6 * came_in), name
    assert batch.digest(1) == alone.digest()


def test_a_law_that_is_even_sums_as_voxel_by_voxel_to_the_bit(small_model):
    """Surveillance depends on the blood alone; a law that reads the tissue is no such law."""
    model = small_model(
        "laws.tissue.enter_cd8.times.near={signal: tnf, half: 1 pg/mL, hill: 1, from: 1, to: 2, source: assumed}"
    )
    assert isinstance(model.venules, Venule)
    laws = model.laws.tissue["tissue"]
    assert laws["enter_th1"] in model.laws.even and laws["enter_cd8"] not in model.laws.even
    names = ("enter_th1", "enter_th17", "enter_treg", "enter_cd8")
    for name, (found,) in zip(names, model.venules._everywhere([laws[name] for name in names])):
        inside = model.grid.inner(model.laws.channel(laws[name]))
        assert found == inside.sum(dtype=float) > 0
