"""Looking for values: a sampler proposes points, the runs say how far they miss, and it learns from that.

The same file asks for the same points: a search that was stopped finds its runs done, and goes on from there.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from experiments.failures import Refused, RunFailed
from experiments.sensitivity.indices import outcomes
from experiments.study import states
from experiments.study_plan import Point, Study

SEED = 1  # of the sampler


@dataclass(frozen=True)
class Trial:
    """A point that was tried. found  what it came to, by the name of the goal;  miss  NaN where a run failed"""

    point: Point
    found: Mapping[str, float]
    miss: float


def search(study: Study, make_runs: Callable[[Study], Any]) -> list[Trial]:
    """Try the points of a calibration, batch by batch, and return them all. Raises Stopped where the runs were stopped.

    make_runs   makes what is missing of a study
    """
    assert study.sample is not None and study.calibration is not None
    parameters, calibration = study.sample.parameters, study.calibration
    sampler, range_of = _sampler(), _optuna().distributions.FloatDistribution
    asked: dict[str, Any] = {each.key: range_of(0.0, 1.0) for each in parameters}
    shares, trials = np.zeros((0, len(parameters))), list[Trial]()
    while len(trials) < calibration.trials:
        batch = [sampler.ask(asked) for _ in range(min(calibration.batch, calibration.trials - len(trials)))]
        own = np.array([[trial.params[each.key] for each in parameters] for trial in batch])
        shares = np.concatenate([shares, own])
        made = replace(study, sample=replace(study.sample, shares=shares))
        with suppress(RunFailed):  # a point of no lesion: nothing is learned from it but to look elsewhere
            make_runs(made)
        for trial, tried in zip(batch, judged(made)[len(trials) :]):
            trials.append(tried)
            failed = _optuna().trial.TrialState.FAIL
            sampler.tell(trial, tried.miss) if math.isfinite(tried.miss) else sampler.tell(trial, state=failed)
    return trials


def judged(study: Study) -> list[Trial]:
    """Hold the runs of every point of a study against its goals."""
    assert study.sample is not None and study.calibration is not None
    goals = study.calibration.goals
    measures = tuple(dict.fromkeys(goal.measure for goal in goals))
    of = outcomes(replace(study, measures=measures), states(study))
    trials = []
    for number, point in enumerate(study.sample.points):
        found = {goal.name: float(of[goal.arm, goal.measure, goal.when][number]) for goal in goals}
        trials.append(Trial(point, found, sum(goal.miss(found[goal.name]) for goal in goals)))
    return trials


def best(trials: list[Trial]) -> Trial:
    """Return the trial that misses least. Raises Refused where all failed."""
    whole = [trial for trial in trials if math.isfinite(trial.miss)]
    if not whole:
        raise Refused(f"none of {len(trials)} points came to a lesion whose goals exist; widen or move the ranges")
    return min(whole, key=lambda trial: trial.miss)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise Refused('calibrate needs the package optuna: pip install "remyelin[study]"') from None
    return optuna


def _sampler() -> Any:
    """Return optuna's study, which proposes points by its usual sampler, a tree of Parzen estimators."""
    optuna = _optuna()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
