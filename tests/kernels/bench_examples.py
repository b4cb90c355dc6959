"""Small launches of the kernels of benchmarks: for parity, the simulator and PTX."""

import numpy as np

N = 40
ROWS, COLUMNS = 7, 6


def triad(random):
    b, c = random.random((2, N)).astype(np.float32)
    return N, [np.zeros(N, np.float32), b, c, 0.3]


def wander(random):
    field = np.pad(random.random((ROWS, COLUMNS)).astype(np.float32), 1, constant_values=-1)
    row, column = (random.integers(0, size, N).astype(np.int32) for size in (ROWS, COLUMNS))
    state = random.integers(0, 2, N).astype(np.int8)
    return N, [row, column, state, field.ravel(), ROWS, COLUMNS, 7, 3, 0.3, 0.4, 0.5, 0.5]


EXAMPLES = {"triad": triad, "wander": wander}
