"""Robustness: shifts in units of the spread over seeds, and a page that says them."""

import copy
import math

import numpy as np
import pytest

from experiments import robustness, robustness_page
from experiments.robustness import Sample, Shift

TINY = ("grid.size=[200, 200]", "tissue.venules.positions.central={x: 100, y: 100}", "time.days=0.3")


def test_a_shift_is_measured_in_the_spread_over_seeds():
    base = Sample((1.0, 2.0, 3.0))
    near, far = (Shift(base, Sample((x, x, x)), base.sd) for x in (2.9, 0.9))
    assert (near.verdict, far.verdict) == ("within", "beyond")
    assert near.size == pytest.approx(0.9) and near.error == pytest.approx(1 / math.sqrt(3))
    assert Shift(base, Sample((2.0, math.nan)), base.sd).verdict == "beyond"
    assert Shift(Sample((1.0, 1.0)), Sample((1.0, 1.0)), 0.0).verdict == "within"
    assert Shift(Sample((1.0, 1.0)), Sample((1.1, 1.1)), 0.0).verdict == "beyond"


def test_chance_alone_puts_one_in_ten_beyond():
    generator = np.random.default_rng(1)
    base, variant = generator.normal(size=(20000, 8)).mean(axis=1), generator.normal(size=(20000, 4)).mean(axis=1)
    expected = Shift(Sample((0.0,) * 8), Sample((0.0,) * 4), 1.0).by_chance
    assert expected == pytest.approx(np.mean(np.abs(variant - base) > 1), abs=0.01)


def test_a_sample_says_in_how_many_runs_there_was_no_value():
    assert robustness_page.mean_and_sd(Sample((1.0, 2.0, 3.0, math.nan))) == "2 (1, n 3; none in 1 more)"
    assert robustness_page.mean_and_sd(Sample((math.nan,))) == "none in 1"


def test_every_study_is_a_config_of_its_own():
    from experiments.ensemble import places

    jobs = robustness.jobs(robustness.read_plan())
    folders = places([job for job in jobs if job.seed == 1])
    assert len({folder.name for folder in folders}) == len(folders) == 8


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two seeds of a tiny lesion, made here; they serve for all studies."""
    from abm.config import load
    from experiments.run import run

    plan, root = robustness.read_plan(), tmp_path_factory.mktemp("robustness")
    for seed in (1, 2):
        run(load("acute", overrides=[*plan["output"], *TINY], seed=seed), root / "base" / f"run-{seed}", "cpu", 1)
    return robustness.finished(plan, root)


def test_the_page_renders_from_runs(runs, tmp_path):
    plan = copy.deepcopy(robustness.read_plan())
    assert [run.info["seed"] for run in runs["base"]] == [1, 2] and not runs["half_step"]
    page = robustness_page.write(plan, dict.fromkeys(plan["studies"], runs["base"]), tmp_path / "robustness.md")
    text = page.read_text(encoding="utf-8")
    assert "Of 63 comparisons" in text and "nan" not in text
    assert all(label in text for label in (*plan["readouts"], *plan["labels"].values()))
    assert 0 < (tmp_path / "validation" / "robustness.png").stat().st_size < 150e3
    assert "No run yet" in robustness_page.write(plan, {}, tmp_path / "robustness.md").read_text(encoding="utf-8")
    assert not robustness.shifts(plan, {name: [] for name in plan["studies"]})
