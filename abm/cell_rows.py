"""The rows of one kind of cell: its columns, and what its laws compute for each of its cells, as one matrix on a machine."""

from collections.abc import Sequence

import numpy as np

from abm.law_tables import CellLaws
from abm.rows import ONE, ZERO
from kernels import binning
from kernels.launch import may_use_scratch
from kernels.source import BLOCK

ALIGNED = 16  # numbers of a cache line: every row begins with one


class CellRows:
    """The rows of one kind of cell on a machine: those that are kept, by number, and the tables that fill all of them.

    row       number of each row by its name;  laws, contacts   those of the laws, and of (other kind, distance)
    carried   numbers of the rows that go with the cells when these are put in order: the others are computed anew
    sums      own rows and the voxel rows that their sums go to;  summed   the latter, on the host
    stood     the voxel of each cell when they were last summed;  only_counted   whether sums are numbers of cells
    scratch   what the rows that pass take of a thread's scratch
    """

    def __init__(
        self, machine, cells: CellLaws, slots: np.ndarray, stride: int, still: Sequence[str], moving: Sequence[str]
    ):
        """Lay out the rows.

        slots, stride   where the rows of the voxels stand
        still, moving   columns that laws do not know: those that are the same for all cells, and the others
        """
        self.machine, self.own, self.late = machine, cells.own, cells.late
        self.bias, self.bias_at_most = cells.bias, cells.bias_at_most
        rows = len(cells.own.index)
        self._passing = np.array(cells.passing() if may_use_scratch(machine) else [], int)
        kept = np.setdiff1d(np.arange(rows), self._passing)
        constants = [cells.own[ONE], cells.own[ZERO]]
        derived = cells.own.targets()
        states = [row for name, row in cells.own.index.items() if name.startswith("self.") and row not in derived]
        first = len(constants) + len(still)
        self.carried = range(first, first + len(moving) + len(states))
        after = np.setdiff1d(kept, [*constants, *states])
        self._slots = np.full(rows, -1)
        self._slots[constants] = range(len(constants))
        self._slots[states] = self.carried[len(moving) :]
        self._slots[after] = self.carried.stop + np.arange(len(after))
        self.n_rows = self.carried.stop + len(after)
        self.row = {name: int(self._slots[row]) for name, row in cells.own.index.items() if self._slots[row] >= 0}
        self.row |= {name: len(constants) + number for number, name in enumerate([*still, *moving])}
        self.laws = {name: int(self._slots[row]) for name, row in cells.laws.items()}
        self.contacts = {key: int(self._slots[row]) for key, row in cells.contacts.items()}
        self.summed = [int(slots[target]) for _, target in cells.sums]
        self.sums = [machine.put(self._slots[[own for own, _ in cells.sums]].astype(np.int32))]
        self.sums.append(machine.put(np.array(self.summed, np.int32)))
        self.only_counted = all(own == cells.own[ONE] for own, _ in cells.sums)
        self.stood = machine.zeros(0, np.int32)
        self.scratch = len(self._passing) * BLOCK
        self._channels = slots.astype(np.int64) * stride

    def allocate(self, capacity: int):
        """Return the values of ``capacity`` cells, row after row: flat, with the scratch behind, and as a matrix."""
        lasting = self.n_rows * capacity
        flat = self.machine.zeros_on_line(lasting + self.scratch * self.machine.threads, np.float32, 0)
        places = self._slots * capacity
        places[self._passing] = -(lasting + np.arange(len(self._passing)) * BLOCK)
        for rows in (self.own, self.late):
            rows.freeze(self.machine, places, self._channels)
        numbers = np.arange(len(self.carried), dtype=np.int32)
        self._carry = [self.machine.put(np.array(self.carried, np.int64) * capacity), self.machine.put(numbers)]
        matrix = flat[:lasting].reshape(self.n_rows, capacity)
        matrix[self.row[ONE]] = 1.0
        return flat, matrix

    def put_in_order(self, n: int, order, flat, matrix, spare) -> None:
        """Put the carried rows of ``n`` cells in an order. spare  float32[len(carried) * n or more], written"""
        binning.permute_row(self.machine, n, *self._carry, order, n, flat, spare)
        matrix[self.carried.start : self.carried.stop, :n] = spare[: len(self.carried) * n].reshape(-1, n)
