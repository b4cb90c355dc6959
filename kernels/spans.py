"""Spans: stretches of rows that one launch goes over, as the cells of one kind after those of another."""

from collections.abc import Iterable
from itertools import accumulate

import numpy as np


class Spans:
    """Rows from one to before another, of each span.

    first, stop   of each, on the host;  n   rows of all
    table         int64[2, spans + 1] on the machine: how many rows come before each span, and how many in all; its first row
    """

    def __init__(self, machine, stretches: Iterable[tuple[int, int]]):
        known = list(stretches)
        self.first, self.stop = [first for first, _ in known], [stop for _, stop in known]
        before = [0, *accumulate([stop - first for first, stop in known])]
        self.n = before[-1]
        self.table = machine.put(np.array([before, [*self.first, 0]], np.int64))

    def __len__(self) -> int:
        return len(self.first)
