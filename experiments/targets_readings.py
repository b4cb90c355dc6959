"""What is read off the course of a run. Days are days; no value is NaN; a column that a run does not have is a KeyError.

A reading is written ``[name, column, numbers...]``: ``[at, sheathed, 56]``. The names are the functions in ``READINGS``,
the columns those of a run's read-outs and those in ``DERIVED``; ``targets_frames.py`` has the readings of frames.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from experiments import targets_frames

EFFECTORS = ("th1", "th17", "cd8")
WORST_SCORE = 5.0  # of the EAE scale: death
MS_PER_HOUR = 3.6e6


class Course:
    """The read-outs of one run over time, with columns derived from them as they are asked for.

    run      its folder, for what only frames tell
    config   returns its config; reading one takes a second
    A table alone will do for the rest.
    """

    def __init__(self, measures: pd.DataFrame, run: Any = None, config: Callable[[], Any] = lambda: None):
        self.table, self.run, self._config = measures, run, config

    @classmethod
    def all_of(cls, runs: Mapping[int, Any]) -> dict[int, "Course"]:
        """Return the courses of runs by seed; they share one config in all but the seed."""
        shared = cache(lambda: next(iter(runs.values())).config)
        return {seed: cls(run.measures, run, shared) for seed, run in runs.items()}

    @property
    def config(self) -> Any:
        return self._config()

    def __getitem__(self, column: str) -> pd.Series:
        """Return a column over the days of the read-outs."""
        return DERIVED[column](self) if column in DERIVED else self.table[column]

    def series(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the days and values of a column, without those that do not exist."""
        if column in targets_frames.COLUMNS:
            days, values = targets_frames.COLUMNS[column](self.run, self.config)
        else:
            days, values = self.table["day"].to_numpy(), self[column].to_numpy(dtype=float)
        known = np.isfinite(values)
        return days[known], values[known]

    def read(self, reading: Sequence[Any]) -> float:
        """Return one number, NaN where the course does not give it."""
        name, *arguments = reading
        if name in targets_frames.READINGS:
            return float(targets_frames.READINGS[name](self.run, self.config, *arguments))
        days, values = self.series(arguments[0])
        return float(READINGS[name](self, days, values, *arguments[1:])) if len(days) else math.nan


# --- columns --------------------------------------------------------------------------------------------------------------


def _of_start(column: str) -> Callable[[Course], pd.Series]:
    return lambda c: c[column] / c[column].iloc[0]


def _of_peak(column: str) -> Callable[[Course], pd.Series]:
    return lambda c: c[column] / c[column].max()


def _effectors(prefix: str) -> Callable[[Course], pd.Series]:
    return lambda c: sum((c[f"{prefix}{kind}"] for kind in EFFECTORS[1:]), c[f"{prefix}{EFFECTORS[0]}"])


def _after_peak(column: str, change: Callable[[pd.Series], pd.Series]) -> Callable[[Course], pd.Series]:
    """Return a change of a column, from its highest value on; NaN before, and where it never rose."""

    def derived(course: Course) -> pd.Series:
        values = course[column]
        if not values.max() > values.iloc[0]:
            return values * math.nan
        return change(values).where(values.index >= values.idxmax())

    return derived


def _share(column: str, of: Sequence[str]) -> Callable[[Course], pd.Series]:
    """Return a column as a share of the sum of some; NaN where that is nothing."""

    def derived(course: Course) -> pd.Series:
        whole = sum((course[name] for name in of[1:]), course[of[0]])
        return course[column] / whole.where(whole > 0)

    return derived


def _per_length(course: Course) -> pd.Series:
    """Latency gained on the way through a lesion, ms per mm of it: the delay over the mean way through what was ever bare."""
    grid = course.config.grid
    across = float(grid.size[1]) * float(grid.thickness) * 1e-6  # mm2, seen along the axons
    way = course["region_mm3"] / across
    healthy = float(course.config.tissue.conduction.base_latency) * MS_PER_HOUR
    return (course["latency_ms"] - healthy) / way.where(way > 0)


def _mended_area(course: Course) -> pd.Series:
    """The part of the area that was ever demyelinated and is not now."""
    ever = course["region_mm3"] / (float(course.config.grid.thickness) * 1e-3)
    return 1 - course["lesion_area_mm2"] / ever.where(ever > 0)


def _height(course: Course) -> float:
    """Height of the tissue across the plane, mm."""
    grid = course.config.grid
    return float(grid.size[2] if len(grid.size) == 3 else grid.thickness) * 1e-3


def _plane_area(course: Course) -> pd.Series:
    """Area of the lesion in the plane, mm2; in 3D its volume over the height of the tissue."""
    solid = len(course.config.grid.size) == 3
    return course["lesion_area_mm2"] / (_height(course) if solid else 1.0)


