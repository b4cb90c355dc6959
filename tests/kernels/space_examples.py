"""A small launch of every kernel that knows where cells are: binning, density, motion, contact."""

import numpy as np

from kernels import binning
from kernels.density import Smoothing
from kernels.device import Machine
from kernels.grid import Grid
from kernels.motion import ROOM_UNITS, Walk

HOST = Machine("python", 1)
FLAT = Grid(6, 5, 1, 20.0, 2, 2)
SOLID = Grid(5, 4, 3, 20.0, 3, 2)
N = 30


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


def _uids(random, n=N):
    return random.permutation(n).astype(np.uint64)


def _starts(voxel, grid):
    return np.searchsorted(voxel, np.arange(grid.size + 1)).astype(np.int32)


def _seeds(random):
    return random.integers(0, 2**63, 2).astype(np.uint64)


def locate(random):
    x, y, z, voxel = _cells(random, SOLID)
    x[:2] = -1.0, 1e6
    return N, [x, y, z, voxel, np.zeros(N, np.int32), *SOLID.box]


def count_cells(random):
    return N, [_cells(random, FLAT)[3], 1, np.zeros(FLAT.size + 1, np.int32)]


def scatter(random):
    voxel = np.arange(N, dtype=np.int32)  # one cell in each: the places within a voxel depend on the order of threads
    return N, [random.permutation(voxel), 0, np.arange(1, N + 1, dtype=np.int32), np.zeros(N, np.int32)]


def permute(random):
    return N, [random.permutation(N).astype(np.int32), random.random(N).astype(np.float32), np.zeros(N, np.float32)]


def permute_row(random):
    table = binning.permute_row.pack(Machine(), [0, 2 * N], [1, 0])
    values, out = random.random(3 * N).astype(np.float32), np.zeros(2 * N, np.float32)
    return N, [*table, random.permutation(N).astype(np.int32), N, values, out]


def permute_wide(random):
    columns = random.integers(-1, 99, 3 * N).astype(np.int32)
    return N, [random.permutation(N).astype(np.int32), 3, columns, np.zeros(3 * N, np.int32)]


def sort_bucket(random):
    voxel = np.sort(random.integers(0, 12, N)).astype(np.int32)
    start = np.searchsorted(voxel // 2, np.arange(7)).astype(np.int32)
    return N, [voxel, _uids(random), 1, start, np.arange(N, dtype=np.int32)[::-1].copy()]


def to_fixed(random):
    return N, [random.random(N).astype(np.float32) * 3, np.zeros(N, np.int64), 1024.0, 2.5]


def box_along(random):
    smoothing = Smoothing(HOST, SOLID, 30.0, 8e-6, (False, True, False))
    sums = random.integers(0, 100, SOLID.size)
    layout = (SOLID.ny, SOLID.sy, SOLID.nx, 2, SOLID.nz, SOLID.sz, SOLID.sz + SOLID.sy + 1, SOLID.whole)
    args = [sums, np.zeros(SOLID.size, np.int64), smoothing.edges[1], *smoothing.weights, *layout]
    return SOLID.slabs * SOLID.nz * 3, args


def density_along_x(random):
    smoothing = Smoothing(HOST, FLAT, 50.0, 8e-6)
    sums = random.integers(0, 2**40, FLAT.size)
    layout = (smoothing.m, FLAT.nx, FLAT.ny, FLAT.layers, FLAT.sy, FLAT.whole)
    density = np.zeros(FLAT.size, np.float32)
    return FLAT.lines, [sums, density, smoothing.share, smoothing.edges[0], *smoothing.weights, *layout]


def lean(random):
    x, y, z, voxel = _cells(random, SOLID)
    channel = random.random(SOLID.size).astype(np.float32)
    bias = np.zeros((3, N), np.float32)
    return N, [voxel, x, y, z, *bias, channel, 1, 1.0, 0.5, *SOLID.box, 0, 1, 0]


def walk_axis(random):
    x = (random.random(N) * 120).astype(np.float32)
    u, bias, speed, to = random.random((4, N)).astype(np.float32)
    walk = Walk(FLAT, 0.1, 0.05)
    seeds = random.integers(0, 2**63, N).astype(np.uint64)
    return N, [_uids(random), seeds, x, u, bias, 400 * speed, to, 1, 7, *walk.coefficients, 120.0, 0]


def occupy(random):
    return N, [_cells(random, FLAT)[3], np.zeros(FLAT.size, np.int32), 1000]


def ask_room(random):
    voxel, to_voxel = _cells(random, FLAT)[3], _cells(random, FLAT)[3]
    return N, [voxel, to_voxel, np.zeros(FLAT.size, np.int32), 200_000]


def bid_for_room(random):
    voxel, to_voxel = _cells(random, FLAT)[3], _cells(random, FLAT)[3]
    occupied, incoming = random.integers(0, ROOM_UNITS, (2, FLAT.size)).astype(np.int32)
    grids = occupied, incoming, np.zeros(FLAT.size, np.int64)
    return N, [_uids(random), voxel, to_voxel, *grids, _seeds(random), 7, 3, ROOM_UNITS, FLAT.whole]


def take_room(random):
    x, y, z, voxel = _cells(random, SOLID)
    to_x, to_y, to_z, to_voxel = _cells(random, SOLID)
    occupied, incoming = random.integers(0, ROOM_UNITS // 2, (2, SOLID.size)).astype(np.int32)
    best = np.zeros(SOLID.size, np.int64)
    args = [_uids(random), voxel, x, y, z, to_voxel, to_x, to_y, to_z, occupied, incoming, best, _seeds(random), 7, 3]
    return N, [*args, 200_000, ROOM_UNITS // 2, SOLID.sz, SOLID.whole]


def touch(random):
    x, y, z, voxel = _cells(random, SOLID)
    other_x, other_y, other_z, other_voxel = _cells(random, SOLID)
    touched = np.zeros(N, np.float32)
    others = [other_x, other_y, other_z, _starts(other_voxel, SOLID)]
    return N, [x, y, z, voxel, *others, touched, 20.0, 1, 0, *SOLID.box]


EXAMPLES = {
    example.__name__: example
    for example in (
        locate, count_cells, scatter, sort_bucket, permute, permute_row, permute_wide, to_fixed, box_along, density_along_x,
        lean, walk_axis, occupy, ask_room, bid_for_room, take_room, touch,
    )
}  # fmt: skip
