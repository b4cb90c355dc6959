"""The maps of a picture: myelin and cells, venules, one field, the difference of two runs, and where a map lies."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import PowerNorm, to_rgb
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from experiments.palette import (
    BACK,
    CLOSED,
    DIM,
    FIELD_COLOURS,
    INK,
    LEAK,
    NORMAL,
    OPEN,
    PANEL,
    SMALL,
    difference_colours,
    short,
)
from experiments.panels import Box, Page, area
from experiments.scene import SHUT_BELOW, Scene

CLOSED_RADIUS, OPEN_RADIUS = 5.0, 9.0  # px, of a venule
GLOW_RADIUS, GLOW_LAYERS, GLOW_OPACITY = 58, 14, 0.045  # around a venule that is fully open
LEGEND_GLOW = 17
LEAST_PLATE = 80  # px, under a scale bar
SCALE_BARS = (10, 20, 50, 100, 200, 500, 1000, 2000)  # um
ROOT = 0.5  # colours of fields are spaced by the square root


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
        bar.set_ticks([-1, 0, 1], labels=["−1, less", "0", "+1, more"])
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
