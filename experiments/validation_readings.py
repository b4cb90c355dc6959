"""What the validation study reads off the course of a run, and how it is judged. Days are days; no value is NaN.

A reading is written ``[name, column, numbers...]``: ``[at, sheathed, 56]``. The names are the functions in ``READINGS``,
the columns those of a run's read-outs and of ``derive``.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

EFFECTORS = ("th1", "th17", "cd8")


class Course:
    """The read-outs of one run over time, with the columns that ``derive`` adds.

    run, config   its folder and config, for what only the frames tell; a table alone will do for the rest
    """

    def __init__(self, measures: pd.DataFrame, run: Any = None, config: Any = None):
        self.table, self.run, self.config = measures, run, config

    @classmethod
    def all_of(cls, runs: Sequence[Any]) -> list["Course"]:
        """Read the courses of the finished runs of one study; they share all of their config but the seed."""
        if not runs:
            return []
        config = runs[0].config
        solid = len(config.grid.size) == 3
        area = float(config.grid.size[0]) * float(config.grid.size[1]) * 1e-6
        depth = float(config.grid.size[2] if solid else config.grid.thickness) * 1e-3
        healthy_ol = float(config.cells["oligodendrocyte"].initial_density)
        return [cls(derive(run.measures, area, depth, solid, healthy_ol), run, config) for run in runs]

    def series(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the days and values of a column, without those that do not exist."""
        if column == "trigger_bbb":
            days, values = self.trigger_bbb
        else:
            days, values = self.table["day"].to_numpy(), self.table[column].to_numpy(dtype=float)
        known = np.isfinite(values)
        return days[known], values[known]

    @cached_property
    def trigger_bbb(self) -> tuple[np.ndarray, np.ndarray]:
        """Permeability of the venule that is forced open, at each frame."""
        x, y = site(self.config)
        values = []
        for day in self.run.frame_days:
            cells = self.run.cells(day)
            venules = cells[cells["kind"] == "venule"]
            nearest = np.hypot(venules["x"] - x, venules["y"] - y).idxmin()
            values.append(float(venules.loc[nearest, "bbb"]))
        return self.run.frame_days, np.array(values)

    def read(self, reading: Sequence[Any]) -> float:
        """Return one number, NaN where the course does not give it."""
        name, *arguments = reading
        if name == "share_within":
            return share_within(self, *arguments)
        days, values = self.series(arguments[0])
        return float(READINGS[name](self, days, values, *arguments[1:])) if len(days) else math.nan


def site(config: Any) -> tuple[float, float]:
    """Return where the venule is that is forced open first, um."""
    first = min(config.tissue.trigger.windows.values(), key=lambda window: float(window.from_))
    place = config.tissue.venules.positions[first.venule]
    return float(place.x), float(place.y)


# --- columns --------------------------------------------------------------------------------------------------------------


def derive(measures: pd.DataFrame, area: float, depth: float, solid: bool, healthy_ol: float) -> pd.DataFrame:
    """Add what is read beside the read-outs: shares of the start or of the peak, sums of kinds, densities.

    area, depth   of the tissue, mm2 and mm; ``solid`` tells that read-outs of areas are volumes
    healthy_ol    oligodendrocytes per mm3 of healthy tissue
    """
    m = measures
    new = {
        "area_mm2": m["lesion_area_mm2"] / (depth if solid else 1),
        "t_cells": sum(m[f"count.{kind}"] for kind in EFFECTORS),
        "sheathed": m["core.myelin"] / (1 - m["axon_loss"]),
        "all_sheathed": 1 - m["demyelinated_fraction"],
        "recovered": after_peak(m["lesion_area_mm2"], lambda v: 1 - v / v.max()),
        "debris_left": m["mean.debris"] / m["mean.debris"].max(),
        "debris_mean_left": m["debris_mean"] / m["debris_mean"].max(),
        "amplitude_of_start": m["amplitude"] / m["amplitude"].iloc[0],
        "amplitude_regained": after_peak(-m["amplitude"], lambda v: (v.max() - v) / (v.max() - v.iloc[0])),
        "delay": m["latency_ms"] - m["latency_ms"].iloc[0],
        "myelin_of_start": m["mean.myelin"] / m["mean.myelin"].iloc[0],
        "ol_share": m["count.oligodendrocyte"] / m["count.oligodendrocyte"].iloc[0],
    }
    new["delay_left"] = new["delay"] / new["delay"].max()
    new["t_per_mm3"], new["phagocytes_per_mm3"] = new["t_cells"] / (area * depth), m["phagocytes"] / (area * depth)
    new |= _near(m, healthy_ol)
    return pd.concat([m, pd.DataFrame(new, index=m.index)], axis=1)


