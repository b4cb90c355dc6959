"""The dish: lymphocytes and a mitogen without tissue, and what one MSC to ten of them does."""

import numpy as np
import pytest

from abm import LesionModel, load

T_CELLS = ("th1", "th17", "cd8")


def after(days, *overrides, scenario="coculture"):
    """Read-outs of a dish after some days."""
    config = load(scenario, overrides=overrides, days=days)
    model = LesionModel(config)
    for _ in range(config.n_steps):
        model.step()
    return model.measure()


def divided(now):
    """Share of the T cells that descend from a division."""
    return sum(now[f"{kind}_divided"] for kind in T_CELLS) / sum(now[f"count.{kind}"] for kind in T_CELLS)


def test_it_holds_cells_and_medium_only():
    """1000 T cells in 1 mm3, no tissue, no venule, nothing given; a wrapped grid; they walk about."""
    model = LesionModel(load("coculture"))
    assert model.venules is None and model.tissue.layers() == {}
    counts = model.counts()
    assert sum(counts[kind] for kind in T_CELLS) == 1000 and counts["msc"] == counts["treg"] == 0
    before = model.population["cd8"].columns()
    for _ in range(3):
        model.step()
    now = model.population["cd8"].columns()
    alive = np.isin(before["uid"], now["uid"])
    at = dict(zip(now["uid"], now["x"]))
    moved = [abs(at[uid] - x) for uid, x in zip(before["uid"][alive], before["x"][alive])]
    assert np.mean(np.array(moved) > 1) > 0.95
    model.check()


def test_the_mitogen_rouses_and_stem_cells_hold_back():
    """One day: no cell begins active; 1 per day rouses, 0.5 per day calms; MSC hold it back, and their switch ends that."""
    alone = after(1)
    active = sum(alone[f"{kind}_active"] for kind in T_CELLS) / sum(alone[f"count.{kind}"] for kind in T_CELLS)
    assert active == pytest.approx((1 - np.exp(-1.5)) / 1.5, abs=0.08)  # daughters of active cells are active
    dose, off = "therapy.msc.dose=100", "therapy.msc.mechanisms.t_cell_suppression=off"
    treated, switched = after(1, dose), after(1, dose, off)
    assert treated["count.msc"] > 85 and treated["mean.pge2_msc"] > 1000
    assert divided(treated) < 0.9 * divided(alone)
    assert divided(switched) == pytest.approx(divided(alone), abs=0.06)
    assert max(now["mass_error.pge2_msc"] for now in (treated, switched)) <= 1e-5


def test_b_cells_in_a_dish():
    """Active share 1 - exp of the two rates over their sum; nothing else is in there."""
    now = after(1, scenario="coculture_b")
    assert sum(now[f"count.{kind}"] for kind in T_CELLS) == 0
    assert now["b_active"] / now["count.b_cell"] == pytest.approx((1 - np.exp(-1.5)) / 1.5, abs=0.06)
