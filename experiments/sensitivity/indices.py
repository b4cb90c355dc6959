"""What a sample shows: how much each parameter decides, of every arm and of its difference from the control."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.run_folder import Run
from experiments.compare import TELLING, WHEN, summary
from experiments.ensemble import Outcome
from experiments.sensitivity.sampling import LEVELS, MORRIS, SEED, Sample
from experiments.study_plan import Study, StudyRun

if TYPE_CHECKING:
    import pandas

FEWEST_BLOCKS = 2
# of each method: what orders the parameters, then what else is told; each with half of its 95 % interval, or None
ORDER = {"morris": ("mu_star", "mu_star_conf"), "sobol": ("ST", "ST_conf")}
BESIDE = {"morris": (("mu", None), ("sigma", None)), "sobol": (("S1", "S1_conf"),)}
ABOUT = {
    "morris": "mu_star: mean change of the read-out over the whole range of a value, either way; mu: with its sign; "
    "sigma: how much it depends on the other values, or on chance",
    "sobol": "ST: share of the variance that goes with a value, alone or with others; S1: with it alone",
}

Outcomes = Mapping[tuple[str, str, str], np.ndarray]  # (arm, read-out, when) -> one number for each point


@dataclass(frozen=True)
class Effect:
    """How much a parameter decides one number. numbers  by the names that SALib gives them"""

    what: str
    measure: str
    when: str
    unit: str
    parameter: str
    points: int
    numbers: Mapping[str, float]


def outcomes(study: Study, found: Sequence[tuple[StudyRun, Outcome]]) -> Outcomes:
    """Return what the runs of each arm came to at each point, mean over the seeds; NaN where a run is not done.

    Beside the arms are their differences from the control, seed by seed: ``arm - control``.
    """
    assert study.sample is not None
    place = {point: number for number, point in enumerate(study.sample.points)}
    measures = list(study.measures) or [name for name in TELLING if name in study.units]
    n, seeds = len(study.sample.shares), list(study.seeds)
    numbers = {
        (arm, measure, when): np.full((n, len(seeds)), np.nan)
        for arm in study.arms
        for measure in measures
        for when in WHEN
    }
    same: list[list[int]] = [[] for _ in range(n)]  # points of a trajectory may come again
    for number, point in enumerate(study.sample.points):
        same[place[point]].append(number)
    for run, now in found:
        if now.is_done:
            rows = same[place[run.point]] if run.point else range(n)
            table = Run.load(now.folder).measures
            days = table["day"].to_numpy()
            for measure in measures:
                for when, value in summary(days, table[measure].to_numpy()).items():
                    numbers[run.arm, measure, when][list(rows), seeds.index(run.seed)] = value
    for arm in [arm for arm in study.arms if arm != study.control]:
        for measure in measures:
            for when in WHEN:
                both = numbers[arm, measure, when], numbers[study.control, measure, when]
                numbers[difference(study, arm), measure, when] = both[0] - both[1]
    return {key: values.mean(axis=1) for key, values in numbers.items()}


def difference(study: Study, arm: str) -> str:
    """Name the difference of an arm from the control."""
    return f"{arm} - {study.control}"


def effects(study: Study, of: Outcomes) -> Iterator[Effect]:
    """Give the effect of every parameter on every number, largest first. What has not enough finished runs is left out."""
    assert study.sample is not None
    for (what, measure, when), values in of.items():
        shares, whole = finished(study.sample, values)
        if len(whole):
            found = analyse(study.sample, shares, whole)
            for number in np.argsort(-found[ORDER[study.sample.method][0]], kind="stable"):
                own = {name: float(found[name][number]) for name in names(study.sample.method)}
                key = study.sample.parameters[number].key
                yield Effect(what, measure, when, study.units.get(measure, "1"), key, len(whole), own)


def names(method: str) -> list[str]:
    """The numbers of an effect, the one that orders the parameters first."""
    return [name for pair in (ORDER[method], *BESIDE[method]) for name in pair if name is not None]


def finished(sample: Sample, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the points and numbers of the blocks that are whole: a trajectory, or a base sample with what belongs to it."""
    size = len(sample.parameters) + (1 if sample.method == MORRIS else 2)
    there = np.isfinite(values).reshape(-1, size).all(axis=1)
    if there.sum() < FEWEST_BLOCKS:
        there[:] = False
    kept = np.repeat(there, size)
    return sample.shares[kept], values[kept]


def analyse(sample: Sample, shares: np.ndarray, values: np.ndarray) -> Mapping[str, Any]:
    """Return the numbers of SALib, an array over the parameters each; zeros where nothing changes."""
    import SALib.analyze.morris
    import SALib.analyze.sobol

    if np.ptp(values) == 0:
        return {name: np.zeros(len(sample.parameters)) for name in names(sample.method)}
    if sample.method == MORRIS:
        return SALib.analyze.morris.analyze(sample.problem, shares, values, num_levels=LEVELS, seed=SEED)
    return SALib.analyze.sobol.analyze(sample.problem, values, calc_second_order=False, seed=SEED)


def frame(found: Sequence[Effect]) -> "pandas.DataFrame":
    """Return the effects as a table."""
    import pandas

    about = ("what", "measure", "when", "unit", "parameter", "points")
    return pandas.DataFrame([{**{name: getattr(each, name) for name in about}, **each.numbers} for each in found])
