"""The page and the pieces a picture is made of: tissue map, field map, series, timeline, legend.

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
from matplotlib.collections import LineCollection
from matplotlib.colors import PowerNorm, to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from experiments.palette import (
    BACK,
    CLOSED,
    DIM,
    FIELD_COLOURS,
    GRID,
    INK,
    LEAK,
    NORMAL,
    OPEN,
    PANEL,
    SMALL,
    difference_colours,
    nice,
    short,
)
from experiments.scene import SHUT_BELOW, Look, Readout, Scene

WIDTH, HEIGHT = 1920, 1080
PAGE_DPI = 100
PIXEL = 72 / PAGE_DPI  # in points

CLOSED_RADIUS, OPEN_RADIUS = 5.0, 9.0  # px, of a venule
GLOW_RADIUS, GLOW_LAYERS, GLOW_OPACITY = 58, 14, 0.045  # around a venule that is fully open
LEGEND_GLOW = 17
LEAST_PLATE = 80  # px, under a scale bar
SCALE_BARS = (10, 20, 50, 100, 200, 500, 1000, 2000)  # um
ROOT = 0.5  # colours of fields are spaced by the square root
DOSE = "#ffffff"

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
        label = self.sheet.text(x, y, text, fontsize=size, **{"color": INK, "va": "center", **style})
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


def draw_venule(page: Page, x: float, y: float, leak: float) -> None:
    """Draw a venule on the page as it looks on the map, with less glow."""
    Venules(page.sheet, LEGEND_GLOW).show(np.array([[x, y]]), np.array([leak]))


class Venules:
    """Venules: small rings while the barrier is closed, larger ones that fill and glow as it opens."""

    def __init__(self, axes: Axes, radius: float = GLOW_RADIUS) -> None:
        self.radius = radius
        self.glow = [axes.scatter([], [], linewidths=0) for _ in range(GLOW_LAYERS)]
        self.dark, self.rings = (axes.scatter([], []) for _ in range(2))

    def show(self, places: np.ndarray, leak: np.ndarray) -> None:
        """Draw each venule as open as its ``leak``, 0 to 1."""
        opened = np.clip(leak / (2 * SHUT_BELOW), 0, 1)  # how far the ring has turned from one into the other
        leaky = leak > SHUT_BELOW / 2
        for layer, glow in enumerate(self.glow, start=1):
            glow.set_offsets(places[leaky])
            glow.set_sizes(area(2 * self.radius * layer / GLOW_LAYERS) * np.sqrt(leak[leaky]))
            glow.set_facecolor([(*to_rgb(LEAK), GLOW_OPACITY * one) for one in opened[leaky]])
        closed, wide = (np.array(to_rgb(name)) for name in (CLOSED, OPEN))
        sizes = area(2) * (CLOSED_RADIUS + (OPEN_RADIUS - CLOSED_RADIUS) * opened) ** 2
        colours = np.column_stack([closed + (wide - closed) * opened[:, None], 0.65 + 0.35 * opened])
        for ring, width in ((self.dark, 2.5), (self.rings, 0)):
            ring.set_offsets(places)
            ring.set_sizes(sizes)
            ring.set(linewidth=1.2 + 1.2 * opened + width)
        self.dark.set(facecolor="none", edgecolor=[(*to_rgb(BACK), 0.8 * one) for one in opened])
        self.rings.set(
            facecolor=[(*to_rgb(LEAK), one) for one in opened * np.clip(leak * 2, 0.35, 1)], edgecolor=colours
        )


def map_axes(page: Page, box: Box) -> Axes:
    """Add axes for a map, drawn to scale."""
    axes = page.axes(box)
    axes.set(xticks=[], yticks=[], aspect="equal")
    return axes


def map_image(axes: Axes, scene: Scene, run: Any, **style: Any) -> AxesImage:
    """Add the image of a map of the scene's window; ``set_data`` fills it."""
    width, height = scene.size(run)
    image = axes.imshow(
        np.zeros((1, 1)), origin="lower", extent=(0, width, 0, height), **{"interpolation": "bicubic", **style}
    )
    left, right, low, high = scene.window
    axes.set(xlim=(left, right), ylim=(low, high))
    return image


