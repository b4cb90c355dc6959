"""The map of one field or layer of the tissue of one run, on a scale that is the same on all days and in all runs."""

from typing import Any

import matplotlib
import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, LinearColorMapper, Range1d
from matplotlib.colors import to_hex

from experiments.maps import ROOT
from experiments.palette import BACK, FIELD_COLOURS, INK, short
from experiments.scene import Scene
from experiments.viewer.ground import Ground
from experiments.viewer.style import safe
from experiments.words import plain

SHADES, STOPS = 1024, 32  # colours of a map, and of its bar


def colour_of(shares: np.ndarray) -> list[str]:
    """The colours of shares of a scale, spaced by the square root as in the pictures."""
    return [to_hex(colour) for colour in matplotlib.colormaps[FIELD_COLOURS](shares**ROOT)]


def shared_mapper() -> LinearColorMapper:
    """Make the scale that the maps of a page share."""
    return LinearColorMapper(palette=colour_of(np.linspace(0, 1, SHADES)), low=0, high=1)


def label_of(scene: Scene, name: str) -> tuple[str, str]:
    """Name and unit of a field, or of a layer of the tissue."""
    run = next(run for run in scene.runs if name in run.layers)
    if name in run.config.fields:
        return scene.field_label(run, name)
    described = run.field(name, float(run.frame_days[0])).attrs
    unit = described["unit"]
    return described["label"], "share of normal" if unit == "1" else plain(unit)


def scale_of(scene: Scene, name: str) -> tuple[float, float]:
    """The ends of the scale of a layer for all runs; from 0 to 1 where it is never there."""
    ends = [scale for run in scene.runs if name in run.layers if (scale := scene.scale(run, name))]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else (0.0, 1.0)


def bar_of(low: float, high: float, label: str, unit: str, outlined: bool) -> str:
    """Draw the bar of a scale as HTML, and say what the outline is."""
    border = "Outline: where half of the myelin is lost. " if outlined else ""
    shares = np.linspace(0, 1, STOPS) ** (1 / ROOT)
    stops = ", ".join(f"{colour} {100 * share:.2f}%" for share, colour in zip(shares, colour_of(shares)))
    ticks = "".join(
        f'<span style="position: absolute; left: {100 * share:g}%; transform: translateX(-{100 * share:g}%)">'
        f"{short(low + share * (high - low))}</span>"
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        f"<h2>{safe(label)}, {safe(unit)}</h2>"
        f'<div style="height: 16px; border-radius: 3px; background: linear-gradient(to right, {stops})"></div>'
        f'<div style="position: relative; height: 24px; line-height: 24px">{ticks}</div>'
        f'<p class="dim">{border}One scale for all days and runs; what lies above it is shown as its top.</p>'
    )


class FieldMap(Ground):
    """One layer of one run, with the border of the lesion."""

    def __init__(self, scene: Scene, mapper: LinearColorMapper, x_range: Range1d, y_range: Range1d) -> None:
        super().__init__(scene, x_range, y_range)
        image = self.figure.image(
            "image", x=0, y=0, dw="width", dh="height", source=self.image, color_mapper=mapper, level="image"
        )
        self.figure.add_tools(HoverTool(renderers=[image], tooltips=[("value", "@image{0.000}")], visible=False))
        self.border = ColumnDataSource({"x": [], "y": []})
        for colour, width in ((BACK, 3.5), (INK, 1.4)):
            self.figure.multi_line("x", "y", source=self.border, color=colour, line_width=width)

    def show(self, scene: Scene, run: Any, day: float, name: str) -> None:
        """Show a layer on a day."""
        self.lay(scene, run, np.asarray(scene.plane(run, name, day, 0), np.float32))
        lines = scene.outline(run, day)
        self.border.data = {"x": [line[:, 0] for line in lines], "y": [line[:, 1] for line in lines]}
