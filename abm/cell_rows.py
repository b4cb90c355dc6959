"""The rows of one kind of cell: its columns, and what its laws compute for each of its cells, as one matrix on a machine."""

from collections.abc import Sequence

import numpy as np

from abm.cell_laws import CellLaws
from abm.rows import ONE, ZERO
from kernels import binning, laws
from kernels.launch import may_use_scratch
from kernels.source import BLOCK

CONSTANTS = (ONE, ZERO)
ALIGNED = 16  # numbers of a cache line: every row begins with one


class CellRows:
    """The rows of one kind of cell on a machine: those that are kept, by number, and the tables that fill all of them.

    row       number of each row by its name;  laws, contacts   those of the laws, and of (other kind, distance)
    bias      number of the row of the voxels that biases walks, None without; its law is ``bias_at_most`` at most
    carried   numbers of the rows that go with the cells when these are put in order: the others are computed anew
    sums      table of own rows and the voxel rows that their sums go to;  cleared, summed   of the latter; their numbers
    stood     the voxel of each cell when they were last summed;  only_counted   whether sums are numbers of cells
    own, late tables of each arm;  spans   the cells that each fills, from one to before another
    scratch   what the rows that pass take of a thread's scratch
    """

    def __init__(
        self,
        machine,
        tables: Sequence[CellLaws],
        channels: Sequence[np.ndarray],
        slots: np.ndarray,
        stride: int,
        still: Sequence[str],
        moving: Sequence[str],
    ):
        """Lay out the rows.

        channels        where the rows of the voxels stand, for each table
        slots, stride   number of each row of the voxels by the first table, and how far apart two of them stand
        still, moving   columns that laws do not know: those that are the same for all cells, and the others
        """
        self.machine, self._tables, self._channels = machine, list(tables), channels
        self.own, self.late = [cells.own for cells in tables], [cells.late for cells in tables]
        cells, columns = tables[0], [*still, *moving]
        self.bias = None if cells.bias is None else int(slots[cells.bias])
        self.bias_at_most = cells.bias_at_most
        self._scratch = [sorted(each.passing()) if may_use_scratch(machine) else [] for each in tables]
        self._slots = [_slots(each, passing, len(columns)) for each, passing in zip(tables, self._scratch)]
        self.n_rows = int(max(each.max() for each in self._slots)) + 1
        first = len(CONSTANTS) + len(still)
        self.carried = range(first, first + len(moving) + len(cells.states))
        own = self._slots[0]
        self.row = {name: int(own[row]) for name, row in cells.known() if isinstance(name, str)}
        self.row |= {name: len(CONSTANTS) + number for number, name in enumerate(columns)}
        self.laws = {name: int(own[row]) for name, row in cells.laws.items()}
        self.contacts = {key: int(own[row]) for key, row in cells.contacts.items()}
        self.summed = [int(slots[target]) for _, target in cells.sums]
        self.sums = laws.sum_cells_row.pack(machine, own[[row for row, _ in cells.sums]], self.summed)
        self.cleared = laws.clear_cells_row.pack(machine, self.summed)
        self.only_counted = all(row == cells.own[ONE] for row, _ in cells.sums)
        self.stood = machine.zeros(0, np.int32)
        self.spans = [(0, 0)] * len(tables)
        self.scratch = max(map(len, self._scratch)) * BLOCK

    def allocate(self, capacity: int):
        """Return the values of ``capacity`` cells, row after row: flat, with the scratch behind, and as a matrix."""
        lasting = self.n_rows * capacity
        flat = self.machine.zeros_on_line(lasting + self.scratch * self.machine.threads, np.float32, 0)
        for own, late, slots, passing, channels in zip(self.own, self.late, self._slots, self._scratch, self._channels):
            places = slots * capacity
            places[passing] = -(lasting + np.arange(len(passing)) * BLOCK)
            for rows in (own, late):
                rows.freeze(self.machine, places, channels)
        carried = np.array(self.carried) * capacity
        self._carry = binning.permute_row.pack(self.machine, carried, np.arange(len(carried)))
        matrix = flat[:lasting].reshape(self.n_rows, capacity)
        matrix[self.row[ONE]] = 1.0
        return flat, matrix

    def put_in_order(self, n: int, order, flat, matrix, spare) -> None:
        """Put the carried rows of ``n`` cells in an order. spare  float32[len(carried) * n or more], written"""
        binning.permute_row(self.machine, n, *self._carry, order, n, flat, spare)
        matrix[self.carried.start : self.carried.stop, :n] = spare[: len(self.carried) * n].reshape(-1, n)


def _slots(cells: CellLaws, passing: Sequence[int], columns: int) -> np.ndarray:
    """Number the rows of a table that are kept, -1 for others: constants, room for columns, what others know, the rest."""
    known = dict.fromkeys(row for _, row in cells.known())
    rows = [*known, *(row for row in range(len(cells.own.index)) if row not in known and row not in passing)]
    slots = np.full(len(cells.own.index), -1)
    slots[rows[: len(CONSTANTS)]] = range(len(CONSTANTS))
    slots[rows[len(CONSTANTS) :]] = columns + np.arange(len(CONSTANTS), len(rows))
    return slots
