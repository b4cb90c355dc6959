"""A branch is the run that had the change from the start, or the run until a day and the changed config from then on."""

import json
import os
import re
import shutil
import signal

import pytest
from tiny_run import DAYS, OVERRIDES, STEPS, assert_same_outputs

from abm import Run, load
from experiments import checkpoints

AT = 55 / 240  # steps of 6 min, between two checkpoints
LATER = "therapy.msc.doses.later={day: 0.25, dose: 15, route: local}"
SHORTER = "fields.tgfb.half_life=20 min"


def run(folder, *overrides, days=DAYS):
    from experiments.run import run

    run(load("demo", overrides=[*OVERRIDES, *overrides], days=days), folder, threads=1)
    return folder


def arm(parent, *overrides, **options):
    from experiments.branch import branch

    return branch(parent, options.pop("at", AT), overrides, threads=1, **options)


def seen(folder):
    """Give the bytes and times of all files below a folder."""
    return {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in folder.rglob("*")}


def stopped_after(step, compute):
    """Let SIGTERM stop what is computed after a step."""
    from abm.model import LesionModel
    from experiments.failures import Stopped

    untouched = LesionModel.step

    def stepped(model):
        untouched(model)
        if model.steps == step:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LesionModel, "step", stepped)
        with pytest.raises(Stopped):
            compute()


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory):
    """The tiny lesion with one more dose, planned from the start."""
    return run(tmp_path_factory.mktemp("scheduled") / "run", LATER)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The tiny lesion, stopped after its checkpoint of step 50 and before the late dose."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    stopped_after(58, lambda: run(folder))
    return folder


@pytest.fixture(scope="module")
def shorter(tmp_path_factory, stopped):
    """A branch whose config alone has another past."""
    folder = tmp_path_factory.mktemp("shorter") / "arm"
    arm(stopped, SHORTER, out=folder)
    return folder


def told_by(reporter_messages):
    from experiments.progress import Silent

    reporter = Silent()
    reporter.message = reporter_messages.append
    return reporter


def test_a_dose_given_later_is_the_scheduled_run_simulated_again(tmp_path, finished, scheduled):
    before, told = seen(finished), []
    arm(finished, LATER, out=tmp_path / "arm", reporter=told_by(told))
    assert_same_outputs(scheduled, tmp_path / "arm")
    assert f"no checkpoint of {finished} is nearer: simulating days 0 to 0.229167 again" in told
    assert seen(finished) == before
    info = Run.load(tmp_path / "arm").info
    parent = Run.load(finished).info
    assert info["branched_from"] == {"run": str(finished), "identity": parent["identity"], "day": pytest.approx(AT)}
    assert info["identity"] != parent["identity"] and info["digest"] != parent["digest"]


def test_it_begins_at_a_checkpoint_of_the_run(tmp_path, stopped, scheduled, monkeypatch):
    from abm.model import LesionModel

    steps, told, before = [], [], seen(stopped)
    step = LesionModel.step
    monkeypatch.setattr(LesionModel, "step", lambda model: (steps.append(model.steps), step(model)))
    arm(stopped, LATER, out=tmp_path / "arm", reporter=told_by(told))
    assert len(steps) == STEPS - 50
    assert f"no checkpoint of {stopped} is nearer: simulating days 0.208333 to 0.229167 again" in told
    assert_same_outputs(scheduled, tmp_path / "arm")
    assert Run.load(tmp_path / "arm").info["sessions"][0]["from_step"] == 50
    assert seen(stopped) == before


@pytest.mark.parametrize(
    "plan",
    [
        ["therapy.natalizumab.day=0.25"],
        ["therapy.ahsct.day=0.25"],
        ["therapy.msc.doses.later={day: 0.25, dose: 1e6, route: intravenous}"],
        ["therapy.msc.doses.later={day: 0.25, dose: 1e5, route: intrathecal}", "therapy.anti_cd20.day=0.27"],
    ],
)
def test_what_acts_from_the_periphery_may_begin_later_too(tmp_path, stopped, plan):
    arm(stopped, *plan, out=tmp_path / "arm")
    assert_same_outputs(run(tmp_path / "scheduled", *plan), tmp_path / "arm")


def test_a_damaged_checkpoint_of_the_run_is_passed_over_and_left(tmp_path, stopped, scheduled):
    torn = tmp_path / "torn"
    shutil.copytree(stopped, torn)
    for path in checkpoints.newest_first(torn / "checkpoints"):
        path.write_bytes(path.read_bytes()[:-10])
    before = seen(torn)
    arm(torn, LATER, out=tmp_path / "arm")
    assert_same_outputs(scheduled, tmp_path / "arm")
    assert seen(torn) == before


