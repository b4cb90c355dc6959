"""What a study computes, skips, resumes and records; the runs are computed in this process, on no cluster."""

import json
import os
import re
import signal
from pathlib import Path

import pandas as pd
import pytest

from abm import Run
from abm.config.files import LIBRARY
from abm.model import LesionModel
from experiments import cluster, ensemble
from experiments import estimate as estimating
from experiments.claim import Claim
from experiments.study import RESULT, states
from experiments.study_plan import read_study

pytestmark = pytest.mark.usefixtures("in_process")


def record():
    return json.loads(Path("runs/studies/tiny/study.json").read_text())


def status_of_runs():
    return [(row["arm"], row["seed"], row["status"]) for row in record()["runs"]]


ALL_DONE = [(arm, seed, "done") for seed in (1, 2) for arm in ("slow", "fast")]


def test_a_study_is_computed_recorded_and_not_computed_again(remyelin, tiny):
    first = remyelin("study", tiny(), "--json")
    assert first.code == 0 and set(first.json) == set(RESULT)
    assert (first.json["status"], first.json["done"], first.json["skipped"], first.json["left"]) == ("done", 4, 0, 0)
    assert first.json["error"] is None and first.json["folder"] == "runs/studies/tiny"
    assert status_of_runs() == ALL_DONE and record()["control"] == "slow"
    assert all(Path(row["run"], "run.json").is_file() and row["wall_s"] > 0 for row in first.json["runs"])
    assert "4 of 4 done" in first.err
    assert "fast, seed 2: done" in Path("runs/studies/tiny/log.txt").read_text()
    again = remyelin("study", "tiny.yaml", "--json", "--quiet")
    assert (again.code, again.json["skipped"], again.json["wall_s"] < 5) == (0, 4, True) and again.err == ""
    assert again.json["runs"] == first.json["runs"]


def test_a_run_that_was_made_by_hand_counts(remyelin, tiny):
    tiny()
    remyelin("study", "tiny.yaml", "--quiet")
    by_hand = remyelin("run", "runs/studies/tiny/arms/fast.yaml", "--seed", 2, "--json", "--quiet")
    assert by_hand.json["status"] == "exists" and by_hand.json["run"] == record()["runs"][3]["run"]


def test_two_arms_that_come_to_the_same_run_are_computed_once(remyelin, tiny):
    answer = remyelin("study", tiny(("    slow:", "    slow:\n    same: {fields: {tracer: {label: other}}}")), "--json")
    assert answer.code == 0 and answer.json["done"] == 6
    assert len({row["run"] for row in answer.json["runs"]}) == 4
    assert "4 of 4 done" in answer.err


def test_a_bad_file_runs_nothing(remyelin, tiny, tmp_path):
    answer = remyelin("study", tiny(("days: 0.05", "days: -1")), "--json")
    assert answer.code == 2 and answer.json["status"] == "invalid" and set(answer.json) == set(RESULT)
    assert "tiny.yaml:10: " in answer.err and not (tmp_path / "runs").exists()


def test_one_failure_is_recorded_and_stops_nothing_else(remyelin, tiny, monkeypatch):
    untouched = LesionModel.step

    def step(model):
        if int(model.config.seed) == 1 and float(model.config.fields["tracer"].D) > 100_000:  # um^2/h
            raise ZeroDivisionError("a bug")
        untouched(model)

    monkeypatch.setattr(LesionModel, "step", step)
    answer = remyelin("study", tiny(), "--json")
    assert answer.code == 1 and answer.json["status"] == "failed"
    assert (answer.json["done"], answer.json["failed"]) == (3, 1)
    assert "1 of 4 runs failed, the first (fast, seed 1) because: internal error" in answer.json["error"]
    row = record()["runs"][1]
    assert row["status"] == "failed" and "ZeroDivisionError: a bug" in row["error"]
    listed = remyelin("status", "runs/studies/tiny")
    assert "4 runs: 3 done, 1 failed" in listed.out and "a bug" in listed.out

    monkeypatch.setattr(LesionModel, "step", untouched)
    left = remyelin("study", "tiny.yaml", "--json")
    assert (left.code, left.json["skipped"], left.json["failed"]) == (1, 3, 1)
    retried = remyelin("study", "tiny.yaml", "--json", "--retry-failed")
    assert (retried.code, retried.json["done"], retried.json["skipped"]) == (0, 4, 3)
    assert status_of_runs() == ALL_DONE


def test_what_was_not_made_here_is_not_said_to_be(remyelin, tiny):
    """It may have been made before, or meanwhile by another process."""
    remyelin("study", tiny(("replicates: 2", "replicates: 1")), "--quiet")
    again = remyelin("study", tiny())
    assert "done: 4 runs, 2 of them made before or by another process, in " in again.out


