"""What tests share: a small lesion of the real biology, and machines to run it on."""

import pytest

from kernels.device import Machine

SMALL = ("grid.size=[400, 400]", "tissue.venules.positions.central={x: 200, y: 200}", "time.days=1")


@pytest.fixture(scope="session")
def small_config():
    """Load a 0.4 x 0.4 mm lesion of the demo's biology, with what a test overrides."""
    from abm.config import load

    def make(*overrides: str, scenario: str = "demo"):
        return load(scenario, overrides=[*SMALL, *overrides])

    return make


@pytest.fixture(scope="session")
def small_model(small_config):
    """Build a small lesion."""
    from abm.model import LesionModel

    def make(*overrides: str, scenario: str = "demo", threads: int = 1, seeds=None, target: str = "cpu"):
        return LesionModel(small_config(*overrides, scenario=scenario), Machine(target, threads), seeds)

    return make
