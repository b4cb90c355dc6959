"""Many runs on many processors: what is done is not done again, what was stopped goes on, one failure stops nothing else.

    outcomes = compute_all([Job("untreated", "acute", (), seed) for seed in range(1, 9)], workers=4)

No more runs are handed out than work at a time: a signal then stops them all at a checkpoint, and none begins after it.
"""

import itertools
import os
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from experiments import checkpoints, folders, provenance, side_by_side
from experiments.claim import is_held
from experiments.failures import Failure, Stopped
from experiments.listening import StopRequest, listening
from experiments.progress import Silent
from experiments.store import CHECKPOINTS

ATTEMPTS = 3  # for a run whose process or worker was lost
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_TO_STOP = 120.0  # for a step and a checkpoint of the largest grid


@dataclass(frozen=True)
class Job:
    """One run: a scenario (a name or a path) with overrides such as ``time.days=3`` and a seed.

    name    for people
    place   a folder in which the run's folder is made, named by its hash; without it runs/<scenario>
    """

    name: str
    scenario: str
    overrides: tuple[str, ...]
    seed: int
    place: Path | None = None

    @property
    def but_for_the_seed(self) -> tuple:
        """What replicates of each other share."""
        return self.scenario, self.overrides, self.place


Left = tuple[Job, Path]  # a run that is to do, and its folder


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    status   done (now), exists (was done before), failed, stopped (by a signal or a full disk; it can go on), left (not
             begun, or not gone on with, because the ensemble was stopped); while it goes on: running, busy (another process has
             it), lost (with its process or worker, to be handed out again)
    wall_s   seconds it took to compute, over all its sessions
    error    one sentence
    """

    job: Job
    folder: Path
    status: str
    wall_s: float | None = None
    error: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether the run is finished, now or before."""
        return self.status in ("done", "exists")


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def configs_of(jobs: Sequence[Job]) -> dict[tuple, Any]:
    """Return the config of each kind of run, by ``but_for_the_seed``. Raises ConfigError with every problem of all."""
    from abm.config import ConfigError, load

    configs: dict[tuple, Any] = {}
    wrong: dict[str, None] = {}
    for job in jobs:
        if job.but_for_the_seed not in configs:
            try:
                configs[job.but_for_the_seed] = load(job.scenario, overrides=job.overrides)
            except ConfigError as error:
                configs[job.but_for_the_seed] = None
                wrong |= dict.fromkeys(error.messages)
    if wrong:
        raise ConfigError(wrong)
    return configs


def places(jobs: Sequence[Job], configs: Mapping[tuple, Any] | None = None) -> list[Path]:
    """Return the folder of each run. Raises ConfigError with every problem of every scenario."""
    configs = configs_of(jobs) if configs is None else configs
    return [_place(job, configs[job.but_for_the_seed]) for job in jobs]


def _place(job: Job, config: Any) -> Path:
    digits = provenance.run_hash(config.model_copy(update={"seed": job.seed}))
    return (job.place or Path(folders.RUNS) / config.name) / digits


def standing(job: Job, folder: Path) -> Outcome:
    """Return how a run stands, by its folder: left where nothing is there; nothing is computed."""
    try:
        info = folders.read_info(folder)
    except Failure as failure:
        return Outcome(job, folder, "failed", error=str(failure))
    status = {"done": "exists", "running": "stopped"}.get(info.get("status", "left"), info.get("status", "left"))
    if is_held(folder):
        return Outcome(job, folder, "busy", info.get("wall_s"))
    return Outcome(job, folder, status, info.get("wall_s"), info.get("error"))


def compute_all(
    jobs: Sequence[Job],
    workers: int | None = None,
    cluster: str = "local",
    slabs: int | None = 1,
    *,
    tell: Callable[[Outcome], None] = lambda outcome: None,
    reporter: Silent | None = None,
    retry_failed: bool = False,
) -> list[Outcome]:
    """Make all runs that are not there yet, and return what became of each, in the order of ``jobs``.

    workers        how many are computed at a time; by default as many as there are processors, here or at the address
    cluster        local, slurm, or the address of a Dask scheduler
    slabs          how many runs one process computes side by side; None for as many as pay
    tell           is told of each run that begins, is found busy, or ends
    retry_failed   go on with runs that failed before; otherwise these are left as they are

    After SIGINT or SIGTERM the running ones stop at a checkpoint, and the others are left.
    Raises ConfigError, before anything runs, where a config cannot be used.
    """
    configs = configs_of(jobs)
    ensemble = _Ensemble(jobs, places(jobs, configs), tell, reporter or Silent(), retry_failed)
    if ensemble.left:
        ensemble.compute(workers, cluster, slabs, configs)
    return [replace(ensemble.outcomes[folder], job=job) for job, folder in zip(jobs, ensemble.folders)]