def scale_bar(axes: Axes, scene: Scene, side: float) -> list[Artist]:
    """Draw a bar of a round length with its length, on a dark plate in the lower left corner.

    side   width of the map, px
    """
    left, right, low, _ = scene.window
    pixel = (right - left) / side  # in um
    length = max(bar for bar in SCALE_BARS if bar <= max((right - left) / 5, SCALE_BARS[0]))
    wide = max(length, LEAST_PLATE * pixel)
    x, y = left + 28 * pixel, low + 28 * pixel
    plate = Rectangle((x - 14 * pixel, y - 14 * pixel), wide + 28 * pixel, 60 * pixel)
    plate.set(color=BACK, alpha=0.8, linewidth=0)
    axes.add_patch(plate)
    middle = x + wide / 2
    (bar,) = axes.plot([middle - length / 2, middle + length / 2], [y, y], color=INK, lw=4, solid_capstyle="butt")
    words = f"{length} µm" if length < 1000 else f"{length // 1000} mm"
    label = axes.text(middle, y + 24 * pixel, words, color=INK, fontsize=NORMAL, ha="center", va="center")
    return [plate, bar, label]


class TissueMap:
    """Myelin, venules and cells of one run."""

    def __init__(self, page: Page, box: Box, scene: Scene, run: Any) -> None:
        self.scene, self.run = scene, run
        axes = map_axes(page, box)
        self.image = map_image(axes, scene, run)
        self.points = {
            name: axes.scatter([], [], s=area(look.pixels), marker=look.marker, linewidths=look.edge_width)
            for name, look in scene.groups.items()
        }
        self.venules = Venules(axes)
        self.note = axes.text(0.98, 0.02, "", transform=axes.transAxes, color=INK, fontsize=SMALL, ha="right")
        self.note.set_bbox({"facecolor": BACK, "alpha": 0.75, "linewidth": 0})
        page.moves(self.image, *self.venules.glow, *self.points.values(), self.venules.dark, self.venules.rings)
        page.moves(*scale_bar(axes, scene, box[2]), self.note)

    def show(self, day: float) -> None:
        self.image.set_data(self.scene.tissue(self.run, day))
        self.venules.show(*self.scene.venules(self.run, day))
        for name, (places, opacity) in self.scene.cells(self.run, day).items():
            look, points = self.scene.groups[name], self.points[name]
            fill, edge = (np.tile([*to_rgb(colour), look.opacity], (len(places), 1)) for colour in (look.colour, BACK))
            fill[:, 3] *= opacity
            edge[:, 3] *= opacity
            points.set_offsets(places)
            points.set(facecolor=fill, edgecolor=edge)
        self.note.set_text(self.scene.note(self.run, day))


class Locator:
    """All the tissue, small, with the part that the map shows."""

    def __init__(self, page: Page, box: Box, scene: Scene, run: Any) -> None:
        self.scene, self.run = scene, run
        axes = map_axes(page, box)
        self.image = map_image(axes, scene, run, interpolation="bilinear")
        width, height = scene.size(run)
        axes.set(xlim=(0, width), ylim=(0, height))
        left, right, low, high = scene.window
        frame = Rectangle((left, low), right - left, high - low, fill=False, edgecolor=INK, linewidth=1.5)
        axes.add_patch(frame)
        page.moves(self.image, frame)

    def show(self, day: float) -> None:
        self.image.set_data(self.scene.tissue(self.run, day))


