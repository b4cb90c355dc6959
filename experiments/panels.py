"""The page and the pieces a picture is made of: tissue map, field map, series, timeline, legend.

Places are pixels of a 1920 x 1080 page from its top left corner; lengths in tissue are um, times days. A piece draws
once what never changes and keeps the artists that do; ``show(day)`` sets their data and the page redraws only them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle, Rectangle
from matplotlib.text import Text

from experiments.palette import (
    BACK,
    DIM,
    GRID,
    INK,
    LEAK,
    NORMAL,
    PANEL,
    SMALL,
    VESSEL,
    difference_colours,
    nice,
)
from experiments.scene import Readout, Scene

WIDTH, HEIGHT = 1920, 1080
PAGE_DPI = 100
PIXEL = 72 / PAGE_DPI  # in points

VENULE_RADIUS = 8  # px
GLOW = (
    (46, 0.06),
    (39, 0.07),
    (32, 0.08),
    (26, 0.10),
    (20, 0.13),
    (14, 0.18),
    (9, 0.90),
)  # radius in px, opacity, around a venule that is fully open
SCALE_BARS = (10, 20, 50, 100, 200, 500, 1000, 2000)  # um

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


def map_axes(page: Page, box: Box, scene: Scene) -> Axes:
    """Add axes for a map of the scene's window, drawn to scale."""
    axes = page.axes(box)
    axes.set(xticks=[], yticks=[], aspect="equal")
    return axes


def map_image(axes: Axes, scene: Scene, run: Any, **style: Any) -> AxesImage:
    """Add the image of a map; ``set_data`` fills it."""
    width, height = scene.size(run)
    image = axes.imshow(
        np.zeros((1, 1)), origin="lower", interpolation="bilinear", extent=(0, width, 0, height), **style
    )
    left, right, low, high = scene.window
    axes.set(xlim=(left, right), ylim=(low, high))
    return image


def scale_bar(axes: Axes, scene: Scene) -> list[Artist]:
    """Draw a bar of a round length with its length, on a dark plate in the lower left corner."""
    left, right, low, _ = scene.window
    across = right - left
    length = max(bar for bar in SCALE_BARS if bar <= max(across / 4, SCALE_BARS[0]))
    x, y = left + 0.04 * across, low + 0.04 * across
    plate = Rectangle((x - 0.02 * across, y - 0.02 * across), length + 0.04 * across, 0.095 * across)
    plate.set(color=BACK, alpha=0.75, linewidth=0)
    axes.add_patch(plate)
    (bar,) = axes.plot([x, x + length], [y, y], color=INK, lw=4, solid_capstyle="butt")
    words = f"{length} µm" if length < 1000 else f"{length // 1000} mm"
    label = axes.text(x + length / 2, y + 0.038 * across, words, color=INK, fontsize=NORMAL, ha="center", va="center")
    return [plate, bar, label]


class TissueMap:
    """Myelin, venules and cells of one run."""

    def __init__(self, page: Page, box: Box, scene: Scene, run: Any) -> None:
        self.scene, self.run = scene, run
        axes = map_axes(page, box, scene)
        self.image = map_image(axes, scene, run)
        self.glow = [axes.scatter([], [], linewidths=0) for _ in GLOW]
        area = (2 * VENULE_RADIUS * PIXEL) ** 2
        self.rings = [
            axes.scatter([], [], s=area, facecolors="none", edgecolors=colour, linewidths=width)
            for colour, width in ((BACK, 5), (VESSEL, 2.5))
        ]
        self.points = {
            kind: axes.scatter(
                [],
                [],
                s=(look.pixels * PIXEL) ** 2,
                color=look.colour,
                edgecolors=BACK,
                linewidths=look.edge_width,
            )
            for kind, look in scene.kinds.items()
        }
        self.note = axes.text(0.98, 0.02, "", transform=axes.transAxes, color=INK, fontsize=SMALL, ha="right")
        self.note.set_bbox({"facecolor": BACK, "alpha": 0.75, "linewidth": 0})
        page.moves(self.image, *self.points.values(), *self.glow, *self.rings, *scale_bar(axes, scene), self.note)

    def show(self, day: float) -> None:
        self.image.set_data(self.scene.tissue(self.run, day))
        for kind, places in self.scene.cells(self.run, day).items():
            self.points[kind].set_offsets(places)
        moment = self.scene.moment(self.run, day)
        self.show_venules(moment.venules, moment.leak)
        self.note.set_text(self.scene.note(self.run, day))

    def show_venules(self, places: np.ndarray, leak: np.ndarray) -> None:
        """Draw each venule as a ring that fills and glows as its barrier opens."""
        for ring in self.rings:
            ring.set_offsets(places)
        for glow, (radius, opacity) in zip(self.glow, GLOW):
            glow.set_offsets(places)
            glow.set_sizes((2 * radius * PIXEL) ** 2 * np.sqrt(leak))
            glow.set_facecolor([(*to_rgb(LEAK), opacity * min(1, 4 * one)) for one in leak])


