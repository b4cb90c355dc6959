"""What a picture shows of one run or of several: one window, one set of colours and scales, the data of a day.

Lengths in um, times in days. All runs of a scene share the window, the point sizes and the scales, so that what looks
different is different. A 3D run is shown by its middle plane.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from experiments.failures import Refused
from experiments.palette import nice, tissue_colours

SAMPLES = 24  # frames looked at to choose window, point sizes and scales
MARGIN = 0.35  # of the lesion, shown around it
LEAST_WINDOW = 800.0  # um
SMALLEST, LARGEST = 3.0, 16.0  # diameter of a point, px
COVER = 0.12  # share of a full map that a kind may cover at its peak
NOT_CELLS = ("neuron", "venule")  # axon bundles and vessels belong to the tissue
ONLY_ACTIVE = ("microglia",)  # resting ones are everywhere and would hide the rest
TREATMENT = "msc"
NO_ROWS, NO_PLACES = np.empty(0, np.intp), np.empty((0, 2))
TREATMENT_PIXELS = 13.0
EDGE_WIDTH = 0.06  # points of dark edge for each pixel of diameter
SAME_DAY = 1e-6


@dataclass(frozen=True)
class Look:
    """How a kind of cell is drawn."""

    label: str
    colour: str
    pixels: float
    edge_width: float


@dataclass(frozen=True)
class Line:
    """A read-out over time."""

    x: np.ndarray
    y: np.ndarray
    colour: str
    style: str = "-"

    def until(self, day: float) -> int:
        """How many points lie up to a day; at least one."""
        return max(int(np.searchsorted(self.x, day + SAME_DAY, side="right")), 1)

    def at(self, day: float) -> float:
        return float(self.y[self.until(day) - 1])


@dataclass(frozen=True)
class Readout:
    """A panel of read-outs: its lines, of one unit, from zero or in powers of ten; days of doses with their colour."""

    title: str
    unit: str
    lines: list[Line]
    doses: list[tuple[float, str]]
    log: bool = False


@dataclass(frozen=True)
class Moment:
    """The cells of a run on a day: places of those worth drawing by kind, of the venules, and their leak."""

    day: float
    cells: dict[str, np.ndarray]
    venules: np.ndarray
    leak: np.ndarray


class Scene:
    """The runs of a picture on one clock, in one window."""

    def __init__(self, runs: list[Any], map_pixels: float) -> None:
        for run in runs:
            if not len(run.frame_days):
                raise Refused(f"{run.name} has no frames yet: let it run on, or set output.frames_every")
        self.runs = runs
        self.solid = len(runs[0].config.grid.size) == 3
        self.last = float(max(run.frame_days[-1] for run in runs)) or 1.0
        self.held: dict[int, Moment] = {}
        self.window = self.choose_window()
        self.kinds = self.choose_kinds(map_pixels)

    def sample(self, run: Any) -> np.ndarray:
        """Days spread over a run."""
        days = run.frame_days
        return days[np.unique(np.linspace(0, len(days) - 1, SAMPLES).astype(int))]

    def size(self, run: Any) -> tuple[float, float]:
        return float(run.config.grid.size[0]), float(run.config.grid.size[1])

    def choose_window(self) -> tuple[float, float, float, float]:
        """Find a square around all myelin ever lost in any run, as small as reads well; all tissue if none is lost."""
        width, height = (max(self.size(run)[axis] for run in self.runs) for axis in (0, 1))
        low, high = np.array([np.inf, np.inf]), np.array([-np.inf, -np.inf])
        for run in self.runs:
            for day in self.sample(run):
                rows, columns = np.nonzero(self.plane(run, "myelin", day, 1) < 0.5)
                if rows.size:
                    voxel = float(run.config.grid.voxel)
                    low = np.minimum(low, [columns.min() * voxel, rows.min() * voxel])
                    high = np.maximum(high, [(columns.max() + 1) * voxel, (rows.max() + 1) * voxel])
        if not np.isfinite(low).all():
            return 0, width, 0, height
        side = max((high - low).max() * (1 + 2 * MARGIN), LEAST_WINDOW)
        if side > 0.8 * min(width, height):
            return 0, width, 0, height
        left, bottom = np.clip((low + high) / 2 - side / 2, 0, np.array([width, height]) - side)
        return float(left), float(left + side), float(bottom), float(bottom + side)

    def choose_kinds(self, map_pixels: float) -> dict[str, Look]:
        """Choose how to draw the cells that move, microglia only while active; the most numerous lie lowest."""
        most: dict[str, int] = {}
        for run in self.runs:
            for day in self.sample(run):
                for kind, places in self.moment(run, day).cells.items():
                    inside = self.inside(places)
                    most[kind] = max(most.get(kind, 0), int(inside.sum()))
        scale = map_pixels / (self.window[1] - self.window[0])
        described = {kind: cell for run in self.runs for kind, cell in run.config.cells.items()}
        looks = {}
        for kind in sorted((kind for kind in most if most[kind]), key=lambda kind: -most[kind]):
            cell = described[kind]
            crowded = map_pixels * np.sqrt(COVER / most[kind])
            pixels = min(float(np.clip(crowded, SMALLEST, max(float(cell.diameter) * scale, 2 * SMALLEST))), LARGEST)
            label = f"{cell.label}, active" if kind in ONLY_ACTIVE else cell.label
            looks[kind] = Look(label, cell.colour, pixels, edge_width=EDGE_WIDTH * pixels)
        if TREATMENT in looks:
            look = looks.pop(TREATMENT)
            looks[TREATMENT] = replace(look, pixels=TREATMENT_PIXELS, edge_width=1.5)
        return looks

    def inside(self, places: np.ndarray) -> np.ndarray:
        left, right, low, high = self.window
        return (places[:, 0] >= left) & (places[:, 0] <= right) & (places[:, 1] >= low) & (places[:, 1] <= high)

    def frame_day(self, run: Any, day: float) -> float:
        """The day itself, or that of the last frame of a run that ended before it."""
        return min(day, float(run.frame_days[-1]))

    def ended(self, run: Any, day: float) -> bool:
        return day > float(run.frame_days[-1]) + SAME_DAY

    def moment(self, run: Any, day: float) -> Moment:
        """Read the cells of a day, once for all pieces that ask."""
        held = self.held.get(id(run))
        if held is None or held.day != day:
            held = self.held[id(run)] = self.read(run, day)
        return held

    def read(self, run: Any, day: float) -> Moment:
        table = run.cells(self.frame_day(run, day))
        if self.solid:
            table = table[np.abs(table["z"] - self.middle(run)) <= float(run.config.grid.voxel)]
        rows = table.groupby(table["kind"].to_numpy()).indices
        places = np.column_stack([table["x"].to_numpy(float), table["y"].to_numpy(float)])
        active = table["active"].to_numpy(float) > 0 if "active" in table else np.zeros(len(table), bool)
        cells = {}
        for kind, cell in run.config.cells.items():
            mine = rows.get(kind, NO_ROWS)
            if cell.motile and kind not in NOT_CELLS:
                cells[kind] = places[mine[active[mine]] if kind in ONLY_ACTIVE else mine]
        venules = rows.get("venule", NO_ROWS)
        leak = table["bbb"].to_numpy(float)[venules] if "bbb" in table else np.zeros(len(venules))
        return Moment(day, cells, places[venules], np.clip(np.nan_to_num(leak), 0, 1))

    def middle(self, run: Any) -> float:
        return float(run.config.grid.size[2]) / 2

    def cells(self, run: Any, day: float) -> dict[str, np.ndarray]:
        """Places of the cells of every kind drawn, shape (n, 2); empty where the run has none."""
        cells = self.moment(run, day).cells
        return {kind: cells.get(kind, NO_PLACES) for kind in self.kinds}

    def plane(self, run: Any, layer: str, day: float, missing: float) -> np.ndarray:
        """The layer, or the middle plane of it, shape (y, x); filled with ``missing`` if the run did not keep it."""
        if layer not in run.layers:
            return np.full((1, 1), missing, np.float32)
        values = np.nan_to_num(run.field(layer, self.frame_day(run, day)).values)
        return values[values.shape[0] // 2] if values.ndim == 3 else values

    def tissue(self, run: Any, day: float) -> np.ndarray:
        """Colours of the tissue, uint8 of shape (y, x, 3)."""
        layers = (("myelin", 1), ("remyelinated", 0), ("debris", 0))
        return tissue_colours(*np.broadcast_arrays(*(self.plane(run, layer, day, none) for layer, none in layers)))

    def note(self, run: Any, day: float) -> str:
        """What a viewer must know about this map: a plane of a solid, a run that ended, myelin that was not kept."""
        notes = []
        if self.solid:
            notes.append(f"middle plane, z = {self.middle(run):g} µm")
        if "myelin" not in run.layers:
            notes.append("myelin was not kept (output.fields)")
        if self.ended(run, day):
            notes.append(f"ended on day {float(run.frame_days[-1]):.1f}")
        return "\n".join(notes)

    def outline(self, run: Any, day: float) -> list[np.ndarray]:
        """The border of the lesion, where myelin is half of normal, as lines of points in um."""
        from contourpy import LineType, contour_generator

        myelin = self.plane(run, "myelin", day, 1)
        if min(myelin.shape) < 2:
            return []
        voxel = float(run.config.grid.voxel)
        lines = contour_generator(z=myelin, line_type=LineType.Separate).lines(0.5)
        return [(np.asarray(line) + 0.5) * voxel for line in lines]

    def highest(self, run: Any, layer: str) -> float:
        """The top of a field's scale: the largest 99.5th percentile of what is seen, rounded up; 1 for nothing."""
        left, right, low, high = (int(edge / float(run.config.grid.voxel)) for edge in self.window)
        seen = (self.plane(run, layer, day, 0)[low:high, left:right] for day in self.sample(run))
        return nice(max(float(np.percentile(values, 99.5)) for values in seen))

    def fields(self, run: Any) -> list[str]:
        """The fields that the run kept, in the order of its config."""
        return [name for name in run.config.fields if name in run.layers]

    def field_label(self, run: Any, name: str) -> str:
        described = run.config.fields[name]
        unit = "share of the tissue" if described.unit == "1" else plain(described.unit.replace("1/", "per "))
        return f"{described.label}, {unit}"

    def line(
        self, run: Any, column: str, colour: str, style: str = "-", label: str = "", times: float = 1
    ) -> list[Line]:
        """A read-out as a line, in a list that is empty if the run does not have it."""
        table = run.measures
        if column not in table or not len(table):
            return []
        return [Line(table["day"].to_numpy(float), times * table[column].to_numpy(float), colour, style)]

    def cell_lines(self, run: Any) -> list[Line]:
        """Counts of the kinds drawn, for a scale in powers of ten: nothing is drawn where there are none."""
        whole = {kind: look.colour for kind, look in self.kinds.items() if kind not in ONLY_ACTIVE}
        lines = [line for kind, colour in whole.items() for line in self.line(run, f"count.{kind}", colour)]
        return [Line(line.x, np.where(line.y > 0, line.y, np.nan), line.colour) for line in lines]

    def roster(self, run: Any) -> tuple[list[str], list[str]]:
        """Kinds to list, in the order of the config: those that are drawn, and those that are only counted."""
        drawn = [kind for kind in run.config.cells if kind in self.kinds]
        others = [kind for kind in run.config.cells if kind not in (*self.kinds, *NOT_CELLS)]
        return drawn, [kind for kind in others if any(line.y.any() for line in self.line(run, f"count.{kind}", ""))]

    def count(self, run: Any, kind: str, day: float) -> int:
        """Cells of a kind in all the tissue: those that are drawn where it is drawn, else as the read-outs say."""
        if kind in self.kinds:
            return len(self.moment(run, day).cells.get(kind, ()))
        return int(self.line(run, f"count.{kind}", "")[0].at(day))

    def trigger(self, run: Any) -> list[tuple[float, float]]:
        """First and last day of each window in which the barrier is made to open."""
        tissue = run.config.tissue
        windows = tissue.trigger.windows.values() if tissue and tissue.trigger else ()
        return [(float(window.from_) / 24, float(window.to) / 24) for window in windows]

    def marks(self, run: Any) -> list[tuple[float, str]]:
        """Day and first words of each dose, as they happened."""
        doses = [event for event in run.events if event["kind"] == "dose"]
        return [(float(dose["day"]), plain(dose["text"].split(", ")[0])) for dose in doses]


def plain(text: str) -> str:
    """Write a quantity as people print it: ``cells/mm³`` for ``cells/mm^3``."""
    return text.replace("^3", "³").replace("^2", "²").replace("mm3", "mm³").replace("mm2", "mm²").replace("uM", "µM")


def arm_name(run: Any) -> str:
    """Name an arm by its treatment, as a person would: ``1000 MSC/mm³, day 7``."""
    parts = [name.replace("_", " ") for name in run.config.therapy.comparators]
    doses = run.config.doses
    if doses:
        first = doses[0]
        route = "" if first.route == "local" else f" {first.route}"
        parts.append(f"{plain(first.dose.text).replace('cells', 'MSC')}{route}, day {float(first.day) / 24:g}")
    if len(doses) > 1:
        parts.append(f"{len(doses) - 1} more")
    return " and ".join(parts) or "untreated"


def arm_names(runs: list[Any]) -> list[str]:
    """Name the arms of a picture; arms of one treatment are told apart by the names of their folders."""
    names = [arm_name(run) for run in runs]
    return [f"{name} ({run.folder.name})" if names.count(name) > 1 else name for name, run in zip(names, runs)]
