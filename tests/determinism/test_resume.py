"""Killed at any moment, also inside a write, a run resumes to the digest and the outputs of the uninterrupted one."""

import signal
import subprocess
import sys
import time

import pytest
from tiny_run import DAYS, OVERRIDES, TINY, assert_same_outputs

from experiments import checkpoints

# A process that kills itself (SIGKILL) the n-th time that a file with some word in its name is written, half way
# through the write, or is about to get its name.
KILL_AT = """
import os, signal, sys

word, times = sys.argv.pop(1), int(sys.argv.pop(1))

def now(path):
    global times
    times -= word in str(path)
    return times == 0 and word in str(path)

def write_half(path, blocks):
    whole = b"".join(bytes(block) for block in blocks)
    dies = now(path)
    with open(path.with_name(f".{path.name}.aside"), "wb") as file:
        file.write(whole[: len(whole) // 2 if dies else len(whole)])
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)
    os.replace(path.with_name(f".{path.name}.aside"), path)

def replace(old, new):
    if now(new):
        os.kill(os.getpid(), signal.SIGKILL)
    rename(old, new)

from experiments import checkpoints
from experiments.cli import call
rename, os.replace, checkpoints.replace_file = os.replace, replace, write_half
call(sys.argv[1:])
"""
RUN = ["run", "demo", *TINY, "--quiet", "--out"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The same run, left alone."""
    from abm import load
    from experiments.run import run

    folder = tmp_path_factory.mktemp("whole") / "run"
    run(load("demo", overrides=OVERRIDES, days=DAYS), folder, threads=1)
    return folder


def resume(folder, **options):
    from experiments.run import resume

    return resume(folder, threads=1, **options)


def kill(folder, word, times):
    """Run in a process that dies at the n-th write of a file whose name holds a word."""
    ended = subprocess.run([sys.executable, "-c", KILL_AT, word, str(times), *RUN, str(folder)], capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.parametrize(
    ("word", "times"),
    [
        (".fields.zarr/tnf", 1),  # while the arrays are made
        ("fields.zarr/ccl2/c", 3),  # a frame, half of whose fields are written
        ("cells/part-", 2),
        ("step-000000050", 1),
        ("measures.parquet", 1),
        ("profiles.parquet", 1),
    ],
)
def test_killed_inside_a_write_it_ends_the_same(tmp_path, finished, word, times):
    folder = tmp_path / "run"
    kill(folder, word, times)
    assert resume(folder)["status"] == "done"
    assert_same_outputs(finished, folder)


def test_killed_before_it_began_it_is_begun_again(tmp_path, finished):
    folder = tmp_path / "run"
    kill(folder, "run.json", 1)
    assert sorted(path.name for path in folder.iterdir()) == [
        ".run.json.aside", "config.yaml", "lock", "log.txt", "resolved.yaml",
    ]  # fmt: skip
    from experiments.cli import call

    assert call([*RUN, str(folder)]) == 0
    assert_same_outputs(finished, folder)


def test_killed_from_outside_again_and_again_it_ends_the_same(tmp_path, finished):
    """The process is killed as soon as it has one more checkpoint; a lock or a torn file it leaves is no obstacle."""
    folder = tmp_path / "run"
    for command, step in (([*RUN, str(folder)], 25), (["resume", str(folder), "--quiet", "--threads", "1"], 50)):
        with subprocess.Popen([sys.executable, "-m", "experiments", *command]) as process:
            while not checkpoints.file_of(folder / "checkpoints", step).exists() and process.poll() is None:
                time.sleep(0.003)
            process.kill()
        assert (folder / "lock").exists()
    resume(folder)
    assert_same_outputs(finished, folder)


def test_a_damaged_newest_checkpoint_is_passed_over_with_a_warning(tmp_path, finished, after_step_kill):
    folder = after_step_kill(55)
    newest = checkpoints.newest_first(folder / "checkpoints")[0]
    newest.write_bytes(newest.read_bytes()[:-1000])
    told = []
    resume(folder, reporter=Listener(told))
    assert any("step-000000050.checkpoint is damaged" in text for text in told)
    assert_same_outputs(finished, folder)


def test_without_any_whole_checkpoint_it_starts_again(tmp_path, finished, after_step_kill):
    folder = after_step_kill(55)
    for path in checkpoints.newest_first(folder / "checkpoints"):
        path.write_bytes(b"")
    told = []
    resume(folder, reporter=Listener(told))
    assert any("starts again from its beginning" in text for text in told)
    assert_same_outputs(finished, folder)


def test_other_threads_and_targets_go_on_with_the_same_bits(tmp_path, finished, after_step_kill):
    from experiments.run import resume

    folder = after_step_kill(55)
    assert resume(folder, threads=2)["digest"] == finished_digest(finished)


def test_another_version_of_the_code_is_told(tmp_path, after_step_kill, monkeypatch):
    folder = after_step_kill(55)
    monkeypatch.setattr("experiments.provenance.code_version", lambda: "9.9+other")
    told = []
    assert resume(folder, reporter=Listener(told))["status"] == "done"
    assert any("goes on with 9.9+other: its digest may differ" in text for text in told)
    assert "its digest may differ" in (folder / "log.txt").read_text()


def test_a_finished_run_is_left_alone(finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    assert resume(finished)["status"] == "exists"
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


# --- help -----------------------------------------------------------------------------------------------------------------


class Listener:
    """Collects what a run tells people."""

    def __new__(cls, told):
        from experiments.progress import Silent

        listener = Silent()
        listener.message = told.append
        return listener


def finished_digest(folder):
    from abm import Run

    return Run.load(folder).info["digest"]


class Died(BaseException):
    """Stands for the death of the process: nothing in a run may catch it."""


@pytest.fixture
def after_step_kill(tmp_path, monkeypatch):
    """Run until a step and let the process die there, in this process."""

    def die(step):
        from abm import load
        from abm.model import LesionModel
        from experiments.run import run

        untouched = LesionModel.step

        def stepped(model):
            untouched(model)
            if model.steps == step:
                raise Died

        folder = tmp_path / "run"
        with monkeypatch.context() as patched:
            patched.setattr(LesionModel, "step", stepped)
            with pytest.raises(Died):
                run(load("demo", overrides=OVERRIDES, days=DAYS), folder, threads=1)
        return folder

    return die
