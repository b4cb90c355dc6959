"""Paired comparison: each arm against the control with the same seed, so that what chance does to both cancels.

Of each read-out: its value at the end of the run, its mean over the run (area under the curve / days) and its peak. The
interval is Student's, of the mean of the differences; one that includes zero shows no difference.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from abm.config import ConfigError
from abm.config.errors import hint
from abm.run_folder import INFO, Run
from experiments.collect import check_measures, write_table
from experiments.compare_figure import forest
from experiments.failures import Refused
from experiments.study import states
from experiments.study_plan import Point, Study, described, measure_units, read_study
from experiments.words import NOTICE

if TYPE_CHECKING:
    import pandas

CONFIDENCE = 0.95
WHEN = {"end": "at the end", "mean": "mean over the run", "peak": "peak"}
TELLING = (  # where nobody says which read-outs to compare; those that the runs have are taken
    "lesion_area_mm2",
    "remyelinated_area_mm2",
    "demyelinated_fraction",
    "axon_loss",
    "bbb_leak",
    "debris_mean",
    "treg_fraction",
    "velocity_m_s",
)
# of one run: (read-out, when) -> value
Numbers = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Group:
    """The runs of one arm at one point of the grid, by seed."""

    name: str
    runs: Mapping[int, Path]


@dataclass(frozen=True)
class Contrast:
    """What an arm does to one number, against its control.

    difference   mean over pairs of arm - control; low, high its interval, None with fewer than two pairs
    control      mean of the control over the same pairs
    """

    arm: str
    against: str
    measure: str
    when: str
    unit: str
    pairs: int
    control: float
    difference: float
    low: float | None
    high: float | None

    @property
    def relative(self) -> float | None:
        """The difference as a share of the control's mean; None where that is zero."""
        return self.difference / abs(self.control) if self.control else None

    @property
    def verdict(self) -> str:
        """What the interval says, in words."""
        if self.low is None or self.high is None:
            return "one pair: no interval"
        if self.low <= 0 <= self.high:
            return "no difference shown"
        return "higher" if self.difference > 0 else "lower"


