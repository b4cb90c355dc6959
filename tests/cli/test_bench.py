"""The benchmarks compute what they time."""

import pytest

from abm.config import load
from experiments.bench import stage_seconds
from experiments.bench_lesion import _size


@pytest.mark.parametrize("shape", [(16, 12, 1), (8, 8, 8)])
def test_a_stage_is_checked_before_it_is_timed(shape):
    assert stage_seconds(shape, 2) > 0


def test_a_tiled_lesion_has_one_forced_venule_in_each_tile():
    config = load("demo", overrides=_size(2))
    assert len(config.tissue.venules.positions) == 4 and config.tissue.venules.spacing is None
    assert config.tissue.trigger.windows["onset"].venule is None
