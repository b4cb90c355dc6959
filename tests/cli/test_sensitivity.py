"""Sensitivity: what is sampled, what is found where it is known beforehand, and every mistake in a sentence."""

import sys

import numpy as np
import pandas as pd
import pytest

from abm import load
from experiments.ensemble import Job, Outcome
from experiments.parameters import Parameter, Range, parameter, quantities
from experiments.sensitivity.indices import analyse, effects, finished, outcomes
from experiments.sensitivity.sampling import MORRIS, SOBOL, sample
from experiments.study_plan import read_study

A, B, C = (Parameter(f"fields.{name}.D", 1.0, 3.0, "um^2/s") for name in "abc")
SECTION = """\
sensitivity:
  size: 4
  parameters:
    fields.tracer.D: {low: 10 um^2/s, high: 30 um^2/s}
    fields.tracer.half_life: {low: 0.1 h, high: 60 min}
time: {days: 0.05}"""
WITH_IT = ("time: {days: 0.05}", SECTION)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_trajectory_changes_one_value_after_the_other():
    tried = sample(MORRIS, 5, (A, B, C))
    assert tried.shares.shape == (5 * 4, 3) and tried.shares.min() >= 0 and tried.shares.max() <= 1
    for trajectory in tried.shares.reshape(5, 4, 3):
        steps = np.abs(np.diff(trajectory, axis=0))
        assert ((steps > 0).sum(axis=1) == 1).all() and ((steps > 0).sum(axis=0) == 1).all()
    assert np.array_equal(tried.shares, sample(MORRIS, 5, (A, B, C)).shares)


def test_values_lie_between_the_ends_a_wide_range_by_its_logarithm():
    assert [A.at(share) for share in (0, 0.5, 1)] == ["1 um^2/s", "2 um^2/s", "3 um^2/s"]
    wide = Parameter("laws.x", 0.01, 1.0, "1")
    assert [wide.at(share) for share in (0, 0.5, 1)] == [0.01, 0.1, 1.0]
    assert Parameter("laws.x", 0.0, 10.0, "1").at(0.5) == 5.0  # no logarithm of nothing


def test_a_range_is_that_of_the_value_or_in_its_unit():
    known = quantities(load("acute"))
    assert parameter("fields.tnf.D", Range(), known) == Parameter("fields.tnf.D", 10, 40, "um^2/s")
    given = parameter("fields.tnf.half_life", Range(low="0.5 h", high=40), known)
    assert given == Parameter("fields.tnf.half_life", 30, 40, "min")


def test_elementary_effects_of_a_line_are_its_slopes():
    tried = sample(MORRIS, 6, (A, B, C))
    found = analyse(tried, tried.shares, tried.shares @ [3.0, -2.0, 0.0])
    np.testing.assert_allclose(found["mu"], [3, -2, 0], atol=1e-9)
    np.testing.assert_allclose(found["mu_star"], [3, 2, 0], atol=1e-9)
    np.testing.assert_allclose(found["sigma"], 0, atol=1e-9)


def test_shares_of_the_variance_of_a_line_and_of_a_product():
    tried = sample(SOBOL, 1024, (A, B, C))
    a, b, _ = tried.shares.T
    line = analyse(tried, tried.shares, 3 * a - 2 * b)
    np.testing.assert_allclose(line["ST"], [9 / 13, 4 / 13, 0], atol=0.02)
    product = analyse(tried, tried.shares, (a - 0.5) * (b - 0.5))  # nothing by itself
    np.testing.assert_allclose(product["S1"], 0, atol=0.05)
    np.testing.assert_allclose(product["ST"], [1, 1, 0], atol=0.05)


def test_what_never_changes_has_no_effect():
    tried = sample(SOBOL, 4, (A, B))
    assert analyse(tried, tried.shares, np.full(len(tried.shares), 7.0))["ST"].tolist() == [0, 0]


def test_a_block_with_a_run_that_is_not_done_is_left_out():
    tried = sample(MORRIS, 4, (A, B, C))
    values = tried.shares.sum(axis=1)
    values[5] = np.nan
    shares, whole = finished(tried, values)
    assert len(whole) == 3 * 4 and np.array_equal(shares, np.delete(tried.shares, range(4, 8), axis=0))
    values[[1, 9]] = np.nan
    assert len(finished(tried, values)[1]) == 0  # one trajectory tells nothing of the others


def test_a_study_tries_each_point_with_each_arm_and_seed(tiny):
    study = read_study(tiny(WITH_IT))
    assert len(study.sample.shares) == 4 * 3 and len(study.runs()) == 12 * 2 * 2
    first = study.runs()[0]
    assert first.job.name == "slow, point 1, seed 1" and dict(first.point).keys() == {
        "fields.tracer.D",
        "fields.tracer.half_life",
    }
    lows = [float(dict(point)["fields.tracer.half_life"].split()[0]) for point in study.sample.points]
    assert min(lows) == pytest.approx(6) and 6 < max(lows) <= 60  # minutes, as the value is written


