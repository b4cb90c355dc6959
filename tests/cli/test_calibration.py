"""Calibration: a search finds values whose outcome is known, and every mistake is told in a sentence."""

import math
import sys

import pandas as pd
import pytest

from abm import load
from experiments.calibration.goals import Goal
from experiments.calibration.search import Trial, best
from experiments.failures import Refused
from experiments.study_plan import read_study

HALF_LIFE = 20.0  # min
SECTION = """\
calibrate:
  trials: 24
  batch: 4
  parameters:
    fields.tracer.half_life: {low: 5 min, high: 60 min}
  goals:
    mean: {measure: mean.tracer, value: VALUE, within: WITHIN}
time: {days: 0.05}"""


def section(value="1", within="0.1"):
    return "time: {days: 0.05}", SECTION.replace("VALUE", value).replace("WITHIN", within)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_value_that_made_an_outcome_is_found(remyelin, in_process, tiny, tmp_path):
    """A run with a half-life of 20 min says where its mean ends; the search, told only that, finds 20 min."""
    file = tiny(section())
    study = read_study(file)
    study.write(study.folder)
    arm = str(study.folder / "arms" / "slow.yaml")
    told = remyelin("run", arm, "--set", "fields.tracer.half_life=20 min", "--quiet", "--json").json
    reached = told["measures"]["mean.tracer"]
    answer = remyelin("calibrate", tiny(section(f"{reached!r}", f"{0.01 * reached!r}")), "--quiet")
    assert answer.code == 0, answer.err
    table = pd.read_csv(tmp_path / "runs" / "studies" / "tiny" / "calibrate.csv")
    assert len(table) == 24 and table["miss"].is_monotonic_increasing
    nearest = float(table["fields.tracer.half_life"][0].split()[0])
    assert nearest == pytest.approx(HALF_LIFE, rel=0.1)
    assert table["mean"][0] == pytest.approx(reached, rel=0.05)
    row = table.iloc[3]
    assert row["miss"] == pytest.approx(((row["mean"] - reached) / (0.01 * reached)) ** 2, rel=1e-6)
    first_of_batches = table.sort_values("trial")["miss"]
    assert first_of_batches[-8:].min() < first_of_batches[:8].min()  # it learns
    again = remyelin("calibrate", "tiny.yaml", "--quiet")  # all runs are there
    assert again.code == 0 and again.out == answer.out
    calibrated = load(tmp_path / "runs" / "studies" / "tiny" / "calibrated.yaml")
    assert calibrated.fields["tracer"].half_life.typed == nearest
    assert "calibrated by the study tiny: 24 points" in calibrated.fields["tracer"].half_life.note


def test_a_miss_is_counted_in_units_of_what_is_allowed():
    goal = Goal("peak", "untreated", "lesion_area_mm2", "peak", 1.2, 0.2, "mm^2")
    assert goal.miss(1.6) == pytest.approx(4) and goal.miss(1.2) == 0


def test_a_goal_is_read_in_the_unit_of_its_read_out(tiny):
    study = read_study(
        tiny(section(), ("    mean: {", "    part: {arm: fast, when: peak, "), ("value: 1", "value: 2 ng/mL"))
    )
    (goal,) = study.calibration.goals
    assert study.units["mean.tracer"] == "pg/mL"
    assert (goal.arm, goal.when, goal.value, goal.within) == ("fast", "peak", 2000.0, 0.1)


def test_points_that_failed_are_passed_over():
    trials = [Trial((), {}, math.nan), Trial((), {}, 3.0), Trial((), {}, 2.0)]
    assert best(trials) is trials[2]
    with pytest.raises(Refused, match="none of 1 points came to a lesion"):
        best(trials[:1])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("measure: mean.tracer", "measure: mean.traser"), "'mean.traser' is no read-out; did you mean 'mean.tracer'"),
        (("measure: mean.tracer", "measure: mean.tracer, arm: fasd"), "'fasd' is no arm; did you mean 'fast'"),
        (("within: 0.1", "within: 0"), "mean.within = 0 must be above 0: it says how much a miss weighs"),
        (("value: 1", "value: 1 mm"), "mean.value = 1 mm is not in a unit such as pg/mL"),
        (("  trials: 24", "  trials: 0"), "calibrate.trials = 0 must be a whole number from 1"),
        (("measure: mean.tracer, value", "measure: mean.tracer, when: ever, value"), "is not one of end, mean, peak"),
        (("    fields.tracer.half_life", "    fields.tracer.halflife"), "is no value of this scenario; did you mean"),
        (
            (
                "time: {days: 0.05}",
                "sensitivity: {parameters: {fields.tracer.D: {low: 1, high: 2}}}\ntime: {days: 0.05}",
            ),
            "not both",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(remyelin, tiny, tmp_path, change, sentence):
    answer = remyelin("calibrate", tiny(section(), change))
    assert answer.code == 2 and sentence in answer.err and "tiny.yaml:" in answer.err
    assert not (tmp_path / "runs").exists()


def test_what_is_no_calibration_is_told_so(remyelin, tiny):
    answer = remyelin("calibrate", tiny())
    assert answer.code == 2 and "tiny.yaml has no section 'calibrate'" in answer.err
    answer = remyelin("sensitivity", tiny(section()))
    assert answer.code == 2 and "tiny.yaml has no section 'sensitivity'" in answer.err
    answer = remyelin("study", "tiny.yaml")
    assert answer.code == 2 and "are looked for by: remyelin calibrate tiny.yaml" in answer.err


def test_without_the_package_the_remedy_is_told(remyelin, tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    answer = remyelin("calibrate", tiny(section()))
    assert answer.code == 2 and 'needs the package optuna: pip install "remyelin[study]"' in answer.err
