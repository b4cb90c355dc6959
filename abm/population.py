"""Population: all cells of one kind as columns, one Mesa agent; Cell: a view of one row for people."""

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

import mesa
import numpy as np

from abm.arms import Arm
from abm.cell_laws import Shape
from abm.cell_rows import ALIGNED
from kernels import binning, contact, events, lifecycle, motion
from kernels import laws as law_kernels
from kernels.random import STREAMS

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


class Population(mesa.Agent):
    """All cells of one kind.

    Columns hold ``n`` cells in ``capacity`` rows, sorted by (voxel, uid) after ``bin``. In a phase a population reads
    fields and the columns of others and writes only its own: the order of populations cannot matter.
    """

    states: ClassVar[tuple[str, ...]] = ()  # own numbers that laws can read as self.<state>
    defaults: ClassVar[dict[str, float]] = {}  # of a new cell, where not 0
    derived: ClassVar[dict[str, tuple[str, float, float]]] = {}
    switches: ClassVar[dict[str, tuple[str, str | None]]] = {}  # state: (law that switches it on, law that does off)
    changes: ClassVar[dict[str, str]] = {}  # law: kind that the cell becomes
    deaths: ClassVar[tuple[str, ...]] = ("die",)
    label_of: ClassVar[tuple[str, str, str] | None] = None  # state, its name above one half, its name below
    tiles: ClassVar[bool] = False  # motile, and yet evenly spread in health

    def __init__(self, model, kind: str):
        super().__init__(model)
        self.kind = kind
        self.spec = model.config.cells.get(kind)
        self.machine, self.grid = model.machine, model.grid
        self.number = model.kind_numbers[kind]
        self.seeds = self.machine.put(model.seeds + self.number * KEY_OF_KIND)  # kinds share uids, never draws
        laws = model.config.laws.get(kind, {})
        self.motile = "speed" in laws
        self.becomes = self.changes | {name: name[7:] for name in laws if name.startswith("become_")}

    @classmethod
    def shape(cls) -> Shape:
        """Return what laws must know of this kind."""
        return Shape(("age", *cls.states), cls.derived)

    # --- columns ------------------------------------------------------------------------------------------------------

    def allocate(self, laws, capacity: int = 256) -> None:
        """Make empty columns, once the laws know how many rows a cell needs."""
        self.laws = laws
        along = "xyz"[: self.grid.dims]
        self.float_columns = ["x", "y", "z"] + (["ux", "uy", "uz"] if self.motile else [])
        moving = [name for name in self.float_columns if name[-1] in along]
        still = [name for name in self.float_columns if name not in moving]
        self.of_laws = laws.lay_out_cells(self.kind, still, moving)
        self.rows = self.of_laws.row
        self.n = 0
        self.capacity = 0
        self.changed = self.sorted_anew = True
        self.next_uid = np.ones(self.grid.slabs, np.int64)
        self.sought = self.kind in laws.touched
        self.start = self.model.bins[0]  # scratch, but for kinds that others touch
        if self.sought:
            self.start = self.machine.zeros(len(self.start), np.int32)
        self.state_names = ("age", *type(self).states)
        if self.motile:
            periodic = tuple(bool(wraps) for wraps in self.model.tissue.wraps)
            self.walk = motion.Walk(self.grid, self.model.step_hours, float(self.spec.persistence), periodic)
        self._grow(capacity)
        self._lists()

    def _lists(self) -> None:
        """Which rows of the laws are hazards, and what each leads to."""
        values = self.of_laws.laws
        hazards = [(values[name], DIES) for name in self.deaths if name in values]
        hazards += [(values["divide"], DIVIDES)] if "divide" in values else []
        self.targets = {}
        self._relaxing: dict[tuple, list] = {}
        for code, (law, kind) in enumerate(self.becomes.items(), FIRST_CHANGE):
            if law in values and kind in self.model.population:
                hazards.append((values[law], code))
                self.targets[kind] = code
        self._hazard_rows = [row for row, _ in hazards]
        self._hazards = self.machine.put(np.array(self._hazard_rows, np.int32))
        self._codes = self.machine.put(np.array([code for _, code in hazards], np.int32))

    def _grow(self, needed: int) -> None:
        """Make room for at least ``needed`` cells, keeping those there are."""
        if needed <= self.capacity:
            return
        capacity = -(-max(needed, self.capacity + self.capacity // 2) // ALIGNED) * ALIGNED
        zeros = self.machine.zeros
        old = self.__dict__.copy() if self.capacity else None
        self.uid, self.seed = zeros(capacity, np.int64), zeros(capacity, np.int64)
        self.voxel = zeros(capacity, np.int32)
        self._other_uid, self._other_voxel = zeros(capacity, np.int64), zeros(capacity, np.int32)
        self.fate, self.befallen = zeros(capacity, np.int32), zeros(capacity, np.int32)
        self.chance = zeros(capacity, np.float32)
        self.order = zeros(capacity, np.int32)
        self.flat, self.values = self.of_laws.allocate(capacity)
        for name in self.float_columns:
            setattr(self, name, self.values[self.rows[name]])
        if self.motile:
            for name in ("px", "py", "pz"):
                setattr(self, name, zeros(capacity, np.float32))
            self.proposed = zeros(capacity, np.int32)
            self.work = self.walk.work(self.machine, capacity)
        self.capacity = capacity
        if old is not None:
            for name in ("uid", "seed", "voxel", "fate"):
                getattr(self, name)[: self.n] = old[name][: self.n]
            self.values[:, : self.n] = old["values"][:, : self.n]

    def state(self, name: str):
        """Return the column of an own state, float32[n]."""
        return self.values[self.rows[f"self.{name}"]][: self.n]

    def law(self, name: str):
        """Return the value of one law for each cell in this step, float32[n], or None where this kind has no such law."""
        row = self.of_laws.laws.get(name)
        return None if row is None else self.values[row][: self.n]

    def columns(self) -> dict[str, np.ndarray]:
        """Return copies of all columns on the host: what is stored and counted in the digest."""
        return self.plain_columns()

    def plain_columns(self) -> dict[str, np.ndarray]:
        """Return copies of the columns of one number each on the host: what is shown."""
        get, n = self.machine.get, self.n
        own = {name: get(getattr(self, name)[:n].copy()) for name in ("uid", "voxel", *self.float_columns)}
        return {**own, **{name: get(self.state(name).copy()) for name in self.state_names}}

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
        self._grow(n)
        self.n = n
        self.changed = True
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
        self._grow(self.n + count)
        put = self.machine.put
        slab = np.broadcast_to(np.asarray(slab, np.int64), count)
        for name, values in (("x", x), ("y", y), ("z", z)):
            getattr(self, name)[rows] = put(np.asarray(values, np.float32))
        self.voxel[rows] = put((slab * self.grid.whole).astype(np.int32))
        self._newborn(rows, slab)
        for name, value in states.items():
            self.values[self.rows[f"self.{name}"]][rows] = value
        n, self.n = self.n, self.n + count
        arguments = [getattr(self, name)[n : self.n] for name in ("x", "y", "z", "voxel", "voxel")]
        binning.locate(self.machine, count, *arguments, *self.grid.box)
        return rows

    def _newborn(self, rows: slice, slab: np.ndarray) -> None:
        """Give new rows their uids and default states."""
        self.changed = True
        per_slab = np.bincount(slab, minlength=self.grid.slabs)
        first = np.concatenate(([0], np.cumsum(per_slab)[:-1]))
        self.uid[rows] = self.machine.put(self.next_uid[slab] + np.arange(len(slab)) - first[slab])
        self.next_uid += per_slab
        self.seed[rows] = self.seeds[self.machine.put(slab)]
        for name in self.state_names:
            self.values[self.rows[f"self.{name}"]][rows] = self.defaults.get(name, 0.0)
        if self.motile:
            for name in ("ux", "uy", "uz"):
                getattr(self, name)[rows] = 0.0

    # --- phases ---------------------------------------------------------------------------------------------------------

    def bin(self) -> None:
        """Sort the cells by (voxel, uid)."""
        self.sorted_anew, self.changed = self.changed, False
        if not self.sorted_anew:
            return
        shift = 0 if self.sought else binning.bucket_shift(self.n, self.grid.size)
        start, count = self.start, self.model.bins[1]
        binning.sort_order(self.machine, self.n, self.voxel, self.uid, self.order, start, count, shift)
        self.take(self.order, self.n)

    def take(self, order, n: int) -> None:
        """Keep the rows ``order[:n]``, in that order."""
        self.n = n
        if n == 0:
            return
        order = order[:n].astype(np.int32, copy=False)
        binning.permute(self.machine, n, order, self.uid, self._other_uid)
        binning.permute(self.machine, n, order, self.voxel, self._other_voxel)
        self.uid, self._other_uid = self._other_uid, self.uid
        self.voxel, self._other_voxel = self._other_voxel, self.voxel
        spare = self.model.spare(len(self.of_laws.carried) * n)
        self.of_laws.put_in_order(n, order, self.flat, self.values, spare)
        if self.grid.slabs > 1:
            self.seed[:n] = self.seeds[self.voxel[:n] // self.grid.whole]

    def feel(self) -> None:
        """Find contacts; compute the factors of own states and their sums per voxel."""
        for (kind, distance), row in self.of_laws.contacts.items():
            other = self.model.population[kind]
            contact.touch(
                self.machine, self.n, self.x, self.y, self.z, self.voxel, other.x, other.y, other.z, other.start,
                self.values[row], distance, contact.contact_reach(distance, self.grid.h), int(other is self),
                *self.grid.box,
            )  # fmt: skip
        self.laws.feel(self.kind, self.n, self.flat, self.capacity, self.voxel, self.sorted_anew)

    def sense(self) -> None:
        """Compute the value of every law for every cell."""
        self.laws.sense_cells(self.kind, self.flat, self.voxel)

    def act(self) -> None:
        """Age, and switch states on and off."""
        age = self.state("age")
        age += self.model.dt
        for name, (on, off) in self.switches.items():
            on_rate, off_rate = self.law(on), None if off is None else self.law(off)
            nothing = self.values[self.rows["zero"]]
            law_kernels.chance_of_switch(
                self.machine, self.n, self.state(name), nothing if on_rate is None else on_rate,
                nothing if off_rate is None else off_rate, self.model.dt, self.chance,
            )  # fmt: skip
            law_kernels.switch(self.machine, self.n, self.befalls("activate", self.model.steps), self.state(name))

    def relax(self, level: str, rise: Any = None, cells: slice | None = None) -> None:
        """Relax a level towards the law of its name, where there is one.

        rise    h, instead of the law's own
        cells   rows, instead of all
        """
        law = self.model.config.laws[self.kind].get(level)
        if law is None or self.n == 0:
            return
        times = (float(rise or law.rise), float(law.fall))
        if (level, times) not in self._relaxing:
            rows = [[self.rows[f"{what}.{level}"]] for what in ("self", "law")]
            speeds = [[-math.expm1(-self.model.step_hours / tau)] for tau in times]
            self._relaxing[level, times] = law_kernels.relax_row.pack(self.machine, *rows, *speeds)
        first, stop, _ = (cells or slice(None)).indices(self.n)
        table = self._relaxing[level, times]
        law_kernels.relax_row(self.machine, stop - first, *table, self.flat, self.capacity, first=first)

    def rows_of(self, arm: Arm) -> slice:
        """Return the rows of the cells of an arm, while they are sorted."""
        if len(self.model.arms) == 1:
            return slice(0, self.n)
        ends = self.machine.put(np.array([arm.first, arm.stop], np.int32) * np.int32(self.grid.whole))
        return slice(*self.machine.get(self.machine.xp.searchsorted(self.voxel[: self.n], ends)).tolist())

    def propose(self) -> None:
        """Propose the next position of each cell, and ask its voxel for room."""
        if not self.motile:
            return
        laws, tissue = self.of_laws, self.model.tissue
        biased = laws.bias is not None
        self.walk.propose(
            self.machine, self.n, self.seed, self.model.steps, self.uid, self.voxel, (self.x, self.y, self.z),
            (self.ux, self.uy, self.uz), self.law("speed"), (self.px, self.py, self.pz), self.proposed, self.work,
            self.laws.channel(laws.bias) if biased else None, laws.bias_at_most if biased else 0.0,
        )  # fmt: skip
        if self.spec.motile:
            motion.occupy(self.machine, self.n, self.voxel, tissue.occupied, self._volume())
            motion.ask_room(self.machine, self.n, self.voxel, self.proposed, tissue.incoming, self._volume())

    def contend(self) -> None:
        """Bid for room in the voxels that more cells want into than fit."""
        if self.motile and self.spec.motile:
            tissue = self.model.tissue
            motion.bid_for_room(
                self.machine, self.n, self.uid, self.voxel, self.proposed, tissue.occupied, tissue.incoming, tissue.best,
                self.seeds, self.model.steps, self.number, tissue.room, self.grid.whole,
            )  # fmt: skip

    def _volume(self) -> int:
        sphere = math.pi / 6 * float(self.spec.diameter) ** 3
        return motion.room_units(sphere, self.model.voxel_volume)

    def settle(self) -> None:
        """Move the cells whose voxel had room; sessile glia take no room from motile cells and always move."""
        if not self.motile:
            return
        n, tissue = self.n, self.model.tissue
        if self.spec.motile:
            motion.take_room(
                self.machine, n, self.uid, self.voxel, self.x, self.y, self.z, self.proposed, self.px, self.py, self.pz,
                tissue.occupied, tissue.incoming, tissue.best, self.seeds, self.model.steps, self.number, self._volume(),
                tissue.room, self.grid.sz, self.grid.whole,
            )  # fmt: skip
        else:
            for name, proposed in (("x", self.px), ("y", self.py), ("z", self.pz), ("voxel", self.proposed)):
                getattr(self, name)[:n] = proposed[:n]
        self.changed = True

    def befalls(self, stream: str, step: int):
        """Draw whether something happens to each cell, with the probability in ``chance``: int32[n], until the next draw."""
        events.befall(self.machine, self.n, self.seed, step, STREAMS[stream], self.uid, self.chance, self.befallen)
        return self.befallen[: self.n]

    def choose(self) -> None:
        """Draw each cell's fate."""
        self.fate[: self.n] = STAYS
        self.eventful = False
        if not self._hazard_rows or self.n == 0:
            return
        total = sum(self.values[row][: self.n] for row in self._hazard_rows)
        events.chance_in_step(self.machine, self.n, total, self.model.dt, self.chance)
        befallen = self.befalls("fate", self.model.steps)
        self.eventful = bool(befallen.any())
        if not self.eventful:
            return
        lifecycle.choose_fate(
            self.machine, self.n, befallen, self.seeds, self.model.steps, STREAMS["fate"],
            self.grid.whole, self.uid, self.voxel, self._hazards, self._codes, len(self._hazards), self.capacity,
            self.flat, self.fate,
        )  # fmt: skip

    def collect(self) -> None:
        """Note where cells are born: beside mothers, as they are, and where cells of other kinds turn into this one."""
        self._births = []
        for source, code in self._sources:
            if source.eventful:
                rows = self.machine.xp.flatnonzero(source.fate[: source.n] == code)
                if len(rows):
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
        """Remove the dead and the changed, append the newborn."""
        if self.eventful:
            leaves = (self.fate[: self.n] != STAYS) & (self.fate[: self.n] != DIVIDES)
            if bool(leaves.any()):
                self.leave(leaves)
                self.changed = True
                stay = self.machine.xp.flatnonzero(~leaves).astype(np.int32)
                self.take(stay, len(stay))
        for places, legacy in self._births:
            voxel = places[-1]
            rows = slice(self.n, self.n + len(voxel))
            self._grow(rows.stop)
            for name, column in zip(("x", "y", "z", "voxel"), places):
                getattr(self, name)[rows] = column
            self._newborn(rows, self.machine.get(voxel) // self.grid.whole)
            self.n = rows.stop
            if legacy is not None:
                for name, values in legacy.items():
                    self.state(name)[rows] = values
                self._place_daughters(rows)
        self._births = []

    def leave(self, leaves) -> None:
        """What cells leave behind when they die or change; ``leaves`` is bool[n]."""

    def _place_daughters(self, rows: slice) -> None:
        columns = [getattr(self, name)[rows] for name in ("x", "y", "z")]
        grid = self.grid
        size = (grid.nx * grid.h, grid.ny * grid.h, grid.nz * grid.h)
        lifecycle.place_daughter(
            self.machine, rows.stop - rows.start, self.seeds, self.model.steps,
            STREAMS["daughter"], grid.whole, self.uid[rows], self.voxel[rows], *columns,
            float(self.spec.diameter), *(float(s) for s in size), float(grid.dims),
        )  # fmt: skip
        binning.locate(self.machine, rows.stop - rows.start, *columns, self.voxel[rows], self.voxel[rows], *grid.box)
