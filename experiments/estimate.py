"""What a study will take before it is begun: time and disk, measured on runs that are done or on a trial of a few seconds."""

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from experiments import folders
from experiments.ensemble import Job, Outcome, places
from experiments.store import bytes_needed
from experiments.study_plan import StudyRun

TRIAL_SECONDS = 10.0
State = tuple[StudyRun, Outcome]


@dataclass(frozen=True)
class Estimate:
    """Seconds of one processor and bytes of disk of the runs that are to do; ``basis`` says what was measured.

    Every run is computed in a process of its own, the start of which counts; the start of the workers does not.
    """

    seconds: float
    bytes: float
    basis: str


def estimate(states: Sequence[State], trial_seconds: float = TRIAL_SECONDS) -> Estimate:
    """Estimate what is to do: from finished runs of the same arm, else of any arm, else from a trial.

    states   every run of a study and how it stands, by the files that ``states`` of experiments/study.py wrote
    """
    open_runs = list({outcome.folder: run for run, outcome in states if not outcome.is_done}.values())
    if not open_runs:
        return Estimate(0.0, 0.0, "nothing is to do")
    measured = _measured(states)
    if not measured:
        return _by_trial(open_runs, trial_seconds)
    everything = [each for costs in measured.values() for each in costs]
    costs = [_means(measured.get((run.arm, run.point), everything)) for run in open_runs]
    of_its_own = sum((run.arm, run.point) in measured for run in open_runs)
    basis = f"measured on {len(everything)} finished runs of this study"
    if of_its_own < len(open_runs):
        basis += f"; {len(open_runs) - of_its_own} of the runs to do are of arms of which none is finished"
    whole, of_run = _one_step(open_runs[0])
    start = whole - of_run
    seconds = sum(cost[0] + start for cost in costs)
    return Estimate(seconds, sum(cost[1] for cost in costs), f"{basis}; {start:.2g} s for the process of each")


def _measured(states: Sequence[State]) -> dict[Any, list[tuple[float, float]]]:
    """Return seconds and bytes of the finished runs of each arm and point of the grid; each run counts once."""
    found: dict[Any, list[tuple[float, float]]] = {}
    for run, outcome in {outcome.folder: (run, outcome) for run, outcome in states}.values():
        if outcome.is_done and outcome.wall_s:
            found.setdefault((run.arm, run.point), []).append((outcome.wall_s, folder_bytes(outcome.folder)))
    return found


def _one_step(run: StudyRun) -> tuple[float, float]:
    """Return the seconds that the process of a run of a single step takes, and those of the run itself among them."""
    from abm.config import load
    from experiments import cluster

    step = load(run.job.scenario, overrides=run.job.overrides).time.step.text
    begun = time.monotonic()
    with folders.scratch() as scratch:
        job = Job("start", run.job.scenario, (*run.job.overrides, f"time.days={step}"), run.job.seed, Path(scratch))
        (outcome,) = cluster.compute([(job, places([job])[0])], os.getcwd(), "estimate")
    return time.monotonic() - begun, outcome.wall_s or 0.0


def _means(costs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return mean(seconds for seconds, _ in costs), mean(size for _, size in costs)


def folder_bytes(folder: Path) -> int:
    """Return the size of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _by_trial(runs: Sequence[StudyRun], seconds: float) -> Estimate:
    """Step the costliest run for a few seconds, and take every run to cost as much for each voxel and step."""
    from abm.config import load

    configs: dict[Any, Any] = {}
    for run in runs:
        key = (run.job.scenario, run.job.overrides)
        configs[key] = configs.get(key) or load(run.job.scenario, overrides=run.job.overrides)
    of_run = [configs[run.job.scenario, run.job.overrides] for run in runs]
    costliest = max(range(len(runs)), key=lambda i: (_work(of_run[i]), _doses(of_run[i])))
    per_step, size, steps = _trial(of_run[costliest], seconds)
    whole = per_step * of_run[costliest].n_steps
    shares = [_work(config) / _work(of_run[costliest]) for config in of_run]
    arm = ", ".join(runs[costliest].job.name.split(", ")[:-1])
    start, _ = _one_step(runs[costliest])
    basis = (
        f"a trial: {steps} steps of the arm '{arm}', {per_step * 1000:.3g} ms each, and {start:.2g} s for the process and "
        "the start of each run; later steps, with more cells, may take longer"
    )
    return Estimate(whole * sum(shares) + start * len(runs), size * sum(shares), basis)


def _work(config: Any) -> int:
    return config.n_steps * math.prod(config.shape)


def _doses(config: Any) -> int:
    return len(config.doses) + len(config.therapy.comparators)


def _trial(config: Any, seconds: float) -> tuple[float, float, int]:
    """Return the seconds of a step, the bytes that the run will write, and how many steps were timed."""
    from abm.model import LesionModel
    from kernels.device import open_machine

    model = LesionModel(config, open_machine("cpu", 1))
    model.step()  # compiles, or loads what was compiled
    model.measure()
    before, begun = model.steps, time.monotonic()
    while model.steps - before < config.n_steps and time.monotonic() - begun < seconds:
        model.step()
    timed = model.steps - before
    per_step = (time.monotonic() - begun) / timed
    frames = math.ceil(config.hours / float(config.output.frames_every)) + 1
    state = sum(array.nbytes for array in model.state().values())
    layers = sum(name not in config.fields or name in config.output.fields for name in model.layer_names)
    cells = sum(count for kind, count in model.counts().items() if kind in config.output.cells)
    size = bytes_needed(frames, layers, math.prod(config.shape), cells, state)
    return per_step, size, timed
