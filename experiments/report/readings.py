"""Which read-outs a report shows, what they are called, and how their values are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.curves import Line, course
from experiments.looks import NOT_CELLS, TREATMENT
from experiments.scene import SAME_DAY
from experiments.study_plan import measure_units
from experiments.tables import short
from experiments.words import plain, written

DIGITS, DIGITS_OF_CHANGE = 3, 2
THOUSAND = 1000  # from here on, and below a thousandth, numbers are written as tables write them
MINUS, NOTHING = "\u2212", "\u2013"


@dataclass(frozen=True)
class Reading:
    """A read-out for people.

    times    what its column is multiplied with to be in ``unit``
    falls    whether its worst value is the lowest
    """

    column: str
    words: str
    unit: str = ""
    about: str = ""
    times: float = 1
    falls: bool = False

    def course(self, run: Any, colour: str = "", style: str = "-") -> list[Line]:
        """The read-out as a line, in a list that is empty where the run does not have it."""
        return course(run, self.column, colour, style, times=self.times)

    def at(self, run: Any, day: float) -> float:
        """The value last read until a day; NaN where there is none."""
        values = [line.y[line.x <= day + SAME_DAY] for line in self.course(run)]
        return float(values[0][-1]) if values and len(values[0]) else math.nan

    def worst(self, run: Any) -> tuple[float, float]:
        """The worst value, and its day."""
        line = self.course(run)[0]
        place = (np.nanargmin if self.falls else np.nanargmax)(line.y)
        return float(line.y[place]), float(line.x[place])

    def extreme(self, run: Any) -> str:
        """Say how bad it was until now, and when."""
        line, (worst, day) = self.course(run)[0], self.worst(run)
        which = "lowest" if self.falls else "peak"
        if np.nanmin(line.y) == np.nanmax(line.y):
            return "on all days"
        return f"the {which} so far" if worst == line.y[-1] else f"{which} {self.number(worst)} on day {written(day)}"

    def number(self, value: float) -> str:
        """Write a value without its unit: cells one by one, all else in three digits."""
        if not math.isfinite(value):
            return NOTHING
        return self.written(value, DIGITS)

    def written(self, value: float, digits: int) -> str:
        """Write a value that exists, with its last zeros."""
        if self.column.startswith("count."):
            return f"{value:,.0f}"
        usual = 1 / THOUSAND <= abs(value) < THOUSAND
        return f"{value:#.{digits}g}".rstrip(".") if usual else short(value, digits)

    def change(self, value: float, first: float) -> str:
        """Write how far a value lies from the first, and what part of the first that is; of percentages in points."""
        if not math.isfinite(value - first):
            return NOTHING
        if value == first:
            return "no difference"
        sign = "+" if value > first else MINUS
        text = f"{sign}{self.written(abs(value - first), DIGITS_OF_CHANGE)}"
        if self.unit == "%":
            return f"{text} points"
        return f"{text} ({sign}{short(100 * abs(value / first - 1), DIGITS_OF_CHANGE)} %)" if first else text


def lesion_readings(runs: Sequence[Any]) -> list[Reading]:
    """The read-outs of tissue, most telling first; of a dish none."""
    if all(run.config.tissue is None for run in runs):
        return []
    solid = len(runs[0].config.grid.size) == 3
    extent, unit = ("volume", "mm³") if solid else ("area", "mm²")
    rows = [
        Reading("lesion_area_mm2", f"Lesion {extent}", unit, "where less than half of the normal myelin is left"),
        Reading("remyelinated_area_mm2", f"Remyelinated {extent}", unit, "where most sheaths are new"),
        Reading("demyelinated_fraction", "Demyelinated axons", "%", "of the axons left in the tissue", 100),
        Reading("axon_loss", "Axon loss", "%", "of the axons in what was ever demyelinated", 100),
        Reading("amplitude", "Conducting axons", "%", "of the bundles through the tissue", 100, falls=True),
        Reading("bbb_leak", "Barrier leak", "%", "permeability of the venules there; 100 is fully open", 100),
        Reading("debris_mean", "Myelin debris", "%", "of the healthy myelin, in what was ever demyelinated", 100),
        Reading("m1_mean", "M1-like phagocytes", "%", "mean M1 score of macrophages and active microglia", 100),
    ]
    return [row for row in rows if any(row.course(run) for run in runs)]


def cell_readings(runs: Sequence[Any]) -> list[Reading]:
    """How many cells there are of each kind that any run has."""
    labels = {kind: cell.label for run in runs for kind, cell in run.config.cells.items() if kind not in NOT_CELLS}
    return [row for kind, label in labels.items() if seen(row := Reading(f"count.{kind}", label), runs)]


def field_readings(runs: Sequence[Any]) -> list[Reading]:
    """The mean of every field over the tissue."""
    fields = {name: field for run in runs for name, field in run.config.fields.items()}
    rows = [Reading(f"mean.{name}", field.label, unit_words(field.unit)) for name, field in fields.items()]
    return [row for row in rows if seen(row, runs)]


def own_readings(runs: Sequence[Any]) -> list[Reading]:
    """The read-outs that the configs define themselves."""
    units = {name: measure_units(run.config)[name] for run in runs for name in run.config.readouts}
    rows = [Reading(name, name.replace("_", " "), unit_words(unit)) for name, unit in units.items()]
    return [row for row in rows if seen(row, runs)]


def key_readings(runs: Sequence[Any]) -> list[Reading]:
    """The numbers that tell a run in one look: of the lesion, else of the cells, else of the fields."""
    lesion, treatment = lesion_readings(runs), Reading(f"count.{TREATMENT}", "Stem cells (MSC)", "", "in the tissue")
    given = [treatment] if lesion and seen(treatment, runs) else []
    return [*lesion, *given] or cell_readings(runs) or field_readings(runs)


def seen(reading: Reading, runs: Sequence[Any]) -> bool:
    """Whether a read-out is other than zero in any run."""
    return any(np.nan_to_num(line.y).any() for run in runs for line in reading.course(run))


def unit_words(unit: str) -> str:
    """Write a unit for people; nothing for a pure number."""
    return "" if unit == "1" else plain(unit.replace("1/", "per "))
