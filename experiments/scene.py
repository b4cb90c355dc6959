"""What a picture shows of one run or of several: one window, one set of colours and scales, the data of a day.

Lengths in um, times in days. All runs of a scene share the window, the point sizes and the scales, so that what looks
different is different. A 3D run is shown by its middle plane.

Frames are stored every few hours. Between two of them fields and tissue pass from one to the next in proportion. Cells
cross the map in that time: moved along, they would swarm. So a film shows each cell where it was stored, holds it there
for a moment and lets it fade over to where it is stored next, a part of the cells at a time; a still is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb

from experiments.curves import course
from experiments.failures import Refused
from experiments.looks import GROUPS, NOT_CELLS, Look, group_names, group_of, looks_of
from experiments.palette import PANEL, nice, tissue_colours
from experiments.words import plain, written

SAMPLES = 24  # frames looked at to choose window, point sizes and scales
BLOCK = 4  # voxels across: a lesion is where the mean of such a block has lost half of its myelin
MARGIN = 0.35  # of the lesion, shown around it
LEAST_WINDOW = 1000.0  # um

HOLD_SECONDS = 0.35  # of film, for which a cell stays where it is
FADE = 0.4  # of that time, spent fading over to the next place
SHUT_BELOW = 0.1  # leak under which a barrier counts as closed
LOW_FROM, CONTRAST = 0.1, 1.5  # of the top of a scale, and times the low end, from where it begins above zero
HEADROOM = 4  # times a level that hardly varies: its scale ends there, so that it looks like a level
NOTHING = 1e-9  # a field that never exceeds this is absent
SAME_DAY = 1e-6
KEPT = 96  # layers and tables of cells held in memory

NO_ROWS, NO_PLACES = np.empty(0, np.intp), np.empty((0, 2))
Places = dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Moment:
    """The cells of a run in one frame: uid and places of each group, places of the venules, and their leak."""

    cells: Places
    venules: np.ndarray
    leak: np.ndarray


class Scene:
    """The runs of a picture on one clock, in one window.

    pace   days of the runs that one second of film shows; 0 for a still
    """

    def __init__(self, runs: list[Any], map_pixels: float, pace: float = 0) -> None:
        for run in runs:
            if not len(run.frame_days):
                raise Refused(f"{run.name} has no frames yet: let it run on, or set output.frames_every")
        self.runs, self.pace = runs, pace
        self.solid = len(runs[0].config.grid.size) == 3
        self.dish = all(run.config.tissue is None for run in runs)
        self.last = float(max(run.frame_days[-1] for run in runs)) or 1.0
        self.stored = lru_cache(KEPT)(self.read_plane)
        self.moment = lru_cache(KEPT)(self.read_moment)
        self.outline = lru_cache(1)(self.trace_outline)
        self.window = self.choose_window()
        self.groups = self.choose_groups(map_pixels)

    # --- time ---------------------------------------------------------------------------------------------------------

    def sample(self, run: Any) -> np.ndarray:
        """Numbers of frames spread over a run."""
        return np.unique(np.linspace(0, len(run.frame_days) - 1, SAMPLES).astype(int))

    def place(self, run: Any, day: float) -> tuple[int, float]:
        """The last frame up to a day, and the share of the way to the next one that has passed."""
        days = run.frame_days
        k = max(int(np.searchsorted(days, day + SAME_DAY, side="right")) - 1, 0)
        if k + 1 == len(days):
            return k, 0.0
        share = (day - days[k]) / (days[k + 1] - days[k])
        return k, float(share) if share > SAME_DAY else 0.0

    def nearest(self, run: Any, day: float) -> int:
        """The frame nearest to a day."""
        k, share = self.place(run, day)
        return k + round(share)

    def hold(self, run: Any) -> int:
        """For how many frames a cell stays where it is in a film; at least one."""
        interval = float(run.frame_days[-1] - run.frame_days[0]) / max(len(run.frame_days) - 1, 1)
        return max(round(HOLD_SECONDS * self.pace / interval), 1) if interval else 1

    def ended(self, run: Any, day: float) -> bool:
        return day > float(run.frame_days[-1]) + SAME_DAY

    # --- space --------------------------------------------------------------------------------------------------------

    def size(self, run: Any) -> tuple[float, float]:
        return float(run.config.grid.size[0]), float(run.config.grid.size[1])

    @property
    def extent(self) -> tuple[str, str]:
        """What a lesion's extent is, with its unit: an area in a slab, a volume in a solid."""
        return ("Volume", "mm³") if self.solid else ("Area", "mm²")

    def middle(self, run: Any) -> float:
        return float(run.config.grid.size[2]) / 2

    @property
    def zoomed(self) -> bool:
        """Whether less than all the tissue is seen."""
        left, right, low, high = self.window
        return (right - left, high - low) != self.size(self.runs[0])

    def choose_window(self) -> tuple[float, float, float, float]:
        """Find a square around all myelin ever lost in any run, as small as reads well; all tissue if none is lost."""
        width, height = (max(self.size(run)[axis] for run in self.runs) for axis in (0, 1))
        low, high = np.array([np.inf, np.inf]), np.array([-np.inf, -np.inf])
        for run in self.runs:
            block = BLOCK * float(run.config.grid.voxel)
            for k in self.sample(run):
                rows, columns = np.nonzero(block_means(self.stored(run, "myelin", int(k), 1)) < 0.5)
                if rows.size:
                    low = np.minimum(low, [columns.min() * block, rows.min() * block])
                    high = np.maximum(high, [(columns.max() + 1) * block, (rows.max() + 1) * block])
        if not np.isfinite(low).all():
            return 0, width, 0, height
        side = max((high - low).max() * (1 + 2 * MARGIN), LEAST_WINDOW)
        if side > 0.8 * min(width, height):
            return 0, width, 0, height
        left, bottom = np.clip((low + high) / 2 - side / 2, 0, np.array([width, height]) - side)
        return float(left), float(left + side), float(bottom), float(bottom + side)

    def inside(self, places: np.ndarray) -> np.ndarray:
        left, right, low, high = self.window
        return (places[:, 0] >= left) & (places[:, 0] <= right) & (places[:, 1] >= low) & (places[:, 1] <= high)

    def seen(self, run: Any, values: np.ndarray) -> np.ndarray:
        """The part of a layer that lies in the window."""
        voxel = float(run.config.grid.voxel)
        left, right, low, high = (int(edge / voxel) for edge in self.window)
        return values[low:high, left:right] if values.size > 1 else values

    # --- cells --------------------------------------------------------------------------------------------------------

    def choose_groups(self, map_pixels: float) -> dict[str, Look]:
        """Choose how to draw each group of cells; the lowest come first: faint ones, then the most numerous."""
        most: dict[str, int] = {}
        for run in self.runs:
            for k in self.sample(run):
                for name, (_, places) in self.moment(run, int(k)).cells.items():
                    most[name] = max(most.get(name, 0), int(self.inside(places).sum()))
        described = {kind: cell for run in self.runs for kind, cell in run.config.cells.items()}
        return looks_of(most, described, map_pixels, self.window[1] - self.window[0])

    def table(self, run: Any, k: int) -> Any:
        """Read the table of the cells of a frame; of a solid those in its middle plane."""
        table = run.cells(float(run.frame_days[k]))
        if self.solid:
            table = table[np.abs(table["z"] - self.middle(run)) <= float(run.config.grid.voxel)]
        return table

    def read_moment(self, run: Any, k: int) -> Moment:
        """Read the cells of a frame; ``moment`` keeps the newest."""
        table = self.table(run, k)
        rows = group_rows(table, run.config.cells)
        venules = rows.pop("venule")
        places = np.column_stack([table["x"].to_numpy(float), table["y"].to_numpy(float)])
        uids = table["uid"].to_numpy()
        cells = {name: (uids[mine], places[mine]) for name, mine in rows.items()}
        return Moment(cells, places[venules], np.clip(numbers(table, "bbb", venules), 0, 1))

    def cells(self, run: Any, day: float) -> Places:
        """Places of the cells of every group drawn, shape (n, 2), and the opacity of each."""
        places: dict[str, list[np.ndarray]] = {name: [NO_PLACES] for name in self.groups}
        opacities: dict[str, list[np.ndarray]] = {name: [np.empty(0)] for name in self.groups}

        def add(k: int, turn: int, turns: int, opacity: float) -> None:
            for name, (uids, there) in self.moment(run, k).cells.items():
                if name in places and opacity > 0:
                    mine = uids % turns == turn
                    places[name].append(there[mine])
                    opacities[name].append(np.full(int(mine.sum()), opacity))

        if self.pace:
            k, share = self.place(run, day)
            turns = self.hold(run)
            for turn in range(turns):
                held = (k - turn) // turns * turns + turn  # the newest frame that is this part's turn
                passed = (k + share - held) / turns
                gone = max((passed - 1 + FADE) / FADE, 0.0)
                add(max(held, 0), turn, turns, 1 - gone)
                add(min(held + turns, len(run.frame_days) - 1), turn, turns, gone)
        else:
            add(self.nearest(run, day), 0, 1, 1.0)
        return {name: (np.concatenate(places[name]), np.concatenate(opacities[name])) for name in places}

    def venules(self, run: Any, day: float) -> tuple[np.ndarray, np.ndarray]:
        """Places of the venules, shape (n, 2), and the leak of each, 0 to 1."""
        k, share = self.place(run, day)
        now = self.moment(run, k)
        if not share:
            return now.venules, now.leak
        return now.venules, now.leak + share * (self.moment(run, k + 1).leak - now.leak)

    def venules_that(self, run: Any, day: float, leak: bool) -> int:
        """How many venules leak, or do not."""
        return int(((self.venules(run, day)[1] >= SHUT_BELOW) == leak).sum())

    def roster(self, run: Any) -> tuple[list[str], list[str]]:
        """Groups that are drawn and kinds that are only counted, in the order of the config."""
        drawn = [name for name in group_names(run.config.cells) if name in self.groups]
        known = {group_of(name).kind for name in drawn}
        others = [kind for kind in run.config.cells if kind not in known and kind not in NOT_CELLS]
        return drawn, [kind for kind in others if any(curve.y.any() for curve in course(run, f"count.{kind}", ""))]

    def count(self, run: Any, name: str, day: float) -> int:
        """Cells of a group in all the tissue, or of a kind that is not drawn, as the read-outs say."""
        if name in self.groups:
            return len(self.moment(run, self.nearest(run, day)).cells.get(name, ((),))[0])
        return int(course(run, f"count.{name}", "")[0].at(day))

    # --- tissue and fields --------------------------------------------------------------------------------------------

    def read_plane(self, run: Any, layer: str, k: int, missing: float) -> np.ndarray:
        """Read a layer of a frame, or its middle plane, shape (y, x); ``stored`` keeps the newest."""
        if layer not in run.layers:
            return np.full((1, 1), missing, np.float32)
        values = np.nan_to_num(run.field(layer, float(run.frame_days[k])).values)
        return values[values.shape[0] // 2] if values.ndim == 3 else values

    def plane(self, run: Any, layer: str, day: float, missing: float) -> np.ndarray:
        """A layer on a day, shape (y, x); filled with ``missing`` if the run did not keep it."""
        k, share = self.place(run, day)
        now = self.stored(run, layer, k, missing)
        return now + np.float32(share) * (self.stored(run, layer, k + 1, missing) - now) if share else now

    def tissue(self, run: Any, day: float) -> np.ndarray:
        """Colours of the tissue, or of the ground where there is none, uint8 of shape (y, x, 3)."""
        if run.config.tissue is None:
            return (255 * np.full((1, 1, 3), to_rgb(PANEL))).astype(np.uint8)
        layers = (("myelin", 1), ("remyelinated", 0), ("debris", 0))
        return tissue_colours(*np.broadcast_arrays(*(self.plane(run, layer, day, none) for layer, none in layers)))

    def note(self, run: Any, day: float) -> str:
        """What a viewer must know about this map: a plane of a solid, a run that ended, myelin that was not kept."""
        notes = []
        if self.solid:
            notes.append(f"middle plane, z = {self.middle(run):g} µm")
        if run.config.tissue and "myelin" not in run.layers:
            notes.append("myelin was not kept (output.fields)")
        if self.ended(run, day):
            notes.append(f"ended on day {written(run.frame_days[-1])}")
        return "\n".join(notes)

    def trace_outline(self, run: Any, day: float) -> list[np.ndarray]:
        """Trace the border of the lesion, where myelin is half of normal, as lines of points in um.

        ``outline`` keeps the last, which all fields share.
        """
        from contourpy import LineType, contour_generator

        myelin = block_means(self.plane(run, "myelin", day, 1), 2)
        if min(myelin.shape) < 2:
            return []
        voxel = 2 * float(run.config.grid.voxel)
        lines = contour_generator(z=myelin, line_type=LineType.Separate).lines(0.5)
        return [(np.asarray(line) + 0.5) * voxel for line in lines]

    def scale(self, run: Any, layer: str) -> tuple[float, float] | None:
        """The ends of a field's scale, the same for all days; None for a field that is never there.

        The top is the largest 99.5th percentile of what is seen in a frame, rounded up. The low end is zero, or the
        lowest level rounded down, where that is a good part of the top and yet well below it. A field that hardly
        varies goes from zero to several times its level.
        """
        seen = [self.seen(run, self.stored(run, layer, int(k), 0)) for k in self.sample(run)]
        top = max(float(np.percentile(values, 99.5)) for values in seen)
        if max(float(values.max()) for values in seen) < NOTHING:
            return None
        low = min(float(values.min()) for values in seen)
        if low <= LOW_FROM * top:
            return 0.0, nice(top)
        if top <= CONTRAST * low:
            return 0.0, nice(HEADROOM * top)
        half = 10.0 ** np.floor(np.log10(low)) / 2
        return float(np.floor(low / half) * half), nice(top)

    def fields(self, run: Any) -> list[str]:
        """The fields that the run kept, in the order of its config."""
        return [name for name in run.config.fields if name in run.layers]

    @property
    def where(self) -> str:
        """Where the cells are that are drawn and counted."""
        return "in this plane" if self.solid else "in the dish" if self.dish else "in all the tissue"

    def field_label(self, run: Any, name: str) -> tuple[str, str]:
        """Name and unit of a field."""
        described = run.config.fields[name]
        unit = "share of the tissue" if described.unit == "1" else plain(described.unit.replace("1/", "per "))
        return described.label, unit

    # --- events -------------------------------------------------------------------------------------------------------

    def counted(self) -> list[str]:
        """The kinds drawn whose number tells the course: not those at rest everywhere."""
        resting = {group.kind for group in GROUPS.values() if group.faint}
        return [kind for kind in dict.fromkeys(group_of(name).kind for name in self.groups) if kind not in resting]

    @staticmethod
    def trigger(run: Any) -> list[tuple[float, float]]:
        """First and last day of each window in which the barrier is made to open."""
        tissue = run.config.tissue
        windows = tissue.trigger.windows.values() if tissue and tissue.trigger else ()
        return [(float(window.from_) / 24, float(window.to) / 24) for window in windows]

    @staticmethod
    def marks(run: Any) -> list[tuple[float, str]]:
        """Day and first words of each dose, as they happened."""
        doses = [event for event in run.events if event["kind"] == "dose"]
        return [(float(dose["day"]), plain(dose["text"].split(", ")[0])) for dose in doses]


def numbers(table: Any, name: str, rows: np.ndarray) -> np.ndarray:
    """A column of some cells, zero where they have none."""
    return np.nan_to_num(table[name].to_numpy(float)[rows]) if name in table else np.zeros(len(rows))


def group_rows(table: Any, described: dict[str, Any]) -> dict[str, np.ndarray]:
    """Find the rows of each group of cells that can be drawn, and of the venules, in a table of cells."""
    of_kind = table.groupby(table["kind"].to_numpy(), observed=True).indices
    rows = {}
    for name in group_names(described):
        group = group_of(name)
        mine = of_kind.get(group.kind, NO_ROWS)
        rows[name] = mine[(numbers(table, group.column, mine) > 0.5) == group.above] if group.column else mine
    return rows | {"venule": of_kind.get("venule", NO_ROWS)}


def block_means(values: np.ndarray, side: int = BLOCK) -> np.ndarray:
    """Average blocks of ``side`` x ``side`` voxels; what does not fill a block is left out."""
    side = min(side, *values.shape)
    rows, columns = (size // side for size in values.shape)
    return values[: rows * side, : columns * side].reshape(rows, side, columns, side).mean(axis=(1, 3))
