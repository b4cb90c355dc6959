"""Rows: named signals, factors and sums, one number per voxel or per cell, and the operations that fill them in order."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from kernels import laws as kernels

ONE, ZERO = "one", "zero"


class Rows:
    """A matrix of named float32 rows and the table of operations on it.

    Operations run in stages: fills, Hill and linear factors, products (the first of a sum begins it, the others add to it,
    in the order they were asked for), caps. Equal factors and equal products are computed once. Several tables may work
    on one matrix: give the second the ``index`` of the first.
    """

    def __init__(self, names: Iterable[str] = (), index: dict[str, int] | None = None):
        self.index: dict[str, int] = {} if index is None else index
        if index is None:
            for name in (ONE, ZERO, *names):
                self.add(name)
        self._fills: list[tuple[int, float]] = []
        self._hills: list[tuple] = []
        self._ramps: list[tuple] = []
        self._products: list[tuple] = []
        self._caps: list[tuple[int, float]] = []
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

    def factor(self, signal: int, law_factor: Any) -> int:
        """Return the row of a Hill or linear factor of a signal row."""
        start, span = float(law_factor.from_), float(law_factor.to) - float(law_factor.from_)
        if law_factor.linear is not None:
            low, high = (float(bound) for bound in law_factor.linear)
            ramp = (signal, low, high - low, start, span / (high - low))
            return self._once(("ramp", ramp), lambda: self._append(self._ramps, ramp))
        n = float(law_factor.hill)
        hill = (signal, float(law_factor.offset or 0), start, span, float(law_factor.half) ** n, round(2 * n))
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
            self._products.append((a, b, target, weight, constant, int(number > 0)))

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
        parts = [(base, rows[0] if rows else self[ONE], self.product(rows[1:])) for base, rows, _ in varying]
        for number, (base, _, window) in enumerate(varying):
            if window is not None:
                self._windows.append((len(self._products) + number, base, float(window.from_), float(window.to)))
        self.sum_into(target, parts, constant)
        if shared:
            target = self._new_sum([(1.0, target, self.product(shared))])
        if at_most is not None:
            self._caps.append((target, float(at_most)))
        return target

    def freeze(self, machine) -> None:
        """Put the tables on a machine; rows can no longer be added."""

        def tables(operations, types):
            columns = list(zip(*operations)) if operations else [[] for _ in types]
            return [machine.put(np.array(column, dtype)) for column, dtype in zip(columns, types)]

        i, f = np.int32, np.float32
        self._fill_tables = tables(self._fills, (i, f))
        self._hill_tables = tables(self._hills, (i, i, f, f, f, f, i))
        self._ramp_tables = tables(self._ramps, (i, i, f, f, f, f))
        self._product_tables = tables(self._products, (i, i, i, f, f, i))
        self._cap_tables = tables(self._caps, (i, f))

    def set_time(self, hours: float) -> None:
        """Switch terms that hold only during a window on or off."""
        for position, base, begin, end in self._windows:
            self._product_tables[3][position] = base if begin <= hours < end else 0.0

    def run(self, machine, n: int, values, stride: int) -> None:
        """Fill every row for ``n`` voxels or cells."""
        kernels.fill_row(machine, n, *self._fill_tables, values, stride)
        kernels.hill_row(machine, n, *self._hill_tables, values, stride)
        kernels.ramp_row(machine, n, *self._ramp_tables, values, stride)
        kernels.product_row(machine, n, *self._product_tables, values, stride)
        kernels.cap_row(machine, n, *self._cap_tables, values, stride)


def _bounds(window) -> tuple[float, float] | None:
    return None if window is None else (float(window.from_), float(window.to))
