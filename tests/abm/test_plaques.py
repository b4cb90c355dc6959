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
        model._set_system(hours)
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