def summary(days: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """Return the value at the end, the mean over the time in which it exists, and the peak of one read-out."""
    there = np.isfinite(values)
    if not there.any():
        return dict.fromkeys(WHEN, math.nan)
    days, kept = days[there], values[there]
    span = days[-1] - days[0]
    over = float(np.trapezoid(kept, days) / span) if span > 0 else float(kept[-1])
    return {"end": float(values[-1]), "mean": over, "peak": float(kept.max())}


def interval(differences: Sequence[float]) -> tuple[float, float] | None:
    """Return the confidence interval of a mean by Student's t; None of fewer than two."""
    from scipy import stats

    n = len(differences)
    if n < 2:
        return None
    half = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * np.std(differences, ddof=1) / math.sqrt(n)
    return float(np.mean(differences) - half), float(np.mean(differences) + half)


def contrast(
    arm: str, against: str, measure: str, when: str, unit: str, pairs: Sequence[tuple[float, float]]
) -> Contrast | None:
    """Compare pairs (arm, control) of one number; those in which either does not exist are left out. None of no pair."""
    whole = [(a, b) for a, b in pairs if math.isfinite(a) and math.isfinite(b)]
    if not whole:
        return None
    differences = [a - b for a, b in whole]
    low, high = interval(differences) or (None, None)
    control = float(np.mean([b for _, b in whole]))
    return Contrast(arm, against, measure, when, unit, len(whole), control, float(np.mean(differences)), low, high)


# --- which runs are compared ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """What was compared with what, the table and the figure that hold it, and remarks on what was left out."""

    control: str
    contrasts: list[Contrast]
    table: Path | None
    figure: Path | None
    remarks: list[str]


def compare(given: Sequence[str], measures: Sequence[str] = ()) -> Comparison:
    """Compare the arms of a study, or groups of run folders that differ in more than the seed; the first is the control."""
    if len(given) == 1 and not (Path(given[0]) / INFO).is_file():
        study = read_study(given[0])
        check_measures(study, measures)
        return _of_study(study, given[0], list(measures or study.measures))
    return _of_folders([Path(each) for each in given], list(measures))


def _of_study(study: Study, given: str, measures: list[str]) -> Comparison:
    by_arm: dict[tuple[str, Point], dict[int, Path]] = {}
    left = 0
    for run, now in states(study):
        if now.is_done:
            by_arm.setdefault((run.arm, run.point), {})[run.seed] = now.folder
        else:
            left += 1
    groups = {key: Group(", ".join([key[0], *described(key[1])]), runs) for key, runs in by_arm.items()}
    controls = {point: group for (arm, point), group in groups.items() if arm == study.control}
    pairs, remarks = [], []
    for (arm, point), group in groups.items():
        partner = controls.get(point) or controls.get(())
        if partner is None:
            remarks.append(f"{group.name} is left out: {study.control} has no finished run to compare it with")
        elif arm != study.control:
            pairs.append((group, partner))
    if left:
        remarks.append(f"{left} runs are not done and are left out; make them with: remyelin study {given}")
    if not measures:
        measures = [name for name in TELLING if name in study.units]
    contrasts = _contrasts(pairs, measures, study.units)
    if not contrasts:
        raise Refused("; ".join(["there is no pair of finished runs to compare", *remarks]))
    table, figure = study.folder / "compare.csv", study.folder / "compare.png"
    where = "" if len(controls) < 2 else " at the same point of the grid"
    control = f"{study.arms[study.control].label}{where}"
    write_table(frame(contrasts), table)
    labels = {group.name: ", ".join([study.arms[key[0]].label, *described(key[1])]) for key, group in groups.items()}
    forest(figure, contrasts, labels, f"{study.title}: difference from {control}, paired by seed, with 95 % interval")
    return Comparison(control, contrasts, table, figure, remarks)


def _of_folders(folders: Sequence[Path], measures: list[str]) -> Comparison:
    from experiments.labels import arm_names

    runs = [Run.load(folder) for folder in folders]
    unfinished = [str(run.folder) for run in runs if run.info["status"] != "done"]
    if unfinished:
        raise Refused(
            f"these runs are not done: {', '.join(unfinished)}; go on with remyelin resume, or leave them out"
        )
    alike: dict[str, list[Run]] = {}
    for run in runs:
        alike.setdefault(_but_the_seed(run), []).append(run)
    if len(alike) < 2:
        raise Refused("all these runs are of one arm: they differ in nothing but the seed; give those of two arms")
    units = {name: unit for run in runs for name, unit in measure_units(run.config).items()}
    for name in measures:
        if name not in units:
            raise ConfigError([f"--measure {name} is no read-out; {hint(name, units)}"])
    names = arm_names([each[0] for each in alike.values()])
    groups = [Group(name, {run.info["seed"]: run.folder for run in each}) for name, each in zip(names, alike.values())]
    contrasts = _contrasts(
        [(group, groups[0]) for group in groups[1:]], measures or [name for name in TELLING if name in units], units
    )
    if not contrasts:
        raise Refused("no seed is in both groups: runs are compared in pairs of one seed")
    return Comparison(groups[0].name, contrasts, None, None, _unpaired(groups))


def _but_the_seed(run: Run) -> str:
    return run.config.model_copy(update={"seed": 0}).identity()


def _unpaired(groups: Sequence[Group]) -> list[str]:
    control = groups[0]
    alone = {group.name: sorted(set(group.runs) ^ set(control.runs)) for group in groups[1:]}
    return [
        f"{name}: seeds without a partner are left out: {', '.join(map(str, seeds))}"
        for name, seeds in alone.items()
        if seeds
    ]


def _contrasts(
    pairs: Iterable[tuple[Group, Group]], measures: Sequence[str], units: Mapping[str, str]
) -> list[Contrast]:
    pairs = list(pairs)
    numbers = {path: _numbers(path, measures) for each in pairs for group in each for path in group.runs.values()}
    found = [
        contrast(
            group.name,
            control.name,
            measure,
            when,
            units.get(measure, "1"),
            [
                (numbers[path][measure, when], numbers[control.runs[seed]][measure, when])
                for seed, path in group.runs.items()
                if seed in control.runs
            ],
        )
        for measure in measures
        for when in WHEN
        for group, control in pairs
    ]
    return [each for each in found if each is not None]


def _numbers(folder: Path, measures: Sequence[str]) -> Numbers:
    table = Run.load(folder).measures.reindex(columns=["day", *measures])
    days = table["day"].to_numpy()
    return {
        (measure, when): value
        for measure in measures
        for when, value in summary(days, table[measure].to_numpy()).items()
    }


# --- how it is told -------------------------------------------------------------------------------------------------------


def frame(contrasts: Sequence[Contrast]) -> "pandas.DataFrame":
    """Lay contrasts out as a table, one row each."""
    import pandas

    return pandas.DataFrame(
        [
            {
                "arm": each.arm,
                "control": each.against,
                "measure": each.measure,
                "when": each.when,
                "unit": each.unit,
                "pairs": each.pairs,
                "control_mean": each.control,
                "difference": each.difference,
                "low": each.low,
                "high": each.high,
                "relative": each.relative,
                "verdict": each.verdict,
            }
            for each in contrasts
        ]
    )


COLUMNS = ("read-out", "when", "arm", "pairs", "control", "difference", "95 % interval", "relative", "")


def rows(contrasts: Sequence[Contrast]) -> list[tuple[str, ...]]:
    """Write contrasts for people, in the order of the read-outs."""
    return [
        (
            each.measure + (f" [{each.unit}]" if each.unit != "1" else ""),
            WHEN[each.when],
            each.arm,
            str(each.pairs),
            f"{each.control:.4g}",
            f"{each.difference:+.3g}",
            "" if each.low is None or each.high is None else f"{each.low:+.3g} to {each.high:+.3g}",
            "" if each.relative is None else f"{each.relative:+.1%}",
            each.verdict,
        )
        for each in contrasts
    ]


def told(comparison: Comparison) -> Iterator[str]:
    """Say what the table means, what was left out, and where it is kept."""
    shown = sum(each.verdict in ("higher", "lower") for each in comparison.contrasts)
    single = sum(each.low is None for each in comparison.contrasts)
    n = len(comparison.contrasts)
    yield f"differences are arm - control ({comparison.control}), paired by seed"
    if single < n:
        yield (
            f"{shown} of {n - single} intervals exclude zero; each is by itself, so that of 20 intervals "
            "about one does so by chance alone"
        )
    if single:
        yield f"{single} differences are of one pair and have no interval; run more replicates"
    yield from comparison.remarks
    yield NOTICE
    yield from (str(path) for path in (comparison.table, comparison.figure) if path is not None)
