"""Dask: where runs are computed, and what a worker does with one. The only file that knows Dask; imported when needed.

A worker computes what it is handed, one run or several side by side, in a fresh process: what breaks off takes nothing
with it.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dask
from dask.distributed import Client, LocalCluster, WorkerPlugin
from distributed.comm import connect

from experiments import folders
from experiments.claim import TAKEN
from experiments.ensemble import Job, Outcome
from experiments.failures import STOPPED, Refused

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
    with folders.scratch() as scratch, dask.config.set({**settings, "temporary-directory": scratch}):
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


def compute(runs: Sequence[tuple[Job, Path]], home: str, ensemble: str) -> list[Outcome]:
    """Make runs side by side in a fresh process, or go on with them. Never raises for what a run can do.

    runs   each with the folder where it is expected, from ``home``, the folder in which the study was started
    """
    if ensemble in stopped_work:
        return [Outcome(job, folder, "left") for job, folder in runs]
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.child", str(os.getpid()), *_command([job for job, _ in runs])],
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    out, err = _ended(process, ensemble)
    answer = _last_object(out)
    if "runs" in answer:
        return [_outcome(job, folder, result) for (job, folder), result in zip(runs, answer["runs"])]
    status = "stopped" if process.returncode == STOPPED else "failed"
    sentence = answer.get("error") or (err.strip().splitlines() or [""])[-1]
    if process.returncode < 0:
        status, sentence = "killed", f"its process was ended by {signal.Signals(-process.returncode).name}"
    return [Outcome(job, folder, status, error=sentence or f"exit code {process.returncode}") for job, folder in runs]


def _command(jobs: Sequence[Job]) -> list[str]:
    runs = [
        {"scenario": job.scenario, "overrides": job.overrides, "seed": job.seed, "place": job.place and str(job.place)}
        for job in jobs
    ]
    given = [word for run in runs for word in ("--run", json.dumps(run))]
    return ["together", *given, "--threads", "1", "--quiet", "--json"]


def _outcome(job: Job, folder: Path, result: dict[str, Any]) -> Outcome:
    status, sentence = result["status"], result["error"]
    if Path(result["run"]) != folder:
        made = f"this run is in {result['run']}; begin the study again"
        return Outcome(job, folder, "failed", error=f"the code was changed while the study went on: {made}")
    if status == Refused.status:
        status = "busy" if TAKEN in sentence else "failed"
    return Outcome(job, folder, status, result["wall_s"], sentence)


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
