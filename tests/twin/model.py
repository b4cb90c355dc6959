"""The Mesa twin of the acute lesion: every cell is an agent with plain attributes, stepped through AgentSets.

An independent formulation of ``abm.model.LesionModel`` for tests and for comparison of speed: the same phases, the laws
evaluated cell by cell from the configuration. It shares with it the configuration, the words of chance (they define a run),
the solver of the fields (Mesa has none) and the tissue it begins with.

Left out: stem cells and other therapy, relapses, what goes on in the blood, periodic faces, 3D, slabs, laws with windows of
time, the adaptation of bare axons and the levels in the cerebrospinal fluid, which are only read out.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mesa
import numpy as np
from mesa.agent import AgentSet

from abm.fields import Fields, concentration_of_one
from abm.uptake_caps import uptake_caps
from kernels.device import Machine
from tests.twin import kinds
from tests.twin.behaviour import REACH, ROOM, Behaviour
from tests.twin.cell import Cell
from tests.twin.chance import deal
from tests.twin.oligodendrocyte import Oligodendrocyte
from tests.twin.signals import Signals
from tests.twin.tissue import Tissue
from tests.twin.venule import Venule, admit

CLASSES: dict[str, type[Cell]] = {
    cls.kind: cls
    for cls in (
        kinds.Th1, kinds.Th17, kinds.CD8, kinds.Treg, kinds.BCell, kinds.PlasmaCell, kinds.Dendritic, kinds.Macrophage,
        kinds.Microglia, kinds.Neutrophil, kinds.OPC, kinds.Premyelinating, Oligodendrocyte, Venule,
    )
}  # fmt: skip


class TwinModel(mesa.Model):
    """A lesion of ordinary agents, begun with the tissue of a ``LesionModel`` as it is now."""

    def __init__(self, lesion: Any):
        super().__init__(rng=int(lesion.config.seed))
        refuse_what_is_left_out(lesion)
        self.config, self.grid, self.seed = lesion.config, lesion.grid, int(lesion.seeds[0])
        self.kind_numbers, self.voxel_volume = lesion.kind_numbers, lesion.voxel_volume
        self.step_hours, self.steps = lesion.step_hours, lesion.steps
        self.width, self.height = self.grid.nx * self.grid.h, self.grid.ny * self.grid.h
        self.place_radius = float(self.config.tissue.venules.place_radius)
        self.phase_seconds: dict[str, float] = defaultdict(float)
        self.source = {name: [0.0] * self.grid.size for name in self.config.fields}
        self.uptake = {name: [0.0] * self.grid.size for name in self.config.fields}
        self.trigger = np.zeros(self.grid.size)
        state = lesion.state()
        self.fields = self._fields(lesion, state)
        self.tissue = Tissue(self, state)
        self.signals = Signals(self)
        self.behaviour = {kind: Behaviour(self, kind, CLASSES[kind]) for kind in lesion.population if kind in CLASSES}
        self.tissue.connect()
        traps = self.config.laws["neutrophil"]["release_nets"].highest
        self.traps = float(traps) * concentration_of_one("1/mm3", None, self.voxel_volume) / self.step_hours
        self.next_uid: dict[str, int] = {}
        for kind in self.behaviour:
            self._take_over(kind, {name: state[f"cells/{kind}/{name}"] for name in lesion.population[kind].columns()})
            self.next_uid[kind] = int(state[f"cells/{kind}/next_uid"][0])

    def _fields(self, lesion: Any, state: dict[str, np.ndarray]) -> Fields:
        arrays = [np.zeros((len(self.config.fields), self.grid.size), np.float32) for _ in range(3)]
        fields = Fields(self.config, self.grid, Machine(), *arrays, uptake_caps(self.config, lesion.voxel_volume))
        fields.restore({name: state[f"fields/{name}"] for name in ("concentration", "budget")})
        return fields

    def _take_over(self, kind: str, columns: dict[str, np.ndarray]) -> None:
        """Make agents of the cells of a kind."""
        cls = CLASSES[kind]
        rows = [dict(zip(columns, values)) for values in zip(*(column.tolist() for column in columns.values()))]
        for row in rows:
            states: dict[str, Any] = {name: row[name] for name in cls.states}
            if kind == "oligodendrocyte":
                states = {"slots": [None if slot < 0 else (slot >> 1, slot & 1) for slot in row["slots"]]}
            cell = cls(self, row["uid"], row["x"], row["y"], **states)
            cell.age = row["age"]
            if cell.does.walks:
                cell.ux, cell.uy = row["ux"], row["uy"]

    # --- a step -----------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Advance by one step: sense, act, diffuse, move, die and divide, enter."""
        with self.phase("sense"):
            self._sense()
        with self.phase("act"):
            self._act()
        with self.phase("diffuse"):
            self._diffuse()
        with self.phase("move"):
            self._move()
        with self.phase("die and divide"):
            self.agents.do("choose")
            self._renew()
        with self.phase("enter"):
            admit(self)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time spent inside to the phase of that name."""
        begin = time.perf_counter()
        yield
        self.phase_seconds[name] += time.perf_counter() - begin

    def _sense(self) -> None:
        for kind, behaviour in self.behaviour.items():
            deal(self.cells(kind), behaviour.streams, behaviour.seed, self.steps)
        for amounts in (*self.source.values(), *self.uptake.values()):
            amounts[:] = [0.0] * self.grid.size
        self.here: dict[str, dict[int, list[Cell]]] = {kind: defaultdict(list) for kind in self.signals.sought}
        for kind, here in self.here.items():
            for cell in self.cells(kind):
                here[cell.voxel].append(cell)
        self._set_trigger()
        self.tissue.read()
        self.signals.refresh()
        self.agents.do("sense")
        self.tissue.sense()

    def _act(self) -> None:
        tissue, glia = self.tissue, self.cells("oligodendrocyte")
        tissue.expect_losses()
        self.agents.do("act")
        glia.do("be_stripped")
        tissue.open_bids()
        glia.do("bid")
        tissue.close_bids()
        tissue.injure_axons()
        tissue.shed_orphans()
        tissue.leave_debris()
        tissue.react()

    def _diffuse(self) -> None:
        for row, name in enumerate(self.config.fields):
            self.fields.source[row] = self.source[name]
            self.fields.uptake[row] = self.uptake[name]
        self.fields.release()
        with self.phase("fields"):
            self.fields.diffuse(self.step_hours)

    def _move(self) -> None:
        """Everyone walks; where not all who want into a voxel fit, one of them is drawn by lot."""
        self.occupied: dict[int, int] = defaultdict(int)
        self.guests: dict[int, list[Cell]] = defaultdict(list)
        self.agents.do("propose")
        capacity = int(float(self.config.tissue.motile_fill) * ROOM)
        movers = []
        for voxel, guests in self.guests.items():
            movers += [cell for cell in guests if cell.voxel == voxel]
            outside = [cell for cell in guests if cell.voxel != voxel]
            full = self.occupied[voxel]
            if outside and full + sum(cell.does.volume for cell in outside) > capacity:
                winner = max(outside, key=Cell.lot)
                outside = [winner] if full == 0 or full + winner.does.volume <= capacity else []
            movers += outside
        for cell in movers:
            cell.settle()

    def _renew(self) -> None:
        """Remove who dies or changes; number the newborn in the order in which their mothers stood."""
        fated = sorted((cell for cell in self.agents if cell.fate is not None), key=lambda cell: (cell.stood, cell.uid))
        mothers: dict[str, list[Cell]] = defaultdict(list)
        for kind in self.behaviour:  # changed cells come after the daughters, kind by kind
            for cell in fated:
                if cell.kind == kind and cell.fate in self.behaviour:
                    mothers[cell.fate].append(cell)
        for cell in fated:
            if cell.fate == "divide":
                cell.divide(self._number(cell.kind))
            else:
                cell.leave()
        for kind, changed in mothers.items():
            for cell in changed:
                self.welcome(kind, cell.x, cell.y)

    def welcome(self, kind: str, x: float, y: float) -> None:
        """Add a new cell at a place."""
        CLASSES[kind](self, self._number(kind), x, y)

    def _number(self, kind: str) -> int:
        uid = self.next_uid[kind]
        self.next_uid[kind] += 1
        return uid

    def _set_trigger(self) -> None:
        """Set what acts from outside, as it is at the beginning of the step."""
        self.trigger[:] = 0.0
        spec, hours = self.config.tissue.trigger, (self.steps - 1) * self.step_hours
        names = list(self.config.tissue.venules.positions)
        for window in spec.windows.values() if spec is not None else ():
            since, rise = hours - float(window.from_), float(window.rise)
            if 0 <= since < float(window.to) - float(window.from_):
                level = min(1.0, since / rise) if rise else 1.0
                for venule in self.cells("venule"):
                    if window.venule is None or names.index(window.venule) + 1 == venule.uid:
                        self.trigger[venule.voxel] = max(self.trigger[venule.voxel], level)

    def cast_traps(self, voxel: int) -> None:
        """Let the traps of a neutrophil appear during this step."""
        self.source["nets"][voxel] += self.traps

    # --- looking ------------------------------------------------------------------------------------------------------------

    def cells(self, kind: str) -> AgentSet:
        """Return the cells of a kind; none of one that no cell of the twin is."""
        return self.agents_by_type.get(CLASSES.get(kind)) or AgentSet([], random=self.random)

    def count(self, kind: str, state: str | None = None) -> np.ndarray:
        """Return the number of cells of a kind in each voxel, or the sum of one of their states."""
        cells = list(self.cells(kind))
        voxels = np.array([cell.voxel for cell in cells], int)
        weights = None if state is None else [getattr(cell, state) for cell in cells]
        return np.bincount(voxels, weights, self.grid.size).astype(float)

    def reader(self, name: str) -> Callable[[], np.ndarray]:
        """Return what gives a field or a state of the tissue for every voxel."""
        if name in self.config.fields:
            row = self.fields.index[name]
            return lambda: self.fields.concentration[row].astype(float)
        name = name.removeprefix("astrocytes.")
        if name == "trigger":
            return lambda: self.trigger
        if name.startswith(("entry.", "drug.")):  # of a subject without therapy
            return lambda: np.full(self.grid.size, float(name.startswith("entry.")))
        return lambda: getattr(self.tissue, name)

    def voxel(self, column: int, row: int) -> int:
        """Return the number of a voxel on the padded grid of the fields."""
        return (row + 1) * self.grid.sy + column + 1

    def voxel_at(self, x: float, y: float) -> int:
        """Return the voxel of a place in um."""
        grid = self.grid
        return self.voxel(min(int(x / grid.h), grid.nx - 1), min(int(y / grid.h), grid.ny - 1))

    def column_and_row(self, voxel: int) -> tuple[int, int]:
        """Return where a voxel is."""
        row, column = divmod(voxel, self.grid.sy)
        return column - 1, row - 1

    def holds(self, column: int, row: int) -> bool:
        """Whether a voxel is inside the tissue."""
        return 0 <= column < self.grid.nx and 0 <= row < self.grid.ny

    def around(self, voxel: int, distance: float) -> list[int]:
        """Return the voxels in which a cell within a distance can be."""
        m = -int(-distance // self.grid.h)
        return [voxel + dy * self.grid.sy + dx for dy in range(-m, m + 1) for dx in range(-m, m + 1)]

    def ahead_and_behind(self, voxel: int) -> tuple[int, int, int, int]:
        """Return the voxels to the left and right, below and above, over which a cell compares; at a face the last."""
        m, grid = max(1, round(REACH / self.grid.h)), self.grid
        column, row = self.column_and_row(voxel)
        left, right = max(column - m, 0), min(column + m, grid.nx - 1)
        down, up = max(row - m, 0), min(row + m, grid.ny - 1)
        return self.voxel(left, row), self.voxel(right, row), self.voxel(column, down), self.voxel(column, up)


def refuse_what_is_left_out(lesion: Any) -> None:
    """Raise ValueError where a lesion needs what the twin does not do."""
    config, trigger = lesion.config, lesion.config.tissue.trigger
    terms = [term for laws in config.laws.values() for law in laws.values() for term in law.terms.values()]
    wanted = {
        "slabs": lesion.grid.slabs > 1,
        "3D": lesion.grid.dims == 3,
        "periodic faces": "periodic" in [config.grid.faces[axis] for axis in "xy"],
        "stem cells": bool(config.doses) or lesion.counts().get("msc", 0) > 0,
        "comparators": bool(config.therapy.comparators),
        "relapses": trigger is not None and trigger.relapses is not None,
        "expansion of T cells": config.periphery is not None and config.periphery.expansion is not None,
        "laws with windows": any(term.during is not None for term in terms),
    }
    if missing := [name for name, needed in wanted.items() if needed]:
        raise ValueError(f"the twin leaves out {', '.join(missing)}, which this configuration has")
