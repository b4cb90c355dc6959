"""Whole courses, minutes long: run with ``pytest -m slow``."""

import pytest

from abm import LesionModel, load


@pytest.mark.slow
def test_healthy_tissue_stays_healthy():
    """40 days without a trigger: myelin and oligodendrocytes within 2 %, no infiltrate, the barrier shut, axons whole."""
    size = ("grid.size=[2000, 2000]", "tissue.venules.positions.central={x: 1000, y: 1000}", "time.days=40")
    model = LesionModel(load("healthy", overrides=size))
    begin = model.counts()
    for step in range(model.config.n_steps):
        model.step()
        if step % 960 == 0:
            readouts, counts = model.measure(), model.counts()
            assert readouts["demyelinated_fraction"] < 0.02 and readouts["bbb_leak"] < 1e-3
            assert abs(counts["oligodendrocyte"] / begin["oligodendrocyte"] - 1) < 0.02
            assert abs(counts["opc"] - begin["opc"]) < 3 * begin["opc"] ** 0.5
            assert counts["macrophage"] == 0 and sum(counts[kind] for kind in ("th1", "th17", "cd8")) < 16
            assert readouts["amplitude"] > 0.99
