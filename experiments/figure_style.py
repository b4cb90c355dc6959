"""How figures on pages look: light, colours that everybody tells apart, small files."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image  # matplotlib brings it

from experiments.failures import Refused, reason
from experiments.words import NOTICE

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


def finish(
    path: Path, figure: Figure, panels: Sequence[Any], used: int, title: str, below: str, names: Mapping[str, str]
) -> None:
    """Write a figure of panels: those not used hidden, a title above, and below the legend of the first, with words on it.

    names   what the entries of the legend are called for people
    """
    for axes in panels[used:]:
        axes.set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles,
        [names.get(label, label) for label in labels],
        loc="outside lower center",
        ncols=len(labels),
        frameon=False,
        fontsize=8,
        title=f"{below}\n{NOTICE}",
        title_fontsize=8,
    )
    figure.suptitle(title, color=INK, fontsize=10)
    try:
        save(figure, path)
    except OSError as error:
        raise Refused(f"cannot write {path}: {reason(error)}") from None
