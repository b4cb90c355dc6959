"""The page and the pieces around its maps (experiments/maps.py): series, timeline, legend.

Places are pixels of a 1920 x 1080 page from its top left corner; lengths in tissue are um, times days. A piece draws
once what never changes and keeps the artists that do; ``show(day)`` sets their data and the page redraws only them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from experiments.curves import Readout
from experiments.looks import Look
from experiments.palette import (
    BACK,
    DIM,
    GRID,
    INK,
    LEAK,
    NORMAL,
    PANEL,
    SMALL,
    nice,
    short,
)
from experiments.readouts import DOSE
from experiments.scene import Scene
from experiments.words import measured

WIDTH, HEIGHT = 1920, 1080
PAGE_DPI = 100
PIXEL = 72 / PAGE_DPI  # in points

Box = tuple[float, float, float, float]  # left, top, width, height


class Page:
    """A dark page of 1920 x 1080 pixels, at any resolution, that redraws only what moves."""

    def __init__(self, dpi: float) -> None:
        self.figure = Figure(figsize=(WIDTH / PAGE_DPI, HEIGHT / PAGE_DPI), dpi=dpi, facecolor=BACK)
        self.canvas = FigureCanvasAgg(self.figure)
        self.still: Any = None
        self.moving: list[Artist] = []
        self.sheet = self.axes((0, 0, WIDTH, HEIGHT))
        self.sheet.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
        self.sheet.set_axis_off()

    def axes(self, box: Box) -> Axes:
        """Add axes at a place on the page."""
        left, top, width, height = box
        place = (left / WIDTH, 1 - (top + height) / HEIGHT, width / WIDTH, height / HEIGHT)
        axes = self.figure.add_axes(place, facecolor=PANEL)
        axes.spines[:].set_color(GRID)
        axes.tick_params(colors=DIM, labelsize=SMALL, length=4, width=1)
        return axes

    def write(self, x: float, y: float, text: str, size: float = NORMAL, room: float = 0, **style: Any) -> Text:
        """Write text at a pixel; it is made smaller if it takes more than ``room`` pixels."""
        label = self.sheet.text(x, y, text, fontsize=size, parse_math=False, **{"color": INK, "va": "center", **style})
        if room:
            label.set_fontsize(size * min(1, room / max(self.width(label), 1)))
        return label

    def width(self, text: Text) -> float:
        """Measure a text, in pixels of the page."""
        return text.get_window_extent().width * PAGE_DPI / self.figure.dpi

    def moves(self, *artists: Artist) -> None:
        """Leave these artists out of the still page and redraw them in every frame, in this order."""
        for artist in artists:
            artist.set_animated(True)
        self.moving.extend(artists)

    def frame(self) -> np.ndarray:
        """Draw what moves onto the still page; return its RGBA bytes, which the next frame overwrites."""
        if self.still is None:
            self.canvas.draw()
            self.still = self.canvas.copy_from_bbox(self.figure.bbox)
        self.canvas.restore_region(self.still)
        for artist in self.moving:
            self.figure.draw_artist(artist)
        return np.asarray(self.canvas.buffer_rgba())


def area(pixels: float) -> float:
    """The size of a point for ``scatter``, from its diameter in pixels of the page."""
    return (pixels * PIXEL) ** 2


def draw_cell(page: Page, x: float, y: float, look: Look) -> None:
    """Draw a cell on the page as it looks on the map, large enough for a legend."""
    page.sheet.scatter(
        [x],
        [y],
        s=area(max(look.pixels, 9)),
        marker=look.marker,
        color=look.colour,
        alpha=look.opacity,
        edgecolors=BACK,
        linewidths=look.edge_width,
    )


def day_axis(axes: Axes, last: float) -> None:
    """Mark round days."""
    axes.set_xlim(0, last)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=last >= 4))


class Series:
    """Read-outs over time: faint for the whole run, bright up to the day shown, with values of lines that have names."""

    VALUE = 90  # px, of a value and the gap before it

    def __init__(self, page: Page, box: Box, readout: Readout, last: float, dated: bool) -> None:
        left, top, width, _ = box
        self.lines, self.unit = readout.lines, readout.unit
        self.axes = page.axes(box)
        single = len(self.lines) == 1
        self.named = [line for line in self.lines if line.label] or (self.lines if single else [])
        self.values: list[Text] = []
        right = left + width
        for line in reversed(self.named):
            value = page.write(right, top - 20, "", ha="right", weight="bold", color=line.colour)
            self.values.insert(0, value)
            if line.label:
                label = page.write(right - self.VALUE, top - 20, line.label, SMALL, ha="right", color=line.colour)
                right -= self.VALUE + page.width(label) + 14
        title = readout.title if single or not self.unit else f"{readout.title}, {self.unit}"
        page.write(left, top - 20, title, room=right - left if right < left + width else 0)
        self.scale(max(float(np.nanmax(line.y, initial=0)) for line in self.lines), readout.log)
        for day, colour in readout.doses:
            self.axes.axvline(day, color=colour, lw=1.5, ls=":")
        day_axis(self.axes, last)
        self.axes.grid(color=GRID, lw=0.8)
        self.axes.set_axisbelow(True)
        self.axes.spines[["top", "right"]].set_visible(False)
        self.axes.tick_params(labelbottom=dated)
        if dated:
            self.axes.set_xlabel("day", color=DIM, fontsize=SMALL, labelpad=2)
        for line in self.lines:
            self.axes.plot(line.x, line.y, color=line.colour, alpha=0.35, lw=1.5, ls=line.style)
        self.bright = [self.axes.plot([], [], color=line.colour, lw=2.8, ls=line.style)[0] for line in self.lines]
        self.dots = [self.axes.plot([], [], "o", color=line.colour, ms=6, clip_on=False)[0] for line in self.lines]
        self.cursor = self.axes.axvline(0, color=INK, lw=1)
        page.moves(self.cursor, *self.bright, *self.dots, *self.values)

    def scale(self, highest: float, log: bool) -> None:
        """Set the vertical scale: from zero, or from one in powers of ten."""
        if log:
            powers = 10 ** np.arange(int(np.log10(max(highest, 10))) + 1)
            self.axes.set(yscale="log", yticks=powers, yticklabels=[f"{power:,}" for power in powers])
            self.axes.set_ylim(0.7, max(highest, 10) * 1.5)
            self.axes.minorticks_off()
            return
        top = nice(highest)
        self.axes.set(ylim=(0, top * 1.06), yticks=[0, top / 2, top])
        self.axes.set_yticklabels(["0", short(top / 2), short(top)])

    def show(self, day: float) -> None:
        self.cursor.set_xdata([day, day])
        for line, bright, dot in zip(self.lines, self.bright, self.dots):
            x, y = line.until(day)
            bright.set_data(x, y)
            dot.set_data(x[-1:], y[-1:])
        for line, value in zip(self.named, self.values):
            now, unit = line.at(day), "" if line.label else self.unit
            number = f"{now:.0f}" if self.axes.get_ylim()[1] > 20 else measured(now)
            value.set_text(f"{number} {unit}".strip() if np.isfinite(now) else "none")


class Timeline:
    """A strip of days with the trigger and the doses, and how far the film is."""

    GAP = 14  # px, between a mark and its words

    def __init__(self, page: Page, box: Box, scene: Scene, run: Any) -> None:
        self.page, self.last, self.gap = page, scene.last, self.GAP * scene.last / box[2]
        self.per_pixel = scene.last / box[2]
        self.axes = page.axes(box)
        self.axes.set(ylim=(0, 1), yticks=[])
        day_axis(self.axes, scene.last)
        self.axes.set_xlabel("day", color=DIM, fontsize=SMALL, labelpad=1)
        marks, windows = scene.marks(run), scene.trigger(run)
        for begin, end in windows:
            self.axes.axvspan(begin, end, color=LEAK, alpha=0.28, lw=0)
        self.taken = [(day - self.gap, day + self.gap) for day, _ in marks]
        self.done = Rectangle((0, 0), 0, 1, color=INK, alpha=0.10, lw=0)
        self.axes.add_patch(self.done)
        self.cursor = self.axes.axvline(0, color=INK, lw=3)
        page.moves(self.done, self.cursor)
        for begin, _ in windows[:1]:
            self.label("trigger", LEAK, [begin + self.gap / 4])
        for day, text in marks:
            page.moves(*self.axes.plot([day], [0.5], "v", color=DOSE, ms=13, mec=BACK, clip_on=False))
            self.label(text, INK, [day + self.gap, day - self.gap], plate=True)

    def label(self, text: str, colour: str, starts: list[float], plate: bool = False) -> None:
        """Write words to the right of the first start, else to the left of the second, else not at all."""
        words = self.axes.text(0, 0.5, text, color=colour, fontsize=SMALL, va="center", parse_math=False)
        wide = self.page.width(words) * self.per_pixel
        for left in (starts[0], *(start - wide for start in starts[1:])):
            if 0 <= left <= self.last - wide and all(b <= left or left + wide <= a for a, b in self.taken):
                words.set_x(left)
                if plate:
                    words.set_bbox({"facecolor": PANEL, "linewidth": 0, "pad": 2})
                self.taken.append((left, left + wide))
                self.page.moves(words)
                return
        words.remove()

    def show(self, day: float) -> None:
        self.done.set_width(day)
        self.cursor.set_xdata([day, day])


class Counts:
    """A column of rows, each with a mark, words, and a number that changes."""

    def __init__(self, page: Page, box: Box, row: float) -> None:
        self.page, self.row = page, row
        self.left, self.y, self.width, _ = box
        self.numbers: list[tuple[Text, Callable[..., int]]] = []

    def head(self, words: str, right: str = "", skip: float = 0) -> None:
        """Begin a part of the list."""
        self.y += skip
        self.page.write(self.left, self.y, words, weight="bold")
        self.page.write(self.left + self.width, self.y, right, SMALL, ha="right", color=DIM)
        self.y += self.row

    def add(
        self,
        words: str,
        mark: Callable[..., object] | None = None,
        number: Callable[..., int] | None = None,
        colour: str = INK,
    ) -> None:
        """Add a row; ``mark`` draws at a place and ``number`` counts on a day."""
        if mark:
            mark(x=self.left + 12, y=self.y)
        self.page.write(self.left + 34, self.y, words, room=self.width - 34 - (80 if number else 0), color=colour)
        if number:
            text = self.page.write(self.left + self.width, self.y, "", ha="right", color=colour)
            self.page.moves(text)
            self.numbers.append((text, number))
        self.y += self.row

    def show(self, day: float) -> None:
        for text, number in self.numbers:
            text.set_text(f"{number(day=day):,}")
