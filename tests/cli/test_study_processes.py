"""Studies on real workers: two at once on one folder, and what signals and lost processes do."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from experiments.claim import holder_of

LONG = (("{days: 0.05}", "{days: 100}"), ("measures_every: 0.4 h", "measures_every: 2 day"), ("    fast:", "    #"))
PATIENCE = 120  # seconds: a loaded machine takes its time to start processes


@pytest.fixture
def study(tmp_path):
    """Start ``remyelin study`` on the tiny study in a process of its own."""
    started = []

    def start(*options, workers=1):
        command = [sys.executable, "-m", "experiments", "study", "tiny.yaml", "--json", "--workers", str(workers)]
        process = subprocess.Popen(
            [*command, *options], cwd=tmp_path, stdout=-1, stderr=-1, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ended(process):
    out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    return process.returncode, json.loads(out.splitlines()[-1]), err


def infos(tmp_path):
    return [json.loads(path.read_text()) for path in (tmp_path / "runs" / "diffusion").glob("*/run.json")]


def wait_for(what):
    limit = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < limit, "it never happened"
        time.sleep(0.05)
    return found


def begun(tmp_path):
    """The runs that have computed some days since they were taken up."""
    files = (tmp_path / "runs" / "diffusion").glob("*/measures.csv")
    return {path.parent: len(path.read_text().splitlines()) for path in files}


def holders(tmp_path):
    """The processes that compute a run now."""
    found = [holder_of(path).get("pid") for path in (tmp_path / "runs" / "diffusion").glob("*")]
    return [pid for pid in found if pid and alive(pid)]


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_two_studies_at_once_on_one_folder_share_the_work(study, tiny, tmp_path):
    tiny()
    both = [ended(process) for process in (study(), study())]
    assert [code for code, _, _ in both] == [0, 0], both
    assert [answer["done"] for _, answer, _ in both] == [4, 4]
    assert [len(info["sessions"]) for info in infos(tmp_path)] == [1, 1, 1, 1]
    assert not list((tmp_path / "runs").rglob(".*")) and not list((tmp_path / "runs").rglob("lock"))
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.yaml", "runs"}


def test_lost_processes_and_signals_lose_no_run(study, tiny, tmp_path):
    """One study through it all: a run killed, a worker killed, SIGTERM, the study killed; each time it goes on."""
    tiny(*LONG)
    first = study(workers=2)
    wait_for(lambda: len([n for n in begun(tmp_path).values() if n > 3]) == 2)
    one, other = holders(tmp_path)
    os.kill(one, signal.SIGKILL)  # a run
    os.kill(psutil.Process(other).ppid(), signal.SIGKILL)  # a worker: its run stops by itself
    wait_for(lambda: len(holders(tmp_path)) == 2 and not {one, other} & set(holders(tmp_path)))
    first.send_signal(signal.SIGTERM)
    code, answer, err = ended(first)
    assert (code, answer["status"], answer["left"]) == (3, "stopped", 2), err
    assert "the same command goes on from here" in answer["error"] and not holders(tmp_path)

    second = study(workers=2)
    wait_for(lambda: len(holders(tmp_path)) == 2)
    second.kill()
    second.communicate()
    wait_for(lambda: not holders(tmp_path))  # nothing goes on computing without its study

    code, answer, err = ended(study(workers=2))
    assert (code, answer["status"], answer["done"]) == (0, "done", 2), err
    assert [info["status"] for info in infos(tmp_path)] == ["done", "done"]
    assert all(len(info["sessions"]) > 1 for info in infos(tmp_path))


@pytest.mark.parametrize("address", ["nowhere", "tcp://127.0.0.1:9"])
def test_an_address_where_nobody_answers_is_refused(remyelin, tiny, monkeypatch, address):
    from experiments import cluster

    monkeypatch.setattr(cluster, "SECONDS_TO_ANSWER", 0.5)
    answer = remyelin("study", tiny(), "--cluster", address, "--json")
    assert answer.code == 2 and answer.json["status"] == "invalid"
    assert f"--cluster {address}: no Dask scheduler answers there" in answer.err


def test_a_scheduler_at_an_address_is_used(remyelin, tiny):
    from dask.distributed import LocalCluster

    with LocalCluster(
        n_workers=1,
        threads_per_worker=2,
        processes=False,
        protocol="tcp",
        dashboard_address="127.0.0.1:0",
        host="127.0.0.1",
    ) as there:
        answer = remyelin("study", tiny(("    fast:", "    #")), "--cluster", there.scheduler_address, "--json")
    assert answer.code == 0 and answer.json["done"] == 2


def test_slurm_without_its_library_or_workers_is_refused(remyelin, tiny, monkeypatch):
    tiny()
    assert "--cluster slurm needs --workers" in remyelin("study", "tiny.yaml", "--cluster", "slurm").err
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    answer = remyelin("study", "tiny.yaml", "--cluster", "slurm", "--workers", 2)
    assert answer.code == 2 and "pip install 'remyelin[slurm]'" in answer.err
