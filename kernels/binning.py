"""Which voxel a cell is in, and the order of the cells of each span by (voxel, uid).

Positions are in um from the corner of the tissue. Cells are sorted by buckets of voxels: bucket b of a span holds, in that
order, the rows ``start[base + b]`` to ``start[base + b + 1] - 1``.
"""

from collections.abc import Sequence

import numpy as np

from kernels.launch import kernel, row_kernel, span_kernel
from kernels.source import atomic_add, device
from kernels.spans import Spans

U = np.uint64
I = np.int64  # noqa: E741 - the width of a small integer in a kernel
TWO_OF, RUN = I(2), I(32)
ZERO = np.float32(0.0)
ONE = np.float32(1.0)
NEXT = U(1)
BEFORE = np.int32(-1)
NO_CELL, ONE_CELL = np.int32(0), np.int32(1)


@device
def voxel_along(x, per_um, n):
    """Return the number, 0 to n - 1, of the voxel at ``x`` along an axis; the nearest one for a position outside."""
    last = np.float32(n) - ONE
    t = x * per_um
    t = t if t > ZERO else ZERO  # also where t is not a number
    return U(np.int32(t if t < last else last))


@span_kernel()
def locate(i, x, y, z, slab_voxel, voxel, h, per_um, nx, ny, nz, sy, sz, whole):
    """Find the voxel of cell ``i``.

    x, y, z     float32[n]  um; z has no effect in 2D: pass y again
    slab_voxel  int32[n]    any voxel of the cell's slab
    voxel       int32[n]    written; may be ``slab_voxel`` itself
    """
    v = U(slab_voxel[i]) // U(whole) * U(whole)
    v += (voxel_along(y[i], per_um, ny) + NEXT) * U(sy) + voxel_along(x[i], per_um, nx) + NEXT
    voxel[i] = np.int32(v + (voxel_along(z[i], per_um, nz) + NEXT) * U(sz))


@span_kernel(2)
def count_cells(i, shift, base, voxel, count):
    """Count the cells of each bucket: 2^shift voxels that follow each other. count  int32[buckets]  0 before."""
    atomic_add(count, U(base) + (U(voxel[i]) >> U(shift)), ONE_CELL)


@kernel
def running_sums(i, count, start, n):
    """Write the sums of the first 1 to ``n`` counts, all by one item. count, start  int32[n]"""
    reached = NO_CELL
    for bucket in range(U(n)):
        reached += count[bucket]
        start[bucket] = reached


@span_kernel(2)
def scatter(i, shift, base, voxel, start, order):
    """Give cell ``i`` the last free place of its bucket. start  int32[buckets + 1]  in: ends, out: starts of the buckets."""
    order[U(atomic_add(start, U(base) + (U(voxel[i]) >> U(shift)), BEFORE) - ONE_CELL)] = np.int32(i)


@span_kernel(2)
def sort_bucket(i, shift, base, voxel, uid, start, order):
    """Put the cells of one bucket in the order of (voxel, uid), if place ``i`` is the first of a bucket."""
    bucket = U(base) + (U(voxel[U(order[i])]) >> U(shift))
    first = np.int64(start[bucket])
    if first == np.int64(i):
        for place in range(first + np.int64(1), np.int64(start[bucket + NEXT])):
            row = order[U(place)]
            v = voxel[U(row)]
            key = uid[U(row)]
            hole = place
            while hole > first:
                before = U(order[U(hole - np.int64(1))])
                if voxel[before] < v or (voxel[before] == v and uid[before] < key):
                    break
                order[U(hole)] = np.int32(before)
                hole -= np.int64(1)
            order[U(hole)] = row


@span_kernel()
def permute(i, order, column, out):
    """Write the column in an order: ``out[i] = column[order[i]]``. order  int32[n]"""
    out[i] = column[U(order[i])]


