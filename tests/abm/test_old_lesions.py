"""The scenarios of old lesions: they begin as they say, and run."""

import numpy as np
import pytest

from abm import LesionModel, load


def begun(name):
    """A scenario at its beginning, and how far each voxel is from its middle, um."""
    model = LesionModel(load(name))
    grid = model.grid
    x = (np.arange(grid.nx) + 0.5) * grid.h - grid.nx * grid.h / 2
    return (
        model,
        {key: grid.inner(layer)[0, 0] for key, layer in model.tissue.layers().items()},
        np.hypot(x, x[:, None]),
    )


def close_to(count, expected):
    """Whether a count left to chance is within four standard deviations of what is expected."""
    return abs(count - expected) <= 4 * np.sqrt(expected) + 1


def test_chronic_active():
    """A bare core with half of its axons that conduct, a rim of M1 microglia, T and plasma cells, a barrier ajar."""
    model, layers, r = begun("chronic_active")
    core, rim, lesion = r <= 300, (r > 300) & (r <= 450), r <= 450
    assert (layers["myelin"][core] == 0).all() and layers["myelin"][r > 450].mean() > 0.97
    np.testing.assert_allclose(layers["axons"], np.where(core, 0.5, 1), rtol=1e-6)
    microglia = model.population["microglia"].columns()
    active = microglia["active"] == 1
    assert abs(active.sum() - 15000 * rim.sum() * 8000e-9) <= 1
    np.testing.assert_allclose(microglia["m1"][active], 0.6, rtol=1e-6)
    volume, counts = lesion.sum() * 8000e-9, model.counts()
    for kind, density in (("th1", 250), ("th17", 200), ("cd8", 550), ("plasma_cell", 100)):
        assert close_to(counts[kind], density * volume), kind
    ol = model.population["oligodendrocyte"].columns()
    near = np.hypot(ol["x"] - 800, ol["y"] - 800) <= 290
    assert close_to(near.sum(), 0.1 * 69000 * np.pi * 0.29**2 * 0.02)
    now = model.measure()
    assert now["axon_loss"] == pytest.approx(0.5) and now["transected_per_mm3"] == 0 and now["debris_mean"] == 0
    assert now["bbb_max"] == pytest.approx(0.05) and now["remyelinated_area_mm2"] == 0
    across = core.sum(axis=0).astype(bool).mean()  # of the bundles, each of which loses half of its axons
    assert now["amplitude"] == pytest.approx(1 - 0.5 * across, abs=0.01)
    assert now["latency_ms"] > 100.1


def test_bare_tissue_keeps_its_barrier_ajar():
    """open x (1 - b) = close x b at 0.05 where the venule's voxel is bare, and 0 where it is not."""
    model, _, _ = begun("chronic_active")
    venules = model.venules
    opening, closing, b = (np.array(a) for a in (venules.law("open"), venules.law("close"), venules.state("bbb")))
    bare = np.hypot(venules.x[: venules.n] - 800, venules.y[: venules.n] - 800) < 290
    assert bare.sum() == 1
    np.testing.assert_allclose(opening[bare], (closing * b)[bare], rtol=1e-3)
    assert (opening[~bare] < 1e-4 / 24).all()


def test_shadow_plaque():
    """Every sheath is new, on four fifths of the axons; nothing is bare, blocked or inflamed."""
    model, layers, r = begun("shadow_plaque")
    plaque = r <= 400
    np.testing.assert_allclose(layers["axons"], np.where(plaque, 0.8, 1), rtol=1e-6)
    assert layers["myelin"][plaque].mean() == pytest.approx(0.8, abs=0.005)
    np.testing.assert_array_equal(layers["remyelinated"], np.where(plaque, layers["myelin"], 0))
    counts = model.counts()
    healthy = 69000 * (plaque.size - 0.2 * plaque.sum()) * 8000e-9
    assert close_to(healthy - counts["oligodendrocyte"], 0)
    assert counts["macrophage"] == counts["b_cell"] == 0
    now = model.measure()
    assert now["g_ratio"] == pytest.approx(0.87) and now["axon_loss"] == pytest.approx(0.2)
    assert now["amplitude"] == pytest.approx(0.9, abs=0.01) and now["latency_ms"] == pytest.approx(100.045, abs=0.01)
    assert now["lesion_area_mm2"] == 0 and now["debris_mean"] == 0 and now["bbb_max"] == 0
    for _ in range(5):
        model.step()
    assert model.measure()["mean.myelin"] == pytest.approx(now["mean.myelin"], abs=1e-3)