def test_a_stopped_run_goes_on(remyelin, tiny, after_step):
    study = read_study(tiny())
    study.write(study.folder)
    after_step(5, lambda model: os.kill(os.getpid(), signal.SIGTERM))
    stopped = remyelin("run", "runs/studies/tiny/arms/slow.yaml", "--seed", 1, "--json", "--quiet")
    assert stopped.code == 3 and stopped.json["steps"] == 5
    after_step(-1, None)
    answer = remyelin("study", "tiny.yaml", "--json", "--quiet")
    assert answer.code == 0 and answer.json["runs"][0]["run"] == stopped.json["run"]
    info = json.loads((stopped.folder / "run.json").read_text())
    assert [part["to_step"] for part in info["sessions"]] == [5, 12]


def test_a_run_that_is_stopped_again_and_again_is_left(remyelin, tiny, monkeypatch):
    """What a signal from elsewhere stops is taken up again, some times; then it is left, and can go on later."""
    untouched, seen = LesionModel.step, []

    def step(model):
        untouched(model)
        if model.steps in (3, 5, 7):
            seen.append(int(model.config.seed))
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(LesionModel, "step", step)
    answer = remyelin("study", tiny(("    fast:", "    #")), "--json", "--quiet")
    assert answer.code == 3 and answer.json["status"] == "stopped" and answer.json["left"] == 2
    assert "2 of 2 runs are left; the same command goes on from here" in answer.json["error"]
    assert sorted(seen) == [1, 1, 1, 2, 2, 2]
    assert remyelin("study", "tiny.yaml", "--json", "--quiet").code == 0


def test_a_run_whose_process_is_lost_is_tried_again_some_times(remyelin, tiny, monkeypatch):
    made, seen = cluster.subprocess.Popen, []

    class Lost(made):
        def __init__(self, command, **options):
            seen.append(command)
            self.returncode, self.told = -signal.SIGKILL, ("", "")

    monkeypatch.setattr(cluster.subprocess, "Popen", Lost)
    answer = remyelin("study", tiny(("    fast:", "    #"), ("replicates: 2", "replicates: 1")), "--json", "--quiet")
    assert answer.code == 1 and len(seen) == ensemble.ATTEMPTS
    assert "its process was ended by SIGKILL 3 times; is there enough memory?" in answer.json["error"]
    log = Path("runs/studies/tiny/log.txt").read_text()
    assert log.count("slow, seed 1: lost: its process was ended by SIGKILL; it goes on from its last checkpoint") == 2
    monkeypatch.setattr(cluster.subprocess, "Popen", made)
    assert remyelin("study", "tiny.yaml", "--json", "--quiet").code == 0


def test_a_run_that_another_process_has_is_waited_for_and_never_harmed(remyelin, tiny, monkeypatch):
    plan = remyelin("study", tiny(), "--dry-run", "--json").json
    folder = Path(plan["runs"][0]["run"])
    folder.mkdir(parents=True)
    claim = Claim(folder)
    naps = []

    def nap(seconds):
        naps.append(len(list(Path("runs/diffusion").glob("*/run.json"))))
        if len(naps) == 8:
            claim.release()

    monkeypatch.setattr(ensemble.time, "sleep", nap)
    answer = remyelin("study", "tiny.yaml", "--json")
    assert answer.code == 0 and answer.json["done"] == 4
    assert naps[6] == 3 and "slow, seed 1 is computed by another process: waiting for it" in answer.err


def test_a_dry_run_writes_nothing_and_measures(remyelin, tiny, tmp_path):
    listed = remyelin("study", tiny(), "--dry-run", "--workers", 2)
    assert listed.code == 0 and "4 runs: 0 done, 0 failed, 4 to do" in listed.out
    assert "with 2 workers" in listed.out and "MB of disk; a trial: " in listed.out
    assert "for the process and the start of each run" in listed.out
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.yaml"]
    remyelin("run", "diffusion", "--seed", 1, "--days", 0.05, "--set", "grid.size=[400, 400]", "--quiet",
             "--set", "fields.tracer.sources.point.x=210", "--set", "fields.tracer.sources.point.y=210")  # fmt: skip
    plan = remyelin("study", "tiny.yaml", "--dry-run", "--json").json
    assert (plan["status"], plan["done"], plan["left"]) == ("planned", 1, 3)
    cost = plan["estimate"]
    assert "measured on 1 finished runs" in cost["basis"] and "2 of the runs to do are of arms" in cost["basis"]
    (process,) = re.findall(r"; (\S+) s for the process of each", cost["basis"])
    assert cost["cpu_s"] == pytest.approx(3 * (plan["runs"][0]["wall_s"] + float(process)), rel=0.1)
    size = sum(path.stat().st_size for path in Path(plan["runs"][0]["run"]).rglob("*") if path.is_file())
    assert cost["bytes"] == pytest.approx(3 * size)