@row_kernel(2)
def permute_row(i, place, number, order, n, values, out):
    """Write some rows of numbers in an order, see ``permute``.

    place    where the row stands in ``values``, float32
    number   which row of ``n`` it becomes in ``out``, float32
    """
    out[U(number) * U(n) + i] = values[U(place) + U(order[i])]


@row_kernel(2)
def replace_row(i, place, number, n, values, out):
    """Put back the rows that ``permute_row`` wrote to ``out``."""
    values[U(place) + i] = out[U(number) * U(n) + i]


@kernel
def permute_wide(i, order, first, width, columns, out):
    """Write rows of ``width`` numbers in an order, see ``permute``. columns, out  flat, item after item

    first   what the order begins to count from
    """
    to = U(i) * U(width)
    start = (U(order[i]) - U(first)) * U(width)
    for k in range(U(width)):
        out[to + U(k)] = columns[start + U(k)]


@span_kernel(4)
def order_of_staying(i, first, staying, begin, end, leaving, order):
    """Write which rows come to run ``i`` of RUN rows once some of their span have left: those that stay keep their order.

    first       row of the span;  staying  how many stay;  begin, end  of those that leave in ``leaving``
    leaving     int64   rows of all spans that are left, each counted from the first of its span, in order
    order       int32   written
    """
    row, left, high = I(i) * RUN, begin, end
    while left < high:  # how many of the first to leave stand before this run
        middle = (left + high) // TWO_OF
        if leaving[middle] - (middle - begin) <= row:
            left = middle + I(1)
        else:
            high = middle
    for stays in range(row, min(row + RUN, staying)):
        while left < end and leaving[left] - (left - begin) <= stays:
            left += I(1)
        order[first + stays] = np.int32(first + stays + left - begin)


def runs_of(n: int) -> int:
    """Return how many runs so many rows are, see ``order_of_staying``."""
    return -(-n // int(RUN))


def bucket_shift(n: int, voxels: int) -> int:
    """Return how many voxels, as a power of 2, make about as many buckets as there are cells, or a few more."""
    return max(0, (voxels // max(n, 1)).bit_length() - 1)


class Sorting:
    """Puts the cells of each span in the order of (voxel, uid), the same for any number of threads.

    voxels   how many there are
    base     int64[spans]   where the buckets of a span begin in ``start``
    start    int32          the first row of each bucket; after those of a span comes the row after its last
    """

    def __init__(self, machine, voxels: int):
        self.machine, self.voxels = machine, voxels
        self.begins: list[int] = []
        self._count = self.start = machine.zeros(0, np.int32)

    def sort(self, spans: Spans, shifts: Sequence[int], voxel, uid, order) -> None:
        """Write the order of the cells of some spans, whose rows must ascend.

        shifts       of each span: its buckets are of 2^shift voxels; few cells need few of them
        voxel, uid   int32, integer   voxel of each cell, and its identity, unique within a span and slab
        order        int32            written: the row of the cell that comes to row k
        """
        machine, gaps, begins, end, reached = self.machine, [], [], 0, 0
        for shift, first, stop in zip(shifts, spans.first, spans.stop):
            gaps.append(first - reached)  # rows between two spans: counted before the first bucket
            begins.append(end + 1)
            end, reached = begins[-1] + (self.voxels >> shift) + 2, stop
        if len(self._count) < end:
            self._count, self.start = (machine.zeros(end + end // 4, np.int32) for _ in range(2))
        count, start = self._count[:end], self.start[:end]
        self.begins, base = begins, machine.put(np.array(begins, np.int64))
        count[:] = 0
        count[base - 1] = machine.put(np.array(gaps, np.int32))
        buckets = machine.put(np.array(shifts, np.int64)), base
        count_cells(machine, spans, *buckets, voxel, count)
        if machine.target == "cuda":  # where many threads share it
            machine.xp.cumsum(count, dtype=np.int32, out=start)
        else:  # several times as fast as numpy
            running_sums(machine, 1, count, start, end)
        scatter(machine, spans, *buckets, voxel, start, order)
        sort_bucket(machine, spans, *buckets, voxel, uid, start, order)
