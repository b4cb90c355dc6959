"""Population: all cells of one kind as columns, one Mesa agent; Cell: a view of one row for people."""

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

import mesa
import numpy as np

from abm.arms import Arm
from abm.cell_laws import Shape
from abm.cell_rows import code_of
from abm.columns import PLACE, VELOCITY
from abm.rows import ZERO
from kernels import binning, lifecycle, motion
from kernels import laws as law_kernels
from kernels.random import STREAMS
from kernels.spans import Spans

STAYS, DIES, DIVIDES = 0, 1, 2
FIRST_CHANGE = 3
KEY_OF_KIND = 0x9E3779B97F4A7  # an odd number far from any seed that people choose


class Cell:
    """One cell, with its columns as attributes. For notebooks, tests and viewers, never in a loop over cells."""

    def __init__(self, population: "Population", row: int):
        self._population, self._row = population, row

    def __getattr__(self, name: str):
        columns = self._population.columns()
        if name not in columns:
            raise AttributeError(f"{self._population.kind} has no column {name!r}; it has {', '.join(columns)}")
        return columns[name][self._row].item()

    def __repr__(self) -> str:
        values = {name: column[self._row].item() for name, column in self._population.columns().items()}
        return f"{self._population.kind}({', '.join(f'{name}={value:g}' for name, value in values.items())})"


def _column(name: str) -> Any:
    """The stretch of a column that is a kind's own."""
    return property(lambda kind: getattr(kind.crowd.columns, name)[kind.begin : kind.begin + kind.room])


