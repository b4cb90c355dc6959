"""The read-outs of runs as curves over days, for the panels of a picture."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Line:
    """A read-out over time."""

    x: np.ndarray
    y: np.ndarray
    colour: str
    style: str = "-"
    label: str = ""

    def at(self, day: float) -> float:
        """The value on a day, between two points in proportion."""
        return float(np.interp(day, self.x, self.y))

    def until(self, day: float) -> tuple[np.ndarray, np.ndarray]:
        """The part of the line up to a day, which ends on it, or where the line ends."""
        end = float(np.clip(day, self.x[0], self.x[-1]))
        n = np.searchsorted(self.x, end)
        return np.append(self.x[:n], end), np.append(self.y[:n], self.at(end))


@dataclass(frozen=True)
class Readout:
    """A panel of read-outs: its lines, of one unit, from zero or in powers of ten; days of doses with their colour."""

    title: str
    unit: str
    lines: list[Line]
    doses: list[tuple[float, str]]
    log: bool = False


def course(run: Any, column: str, colour: str, style: str = "-", label: str = "", times: float = 1) -> list[Line]:
    """A read-out as a line, in a list that is empty if the run does not have it on any day."""
    table = run.measures
    if column not in table or not table[column].notna().any():
        return []
    return [Line(table["day"].to_numpy(float), times * table[column].to_numpy(float), colour, style, label)]


def cell_lines(run: Any, kinds: Iterable[str]) -> list[Line]:
    """Counts of some kinds, for a scale in powers of ten: nothing is drawn where there are none."""
    colours = {kind: run.config.cells[kind].colour for kind in kinds if kind in run.config.cells}
    lines = [each for kind, colour in colours.items() for each in course(run, f"count.{kind}", colour)]
    return [replace(each, y=np.where(each.y > 0, each.y, np.nan)) for each in lines]


def m1_share(run: Any, colour: str, style: str = "-") -> list[Line]:
    """Percent of the phagocytes that are M1-like, from the ratio M1 : M2."""
    return [replace(each, y=100 * (1 - 1 / (1 + each.y))) for each in course(run, "m1_m2", colour, style)]
