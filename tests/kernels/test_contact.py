"""Contact against the distances of all pairs."""

import numpy as np
import pytest

from kernels.binning import locate, sort_order
from kernels.contact import contact_reach, touch
from kernels.device import Machine
from kernels.grid import Grid


def placed(grid, n, seed):
    """Cells at random places in all slabs, in order, with the first of each voxel: x, y, z, voxel, start."""
    machine, random = Machine(), np.random.default_rng(seed)
    sides = np.array([[grid.nx], [grid.ny], [grid.nz]]) * grid.h
    place = (random.random((3, n)) * sides).astype(np.float32)
    voxel = (random.integers(0, grid.slabs, n) * grid.whole).astype(np.int32)
    locate(machine, n, *place, voxel, voxel, *grid.box)
    order, start, count = np.zeros(n, np.int32), np.zeros(grid.size + 1, np.int32), np.zeros(grid.size + 1, np.int32)
    sort_order(machine, n, voxel, np.arange(n), order, start, count)
    return *place[:, order], voxel[order], start


def close(grid, a, b, distance):
    """Matrix: is cell i of a within the distance of cell j of b, in the same slab."""
    square = sum(
        (p[:, None].astype(float) - q[None].astype(float)) ** 2 for p, q in list(zip(a[:3], b[:3]))[: grid.dims]
    )
    return (square <= distance**2) & (a[3][:, None] // grid.whole == b[3][None] // grid.whole)


GRIDS = [Grid(11, 7, 1, 20.0, 2, 2), Grid(30, 20, 1, 7.0, 2, 1), Grid(6, 7, 5, 20.0, 3, 2), Grid(2, 2, 1, 50.0, 2, 1)]


@pytest.mark.parametrize("distance", [5.0, 20.0, 60.0])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_contact_is_centre_distance(grid, distance):
    a, b = placed(grid, 300, 0), placed(grid, 40, 1)
    touched = np.full(300, 9, np.float32)
    reach = contact_reach(distance, grid.h)
    touch(Machine(), 300, *a[:4], *b[:3], b[4], touched, distance, reach, 0, *grid.box)
    expected = close(grid, a, b, distance).any(axis=1)
    np.testing.assert_array_equal(touched, expected.astype(np.float32))
    assert expected.any()


@pytest.mark.parametrize("grid", GRIDS[::2], ids=str)
def test_a_cell_does_not_touch_itself(grid):
    a = placed(grid, 60, 2)
    touched = np.zeros(60, np.float32)
    touch(Machine(), 60, *a[:4], *a[:3], a[4], touched, 20.0, 1, 1, *grid.box)
    pairs = close(grid, a, a, 20.0) & ~np.eye(60, dtype=bool)
    np.testing.assert_array_equal(touched, pairs.any(axis=1).astype(np.float32))
    assert 0 < touched.sum() < 60


def test_reach_covers_the_distance():
    assert [contact_reach(d, 20.0) for d in (0.0, 1.0, 20.0, 20.1, 60.0)] == [0, 1, 1, 2, 3]
