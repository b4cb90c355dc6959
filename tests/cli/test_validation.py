"""The validation study: readings and verdicts on courses made by hand, runs that are made once, and a page that says it."""

import copy
import math
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from experiments import validation, validation_page
from experiments.validation_readings import Course, Drift, Sample, Shift, derive, drifts, sample, verdict

DAYS = np.arange(0, 61, 1.0)
TINY = ["grid.size=[200, 200]", "tissue.venules.positions.central={x: 100, y: 100}", "time.days=0.3"]


@pytest.fixture(scope="module")
def plan():
    return validation.read_plan()


def course(**columns):
    return Course(pd.DataFrame({"day": DAYS, **columns}))


# --- readings -------------------------------------------------------------------------------------------------------------


def test_days_of_a_hump():
    hump = course(area=np.interp(DAYS, [0, 12, 40, 60], [0, 2, 1, 0]))
    assert hump.read(["day_highest", "area"]) == 12 and hump.read(["highest", "area"]) == 2
    assert hump.read(["halfway_up", "area"]) == 6
    assert hump.read(["at", "area", 40]) == 1 and hump.read(["at", "area", 12.5]) == pytest.approx(2 - 0.5 / 28)
    assert hump.read(["mean", "area", 39, 41]) == pytest.approx((1 + 1 / 28 + 1 + 0.95) / 3)
    assert hump.read(["last", "area"]) == 0


def test_falling_below_counts_from_the_peak_and_staying_below_to_the_end():
    bbb = np.interp(DAYS, [0, 4, 20, 25, 26, 60], [0, 1, 0.05, 0.05, 0.5, 0])
    opened_again = course(bbb=bbb)
    assert opened_again.read(["first_below", "bbb", 0.1]) == 20  # not day 0, when it was shut as well
    again = float(DAYS[np.flatnonzero(bbb >= 0.1)[-1] + 1])
    assert opened_again.read(["stays_below", "bbb", 0.1]) == again > 50


@pytest.mark.parametrize("reading", [["first_below", "v", 1], ["stays_below", "v", 1]])
def test_what_never_fell_or_never_rose_has_no_day(reading):
    assert math.isnan(course(v=np.full(61, 2.0)).read(reading)) and math.isnan(course(v=np.full(61, 0.5)).read(reading))


def test_values_that_do_not_exist_are_passed_over_and_none_are_made_up():
    ratio = course(v=np.where(DAYS < 3, np.nan, np.where(DAYS < 12, 3.0, 0.5)), none=np.full(61, np.nan))
    assert ratio.read(["first_below", "v", 1]) == 12
    for outside in (["at", "v", 2], ["at", "v", 61], ["mean", "v", 50, 70], ["highest", "none"]):
        assert math.isnan(ratio.read(outside))


def test_stray_and_lag():
    both = course(a=np.interp(DAYS, [0, 10, 60], [100, 97, 101]), b=np.interp(DAYS, [0, 25, 60], [0, 3, 1]))
    assert both.read(["stray", "a"]) == pytest.approx(0.03)
    assert both.read(["lag", "a", "b"]) == 15


def measures(**changes):
    flat = {name: np.zeros(61) for name in ("lesion_area_mm2", "mean.debris", "debris_mean", "phagocytes", "axon_loss")}
    flat |= {f"count.{kind}": np.full(61, 2.0) for kind in ("th1", "th17", "cd8", "oligodendrocyte")}
    ones = {name: np.ones(61) for name in ("amplitude", "mean.myelin", "core.myelin")}
    table = {"day": DAYS, **flat, **ones, "latency_ms": np.full(61, 100.0), "demyelinated_fraction": np.zeros(61)}
    return pd.DataFrame(table | changes)


def test_derived_columns():
    table = derive(
        measures(
            lesion_area_mm2=np.interp(DAYS, [0, 10, 60], [0, 0.4, 0.1]),
            amplitude=np.interp(DAYS, [0, 10, 60], [1, 0.8, 0.95]),
            latency_ms=np.interp(DAYS, [0, 20, 60], [100, 104, 101]),
            axon_loss=np.full(61, 0.2),
            **{"core.myelin": np.full(61, 0.6)},
        ),
        area=2.0,
        depth=0.05,
        solid=True,
        healthy_ol=7e4,
    )
    last = table.iloc[-1]
    assert last["recovered"] == pytest.approx(0.75) and np.isnan(table["recovered"][:10]).all()
    assert last["amplitude_regained"] == pytest.approx(0.75) and last["delay_left"] == pytest.approx(0.25)
    assert last["sheathed"] == pytest.approx(0.75)
    assert last["area_mm2"] == pytest.approx(0.1 / 0.05)  # a volume over the height of a 3D slab
    assert last["t_per_mm3"] == pytest.approx(6 / (2.0 * 0.05))


