"""Replicates side by side in one process: each folder is that of the run alone, whatever happens to the others."""

import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_run import DAYS, OVERRIDES, STEPS, assert_same_outputs

from abm import Run, load
from abm.model import LesionModel
from experiments import checkpoints, provenance, side_by_side
from experiments.failures import Refused
from experiments.run import resume, run, together

SEEDS = (1, 2, 3)


def configs(*seeds, overrides=()):
    return [load("demo", overrides=(*OVERRIDES, *overrides), days=DAYS, seed=seed) for seed in seeds]


def quick(*seeds, overrides=()):
    """Runs of one field, of 12 steps."""
    return [load("diffusion", overrides=("output.frames_every=0.5 h", *overrides), days=0.05, seed=s) for s in seeds]


def replicates(configs, place, **how):
    """Make runs side by side, all in one place."""
    return together([(config, place) for config in configs], **how)


def by_seed(results):
    return {result["seed"]: Path(result["run"]) for result in results}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The same runs, each made alone."""
    place = tmp_path_factory.mktemp("alone")
    for config in configs(*SEEDS):
        run(config, place / str(int(config.seed)), threads=1)
    return {seed: place / str(seed) for seed in SEEDS}


@pytest.fixture
def after(monkeypatch):
    """Let something happen to a model of several slabs after one of its steps; return the sizes of the models that stepped."""
    untouched, sizes = LesionModel.step, []

    def happen(step, what, beside=True):
        def stepped(model):
            if not sizes or sizes[-1] != model.grid.slabs:
                sizes.append(model.grid.slabs)
            untouched(model)
            if model.steps == step and (model.grid.slabs > 1) == beside:
                what(model)

        monkeypatch.setattr(LesionModel, "step", stepped)
        return sizes

    return happen


def spoil(slab, field="tnf"):
    def put_nan(model):
        model.laws.row(f"field.{field}")[slab * model.grid.whole + 6 * model.grid.sy + 4] = float("nan")

    return put_nan


def stop(model):
    os.kill(os.getpid(), signal.SIGTERM)


def assert_same_checkpoint(one, other):
    (counters, state), (their_counters, theirs) = (
        checkpoints.read(checkpoints.newest_first(folder / "checkpoints")[0]) for folder in (one, other)
    )
    assert counters == their_counters and list(state) == list(theirs)
    assert all(state[name].tobytes() == theirs[name].tobytes() for name in state)
    assert all(state[name].shape == theirs[name].shape for name in state)


def test_each_folder_is_that_of_the_run_alone(tmp_path, alone, after):
    sizes = after(-1, None)
    results = replicates(configs(*SEEDS), tmp_path, threads=1)
    assert sizes == [3] and [result["status"] for result in results] == ["done"] * 3
    for seed, folder in by_seed(results).items():
        assert_same_outputs(alone[seed], folder)
        assert_same_checkpoint(alone[seed], folder)
        assert folder.name == Run.load(folder).info["identity"]
        (part,) = Run.load(folder).info["sessions"]
        assert part["slabs"] == 3 and part["to_step"] == STEPS
    again = replicates(configs(2, 3), tmp_path, threads=1)
    assert [result["status"] for result in again] == ["exists", "exists"]


def test_a_slab_that_fails_is_reported_and_the_others_go_on(tmp_path, alone, after):
    sizes = after(43, spoil(1))
    results = replicates(configs(*SEEDS), tmp_path, threads=1)
    assert [result["status"] for result in results] == ["done", "failed", "done"]
    assert sizes == [3, 2]
    assert "tnf is not a finite number at" in results[1]["error"] and "in hour 5" in results[1]["error"]
    folders = by_seed(results)
    for seed in (1, 3):
        assert_same_outputs(alone[seed], folders[seed])
    info = Run.load(folders[2]).info
    assert info["status"] == "failed" and info["error"] == results[1]["error"] and info["digest"] is None
    assert "tnf is not a finite number" in (folders[2] / "log.txt").read_text()
    assert "finite" not in (folders[1] / "log.txt").read_text()
    assert resume(folders[2], threads=1)["status"] == "done"  # from its checkpoint, and nothing is spoilt any more
    assert_same_outputs(alone[2], folders[2])


def test_arms_go_side_by_side(tmp_path, alone, after):
    """Replicates lie beside each other; one fails, and the others go on in the states they had, each by its own config."""
    others = (
        "therapy.msc.doses={other: {day: 0.1, dose: 15, route: local}}",
        "laws.opc.speed.terms.walk.base=0.2 um/min",
    )
    other = configs(2, overrides=others)[0]
    runs = [*configs(1), other, *configs(2, 3)]
    whole = run(other, tmp_path / "whole", threads=1)
    sizes = after(43, spoil(1))
    results = together([(config, tmp_path / str(n % 2)) for n, config in enumerate(runs)], threads=1)
    assert sizes == [4, 3] and [result["status"] for result in results] == ["done", "done", "failed", "done"]
    assert [Path(result["run"]).parent.name for result in results] == ["0", "1", "0", "1"]
    assert_same_outputs(Path(whole["run"]), Path(results[1]["run"]))
    assert_same_checkpoint(Path(whole["run"]), Path(results[1]["run"]))
    for seed, result in ((1, results[0]), (3, results[3])):
        assert_same_outputs(alone[seed], Path(result["run"]))
        assert_same_checkpoint(alone[seed], Path(result["run"]))


def test_an_error_that_is_nobodys_lets_each_go_on_alone(tmp_path, alone, after):
    def break_down(model):
        raise ZeroDivisionError("a bug")

    sizes = after(30, break_down)
    results = replicates(configs(1, 2), tmp_path, threads=1)
    assert [result["status"] for result in results] == ["done", "done"] and sizes == [2, 1]
    for seed, folder in by_seed(results).items():
        assert_same_outputs(alone[seed], folder)
        assert [(part["from_step"], part["slabs"]) for part in Run.load(folder).info["sessions"]] == [(0, 2), (25, 1)]
        assert "ZeroDivisionError among 2 runs side by side: a bug" in (folder / "log.txt").read_text()


def test_a_file_that_cannot_be_written_stops_its_own_run(tmp_path, monkeypatch):
    from experiments.store import Store

    untouched = Store.add_frame

    def full(store, day, *arguments):
        if day > 0.03 and Run.load(store.folder).info["seed"] == 2:
            raise OSError(28, "No space left on device")
        untouched(store, day, *arguments)

    monkeypatch.setattr(Store, "add_frame", full)
    results = replicates(quick(*SEEDS), tmp_path / "beside", threads=1)
    assert [result["status"] for result in results] == ["done", "stopped", "done"]
    assert "the disk is full" in results[1]["error"] and results[1]["steps"] < 12
    assert results[2]["digest"] == run(quick(3)[0], tmp_path / "alone", threads=1)["digest"]


def test_stopped_slabs_go_on_alone_or_together(tmp_path, after, monkeypatch):
    """Stopped at one step; then one goes on alone for a while, and in the end those that agree go on together."""
    place = tmp_path / "beside"
    after(5, stop)
    folders = by_seed(stopped := replicates(quick(*SEEDS), place, threads=1))
    assert [result["status"] for result in stopped] == ["stopped"] * 3
    assert all(checkpoints.newest_step(folder / "checkpoints") == 5 for folder in folders.values())
    after(8, stop, beside=False)
    with pytest.raises(Exception, match="stopped by SIGTERM"):
        resume(folders[2], threads=1)
    monkeypatch.undo()
    sizes = after(-1, None)
    sizes.clear()
    results = replicates(quick(*SEEDS), place, threads=1)
    assert [result["status"] for result in results] == ["done"] * 3 and sizes == [2, 1]
    assert [part["from_step"] for part in Run.load(folders[2]).info["sessions"]] == [0, 5, 8]
    for config, result in zip(quick(*SEEDS), results):
        whole = run(config, tmp_path / str(result["seed"]), threads=1)
        assert result["digest"] == whole["digest"] and result["measures"] == whole["measures"]
        assert_same_checkpoint(Path(whole["run"]), folders[result["seed"]])


def test_runs_of_which_something_else_is_kept_go_apart(tmp_path, after):
    """A run is the same with any output options; two of them that differ in these cannot share one schedule."""
    after(10, stop, beside=False)
    other = quick(1, overrides=("output.measures_every=0.1 h",))[0]
    with pytest.raises(Exception, match="stopped by SIGTERM"):
        run(other, tmp_path / "x", threads=1)
    identity = Run.load(tmp_path / "x").info["identity"]
    os.rename(tmp_path / "x", tmp_path / identity)
    with pytest.raises(Exception, match="stopped by SIGTERM"):
        run(quick(2)[0], tmp_path / Path(provenance.run_hash(quick(2)[0])), threads=1)
    sizes = after(-1, None)
    sizes.clear()
    first, second = replicates(quick(1, 2), tmp_path, threads=1)
    assert first["run"] == str(tmp_path / identity) and first["status"] == second["status"] == "done" and sizes == [1]
    assert len(Run.load(first["run"]).measures) > len(Run.load(second["run"]).measures)
    assert [Run.load(each["run"]).info["sessions"][-1]["from_step"] for each in (first, second)] == [10, 10]


def test_what_is_refused_does_not_keep_the_others_from_running(tmp_path, after):
    from experiments.claim import Claim

    first, second, third = quick(*SEEDS)
    after(10, stop)
    folders = by_seed(replicates([first, second, third], tmp_path, threads=1))
    after(-1, None)
    resolved = folders[1] / "resolved.yaml"
    resolved.write_text(resolved.read_text().replace("seed: {value: 1,", "seed: {value: 4,"))
    claim = Claim(folders[2])
    results = replicates([first, second, third], tmp_path, threads=1)
    claim.release()
    assert [result["status"] for result in results] == ["invalid", "invalid", "done"]
    assert "is not what this run was begun with" in results[0]["error"]
    assert "is computing this run since" in results[1]["error"]
    assert Run.load(folders[1]).info["status"] == "stopped"


# --- studies --------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_process")
def test_a_study_computes_its_runs_side_by_side(remyelin, tiny, after):
    """Six runs of two arms that differ in a field, four and two at a time."""
    sizes = after(-1, None)
    plain = remyelin("study", tiny(("replicates: 2", "replicates: 3")), "--json", "--quiet")
    assert plain.code == 0 and sizes == [1]
    digests = {row["run"]: Run.load(row["run"]).info["digest"] for row in plain.json["runs"]}
    os.rename("runs", "before")
    beside = remyelin("study", "tiny.yaml", "--slabs", 4, "--json")
    assert beside.code == 0 and beside.json["done"] == 6 and sizes == [1, 4, 2]
    assert {row["run"]: Run.load(row["run"]).info["digest"] for row in beside.json["runs"]} == digests
    assert "6 of 6 done" in beside.err and "fast, seed 3: done" in Path("runs/studies/tiny/log.txt").read_text()


@pytest.mark.usefixtures("in_process")
def test_one_failing_replicate_is_recorded_and_the_others_are_done(remyelin, tiny, monkeypatch):
    untouched = LesionModel.faults

    def faults(model):
        bad = [slab for slab, seed in enumerate(model.seeds) if seed == 2 and model.steps == 6]
        return untouched(model) | dict.fromkeys(bad, "tracer is not a finite number")

    monkeypatch.setattr(LesionModel, "faults", faults)
    answer = remyelin(
        "study", tiny(("replicates: 2", "replicates: 3"), ("0.4 h", "0.3 h"), ("    fast:", "    #")), "--slabs", "3",
        "--json",
    )  # fmt: skip
    assert answer.code == 1 and (answer.json["done"], answer.json["failed"]) == (2, 1)
    assert [row["status"] for row in answer.json["runs"]] == ["done", "failed", "done"]
    assert "slow, seed 2) because: tracer is not a finite number" in answer.json["error"]
    monkeypatch.undo()


@pytest.mark.usefixtures("in_process")
def test_a_lost_process_lets_its_runs_go_on_alone(remyelin, tiny, monkeypatch):
    from experiments import cluster

    made, seen = cluster.subprocess.Popen, []

    def lost_if_several(command, **options):
        seen.append(command.count("--run"))
        if seen[-1] > 1:
            return SimpleNamespace(returncode=-signal.SIGKILL, communicate=lambda timeout: ("", ""))
        return made(command, **options)

    monkeypatch.setattr(cluster.subprocess, "Popen", lost_if_several)
    answer = remyelin("study", tiny(("    fast:", "    #")), "--slabs", "auto", "--workers", 1, "--json", "--quiet")
    assert answer.code == 0 and seen == [2, 1, 1]


def test_slabs_are_a_number_or_auto(remyelin, tiny):
    answer = remyelin("study", tiny(), "--slabs", "many")
    assert answer.code == 2 and "--slabs many is neither auto nor a number of runs from 1" in answer.err
    assert side_by_side.read("auto") is None and side_by_side.read("12") == 12
    with pytest.raises(Refused):
        side_by_side.read("0")


def test_a_dry_run_says_how_many_go_side_by_side(remyelin, tiny):
    tiny(("replicates: 2", "replicates: 6"))
    plan = remyelin("study", "tiny.yaml", "--dry-run", "--workers", 3, "--slabs", "auto", "--json").json
    assert plan["slabs"] == 4  # of 12 runs, for 3 workers
    assert remyelin("study", "tiny.yaml", "--dry-run", "--workers", 3, "--json").json["slabs"] == 1
    assert "slabs: 9 runs side by side in a process" in remyelin("study", "tiny.yaml", "--dry-run", "--slabs", 9).out


def test_which_go_side_by_side():
    """Arms that differ in therapy and laws do, those that differ in the tissue do not; nobody looks where each goes alone."""
    arms = {
        "untreated": quick(1)[0],
        "other": configs(1)[0],
        "dose": configs(2, overrides=("therapy.msc.doses={late: {day: 0.2, dose: 1, route: local}}",))[0],
        "tissue": configs(1, overrides=("tissue.motile_fill=0.3",))[0],
    }
    assert list(side_by_side.groups(arms, dict.fromkeys(arms, 4)).values()) == [0, 1, 1, 2]
    assert list(side_by_side.groups(arms, dict.fromkeys(arms, 1)).values()) == [0, 1, 2, 3]


def test_auto_keeps_all_workers_busy_within_memory_and_while_it_pays(monkeypatch):
    small, large = (load("demo", overrides=[f"grid.size=[{n}, {n}]", "tissue.venules.positions.central={x: 9, y: 9}"])
                    for n in (400, 4000))  # fmt: skip
    machine = SimpleNamespace(target="cpu", free_bytes=lambda: None)
    monkeypatch.setattr(side_by_side, "open_machine", lambda *asked: machine)
    monkeypatch.setattr(side_by_side, "total_and_free", lambda: (2**40, 2**40))

    def most(left, at_once):
        return list(side_by_side.most(None, {"small": small, "large": large}, left, at_once).values())

    assert most(100, 10) == [10, 4] and most(11, 2) == [5, 4] and most(3, 8) == [1, 1]
    machine.target, machine.free_bytes = "cuda", lambda: 2**40
    assert most(100, 1) == [100, 100]
    monkeypatch.setattr(side_by_side, "bytes_needed", lambda grid, fields, cells: 2**36)
    assert most(100, 1) == [12, 12] and most(100, 2) == [6, 6]
    monkeypatch.setattr(side_by_side, "bytes_needed", lambda grid, fields, cells: 2**41)
    assert most(100, 1) == [1, 1]


def test_the_command_of_a_worker(remyelin, tmp_path, after):
    """One object for all runs, and the exit code of what went worst."""
    runs = ({"scenario": "diffusion", "overrides": ["time.days=0.05"], "seed": n, "place": "here"} for n in (1, 2))
    command = ["together", *(word for run in runs for word in ("--run", json.dumps(run)))]
    after(8, spoil(1, "tracer"))
    failed = remyelin(*command, "--threads", 1, "--quiet", "--json")
    assert failed.code == 1 and [each["status"] for each in failed.json["runs"]] == ["done", "failed"]
    after(-1, None)
    done = remyelin(*command, "--threads", 1)
    assert done.code == 0 and done.out.splitlines() == [
        f"{each['run']}: {status}" for each, status in zip(failed.json["runs"], ("exists", "done"))
    ]
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == sorted(
        Path(each["run"]).name for each in failed.json["runs"]
    )
