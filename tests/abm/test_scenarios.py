"""Every scenario that ships: it says what it is, and it runs."""

import numpy as np
import pytest

from abm import LesionModel, load
from abm.config.files import scenario_names
from abm.fields import SINKS

STEPS = 3


@pytest.mark.parametrize("name", scenario_names())
def test_runs(name):
    config = load(name)
    assert config.title
    assert len(config.purpose) > 40
    model = LesionModel(config)
    begin = model.digest()
    for _ in range(STEPS):
        model.step()
    model.check()
    assert model.digest() != begin
    measured = model.measure()
    wrong = [key for key, value in measured.items() if key.startswith(("mean.", "count.")) and not np.isfinite(value)]
    assert wrong == []
    for name in config.fields:
        budget = model.fields.budget(name)
        missing = budget["secreted"] - sum(budget[sink] for sink in SINKS)
        # a mass is summed in single precision: where little is secreted, its last bits are what is missing
        assert abs(missing) <= 1e-5 * budget["secreted"] + 1e-7 * budget["start"], name
