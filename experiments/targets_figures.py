"""Figures of docs/validation.md: light, each line with its name, mean over seeds with the range of all seeds around it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.figure_style import COLOURS, DASHES, GREY, INK, SHADE, STYLE, save
from experiments.targets_judge import is_resolved
from experiments.targets_readings import Course
from experiments.targets_table import Result

PANEL_WIDTH, PANEL_HEIGHT, PER_ROW = 3.6, 2.7, 4  # inches
EXPECTED, OPPOSITE, UNRESOLVED = COLOURS[0], COLOURS[1], GREY
LINE_HEIGHT = 0.3  # inches of a line of the figure of mechanisms


def course_figure(path: Path, courses: Sequence[Course], panels: Sequence[Mapping[str, Any]]) -> None:
    """Draw the courses of a condition, one panel for each entry of the plan."""
    with matplotlib.rc_context(STYLE):
        figure, grid = _grid(len(panels))
        for axes, panel in zip(grid, panels):
            if "window" in panel:
                axes.axvspan(*panel["window"], color=SHADE, zorder=0, label=panel["says"])
            if "line" in panel:
                axes.axhline(panel["line"], color=GREY, linewidth=0.8)
            lines = [(courses, column, label) for column, label in panel["columns"].items()]
            _panel(axes, lines, panel)
        save(figure, path)


def arms_figure(path: Path, arms: Mapping[str, Sequence[Course]], panels: Sequence[Mapping[str, Any]]) -> None:
    """Draw one column of several arms in each panel, over the days that all of them have."""
    with matplotlib.rc_context(STYLE):
        figure, grid = _grid(len(panels))
        for axes, panel in zip(grid, panels):
            _panel(axes, [(courses, panel["column"], label) for label, courses in arms.items()], panel)
        save(figure, path)


def _grid(panels: int) -> tuple[Figure, list[Any]]:
    rows = -(-panels // PER_ROW)
    columns = -(-panels // rows)
    figure = Figure((PANEL_WIDTH * columns, PANEL_HEIGHT * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[panels:]:
        axes.set_visible(False)
    return figure, list(grid)


def _panel(axes: Any, lines: Sequence[tuple[Sequence[Course], str, str]], panel: Mapping[str, Any]) -> None:
    days = min((course.table["day"].to_numpy() for courses, _, _ in lines for course in courses), key=len)
    for (courses, column, label), colour, dash in zip(lines, COLOURS, DASHES):
        values = np.array([np.interp(days, *_known(course, column)) for course in courses])
        if panel.get("log"):
            values = np.where(values > 0, values, np.nan)
        shown = np.isfinite(values).all(axis=0)
        low, high = values[:, shown].min(axis=0), values[:, shown].max(axis=0)
        axes.fill_between(days[shown], low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(days[shown], values[:, shown].mean(axis=0), color=colour, linestyle=dash, label=label)
        if panel.get("log") and shown.any():
            axes.set_yscale("log")
    axes.set_title(panel["title"], loc="left", color=INK, fontsize=10)
    axes.set_xlim(days[0], days[-1])
    axes.set(xlabel="day", ylabel=panel["unit"])
    axes.legend(frameon=False, fontsize=8)


def _known(course: Course, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a column with NaN outside the days on which it exists, so that nothing is drawn there."""
    days, values = course.series(column)
    if not len(days):
        return np.zeros(1), np.full(1, np.nan)
    return np.r_[days[0] - 1e-6, days, days[-1] + 1e-6], np.r_[np.nan, values, np.nan]


def mechanisms_figure(path: Path, results: Sequence[Result]) -> None:
    """Draw what each mechanism does to its read-out: with it over without it, and the 95 % interval."""
    known = [each for each in results if each.found.width == each.found.width]
    with matplotlib.rc_context(STYLE):
        figure = Figure((8, LINE_HEIGHT * len(known) + 1.1), layout="constrained")
        axes = figure.subplots()
        axes.axvline(1, color=GREY, linewidth=0.8)
        for y, each in enumerate(known):
            found, less = each.found, "to" in each.line.expected
            right = found.mean < 1 if less else found.mean > 1
            colour = UNRESOLVED if not is_resolved(found, each.line.expected) else EXPECTED if right else OPPOSITE
            axes.plot([found.low, found.high], [y, y], color=colour, linewidth=1.5)
            axes.plot(found.mean, y, "<" if less else ">", color=colour, markersize=6)
        labels = [f"{str(each.line.row).replace('_', ' ')}: {each.line.readout}" for each in known]
        axes.set_yticks(range(len(known)), labels)
        axes.set_ylim(len(known) - 0.5, -0.5)
        figure.supxlabel("with the mechanism / without it, 95 % interval; markers point where expected", fontsize=9)
        colours = {"as expected": EXPECTED, "opposite": OPPOSITE, "not resolved": UNRESOLVED}
        handles = [Line2D([], [], color=colour, label=label) for label, colour in colours.items()]
        figure.legend(handles=handles, loc="outside upper right", ncols=3, frameon=False, fontsize=8)
        save(figure, path)
