"""The rows of one kind of cell: the states and laws of which the numbers are kept, and where the tables find them."""

from collections.abc import Sequence

import numpy as np

from abm.cell_laws import CellLaws
from abm.columns import AGE, PLACE, SHARED, VELOCITY, Columns
from abm.rows import ONE
from kernels.launch import may_use_scratch
from kernels.source import BLOCK


class CellRows:
    """The rows of one kind of cell. A row is known by a code: its number among those of the kind, or minus that among SHARED.

    n_rows    of its own that are kept;  scratch  what those that pass take of a thread's scratch
    row       code of each row by its name;  laws, contacts   those of the laws, and of (other kind, distance)
    carried   codes of the rows that go with the cells when these are put in order: the others are computed anew
    bias      number of the row of the voxels that biases walks, None without; its law is ``bias_at_most`` at most
    sums      (code, number of the row of the voxels): what is summed over the cells of a voxel
    only_counted   whether these sums are numbers of cells
    own, late tables of each arm;  channels   where rows of the voxels stand, for each
    """

    def __init__(
        self, machine, tables: Sequence[CellLaws], channels: Sequence[np.ndarray], slots: np.ndarray, dims: int
    ):
        """Lay out the rows.

        channels   where the rows of the voxels stand, for each table;  slots   number of each by the first table
        """
        self.channels = channels
        self.own, self.late = [cells.own for cells in tables], [cells.late for cells in tables]
        cells = tables[0]
        self.bias = None if cells.bias is None else int(slots[cells.bias])
        self.bias_at_most = cells.bias_at_most
        self._passing = [sorted(each.passing()) if may_use_scratch(machine) else [] for each in tables]
        self._codes = [_codes(each, passing) for each, passing in zip(tables, self._passing)]
        self.n_rows = int(max(each.max() for each in self._codes)) + 1
        self.scratch = max(map(len, self._passing)) * BLOCK
        own = self._codes[0]
        self.row = {name: int(own[row]) for name, row in cells.known() if isinstance(name, str)}
        self.laws = {name: int(own[row]) for name, row in cells.laws.items()}
        self.contacts = {key: int(own[row]) for key, row in cells.contacts.items()}
        moving = [*PLACE[:dims], *(VELOCITY[:dims] if "speed" in cells.laws else []), AGE]
        states = [self.row[f"self.{state}"] for state in cells.states]
        self.carried = [*map(code_of, moving), *(code for code in states if code >= 0)]
        self.sums = [(int(own[row]), int(slots[target])) for row, target in cells.sums]
        self.only_counted = all(row == cells.own[ONE] for row, _ in cells.sums)

    def places(self, columns: Columns, kind: int) -> list[np.ndarray]:
        """Return where the rows of each table stand in the columns of this kind; those that pass in the scratch behind."""
        found = []
        for codes, passing in zip(self._codes, self._passing):
            found.append(columns.places(codes, kind))
            found[-1][passing] = -(columns.lasting + np.arange(len(passing)) * BLOCK)
        return found


def code_of(name: str) -> int:
    """Return the code of a column that all kinds share."""
    return -1 - SHARED.index(name)


def _codes(cells: CellLaws, passing: Sequence[int]) -> np.ndarray:
    """Return the code of each row of a table that is kept: of what others know, then of the rest; anything for others."""
    known = dict.fromkeys(row for _, row in cells.known())
    shared = {cells.own[name]: code_of(name) for name in SHARED if name in cells.own}
    rows = [*known, *(row for row in range(len(cells.own.index)) if row not in known and row not in passing)]
    own = [row for row in rows if row not in shared]
    codes = np.full(len(cells.own.index), -1)
    codes[own] = np.arange(len(own))
    codes[list(shared)] = list(shared.values())
    return codes
