"""The forest plot of a comparison: one panel for each read-out, one line for each arm, zero where nothing is changed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from experiments.figure_style import COLOURS, GREY, INK, MARKERS, STYLE, finish
from experiments.words import plain

if TYPE_CHECKING:
    from experiments.compare import Contrast

PER_ROW = 3
PANEL_WIDTH, NAME_WIDTH = 3.3, 0.075  # inches; of a letter
LINE_HEIGHT, AROUND = 0.34, 1.1  # inches
STRIP = 0.5  # share of a line that its markers take
FAINT = 0.45  # of an interval that includes zero
WORDS = {"end": "at the end", "mean": "mean over the run", "peak": "peak"}


def forest(path: Path, contrasts: "Sequence[Contrast]", labels: Mapping[str, str], title: str) -> None:
    """Draw differences and their intervals; those that include zero are faint and hollow. ``labels`` names the arms."""
    measures = list(dict.fromkeys(each.measure for each in contrasts))
    arms = list(dict.fromkeys(each.arm for each in contrasts))
    columns = min(PER_ROW, len(measures))
    lines = -(-len(measures) // columns)
    names = NAME_WIDTH * max(len(labels[arm]) for arm in arms)
    size = (PANEL_WIDTH * columns + names, (LINE_HEIGHT * len(arms) + AROUND) * lines + 0.8)
    with matplotlib.rc_context(STYLE):
        figure = Figure(size, layout="constrained")
        grid = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel().tolist()
        for axes, measure in zip(grid, measures):
            _panel(axes, [each for each in contrasts if each.measure == measure], arms)
        grid[0].set_yticks(np.arange(len(arms)), [labels[arm] for arm in arms])
        below = "hollow and faint: the interval includes zero, no difference is shown"
        finish(path, figure, grid, len(measures), title, below, {})


def _panel(axes: Any, contrasts: "Sequence[Contrast]", arms: Sequence[str]) -> None:
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    for number, (when, label) in enumerate(WORDS.items()):
        colour, marker = COLOURS[number], MARKERS[number]
        axes.plot([], [], linestyle="", marker=marker, color=colour, markersize=5, label=label)
        for each in (each for each in contrasts if each.when == when):
            y = arms.index(each.arm) + STRIP * (number / (len(WORDS) - 1) - 0.5)
            shown = each.verdict in ("higher", "lower")
            style = {"color": colour, "alpha": 1.0 if shown else FAINT}
            if each.low is not None and each.high is not None:
                axes.plot([each.low, each.high], [y, y], linewidth=1.4, solid_capstyle="butt", **style)
            axes.plot(each.difference, y, marker, markersize=5, markerfacecolor=colour if shown else "white", **style)
    unit = contrasts[0].unit
    axes.set_title(contrasts[0].measure, loc="left", color=INK, fontsize=9)
    axes.set_xlabel("difference" + (f", {plain(unit)}" if unit != "1" else ""), fontsize=8)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.08)
    axes.locator_params(axis="x", nbins=5)
