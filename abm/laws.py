"""Laws: the tables of ``abm.law_tables`` on a machine, which kernels fill for every voxel and every cell, each step."""

from functools import partial

import numpy as np

from abm.cell_rows import ALIGNED, CellRows
from abm.law_tables import LawTables, Smoothed
from abm.rows import ONE
from kernels import density
from kernels import laws as kernels
from kernels.launch import may_use_scratch, side_by_side
from kernels.source import BLOCK


class Laws(LawTables):
    """All laws of a model, evaluated: ``freeze`` once, then ``sense_voxels``, ``feel`` and ``sense_cells`` each step."""

    def freeze(self, machine) -> None:
        """Allocate the voxel matrix and put every table on the machine."""
        self.machine = machine
        places = self._lay_out(machine)
        for row, constant in [(self.voxels[ONE], 1.0), *self.voxels.constants]:
            self.channel(row)[:] = constant
        self.voxels.freeze(machine, places)
        self.before.freeze(machine, places)
        for radius, row in self._centres.items():
            self.channel(row)[:] = self.smoothing(radius).centre
        for part in self._smoothed:
            part.smoothing = self.smoothing(part.radius)
            part.smoothing.share *= np.float32(part.heaviest)  # amounts are counted in units of the heaviest weight
        self._work: list[tuple] = []
        self.of: dict[str, CellRows] = {}

    def _lay_out(self, machine) -> np.ndarray:
        """Allocate the voxel rows, and return the place of each: rows that only other rows read are scratch."""
        rows, self.stride = len(self.voxels.index), -(-self.grid.size // ALIGNED) * ALIGNED
        passing = sorted(self.voxels.targets() - self._read_later()) if may_use_scratch(machine) else []
        kept = np.setdiff1d(np.arange(rows), passing)
        self.slots = np.full(rows, -1)
        self.slots[kept] = np.arange(len(kept))
        self._scratch = len(passing) * BLOCK
        lasting = len(kept) * self.stride
        self.flat = machine.zeros_on_line(lasting + self._scratch * machine.threads, np.float32, 0)
        self.matrix = self.flat[:lasting].reshape(len(kept), self.stride)[:, : self.grid.size]
        places = self.slots * self.stride
        places[passing] = -(lasting + np.arange(len(passing)) * BLOCK)
        return places

    def _read_later(self) -> set[int]:
        """The voxel rows that others than the voxels' own operations read."""
        rows = {row for laws in self.tissue.values() for row in laws.values()}.union(self._named)
        for cells in self.cells.values():
            rows |= cells.read
            if cells.bias is not None:
                rows.add(cells.bias)
        return rows

    def channel(self, row: int):
        """Return a voxel row by its number: a float32 view of length grid.size."""
        return self.matrix[self.slots[row]]

    def row(self, name: str):
        """Return a named voxel row: a float32 view of length grid.size."""
        return self.channel(self.voxels[name])

    def block(self, what: str):
        """Return the rows of all fields as one (n_fields, grid.size) view: ``field`` or ``source``."""
        first = self.slots[self.voxels[f"{what}.{self.fields[0]}"]] if self.fields else 0
        return self.matrix[first : first + len(self.fields)]

    def sense_voxels(self, hours: float) -> None:
        """Compute signals, smoothed densities, every channel, and what cells secrete and take up, for each voxel."""
        machine, size = self.machine, self.grid.size
        for rows in (self.voxels, *(cells.late for cells in self.cells.values())):
            rows.set_time(hours)
        self.before.run(machine, size, self.flat)
        side_by_side(machine, [partial(self._smooth, part) for part in self._smoothed])
        self.voxels.run(machine, size, self.flat, self._scratch)

    def lay_out_cells(self, kind: str, still: list[str], moving: list[str]) -> CellRows:
        """Lay out the rows of a kind, with rows for its columns besides those that laws know, see ``CellRows``."""
        self.of[kind] = CellRows(self.machine, self.cells[kind], self.slots, self.stride, still, moving)
        return self.of[kind]

    def _smooth(self, part: Smoothed) -> None:
        self.smooth(part.smoothing, self.channel(part.amount), self.channel(part.smooth))

    def smoothing(self, radius: float) -> density.Smoothing:
        """Return what smoothing over a radius on this grid needs."""
        faces = self.config.grid.faces
        periodic = tuple(faces[axis] == "periodic" for axis in "xyz")
        return density.Smoothing(self.machine, self.grid, radius, self.volume * 1e-9, periodic)

    def smooth(self, smoothing: density.Smoothing, amount, out) -> None:
        """Write the density, 1/mm3, of an amount per voxel."""
        try:
            work = self._work.pop()  # no other thread uses it meanwhile
        except IndexError:
            work = density.smoothing_work(self.machine, self.grid)
        density.smooth(self.machine, smoothing, amount, out, work)
        self._work.append(work)

    def feel(self, kind: str, n: int, flat, stride: int, voxel, changed: bool) -> None:
        """Compute the factors of the cells' own states, and their sums per voxel.

        flat      of ``CellRows.allocate``
        changed   whether cells came, went or moved since the last time
        """
        cells = self.of[kind]
        machine, size = self.machine, self.grid.size
        cells.own.run(machine, n, flat, cells.scratch)
        if cells.only_counted and not changed:
            return
        if len(cells.stood) < size // 8:
            kernels.clear_cells_row(machine, len(cells.stood), cells.sums[1], cells.stood, self.flat, self.stride)
        else:
            for target in cells.summed:
                self.matrix[target] = 0.0
        kernels.sum_cells_row(machine, n, *cells.sums, n, voxel, flat, stride, self.flat, self.stride)
        cells.stood = voxel[:n].copy()

    def sense_cells(self, kind: str, n: int, flat, voxel) -> None:
        """Compute the value of each law of each cell of a kind."""
        cells = self.of[kind]
        cells.late.run(self.machine, n, flat, cells.scratch, voxel, self.flat)
