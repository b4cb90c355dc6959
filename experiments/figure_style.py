"""How figures on pages look: light, colours that everybody tells apart, small files."""

from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image  # matplotlib brings it

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")  # Okabe and Ito
DASHES = ("-", "--", "-.", ":", (0, (5, 1)))
MARKERS = ("o", "s", "^", "v", "D")
INK, SHADE, GREY = "#222222", "#e8e4d9", "#888888"
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
}
RESOLUTION = 100  # dots per inch
PALETTE = 96  # colours


def save(figure: Figure, path: Path) -> None:
    """Write a PNG of few colours: a third of the bytes, and nothing to see."""
    drawn = BytesIO()
    figure.savefig(drawn, dpi=RESOLUTION)
    Image.open(drawn).convert("RGB").quantize(PALETTE).save(path, optimize=True)
