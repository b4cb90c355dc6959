"""Laws: the tables of ``abm.law_tables`` on a machine, which kernels fill for every voxel and every cell, each step."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from abm.cell_rows import CellRows
from abm.columns import ALIGNED
from abm.law_tables import LawTables
from abm.rows import ONE, Program
from abm.signals import Smoothed
from kernels import density
from kernels.device import LAUNCH_PAYS
from kernels.launch import may_use_scratch, side_by_side
from kernels.motion import NO_BIAS
from kernels.source import BLOCK
from kernels.spans import Spans


class Laws:
    """All laws of a model, those of voxels evaluated each step by ``sense_voxels``; for those of cells see ``Crowd``.

    Slabs may follow laws of different values, as long as the tables are alike in outline: others find a row of the voxels
    or of the cells at the same place whatever laws fill it there.

    tables   of each arm;  slabs   how many follow each, one after the other;  edges   the first voxel of each, and of none
    flat     float32, written: rows of the voxels, at their ``places`` for each table
    tissue   number of the row of each law of the tissue, by kind and name;  even   those that are the same all over a slab
    touched  kinds that others touch
    """

    def __init__(self, machine, tables: Sequence[LawTables], slabs: Sequence[int]):
        self.machine, self.tables = machine, list(tables)
        first = self.tables[0]
        self.grid, self.fields, self.kinds = first.grid, first.fields, first.kinds
        self.edges = np.cumsum([0, *slabs]) * self.grid.whole
        self._work: list[Any] = []
        self._boxes: dict[float, density.Box] = {}
        self._lay_out()
        for each, at, begin, end in zip(self.tables, self.places, self.edges, self.edges[1:]):
            for row, constant in [(each.voxels[ONE], 1.0), *each.voxels.constants]:
                self.flat[at[row] + begin : at[row] + end] = constant
        self._arms = Spans(machine, zip(self.edges.tolist(), self.edges[1:].tolist()))
        self._before, self._of_voxels = (
            Program(machine, [getattr(each, what) for each in self.tables]) for what in ("before", "voxels")
        )
        for program in (self._before, self._of_voxels):
            program.place(self.places)
        self._smoothings = self._together(first.smoothed)
        for radius, row in first.centres.items():
            self.matrix[self.slots[row]] = machine.put(self._box(radius).centre)
        self.tissue = {
            kind: {name: int(self.slots[row]) for name, row in laws.items()} for kind, laws in first.tissue.items()
        }
        self.even = {int(self.slots[row]) for row in first.even}
        self.touched = {other for cells in first.cells.values() for other, _ in cells.contacts}

    def _lay_out(self) -> None:
        """Allocate the voxel rows, and find the place of each for every table: what only other rows read is scratch.

        What others know lies where the first table has it; after it what each table needs for itself.
        """
        machine, self.stride = self.machine, -(-self.grid.size // ALIGNED) * ALIGNED
        scratch = [_passing(tables) if may_use_scratch(machine) else [] for tables in self.tables]
        slots = []
        for tables, passing in zip(self.tables, scratch):
            known = dict.fromkeys(row for _, row in tables.known())
            own = [row for row in sorted({*tables.voxels.index.values()}) if row not in known and row not in passing]
            slots.append(np.full(len(tables.voxels.index), -1))
            slots[-1][[*known, *own]] = range(len(known) + len(own))
        self.slots = slots[0]
        self._scratch = max(map(len, scratch)) * BLOCK
        lasting = (max(each.max() for each in slots) + 1) * self.stride
        self.flat = machine.zeros_on_line(lasting + self._scratch * machine.threads, np.float32, 0)
        self.matrix = self.flat[:lasting].reshape(-1, self.stride)[:, : self.grid.size]
        self.places = [each * self.stride for each in slots]
        for at, passing in zip(self.places, scratch):
            at[passing] = -(lasting + np.arange(len(passing)) * BLOCK)

    def _together(self, parts: Sequence[Smoothed]) -> list[density.Smoothing]:
        """Put sums together that one launch smooths: as many as pay on a GPU; on a CPU so that every thread finds some."""
        machine, found = self.machine, []
        launches = 2 * machine.threads if machine.threads > 1 else 1
        most = LAUNCH_PAYS // self.grid.size if machine.target == "cuda" else -(-len(parts) // launches)
        for begin in range(0, len(parts), max(1, most)):
            some = parts[begin : begin + max(1, most)]
            amounts, densities = (self.slots[rows] for rows in ([p.amount for p in some], [p.smooth for p in some]))
            radii, units = [part.radius for part in some], [part.heaviest for part in some]
            found.append(self.smoothing(radii, amounts * self.stride, densities * self.stride, units))
        return found

    def slot(self, name: str) -> int:
        """Return the number of a named voxel row."""
        return int(self.slots[self.tables[0].voxels[name]])

    def channel(self, slot: int):
        """Return a voxel row by its number: a float32 view of length grid.size."""
        return self.matrix[slot]

    def row(self, name: str):
        """Return a named voxel row: a float32 view of length grid.size."""
        return self.matrix[self.slot(name)]

    def place_of_count(self, kind: str) -> int:
        """Return where the row of the number of cells of a kind per voxel stands in ``flat``."""
        return self.place_of(self.slots[self.tables[0].count_row(kind)])

    def __contains__(self, name: str) -> bool:
        return name in self.tables[0].voxels

    def block(self, what: str):
        """Return the rows of all fields as one (n_fields, grid.size) view: ``field`` or ``source``."""
        first = self.slot(f"{what}.{self.fields[0]}") if self.fields else 0
        return self.matrix[first : first + len(self.fields)]

    def sense_voxels(self, hours: float) -> None:
        """Compute signals, smoothed densities, every channel, and what cells secrete and take up, for each voxel."""
        self._of_voxels.set_time(hours)
        self._before.run(self._arms, self.flat)
        side_by_side(self.machine, [partial(self.smooth, each) for each in self._smoothings])
        self._of_voxels.run(self._arms, self.flat, self._scratch)

    def lay_out_cells(self, kind: str) -> CellRows:
        """Lay out the rows of a kind, see ``CellRows``."""
        return CellRows(
            self.machine, [tables.cells[kind] for tables in self.tables], self.places, self.slots, self.grid.dims
        )

    def place_of(self, slot: int | None) -> int:
        """Return where a voxel row stands in ``flat``, by its number; where there is none, NO_BIAS."""
        return int(NO_BIAS) if slot is None else slot * self.stride

    def smoothing(
        self, radii: Sequence[float], amounts: Sequence[int], densities: Sequence[int], units: Sequence[float]
    ) -> density.Smoothing:
        """Return what smoothing sums over radii needs, see ``Smoothing`` for the rest."""
        return density.Smoothing(self.machine, [self._box(radius) for radius in radii], amounts, densities, units)

    def _box(self, radius: float) -> density.Box:
        if radius not in self._boxes:
            first = self.tables[0]
            periodic = tuple(first.config.grid.faces[axis] == "periodic" for axis in "xyz")
            self._boxes[radius] = density.Box(self.grid, radius, first.volume * 1e-9, periodic)
        return self._boxes[radius]

    def smooth(self, smoothing: density.Smoothing, out=None) -> None:
        """Write densities, 1/mm3, of amounts per voxel, to other rows of the voxels or to ``out``."""
        try:
            work = self._work.pop()  # no other thread uses it meanwhile
        except IndexError:
            work = self.machine.zeros(0, np.int64)
        if len(work) < smoothing.scratch:
            work = self.machine.zeros(smoothing.scratch, np.int64)
        density.smooth(self.machine, smoothing, self.flat, self.flat if out is None else out, work)
        self._work.append(work)


def _passing(tables: LawTables) -> list[int]:
    """The voxel rows that only the operations on voxels read."""
    later = {row for _, row in tables.known()}.union(*(cells.read for cells in tables.cells.values()))
    return sorted(tables.voxels.targets() - later)