def test_other_output_or_another_version_starts_from_the_beginning(tmp_path, stopped, scheduled, monkeypatch):
    arm(stopped, LATER, "output.measures_every=0.5 h", out=tmp_path / "finer")
    finer, whole = Run.load(tmp_path / "finer"), Run.load(scheduled)
    assert finer.info["digest"] == whole.info["digest"] and len(finer.measures) == 16
    monkeypatch.setattr("experiments.provenance.code_version", lambda: "9.9+other")
    arm(stopped, LATER, out=tmp_path / "other")
    assert Run.load(tmp_path / "other").info["sessions"][0]["from_step"] == 0
    assert Run.load(tmp_path / "other").info["digest"] == whole.info["digest"]


def test_a_longer_arm_is_the_longer_run(tmp_path, finished):
    longer = run(tmp_path / "longer", days=0.35)
    arm(finished, out=tmp_path / "arm", days=0.35, at=DAYS)
    assert_same_outputs(longer, tmp_path / "arm")


def test_a_change_of_biology_holds_from_that_day_on(tmp_path, finished, shorter):
    """With a checkpoint at hand and without, it is a model that is changed by hand."""
    from abm.model import LesionModel

    model = LesionModel(load(finished / "resolved.yaml"))
    for _ in range(55):
        model.step()
    changed = LesionModel(load(finished / "resolved.yaml", [SHORTER]))
    changed.restore(model.state())
    for _ in range(STEPS - 55):
        changed.step()
    arm(finished, SHORTER, out=tmp_path / "arm")
    branched = Run.load(tmp_path / "arm")
    assert branched.info["digest"] == changed.digest() != Run.load(finished).info["digest"]
    assert_same_outputs(tmp_path / "arm", shorter)
    whole = Run.load(finished)
    until = whole.measures["day"] <= AT
    assert branched.measures[until].equals(whole.measures[until])
    assert branched.cells(0.1).equals(whole.cells(0.1))


def test_its_name_also_says_what_was_before(tmp_path, remyelin, finished):
    """Two runs that only end alike are two runs; the same branch is found again."""
    ends_alike = ("branch", finished, "--set", SHORTER, "--threads", 1, "--json", "--quiet")
    first = remyelin(*ends_alike, "--at", AT).json
    later = remyelin(*ends_alike, "--at", 0.25).json
    assert first["status"] == later["status"] == "done" and first["run"] != later["run"]
    assert load(f"{first['run']}/resolved.yaml").identity() == load(f"{later['run']}/resolved.yaml").identity()
    assert remyelin(*ends_alike, "--at", AT).json == {**first, "status": "exists"}
    assert set(first) == {
        "run", "status", "seed", "backend", "threads", "steps", "days", "wall_s", "cells", "digest", "measures", "error",
    }  # fmt: skip


def test_the_scheduled_run_is_found_by_a_branch_and_the_other_way_round(tmp_path, remyelin, finished):
    ours = ("--set", LATER, "--threads", 1, "--json", "--quiet")
    branched = remyelin("branch", finished, "--at", 0.2, *ours).json
    words = [word for override in OVERRIDES for word in ("--set", override)]
    assert remyelin("run", "demo", *words, "--days", DAYS, *ours).json == {**branched, "status": "exists"}
    assert remyelin("branch", finished, "--at", 0.1, *ours).json == {**branched, "status": "exists"}


def test_a_dose_may_be_taken_back(tmp_path, finished):
    arm(finished, "therapy.msc.doses.late=null", out=tmp_path / "arm")
    assert_same_outputs(run(tmp_path / "one", "therapy.msc.doses.late=null"), tmp_path / "arm")


def test_a_branch_of_a_branch(tmp_path, stopped, shorter):
    """The past of the second is that of the first; before the first it has no past of its own."""
    from experiments.failures import Refused

    arm(shorter, LATER, at=0.25, out=tmp_path / "second")
    arm(stopped, SHORTER, LATER, out=tmp_path / "both")
    second, both = Run.load(tmp_path / "second"), Run.load(tmp_path / "both")
    assert second.info["digest"] == both.info["digest"]
    with pytest.raises(Refused, match=r"is itself a branch from day 0\.229167"):
        arm(shorter, LATER, at=0.2, out=tmp_path / "third")


@pytest.mark.parametrize(("change", "step"), [(LATER, 60), (SHORTER, 52), (SHORTER, 55)])
def test_stopped_and_resumed_it_ends_the_same(tmp_path, stopped, scheduled, shorter, change, step):
    from experiments.run import resume

    stopped_after(step, lambda: arm(stopped, change, out=tmp_path / "arm"))
    assert resume(tmp_path / "arm", threads=1)["status"] == "done"
    assert_same_outputs(scheduled if change == LATER else shorter, tmp_path / "arm")


