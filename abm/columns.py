"""Columns: what cells of all kinds carry, one array for all; those of a kind are a stretch of its rows."""

from collections.abc import Sequence

import numpy as np

from abm.rows import ONE, ZERO

ALIGNED = 16  # numbers of a cache line: every column of a kind begins with one
PLACE, VELOCITY = ("x", "y", "z"), ("ux", "uy", "uz")
AGE, SPEED, CHANCE = "self.age", "law.speed", "chance"
SHARED = (ONE, ZERO, *PLACE, *VELOCITY, AGE, SPEED, CHANCE)  # fractional numbers; other rows are of one kind
BESIDE = {
    **dict.fromkeys(("uid", "seed", "spare_int64"), np.int64),
    **dict.fromkeys(("voxel", "spare_int32", "stood", "fate", "befallen", "order", "to_voxel"), np.int32),
    **dict.fromkeys(("px", "py", "pz", "bx", "by", "bz"), np.float32),
}
KEPT = ("uid", "seed", "voxel", "stood")


class Columns:
    """Columns on a machine. Kind k has the rows from ``begin[k]`` on, ``room[k]`` of them.

    uid, seed        int64    identity within a kind and slab; seed of the slab, for the kind
    voxel, stood     int32    where a cell is, and where it was when cells were last summed
    fate, befallen   int32    what becomes of it in this step; whether something did by the last draw
    to_voxel, px...  int32, float32   the place proposed to it;  bx...  float32  what biases its walk
    order, spare_..  int32, ...   scratch: which row comes to each row; what a column was before
    flat             float32  what is SHARED, column after column; then of each kind the rows of its own; then scratch
    """

    def __init__(self, machine, room: Sequence[int], n_rows: Sequence[int], scratch: int):
        """Allocate. room  of each kind, ALIGNED;  n_rows  of its own;  scratch  numbers behind them"""
        self.room, self.n_rows = list(room), list(n_rows)
        *self.begin, self.capacity = np.cumsum([0, *room]).tolist()
        ends = np.cumsum([len(SHARED) * self.capacity, *np.multiply(room, n_rows)])
        *self._own, self.lasting = ends.tolist()
        self.flat = machine.zeros_on_line(self.lasting + scratch, np.float32, 0)
        for number, name in enumerate(SHARED):
            column = self.flat[number * self.capacity : (number + 1) * self.capacity]
            setattr(self, name.rpartition(".")[-1], column)
        for name, dtype in BESIDE.items():
            setattr(self, name, machine.zeros(self.capacity, dtype))
        self.flat[: self.capacity] = 1.0  # the column ONE

    def place(self, name: str) -> int:
        """Return where a column that is SHARED stands in ``flat``."""
        return SHARED.index(name) * self.capacity

    def places(self, codes, kind: int):
        """Return where rows of a kind stand in ``flat``: of the cell in row i each is i behind. codes  see ``CellRows``"""
        own = self._own[kind] - self.begin[kind] + codes * self.room[kind]
        return np.where(np.less(codes, 0), (-1 - codes) * self.capacity, own)

    def row(self, code: int, kind: int):
        """Return a row of a kind: float32[room]."""
        first = int(self.places(code, kind)) + self.begin[kind]
        return self.flat[first : first + self.room[kind]]

    def take_over(self, other: "Columns", n: Sequence[int]) -> None:
        """Copy what lasts of the first ``n`` cells of each kind."""
        for kind, count in enumerate(n):
            mine, theirs = (slice(each.begin[kind], each.begin[kind] + count) for each in (self, other))
            for name in KEPT:
                getattr(self, name)[mine] = getattr(other, name)[theirs]
            for code in range(-len(SHARED), self.n_rows[kind]):
                self.row(code, kind)[:count] = other.row(code, kind)[:count]
