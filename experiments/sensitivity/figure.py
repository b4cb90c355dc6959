"""The figure of a sensitivity study: a panel for each read-out, a bar for each parameter, the most telling on top."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from experiments.figure_style import COLOURS, GREY, INK, STYLE, finish
from experiments.sensitivity.indices import ORDER, Effect
from experiments.words import plain

PER_ROW = 3
PANEL_WIDTH, NAME_WIDTH = 3.3, 0.075  # inches; of a letter
LINE_HEIGHT, AROUND = 0.3, 1.1  # inches
STRIP = 0.8  # share of a line that its bars take
WORDS = {
    "morris": "mean change over the whole range of a value, with 95 % interval",
    "sobol": "share of the variance that goes with a value, alone or with others, with 95 % interval",
}


def draw(path: Path, found: Sequence[Effect], method: str, title: str, labels: Mapping[str, str]) -> None:
    """Draw the effects on what the runs come to at their end. labels  names for people of the arms and their differences"""
    ended = [each for each in found if each.when == "end"]
    measures, groups = (list(dict.fromkeys(getattr(each, name) for each in ended)) for name in ("measure", "what"))
    key, half = ORDER[method]
    total: dict[str, float] = {}
    for measure in measures:
        rows = [each for each in ended if each.measure == measure]
        most = max(each.numbers[key] for each in rows) or 1.0
        for each in rows:
            total[each.parameter] = total.get(each.parameter, 0.0) + each.numbers[key] / most
    order = sorted(total, key=lambda name: -total[name])
    columns = min(PER_ROW, len(measures))
    lines = -(-len(measures) // columns)
    width = PANEL_WIDTH * columns + NAME_WIDTH * max(len(short(name)) for name in order)
    with matplotlib.rc_context(STYLE):
        figure = Figure((width, (LINE_HEIGHT * len(order) + AROUND) * lines + 0.8), layout="constrained")
        grid = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel().tolist()
        for axes, measure in zip(grid, measures):
            _panel(axes, [each for each in ended if each.measure == measure], order, groups, (key, half))
        grid[0].set_yticks(np.arange(len(order)), [short(name) for name in order])
        finish(path, figure, grid, len(measures), title, WORDS[method], labels)


def short(key: str) -> str:
    """Name a parameter by what tells it apart: its dotted key without the section, and without words that all laws have."""
    words = [word for word in key.split(".")[1:] if word not in ("terms", "times", "base")]
    return " ".join(words or [key]).replace("_", " ")


def _panel(axes: Any, found: Sequence[Effect], order: Sequence[str], groups: Sequence[str], keys: tuple) -> None:
    height = STRIP / len(groups)
    for number, group in enumerate(groups):
        own = {each.parameter: each.numbers for each in found if each.what == group}
        y = np.arange(len(order)) + STRIP * ((number + 0.5) / len(groups) - 0.5)
        lengths, ends = ([own[name][what] if name in own else 0.0 for name in order] for what in keys)
        axes.barh(
            y,
            lengths,
            height,
            xerr=ends,
            color=COLOURS[number],
            label=group,
            error_kw={"linewidth": 0.8, "ecolor": GREY},
        )
    unit = found[0].unit
    axes.set_title(found[0].measure, loc="left", color=INK, fontsize=9)
    of_read_out = keys == ORDER["morris"]
    axes.set_xlabel(
        f"change, {plain(unit)}" if of_read_out and unit != "1" else "change" if of_read_out else "share", fontsize=8
    )
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.tick_params(labelsize=8)
    axes.locator_params(axis="x", nbins=5)