def _per_mm3(column: str) -> Callable[[Course], pd.Series]:
    """Return a count per volume of the tissue."""

    def derived(course: Course) -> pd.Series:
        x, y = course.config.grid.size[:2]
        return course[column] / (float(x) * float(y) * 1e-6 * _height(course))

    return derived


DERIVED: dict[str, Callable[[Course], pd.Series]] = {
    "t_cells": _effectors("count."),
    "sheathed": lambda c: c["core.myelin"] / (1 - c["axon_loss"]),
    "all_sheathed": lambda c: 1 - c["demyelinated_fraction"],
    "recovered": _after_peak("lesion_area_mm2", lambda v: 1 - v / v.max()),
    "debris_left": _of_peak("mean.debris"),
    "debris_mean_left": _of_peak("debris_mean"),
    "amplitude_of_start": _of_start("amplitude"),
    "amplitude_lost": lambda c: -c["amplitude"],
    "amplitude_regained": _after_peak("amplitude_lost", lambda v: (v.max() - v) / (v.max() - v.iloc[0])),
    "delay": lambda c: c["latency_ms"] - c["latency_ms"].iloc[0],
    "delay_left": _of_peak("delay"),
    "delay_per_mm": _per_length,
    "remyelinated_share": _mended_area,
    "score": lambda c: WORST_SCORE * (1 - c["amplitude"]),
    "myelin_of_start": _of_start("mean.myelin"),
    "ol_share": _of_start("count.oligodendrocyte"),
    # of tissues of different size, also in 3D
    "area_mm2": _plane_area,
    "t_per_mm3": _per_mm3("t_cells"),
    "phagocytes_per_mm3": _per_mm3("phagocytes"),
    # of the region `near` of a condition
    "near_t": _effectors("near_"),
    "near_sheathed": lambda c: c["near_myelin"] / c["near_axons"],
    "near_bare": lambda c: c["near_axons"] - c["near_myelin"],
    "near_axons_missing": lambda c: 1 - c["near_axons"],
    "near_debris_left": _of_peak("near_debris"),
    "near_ol_share": _of_start("near_ol"),
    "near_opc_share": _of_start("near_opc"),
    "near_ol_of_healthy": lambda c: c["near_ol"] / float(c.config.cells["oligodendrocyte"].initial_density),
    "near_phagocytes": lambda c: c["near_macrophage"] + c["near_microglia"],
    "near_treg_share": _share("near_treg", ["near_t"]),
    "treg_of_t": _share("near_treg", ["near_t", "near_treg"]),
    "mature_share": _share("mature", ["count.dendritic"]),
    # of a dish
    "divided": lambda c: c["th1_divided"] + c["th17_divided"] + c["cd8_divided"],
    "divided_share": _share("divided", [f"count.{kind}" for kind in EFFECTORS]),
    "active_b_share": _share("b_active", ["count.b_cell"]),
}


# --- readings of a column -------------------------------------------------------------------------------------------------


def at(course: Course, days: np.ndarray, values: np.ndarray, day: float) -> float:
    """The value at a day, between its neighbours; none outside the course."""
    return float(np.interp(day, days, values, left=math.nan, right=math.nan))


def mean(course: Course, days: np.ndarray, values: np.ndarray, begin: float, end: float) -> float:
    """The mean from one day to another; none where the course does not reach so far."""
    within = (days >= begin) & (days <= end)
    return float(values[within].mean()) if within.any() and days[-1] >= end else math.nan


def integral(course: Course, days: np.ndarray, values: np.ndarray, begin: float, end: float) -> float:
    """The area under the course from one day to another; none where it does not reach so far."""
    within = (days >= begin) & (days <= end)
    return float(np.trapezoid(values[within], days[within])) if within.any() and days[-1] >= end else math.nan


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


def day_highest(course: Course, days: np.ndarray, values: np.ndarray) -> float:
    """The day of the highest value; none where it never rose."""
    return float(days[values.argmax()]) if values.max() > values[0] else math.nan


READINGS: dict[str, Callable[..., float]] = {
    "at": at,
    "mean": mean,
    "integral": integral,
    "first_below": first_below,
    "reaches": reaches,
    "stays_below": stays_below,
    "halfway_up": halfway_up,
    "lag": lag,
    "day_highest": day_highest,
    "last": lambda course, days, values: values[-1],
    "highest": lambda course, days, values: values.max(),
    "lowest": lambda course, days, values: values.min(),
    "stray": lambda course, days, values: np.abs(values / values[0] - 1).max(),  # furthest from the start, as a share
}
EVENTS = {"first_below", "reaches", "stays_below", "halfway_up", "day_highest", "lag"}  # they may never happen
