"""The plan of the face-validity table, the command, and the page."""

import re
from dataclasses import replace

import pytest

from experiments import targets_page, targets_plan
from experiments.targets_course_page import Drift, drifts
from experiments.targets_plan import Condition, finished, read_plan
from experiments.targets_readings import READINGS, Course

ROWS = [1, 2, 3, 4, 5, 7, 9, 10, 12, 14, 15, 16, 17, 18, 20, 21, 24, 25, 26, 27, 28, 30, 32, 33, 34]
CONSISTENT = {12, 20, 26, 33}
TINY = (
    "grid.size=[200, 200]",
    "tissue.venules.positions.central={x: 100, y: 100}",
    "time.days=0.3",
    "output.frames_every=6 h",
)


@pytest.fixture(scope="module")
def plan():
    return read_plan()


def test_the_table_has_the_rows_that_were_given(plan):
    assert sorted({line.row for line in plan.rows}) == ROWS
    for line in plan.rows:
        assert line.standing in ("looked up", "recalled", "computed") and line.reported and line.expected, line.readout
        assert set(line.expected) <= {"from", "to", "no_effect"}
        assert line.seen in (True, False)
        assert bool(line.compare) == bool(line.against)


def test_enough_looked_up_rows_are_held_out_and_inputs_are_told(plan):
    held = {line.row for line in plan.rows if line.is_held_out}
    assert len(held) >= 5 and not held & CONSISTENT
    assert 17 not in held  # its reading was changed in view of its first result
    assert {line.row for line in plan.rows if line.consistency} >= CONSISTENT


def test_every_source_is_a_reference(plan):
    assert {key for line in plan.rows for key in line.source} <= set(targets_plan.references())


def test_every_line_reads_conditions_that_are_run(plan):
    from experiments import targets_frames

    for line in plan.lines():
        assert set(line.conditions) <= set(plan.conditions), line.readout
        assert line.read[0] in {*READINGS, *targets_frames.READINGS}
    used = {name for line in plan.lines() for name in line.conditions}
    assert set(plan.conditions) == used


def test_every_mechanism_is_switched_off(plan):
    from abm.config.vocabulary import MECHANISMS

    assert {line.row for line in plan.mechanisms} == set(MECHANISMS)
    for line in plan.mechanisms:
        assert line.against == f"{line.condition}_without_{line.row}"
        assert plan.conditions[line.against].overrides[-1] == f"therapy.msc.mechanisms.{line.row}=off"


@pytest.mark.parametrize("name", read_plan().conditions)
def test_every_condition_is_a_config_that_loads(plan, name):
    from abm.config import load

    condition = plan.conditions[name]
    config = load(condition.scenario, overrides=condition.overrides)
    for line in plan.lines():
        last = line.read[-1]
        if name in line.conditions and isinstance(last, (int, float)) and line.read[0] in ("at", "mean", "integral"):
            assert last * 24 <= config.hours, line.readout


def test_arms_differ_from_what_they_are_paired_with(plan):
    jobs = plan.jobs()
    assert len({(job.scenario, job.overrides, job.seed) for job in jobs}) == len(jobs)
    assert all(plan.conditions[name].seeds >= 8 for line in plan.rows for name in line.conditions)


def test_a_quick_table_takes_some_seeds_of_some_conditions(plan):
    quick = plan.jobs(quick=True)
    assert set(quick) < set(plan.jobs())
    answered = {line.row for line in plan.rows if all(plan.conditions[name].quick for name in line.conditions)}
    assert {1, 2, 3, 4, 5, 10, 12, 14, 15, 24, 25, 26, 27, 28} <= answered


# --- the command ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(plan):
    """A plan of two conditions, both a tiny lesion with every read-out that any condition asks for."""
    every = dict.fromkeys(word for each in plan.conditions.values() for word in each.overrides)
    asked = [word for word in every if word.startswith("readouts.")]
    overrides = (*plan.conditions["acute"].overrides, *asked, *TINY)
    both = {
        "acute": Condition("acute", "A lesion.", "acute", overrides, 2, 2),
        "msc_it": Condition(
            "msc_it", "Treated.", "acute", (*overrides, "therapy.msc.dose=1e6", "therapy.msc.day=0"), 2
        ),
    }
    rows = [replace(line, read=("last", "mean.tgfb")) for line in plan.rows if line.row in (24, 25)]
    first = replace(plan.rows[0], condition="acute")
    return replace(plan, conditions=both, rows=[first, *rows], course=[], mechanisms=[])


@pytest.fixture
def use(tiny, monkeypatch):
    """Let the command use a tiny plan, and make its runs here instead of in processes of a cluster."""
    from experiments import ensemble
    from experiments.run import run

    def compute_all(jobs, **others):
        from abm.config import load

        done = []
        for job, folder in zip(jobs, ensemble.places(jobs)):
            if not folder.exists():
                run(load(job.scenario, overrides=job.overrides, seed=job.seed), folder, "cpu", 1)
            done.append(ensemble.Outcome(job, folder, "done", 0.1))
            others["tell"](done[-1])
        return done

    monkeypatch.setattr(targets_plan, "read_plan", lambda: tiny)
    monkeypatch.setattr(ensemble, "compute_all", compute_all)
    return compute_all


