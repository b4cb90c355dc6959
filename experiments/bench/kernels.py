"""The kernels that only benchmarks launch."""

import numpy as np

from kernels.launch import kernel
from kernels.random import STREAMS, draw, uniform
from kernels.source import device

U = np.uint64
F = np.float32
WALK = U(STREAMS["walk"])
NEXT = U(1)
TWO = U(2)
THREE = U(3)
TO_EIGHTH = U(29)  # of a word of 32 bits the first three
OFF = np.int8(0)
ON = np.int8(1)


@kernel
def triad(i, a, b, c, s):
    """Compute ``a = b + s c``: what memory bandwidth is measured by."""
    a[i] = b[i] + s * c[i]


@device
def higher(field, v, k, best, number):
    """Return the value of voxel ``v`` and its number ``k`` where it is above the best so far, else that and its number."""
    value = field[v]
    return (value, k) if value > best else (best, number)


@kernel
def wander(i, row, column, state, field, n_rows, n_columns, seed, step, p_any, high, p_on, p_off):
    """Move agent ``i`` to the highest of its nine voxels, or with probability ``p_any`` to any neighbour; switch its state.

    row, column   int32[n]   where it is; changed. What would cross an edge stays at it
    state         int8[n]    0 becomes 1 with probability ``p_on`` where the field is above ``high``, 1 becomes 0 with ``p_off``
    field         float32[(n_rows + 2) * (n_columns + 2)]   its halo is lower than anything inside

    Agents are never sorted: draws are keyed by the number of the agent. The nine voxels are numbered row by row, in
    float32: choices between floats are made without a branch, which no processor could foresee.
    """
    width = U(n_columns) + TWO
    y = U(row[i])
    x = U(column[i])
    north = y * width + x  # the first of each row of three
    here = north + width
    south = here + width
    best, number = field[here + NEXT], F(4)
    best, number = higher(field, north, F(0), best, number)
    best, number = higher(field, north + NEXT, F(1), best, number)
    best, number = higher(field, north + TWO, F(2), best, number)
    best, number = higher(field, here, F(3), best, number)
    best, number = higher(field, here + TWO, F(5), best, number)
    best, number = higher(field, south, F(6), best, number)
    best, number = higher(field, south + NEXT, F(7), best, number)
    best, number = higher(field, south + TWO, F(8), best, number)
    whether, where, switch, _ = draw(seed, WALK, step, i)
    eighth = F(np.int32(where >> TO_EIGHTH))
    neighbour = eighth + (F(1) if eighth >= F(4) else F(0))
    k = U(np.int32(neighbour if uniform(whether) < p_any else number))
    to_y = min(max(y + k // THREE, NEXT) - NEXT, U(n_rows) - NEXT)
    to_x = min(max(x + k % THREE, NEXT) - NEXT, U(n_columns) - NEXT)
    chance = uniform(switch)
    rises = field[(to_y + NEXT) * width + to_x + NEXT] > high and chance < p_on
    falls = chance < p_off
    before = state[i]
    row[i] = np.int32(to_y)
    column[i] = np.int32(to_x)
    state[i] = (ON if rises else OFF) if before == OFF else (OFF if falls else ON)
