"""Dask: where runs are computed, and what a worker does with one. The only file that knows Dask; imported when needed.

A worker computes each run in a fresh process of its own, so that a run that breaks off takes nothing with it.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
from dask.distributed import Client, LocalCluster, WorkerPlugin
from distributed.comm import connect

from experiments import folders
from experiments.claim import TAKEN
from experiments.ensemble import Job, Outcome
from experiments.failures import DONE, INVALID, STOPPED, Failure, Refused

LOCAL, SLURM = "local", "slurm"
SECONDS_BETWEEN_LOOKS = 0.2
PATIENCE = "60 s"  # for a busy machine to answer
SECONDS_TO_ANSWER = 10  # for a scheduler at an address
JOB_MEMORY = "4 GiB"  # of a SLURM job, unless the configuration of dask-jobqueue says otherwise

stopped_work: set[str] = set()  # of this worker: the ensembles that are to stop


# --- in the process that hands out runs -----------------------------------------------------------------------------------


@contextlib.contextmanager
def connected(cluster: str, workers: int | None) -> Iterator[Client]:
    """Start workers, or connect to those at an address, and let them go at the end."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    settings = {"distributed.comm.timeouts.connect": PATIENCE, "distributed.comm.timeouts.tcp": PATIENCE}
    with (
        tempfile.TemporaryDirectory(prefix="remyelin-", ignore_cleanup_errors=True) as scratch,
        dask.config.set(settings),
    ):
        opened = _open(cluster, workers, scratch)
        client = Client(opened, set_as_default=False)
        try:
            if cluster == LOCAL:
                client.register_plugin(DeafToInterrupts())
            yield client
        finally:
            client.close()
            if not isinstance(opened, str):
                opened.close()


def _open(cluster: str, workers: int | None, scratch: str) -> Any:
    if cluster == LOCAL:
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # any port: no page is asked for, and another study may run beside this one
            memory_limit=0,  # the runs have the memory, not the workers
            local_directory=scratch,
            silence_logs=logging.CRITICAL,
        )
    if cluster == SLURM:
        return _slurm(workers)
    try:  # a Client that finds nobody would not let the program end
        asyncio.run(_reach(cluster))
    except (OSError, ValueError) as error:
        raise Refused(f"--cluster {cluster}: no Dask scheduler answers there ({error or 'time is out'})") from None
    return cluster


async def _reach(address: str) -> None:
    comm = await connect(address, timeout=SECONDS_TO_ANSWER)
    await comm.close()


def _slurm(workers: int | None) -> Any:
    if workers is None:
        raise Refused("--cluster slurm needs --workers: how many jobs of one core to send")
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise Refused("--cluster slurm needs dask-jobqueue; install it with: pip install 'remyelin[slurm]'") from None
    memory = dask.config.get("jobqueue.slurm.memory", None) or JOB_MEMORY
    logs = str(Path(folders.RUNS) / "slurm")
    try:
        opened = SLURMCluster(cores=1, processes=1, memory=memory, log_directory=logs)
        opened.adapt(minimum_jobs=workers, maximum_jobs=workers)  # a job that ends at its time limit is sent again
    except (OSError, ValueError, RuntimeError) as error:
        raise Refused(f"--cluster slurm: no job could be sent ({error})") from None
    return opened


class DeafToInterrupts(WorkerPlugin):
    """Leaves Ctrl-C, which reaches every process of a terminal, to the process that hands out runs."""

    name = "remyelin"

    def setup(self, worker: Any) -> None:
        """Ignore SIGINT in a worker process."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)


# --- in a worker ----------------------------------------------------------------------------------------------------------


def stop_work(ensemble: str) -> None:
    """Let the runs of an ensemble stop at a checkpoint, and begin no more of them."""
    stopped_work.add(ensemble)


def compute(job: Job, folder: Path, home: str, ensemble: str) -> Outcome:
    """Make one run in a fresh process, or go on with it. Never raises for what a run can do.

    folder     where the run is expected, from ``home``, the folder in which the study was started
    """
    try:
        begun = bool(folders.read_info(Path(home) / folder))
    except Failure as failure:
        return Outcome(job, folder, "failed", error=str(failure))
    if ensemble in stopped_work:
        return Outcome(job, folder, "left")
    command = ["resume", str(folder)] if begun else [*_as_run(job), *(("--out", str(folder)) if job.place else ())]
    command = [sys.executable, "-m", "experiments.child", str(os.getpid()), *command]
    process = subprocess.Popen(
        [*command, "--threads", "1", "--quiet", "--json"],
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    out, err = _ended(process, ensemble)
    answer = _last_object(out)
    made = Path(answer.get("run") or folder)
    if made != folder:
        sentence = f"the code was changed while the study went on: this run is in {made}; begin the study again"
        return Outcome(job, folder, "failed", error=sentence)
    sentence = answer.get("error") or (err.strip().splitlines() or [""])[-1]
    if process.returncode == DONE:
        return Outcome(job, folder, answer["status"], answer["wall_s"])
    if process.returncode == STOPPED:
        return Outcome(job, folder, "stopped", answer.get("wall_s"), sentence)
    if process.returncode == INVALID:
        taken = TAKEN in sentence or (not begun and bool(folders.read_info(Path(home) / folder)))
        return Outcome(job, folder, "busy" if taken else "failed", error=sentence)
    if process.returncode < 0:
        by = signal.Signals(-process.returncode).name
        return Outcome(job, folder, "killed", error=f"its process was ended by {by}")
    return Outcome(job, folder, "failed", answer.get("wall_s"), sentence or f"exit code {process.returncode}")


def _as_run(job: Job) -> list[str]:
    overrides = [word for override in job.overrides for word in ("--set", override)]
    return ["run", job.scenario, *overrides, "--seed", str(job.seed)]


def _ended(process: subprocess.Popen, ensemble: str) -> tuple[str, str]:
    """Wait for a process; let it stop at a checkpoint once its ensemble is to stop."""
    told = False
    while True:
        try:
            return process.communicate(timeout=SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            if ensemble in stopped_work and not told:
                process.terminate()
                told = True


def _last_object(out: str) -> dict[str, Any]:
    try:
        return dict(json.loads(out.splitlines()[-1]))
    except (IndexError, ValueError, TypeError):
        return {}