class DifferenceMap:
    """Myelin of one run minus that of another: blue where the first has more, orange where it has less."""

    def __init__(self, page: Page, box: Box, scene: Scene, more: Any, less: Any) -> None:
        self.scene, self.more, self.less = scene, more, less
        axes = map_axes(page, box, scene)
        self.image = map_image(axes, scene, more, cmap=difference_colours(), vmin=-1, vmax=1)
        page.moves(self.image)
        left, top, _, height = box
        bar = page.figure.colorbar(
            self.image, cax=page.axes((left + 40, top + height - 62, 200, 14)), orientation="horizontal"
        )
        bar.set_ticks([-1, 0, 1], labels=["less", "same", "more"])
        bar.ax.tick_params(labelcolor=INK)
        bar.ax.set_zorder(1)
        page.moves(bar.ax)

    def show(self, day: float) -> None:
        more, less = (self.scene.plane(run, "myelin", day, 1) for run in (self.more, self.less))
        self.image.set_data(more - less)


class FieldMap:
    """One field on a scale that stays the same for all time, with the outline of the lesion."""

    def __init__(self, page: Page, box: Box, scene: Scene, run: Any, name: str) -> None:
        self.scene, self.run, self.name = scene, run, name
        left, top, width, height = box
        axes = map_axes(page, (left, top, height, height), scene)
        top_value = scene.highest(run, name)
        self.image = map_image(axes, scene, run, cmap="inferno", vmin=0, vmax=top_value)
        self.outline = LineCollection([], colors=INK, linewidths=1.2)
        axes.add_collection(self.outline)
        bar = page.figure.colorbar(self.image, cax=page.axes((left + height + 10, top, 14, height)))
        bar.set_ticks([0, top_value / 2, top_value], labels=["0", f"{top_value / 2:g}", f"{top_value:g}"])
        bar.outline.set_visible(False)
        page.write(left, top - 20, scene.field_label(run, name), room=width)
        page.moves(self.image, self.outline)

    def show(self, day: float) -> None:
        self.image.set_data(self.scene.plane(self.run, self.name, day, 0))
        self.outline.set_segments(self.scene.outline(self.run, day))


