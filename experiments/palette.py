"""Colours, text sizes and round numbers that every picture shares.

Colours are told apart by people with any kind of colour vision; cells take theirs from the config, so that a kind has
the same colour in every picture. Tissue is darker than all cells. Sizes are points on a page of 1920 x 1080 pixels.
"""

import math

import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb

BACK, PANEL, GRID = "#0b0f14", "#12181f", "#26303a"
INK, DIM = "#f0ede6", "#9aa7b4"
HUGE, LARGE, NORMAL, SMALL = 40, 21, 15, 12

MYELIN, LOST, REMYELINATED, DEBRIS = "#4d6483", "#0c0a10", "#4aa86a", "#b5541f"
CLOSED, OPEN, LEAK = "#b9c7d6", "#ffffff", "#ffd166"  # venules, and what leaks from them
M1_LIKE, M2_LIKE = "#FFB000", "#9AD8FF"
DIFFERENCE = ("#ffb866", "#b8661a", PANEL, "#2873ab", "#8fd3ff")  # from less to more
FIELD_COLOURS = "magma"

ARMS = ((INK, "-"), ("#56b4e9", "--"), ("#f0c000", "-."), ("#e58bb8", ":"))


def tissue_colours(myelin: np.ndarray, remyelinated: np.ndarray, debris: np.ndarray) -> np.ndarray:
    """Mix the colours of tissue as its parts lie in it: uint8 of shape (..., 3).

    myelin         all sheaths, of the healthy number; what exceeds it counts as full
    remyelinated   those of them that are new, of the healthy number
    debris         myelin lying as debris, of the healthy amount; it shows where there are no sheaths
    """
    normal, new, bare, littered = (np.array(to_rgb(name), np.float32) for name in (MYELIN, REMYELINATED, LOST, DEBRIS))
    present = np.clip(myelin, 0, 1)[..., None]
    fresh = np.clip(remyelinated / np.maximum(myelin, np.float32(1e-6)), 0, 1)[..., None]
    ground = bare + (littered - bare) * np.clip(debris, 0, 1)[..., None]
    sheaths = normal + (new - normal) * fresh
    return (255 * (ground + (sheaths - ground) * present)).astype(np.uint8)


def difference_colours() -> Colormap:
    """Make the colours for more and less, dark where there is no difference."""
    return LinearSegmentedColormap.from_list("difference", DIFFERENCE)


def nice(value: float) -> float:
    """Round up to a number that a scale can end on; 1 for nothing."""
    if not value > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * power >= 0.999 * value)


def short(value: float) -> str:
    """Write a number of a scale: ``1,500``, ``62.5``, ``0.03``."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
