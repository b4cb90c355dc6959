"""The views of runs and what each shows: ``lesion``, ``fields`` and ``arms``.

A view lays its pieces out on a page once; ``frame(day)`` moves them to a day and draws it. Places are pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from matplotlib.patches import Circle, Rectangle

from experiments.failures import Refused
from experiments.palette import (
    ARMS,
    DEBRIS,
    DIM,
    HUGE,
    INK,
    LARGE,
    LEAK,
    LOST,
    MYELIN,
    NORMAL,
    REMYELINATED,
    SMALL,
    VESSEL,
)
from experiments.panels import (
    HEIGHT,
    PAGE_DPI,
    WIDTH,
    Counts,
    DifferenceMap,
    FieldMap,
    Page,
    Series,
    Timeline,
    TissueMap,
)
from experiments.scene import Line, Readout, Scene, arm_names

EDGE = 40  # px, around the page

TISSUE = ((MYELIN, "Myelin"), (REMYELINATED, "New myelin"), (DEBRIS, "Myelin debris"), (LOST, "No myelin"))
VENULES = ((False, "Venule, barrier closed"), (True, "Venule, barrier open"))


class View:
    """A page with its title, clock and pieces."""

    def __init__(self, runs: Sequence[Any], dpi: float) -> None:
        self.runs = list(runs)
        self.scene = Scene(self.runs, self.map_side())
        self.page = Page(dpi)
        self.names = arm_names(self.runs)
        self.pieces: list[Any] = []
        self.clock = self.page.write(0, 0, "", HUGE, ha="right", weight="bold")
        self.lay_out()
        self.page.moves(self.clock)
        self.page.write(WIDTH - EDGE, HEIGHT - 16, "a simulation, not for clinical use", SMALL, ha="right", color=DIM)

    def map_side(self) -> float:
        """Say how large the maps are, in pixels."""
        raise NotImplementedError

    def lay_out(self) -> None:
        """Put the pieces on the page."""
        raise NotImplementedError

    def head(self, right: float, below: str) -> None:
        """Write title and subtitle at the top left, and the clock so that it ends at ``right``."""
        room = right - EDGE - 290
        self.page.write(EDGE, 46, self.runs[0].config.title, LARGE, room, weight="bold")
        self.page.write(EDGE, 88, below, NORMAL, room, color=DIM)
        self.clock.set_position((right, 66))

    def about(self) -> str:
        """Say how much tissue is seen."""
        left, right, low, high = self.scene.window
        seen, size = ((right - left, high - low), self.scene.size(self.runs[0]))
        words = f"{size[0] / 1000:g} × {size[1] / 1000:g} mm of tissue"
        return words if seen == size else f"{seen[0] / 1000:.2g} × {seen[1] / 1000:.2g} mm, of {words}"

    def tissue_legend(self, places: Sequence[tuple[float, float]]) -> None:
        """Draw the meaning of the tissue colours and of the venule rings, one at each place."""
        sheet = self.page.sheet
        for (x, y), (colour, label) in zip(places, TISSUE):
            sheet.add_patch(Rectangle((x, y - 11), 22, 22, facecolor=colour, edgecolor=DIM, lw=1))
            self.page.write(x + 32, y, label)
        for (x, y), (is_open, label) in zip(places[len(TISSUE) :], VENULES):
            for radius, opacity in ((15, 0.25), (8, 0.9)) if is_open else ():
                sheet.add_patch(Circle((x + 11, y), radius, color=LEAK, alpha=opacity, lw=0))
            sheet.add_patch(Circle((x + 11, y), 8, fill=False, edgecolor=VESSEL, lw=2.5))
            self.page.write(x + 32, y, label)

    def frame(self, day: float) -> np.ndarray:
        """Draw a day: RGBA bytes, shape (height, width, 4), which the next frame overwrites."""
        self.clock.set_text(f"day {day:.1f}")
        for piece in self.pieces:
            piece.show(day)
        return self.page.frame()


class LesionView(View):
    """One run: the tissue large, what its colours mean with live counts, and the read-outs that matter."""

    LEGEND, SERIES = 925.0, 1400.0  # left edges

    def map_side(self) -> float:
        return 830.0

    def lay_out(self) -> None:
        run, page, scene, side = self.runs[0], self.page, self.scene, self.map_side()
        self.head(EDGE + side, self.about())
        page.write(self.LEGEND, 66, self.names[0], LARGE, WIDTH - EDGE - self.LEGEND, weight="bold")
        self.pieces += [
            TissueMap(page, (EDGE, 122, side, side), scene, run),
            Timeline(page, (EDGE, 966, side, 44), scene, run),
        ]
        page.write(self.LEGEND, 134, "Tissue", NORMAL, weight="bold")
        self.tissue_legend([(self.LEGEND, 174 + 36 * row) for row in range(len(TISSUE) + len(VENULES))])
        page.write(self.LEGEND, 422, "Cells", NORMAL, weight="bold")
        page.write(
            self.LEGEND + 365, 422, "now, in this plane" if scene.solid else "now", NORMAL, ha="right", color=DIM
        )
        self.pieces.append(Counts(page, self.LEGEND, 462, 365, scene, run))
        self.series(run)

    def series(self, run: Any) -> None:
        """Stack the read-outs that the run has, one above the other on one time axis."""
        line = self.scene.line
        doses = [(day, INK) for day, _ in self.scene.marks(run)]
        readouts = [
            Readout("Lesion area", "mm²", line(run, "lesion_area_mm2", MYELIN), doses),
            Readout("Cells, in powers of ten", "", self.scene.cell_lines(run), doses, log=True),
            Readout("M1-like share of phagocytes", "%", self.m1_share(run), doses),
            Readout("Barrier leak", "", line(run, "bbb_leak", LEAK), doses),
        ]
        readouts = [readout for readout in readouts if readout.lines]
        room = (1010 - 122) / max(len(readouts), 1)
        for row, readout in enumerate(readouts):
            box = (self.SERIES, 122 + row * room + 40, WIDTH - EDGE - self.SERIES, room - 62)
            self.pieces.append(Series(self.page, box, readout, self.scene.last, dated=readout is readouts[-1]))

    def m1_share(self, run: Any) -> list[Line]:
        """Percent of the phagocytes that are M1-like, from the ratio M1 : M2."""
        lines = self.scene.line(run, "m1_m2", INK)
        return [Line(line.x, 100 * (1 - 1 / (1 + line.y)), line.colour) for line in lines]


class FieldsView(View):
    """One run: every field on a scale of its own that stays the same for all time."""

    def map_side(self) -> float:
        return 250.0

    def lay_out(self) -> None:
        run, page = self.runs[0], self.page
        names = self.scene.fields(run)
        if not names:
            raise Refused(f"{run.name} kept no fields: name some in output.fields and run again")
        outline = "; outline: where half of the myelin is lost" if "myelin" in run.layers else ""
        self.head(WIDTH - EDGE, f"{self.names[0]}; {self.about()}{outline}")
        rows = next(rows for rows in (1, 2, 3, 4) if rows == 4 or len(names) <= rows * (2 * rows - 1))
        columns = -(-len(names) // rows)
        high, wide = (HEIGHT - 120 - 50) / rows, (WIDTH - 2 * EDGE) / columns
        side = min(high - 60, wide - 90)
        for i, name in enumerate(names):
            row, column = divmod(i, columns)
            box = (EDGE + column * wide, 120 + row * high + 48, wide - 20, side)
            self.pieces.append(FieldMap(page, box, self.scene, run, name))
        words = (
            "Each scale: from zero to the highest 99.5th percentile of all days; what lies above is shown as its top."
        )
        page.write(EDGE, HEIGHT - 16, words, SMALL, color=DIM)


class ArmsView(View):
    """Two to four runs side by side on one clock, in one window and on one scale, with their read-outs below."""

    def map_side(self) -> float:
        return 560.0 if len(self.runs) < 4 else 440.0

    def lay_out(self) -> None:
        page, scene, side = self.page, self.scene, self.map_side()
        self.head(WIDTH - EDGE, self.about())
        columns = len(self.runs) + (len(self.runs) == 2)
        gap = (WIDTH - 2 * EDGE - columns * side) / (columns - 1)
        lefts = [EDGE + column * (side + gap) for column in range(columns)]
        for left, name, run, (colour, style) in zip(lefts, self.names, self.runs, ARMS):
            page.sheet.plot([left, left + 60], [140, 140], color=colour, ls=style, lw=4)
            page.write(left + 74, 140, name, LARGE, side - 74)
            self.pieces.append(TissueMap(page, (left, 165, side, side), scene, run))
        if columns > len(self.runs):
            self.difference(lefts[-1], side)
        self.legend(165 + side + 30)
        self.series(165 + side + 100)

    def difference(self, left: float, side: float) -> None:
        """Show what the second arm has more or less of than the first."""
        self.page.write(left, 140, "Myelin, second minus first", LARGE, side)
        self.pieces.append(DifferenceMap(self.page, (left, 165, side, side), self.scene, self.runs[1], self.runs[0]))

    def legend(self, top: float) -> None:
        """Say what the colours mean, in two rows under the maps."""
        self.tissue_legend([(EDGE + 310 * column, top) for column in range(len(TISSUE) + len(VENULES))])
        looks = list(self.scene.kinds.values())
        labels = [self.page.write(0, top + 38, look.label) for look in looks]
        widths = [self.page.width(label) for label in labels]
        room = WIDTH - 2 * EDGE - 50 * len(labels)
        shrunk = min(1, room / max(sum(widths), 1))
        gap = 18 + min((room - shrunk * sum(widths)) / max(len(labels), 1), 60)
        x = float(EDGE)
        for look, label, width in zip(looks, labels, widths):
            self.page.sheet.add_patch(Circle((x + 11, top + 38), max(look.pixels, 9) / 2, color=look.colour, lw=0))
            label.set(x=x + 32, fontsize=shrunk * NORMAL)
            x += 32 + shrunk * width + gap

    def series(self, top: float) -> None:
        """Put the read-outs that the runs have side by side, all arms in each."""
        wanted = (
            ("Lesion area", "mm²", "lesion_area_mm2", 1),
            ("Area with new myelin", "mm²", "remyelinated_area_mm2", 1),
            ("Axons lost", "%", "axon_loss", 100),
            ("Barrier leak", "", "bbb_leak", 1),
        )
        arms = list(zip(self.runs, ARMS))
        doses = [(day, colour) for run, (colour, _) in arms for day, _ in self.scene.marks(run)]
        readouts = []
        for title, unit, column, times in wanted:
            lines = [line for run, look in arms for line in self.scene.line(run, column, *look, times=times)]
            if lines:
                readouts.append(Readout(title, unit, lines, doses))
        room = (WIDTH - 2 * EDGE) / max(len(readouts), 1)
        for place, readout in enumerate(readouts):
            box = (EDGE + place * room + 55, top + 30, room - 85, HEIGHT - 84 - top - 30)
            self.pieces.append(Series(self.page, box, readout, self.scene.last, dated=True))


VIEWS: dict[str, type[View]] = {"lesion": LesionView, "fields": FieldsView, "arms": ArmsView}
MOST_ARMS = len(ARMS)


def view_of(runs: Sequence[Any], name: str | None = None, dpi: float = PAGE_DPI) -> View:
    """Make a view of runs: ``arms`` for several, ``lesion`` for one that has tissue; 100 dpi is 1920 x 1080 pixels."""
    if name is None:
        name = "arms" if len(runs) > 1 else "lesion" if "myelin" in runs[0].layers else "fields"
    if name not in VIEWS:
        near = get_close_matches(name, VIEWS, 1, 0)
        raise Refused(f"there is no view '{name}': it is one of {', '.join(VIEWS)}; did you mean '{near[0]}'?")
    if name == "arms" and not 2 <= len(runs) <= MOST_ARMS:
        raise Refused(f"the view 'arms' shows 2 to {MOST_ARMS} runs side by side; {len(runs)} given")
    if name != "arms" and len(runs) > 1:
        raise Refused(
            f"the view '{name}' shows one run and {len(runs)} are given: use --view arms, or one run at a time"
        )
    return VIEWS[name](runs, dpi)
