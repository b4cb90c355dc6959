"""What maps share: a figure to scale with a scale bar, and an image that fills the tissue."""

from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, Range1d
from bokeh.models.annotations import ScaleBar
from bokeh.models.annotations.dimensional import MetricLength

from experiments.palette import BACK, INK
from experiments.scene import Scene, block_means
from experiments.viewer.style import FONT, TOOLBAR_CSS, dark_figure

BAR = 0.15  # of the map, or a little more
ROUND_LENGTHS = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0]  # µm or mm
MOST_VOXELS, FINE = 1024, 600  # across an image: more are averaged; up to how many pixels voxels are drawn finer


class Ground:
    """A figure of the tissue; all maps of a page share its ranges, so that they zoom together."""

    def __init__(self, scene: Scene, x_range: Range1d, y_range: Range1d) -> None:
        left, right, low, high = scene.window
        self.figure: Any = dark_figure(
            x_range=x_range,
            y_range=y_range,
            aspect_ratio=(right - left) / (high - low),
            sizing_mode="scale_width",
            tools="pan,wheel_zoom,reset,save",
            active_scroll="wheel_zoom",
            toolbar_location="right",
            toolbar_inner=True,
            min_border=0,
        )
        self.figure.toolbar.autohide = True
        self.figure.toolbar.logo = None
        self.figure.toolbar.stylesheets = [TOOLBAR_CSS]
        self.figure.axis.visible = self.figure.grid.visible = False
        self.figure.title = None
        self.figure.add_layout(scale_bar(x_range))
        self.image = ColumnDataSource({"image": [], "width": [], "height": []})

    def lay(self, scene: Scene, run: Any, values: np.ndarray) -> None:
        """Show a layer of shape (y, x), or colours of shape (y, x, 3), as the image."""
        values, shares = fewer(values)
        values = smooth(values)
        width, height = (size * share for size, share in zip(scene.size(run), shares))
        self.image.data = {
            "image": [packed(values) if values.ndim == 3 else values],
            "width": [width],
            "height": [height],
        }


def fewer(values: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Average what has more voxels than a screen shows; return it with the share of the width and height that it covers."""
    side = -(-max(values.shape[:2]) // MOST_VOXELS)
    if side == 1:
        return values, (1.0, 1.0)
    if values.ndim == 3:
        small = np.stack([block_means(values[..., channel], side) for channel in range(3)], axis=-1).astype(np.uint8)
    else:
        small = block_means(values, side).astype(np.float32)
    height, width = (n * side / whole for n, whole in zip(small.shape, values.shape[:2]))
    return small, (width, height)


def smooth(values: np.ndarray) -> np.ndarray:
    """Draw coarse voxels finer, in proportion between their middles: a canvas would show them as blocks.

    Each becomes an odd number of pixels across, of which the one in its middle has its value.
    """
    times = FINE // max(values.shape[:2]) // 2 * 2 + 1
    if times < 3 or min(values.shape[:2]) < 2:
        return values
    finer = values
    for _ in range(2):  # rows, then columns
        drawn = between(len(finer), times) @ finer.reshape(len(finer), -1)
        finer = drawn.reshape(-1, *finer.shape[1:]).swapaxes(0, 1)
    return np.rint(finer).astype(np.uint8) if values.dtype == np.uint8 else finer


def between(n: int, times: int) -> np.ndarray:
    """The shares of ``n`` values in ``times`` as many that lie between them, float32 of shape (n * times, n)."""
    places = np.clip((np.arange(n * times) + 0.5) / times - 0.5, 0, n - 1)
    return np.maximum(1 - np.abs(places[:, None] - np.arange(n)), 0).astype(np.float32)


def packed(colours: np.ndarray) -> np.ndarray:
    """Write colours, uint8 of shape (y, x, 3), as the opaque pixels that a canvas takes, uint32 of shape (y, x)."""
    opaque = np.full((*colours.shape[:2], 1), 255, np.uint8)
    return np.ascontiguousarray(np.concatenate([colours, opaque], axis=-1)).view(np.uint32)[..., 0]


def scale_bar(x_range: Range1d) -> ScaleBar:
    """Make a bar of a round length in the lower left corner."""
    return ScaleBar(
        range=x_range,
        dimensional=MetricLength(include=["µm", "mm"], ticks=ROUND_LENGTHS),
        unit="µm",
        bar_length=BAR,
        location="bottom_left",
        background_fill_color=BACK,
        background_fill_alpha=0.8,
        border_line_color=None,
        bar_line_color=INK,
        bar_line_width=4,
        label_text_color=INK,
        label_text_font=FONT,
        label_text_font_size="14px",
    )