def test_the_process_of_each_run_counts_in_an_estimate(remyelin, tiny, tmp_path, monkeypatch):
    """Four runs of nothing still take four processes."""
    found = states(read_study(tiny()), tmp_path / "arms")
    monkeypatch.setattr(estimating, "_one_step", lambda run: (5.0, 2.0))
    assert 20 < estimating.estimate(found, 0.1).seconds < 22
    monkeypatch.setattr(estimating, "_measured", lambda states: {None: [(1.0, 10.0)]})
    assert estimating.estimate(found).seconds == 4 * (1.0 + 3.0)


def test_studies_are_listed_and_validated(remyelin, tiny):
    listed = remyelin("study")
    assert listed.code == 0 and "knockouts" in listed.out and "routes" in listed.out
    assert "by calibrate" in listed.out and "by sensitivity" in listed.out
    assert (
        "48 runs; remyelin calibrate makes them" in remyelin("validate", LIBRARY / "studies" / "lesion_area.yaml").out
    )
    assert "tiny.yaml is valid: a study of 2 arms and 4 runs" in remyelin("validate", tiny()).out


# --- collect and status ---------------------------------------------------------------------------------------------------


def test_one_tidy_table(remyelin, tiny):
    grid = "  grid: {fields.tracer.half_life: [10 min, 20 min]}\n  replicates: 1"
    remyelin("study", tiny(("  replicates: 2", grid), ("    slow:", "    slow: {crossed: off}")), "--quiet")
    answer = remyelin("collect", "tiny.yaml", "-o", "out/all.parquet")
    assert answer.code == 0 and "rows of 3 runs" in answer.err
    table = pd.read_parquet("out/all.parquet")
    first = ["study", "arm", "fields.tracer.half_life", "seed", "run", "status", "day", "mean.tracer"]
    assert list(table) == first and table.attrs["units"] == {"mean.tracer": "pg/mL", "day": "day"}
    assert table.groupby("run")["day"].apply(list).tolist()[0] == pytest.approx([0, 0.4 / 24, 0.8 / 24, 0.05])
    assert set(table["fields.tracer.half_life"].dropna()) == {"10 min", "20 min"}
    for run, rows in table.groupby("run"):
        assert rows["mean.tracer"].tolist() == Run.load(run).measures["mean.tracer"].tolist()
    remyelin("collect", "tiny.yaml", "-o", "core.csv", "--measure", "core.tracer")
    assert list(pd.read_csv("core.csv"))[-1] == "core.tracer"


def test_all_read_outs_are_collected_where_the_study_names_none(remyelin, tiny):
    remyelin("study", tiny(("  measures: [mean.tracer]\n", ""), ("replicates: 2", "replicates: 1")), "--quiet")
    remyelin("collect", "tiny.yaml", "-o", "all.csv")
    assert {"mean.tracer", "core.tracer", "mass_error.tracer"} <= set(pd.read_csv("all.csv"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-o", "all.xlsx"), "a table ends in .parquet or .csv"),
        (("-o", "all.csv", "--measure", "mean.traser"), "did you mean 'mean.tracer'"),
        (("-o", "all.csv"), "no run of this study has begun"),
    ],
)
def test_collect_refuses(remyelin, tiny, arguments, sentence):
    answer = remyelin("collect", tiny(), *arguments)
    assert answer.code == 2 and sentence in answer.err


def test_status_tells_runs_apart(remyelin, tiny):
    remyelin("study", tiny(), "--quiet")
    rows = record()["runs"]
    for row, status in zip(rows, ("running", "running", "stopped", "done")):
        path = Path(row["run"], "run.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), "status": status}))
    with_claim = Claim(Path(rows[0]["run"]))
    told = remyelin("status", "runs")
    with_claim.release()
    assert told.code == 0 and "4 runs: 1 done, 2 stopped, 1 running" in told.out
    lines = {line.split()[0]: line for line in told.out.splitlines()}
    assert "running" in lines[rows[0]["run"]] and "process" in lines[rows[0]["run"]] and "0.05" in lines[rows[0]["run"]]
    assert "was cut off; go on with: remyelin resume" in lines[rows[1]["run"]]
    assert rows[3]["run"] not in lines
    assert "1 runs: 1 done" in remyelin("status", rows[3]["run"]).out


def test_status_of_nothing_is_refused(remyelin, tmp_path):
    assert "nowhere is no folder" in remyelin("status", "nowhere").err
    assert remyelin("status", ".").code == 2