class Series:
    """Read-outs over time: faint for the whole run, bright up to the day shown; one line has its value in the title."""

    def __init__(self, page: Page, box: Box, readout: Readout, last: float, dated: bool) -> None:
        left, top, width, _ = box
        self.lines, self.unit = readout.lines, readout.unit
        self.axes = page.axes(box)
        single = len(self.lines) == 1
        page.write(left, top - 20, f"{readout.title}, {self.unit}" if self.unit and not single else readout.title)
        self.value = page.write(left + width, top - 20, "", ha="right", weight="bold")
        self.scale(max(float(np.nanmax(line.y, initial=0)) for line in self.lines), readout.log)
        for day, colour in readout.doses:
            self.axes.axvline(day, color=colour, lw=1.5, ls=":")
        self.axes.set_xlim(0, last)
        self.axes.grid(color=GRID, lw=0.8)
        self.axes.set_axisbelow(True)
        self.axes.tick_params(labelbottom=dated)
        if dated:
            self.axes.set_xlabel("day", color=DIM, fontsize=SMALL, labelpad=2)
        for line in self.lines:
            self.axes.plot(line.x, line.y, color=line.colour, alpha=0.35, lw=1.5, ls=line.style)
        self.bright = [self.axes.plot([], [], color=line.colour, lw=3, ls=line.style)[0] for line in self.lines]
        self.dots = [self.axes.plot([], [], "o", color=line.colour, ms=7, clip_on=False)[0] for line in self.lines]
        self.cursor = self.axes.axvline(0, color=INK, lw=1)
        page.moves(self.cursor, *self.bright, *self.dots, self.value)

    def scale(self, highest: float, log: bool) -> None:
        """Set the vertical scale: from zero, or from one in powers of ten."""
        if log:
            powers = 10 ** np.arange(int(np.log10(max(highest, 10))) + 1)
            self.axes.set(yscale="log", yticks=powers, yticklabels=powers)
            self.axes.set_ylim(0.7, max(highest, 10) * 1.5)
            self.axes.minorticks_off()
            return
        top = nice(highest)
        self.axes.set(ylim=(0, top * 1.06), yticks=[0, top / 2, top])
        self.axes.set_yticklabels(["0", f"{top / 2:g}", f"{top:g}"])

    def show(self, day: float) -> None:
        self.cursor.set_xdata([day, day])
        for line, bright, dot in zip(self.lines, self.bright, self.dots):
            n = line.until(day)
            bright.set_data(line.x[:n], line.y[:n])
            dot.set_data(line.x[n - 1 : n], line.y[n - 1 : n])
        if len(self.lines) == 1:
            digits, now = 0 if self.axes.get_ylim()[1] > 20 else 2, self.lines[0].at(day)
            self.value.set_text(f"{now:.{digits}f} {self.unit}".strip() if np.isfinite(now) else "none")


class Timeline:
    """A strip of days with the trigger and the doses, and how far the film is."""

    GAP = 14  # px, between a mark and its words

    def __init__(self, page: Page, box: Box, scene: Scene, run: Any) -> None:
        self.page, self.last, self.gap = page, scene.last, self.GAP * scene.last / box[2]
        self.per_pixel = scene.last / box[2]
        self.axes = page.axes(box)
        self.axes.set(xlim=(0, scene.last), ylim=(0, 1), yticks=[])
        self.axes.set_xlabel("day", color=DIM, fontsize=SMALL, labelpad=1)
        marks, windows = scene.marks(run), scene.trigger(run)
        for begin, end in windows:
            self.axes.axvspan(begin, end, color=LEAK, alpha=0.30, lw=0)
        self.taken = [(day - self.gap, day + self.gap) for day, _ in marks]
        self.done = Rectangle((0, 0), 0, 1, color=INK, alpha=0.10, lw=0)
        self.axes.add_patch(self.done)
        self.cursor = self.axes.axvline(0, color=INK, lw=3)
        page.moves(self.done, self.cursor)
        for begin, _ in windows[:1]:
            self.label("trigger", LEAK, [begin + self.gap / 4])
        for day, text in marks:
            page.moves(*self.axes.plot([day], [0.5], "v", color=INK, ms=13, mec=BACK, clip_on=False))
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
    """A column of cell kinds with a point as on the map and how many there are now."""

    ROW = 36  # px

    def __init__(self, page: Page, left: float, top: float, width: float, scene: Scene, run: Any) -> None:
        self.scene, self.run = scene, run
        self.numbers: dict[str, Text] = {}
        drawn, counted = scene.roster(run)
        for row, kind in enumerate(drawn):
            y, look = top + row * self.ROW, scene.kinds[kind]
            page.sheet.add_patch(Circle((left + 11, y), max(look.pixels, 9) / 2, color=look.colour, lw=0))
            self.write(page, kind, look.label, (left, y, width), INK)
        y = top + len(drawn) * self.ROW + 10
        if counted:
            page.write(left, y, "not drawn", SMALL, color=DIM)
        for row, kind in enumerate(counted, start=1):
            self.write(page, kind, run.config.cells[kind].label, (left, y + row * self.ROW, width), DIM)
        page.moves(*self.numbers.values())

    def write(self, page: Page, kind: str, label: str, place: tuple[float, float, float], colour: str) -> None:
        left, y, width = place
        page.write(left + 32, y, label, room=width - 32 - 86, color=colour)
        self.numbers[kind] = page.write(left + width, y, "", ha="right", color=colour)

    def show(self, day: float) -> None:
        for kind, number in self.numbers.items():
            number.set_text(f"{self.scene.count(self.run, kind, day):,}")
