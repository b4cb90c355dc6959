"""What all views of runs share: the page, its head, clock and keys, and how a day is drawn. Places are pixels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from experiments.curves import Readout
from experiments.labels import arm_names
from experiments.maps import draw_venule
from experiments.palette import (
    DEBRIS,
    DIM,
    HUGE,
    LARGE,
    LOST,
    MYELIN,
    NORMAL,
    REMYELINATED,
    SMALL,
)
from experiments.panels import HEIGHT, WIDTH, Counts, Page, draw_cell
from experiments.readouts import of_one
from experiments.scene import SAME_DAY, Scene
from experiments.words import NOTICE, written

EDGE = 40  # px, around the page
SHORT_RUN = 8  # days; in a film of a shorter one the clock shows parts of days

TISSUE = ((MYELIN, "Myelin"), (REMYELINATED, "New myelin"), (LOST, "No myelin"), (DEBRIS, "Myelin debris"))
VENULES = ((0.0, "Venules, barrier closed"), (1.0, "Venules, barrier open"))


class View:
    """A page with its title, clock and pieces."""

    def __init__(self, runs: Sequence[Any], dpi: float, pace: float) -> None:
        self.runs = list(runs)
        self.scene = Scene(self.runs, self.map_side(), pace)
        self.page = Page(dpi)
        self.names = arm_names(self.runs)
        self.pieces: list[Any] = []
        self.clock = self.page.write(0, 0, "", HUGE, ha="right", weight="bold")
        self.lay_out()
        self.page.moves(self.clock)
        self.page.write(WIDTH - EDGE, HEIGHT - 15, NOTICE, SMALL, ha="right", color=DIM)

    def map_side(self) -> float:
        """Say how large the maps are, in pixels."""
        raise NotImplementedError

    def lay_out(self) -> None:
        """Put the pieces on the page."""
        raise NotImplementedError

    def head(self, left: float, right: float, below: str) -> None:
        """Write title and subtitle at ``left``, and the clock so that it ends at ``right``."""
        longest = max((self.time(float(day)) for run in self.runs for day in run.frame_days), key=len)
        self.clock.set_text(f"day {longest}")
        room = right - left - max(self.page.width(self.clock) + 30, 290)
        self.page.write(left, 46, self.runs[0].config.title, LARGE, room, weight="bold")
        self.page.write(left, 86, below, NORMAL, room, color=DIM)
        self.clock.set_position((right, 66))

    def about(self) -> str:
        """Say how much tissue is seen."""
        left, right, low, high = self.scene.window
        size = " × ".join(f"{side / 1000:g}" for side in self.runs[0].config.grid.size)
        words = f"{size} mm" if self.scene.dish else f"{size} mm of tissue"
        return f"{(right - left) / 1000:.2g} × {(high - low) / 1000:.2g} mm, of {words}" if self.scene.zoomed else words

    def swatch(self, colour: str, x: float, y: float) -> None:
        """Draw a colour of the tissue."""
        self.page.sheet.add_patch(Rectangle((x - 11, y - 11), 22, 22, facecolor=colour, edgecolor=DIM, lw=0.8))

    def venule(self, leak: float, x: float, y: float) -> None:
        """Draw a venule as it looks at a leak."""
        draw_venule(self.page, x, y, leak)

    def tissue_key(self, counts: Counts, run: Any) -> None:
        """List what the colours of the tissue and the rings mean, with how many venules leak; nothing in a dish."""
        if self.scene.dish:
            return
        counts.head("Tissue")
        for colour, words in TISSUE:
            counts.add(words, partial(self.swatch, colour))
        for leak, words in VENULES if len(self.scene.moment(run, 0).venules) else ():
            counts.add(words, partial(self.venule, leak), partial(self.scene.venules_that, run, leak=leak > 0))

    def cell_key(self, counts: Counts, run: Any, undrawn: bool = True) -> None:
        """List the groups of cells with their numbers; those only counted come last, without a mark."""
        drawn, counted = self.scene.roster(run)
        for name in drawn:
            look = self.scene.groups[name]
            counts.add(look.label, partial(draw_cell, self.page, look=look), partial(self.scene.count, run, name))
        if counted and undrawn:
            counts.head("", "not drawn", skip=8)
        for name in counted if undrawn else ():
            counts.add(run.config.cells[name].label, None, partial(self.scene.count, run, name), DIM)

    def readouts(self, run: Any) -> list[Readout]:
        """The read-outs that tell the course of a lesion, as far as the run has them."""
        return of_one(self.scene, run)

    def time(self, day: float) -> str:
        """Write a day as the clock shows it: exact on a still; in a film as exact as the days of frames, or whole."""
        if not self.scene.pace:
            return written(day)
        if self.scene.last >= SHORT_RUN:
            return str(int(day + SAME_DAY))
        stored = [written(day) for run in self.runs for day in run.frame_days]
        return f"{day:.{max(1, *(len(each.partition('.')[2]) for each in stored))}f}"

    def frame(self, day: float) -> np.ndarray:
        """Draw a day: RGBA bytes, shape (height, width, 4), which the next frame overwrites."""
        self.clock.set_text(f"day {self.time(day)}")
        for piece in self.pieces:
            piece.show(day)
        return self.page.frame()