class _Ensemble:
    """The runs that are left, those under way, and what became of the others."""

    def __init__(
        self,
        jobs: Sequence[Job],
        paths: list[Path],
        tell: Callable[[Outcome], None],
        reporter: Silent,
        retry_failed: bool,
    ):
        self.folders = paths
        self.tell, self.reporter, self.retry_failed = tell, reporter, retry_failed
        self.outcomes: dict[Path, Outcome] = {}
        self.left: deque[Left] = deque()
        self.under_way: dict[Any, list[Left]] = {}
        self.lost: Counter[Path] = Counter()
        for folder, job in dict(zip(paths, jobs)).items():  # jobs that are the same run are computed once
            if not self.is_settled(job, folder):
                self.left.append((job, folder))

    def settle(self, outcome: Outcome, folder: Path) -> None:
        """Note what became of a run."""
        self.outcomes[folder] = outcome
        self.tell(outcome)

    def is_settled(self, job: Job, folder: Path) -> bool:
        """Whether nothing is left to do for a run; it is noted then."""
        now = standing(job, folder)
        settled = now.is_done or (now.status == "failed" and not self.retry_failed)
        if settled:
            self.settle(now, folder)
        return settled

    def next(self, most: Mapping[tuple, int], group: Mapping[tuple, int]) -> list[Left]:
        """Take the first run that is left and that no other process has, and those that can go beside it.

        most    how many go side by side, by ``but_for_the_seed``
        group   which of them, likewise
        """
        taken: list[Left] = []
        for job, folder in list(self.left):
            if taken and len(taken) == most[taken[0][0].but_for_the_seed]:
                break
            if taken and not self.go_together((job, folder), taken[0], group):
                continue
            if is_held(folder):
                self.note_busy(job, folder)
                continue
            self.left.remove((job, folder))
            if not self.is_settled(job, folder):
                taken.append((job, folder))
        return taken

    def go_together(self, one: Left, other: Left, group: Mapping[tuple, int]) -> bool:
        """Whether two runs of a group stand at the same step; what was lost once goes on alone."""
        (job, folder), (other_job, other_folder) = one, other
        if (
            group[job.but_for_the_seed] != group[other_job.but_for_the_seed]
            or self.lost[folder]
            or self.lost[other_folder]
        ):
            return False
        return checkpoints.newest_step(folder / CHECKPOINTS) == checkpoints.newest_step(other_folder / CHECKPOINTS)

    def note_busy(self, job: Job, folder: Path) -> None:
        if self.outcomes.get(folder) is None or self.outcomes[folder].status != "busy":
            self.settle(Outcome(job, folder, "busy"), folder)

    def compute(self, workers: int | None, cluster: str, slabs: int | None, configs: Mapping[tuple, Any]) -> None:
        """Hand out runs until none is left or a signal comes."""
        from experiments import cluster as dask

        stop = StopRequest(self.reporter)
        if cluster == dask.LOCAL:
            workers = min(workers or cores(), len(self.left))
        with dask.connected(cluster, workers) as client, listening(stop):
            token, home = uuid.uuid4().hex, os.getcwd()
            there = sum(client.nthreads().values())
            at_once = workers or there or 1
            most = side_by_side.most(slabs, configs, len(self.left), at_once)
            group = side_by_side.groups(configs, most)
            if not there:
                self.reporter.message("waiting for workers")
            while (self.left or self.under_way) and stop.by is None:
                while len(self.under_way) < at_once and (free := self.next(most, group)):
                    future = client.submit(dask.compute, free, home, token, pure=False)
                    self.under_way[future] = free
                    for job, folder in free:
                        self.settle(Outcome(job, folder, "running"), folder)
                self.gather()
                if client.status not in ("running", "connecting"):
                    raise Stopped(f"the Dask scheduler at {cluster} is gone; the same command goes on from here")
                time.sleep(SECONDS_BETWEEN_LOOKS)
            give_up = time.monotonic() + SECONDS_TO_STOP
            while self.under_way and time.monotonic() < give_up:
                client.run(dask.stop_work, token, on_error="ignore")  # again: a worker may have been started anew
                self.gather(stopping=True)
                time.sleep(SECONDS_BETWEEN_LOOKS)
            for job, folder in (*self.left, *itertools.chain(*self.under_way.values())):
                self.settle(Outcome(job, folder, "left"), folder)

    def gather(self, stopping: bool = False) -> None:
        """Take what has ended from the workers; what another process has or was lost on the way is left for later."""
        for future in [future for future in self.under_way if future.done()]:
            runs = self.under_way.pop(future)
            lost = [Outcome(job, folder, "killed", error="its worker was lost") for job, folder in runs]
            for outcome in future.result() if future.status == "finished" else lost:
                self.take(outcome, stopping)

    def take(self, outcome: Outcome, stopping: bool) -> None:
        """Take up what became of one run."""
        folder = outcome.folder
        if not stopping and self.is_to_go_on(outcome, folder):
            if outcome.status != "busy":
                self.tell(
                    replace(outcome, status="lost", error=f"{outcome.error}; it goes on from its last checkpoint")
                )
            self.left.append((outcome.job, folder))
        elif outcome.status == "killed" and stopping:
            self.settle(replace(outcome, status="stopped"), folder)
        elif outcome.status == "killed":
            sentence = f"{outcome.error} {ATTEMPTS} times; is there enough memory?"
            self.settle(replace(outcome, status="failed", error=sentence), folder)
        else:
            self.settle(outcome, folder)

    def is_to_go_on(self, outcome: Outcome, folder: Path) -> bool:
        """Whether a run that came back is to be handed out again."""
        if outcome.status == "busy":
            self.note_busy(outcome.job, folder)
            return True
        if outcome.status in ("killed", "stopped"):
            self.lost[folder] += 1
            return self.lost[folder] < ATTEMPTS
        return False
