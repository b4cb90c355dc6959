"""Spans: stretches of rows that one launch goes over, as the cells of one kind after those of another."""

from collections.abc import Iterable

import numpy as np


class Spans:
    """Rows from one to before another, of each span.

    first, stop   of each, on the host;  n   rows of all
    table         int64[2, spans + 1] on the machine: how many rows come before each span, and how many in all; its first row
    """

    def __init__(self, machine, stretches: Iterable[tuple[int, int]]):
        self.first: list[int] = []
        self.stop: list[int] = []
        before = [0]
        for first, stop in stretches:
            self.first.append(first)
            self.stop.append(stop)
            before.append(before[-1] + stop - first)
        self.n = before[-1]
        self.table = machine.put(np.array([before, [*self.first, 0]], np.int64))

    def __len__(self) -> int:
        return len(self.first)
