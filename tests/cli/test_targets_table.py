"""Estimates, intervals and verdicts of the face-validity table, on courses made by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from experiments import targets_judge as judge
from experiments.targets_judge import Estimate
from experiments.targets_plan import Line
from experiments.targets_readings import Course
from experiments.targets_table import result


def of(mean, reach=0.1, n=8, missing=0):
    return Estimate(mean, mean - reach, mean + reach, n, missing)


def test_the_interval_of_a_mean_is_students():
    found = judge.mean([1.0, 2.0, 3.0, math.nan])
    assert (found.mean, found.n, found.missing) == (2, 3, 1)
    assert found.high - 2 == pytest.approx(4.302653 / math.sqrt(3)) and 2 - found.low == pytest.approx(found.high - 2)


def test_one_run_has_no_interval():
    assert math.isnan(judge.mean([1.0]).width) and judge.verdict(judge.mean([1.0]), {"from": 0, "to": 2}) == "uncertain"


def test_a_share_of_runs_has_the_interval_of_wilson():
    found = judge.share([0.5, 0.7, 0.9, 0.99], 0.6, 0.96)
    assert found.mean == 0.5 and (found.low, found.high) == pytest.approx((0.15004, 0.84996), abs=1e-4)
    assert judge.share([0.1] * 8, 0.6, 0.96).width > 0.3  # none of eight is not a certainty


def test_pairing_takes_out_what_seeds_share():
    generator = np.random.default_rng(1)
    seeds = generator.normal(10, 3, 8)
    treated = 0.7 * seeds + generator.normal(0, 0.1, 8)
    found = judge.ratio(treated, seeds)
    assert found.mean == pytest.approx(treated.mean() / seeds.mean())
    assert found.width < 0.05 < judge.ratio(np.roll(treated, 1), seeds).width
    assert judge.difference(seeds, seeds - 1) == Estimate(pytest.approx(1), pytest.approx(1), pytest.approx(1), 8)


def test_the_interval_of_a_ratio_holds_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(2)
    held = 0
    for _ in range(2000):
        base = generator.normal(10, 2, 8)
        found = judge.ratio(0.5 * base + generator.normal(0, 1, 8), base)
        held += found.low <= 0.5 <= found.high
    assert 0.92 < held / 2000 < 0.98


def test_a_ratio_to_nothing_and_a_spread_of_nothing_are_no_numbers():
    assert math.isnan(judge.ratio([1.0, 2.0], [0.0, 0.0]).mean)
    assert math.isnan(judge.standardised([1.0, 1.0], [2.0, 2.0]).mean)


def test_a_standardised_difference_is_in_deviations_of_runs():
    found = judge.standardised([1.0, 2.0, 3.0], [3.0, 4.0, 5.0])
    assert found.mean == pytest.approx(-2) and found.width == 0


@pytest.mark.parametrize(
    ("found", "expected", "judged"),
    [
        (of(12, 3), {"from": 10, "to": 18}, "in"),  # the mean counts
        (of(9, 3), {"from": 10, "to": 18}, "out"),
        (of(12, 5), {"from": 10, "to": 18}, "uncertain"),  # wider than the range
        (of(9, 5), {"from": 10, "to": 18}, "uncertain"),
        (of(18, 1), {"from": 10, "to": 18}, "in"),  # ends are included
        (of(1.2), {"from": 1}, "in"),
        (of(1.05), {"from": 1}, "uncertain"),  # the interval holds the end
        (of(1.0, 0.0), {"to": 1}, "uncertain"),  # nothing happened: neither less nor more
        (of(0.8), {"from": 1}, "out"),
        (of(0.0, 0.0), {"from": 0, "to": 0}, "in"),
        (of(12, 3, missing=1), {"from": 10, "to": 18}, "out"),  # a run without a value
        (of(math.nan, n=0, missing=8), {"from": 1}, "not assessable"),
    ],
)
def test_verdicts(found, expected, judged):
    assert judge.verdict(found, expected) == judged


def test_what_never_came_is_out_and_not_unknown():
    never = judge.mean([math.nan] * 8)
    assert judge.verdict(never, {"from": 7, "to": 14}, is_event=True) == "out"


@pytest.mark.parametrize(
    ("found", "expected", "said"),
    [
        (of(-0.5), {"to": 0}, "sign as expected"),
        (of(-0.05), {"to": 0}, "sign as expected in the mean, not resolved"),
        (of(0.5), {"to": 0}, "sign opposite"),
        (of(0, 0), {"to": 0}, "no difference, where one is expected"),
        (of(1.05), {"no_effect": 1}, "no effect resolved, as expected"),
        (of(1.5), {"no_effect": 1}, "an effect, where none is expected"),
        (Estimate(2.0, math.nan, math.nan, 1), {"to": 0}, "too few runs for a sign"),
    ],
)
def test_of_a_proxy_only_the_sign_counts(found, expected, said):
    assert judge.verdict(found, expected, is_proxy=True) == "proxy" and judge.sign_of(found, expected) == said


# --- lines ----------------------------------------------------------------------------------------------------------------

DAYS = np.arange(0, 11, 1.0)


def arm(*levels):
    return {seed: Course(pd.DataFrame({"day": DAYS, "v": level})) for seed, level in enumerate(levels, 1)}


ARMS = {"none": arm(1.0, 2.0, 3.0), "msc": arm(0.5, 1.1, 1.4), "better": arm(0.4, 0.8, 1.2)}
READ = ("last", "v")


def test_arms_are_paired_by_seed():
    line = Line(25, "msc", "v", READ, expected={"to": 1.0}, against="none", compare="ratio")
    found = result(line, ARMS | {"msc": {3: ARMS["msc"][3], 1: ARMS["msc"][1]}})
    assert found.found.n == 2 and found.found.mean == pytest.approx(1.9 / 4)


def test_what_two_arms_save_against_a_third():
    line = Line(30, "better", "v", READ, expected={"from": 1, "to": 2}, against="msc", less="none", compare="ratio")
    assert result(line, ARMS).found.mean == pytest.approx(3.6 / 3.0)


def test_a_line_may_be_scaled_and_may_count_runs():
    assert result(Line(32, "none", "v", READ, times=10), ARMS).found.mean == pytest.approx(20)
    assert result(Line(16, "none", "v", READ, share=(1.5, 2.5)), ARMS).found.mean == pytest.approx(1 / 3)


def test_a_line_without_its_runs_was_not_run():
    found = result(Line(9, "far", "v", READ, expected={"from": 0}), ARMS)
    assert found.verdict == "not run" and found.remarks == ["needs far"]
    as_json = found.as_json()
    assert as_json["mean"] is None and as_json["n"] == 0 and as_json["expected"] == {"from": 0}


def test_a_read_out_that_is_not_there_makes_a_line_not_assessable():
    found = result(Line(34, "none", "HGF", ("last", "csf.hgf"), expected={"from": 1}), ARMS)
    assert found.verdict == "not assessable" and "csf.hgf" in found.remarks[0]


def test_a_line_says_what_its_answer_rests_on():
    line = Line(12, "none", "v", READ, expected={"from": 9}, consistency="an input", note="a note", why="known")
    assert result(line, ARMS).as_json()["note"] == "consistency: an input; a note; why: known"
    proxy = Line(18, "msc", "v", READ, expected={"to": 1}, against="none", compare="ratio", proxy="no score")
    assert result(proxy, ARMS).remarks == ["sign as expected", "proxy: no score"]
