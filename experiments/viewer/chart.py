"""Read-outs over days, faint for the whole run and bright up to the day shown, with doses and values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import panel
from bokeh.models import ColumnDataSource, FixedTicker, Range1d
from bokeh.models.annotations import Span

from experiments.curves import Readout
from experiments.palette import INK, nice, short
from experiments.viewer.style import dark_figure, words

DASHES = {"-": "solid", "--": "dashed", "-.": "dotdash", ":": "dotted"}


class Chart:
    """A figure of one read-out."""

    def __init__(self, readout: Readout, days: Range1d, height: int) -> None:
        self.looks = looks_of(readout)
        self.figure: Any = dark_figure(
            height=height,
            sizing_mode="stretch_width",
            x_range=days,
            min_border_right=16,
            y_range=Range1d(start=0, end=1),
            y_axis_type="log" if readout.log else "linear",
            tools="",
        )
        self.figure.toolbar_location = None
        self.figure.outline_line_color = None
        self.figure.xaxis.axis_label = words("day")
        self.whole = [ColumnDataSource({"x": [], "y": []}) for _ in readout.lines]
        self.past = [ColumnDataSource({"x": [], "y": []}) for _ in readout.lines]
        self.dots = ColumnDataSource({"x": [], "y": [], "colour": []})
        for line, whole, past in zip(readout.lines, self.whole, self.past):
            dash = DASHES[line.style]
            self.figure.line("x", "y", source=whole, color=line.colour, alpha=0.4, line_width=1.5, line_dash=dash)
            self.figure.line("x", "y", source=past, color=line.colour, line_width=2.5, line_dash=dash)
        self.figure.scatter("x", "y", source=self.dots, color="colour", size=7)
        self.cursor = Span(location=0, dimension="height", line_color=INK, line_width=1)
        self.figure.add_layout(self.cursor)
        for day, colour in readout.doses:
            self.figure.add_layout(
                Span(location=day, dimension="height", line_color=colour, line_dash="dotted", line_width=2)
            )
        self.load(readout)

    def load(self, readout: Readout) -> None:
        """Take the lines as they are now."""
        self.readout = readout
        for line, whole in zip(readout.lines, self.whole):
            whole.data = {"x": line.x, "y": line.y}
        highest = max(float(np.nanmax(line.y, initial=0)) for line in readout.lines)
        if readout.log:
            powers = [10**power for power in range(int(np.log10(max(highest, 10))) + 1)]
            self.scale(0.7, 1.5 * max(highest, 10), powers)
        else:
            top = nice(highest)
            self.scale(0, 1.06 * top, [0, top / 2, top])

    def scale(self, low: float, high: float, ticks: Sequence[float]) -> None:
        """Set the vertical scale, with round numbers on it."""
        self.figure.y_range.start, self.figure.y_range.end = low, high
        self.figure.yaxis.ticker = FixedTicker(ticks=list(ticks))
        self.figure.yaxis.major_label_overrides = {tick: short(tick) for tick in ticks}

    def show(self, day: float) -> None:
        """Move to a day."""
        self.cursor.location = day
        lines = self.readout.lines
        for line, past in zip(lines, self.past):
            x, y = line.until(day)
            past.data = {"x": x, "y": y}
        ends = [line.until(day) for line in lines]
        self.dots.data = {
            "x": [x[-1] for x, _ in ends],
            "y": [y[-1] for _, y in ends],
            "colour": [line.colour for line in lines],
        }
        self.figure.title.text = words(self.caption(day))

    def caption(self, day: float) -> str:
        """Say what it is, in which unit, and the values on a day."""
        readout = self.readout
        title = f"{readout.title}, {readout.unit}" if readout.unit else readout.title
        named = [line for line in readout.lines if line.label]
        if readout.log:
            return title
        values = [f"{line.label} {value(line.at(day))}".strip() for line in named or readout.lines]
        return f"{title}:  {'   '.join(values)}"


class Charts:
    """Figures of read-outs below or beside each other."""

    def __init__(self, days: Range1d, height: int, columns: int) -> None:
        self.days, self.height = days, height
        self.box = panel.GridBox(ncols=columns, sizing_mode="stretch_width")
        self.charts: list[Chart] = []

    def load(self, readouts: Sequence[Readout], day: float) -> None:
        """Show these read-outs on a day; figures that show them already are kept, and new ones are filled before they appear."""
        kept = [chart.looks for chart in self.charts] == [looks_of(readout) for readout in readouts]
        if not kept:
            self.charts = [Chart(readout, self.days, self.height) for readout in readouts]
        for chart, readout in zip(self.charts, readouts):
            chart.load(readout)
            chart.show(day)
        if not kept:
            self.box.objects = [panel.pane.Bokeh(chart.figure, sizing_mode="stretch_width") for chart in self.charts]

    def show(self, day: float) -> None:
        """Move to a day."""
        for chart in self.charts:
            chart.show(day)


def looks_of(readout: Readout) -> tuple[Any, ...]:
    """What of a read-out never changes while a run goes on."""
    lines = [(line.colour, line.style, line.label) for line in readout.lines]
    return readout.title, readout.unit, lines, readout.doses


def value(number: float) -> str:
    """Write a value; nothing measured is a dash."""
    return short(number) if np.isfinite(number) else "–"
