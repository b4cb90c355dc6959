"""Rows: named signals, factors and sums, one number per voxel or per cell, and the operations that fill them in order."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from kernels import laws as kernels

ONE, ZERO = "one", "zero"
PRODUCTS = 5  # the stage whose first number is a weight that ``set_time`` changes


class Rows:
    """A matrix of named float32 rows and the table of operations on it.

    Operations run in stages: what cells read of their voxels, fills, Hill and linear factors, products (the first of a sum
    begins it, the others add to it, in the order they were asked for), caps. Equal factors and equal products are computed
    once. Several tables may work on one matrix: give the second the ``index`` of the first.
    """

    def __init__(self, names: Iterable[str] = (), index: dict[str, int] | None = None):
        self.index: dict[str, int] = {} if index is None else index
        if index is None:
            for name in (ONE, ZERO, *names):
                self.add(name)
        self.constants: list[tuple[int, float]] = []  # rows of laws that depend on nothing, for the owner to fill once
        self._reads: list[tuple] = []
        self._shares: list[tuple] = []
        self._fills: list[tuple] = []
        self._hills: list[tuple] = []
        self._ramps: list[tuple] = []
        self._products: list[tuple] = []
        self._caps: list[tuple] = []
        self._windows: list[tuple[int, float, float, float]] = []
        self._shared: dict[tuple, int] = {}

    def add(self, name: str) -> int:
        """Add a row and return its index."""
        if name in self.index:
            raise KeyError(f"row {name} stands there already")
        self.index[name] = len(self.index)
        return self.index[name]

    def __getitem__(self, name: str) -> int:
        return self.index[name]

    def __contains__(self, name: str) -> bool:
        return name in self.index

    def _fresh(self, name: str) -> int:
        return self.add(f"{name}#{len(self.index)}")

    def _once(self, key: tuple, make) -> int:
        if key not in self._shared:
            self._shared[key] = make()
        return self._shared[key]

    def read(self, name: str, channel: int, own: Iterable[tuple[int, int, float]]) -> int:
        """Return the row of what cells read in a row of the voxels, and add to it ``weight * row of the voxels * own``.

        own   (row of the cells, row of the voxels, weight)
        """
        target = self._fresh(f"read.{name}")
        self._reads.append((target, channel))
        self._shares += [(row, target, channel, weight) for row, channel, weight in own]
        return target

    def factor(self, signal: int, law_factor: Any) -> int:
        """Return the row of a Hill or linear factor of a signal row."""
        start, span = float(law_factor.from_), float(law_factor.to) - float(law_factor.from_)
        if law_factor.linear is not None:
            low, high = (float(bound) for bound in law_factor.linear)
            ramp = (signal, low, high - low, start, span / (high - low))
            return self._once(("ramp", ramp), lambda: self._append(self._ramps, ramp))
        n = float(law_factor.hill)
        hill = (signal, round(2 * n), float(law_factor.offset or 0), start, span, float(law_factor.half) ** n)
        return self._once(("hill", hill), lambda: self._append(self._hills, hill))

    def _append(self, table: list[tuple], operation: tuple) -> int:
        target = self._fresh("factor")
        table.append((operation[0], target, *operation[1:]))
        return target

    def product(self, factors: Sequence[int]) -> int:
        """Return the row of a product of rows, sharing what other products share."""
        if not factors:
            return self[ONE]
        row = factors[0]
        for factor in factors[1:]:
            row = self._once(("product", row, factor), lambda a=row, b=factor: self._new_sum([(1.0, a, b)]))
        return row

    def total(self, rows: Sequence[int]) -> int:
        """Return the row of a sum of rows, sharing equal sums."""
        if len(rows) == 1:
            return rows[0]
        return self._once(("total", tuple(rows)), lambda: self._new_sum([(1.0, row, self[ONE]) for row in rows]))

    def _new_sum(self, parts: Sequence[tuple[float, int, int]], constant: float = 0.0) -> int:
        target = self._fresh("sum")
        self.sum_into(target, parts, constant)
        return target

    def sum_into(self, target: int, parts: Sequence[tuple[float, int, int]], constant: float = 0.0) -> None:
        """Make ``target = constant + sum of weight * a * b``, run after the factors."""
        if not parts:
            self._fills.append((target, constant))
        for number, (weight, a, b) in enumerate(parts):
            self._products.append((a, b, target, int(number > 0), weight, constant))

    def law(self, terms: Sequence[tuple[float, tuple[int, ...], Any]], shared: tuple[int, ...], at_most=None) -> int:
        """Return the row of a law: the sum of base x factors over its terms, times the shared factors.

        terms   (base, rows of its factors, window in h or None)
        """
        key = (tuple((base, rows, _bounds(window)) for base, rows, window in terms), shared, at_most)
        return self._once(("law", key), lambda: self._new_law(terms, shared, at_most))

    def _new_law(self, terms, shared, at_most) -> int:
        constant = sum(base for base, rows, window in terms if not rows and window is None)
        varying = [(base, rows, window) for base, rows, window in terms if rows or window is not None]
        target = self._fresh("law")
        if not varying and not shared:
            self.constants.append((target, constant if at_most is None else min(constant, float(at_most))))
            return target
        parts = [(base, rows[0] if rows else self[ONE], self.product(rows[1:])) for base, rows, _ in varying]
        for number, (base, _, window) in enumerate(varying):
            if window is not None:
                self._windows.append((len(self._products) + number, base, float(window.from_), float(window.to)))
        self.sum_into(target, parts, constant)
        if shared:
            target = self._new_sum([(1.0, target, self.product(shared))])
        if at_most is not None:
            self.cap(target, float(at_most))
        return target

    def cap(self, target: int, at_most: float) -> None:
        """Bound a row from above, after everything else."""
        self._caps.append((target, at_most))

    def same_as(self, other: "Rows") -> bool:
        """Whether both do the same operations on the same rows."""
        each = ((rows._stages(), rows._windows, rows.constants) for rows in (self, other))
        return next(each) == next(each)

    def targets(self) -> set[int]:
        """Return the rows that the operations fill."""
        return {operation[target] for target, table in self._stages() for operation in table}

    def operands(self) -> set[int]:
        """Return the rows that the operations read."""
        return {row for target, table in self._stages() for operation in table for row in operation[:target]}

    def _stages(self) -> list[tuple[int, list[tuple]]]:
        """The tables in the order they run, each with the column that names the row to fill."""
        reads = [(0, self._reads), (1, self._shares)]
        return [*reads, (0, self._fills), (1, self._hills), (1, self._ramps), (2, self._products), (0, self._caps)]

    def _columns(self, places: np.ndarray, channels: np.ndarray | None) -> list[Any]:
        """The columns of all stages as ``run_rows`` takes them, see ``Program.place``."""
        columns: list[Any] = []
        for (target, operations), stage in zip(self._stages(), kernels.run_rows.stages):
            whole = zip(*operations) if operations else [()] * len(stage.columns)
            for name, column in zip(stage.columns, map(np.array, whole)):
                if name == "channel" and channels is not None:
                    column = channels[column.astype(int)]
                columns.append(places[column.astype(int)] if name in stage.columns[: target + 1] else column)
        return columns

    def _switches(self) -> list[tuple[int, float, float, float]]:
        """Terms that hold only during a window: where their weights stand among the numbers, base, begin and end (h)."""
        before = zip(self._stages()[:PRODUCTS], kernels.run_rows.stages)
        first = sum(len(operations) * len(stage.numbers) for (_, operations), stage in before)
        width = len(kernels.product_row.numbers)
        return [(first + at * width, base, begin, end) for at, base, begin, end in self._windows]


class Program:
    """The operations of some tables on a machine, in one launch: each over a span of its own."""

    def __init__(self, machine, tables: Sequence[Rows]):
        self.machine, self.tables = machine, list(tables)
        self._any = any(operations for table in tables for _, operations in table._stages())
        self._nothing = machine.put(np.zeros(1, np.int32)), machine.put(np.zeros(1, np.float32))

    def place(self, places: Sequence[np.ndarray], channels: Sequence[np.ndarray | None] | None = None) -> None:
        """Say where rows stand: row r of a table at ``places[r]`` of the values, see ``row_kernel``.

        channels   where each row of the voxels stands, for rows of cells that read them
        """
        channels = [None] * len(self.tables) if channels is None else channels
        columns = [table._columns(at, there) for table, at, there in zip(self.tables, places, channels)]
        self._packed = kernels.run_rows.pack(self.machine, columns)
        begins = self.machine.get(self._packed[0])[:, 1].tolist()
        self._switches = [
            (begin + at, *window) for table, begin in zip(self.tables, begins) for at, *window in table._switches()
        ]
        self._weights: dict[int, float] = {}

    def set_time(self, hours: float) -> None:
        """Switch terms that hold only during a window on or off."""
        for at, base, begin, end in self._switches:
            weight = base if begin <= hours < end else 0.0
            if self._weights.get(at) != weight:
                self._weights[at] = self._packed[2][at] = weight

    def run(self, spans, values, scratch: int = 0, voxel=None, channels=None) -> None:
        """Fill every row, of each table for the voxels or cells of its span.

        scratch           what the scratch rows of a thread take
        voxel, channels   of cells that read: int32, and the values of the voxels
        """
        if self._any:
            near = self._nothing if voxel is None else (voxel, channels)
            kernels.run_rows(self.machine, spans, *self._packed, values, *near, scratch=scratch)


def first_known(known: Iterable[tuple[Any, int]]) -> list[tuple[Any, int]]:
    """Return how rows are known, each with the place of the first of its row: equal where others find the same rows alike.

    known   (by what others know a row, its index)
    """
    first: dict[int, int] = {}
    return [(name, first.setdefault(row, len(first))) for name, row in known]


def _bounds(window) -> tuple[float, float] | None:
    return None if window is None else (float(window.from_), float(window.to))
