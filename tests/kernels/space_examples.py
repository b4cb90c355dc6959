"""A small launch of every kernel that knows where cells are: binning, density, motion, contact."""

from dataclasses import replace

import numpy as np

from kernels import binning
from kernels.density import Box, Smoothing
from kernels.device import Machine
from kernels.grid import Grid
from kernels.motion import NO_BIAS, ROOM_UNITS, Walk
from kernels.spans import Spans

HOST = Machine("python", 1)
FLAT = Grid(6, 5, 1, 20.0, 2, 2)
SOLID = Grid(5, 4, 3, 20.0, 3, 2)
N = 30
TWO_KINDS = Spans(HOST, [(1, 13), (15, N)])  # with rows between them that are of none


def _cells(random, grid, n=N):
    """Positions (x, y, z) and voxels of some cells in all slabs, in the order of their voxels."""
    sides = np.array([grid.nx, grid.ny, grid.nz]) * grid.h
    place = (random.random((n, 3)) * sides).astype(np.float32)
    x, y, z = (place // np.float32(grid.h)).astype(int).T
    slab = random.integers(0, grid.slabs, n)
    voxel = slab * grid.whole + (z + 1) * grid.sz + (y + 1) * grid.sy + x + 1
    order = np.argsort(voxel, kind="stable")
    x, y, z = np.ascontiguousarray(place[order].T)
    return x, y, z, voxel[order].astype(np.int32)


def _each(*numbers):
    """One entry for each kind."""
    return np.array(numbers, np.int64)


def _uids(random, n=N):
    return random.permutation(n).astype(np.uint64)


def _starts(voxel, grid):
    return np.searchsorted(voxel, np.arange(grid.size + 1)).astype(np.int32)


def _seeds(random):
    return random.integers(0, 2**63, N).astype(np.uint64)


def locate(random):
    x, y, z, voxel = _cells(random, SOLID)
    x[:2] = -1.0, 1e6
    return N, [x, y, z, voxel, np.zeros(N, np.int32), *SOLID.box]


def count_cells(random):
    buckets = _each(1, 0), _each(1, FLAT.size)
    return TWO_KINDS, [*buckets, _cells(random, FLAT)[3], np.zeros(2 * FLAT.size + 1, np.int32)]


def running_sums(random):
    return 1, [random.integers(0, 5, N).astype(np.int32), np.zeros(N, np.int32), N]


def scatter(random):
    voxel = np.arange(N, dtype=np.int32)  # one cell in each: the places within a voxel depend on the order of threads
    start = np.arange(1, 2 * N + 1, dtype=np.int32) % N + 1
    return TWO_KINDS, [_each(0, 0), _each(0, N), random.permutation(voxel), start, np.zeros(N + 1, np.int32)]


def permute(random):
    return N, [random.permutation(N).astype(np.int32), random.random(N).astype(np.float32), np.zeros(N, np.float32)]


def permute_row(random):
    table = binning.permute_row.pack(Machine(), [[[0, 2 * N], [1, 0]], [[N], [1]]])
    values, out = random.random(3 * N).astype(np.float32), np.zeros(2 * N, np.float32)
    return TWO_KINDS, [*table, random.permutation(N).astype(np.int32), N, values, out]


def replace_row(random):
    table = binning.replace_row.pack(Machine(), [[[0, 2 * N], [1, 0]], [[N], [1]]])
    return TWO_KINDS, [*table, N, np.zeros(3 * N, np.float32), random.random(2 * N).astype(np.float32)]


def permute_wide(random):
    columns = random.integers(-1, 99, 3 * N).astype(np.int32)
    return N, [random.permutation(N).astype(np.int32) + np.int32(7), 7, 3, columns, np.zeros(3 * N, np.int32)]


def order_of_staying(random):
    runs, leaving = Spans(HOST, [(0, 2), (0, 3)]), np.array([0, 34, 35, 4])
    return runs, [_each(1, 60), _each(40, 70), _each(0, 3), _each(3, 4), leaving, np.zeros(131, np.int32)]


def sort_bucket(random):
    voxel = np.sort(random.integers(0, 12, N)).astype(np.int32)
    start = np.searchsorted(voxel // 2, np.arange(7)).astype(np.int32)
    return N, [_each(1), _each(0), voxel, _uids(random), start, np.arange(N, dtype=np.int32)[::-1].copy()]


def _two_sums(grid):
    """Two sums per voxel of which each has a box of its own."""
    boxes = [Box(grid, radius, 8e-6, (False, grid.dims == 3, False)) for radius in (50.0, 25.0)]
    return Smoothing(HOST, boxes, [0, grid.size], [grid.size, 0], [1.0, 0.5])


def to_fixed(random):
    two = _two_sums(FLAT)
    arrays = [random.random(2 * FLAT.size).astype(np.float32) * 3, two.whole, two.numbers]
    return 2 * FLAT.size, [*arrays, FLAT.size, np.zeros(2 * FLAT.size, np.int64)]


def density_of_plane(random):
    two, grid = _two_sums(SOLID), SOLID
    arrays = [random.random(2 * grid.size).astype(np.float32), np.zeros(2 * grid.size, np.float32)]
    tables = [two.whole, two.numbers, grid.planes, *two.lines, np.zeros(two.scratch, np.int64), two.room]
    layout = 0, (grid.nx, grid.ny, grid.nz), (grid.sy, grid.sz, grid.whole, 1), (1, 0)
    return 2 * grid.planes, [*arrays, *tables, *layout]


def box_at(random):
    both = replace(SOLID, slabs=2 * SOLID.slabs)
    args = [random.integers(0, 2**40, both.size), np.zeros(both.size, np.int64), _two_sums(SOLID).whole, SOLID.size]
    return both, [*args, SOLID.ny, SOLID.sy, SOLID.ny + 2, 1]


def density_at(random):
    two, both = _two_sums(FLAT), replace(FLAT, slabs=2 * FLAT.slabs)
    args = [random.integers(0, 2**40, both.size), np.zeros(both.size, np.float32), two.whole, two.numbers, FLAT.size]
    return both, [*args, two.share, FLAT.nx, 1, FLAT.nx + 2, 0]


def lean(random):
    x, y, z, voxel = _cells(random, SOLID)
    channels = random.random(2 * SOLID.size).astype(np.float32)
    kinds = np.array([SOLID.size, NO_BIAS]), np.array([0.5, 0], np.float32)
    return TWO_KINDS, [*kinds, voxel, x, y, z, *np.ones((3, N), np.float32), channels, 1, 1.0, *SOLID.box, 0, 1, 0]


def walk_axis(random):
    x = (random.random(N) * 120).astype(np.float32)
    u, bias, speed, to = random.random((4, N)).astype(np.float32)
    walk = Walk(HOST, FLAT, 0.1, (0.05, 0.2))
    seeds = random.integers(0, 2**63, N).astype(np.uint64)
    cells = [_uids(random), seeds, x, u, bias, 400 * speed, to]
    return TWO_KINDS, [*walk.coefficients, *cells, 1, 7, np.float32(0.1), 120.0, 0]


def occupy(random):
    return TWO_KINDS, [_each(1000, 0), _cells(random, FLAT)[3], np.zeros(FLAT.size, np.int32)]


def ask_room(random):
    voxel, to_voxel = _cells(random, FLAT)[3], _cells(random, FLAT)[3]
    return TWO_KINDS, [_each(200_000, 300), voxel, to_voxel, np.zeros(FLAT.size, np.int32)]


def bid_for_room(random):
    voxel, to_voxel = _cells(random, FLAT)[3], _cells(random, FLAT)[3]
    occupied, incoming = random.integers(0, ROOM_UNITS, (2, FLAT.size)).astype(np.int32)
    grids = occupied, incoming, np.zeros(FLAT.size, np.int64)
    kinds = _each(1000, 0), _each(3, 4)
    return TWO_KINDS, [*kinds, _uids(random), _seeds(random), voxel, to_voxel, *grids, 7, ROOM_UNITS]


def take_room(random):
    x, y, z, voxel = _cells(random, SOLID)
    to_x, to_y, to_z, to_voxel = _cells(random, SOLID)
    occupied, incoming = random.integers(0, ROOM_UNITS // 2, (2, SOLID.size)).astype(np.int32)
    best = np.zeros(SOLID.size, np.int64)
    cells = [_uids(random), _seeds(random), voxel, x, y, z, to_voxel, to_x, to_y, to_z, occupied, incoming, best]
    return TWO_KINDS, [_each(200_000, 0), _each(3, 4), *cells, 7, ROOM_UNITS // 2, SOLID.sz]


def touch(random):
    *place, voxel = _cells(random, SOLID)
    values = np.concatenate([*place, np.zeros(2 * N, np.float32)])
    pairs = [_each(3 * N, 4 * N), np.array([20.0, 35.0], np.float32), _each(1, 2), _each(1, 1), _each(0, 1)]
    start = np.concatenate([[0], _starts(voxel, SOLID)]).astype(np.int32)
    return TWO_KINDS, [*pairs, voxel, 0, N, 2 * N, start, values, *SOLID.box]


EXAMPLES = {
    example.__name__: example
    for example in (
        locate, count_cells, running_sums, scatter, sort_bucket, order_of_staying, permute, permute_row, replace_row,
        permute_wide, to_fixed, density_of_plane, box_at, density_at, lean, walk_axis, occupy, ask_room, bid_for_room,
        take_room, touch,
    )
}  # fmt: skip