def test_nothing_lost_is_nothing_recovered():
    table = derive(measures(), 1.0, 0.02, False, 7e4)
    assert table["recovered"].isna().all() and table["amplitude_regained"].isna().all()


# --- verdicts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected", "judged"),
    [
        ((9, 13), {"from": 10, "to": 18}, "in"),  # the mean counts, not each run
        ((9, 10), {"from": 10, "to": 18}, "out"),
        ((18, 18), {"to": 18}, "in"),
        ((12, math.nan), {"from": 10, "to": 18}, "out"),  # a run without a value
        ((math.nan, math.nan), {}, "out"),
    ],
)
def test_a_target_is_judged_by_the_mean_of_all_runs(values, expected, judged):
    assert verdict(Sample(values), expected) == judged


def test_a_sample_has_a_mean_a_spread_and_what_is_missing():
    found = sample([course(v=np.full(61, x)) for x in (1.0, 2.0, 3.0, np.nan)], ["last", "v"])
    assert (found.mean, found.sd, found.missing) == (2, 1, 1)
    assert found.error == pytest.approx(1 / math.sqrt(3))
    assert validation_page.mean_and_sd(found) == "2 (1, n 3; none in 1 more)"


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


@pytest.mark.parametrize(
    ("start", "end", "judged"), [(20000, 20390, "in"), (20000, 20410, "out"), (16, 21, "in"), (16, 23, "out")]
)
def test_healthy_counts_may_differ_by_two_percent_or_counting_noise(start, end, judged):
    assert Drift("opc", start, end, 4).verdict == judged


def test_drifts_leave_out_kinds_that_never_appear():
    tables = [Course(measures(**{"count.msc": np.zeros(61), "count.cd8": np.linspace(2, x, 61)})) for x in (4, 6)]
    found = {drift.kind: (drift.start, drift.end) for drift in drifts(tables)}
    assert found["cd8"] == (2, 5) and "msc" not in found


# --- the plan, the runs, the page -----------------------------------------------------------------------------------------


def test_every_study_of_the_plan_is_a_config_that_loads(plan):
    from abm.config import load

    every = {job.study: job for job in validation.jobs(plan)}
    assert list(every) == list(plan["studies"])
    identities = {load(job.scenario, overrides=job.overrides).identity() for job in every.values()}
    assert len(identities) == len(every)


def test_only_and_seeds(plan):
    some = validation.jobs(plan, only=["lpc", "half_step"], seeds=6)
    assert [sum(job.study == name for job in some) for name in ("lpc", "half_step")] == [6, 4]
    assert len(some) == 10


@pytest.fixture(scope="module")
def tiny(plan, tmp_path_factory):
    """A plan whose studies are all the same tiny lesion, which carries every read-out that any of them asks for."""
    tiny = copy.deepcopy(plan)
    every = [word for study in plan["studies"].values() for word in validation.flat(study["overrides"])]
    asked = list(dict.fromkeys(word for word in every if word.startswith(("readouts.", "regions.near={to: 400"))))
    for study in tiny["studies"].values():
        study.update(scenario="acute", seeds=2, overrides=[*asked, *TINY])
    return tiny, tmp_path_factory.mktemp("validation")


@pytest.fixture(scope="module")
def runs(tiny):
    """The runs of one study, made here; they serve for all of them."""
    plan, root = tiny
    with ThreadPoolExecutor(1) as pool:
        assert validation.compute_all(validation.jobs(plan, only=["acute"], root=root), pool) == []
    found = validation.finished(plan, root)
    assert [run.info["seed"] for run in found["acute"]] == [1, 2] and not found["lpc"]
    return found["acute"]


