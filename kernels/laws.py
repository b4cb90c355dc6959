"""Laws as tables of rows: a matrix of signals, factors and sums, one column per voxel or per cell, filled row after row.

``values`` is a float32 buffer of rows: column v of a row stands at its place + v, which is ``r * stride + v`` for row r
of a matrix. The same kernels serve voxels and cells. Biology knows these laws as
``value = min(at_most, sum over terms of base x factors)``.
"""

import math

import numpy as np

from kernels.chance import probability
from kernels.launch import kernel, row_kernel, row_program, span_kernel
from kernels.source import device

U = np.uint64
I = np.int64  # noqa: E741 - the width of a small integer in a kernel
ZERO = np.float32(0.0)
ONE = np.float32(1.0)
BIT_0 = np.int64(1)
BIT_1 = np.int64(2)
BIT_2 = np.int64(4)
BIT_3 = np.int64(8)
NOTHING = np.int64(0)


@device
def half_power(x, twice_exponent):
    """Return ``x ** (twice_exponent / 2)`` for x >= 0 and a whole twice_exponent of 0 to 15, by products and one root."""
    x2 = x * x
    p = np.float32(math.sqrt(x)) if twice_exponent & BIT_0 != NOTHING else ONE
    p = p * (x if twice_exponent & BIT_1 != NOTHING else ONE)
    p = p * (x2 if twice_exponent & BIT_2 != NOTHING else ONE)
    return p * (x2 * x2 if twice_exponent & BIT_3 != NOTHING else ONE)


@row_kernel(2, n_places=1)
def read_row(i, target, channel, values, voxel, channels):
    """Read a row of the voxels for each cell.

    channel    where that row stands in ``channels``, float32
    voxel      int32[n]   of each cell
    """
    values[U(target) + i] = channels[U(channel) + U(voxel[i])]


@row_kernel(3, 1, n_places=2)
def share_row(i, own, target, channel, weight, values, voxel, channels):
    """Add ``weight * row of the voxels * own`` to a row of the cells, see ``read_row``: what is its own in what a cell read."""
    values[U(target) + i] += weight * channels[U(channel) + U(voxel[i])] * values[U(own) + i]


@row_kernel(1, 1, n_places=1)
def fill_row(v, target, value, values):
    """Set a row to a number."""
    values[U(target) + v] = value


@row_kernel(3, 4, n_places=2)
def hill_row(v, signal, target, twice_n, offset, at_zero, span, half_to_n, values):
    """Hill factor of a signal: ``at_zero + span x^n / (half^n + x^n)`` with ``x = max(0, signal + offset)``.

    half_to_n  half ** n;  twice_n  2 n
    """
    x = max(values[U(signal) + v] + offset, ZERO)
    p = half_power(x, twice_n)
    values[U(target) + v] = at_zero + span * (p / (half_to_n + p))


@row_kernel(2, 4, n_places=2)
def ramp_row(v, signal, target, low, width, at_low, slope, values):
    """Linear factor of a signal: ``at_low + slope * clamp(signal - low, 0, width)``."""
    x = min(max(values[U(signal) + v] - low, ZERO), width)
    values[U(target) + v] = at_low + slope * x


@row_kernel(4, 2, n_places=3)
def product_row(v, a, b, target, adds, weight, constant, values):
    """Add ``weight * a * b`` to a row, or begin the row with it: ``constant + weight * a * b``.

    adds   1 to add, 0 to begin
    """
    t = U(target) + v
    before = values[t]
    product = weight * values[U(a) + v] * values[U(b) + v]
    values[t] = (before if adds != NOTHING else constant) + product


@row_kernel(1, 1, n_places=1)
def cap_row(v, target, at_most, values):
    """Bound a row from above."""
    t = U(target) + v
    values[t] = min(values[t], at_most)


run_rows = row_program("run_rows", read_row, share_row, fill_row, hill_row, ramp_row, product_row, cap_row)


@span_kernel(2)
def clear_cells(i, begin, end, target, voxel, channels):
    """Set rows of the voxels to zero where cells stood.

    begin, end  of the rows of a span in ``target``, int64: where they stand in ``channels``
    voxel       int32[n]
    """
    for r in range(begin, end):
        channels[U(target[r]) + U(voxel[i])] = ZERO


@span_kernel(4)
def sum_cells(i, first, stop, begin, end, own, target, voxel, values, channels):
    """Sum rows of the cells over a voxel, in the order of their uid, if cell ``i`` is the first there.

    first, stop   rows of the span
    begin, end    of what is summed for the span in ``own`` and ``target``, int64: where it stands in values and channels
    voxel         int32[n]   of each cell, sorted by (voxel, uid)
    channels      float32    rows of the voxels, written where cells are; 0 before
    """
    v = voxel[i]
    if i == U(first) or voxel[i - U(1)] != v:
        for r in range(begin, end):
            total = ZERO
            cell = i
            while cell < U(stop) and voxel[cell] == v:
                total += values[U(own[r]) + cell]
                cell += U(1)
            channels[U(target[r]) + U(v)] = total


@row_kernel(2, 2, n_places=2)
def relax_row(v, level, towards, rising, falling, values):
    """Relax a level towards its law's value: ``x += (value - x) (1 - exp(-dt / tau))``, tau by direction.

    rising, falling   1 - exp(-dt / rise), 1 - exp(-dt / fall)
    """
    t = U(level) + v
    gap = values[U(towards) + v] - values[t]
    values[t] += gap * (rising if gap > ZERO else falling)


@span_kernel(3)
def chance_of_switch(i, state, on_rate, off_rate, chance, values, dt):
    """Compute the probability that a 0/1 state of a cell switches in a step: on at ``on_rate``, off at ``off_rate`` (1/h).

    All four are places in ``values``; the chance is written.
    """
    rate = values[U(off_rate) + i] if values[U(state) + i] > ZERO else values[U(on_rate) + i]
    values[U(chance) + i] = probability(rate * dt)


@span_kernel(1)
def switch(i, state, befallen, values):
    """Switch a 0/1 state of the cells that ``befall`` struck. befallen  int32[n];  state  its place in ``values``, written"""
    t = U(state) + i
    values[t] = ONE - values[t] if befallen[i] != NOTHING else values[t]


@kernel
def polarise(i, m1, to_m1, to_m2, dt):
    """Relax the M1 score: ``dm/dt = to_m1 (1 - m) - to_m2 m``, exact over a step for constant rates (1/h)."""
    total = to_m1[i] + to_m2[i]
    if total > ZERO:
        m1[i] += (to_m1[i] / total - m1[i]) * probability(total * dt)
