"""Figures of docs/benchmarks.md."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from experiments.bench.diffusion import GRIDS, STAGE_BYTES, TARGET
from experiments.bench.lesion import SIZES
from experiments.figure_style import COLOURS, DASHES, GREY, INK, MARKERS, STYLE, save

WIDTH, HEIGHT = 3.6, 3.0  # inches of a panel
PHASES = ("sense", "act", "diffuse", "move", "die and divide")

Values = Mapping[str, float]


def grids_figure(path: Path, values: Values, bandwidth: float) -> None:
    """Draw the cost of a stage on every grid, on one thread, beside what memory takes for its bytes."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((2 * WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        heights = [values[f"{name} x 10: a stage"] for name in GRIDS]
        axes.bar(list(GRIDS), heights, color=COLOURS[0], width=0.6)
        for x, height in enumerate(heights):
            axes.annotate(f"{height:.2f}", (x, height), ha="center", va="bottom", color=INK)
        floor = STAGE_BYTES / bandwidth
        for times, words in ((1.0, f"memory time of {STAGE_BYTES} bytes"), (TARGET, f"target, {TARGET:g} times that")):
            axes.axhline(times * floor, color=GREY, linestyle=DASHES[times > 1])
            axes.annotate(words, (len(GRIDS) - 0.5, times * floor), ha="right", va="bottom", color=GREY)
        axes.set(xlabel="grid, ten fields", ylabel="ns per voxel and stage", ylim=(0, 1.25 * TARGET * floor))
        save(figure, path)


def step_figure(path: Path, values: Values, bandwidth: float) -> None:
    """Draw what a cell and step take against the number of cells, phase upon phase."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((2 * WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        cells = [values[f"{size}: cells"] for size in SIZES]
        heights = [[values.get(f"{size}: {phase}", 0.0) for size in SIZES] for phase in PHASES]
        axes.stackplot(cells, heights, labels=PHASES, colors=COLOURS, alpha=0.85)
        axes.set(xlabel="cells", ylabel="ns per cell and step, one thread", xscale="log", xlim=(cells[0], cells[-1]))
        axes.set_ylim(0)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], loc="outside right center", frameon=False)
        save(figure, path)


def scale_figure(path: Path, values: Values, bandwidth: float) -> None:
    """Draw cost against the number of fields, slabs and threads, a panel each."""
    panels = (
        (r"(\d+) fields?: a stage of one", "fields", "ns per voxel, field and stage"),
        (r"(\d+) slabs? of .*: a step of one", "slabs of 800 cells side by side", "ms per slab and step"),
        (r"(\d+) threads?, .*: a step", "threads, 1e5 cells", "ms per step"),
    )
    with matplotlib.rc_context(STYLE):
        figure = Figure((3 * WIDTH, HEIGHT), layout="constrained")
        for axes, (pattern, below, beside), colour, marker in zip(figure.subplots(1, 3), panels, COLOURS, MARKERS):
            known = _points(values, pattern)
            axes.plot(list(known), list(known.values()), marker + "-", color=colour)
            axes.set(xlabel=below, ylabel=beside, xscale="log")
            axes.set_xticks(list(known), [str(number) for number in known], minor=False)
            axes.set_xticks([], minor=True)
            axes.set_ylim(0, 1.15 * max(known.values()))
        save(figure, path)


def _points(values: Values, pattern: str) -> dict[int, Any]:
    found = ((re.fullmatch(pattern, name), value) for name, value in values.items())
    return {int(match[1]): value for match, value in found if match}
