"""Figures of docs/validation.md: light, each line with its name, mean over seeds with the range of all seeds around it."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image  # matplotlib brings it

from experiments.validation_readings import Course, Shift

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")  # Okabe and Ito: told apart by everybody
DASHES = ("-", "--", "-.", ":", (0, (5, 1)))
MARKERS = ("o", "s", "^", "v", "D")
INK, SHADE = "#222222", "#e8e4d9"
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
}
RESOLUTION = 100  # dots per inch
PALETTE = 96  # colours
PANEL_WIDTH, PANEL_HEIGHT, PER_ROW = 3.6, 2.7, 4  # inches
STRIP = 0.6  # share of a line of the robustness figure that its markers take


def course_figure(path: Path, courses: Sequence[Course], panels: Sequence[Mapping[str, Any]]) -> None:
    """Draw the courses of a study, one panel for each entry of the plan."""
    columns = min(PER_ROW, len(panels))
    rows = -(-len(panels) // columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure((PANEL_WIDTH * columns, PANEL_HEIGHT * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, panel in zip(grid, panels):
            _panel(axes, courses, panel)
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    """Write a PNG of few colours: a third of the bytes, and nothing to see."""
    drawn = BytesIO()
    figure.savefig(drawn, dpi=RESOLUTION)
    Image.open(drawn).convert("RGB").quantize(PALETTE).save(path, optimize=True)


def _panel(axes: Any, courses: Sequence[Course], panel: Mapping[str, Any]) -> None:
    days = courses[0].table["day"].to_numpy()
    if "window" in panel:
        axes.axvspan(*panel["window"], color=SHADE, zorder=0, label=panel["says"])
    if "line" in panel:
        axes.axhline(panel["line"], color="#888888", linewidth=0.8)
    for (column, label), colour, dash in zip(panel["columns"].items(), COLOURS, DASHES):
        values = np.array([np.interp(days, *_known(course, column)) for course in courses])
        if panel.get("log"):
            values = np.where(values > 0, values, np.nan)
        shown = np.isfinite(values).all(axis=0)
        axes.fill_between(
            days[shown],
            values[:, shown].min(axis=0),
            values[:, shown].max(axis=0),
            color=colour,
            alpha=0.2,
            linewidth=0,
        )
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


def shift_figure(path: Path, shifts: Mapping[str, Mapping[str, Shift]], labels: Mapping[str, str]) -> None:
    """Draw how far each read-out of each variant moved, in standard deviations over seeds, with two standard errors."""
    readouts = list(next(iter(shifts.values())))
    with matplotlib.rc_context(STYLE):
        figure = Figure((9, 0.5 * len(readouts) + 1.4), layout="constrained")
        axes = figure.subplots()
        axes.axvspan(-1, 1, color=SHADE, zorder=0, label="the spread over seeds")
        for number, (variant, moved) in enumerate(shifts.items()):
            y = np.arange(len(readouts)) + STRIP * (number / max(1, len(shifts) - 1) - 0.5)
            sizes = np.array([moved[name].size for name in readouts])
            errors = np.array([2 * moved[name].error for name in readouts])
            there = np.isfinite(sizes)
            axes.errorbar(
                sizes[there],
                y[there],
                xerr=np.nan_to_num(errors[there]),
                fmt=MARKERS[number % len(MARKERS)],
                color=COLOURS[number % len(COLOURS)],
                markersize=5,
                linewidth=1,
                label=labels[variant],
            )
        axes.set_yticks(np.arange(len(readouts)), readouts)
        axes.set_ylim(len(readouts) - 0.5, -0.5)
        axes.set_xlabel("shift of the mean, in sd over the seeds of the base; bars: 2 standard errors")
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
        _save(figure, path)