def test_what_decides_the_mean_of_a_field_is_how_fast_it_decays(remyelin, in_process, tiny, tmp_path):
    """It spreads within walls: how fast changes nothing of its mean."""
    answer = remyelin("sensitivity", tiny(WITH_IT), "--quiet")
    assert answer.code == 0, answer.err
    table = pd.read_csv(tmp_path / "runs" / "studies" / "tiny" / "sensitivity.csv")
    ended = table[(table["measure"] == "mean.tracer") & (table["when"] == "end")].set_index(["what", "parameter"])
    assert set(table["what"]) == {"slow", "fast", "fast - slow"}
    for arm in ("slow", "fast"):
        assert ended.loc[(arm, "fields.tracer.half_life"), "mu"] > 0
        quiet = ended.loc[(arm, "fields.tracer.D"), "mu_star"]
        assert quiet < 1e-4 * ended.loc[(arm, "fields.tracer.half_life"), "mu_star"]
    assert (tmp_path / "runs" / "studies" / "tiny" / "sensitivity.png").read_bytes()[:4] == b"\x89PNG"
    assert "fields.tracer.half_life" in answer.out and "mu_star: mean change" in answer.out
    again = remyelin("sensitivity", "tiny.yaml", "--quiet")
    assert again.code == 0 and again.out == answer.out


def test_numbers_are_means_over_seeds_and_differences_are_paired(tiny, monkeypatch):
    study = read_study(tiny(WITH_IT))
    rng = np.random.default_rng(1)
    given = {(run.arm, run.point, run.seed): float(rng.random()) for run in study.runs()}

    class Loaded:
        def __init__(self, value):
            self.measures = pd.DataFrame({"day": [0.0, 1.0], "mean.tracer": [0.0, value]})

    monkeypatch.setattr("experiments.sensitivity.indices.Run.load", lambda value: Loaded(value))
    found = [
        (run, Outcome(Job("", "", (), run.seed), given[run.arm, run.point, run.seed], "done")) for run in study.runs()
    ]
    of = outcomes(study, found)
    for number, point in enumerate(study.sample.points):
        slow, fast = ([given[arm, point, seed] for seed in (1, 2)] for arm in ("slow", "fast"))
        assert of["slow", "mean.tracer", "end"][number] == pytest.approx(np.mean(slow))
        assert of["fast - slow", "mean.tracer", "end"][number] == pytest.approx(np.mean(fast) - np.mean(slow))
    missing = [(run, outcome) for run, outcome in found if run.seed == 1]
    assert np.isnan(outcomes(study, missing)["slow", "mean.tracer", "end"]).all()
    slow_only = list(effects(study, {("slow", "mean.tracer", "end"): of["slow", "mean.tracer", "end"]}))
    order = [each.numbers["mu_star"] for each in slow_only]
    assert order == sorted(order, reverse=True) and {each.points for each in slow_only} == {12}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("fields.tracer.D:", "fields.traser.D:"), "'fields.traser.D' is no value of this scenario; did you mean"),
        (
            ("{low: 10 um^2/s, high: 30 um^2/s}", "{low: 40 um^2/s, high: 30 um^2/s}"),
            "low = 40 must be below high = 30",
        ),
        (("{low: 10 um^2/s, high: 30 um^2/s}", "{low: 10 um, high: 30 um^2/s}"), "is not in a unit such as um^2/s"),
        (("{low: 10 um^2/s, high: 30 um^2/s}", "{low: -4 um^2/s, high: 30 um^2/s}"), "fields.tracer.D"),
        (("  size: 4", "  size: 1"), "sensitivity.size = 1 must be a whole number from 2 to 4096"),
        (("  size: 4", "  size: 6\n  method: sobol"), "sensitivity.size = 6 must be a power of 2 with sobol"),
        (("  size: 4", "  size: 4\n  method: moris"), "'moris' is not one of morris, sobol; did you mean 'morris'?"),
        (("  size: 4", "  sise: 4"), "sise"),
    ],
)
def test_a_mistake_is_told_with_its_line(remyelin, tiny, tmp_path, change, sentence):
    file = tiny(WITH_IT, change)
    answer = remyelin("sensitivity", file)
    assert answer.code == 2 and sentence in answer.err and f"{file}:" in answer.err
    assert not (tmp_path / "runs").exists()


def test_a_grid_and_a_sample_exclude_each_other(remyelin, tiny):
    grid = ("  replicates", "  grid: {time.step: [6 min]}\n  replicates")
    answer = remyelin("sensitivity", tiny(WITH_IT, grid))
    assert answer.code == 2 and "study.grid has no place beside sensitivity" in answer.err


def test_a_value_without_a_range_needs_one(remyelin, tiny):
    answer = remyelin("sensitivity", tiny(WITH_IT, (" {low: 0.1 h, high: 60 min}", "")))
    assert answer.code == 2 and "states no low; give one" in answer.err


def test_a_study_without_the_section_is_told_what_it_lacks(remyelin, tiny):
    answer = remyelin("sensitivity", tiny())
    assert answer.code == 2 and "tiny.yaml has no section 'sensitivity'" in answer.err


def test_without_the_package_the_remedy_is_told(remyelin, tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "SALib.sample.morris", None)
    answer = remyelin("sensitivity", tiny(WITH_IT))
    assert answer.code == 2 and 'needs the package SALib: pip install "remyelin[study]"' in answer.err


def test_a_dry_run_lists_the_values(remyelin, in_process, tiny, tmp_path):
    answer = remyelin("sensitivity", tiny(WITH_IT), "--dry-run")
    assert answer.code == 0 and "12 points, 2 arms, 2 seeds" in answer.out and "48 runs: 0 done" in answer.out
    assert not (tmp_path / "runs").exists()