def test_the_table_comes_as_one_object_and_for_people(remyelin, use, tmp_path):
    answer = remyelin("targets", "--json")
    assert answer.code == 0 and len(answer.out.splitlines()) == 1
    found = answer.json
    assert (found["status"], found["error"]) == ("done", None)
    assert [row["row"] for row in found["rows"]] == [1, 24, 25]
    keys = {
        "row",
        "condition",
        "readout",
        "expected",
        "source",
        "standing",
        "mean",
        "low",
        "high",
        "n",
        "verdict",
        "note",
    }
    assert all(keys <= set(row) for row in found["rows"])
    assert found["rows"][2]["n"] == 2 and found["rows"][2]["condition"] == "msc_it / acute"
    assert "msc_it, seed 2: done" in answer.err
    assert sorted(path.name for path in (tmp_path / "runs" / "targets").iterdir()) == ["acute", "msc_it"]
    words = remyelin("targets").out
    assert "M2 per M1, day 14: MSC / none" in words and "looked up, barati2019" in words


def test_a_quick_table_says_what_was_not_run(remyelin, use):
    answer = remyelin("targets", "--quick")
    assert answer.code == 0 and "2 not run" in answer.out and "remyelin targets;" in answer.out
    assert [row["verdict"] for row in remyelin("targets", "--quick", "--json").json["rows"]][1:] == ["not run"] * 2


@pytest.mark.parametrize(
    ("status", "code", "told"), [("failed", 1, "1 of 4 runs failed"), ("left", 3, "1 of 4 runs are left")]
)
def test_a_run_that_failed_or_stopped_ends_the_command_after_the_table(remyelin, use, monkeypatch, status, code, told):
    from experiments import ensemble

    def one_ends_otherwise(jobs, **others):
        *done, last = use(jobs, **others)
        return [*done, replace(last, status=status, error="no memory")]

    monkeypatch.setattr(ensemble, "compute_all", one_ends_otherwise)
    answer = remyelin("targets", "--json")
    assert answer.code == code and told in answer.json["error"]
    assert answer.json["rows"][2]["n"] == 1


def test_a_plan_that_cannot_be_run_is_refused(remyelin, use, tiny, monkeypatch):
    wrong = replace(tiny.conditions["acute"], overrides=("grid.voxel=-1",))
    monkeypatch.setattr(targets_plan, "read_plan", lambda: replace(tiny, conditions={"acute": wrong}))
    answer = remyelin("targets", "--json")
    assert answer.code == 2 and answer.json["status"] == "invalid" and "grid.voxel" in answer.json["error"]


# --- the page -------------------------------------------------------------------------------------------------------------


def test_the_page_renders_from_runs(remyelin, use, tiny, plan, tmp_path):
    remyelin("targets", "--json")
    runs = finished(tiny)
    assert [list(seeds) for seeds in runs.values()] == [[1, 2], [1, 2]]
    # every condition is that tiny lesion: what the page makes of all tables
    of_all = {name: runs["acute" if name == "acute" else "msc_it"] for name in plan.conditions}
    early = [replace(line, read=("mean", line.read[1], 0, 0.3)) for line in plan.mechanisms]
    page = targets_page.write(replace(plan, mechanisms=early), of_all, tmp_path / "validation.md")
    text = page.read_text(encoding="utf-8")
    assert "nan" not in text and "its 25 rows" in text
    for heading in (
        "The face-validity table",
        "Calibrated, and held out",
        "What each mechanism of MSC does",
        "Runs",
        "Sources",
    ):
        assert f"\n## {heading}\n" in text
    for row in ROWS:
        assert re.search(rf"(?m)^\| {row} \| `", text), row
    assert re.search(r"No value was set in view of these \d+ looked-up rows: 5 \(gudi2009\), 7", text)
    assert "- `laws.tissue.clear_debris" in text  # a tuned key
    figures = set(re.findall(r"\]\((validation/\w+\.png)\)", text))
    assert figures == {f"validation/{name}.png" for name in (*plan.titles, "arms", "mechanisms")}
    assert all(0 < (tmp_path / figure).stat().st_size < 150e3 for figure in figures)


def test_what_the_page_says_was_calibrated_and_held_out_is_what_the_plan_says(plan, tmp_path):
    section = "\n".join(targets_page._Page(plan, {}, tmp_path).calibration())
    assert section in targets_page.PAGE.read_text(encoding="utf-8")


def test_a_page_without_runs_claims_nothing(plan, tmp_path):
    text = targets_page.write(plan, {}, tmp_path / "validation.md").read_text(encoding="utf-8")
    assert f"{len(plan.rows)} *not run*" in text and "**in**" not in text and "No run yet" in text


def test_the_newest_run_of_a_seed_counts(remyelin, use, tiny, tmp_path):
    import json
    import os
    import shutil

    remyelin("targets", "--json")
    (place,) = [path for path in (tmp_path / "runs/targets/acute").iterdir() if _seed(path) == 1]
    shutil.copytree(place, place.with_name("newer"))
    os.utime(place / "run.json", (1, 1))
    assert finished(tiny)["acute"][1].folder.name == "newer"
    info = json.loads((place.with_name("newer") / "run.json").read_text())
    (place.with_name("newer") / "run.json").write_text(json.dumps(info | {"status": "running"}))
    assert finished(tiny)["acute"][1].folder.name == place.name
    assert targets_plan.finished(tiny, tmp_path / "nothing")["acute"] == {}


def _seed(folder):
    import json

    return json.loads((folder / "run.json").read_text())["seed"]


# --- healthy tissue -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "judged"), [(20000, 20390, "in"), (20000, 20410, "out"), (16, 21, "in"), (16, 23, "out")]
)
def test_healthy_counts_may_differ_by_two_percent_or_counting_noise(start, end, judged):
    assert Drift("opc", start, end, 4).verdict == judged


def test_drifts_leave_out_kinds_that_never_appear():
    import pandas as pd

    tables = [Course(pd.DataFrame({"count.msc": [0, 0], "count.cd8": [2, last], "count.neuron": 9})) for last in (4, 6)]
    found = {drift.kind: (drift.start, drift.end) for drift in drifts(tables)}
    assert found == {"cd8": (2, 5)}