class Population(mesa.Agent):
    """All cells of one kind.

    They are the first ``n`` of its ``room`` rows in the columns of the crowd, which sorts them by (voxel, uid). In a phase a
    population reads fields and the columns of others and writes only its own: the order of populations cannot matter.

    changed     since cells were last sensed: some came, went or moved;  unsorted  other than that some went
    renewed     whether they had changed when they were last sensed
    fated       in this step: rows of the cells (host, int64) that do not stay as they are, by what becomes of them
    """

    states: ClassVar[tuple[str, ...]] = ()  # own numbers that laws can read as self.<state>
    defaults: ClassVar[dict[str, float]] = {}  # of a new cell, where not 0
    derived: ClassVar[dict[str, tuple[str, float, float]]] = {}
    switch: ClassVar[tuple[str, str, str | None] | None] = None  # state, law that switches it on, law that does off
    changes: ClassVar[dict[str, str]] = {}  # law: kind that the cell becomes
    deaths: ClassVar[tuple[str, ...]] = ("die",)
    label_of: ClassVar[tuple[str, str, str] | None] = None  # state, its name above one half, its name below
    tiles: ClassVar[bool] = False  # motile, and yet evenly spread in health
    in_crowd: ClassVar[bool] = True  # has columns there

    uid, seed, voxel, fate, befallen = map(_column, ("uid", "seed", "voxel", "fate", "befallen"))
    x, y, z, ux, uy, uz, chance = map(_column, ("x", "y", "z", "ux", "uy", "uz", "chance"))

    def __init__(self, model, kind: str):
        super().__init__(model)
        self.kind = kind
        self.spec = model.config.cells.get(kind)
        self.machine, self.grid = model.machine, model.grid
        self.number = model.kind_numbers[kind]
        self.key = self.number * KEY_OF_KIND  # kinds share uids, never draws
        self.seeds = self.machine.put(model.seeds + self.key)
        laws = model.config.laws.get(kind, {})
        self.motile = "speed" in laws
        self.becomes = self.changes | {name: name[7:] for name in laws if name.startswith("become_")}
        self.n = self.begin = self.room = 0
        self.changed = self.unsorted = self.renewed = True
        self.fated: dict[int, np.ndarray] = {}

    @classmethod
    def shape(cls) -> Shape:
        """Return what laws must know of this kind."""
        return Shape(("age", *cls.states), cls.derived)

    # --- columns ------------------------------------------------------------------------------------------------------

    def prepare(self, laws) -> None:
        """Lay out the rows of the laws, and note which of these are hazards, and what each leads to."""
        self.laws, self.of_laws = laws, laws.lay_out_cells(self.kind)
        self.state_names = ("age", *type(self).states)
        self.float_columns = [*PLACE, *(VELOCITY if self.motile else ())]
        self.next_uid = np.ones(self.grid.slabs, np.int64)
        self.volume = self._volume() if self.motile and self.spec.motile else 0  # sessile glia take no room
        values = self.of_laws.laws
        self.hazards = [(values[name], DIES) for name in self.deaths if name in values]
        self.hazards += [(values["divide"], DIVIDES)] if "divide" in values else []
        self.targets = {}
        for code, (law, kind) in enumerate(self.becomes.items(), FIRST_CHANGE):
            if law in values and kind in self.model.population:
                self.hazards.append((values[law], code))
                self.targets[kind] = code

    def _volume(self) -> int:
        sphere = math.pi / 6 * float(self.spec.diameter) ** 3
        return motion.room_units(sphere, self.model.voxel_volume)

    def settle_in(self, crowd: Any, index: int) -> None:
        """Take the rows that a crowd has for its kind number ``index``."""
        self.crowd, self.index = crowd, index
        self.begin, self.room = crowd.columns.begin[index], crowd.columns.room[index]
        self._rows: dict[str, Any] = {}
        self._relaxing: dict[tuple, Any] = {}

    @property
    def can_switch(self) -> bool:
        """Whether a state goes on or off by a law."""
        return self.switch is not None and any(law in self.of_laws.laws for law in self.switch[1:])

    def switch_codes(self) -> list[int]:
        """Return the rows of the state that switches, and of the rates at which it goes on and off."""
        state, on, off = self.switch  # type: ignore[misc]
        return [self.of_laws.row[f"self.{state}"], *(self.of_laws.laws.get(law, code_of(ZERO)) for law in (on, off))]

    def _row(self, name: str):
        """A row by its name: float32[room]."""
        if name not in self._rows:
            self._rows[name] = self.crowd.columns.row(self.of_laws.row[name], self.index)
        return self._rows[name]

    def state(self, name: str):
        """Return the column of an own state, float32[n]."""
        return self._row(f"self.{name}")[: self.n]

    def law(self, name: str):
        """Return the value of one law for each cell in this step, float32[n], or None where this kind has no such law."""
        return self._row(f"law.{name}")[: self.n] if name in self.of_laws.laws else None

    def columns(self) -> dict[str, np.ndarray]:
        """Return copies of all columns on the host: what is stored and counted in the digest."""
        return self.plain_columns()

    def plain_columns(self) -> dict[str, np.ndarray]:
        """Return copies of the columns of one number each on the host: what is shown."""
        get, n = self.machine.get, self.n
        own = {name: get(getattr(self, name)[:n].copy()) for name in ("uid", "voxel", *self.float_columns)}
        return {**own, **{name: get(self.state(name).copy()) for name in self.state_names}}

    @property
    def labels(self) -> tuple[str, ...]:
        """What cells of this kind are told apart by, for people."""
        return ("",) if self.label_of is None else self.label_of[1:]

    def label_numbers(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return which of the labels each cell has, from its columns."""
        if self.label_of is None:
            return np.zeros(len(columns["uid"]), np.int64)
        return 1 - (columns[self.label_of[0]] > 0.5).astype(np.int64)

    def numbers(self) -> Iterator[tuple[str, np.ndarray]]:
        """Give every column of fractional numbers, by name, on the host: a view where that is where they are."""
        get, n = self.machine.get, self.n
        for name in self.float_columns:
            yield name, get(getattr(self, name)[:n])
        for name in self.state_names:
            yield name, get(self.state(name))

    def count(self, slab: int | None = None) -> int:
        """Return the number of cells in one slab, or in all."""
        if slab is None or self.grid.slabs == 1:
            return self.n
        return int(np.count_nonzero(self.machine.get(self.voxel[: self.n]) // self.grid.whole == slab))

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, row: int) -> Cell:
        if not -self.n <= row < self.n:
            raise IndexError(f"{self.kind} has {self.n} cells, no row {row}")
        return Cell(self, row % self.n)

    def put_columns(self, columns: dict[str, np.ndarray]) -> None:
        """Replace all cells by those of ``columns``, as ``columns()`` gave them."""
        n = len(columns["uid"])
        self.crowd.make_room(self, n)
        self.n = n
        self.changed = self.unsorted = True
        for name in ("uid", "voxel", *self.float_columns):
            getattr(self, name)[:n] = self.machine.put(columns[name])
        for name in self.state_names:
            self.state(name)[:] = self.machine.put(columns[name])
        self.seed[:n] = self.seeds[self.voxel[:n] // self.grid.whole]

    # --- births ---------------------------------------------------------------------------------------------------------

    def place_cells(self, x, y, z, slab, **states) -> slice:
        """Add cells at positions in um (host arrays, sorted by slab) and return their rows; uids follow in that order."""
        count = len(x)
        rows = slice(self.n, self.n + count)
        if count == 0:
            return rows
        self.crowd.make_room(self, self.n + count)
        put = self.machine.put
        slab = np.broadcast_to(np.asarray(slab, np.int64), count)
        for name, values in (("x", x), ("y", y), ("z", z)):
            getattr(self, name)[rows] = put(np.asarray(values, np.float32))
        self.voxel[rows] = put((slab * self.grid.whole).astype(np.int32))
        self._newborn(rows, slab)
        for name, value in states.items():
            self._row(f"self.{name}")[rows] = value
        self.n += count
        self._locate(rows)
        return rows

    def _locate(self, rows: slice) -> None:
        """Find the voxels of some cells, which know one of their slab."""
        columns, spans = self.crowd.columns, Spans(self.machine, [(self.begin + rows.start, self.begin + rows.stop)])
        places = columns.x, columns.y, columns.z, columns.voxel, columns.voxel
        binning.locate(self.machine, spans, *places, *self.grid.box)

    def _newborn(self, rows: slice, slab: np.ndarray) -> None:
        """Give new rows their uids and default states."""
        self.changed = self.unsorted = True
        per_slab = np.bincount(slab, minlength=self.grid.slabs)
        first = np.concatenate(([0], np.cumsum(per_slab)[:-1]))
        self.uid[rows] = self.machine.put(self.next_uid[slab] + np.arange(len(slab)) - first[slab])
        self.next_uid += per_slab
        self.seed[rows] = self.seeds[self.machine.put(slab)]
        for name in self.state_names:
            self._row(f"self.{name}")[rows] = self.defaults.get(name, 0.0)
        if self.motile:
            for name in ("ux", "uy", "uz"):
                getattr(self, name)[rows] = 0.0

    # --- phases ---------------------------------------------------------------------------------------------------------

    def remove(self, rows: np.ndarray) -> None:
        """Remove some cells: int64 on the host, in order. The others keep theirs."""
        self.crowd.remove({self: rows})

    def put_in_order(self, order) -> None:
        """Put columns that the crowd knows nothing of in an order: which of its rows comes to each of this kind."""

    def act(self) -> None:
        """What cells do beyond ageing and switching a state: nothing, for most kinds."""

    def relax(self, level: str, rise: Any = None, cells: slice | None = None) -> None:
        """Relax a level towards the law of its name, where there is one.

        rise    h, instead of the law's own
        cells   rows, instead of all
        """
        law = self.model.config.laws[self.kind].get(level)
        if law is None or self.n == 0:
            return
        times, columns = (float(rise or law.rise), float(law.fall)), self.crowd.columns
        if (level, times) not in self._relaxing:
            codes = np.array([self.of_laws.row[f"{what}.{level}"] for what in ("self", "law")])
            speeds = [-math.expm1(-self.model.step_hours / tau) for tau in times]
            table = [[each] for each in (*columns.places(codes, self.index), *speeds)]
            self._relaxing[level, times] = law_kernels.relax_row.pack(self.machine, [table])
        first, stop, _ = (cells or slice(None)).indices(self.n)
        spans = Spans(self.machine, [(self.begin + first, self.begin + stop)])
        law_kernels.relax_row(self.machine, spans, *self._relaxing[level, times], columns.flat)

    def rows_of(self, arm: Arm) -> slice:
        """Return the rows of the cells of an arm, while they are sorted."""
        if len(self.model.arms) == 1:
            return slice(0, self.n)
        ends = self.machine.put(np.array([arm.first, arm.stop], np.int32) * np.int32(self.grid.whole))
        return slice(*self.machine.get(self.machine.xp.searchsorted(self.voxel[: self.n], ends)).tolist())

    def befalls(self, stream: str, step: int):
        """Draw whether something happens to each cell, with the probability in ``chance``: int32[n], until the next draw."""
        self.crowd.befall(self.crowd.spans([self]), stream, step)
        return self.befallen[: self.n]

    def choose(self) -> None:
        """Change the fates that were drawn: no kind does, but for some."""

    def collect(self) -> None:
        """Note where cells are born: beside mothers, as they are, and where cells of other kinds turn into this one."""
        self._births = []
        for source, code in self._sources:
            if code in source.fated:
                rows = self.machine.put(source.fated[code])
                places = [getattr(source, name)[rows] for name in ("x", "y", "z", "voxel")]
                self._births.append((places, self._legacy(rows) if source is self else None))

    @cached_property
    def _sources(self) -> list[tuple["Population", int]]:
        """Where cells of this kind come from: its own divisions, and the changes of other kinds, with their codes."""
        others = [(other, other.targets.get(self.kind)) for other in self.model.populations]
        return [(self, DIVIDES), *((other, code) for other, code in others if code is not None)]

    def _legacy(self, rows) -> dict[str, Any]:
        """What daughters get of the states of their mothers: all but the age."""
        return {name: self.state(name)[rows] for name in self.state_names if name != "age"}

    def renew(self) -> None:
        """Append the newborn."""
        for places, legacy in self._births:
            voxel = places[-1]
            rows = slice(self.n, self.n + len(voxel))
            self.crowd.make_room(self, rows.stop)
            for name, column in zip(("x", "y", "z", "voxel"), places):
                getattr(self, name)[rows] = column
            one_slab = np.zeros(len(voxel), np.int64)
            self._newborn(rows, self.machine.get(voxel) // self.grid.whole if self.grid.slabs > 1 else one_slab)
            self.n = rows.stop
            if legacy is not None:
                for name, values in legacy.items():
                    self.state(name)[rows] = values
                self._place_daughters(rows)
        self._births = []

    def leave(self, rows: np.ndarray) -> None:
        """What cells leave behind when they die or change: int64 on the host."""

    def _place_daughters(self, rows: slice) -> None:
        columns = [getattr(self, name)[rows] for name in ("x", "y", "z")]
        grid = self.grid
        size = (grid.nx * grid.h, grid.ny * grid.h, grid.nz * grid.h)
        lifecycle.place_daughter(
            self.machine, rows.stop - rows.start, self.seeds, self.model.steps,
            STREAMS["daughter"], grid.whole, self.uid[rows], self.voxel[rows], *columns,
            float(self.spec.diameter), *(float(s) for s in size), float(grid.dims),
        )  # fmt: skip
        self._locate(rows)
