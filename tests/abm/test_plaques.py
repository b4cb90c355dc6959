"""Tissue that begins damaged, the trigger at one venule, and venules throughout."""

import numpy as np
import pytest

PLAQUE = (
    "tissue.plaques={{one: {{at: {{x: 200, y: 200}}, radius: 120, myelin: {myelin}, debris: 0.8, bbb: 0.3, "
    "survive: {{oligodendrocyte: 0.25}}, cells: {{macrophage: 30000}}}}}}"
)


def within(columns, inside):
    """Which cells are in voxels of 20 um that are inside."""
    return inside[(columns["y"] // 20).astype(int), (columns["x"] // 20).astype(int)]


@pytest.mark.parametrize("myelin", [0, 0.5])
def test_a_plaque_is_what_its_lines_say(small_model, myelin):
    """Shares of myelin and of oligodendrocytes, debris, phagocytes, a leaky venule; outside all is whole."""
    model = small_model(PLAQUE.format(myelin=myelin), "tissue.trigger=null")
    healthy = small_model("tissue.trigger=null")
    grid, tissue = model.grid, model.tissue
    x = (np.arange(grid.nx) + 0.5) * grid.h - 200
    inside = np.hypot(x, x[:, None]) <= 120
    layers = {name: grid.inner(layer)[0, 0] for name, layer in tissue.layers().items()}
    assert layers["myelin"][inside].mean() == pytest.approx(myelin, abs=0.06)
    assert layers["myelin"][np.hypot(x, x[:, None]) > 200].mean() > 0.97
    debris = grid.inner(model.laws.row("field.debris"))[0, 0]
    np.testing.assert_array_equal(debris, np.where(inside, np.float32(0.8), 0))

    cells, before = (m.population["oligodendrocyte"].columns() for m in (model, healthy))
    near, all_near = (within(columns, inside) for columns in (cells, before))
    assert abs(near.sum() - 0.25 * all_near.sum()) < 5 * np.sqrt(0.1875 * all_near.sum())
    assert (~near).sum() == (~all_near).sum()
    counted = np.zeros(grid.size, int)
    np.add.at(counted, cells["slots"][cells["slots"] >= 0] // 2, 1)
    np.testing.assert_array_equal(counted, tissue.units.reshape(4, -1)[:2].sum(axis=0))
    np.testing.assert_array_equal(cells["held"], (cells["slots"] >= 0).sum(axis=1))

    macrophages = model.population["macrophage"].columns()
    volume = inside.sum() * 8000e-9
    assert abs(len(macrophages["uid"]) - 30000 * volume) <= 1 and within(macrophages, inside).all()
    assert model.measure()["bbb_max"] == pytest.approx(0.3)
    ol_fraction = grid.inner(model.laws.row("tissue.ol_fraction"))[0, 0]
    assert ol_fraction[10, 10] < 0.6 and ol_fraction[0, 0] > 0.95  # against health, not against the plaque


def test_the_trigger_is_that_of_one_venule_and_rises(small_model):
    """0 before, then in proportion until it is full, only at the venule that is named; 0 after."""
    model = small_model("tissue.trigger.windows={onset: {from: 1, to: 3, rise: 1, venule: central}}")
    there = model.grid.inner(model.laws.row("system.trigger"))[0, 0]
    for hours, level in ((0, 0), (24, 0), (36, 0.5), (60, 1), (71.9, 1), (72, 0)):
        model.trigger.set(hours)
        assert there[10, 10] == pytest.approx(level) and there.sum() == pytest.approx(level)


def test_venules_lie_throughout(small_model):
    """A lattice through the middle; a named venule takes the place of those nearer than half the spacing."""
    model = small_model("tissue.venules.spacing=150", "tissue.venules.positions.central={x: 210, y: 190}")
    at = {(float(x), float(y)) for x, y in zip(model.venules.columns()["x"], model.venules.columns()["y"])}
    assert at == {(210.0, 190.0)} | {(x, y) for x in (50.0, 200.0, 350.0) for y in (50.0, 200.0, 350.0)} - {
        (200.0, 200.0)
    }


def test_a_bare_tissue_goes_on_as_if_it_had_never_stopped(small_model):
    """How long axons have been bare, and all else, after a restart in damaged tissue."""
    one, other = (small_model(PLAQUE.format(myelin=0)) for _ in range(2))
    for _ in range(5):
        one.step()
    other.restore(one.state())
    for _ in range(3):
        one.step(), other.step()
    assert one.digest() == other.digest()
    bare = one.laws.row("tissue.demyelinated").max()  # blocked for 10 days on average
    assert one.tissue.adapted.max() == pytest.approx(bare * -np.expm1(-0.8 / 240), rel=0.05)


OLD = "tissue.plaques={{old: {{at: {{x: 200, y: 200}}, radius: 120, {parts}}}}}"


def rings(model):
    """Layers of a small model by name, and how far each voxel is from its middle, um."""
    grid = model.grid
    x = (np.arange(grid.nx) + 0.5) * grid.h - grid.nx * grid.h / 2
    return {name: grid.inner(layer)[0, 0] for name, layer in model.tissue.layers().items()}, np.hypot(x, x[:, None])


def test_an_old_plaque_has_fewer_axons_and_new_sheaths(small_model):
    """Every voxel to the sheath; living cells hold all of them; nothing is shed, and bare axons conduct."""
    parts = "axons: 0.8, remyelinated: 0.5, myelin: 0.75, survive: {oligodendrocyte: 0.8}"
    model = small_model(OLD.format(parts=parts), "tissue.trigger=null")
    layers, r = rings(model)
    inside = r <= 120
    np.testing.assert_allclose(layers["axons"], np.where(inside, 0.8, 1), rtol=1e-6)
    assert layers["myelin"][inside] == pytest.approx(np.float32(9 / 15))  # 0.75 x 12 of 15 sheaths in each
    assert layers["remyelinated"][inside].mean() == pytest.approx(4.5 / 15, abs=0.01)
    assert (layers["remyelinated"][~inside] == 0).all() and (layers["ovoids"] == 0).all()
    units = model.tissue.units.reshape(4, -1)
    assert units[2:].sum() == 0
    slots = model.population["oligodendrocyte"].columns()["slots"]
    np.testing.assert_array_equal(
        np.bincount(slots[slots >= 0], minlength=2 * model.grid.size), units[:2].T.reshape(-1)
    )
    here = model.measure()
    assert here["axon_loss"] == pytest.approx(0.2) and here["transected_per_mm3"] == 0
    assert here["amplitude"] == pytest.approx(1 - 0.2 * inside.any(axis=1).mean(), abs=0.01)
    model.step()
    assert model.tissue.stripped.sum() == 0


def test_dead_cells_of_a_fresh_plaque_shed_their_sheaths(small_model):
    """Without loss of axons and without new sheaths a plaque is an acute one: orphans stay orphans."""
    model = small_model(OLD.format(parts="survive: {oligodendrocyte: 0}"), "tissue.trigger=null")
    layers, r = rings(model)
    units = model.tissue.units.reshape(4, -1)
    assert layers["myelin"][r <= 60].mean() > 0.97 and units[2].sum() > 0.5 * units[0].sum() * (r <= 120).mean()


def test_a_ring_with_cells_in_a_state(small_model):
    """Active microglia with a score, between two radii; the others are those of health."""
    microglia = "microglia: {density: 150000 cells/mm^3, active: 1, m1: 0.6, alarm: 0.5}"
    parts = f"inner: 60, cells: {{{microglia}, th1: {{density: 1e4, active: 1}}}}"
    model, healthy = small_model(OLD.format(parts=parts)), small_model()
    _, r = rings(model)
    ring = (r > 60) & (r <= 120)
    cells = model.population["microglia"].columns()
    added = cells["active"] == 1
    volume = ring.sum() * 8000e-9
    assert abs(added.sum() - 150_000 * volume) <= 1
    assert added.sum() == len(cells["uid"]) - healthy.population["microglia"].n
    assert within(cells, ring)[added].all()
    for state, value in (("m1", 0.6), ("m2", 0.4), ("alarm", 0.5)):
        np.testing.assert_allclose(cells[state][added], value, rtol=1e-6)
        assert (cells[state][~added] == 0).all()
    t_cells = model.population["th1"].columns()
    assert abs(t_cells["active"].sum() - 1e4 * volume) <= 1


def test_plaques_that_overlap(small_model):
    """Shares multiply; of debris and open barriers there is the most."""
    model = small_model(
        "tissue.plaques={a: {at: {x: 200, y: 200}, radius: 100, debris: 0.4, bbb: 0.2, axons: 0.5},"
        " b: {at: {x: 200, y: 200}, radius: 150, debris: 0.1, bbb: 0.1, axons: 0.8}}"
    )
    layers, r = rings(model)
    debris = model.grid.inner(model.laws.row("field.debris"))[0, 0]
    for where, axons, most in ((r <= 100, 0.4, 0.4), ((r > 100) & (r <= 150), 0.8, 0.1), (r > 150, 1, 0)):
        np.testing.assert_allclose(layers["axons"][where], axons, rtol=1e-6)
        np.testing.assert_allclose(debris[where], most, rtol=1e-6)
    assert model.measure()["bbb_max"] == pytest.approx(0.2)


def test_a_slab_has_the_old_plaque_of_its_own_run(small_model):
    """Chance of one slab does not reach another."""
    parts = OLD.format(parts="axons: 0.7, remyelinated: 0.4, myelin: 0.9, survive: {oligodendrocyte: 0.6}")
    both, alone = small_model(parts, seeds=(3, 8)), small_model(parts, seeds=(8,))
    both.step(), alone.step()
    assert both.digest(1) == alone.digest(0) != both.digest(0)
