"""Colours, text sizes and round numbers that every picture shares.

Colours are told apart by people with any kind of colour vision; cells take theirs from the config, so that a kind has
the same colour in every picture. Sizes are points on a page of 1920 x 1080 pixels.
"""

import math

import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb

BACK, PANEL, GRID = "#0d1117", "#161b22", "#2b333d"
INK, DIM = "#f0ede6", "#a3adb8"
HUGE, LARGE, NORMAL, SMALL = 40, 21, 15, 13

MYELIN, LOST, REMYELINATED, DEBRIS = "#d2c7b0", "#15101a", "#5f9fb8", "#5b3d2e"
VESSEL, LEAK = "#7fe0ff", "#ffd166"
DIFFERENCE = ("#ffb866", "#b8661a", PANEL, "#2873ab", "#8fd3ff")  # from less to more

ARMS = ((INK, "-"), ("#56b4e9", "--"), ("#f0c000", "-."), ("#e58bb8", ":"))


def mix(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Go from colours ``a`` to ``b``, shape (..., 3), as ``share``, shape (...), goes from 0 to 1."""
    return a + (b - a) * np.clip(share, 0, 1)[..., None]


def tissue_colours(myelin: np.ndarray, remyelinated: np.ndarray, debris: np.ndarray) -> np.ndarray:
    """Colour tissue: light where myelin is, blue where it is new, dark where it is lost, brown under its debris."""
    normal, new, bare, littered = (np.array(to_rgb(name)) for name in (MYELIN, REMYELINATED, LOST, DEBRIS))
    return (255 * mix(mix(bare, littered, debris), mix(normal, new, remyelinated), myelin)).astype(np.uint8)


def difference_colours() -> Colormap:
    """Make the colours for more and less, dark where there is no difference."""
    return LinearSegmentedColormap.from_list("difference", DIFFERENCE)


def nice(value: float) -> float:
    """Round up to a number that a scale can end on; 1 for nothing."""
    if not value > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * power >= 0.999 * value)
