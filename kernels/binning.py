"""Which voxel a cell is in, and the order of cells by (voxel, uid).

Positions are in um from the corner of the tissue. ``start[v]`` is the row of the first cell of voxel v in that order, so
that voxel v holds the rows ``start[v]`` to ``start[v + 1] - 1``.
"""

import numpy as np

from kernels.launch import kernel, row_kernel
from kernels.source import atomic_add, device

U = np.uint64
ZERO = np.float32(0.0)
ONE = np.float32(1.0)
NEXT = U(1)
BEFORE = np.int32(-1)
ONE_CELL = np.int32(1)


@device
def voxel_along(x, per_um, n):
    """Return the number, 0 to n - 1, of the voxel at ``x`` along an axis; the nearest one for a position outside."""
    last = np.float32(n) - ONE
    t = x * per_um
    t = t if t > ZERO else ZERO  # also where t is not a number
    return U(np.int32(t if t < last else last))


@kernel
def locate(i, x, y, z, slab_voxel, voxel, h, per_um, nx, ny, nz, sy, sz, whole):
    """Find the voxel of cell ``i``.

    x, y, z     float32[n]  um; z has no effect in 2D: pass y again
    slab_voxel  int32[n]    any voxel of the cell's slab
    voxel       int32[n]    written; may be ``slab_voxel`` itself
    """
    v = U(slab_voxel[i]) // U(whole) * U(whole)
    v += (voxel_along(y[i], per_um, ny) + NEXT) * U(sy) + voxel_along(x[i], per_um, nx) + NEXT
    voxel[i] = np.int32(v + (voxel_along(z[i], per_um, nz) + NEXT) * U(sz))


@kernel
def count_cells(i, voxel, shift, count):
    """Count the cells of each bucket: 2^shift voxels that follow each other. count  int32[buckets]  0 before."""
    atomic_add(count, U(voxel[i]) >> U(shift), ONE_CELL)


@kernel
def scatter(i, voxel, shift, start, order):
    """Give cell ``i`` the last free place of its bucket. start  int32[buckets + 1]  in: ends, out: starts of the buckets."""
    order[U(atomic_add(start, U(voxel[i]) >> U(shift), BEFORE) - ONE_CELL)] = np.int32(i)


@kernel
def sort_bucket(i, voxel, uid, shift, start, order):
    """Put the cells of one bucket in the order of (voxel, uid), if place ``i`` is the first of a bucket."""
    bucket = U(voxel[U(order[i])]) >> U(shift)
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


@kernel
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


@kernel
def permute_wide(i, order, width, columns, out):
    """Write rows of ``width`` numbers in an order, see ``permute``. columns, out  flat, item after item"""
    to = U(i) * U(width)
    start = U(order[i]) * U(width)
    for k in range(U(width)):
        out[to + U(k)] = columns[start + U(k)]


def bucket_shift(n: int, voxels: int) -> int:
    """Return how many voxels, as a power of 2, make about as many buckets as there are cells, or a few more."""
    return max(0, (voxels // max(n, 1)).bit_length() - 1)


def sort_order(machine, n, voxel, uid, order, start, count, shift=0) -> None:
    """Write the order of the first ``n`` cells by (voxel, uid), the same for any number of threads.

    voxel, uid   int32[n], integer[n]   voxel of each cell, and its identity, unique within a slab
    order        int32[n]               written: the row of the cell that comes k-th
    start        int32[voxels + 1]      written: place of the first cell of each bucket, of each voxel where ``shift`` is 0
    count        int32[voxels + 1]      scratch
    shift        buckets are of 2^shift voxels: few cells need few of them
    """
    buckets = ((len(count) - 1) >> shift) + 2
    count, start = count[:buckets], start[:buckets]
    count[:] = 0
    count_cells(machine, n, voxel, shift, count)
    machine.xp.cumsum(count, dtype=np.int32, out=start)
    scatter(machine, n, voxel, shift, start, order)
    sort_bucket(machine, n, voxel, uid, shift, start, order)