class DifferenceMap:
    """Myelin of one run minus that of another: blue where the first has more, orange where it has less."""

    def __init__(self, page: Page, box: Box, scene: Scene, more: Any, less: Any) -> None:
        self.scene, self.more, self.less = scene, more, less
        axes = map_axes(page, box)
        self.image = map_image(axes, scene, more, cmap=difference_colours(), vmin=-1, vmax=1)
        page.moves(self.image)
        left, top, _, height = box
        bar = page.figure.colorbar(
            self.image, cax=page.axes((left + 40, top + height - 62, 200, 14)), orientation="horizontal"
        )
        bar.set_ticks([-1, 0, 1], labels=["less", "same", "more"])
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelcolor=INK)
        bar.ax.set_zorder(1)
        page.moves(bar.ax)

    def show(self, day: float) -> None:
        more, less = (self.scene.plane(run, "myelin", day, 1) for run in (self.more, self.less))
        self.image.set_data(more - less)


class FieldMap:
    """One field on a scale that stays the same for all time, with the outline of the lesion."""

    BAR = 12  # px

    def __init__(self, page: Page, box: Box, scene: Scene, run: Any, name: str) -> None:
        self.scene, self.run, self.name = scene, run, name
        left, top, width, height = box
        axes = map_axes(page, (left, top, height, height))
        label, unit = scene.field_label(run, name)
        ends = scene.scale(run, name)
        title = page.write(left, top - 18, label, room=width, color=INK if ends else DIM, weight="bold")
        page.write(left + page.width(title) + 10, top - 18, unit if ends else "", SMALL, color=DIM)
        self.image = None
        if ends is None:
            centre = (left + height / 2, top + height / 2)
            page.sheet.add_patch(Rectangle((left, top), height, height, color=PANEL, lw=0))
            page.write(*centre, "none in this run", color=DIM, ha="center", zorder=3)
            axes.set_visible(False)
            return
        low, high = ends
        self.image = map_image(axes, scene, run, cmap=FIELD_COLOURS, norm=PowerNorm(ROOT, low, high))
        self.outline = [
            LineCollection([], colors=colour, linewidths=width) for colour, width in ((BACK, 3), (INK, 1.2))
        ]
        for line in self.outline:
            axes.add_collection(line)
        bar = page.figure.colorbar(self.image, cax=page.axes((left + height + 10, top, self.BAR, height)))
        ticks = [low, low + (high - low) / 4, high]
        bar.set_ticks(ticks, labels=[short(tick) for tick in ticks])
        bar.minorticks_off()
        bar.outline.set_visible(False)
        page.moves(self.image, *self.outline)

    def show(self, day: float) -> None:
        if self.image is not None:
            self.image.set_data(self.scene.plane(self.run, self.name, day, 0))
            border = self.scene.outline(self.run, day)
            for line in self.outline:
                line.set_segments(border)


def day_axis(axes: Axes, last: float) -> None:
    """Mark round days."""
    axes.set_xlim(0, last)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=last >= 4))


class Series:
    """Read-outs over time: faint for the whole run, bright up to the day shown, with values of lines that have names."""

    def __init__(self, page: Page, box: Box, readout: Readout, last: float, dated: bool) -> None:
        left, top, width, _ = box
        self.lines, self.unit = readout.lines, readout.unit
        self.axes = page.axes(box)
        single = len(self.lines) == 1
        page.write(left, top - 20, readout.title if single or not self.unit else f"{readout.title}, {self.unit}")
        self.named = [line for line in self.lines if line.label] or (self.lines if single else [])
        self.values: list[Text] = []
        right = left + width
        for line in reversed(self.named):
            value = page.write(right, top - 20, "", ha="right", weight="bold", color=line.colour)
            self.values.insert(0, value)
            if line.label:
                label = page.write(right - 62, top - 20, line.label, ha="right", color=line.colour)
                right -= 62 + page.width(label) + 26
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
            n = line.until(day)
            bright.set_data(line.x[:n], line.y[:n])
            dot.set_data(line.x[n - 1 : n], line.y[n - 1 : n])
        for line, value in zip(self.named, self.values):
            digits, now = 0 if self.axes.get_ylim()[1] > 20 else 2, line.at(day)
            unit = "" if line.label else self.unit
            value.set_text(f"{now:.{digits}f} {unit}".strip() if np.isfinite(now) else "none")


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
        words = self.axes.text(0, 0.5, text, color=colour, fontsize=SMALL, va="center")
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
