"""The figures of a report: read-outs over days, and rings around the lesion's centre over days (kymographs).

Each is a small SVG for an ``img``: titles, units and names stand in the page around it. Days on the horizontal axis.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments import tables
from experiments.figure_style import COLOURS, GREY, INK, SHADE, STYLE
from experiments.palette import nice, short
from experiments.report.readings import Reading
from experiments.scene import Scene

ALONE = (COLOURS[0], "-")
ARMS = ((INK, "-"), (COLOURS[0], "--"), (COLOURS[4], "-."), (COLOURS[3], ":"))  # those of ``palette``, on light ground
SIZE = (2.9, 1.7)  # inches
PLACE = {"left": 0.17, "right": 0.95, "bottom": 0.24, "top": 0.97}  # of the axes, so that all stand below each other
LEAST_PLAIN = 0.001  # below, the numbers of an axis are written with a power of ten
FILL = 0.12  # opacity under the line of a run that is alone
DOTS = 150  # per inch, of the cells of a kymograph
LOST = 0.9  # of normal: a ring with less was reached by the lesion
AROUND = 1.5  # times the reach of the lesion, shown in a kymograph
TOP = 0.99  # quantile of the values in which a scale ends: small rings vary much
# column of the profiles -> what it is, its unit, its colours
KYMOGRAPHS = {
    "myelin": ("Myelin", "share of normal", "cividis"),
    "remyelinated": ("New myelin", "share of normal", "viridis"),
    "density.macrophage": ("Macrophages", "per mm³", "magma"),
}


@dataclass(frozen=True)
class Chart:
    """A figure: what stands above it, and the image as a data URI."""

    title: str
    unit: str
    image: str


def courses(readings: Sequence[Reading], runs: Sequence[Any]) -> list[Chart]:
    """Draw each read-out over days, all runs in one figure."""
    last = last_day(runs)
    return [Chart(reading.words, reading.unit, _course(reading, runs, last)) for reading in readings]


def kymographs(runs: Sequence[Any], names: Sequence[str]) -> list[tuple[str, list[Chart]]]:
    """Draw the rings of every run, with the same scales and axes; nothing where a run has less than two days of them.

    The figures of one run are a single group without a name; those of several are grouped by what they show.
    """
    tables = [run.profiles for run in runs]
    if min(table["day"].nunique() for table in tables) < 2:
        return []
    last, reach = last_day(runs), max(_reach(table) for table in tables)
    groups = []
    for column, (words, unit, colours) in KYMOGRAPHS.items():
        top = max(_top(table[table["r_um"] <= reach], column) for table in tables)
        if top > 0:
            images = [
                _kymograph(table, column, colours, top, (last, reach), days_given(run))
                for table, run in zip(tables, runs)
            ]
            groups.append((words, [Chart(name, unit, image) for name, image in zip(names, images)]))
    if len(runs) > 1:
        return groups
    return [("", [Chart(words, chart.unit, chart.image) for words, (chart,) in groups])] if groups else []


def looks(runs: Sequence[Any]) -> Sequence[tuple[str, str]]:
    """Colour and style of the line of each run: in the pictures of several they have the same hues."""
    return ARMS[: len(runs)] if len(runs) > 1 else [ALONE]


def marks_words(runs: Sequence[Any]) -> str:
    """Say what the marks in the figures over days mean, as far as there are any."""
    words = ["Dotted lines: days of doses and of other treatments."] if any(map(days_given, runs)) else []
    return " ".join([*words, *(["Shaded: the barrier is forced open."] if Scene.trigger(runs[0]) else [])])


def days_given(run: Any) -> list[float]:
    """The days on which something was given: doses as they happened, and comparators as they begin."""
    therapy = run.config.therapy
    return [
        *(day for day, _ in Scene.marks(run)),
        *(float(getattr(therapy, name).day) / 24 for name in therapy.comparators),
    ]


def last_day(runs: Sequence[Any]) -> float:
    """The last day that any run was read out."""
    return max(float(run.measures["day"].max()) for run in runs) or 1.0


def _course(reading: Reading, runs: Sequence[Any], last: float) -> str:
    with matplotlib.rc_context(STYLE):
        figure, axes = _empty(last)
        figure.subplots_adjust(**PLACE)
        for begin, end in Scene.trigger(runs[0]):
            axes.axvspan(begin, min(end, last), color=SHADE, lw=0, zorder=0)
        highest = 0.0
        for run, (colour, dash) in zip(runs, looks(runs)):
            for day in days_given(run):
                axes.axvline(day, color=colour, linewidth=1, linestyle=":")
            for line in reading.course(run, colour):
                axes.plot(line.x, line.y, color=colour, linestyle=dash, linewidth=1.7)
                highest = max(highest, float(np.nanmax(line.y)))
                if len(runs) == 1:
                    axes.fill_between(line.x, line.y, color=colour, alpha=FILL, linewidth=0)
        top = nice(highest)
        axes.set(ylim=(0, 1.05 * top), yticks=[0, top / 2, top], yticklabels=["0", _tick(top / 2), _tick(top)])
        axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
        return _data(figure)


def _kymograph(
    table: Any, column: str, colours: str, top: float, ends: tuple[float, float], given: Sequence[float]
) -> str:
    """Draw r against day. ends  the last day and radius (um) shown"""
    last, reach = ends
    rings = table.pivot(index="r_um", columns="day", values=column)
    with matplotlib.rc_context(STYLE):
        figure, axes = _empty(last)
        figure.set_layout_engine("constrained")
        mesh = axes.pcolormesh(
            _edges(rings.columns.to_numpy(float)),
            _edges(rings.index.to_numpy(float)),
            np.ma.masked_invalid(rings.to_numpy(float)),
            cmap=colours,
            vmin=0,
            vmax=nice(top),
            rasterized=True,
        )
        for day in given:
            axes.axvline(day, color="white", linewidth=1, linestyle=":")
        axes.set(ylim=(0, reach))
        axes.set_ylabel("from the centre, µm", color=INK, fontsize=8)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        bar = figure.colorbar(mesh, ax=axes, ticks=[0, nice(top) / 2, nice(top)], format=lambda value, _: _tick(value))
        bar.ax.tick_params(labelsize=8, colors=INK)
        return _data(figure)


def _tick(value: float) -> str:
    return short(value) if value >= LEAST_PLAIN or not value else tables.short(value)


def _empty(last: float) -> tuple[Figure, Axes]:
    figure = Figure(SIZE)
    axes = figure.subplots()
    axes.set_xlim(0, last)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=last >= 4))
    axes.set_xlabel("day", color=INK, fontsize=8)
    axes.tick_params(labelsize=8, colors=INK)
    return figure, axes


def _data(figure: Figure) -> str:
    """Give a figure as a data URI, the same bytes for the same figure."""
    drawn = BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "remyelin"}):
        figure.savefig(drawn, format="svg", transparent=True, dpi=DOTS, metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.getvalue()).decode()}"


def _top(table: Any, column: str) -> float:
    return float(table[column].quantile(TOP)) if column in table else 0.0


def _reach(table: Any) -> float:
    """How far from the centre (um) a kymograph shows: around what the lesion reached, or all where there is none."""
    lost = table["r_um"][table["myelin"] < LOST] if "myelin" in table else table["r_um"][:0]
    furthest = float(table["r_um"].max())
    return min(AROUND * float(lost.max()), furthest) if len(lost) else furthest


def _edges(middles: np.ndarray) -> np.ndarray:
    """The edges of intervals around their middles."""
    between = (middles[1:] + middles[:-1]) / 2
    return np.concatenate([[2 * middles[0] - between[0]], between, [2 * middles[-1] - between[-1]]])