def test_a_run_is_made_once(tiny, runs):
    plan, root = tiny
    assert [validation.compute(job) for job in validation.jobs(plan, only=["acute"], root=root)] == [
        "was done already"
    ] * 2


def test_a_failed_run_does_not_stop_the_rest(tiny, runs, capsys):
    plan, root = tiny
    good = validation.jobs(plan, only=["acute"], seeds=1, root=root)
    bad = validation.Job("acute", "acute", ("grid.voxel=-1",), 7, root)
    with ThreadPoolExecutor(1) as pool:
        assert validation.compute_all([bad, *good], pool) == ["acute, seed 7"]
    said = capsys.readouterr().err
    assert "acute, seed 7: failed: " in said and "acute, seed 1: was done already" in said


def test_a_stopped_run_goes_on(tiny, runs, after_step):
    import os
    import signal

    plan, root = tiny
    job = validation.Job("acute", "acute", (*validation.jobs(plan, only=["acute"])[0].overrides,), 9, root)
    after_step(5, lambda model: os.kill(os.getpid(), signal.SIGINT))
    assert "stopped by SIGINT" in validation.compute(job)
    assert validation.compute(job).startswith("done in")


def test_the_page_renders_from_runs_and_names_what_is_missing(tiny, runs, tmp_path):
    plan, _ = tiny
    some = {name: [] for name in plan["studies"]} | {"acute": runs, "base": runs, "half_step": runs}
    page = validation_page.write(plan, some, tmp_path / "validation.md")
    text = page.read_text(encoding="utf-8")
    assert "Not run yet: healthy, lpc, cuprizone" in text and "nan" not in text
    assert "| Demyelination largest, day | 10 to 18 | none in 2 | **out** | row 1, *seen* |" in text
    assert runs[0].info["code_version"] in text and "1, 2" in text
    figures = re.findall(r"\]\((validation/\w+\.png)\)", text)
    assert figures == ["validation/acute.png", "validation/robustness.png"]
    assert all(0 < (tmp_path / figure).stat().st_size < 150e3 for figure in figures)


def test_the_page_of_all_studies_draws_all_figures(tiny, runs, tmp_path):
    plan, _ = tiny
    page = validation_page.write(plan, dict.fromkeys(plan["studies"], runs), tmp_path / "validation.md")
    text = page.read_text(encoding="utf-8")
    assert "Not run yet" not in text and "No run yet" not in text
    for study in (*plan["targets"], "robustness"):
        assert (tmp_path / "validation" / f"{study}.png").stat().st_size < 150e3
    for label in plan["well_mixed"]["cuprizone"]:
        assert label in text


def test_a_page_without_runs_claims_nothing(plan, tmp_path):
    text = validation_page.write(plan, {}, tmp_path / "validation.md").read_text(encoding="utf-8")
    assert "0 of 0 targets hold" in text and "**in**" not in text


def test_the_lesion_near_its_venule_is_read_from_the_frame(runs, monkeypatch):
    import xarray

    reading = Course.all_of(runs)[0]
    myelin = np.ones((10, 10))
    myelin[4:6, 4:6] = myelin[0, 0] = 0  # 4 voxels at the venule in the middle, 1 in a corner
    places = (np.arange(10) + 0.5) * 20
    frame = xarray.DataArray(myelin, coords={"y": places, "x": places}, dims=("y", "x"))
    monkeypatch.setattr(reading, "run", type("Frames", (), {"field": lambda self, name, day: frame})())
    reading.table = reading.table.assign(lesion_area_mm2=np.arange(len(reading.table)))
    assert reading.read(["share_within", 50]) == pytest.approx(0.8)
    assert reading.read(["share_within", 200]) == 1


def test_the_barrier_of_the_trigger_venule_is_read_from_the_cells(runs):
    days, values = Course.all_of(runs)[0].series("trigger_bbb")
    assert list(days) == list(runs[0].frame_days) and values[0] == 0 and values[-1] > 0.1


def test_wrong_names_are_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        validation.main(["--only", "nonsense"])
    assert ended.value.code == 2 and "nonsense" in capsys.readouterr().err


def test_a_level_is_reached_on_its_first_day():
    rising = course(v=np.linspace(0, 1, 61))
    assert rising.read(["reaches", "v", 0.5]) == DAYS[30] and math.isnan(rising.read(["reaches", "v", 1.5]))