def _near(m: pd.DataFrame, healthy_ol: float) -> dict[str, Any]:
    """The columns of the region ``near`` of a study, as far as it reads them."""
    new: dict[str, Any] = {}
    if "near_axons" in m:
        new["near_sheathed"] = m["near_myelin"] / m["near_axons"]
        new["near_bare"] = m["near_axons"] - m["near_myelin"]
        new["near_axons_missing"] = 1 - m["near_axons"]
        new["near_debris_left"] = m["near_debris"] / m["near_debris"].max()
        new["near_ol_share"] = m["near_ol"] / m["near_ol"].iloc[0]
        new["near_ol_of_healthy"] = m["near_ol"] / healthy_ol
    if "near_th1" in m:
        new["near_t"] = sum(m[f"near_{kind}"] for kind in EFFECTORS)
        new["near_treg_share"] = m["near_treg"] / new["near_t"].where(new["near_t"] > 0)
        new["near_phagocytes"] = m["near_macrophage"] + m["near_microglia"]
        new["near_opc_share"] = m["near_opc"] / m["near_opc"].iloc[0]
    return new


def after_peak(values: pd.Series, change: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """Return a change of a column, from its highest value on; NaN before, and where it never rose."""
    if not values.max() > values.iloc[0]:
        return values * math.nan
    return change(values).where(values.index >= values.idxmax())


# --- readings -------------------------------------------------------------------------------------------------------------


def at(course: Course, days: np.ndarray, values: np.ndarray, day: float) -> float:
    """The value at a day, between its neighbours; none outside the course."""
    return float(np.interp(day, days, values, left=math.nan, right=math.nan))


def mean(course: Course, days: np.ndarray, values: np.ndarray, begin: float, end: float) -> float:
    """The mean from one day to another; none where the course does not reach so far."""
    within = (days >= begin) & (days <= end)
    return float(values[within].mean()) if within.any() and days[-1] >= end else math.nan


def first_below(course: Course, days: np.ndarray, values: np.ndarray, level: float) -> float:
    """The first day after the highest value, itself not below a level, on which the value is below it."""
    below = (values < level) & (np.arange(len(values)) > values.argmax())
    return float(days[below.argmax()]) if below.any() and values.max() >= level else math.nan


def reaches(course: Course, days: np.ndarray, values: np.ndarray, level: float) -> float:
    """The first day on which the value is at least a level."""
    there = values >= level
    return float(days[there.argmax()]) if there.any() else math.nan


def stays_below(course: Course, days: np.ndarray, values: np.ndarray, level: float) -> float:
    """The day from which the value, once not below a level, is below it to the end."""
    above = np.flatnonzero(values >= level)
    return float(days[above[-1] + 1]) if len(above) and above[-1] + 1 < len(days) else math.nan


def halfway_up(course: Course, days: np.ndarray, values: np.ndarray) -> float:
    """The first day on which the value is half way from its start to its highest."""
    return float(days[(values >= (values[0] + values.max()) / 2).argmax()]) if values.max() > values[0] else math.nan


def lag(course: Course, days: np.ndarray, values: np.ndarray, other: str) -> float:
    """Days from the lowest value to the highest of another column."""
    other_days, others = course.series(other)
    return float(other_days[others.argmax()] - days[values.argmin()])


READINGS: dict[str, Callable[..., float]] = {
    "at": at,
    "mean": mean,
    "first_below": first_below,
    "reaches": reaches,
    "stays_below": stays_below,
    "halfway_up": halfway_up,
    "lag": lag,
    "last": lambda course, days, values: values[-1],
    "highest": lambda course, days, values: values.max(),
    "lowest": lambda course, days, values: values.min(),
    "day_highest": lambda course, days, values: days[values.argmax()] if values.max() > values[0] else math.nan,
    "day_lowest": lambda course, days, values: days[values.argmin()] if values.min() < values[0] else math.nan,
    "stray": lambda course, days, values: np.abs(values / values[0] - 1).max(),  # furthest from the start, as a share
}


def share_within(course: Course, radius: float) -> float:
    """The share of the demyelinated area within a radius (um) of its venule, in the frame nearest to its largest."""
    from abm.tissue import DEMYELINATED_BELOW

    day = READINGS["day_highest"](course, *course.series("lesion_area_mm2"))
    if not math.isfinite(day):
        return math.nan
    myelin = course.run.field("myelin", day)
    x, y = site(course.config)
    lesion = (myelin < DEMYELINATED_BELOW).to_numpy()
    near = (np.hypot(myelin["x"] - x, myelin["y"] - y) <= radius).transpose("y", "x").to_numpy()
    return float((lesion & near).sum() / lesion.sum()) if lesion.any() else math.nan


# --- judgement ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """A reading over the seeds of a study."""

    values: tuple[float, ...]

    @property
    def known(self) -> np.ndarray:
        return np.array([value for value in self.values if math.isfinite(value)])

    @property
    def missing(self) -> int:
        """In how many runs the course did not give it."""
        return len(self.values) - len(self.known)

    @property
    def mean(self) -> float:
        return float(self.known.mean()) if len(self.known) else math.nan

    @property
    def sd(self) -> float:
        """Standard deviation over seeds; NaN below two."""
        return float(self.known.std(ddof=1)) if len(self.known) > 1 else math.nan

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return self.sd / math.sqrt(len(self.known)) if len(self.known) else math.nan


def sample(courses: Sequence[Course], reading: Sequence[Any]) -> Sample:
    """Read every course."""
    return Sample(tuple(course.read(reading) for course in courses))


def verdict(found: Sample, expected: Mapping[str, float]) -> str:
    """Whether the mean over seeds lies within what is expected, limits included: ``in`` or ``out``.

    A reading that any of the runs does not give is ``out``.
    """
    inside = expected.get("from", -math.inf) <= found.mean <= expected.get("to", math.inf)
    return "in" if inside and not found.missing else "out"


@dataclass(frozen=True)
class Shift:
    """How far the mean of a variant lies from that of its base, in standard deviations of the base over seeds."""

    base: Sample
    variant: Sample
    spread: float  # standard deviation over the seeds of the base

    @property
    def size(self) -> float:
        difference = self.variant.mean - self.base.mean
        return difference / self.spread if self.spread else (0.0 if difference == 0 else math.inf)

    @property
    def error(self) -> float:
        """Standard error of the difference, in the same unit."""
        return math.hypot(self.base.error, self.variant.error) / self.spread if self.spread else math.nan

    @property
    def verdict(self) -> str:
        """``within`` the spread, ``beyond`` it; a missing reading is beyond."""
        inside = abs(self.size) < 1 or self.size == 0
        return "within" if inside and not self.base.missing and not self.variant.missing else "beyond"

    @property
    def by_chance(self) -> float:
        """How likely chance alone puts it beyond, if there is no difference and values are normal."""
        width = math.sqrt(1 / max(1, len(self.base.known)) + 1 / max(1, len(self.variant.known)))
        return math.erfc(1 / (width * math.sqrt(2)))


@dataclass(frozen=True)
class Drift:
    """A count of healthy cells at the start and at the end, means over seeds, and how far it may move."""

    kind: str
    start: float
    end: float
    seeds: int

    @property
    def allowed(self) -> float:
        """2 % of the start, or three standard errors of counting noise in the mean, whichever is more."""
        noise = math.sqrt(max(self.start, 1) / self.seeds) if self.seeds else math.nan
        return max(TOLERATED_DRIFT * self.start, COUNTING_ERRORS * noise)

    @property
    def verdict(self) -> str:
        return "in" if abs(self.end - self.start) <= self.allowed else "out"


TOLERATED_DRIFT, COUNTING_ERRORS = 0.02, 3  # of the contract


def drifts(courses: Sequence[Course]) -> list[Drift]:
    """Return the drift of every kind that healthy tissue has at the start or at the end."""
    kinds = [name for name in courses[0].table if name.startswith("count.") and name != "count.neuron"]
    found = []
    for name in kinds:
        start, end = (float(np.mean([course.table[name].iloc[row] for course in courses])) for row in (0, -1))
        if start or end:
            found.append(Drift(name.removeprefix("count."), start, end, len(courses)))
    return found


def mass_budget(courses: Sequence[Course]) -> dict[str, tuple[float, float]]:
    """Return for each field the largest error of its books over runs and days, and the largest share that was clamped."""
    found = {}
    for field in courses[0].run.info["budgets"]:
        errors = [course.table[f"mass_error.{field}"].abs().max() for course in courses]
        books = [course.run.info["budgets"][field] for course in courses]
        clamped = [abs(book["clamped"]) / book["secreted"] if book["secreted"] else 0.0 for book in books]
        found[field] = float(max(errors)), float(max(clamped))
    return found
