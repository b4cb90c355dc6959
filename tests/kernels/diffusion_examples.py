"""A small launch of every kernel of a field, its faces and tallies: 6 x 5 (x 4) voxels, two slabs, every array freshly made."""

import numpy as np

from kernels.device import Machine
from kernels.faces import PERIODIC, VALUE, Faces
from kernels.grid import Grid
from kernels.rkg import second_order, stage_table
from kernels.tallies import SUMS, n_sums

FLAT = Grid(6, 5, h=20.0, slabs=2)
SOLID = Grid(6, 5, 4, h=20.0, dims=3, slabs=2)
H, DECAY, SPREAD, RATE = np.float32(0.02), np.float32(0.7), np.float32(0.4), np.float32(20.0)
CAP = np.float32(0.5)


def _arrays(rng, grid: Grid, n: int) -> list[np.ndarray]:
    return [rng.random(grid.size).astype(np.float32) for _ in range(n)]


def _faces(grid: Grid, kind: str) -> Faces:
    return Faces(Machine(), grid, (kind,) * grid.dims)


def _begin(grid: Grid):
    def example(rng):
        return grid, (*_arrays(rng, grid, 8), CAP, RATE, SPREAD, H, DECAY)

    return example


def _advance(grid: Grid, n_weights: int = 0):
    def example(rng):
        last, before, m, loss, *q = _arrays(rng, grid, 4 + n_weights)
        outside = np.ones(grid.size, bool)
        grid.inner(outside)[:] = False
        last[outside] = before[outside] = 0
        tables, _ = stage_table(second_order(6, 2), float(H), 8000.0, float(DECAY), grid.h)
        return grid, (before, last, *tables, *q, m, loss)

    return example


def _finish(grid: Grid, adds: int):
    def example(rng):
        q, u, exposure, last, m, uptake = _arrays(rng, grid, 6)
        return grid, (q, u, exposure, last, m, uptake, CAP, np.float32(0.3), SPREAD, H, DECAY, np.float32(0.2), adds)

    return example


def _copy_voxels(rng):
    faces = _faces(FLAT, PERIODIC)
    return len(faces.wrapped_halo), (*_arrays(rng, FLAT, 1), faces.wrapped_halo, faces.wrapped_origin)


def _fill_voxels(rng):
    faces = _faces(SOLID, VALUE)
    return len(faces.fixed_halo), (*_arrays(rng, SOLID, 1), faces.fixed_halo, np.float32(2.5))


def _tally(rng):
    u, exposure, source, uptake = _arrays(rng, SOLID, 4)
    u -= np.float32(0.1)
    starts = SOLID.inner(np.arange(SOLID.size, dtype=np.uint64))[..., 0].ravel()
    sums, columns = np.zeros(n_sums(SOLID), np.float32), 4
    n = len(sums) // len(SUMS)
    parts = 2 * n // SOLID.nx
    return parts, (
        starts, SOLID.ny * SOLID.nz, SOLID.nx, columns, n, u, exposure, source, uptake, CAP, np.float32(0.02), sums,
    )  # fmt: skip


def _add_up(rng):
    nx, blocks, segments, columns = 6, 37, 4, 4
    sums = rng.random(segments * blocks * nx).astype(np.float32)
    return segments * 3 * 2, (blocks, nx, columns, sums, np.zeros(segments * 3 * nx, np.float32))


def _leave_by_faces(rng):
    faces = _faces(FLAT, VALUE)
    n = len(faces.fixed_halo)
    q, exposure = _arrays(rng, FLAT, 2)
    return n, (faces.fixed_inside, faces.fixed_halo, q, exposure, RATE, np.zeros(n, np.float32))


EXAMPLES = {
    "begin_2d": _begin(FLAT),
    "begin_3d": _begin(SOLID),
    "advance_2d": _advance(FLAT),
    "advance_3d": _advance(SOLID),
    "advance_varied_2d": _advance(FLAT, 1),
    "advance_varied_3d": _advance(SOLID, 1),
    "finish_2d": _finish(FLAT, 0),
    "finish_3d": _finish(SOLID, 1),
    "copy_voxels": _copy_voxels,
    "fill_voxels": _fill_voxels,
    "tally": _tally,
    "add_up": _add_up,
    "leave_by_faces": _leave_by_faces,
}
