"""Paired differences against the same numbers by hand, what is said of them, and which runs are compared with which."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abm import Run
from abm.config import load
from experiments.compare import compare, contrast, interval, summary
from experiments.study_plan import measure_units

MEASURES = "measures: [mean.tracer, mass_error.tracer]"


def test_a_paired_interval_is_that_of_students_t():
    random = np.random.default_rng(3)
    control = random.normal(10, 3, 8)
    arm = control + random.normal(0.4, 0.5, 8)
    found = contrast("a", "c", "m", "end", "1", list(zip(arm, control)))
    exact = stats.ttest_rel(arm, control).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), rel=1e-12)
    differences = arm - control
    by_hand = 2.364624251 * differences.std(ddof=1) / math.sqrt(8)  # t of 7 degrees at 97.5 %
    assert found.high - found.difference == pytest.approx(by_hand, rel=1e-9)
    assert found.relative == pytest.approx(differences.mean() / control.mean(), rel=1e-12)
    assert found.pairs == 8


def test_the_spread_between_seeds_cancels():
    """Seeds far apart, a small effect that all share: seen in pairs, not between unpaired means."""
    control = np.array([1.0, 50.0, 200.0, 900.0])
    arm = control + np.array([0.9, 1.0, 1.1, 1.0])
    assert contrast("a", "c", "m", "end", "1", list(zip(arm, control))).verdict == "higher"
    assert stats.ttest_ind(arm, control).pvalue > 0.9


def test_one_pair_has_no_interval_and_no_difference_is_said_plainly():
    one = contrast("a", "c", "m", "end", "1", [(2.0, 1.0)])
    assert (one.low, one.high, one.verdict) == (None, None, "one pair: no interval")
    assert contrast("a", "c", "m", "end", "1", [(2.0, 1.0), (1.0, 2.0)]).verdict == "no difference shown"
    assert contrast("a", "c", "m", "end", "1", [(1.0, 1.0), (3.0, 3.0)]).verdict == "no difference shown"
    assert contrast("a", "c", "m", "end", "1", [(1.0, 2.0), (3.0, 4.1)]).verdict == "lower"
    assert contrast("a", "c", "m", "end", "1", [(1.0, 0.0), (3.0, 0.0)]).relative is None
    assert interval([1.0]) is None


def test_pairs_in_which_a_number_does_not_exist_are_left_out():
    found = contrast("a", "c", "m", "end", "1", [(2.0, 1.0), (math.nan, 1.0), (3.0, 1.0)])
    assert (found.pairs, found.difference) == (2, 1.5)
    assert contrast("a", "c", "m", "end", "1", [(math.nan, 1.0)]) is None


def test_a_run_in_three_numbers():
    days = np.array([0.0, 1.0, 3.0])
    assert summary(days, np.array([0.0, 4.0, 2.0])) == {"end": 2.0, "mean": 8 / 3, "peak": 4.0}
    late = summary(days, np.array([math.nan, 4.0, 2.0]))
    assert late == {"end": 2.0, "mean": 3.0, "peak": 4.0}
    assert math.isnan(summary(days, np.array([1.0, 2.0, math.nan]))["end"])
    assert all(math.isnan(value) for value in summary(days, np.full(3, math.nan)).values())


def test_a_study_is_compared_with_its_control_at_the_same_point(remyelin, tiny, in_process):
    rate = "fields.tracer.sources.point.rate"
    grid = f"  grid: {{{rate}: [500 molecules/s, 1000 molecules/s]}}\n  replicates: 2"
    name = tiny(("  replicates: 2", grid), ("measures: [mean.tracer]", MEASURES))
    assert remyelin("study", name, "--quiet").code == 0
    answer = remyelin("compare", name)
    assert answer.code == 0 and "paired by seed" in answer.out and "exclude zero" in answer.out
    assert "a simulation, not for clinical use" in answer.out
    table = pd.read_csv("runs/studies/tiny/compare.csv")
    assert list(table["arm"].unique()) == ["fast, rate 500 molecules/s", "fast, rate 1000 molecules/s"]
    assert len(table) == 2 * 2 * 3 and set(table["unit"]) == {"pg/mL", "1"}
    runs = {(run.job.name): run for run in _runs(name)}
    row = table[(table["arm"] == "fast, rate 1000 molecules/s") & (table["measure"] == "mean.tracer")].iloc[0]
    ends = {
        arm: [_last(runs[f"{arm}, rate 1000 molecules/s, seed {seed}"]) for seed in (1, 2)] for arm in ("fast", "slow")
    }
    assert row["difference"] == pytest.approx(np.mean(np.subtract(ends["fast"], ends["slow"])))
    assert row["control_mean"] == pytest.approx(np.mean(ends["slow"]))
    from PIL import Image

    with Image.open("runs/studies/tiny/compare.png") as image:
        assert image.width > 600 and len(image.convert("RGB").getcolors(100_000)) > 10


def _runs(name):
    from experiments.study_plan import read_study

    study = read_study(name)
    study.write(study.folder)
    return study.runs()


def _last(run):
    from experiments.ensemble import places

    return Run.load(places([run.job])[0]).measures["mean.tracer"].iloc[-1]


def test_an_arm_without_a_partner_is_named(remyelin, tiny, in_process):
    grid = "  grid: {time.step: [6 min, 12 min]}\n  replicates: 1"
    name = tiny(("  replicates: 2", grid), ("    slow:", "    slow:\n    alone: {crossed: off, time: {step: 3 min}}"))
    remyelin("study", name, "--quiet")
    answer = remyelin("compare", name)
    assert "alone is left out: slow has no finished run to compare it with" in answer.out
    assert "are of one pair and have no interval; run more replicates" in answer.out


def test_folders_are_grouped_by_what_differs_but_the_seed(remyelin, tiny, in_process):
    remyelin("study", tiny(), "--quiet")
    runs = [row["run"] for row in remyelin("study", "tiny.yaml", "--json", "--quiet").json["runs"]]
    answer = remyelin("compare", *runs, "--measure", "mean.tracer")
    assert answer.code == 0 and "quick diffusion, untreated" in answer.out
    comparison = compare(runs, ["mean.tracer"])
    assert [each.pairs for each in comparison.contrasts] == [2, 2, 2] and comparison.table is None
    assert "seeds without a partner are left out: 1" in remyelin("compare", *runs[1:], "--measure", "mean.tracer").out
    assert "differ in nothing but the seed" in remyelin("compare", runs[0], runs[2]).err
    assert remyelin("compare", *runs, "--measure", "mean.traser").code == 2


def test_the_area_of_a_solid_is_compared_as_a_volume():
    solid = ["grid.size=[400, 400, 200]", "tissue.venules.positions.central={x: 200, y: 200, z: 100}"]
    units = [measure_units(load("demo", overrides=overrides)) for overrides in ([], solid)]
    assert [each["lesion_area_mm2"] for each in units] == ["mm^2", "mm^3"]


def test_what_cannot_be_compared_is_refused(remyelin, tiny):
    answer = remyelin("compare", tiny())
    assert answer.code == 2 and "there is no pair of finished runs to compare; 4 runs are not done" in answer.err
    assert "did you mean 'mean.tracer'" in remyelin("compare", "tiny.yaml", "--measure", "mean.traser").err
    assert remyelin("compare", "nowhere", "elsewhere").code == 2
