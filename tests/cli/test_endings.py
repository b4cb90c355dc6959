"""Every way a command can end: its exit code, one clear sentence, one JSON object, and never a traceback."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from tiny_run import QUICK, TINY

from experiments import checkpoints, store
from experiments.failures import is_disk_full

KEYS = {
    "run", "status", "seed", "backend", "threads", "steps", "days", "wall_s", "cells", "digest", "measures", "error",
}  # fmt: skip


def refused(answer, *sentences):
    """Check that nothing was run, and that people and programs are told why."""
    assert answer.code == 2
    assert answer.json["status"] == "invalid" and set(answer.json) == KEYS
    assert "Traceback" not in answer.err
    for sentence in sentences:
        assert re.search(sentence, answer.err), answer.err
        assert re.search(sentence, answer.json["error"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run"], "Missing argument"),
        (["run", "demo", "--dayz", "3"], "--dayz"),
        (["run", "demo", "--days", "three"], "--days"),
        (["run", "demo", "--threads", "0"], "--threads"),
        (["run", "demo", "--backend", "gpu"], "--backend gpu is not known; allowed: auto, cpu, cuda"),
        (["run", "demmo"], "unknown scenario 'demmo'; did you mean 'demo'"),
        (["run", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "demo", "--set", "grid.voxl=3"], "did you mean 'grid.voxel'"),
        (["run", "demo", "--set", "grid.voxel=3 h"], "expected length"),
        (["resume", "nowhere"], "nowhere is no run folder"),
        (["resume"], "Missing argument"),
    ],
)
def test_bad_usage_is_refused(remyelin, arguments, sentence):
    refused(remyelin(*arguments, "--json"), sentence)


def test_an_unknown_command_is_refused_with_json(remyelin):
    answer = remyelin("runn", "demo", "--json")
    assert answer.code == 2 and answer.json["status"] == "invalid" and "runn" in answer.err


def test_every_mistake_of_a_file_is_told_with_its_line(remyelin, tmp_path):
    (tmp_path / "bad.yaml").write_text("schema: 1\nextends: demo\ngrid:\n  voxel: -1\n  sice: 4\n")
    refused(remyelin("run", "bad.yaml", "--json"), "bad.yaml:4: ", "bad.yaml:5: ")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


def test_a_file_that_is_no_yaml_is_refused(remyelin, tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [1\nb: }\n")
    refused(remyelin("run", "bad.yaml", "--json"), "bad.yaml:")


def test_an_occupied_folder_is_refused_and_left_alone(remyelin, tmp_path, finished):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.yaml").write_text("precious")
    refused(remyelin(*QUICK, "--out", "mine", "--json"), "mine is not empty", "nothing is overwritten")
    assert [path.read_text() for path in (tmp_path / "mine").iterdir()] == ["precious"]
    refused(remyelin(*QUICK, "--out", finished, "--json"), "it holds a run already")


@pytest.mark.parametrize("out", ["file", "file/run", "/proc/nowhere/run"])
def test_a_folder_that_cannot_be_written_is_refused_before_computing(remyelin, tmp_path, out):
    (tmp_path / "file").write_text("here")
    refused(remyelin(*QUICK, "--out", out, "--json"), f"cannot write to {out}")
    assert (tmp_path / "file").read_text() == "here"


def test_too_little_room_is_refused_before_computing(remyelin, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1000))
    refused(remyelin(*QUICK, "--out", "mine", "--json"), "0.001 MB are free; make room")
    assert list(tmp_path.iterdir()) == []


def test_what_is_too_large_for_the_gpu_is_refused_before_computing(remyelin, tmp_path, monkeypatch):
    monkeypatch.setattr("kernels.device.Machine.free_bytes", lambda machine: 2**20)
    sentence = r"grid\.size: 10,000 voxels need about 0\.\d+ GiB, and 0\.000977 GiB of the GPU are free"
    refused(remyelin(*QUICK, "--out", "mine", "--json"), sentence)
    assert list(tmp_path.iterdir()) == []


def test_auto_leaves_a_gpu_alone_on_which_a_run_does_not_fit(monkeypatch):
    from abm import load
    from experiments.run import open_machine
    from kernels.device import Machine

    machines = {"auto": Machine("cuda"), "cpu": Machine()}
    monkeypatch.setattr("kernels.device.open_machine", lambda backend, *rest: machines[backend])
    monkeypatch.setattr(machines["auto"], "free_bytes", lambda: 2**20)
    found = open_machine("auto", None, load("diffusion"))
    assert found is machines["cpu"]
    assert re.search(r"too little memory: about 0\.\d+ GiB, and 0\.000977 GiB of the GPU are free", found.why)


def test_a_damaged_run_json_is_refused(remyelin, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "run.json").write_text('{"status": "do')
    refused(remyelin("resume", "mine", "--json"), "cannot be read")
    (tmp_path / "mine" / "run.json").write_text("[]")
    refused(remyelin("resume", "mine", "--json"), "damaged")


def test_a_config_that_was_changed_is_not_resumed(remyelin, after_step):
    after_step(3, stop_with(signal.SIGTERM))
    folder = remyelin(*QUICK, "--json").folder
    resolved = folder / "resolved.yaml"
    changed = resolved.read_text().replace("seed: {value: 1,", "seed: {value: 2,")
    assert changed != resolved.read_text()
    resolved.write_text(changed)
    refused(remyelin("resume", folder, "--json"), "is not what this run was begun with")
    assert json.loads((folder / "run.json").read_text())["status"] == "stopped"


@pytest.mark.parametrize("name", ["measures.csv", "fields.zarr", "cells/part-000000.parquet"])
def test_a_run_whose_files_were_damaged_is_left_as_it_is(remyelin, after_step, name):
    """Cut short or removed: what a checkpoint left there is not made up."""
    after_step(9, stop_with(signal.SIGTERM))
    folder = remyelin(*QUICK, "--json").folder
    path = folder / name
    if name == "measures.csv":
        path.write_bytes(path.read_bytes()[:10])
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()

    def files():
        return {each: each.stat().st_size for each in folder.rglob("*") if each.is_file() and each.name != "log.txt"}

    before = files()
    refused(
        remyelin("resume", folder, "--json"), f"cannot go on from its last checkpoint: {name} is missing", "put it back"
    )
    assert files() == before


def test_other_outputs_of_a_run_that_is_there_are_told(remyelin):
    first = remyelin(*QUICK, "--json")
    again = remyelin(*QUICK, "--set", "output.frames_every=1 h")
    assert again.code == 0 and "was asked for other outputs (output.frames_every): --force-new" in again.err
    assert "this run is there already (--force-new or --out makes another)" in again.out
    assert "other outputs" not in remyelin(*QUICK).err
    assert str(first.json["run"]) in again.out


def test_what_loses_is_checked_too(remyelin):
    refused(remyelin(*QUICK, "--days", "1", "--set", "time.days=3 parsec", "--json"), "unknown unit 'parsec'")


def test_a_reader_that_goes_away_is_no_failure():
    command = [sys.executable, "-m", "experiments", "params", "acute"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.read(10)
        process.stdout.close()
        assert process.wait(timeout=60) == 0 and process.stderr.read() == b""


def test_a_config_that_was_changed_is_not_resumed_by_another_version_either(remyelin, after_step):
    """Another version may read the same file as something else; so the file counts, and goes on where it is the same."""
    after_step(3, stop_with(signal.SIGTERM))
    folder = remyelin(*QUICK, "--json").folder
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**info, "code_version": "0.0+other", "identity": "0" * 12}))
    resolved, text = folder / "resolved.yaml", (folder / "resolved.yaml").read_text()
    resolved.write_text(text.replace("seed: {value: 1,", "seed: {value: 2,"))
    refused(remyelin("resume", folder, "--json"), "is not what this run was begun with")
    resolved.write_text(text)
    assert remyelin("resume", folder, "--json").code == 0


def stop_with(number):
    """Send this process a signal."""
    return lambda model: os.kill(os.getpid(), number)


# --- a run that cannot go on ----------------------------------------------------------------------------------------------


def test_a_number_that_is_not_finite_ends_the_run_and_keeps_what_was_good(remyelin, after_step):
    def spoil(model):
        model.laws.row("field.tnf")[6 * model.grid.sy + 4] = float("nan")

    after_step(63, spoil)
    answer = remyelin("run", "demo", *TINY, "--out", "mine", "--json")
    assert answer.code == 1 and answer.json["status"] == "failed" and set(answer.json) == KEYS
    assert re.search(r"tnf is not a finite number at \(\d+, \d+\) um in hour 7", answer.err)
    newest = checkpoints.newest_first(answer.folder / "checkpoints")[0]
    assert checkpoints.read(newest)[0]["step"] == 50
    assert json.loads((answer.folder / "run.json").read_text())["status"] == "failed"


def test_an_error_in_the_program_is_one_sentence_and_its_traceback_is_in_the_log(remyelin, after_step):
    def break_down(model):
        raise ZeroDivisionError("a bug")

    after_step(3, break_down)
    answer = remyelin(*QUICK, "--backend", "cpu", "--json")
    assert answer.code == 1 and answer.json["status"] == "failed"
    assert len(answer.err.splitlines()) == 1 and "ZeroDivisionError: a bug" in answer.err
    assert "Traceback" in (answer.folder / "log.txt").read_text()


def test_too_little_memory_is_one_sentence(remyelin, after_step):
    def need_more(model):
        raise MemoryError

    after_step(3, need_more)
    answer = remyelin(*QUICK, "--json")
    assert answer.code == 1 and "out of memory" in answer.json["error"]


@pytest.mark.parametrize("where", ["measures", "cells", "checkpoint", "info"])
def test_a_full_disk_stops_the_run_and_it_goes_on_later(remyelin, monkeypatch, go_on, where):
    """Whatever is being written when the disk is full, the run resumes to the same digest."""
    places = {
        "measures": (store.Table, "add"),
        "cells": (store.Parts, "settle"),
        "checkpoint": (checkpoints, "write"),
        "info": (store.checkpoints, "replace_file"),
    }
    owner, name = places[where]
    working, calls = getattr(owner, name), [0]

    def full(*arguments):
        calls[0] += 1
        if calls[0] > (3 if where in ("measures", "info") else 1):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return working(*arguments)

    monkeypatch.setattr(owner, name, full)
    answer = remyelin("run", "demo", *TINY, "--out", "mine", "--json", "--quiet")
    assert answer.code == 3 and answer.json["status"] == "stopped"
    assert answer.err == "the disk is full (mine); make room and go on with: remyelin resume mine\n"
    go_on(answer.folder)


def test_a_file_size_limit_is_a_full_disk(tmp_path):
    """A real limit of the operating system, met inside the libraries that write."""
    code = (
        "import resource, sys; from experiments.cli import call;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY));"
        "sys.exit(call(sys.argv[1:]))"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "run",
        "demo",
        *TINY,
        "--set",
        "grid.size=[400, 400]",
        "--out",
        "mine",
        "--json",
    ]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 3 or "cannot write" in ended.stderr, ended.stderr
    assert "Traceback" not in ended.stderr


def test_errors_of_libraries_that_hide_a_full_disk_are_seen():
    try:
        try:
            raise OSError(errno.EDQUOT, "quota")
        except OSError as cause:
            raise RuntimeError("codec failed") from cause
    except RuntimeError as error:
        assert is_disk_full(error)
    assert is_disk_full(OSError("[Errno 28] Error writing bytes to file. Detail: No space left on device"))
    assert not is_disk_full(OSError(errno.EACCES, "no"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_step_with_a_checkpoint(remyelin, after_step, go_on, number):
    after_step(37, stop_with(number))
    answer = remyelin("run", "demo", *TINY, "--out", "mine", "--json")
    assert answer.code == 3 and answer.json["status"] == "stopped" and answer.json["steps"] == 37
    assert f"stopped by {number.name} at day 0.1542; go on with: remyelin resume mine" in answer.err
    newest = checkpoints.newest_first(answer.folder / "checkpoints")[0]
    assert checkpoints.read(newest)[0]["step"] == 37
    go_on(answer.folder)


def test_a_second_signal_stops_at_once_and_the_run_can_still_be_resumed(remyelin, after_step, go_on):
    def twice(model):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    after_step(58, twice)
    answer = remyelin("run", "demo", *TINY, "--out", "mine", "--json")
    assert answer.code == 3 and "stopped at once; go on with: remyelin resume mine" in answer.err
    assert checkpoints.newest_first(answer.folder / "checkpoints")[0].name == "step-000000050.checkpoint"
    go_on(answer.folder)


def test_an_unfinished_run_is_not_begun_again_but_shown_how_to_go_on(remyelin, after_step):
    after_step(7, stop_with(signal.SIGTERM))
    stopped = remyelin(*QUICK, "--json")
    again = remyelin(*QUICK, "--json")
    refused(again, f"{stopped.json['run']} holds this run, stopped at day 0.02917; go on with: remyelin resume")