def test_without_its_checkpoints_it_starts_again_from_the_past_it_was_begun_with(tmp_path, stopped, shorter):
    from experiments.failures import Refused
    from experiments.run import resume

    stopped_after(60, lambda: arm(stopped, SHORTER, out=tmp_path / "arm"))
    for path in checkpoints.newest_first(tmp_path / "arm" / "checkpoints"):
        path.unlink()
    (past,) = (tmp_path / "arm" / "past").iterdir()
    given = past.read_text()
    past.write_text(given.replace("g_ratio: {value: 0.77", "g_ratio: {value: 0.5"))
    with pytest.raises(Refused, match="is not what this run was begun with"):
        resume(tmp_path / "arm")
    past.write_text(given)
    resume(tmp_path / "arm", threads=1)
    assert_same_outputs(shorter, tmp_path / "arm")


@pytest.mark.parametrize(
    ("at", "overrides", "sentence"),
    [
        (-1, [], "--at -1 is outside the run, which is days 0 to 0.3"),
        (0.4, [], "--at 0.4 is outside the run, which is days 0 to 0.3"),
        ("nan", [], "--at nan is outside the run"),
        (0.201, [], "--at 0.201 is no whole step of 6 min; the nearest is day 0.2"),
        (0.3, [], "nothing is left to simulate until day 0.3; give more --days"),
        (0.2, ["time.days=0.1"], "nothing is left to simulate until day 0.1"),
        (0.2, ["grid.voxel=10"], "grid.voxel is what a run begins with and cannot change at day 0.2"),
        (0.2, ["time.step=3 min"], "time.step is what a run begins with"),
        (0.2, ["seed=2"], "seed is what a run begins with"),
        (0.2, ["tissue.axon_density=1e4"], "tissue.axon_density is what a run begins with"),
        (0.2, ["tissue.venules.positions.central.x=90"], "tissue.venules.positions.central.x is what a run begins"),
        (0.2, ["tissue.plaques={one: {at: {x: 9, y: 9}, radius: 50}}"], "tissue.plaques.one.radius is what a run"),
        (0.2, ["cells.opc.initial_density=1"], "cells.opc.initial_density is what a run begins with"),
        (0.2, ["fields.nets=null"], "fields.nets cannot come or go in the middle of a run"),
        (0.2, ["cells.th17=null"], "cells.th17 cannot come or go in the middle of a run"),
        (0.2, ["laws.th1.speed=null"], "laws.th1.speed cannot come or go"),
        (0.2, ["laws.t_cells.speed.terms.walk.base=1"], "laws.t_cells.* set laws.th1"),
        (0.2, ["region=whole"], "a branch has the read-outs of its run"),
        (0.2, ["therapy.msc.doses.new={day: 0.1, dose: 5, route: local}"], "doses.new begins before day 0.2, and the run did not"),
        (0.2, ["therapy.msc.doses.early.dose=5"], "doses.early had begun before day 0.2: it can be removed"),
        (0.2, ["therapy.msc.doses.early.day=0.25"], "doses.early had begun before day 0.2: it can be removed"),
        (0.2, ["grid.voxl=3"], "did you mean 'grid.voxel'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(remyelin, finished, at, overrides, sentence):
    before = seen(finished)
    words = [word for override in overrides for word in ("--set", override)]
    answer = remyelin("branch", finished, f"--at={at}", *words, "--out", "arm", "--json")
    assert answer.code == 2 and answer.json["status"] == "invalid", answer.err
    assert re.search(sentence, answer.json["error"]), answer.json["error"]
    assert "Traceback" not in answer.err and not os.path.exists("arm") and seen(finished) == before


def test_a_run_that_is_not_there_yet_is_refused(remyelin, stopped, tmp_path):
    answer = remyelin("branch", stopped, "--at", 0.25, "--set", LATER, "--json")
    assert answer.code == 2 and f"{stopped} is stopped at day 0.241667, before day 0.25" in answer.json["error"]
    assert f"go on with: remyelin resume {stopped}" in answer.json["error"]
    (tmp_path / "empty").mkdir()
    assert (
        remyelin("branch", "empty", "--at", 1, "--json").json["error"] == "empty is no run folder: it has no run.json"
    )
    assert remyelin("branch", stopped).code == 2


def test_a_run_under_way_is_branched_while_it_is_computed(tmp_path, scheduled, after_step):
    def leave(model):
        if not (tmp_path / "arm").exists():
            arm(tmp_path / "run", LATER, at=50 / 240, out=tmp_path / "arm")

    after_step(58, leave)
    run(tmp_path / "run")
    assert_same_outputs(scheduled, tmp_path / "arm")
    assert json.loads((tmp_path / "arm" / "run.json").read_text())["sessions"][0]["from_step"] == 50
