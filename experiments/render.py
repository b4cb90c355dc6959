"""The views of runs and what each shows: ``lesion``, ``fields`` and ``arms``, and ``poster``, the lesion as a still.

A view lays its pieces out on a page once; ``frame(day)`` moves them to a day and draws it. Places are pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any

import numpy as np

from experiments.curves import Readout, course, m1_share
from experiments.failures import Refused
from experiments.looks import NOT_CELLS
from experiments.maps import DifferenceMap, FieldMap, Locator, TissueMap
from experiments.palette import (
    ARMS,
    DIM,
    INK,
    LARGE,
    NORMAL,
    SMALL,
)
from experiments.panels import HEIGHT, PAGE_DPI, WIDTH, Counts, Series, Timeline, draw_cell
from experiments.readouts import of_arms
from experiments.view import EDGE, TISSUE, VENULES, View
from experiments.words import measured, percent

T_CELLS = ("th1", "th17", "cd8", "treg")


class LesionView(View):
    """One run: the tissue large, what its colours mean with live counts, and the read-outs that matter."""

    LEGEND, SERIES, LOCATOR = 930.0, 1400.0, 140.0  # left edges; side of the locator
    TOP, BOTTOM = 122, 1016

    def map_side(self) -> float:
        return 846.0

    def lay_out(self) -> None:
        run, page, scene, side = self.runs[0], self.page, self.scene, self.map_side()
        self.head(EDGE, EDGE + side, self.about())
        page.write(self.LEGEND, 66, self.names[0], LARGE, WIDTH - EDGE - self.LEGEND, weight="bold")
        self.pieces += [
            TissueMap(page, (EDGE, self.TOP, side, side), scene, run),
            Timeline(page, (EDGE, self.TOP + side + 14, side, 36), scene, run),
        ]
        self.legend(run)
        self.series(run)

    def legend(self, run: Any) -> None:
        """List tissue and cells in one column, with all the tissue small below where the map is a part of it."""
        drawn, counted = self.scene.roster(run)
        rows = 3 + len(TISSUE) + len(VENULES) + len(drawn) + len(counted)
        foot = self.LOCATOR + 24 if self.scene.zoomed else 0
        row = min(34, (self.BOTTOM - self.TOP - foot - 30) / rows)
        counts = Counts(self.page, (self.LEGEND, self.TOP + 12, 400, 0), row)
        self.tissue_key(counts, run)
        counts.head("Cells", self.scene.where, skip=0 if self.scene.dish else 16)
        self.cell_key(counts, run)
        self.pieces.append(counts)
        if self.scene.zoomed:
            side, top = self.LOCATOR, self.BOTTOM - self.LOCATOR
            self.pieces.append(Locator(self.page, (self.LEGEND, top, side, side), self.scene, run))
            width, height = self.scene.size(run)
            self.page.write(self.LEGEND + side + 20, top + 14, "All the tissue", color=INK)
            words = f"{width / 1000:g} × {height / 1000:g} mm; framed: the map"
            self.page.write(self.LEGEND + side + 20, top + 44, words, SMALL, color=DIM)

    def series(self, run: Any) -> None:
        """Stack the read-outs that the run has, one above the other on one time axis."""
        readouts = self.readouts(run)
        room = (self.BOTTOM - self.TOP) / max(len(readouts), 1)
        for row, readout in enumerate(readouts):
            box = (self.SERIES, self.TOP + row * room + 34, WIDTH - EDGE - self.SERIES, room - 58)
            self.pieces.append(Series(self.page, box, readout, self.scene.last, dated=readout is readouts[-1]))


class PosterView(View):
    """One run on one day, as a still: the tissue as large as the page, key numbers, legend and course."""

    LEFT = 1096.0
    NUMBERS, BOTTOM, LEAST_CHART = 168, HEIGHT - 110, 150  # where numbers begin; the chart ends there, and is so high
    ACROSS, ROW = 4, 118  # numbers in a row, and its height

    def map_side(self) -> float:
        return 1000.0

    def lay_out(self) -> None:
        run, page, scene, side = self.runs[0], self.page, self.scene, self.map_side()
        right = WIDTH - EDGE
        self.head(self.LEFT, right, f"{self.names[0]}; {self.about()}")
        self.pieces.append(TissueMap(page, (EDGE, (HEIGHT - side) / 2, side, side), scene, run))
        lists = self.numbers(run)
        columns = (right - self.LEFT - 48) / 2
        rows = 1 + max(len(TISSUE) + len(VENULES), len(scene.roster(run)[0]))
        row = min(33, (self.BOTTOM - self.LEAST_CHART - 56 - lists) / rows)
        tissue = Counts(page, (self.LEFT, lists, columns, 0), row)
        self.tissue_key(tissue, run)
        cells = Counts(page, (self.LEFT if scene.dish else self.LEFT + columns + 48, lists, columns, 0), row)
        cells.head("Cells", scene.where)
        self.cell_key(cells, run, undrawn=False)
        self.pieces += [tissue, cells]
        top = max(tissue.y, cells.y) + 56
        for readout in self.readouts(run)[:1]:
            box = (self.LEFT + 50, top, right - self.LEFT - 50, self.BOTTOM - top)
            self.pieces.append(Series(page, box, readout, scene.last, dated=True))
        made = f"remyelin {run.info.get('code_version', '')}, scenario {run.name}, seed {run.config.seed}"
        page.write(EDGE, HEIGHT - 15, made, SMALL, side, color=DIM)

    def numbers(self, run: Any) -> float:
        """Write the key numbers of the day, large, each over what it is; return where they end."""
        scene = self.scene
        unit = scene.extent[1]
        lines = {column: line for column in run.measures for line in course(run, column, INK)}
        has = {column for column, line in lines.items() if line.y.any() or not scene.dish}

        def at(column: str, day: float, times: float = 1) -> float:
            return course(run, column, INK, times=times)[0].at(day)

        def t_cells(day: float) -> str:
            return f"{sum(at(f'count.{kind}', day) for kind in T_CELLS if f'count.{kind}' in has):,.0f}"

        figures = [
            ("lesion_area_mm2", f"{unit} without myelin", lambda day: measured(at("lesion_area_mm2", day))),
            ("remyelinated_area_mm2", f"{unit} of new myelin", lambda day: measured(at("remyelinated_area_mm2", day))),
            ("axon_loss", "of axons lost there", lambda day: f"{at('axon_loss', day, 100):.1f} %"),
            ("amplitude", "of axons conduct", lambda day: f"{at('amplitude', day, 100):.0f} %"),
            ("count.cd8", "T cells", t_cells),
            ("count.macrophage", "macrophages", lambda day: f"{at('count.macrophage', day):,.0f}"),
            ("m1_m2", "phagocytes M1-like", lambda day: percent(m1_share(run, INK)[0].at(day))),
            ("bbb_leak", "venules leak", lambda day: f"{scene.venules_that(run, day, leak=True)}"),
            ("count.b_cell", "B cells", lambda day: f"{at('count.b_cell', day):,.0f}"),
            ("count.msc", "stem cells (MSC)", lambda day: f"{at('count.msc', day):,.0f}"),
        ]
        figures = [figure for figure in figures if figure[0] in has][: 2 * self.ACROSS]
        wide = (WIDTH - EDGE - self.LEFT) / self.ACROSS
        for i, (_, words, number) in enumerate(figures):
            row, column = divmod(i, self.ACROSS)
            x, y = self.LEFT + column * wide, self.NUMBERS + row * self.ROW
            self.page.write(x, y + 44, words, SMALL, wide - 14, color=DIM)
            text = self.page.write(x, y, "", 27, weight="bold")
            self.page.moves(text)
            self.pieces.append(Number(text, number))
        return self.NUMBERS + self.ROW * -(-len(figures) // self.ACROSS) + 6


class Number:
    """A number that is written large."""

    def __init__(self, text: Any, number: Any) -> None:
        self.text, self.number = text, number

    def show(self, day: float) -> None:
        self.text.set_text(self.number(day))


class FieldsView(View):
    """One run: every field on a scale of its own that stays the same for all time."""

    TOP, BOTTOM = 142, 1044
    TIMELINE = 1080.0, 490.0  # left edge and width

    def map_side(self) -> float:
        return 250.0

    def lay_out(self) -> None:
        run, page = self.runs[0], self.page
        names = self.scene.fields(run)
        if not names:
            raise Refused(f"{run.name} kept no fields: name some in output.fields and run again")
        mean = course(run, f"mean.{names[0]}", INK) if len(names) == 1 else []
        outline = "; outline: where half of the myelin is lost" if "myelin" in run.layers else ""
        left, width = self.TIMELINE
        self.head(EDGE, left + 250, f"{self.names[0]}; {self.about()}{outline}")
        self.clock.set_position((WIDTH - EDGE, 66))
        self.pieces.append(Timeline(page, (left, 46, width, 30), self.scene, run))
        side, columns, high, wide = max(self.laid_in(rows, len(names)) for rows in (1, 2, 3, 4))
        for i, name in enumerate(names):
            row, column = divmod(i, columns)
            box = (EDGE + column * wide, self.TOP + row * high + 38, wide - 20, side)
            self.pieces.append(FieldMap(page, box, self.scene, run, name))
        for curve in mean:
            label, unit = self.scene.field_label(run, names[0])
            left = EDGE + side + 190
            box = (left, self.TOP + 38, WIDTH - EDGE - left, side - 30)
            self.pieces.append(Series(page, box, Readout(f"{label}, mean", unit, [curve], []), self.scene.last, True))
        words = (
            "Scales hold for the whole film; colours are spaced by the square root. "
            "The top is the highest 99.5th percentile of a frame; what lies above is shown as the top."
        )
        page.write(EDGE, HEIGHT - 15, words, SMALL, color=DIM)

    def laid_in(self, rows: int, n: int) -> tuple[float, int, float, float]:
        """Lay ``n`` maps in rows: the side of a map, the columns, and the height and width of a place."""
        columns = -(-n // rows)
        high, wide = (self.BOTTOM - self.TOP) / rows, (WIDTH - 2 * EDGE) / columns
        return min(high - 52, wide - 96), columns, high, wide


class ArmsView(View):
    """Two to four runs side by side on one clock, in one window and on one scale, with their read-outs below."""

    TOP, GAP = 165, 80  # px, over the maps and at most between them
    MOST_CHARTS = 4
    # px, of the legend: a row, a mark, the least between columns and what may be added
    ROW, MARK, GAPS = 34, 32, (18, 60)

    def map_side(self) -> float:
        return 560.0 if len(self.runs) < 4 else 440.0

    def lay_out(self) -> None:
        page, scene, side = self.page, self.scene, self.map_side()
        self.head(EDGE, WIDTH - EDGE, self.about())
        columns = len(self.runs) + (len(self.runs) == 2 and not scene.dish)
        gap = min((WIDTH - 2 * EDGE - columns * side) / (columns - 1), self.GAP)
        first = (WIDTH - columns * side - (columns - 1) * gap) / 2
        lefts = [first + column * (side + gap) for column in range(columns)]
        for left, name, run, (colour, style) in zip(lefts, self.names, self.runs, ARMS):
            page.sheet.plot([left, left + 60], [140, 140], color=colour, ls=style, lw=4)
            page.write(left + 74, 140, name, LARGE, side - 74)
            self.pieces.append(TissueMap(page, (left, self.TOP, side, side), scene, run))
        if columns > len(self.runs):
            self.difference(lefts[-1], side)
        self.series(self.legend(self.TOP + side + 30))

    def difference(self, left: float, side: float) -> None:
        """Show what the second arm has more or less of than the first."""
        self.page.write(left, 140, "Myelin, second minus first", LARGE, side)
        self.pieces.append(DifferenceMap(self.page, (left, self.TOP, side, side), self.scene, *reversed(self.runs)))

    def legend(self, y: float) -> float:
        """Say what the colours mean, in rows under the maps from ``y`` on; return where they end."""
        tissue = [(words, partial(self.swatch, colour)) for colour, words in TISSUE]
        tissue += [(words, partial(self.venule, leak)) for leak, words in VENULES]
        cells = [(look.label, partial(draw_cell, self.page, look=look)) for look in self.scene.groups.values()]
        return self.entries(cells, self.entries([] if self.scene.dish else tissue, y))

    def entries(self, entries: Sequence[tuple[str, Any]], y: float) -> float:
        """Write entries of a legend in as few rows as keep them readable, in columns; return where they end."""
        if not entries:
            return y
        labels = [self.page.write(0, y, words) for words, _ in entries]
        for n_rows in range(1, len(labels) + 1):
            columns = -(-len(labels) // n_rows)
            widths = [max(map(self.page.width, labels[column::columns])) for column in range(columns)]
            room = WIDTH - 2 * EDGE - self.MARK * columns - self.GAPS[0] * (columns - 1)
            shrunk = min(1, room / sum(widths))
            if shrunk >= SMALL / NORMAL:
                break
        gap = self.GAPS[0] + min((room - shrunk * sum(widths)) / max(columns - 1, 1), self.GAPS[1])
        lefts = np.cumsum([EDGE, *(self.MARK + shrunk * width + gap for width in widths)])
        for i, ((_, mark), label) in enumerate(zip(entries, labels)):
            row, column = divmod(i, columns)
            mark(x=lefts[column] + 11, y=y + self.ROW * row)
            label.set(x=lefts[column] + self.MARK, y=y + self.ROW * row, fontsize=shrunk * NORMAL)
        return y + self.ROW * n_rows

    def series(self, top: float) -> None:
        """Put the read-outs that the runs have side by side, all arms in each."""
        readouts = of_arms(self.scene, self.runs, ARMS)[: self.MOST_CHARTS]
        room = (WIDTH - 2 * EDGE) / max(len(readouts), 1)
        for place, readout in enumerate(readouts):
            box = (EDGE + place * room + 50, top + 30, room - 80, HEIGHT - 84 - top - 30)
            self.pieces.append(Series(self.page, box, readout, self.scene.last, dated=True))


VIEWS: dict[str, type[View]] = {"lesion": LesionView, "fields": FieldsView, "arms": ArmsView}
MOST_ARMS = len(ARMS)


def view_of(runs: Sequence[Any], name: str | None = None, dpi: float = PAGE_DPI, pace: float = 0) -> View:
    """Make a view of runs: ``arms`` for several, ``lesion`` for one that has tissue or cells, else ``fields``.

    dpi    100 gives 1920 x 1080 pixels
    pace   days that a second of film shows; 0 for a still, on which the lesion becomes a poster
    """
    if name is None:
        name = "arms" if len(runs) > 1 else "lesion" if shows_lesion(runs[0]) else "fields"
    if name not in VIEWS:
        near = get_close_matches(name, VIEWS, 1, 0)
        raise Refused(f"there is no view '{name}': it is one of {', '.join(VIEWS)}; did you mean '{near[0]}'?")
    if name == "arms" and not 2 <= len(runs) <= MOST_ARMS:
        raise Refused(f"the view 'arms' shows 2 to {MOST_ARMS} runs side by side; {len(runs)} given")
    if name != "arms" and len(runs) > 1:
        raise Refused(
            f"the view '{name}' shows one run and {len(runs)} are given: use --view arms, or one run at a time"
        )
    check_grids(runs)
    for run in runs if name != "fields" else ():
        if not keeps_cells(run):
            raise Refused(
                f"{run.folder} kept no cells, which the view '{name}' shows: "
                f"run it again with --set output.cells=all --force-new{', or use --view fields' if pace else ''}"
            )
    return VIEWS[name](runs, dpi, pace) if pace or name != "lesion" else PosterView(runs, dpi, pace)


def check_grids(runs: Sequence[Any]) -> None:
    """Refuse runs that have different grids: side by side they would not be on one scale."""
    for run in runs[1:]:
        if grid_of(run) != grid_of(runs[0]):
            raise Refused(
                f"runs side by side need one grid: {runs[0].folder} has {grid_of(runs[0])} and {run.folder} has "
                f"{grid_of(run)}; show each by itself, or run one of them again on the grid of the other"
            )


def grid_of(run: Any) -> str:
    """Write the size of a grid and of its voxels."""
    return f"{' × '.join(f'{side:g}' for side in run.config.grid.size)} µm in voxels of {run.config.grid.voxel:g} µm"


def shows_lesion(run: Any) -> bool:
    """Whether a run has tissue or cells to show."""
    return "myelin" in run.layers or keeps_cells(run)


def keeps_cells(run: Any) -> bool:
    """Whether a run has cells and was asked to store any of them."""
    kept = run.config.output.cells
    return bool(run.config.cells) and (kept == "all" or any(kind not in NOT_CELLS for kind in kept))
