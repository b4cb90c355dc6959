"""Contact against the distances of all pairs."""

import numpy as np
import pytest

from kernels.binning import Sorting, locate
from kernels.contact import contact_reach, touch
from kernels.device import Machine
from kernels.grid import Grid
from kernels.spans import Spans


def placed(grid, n, seed):
    """Cells at random places in all slabs, in order: x, y, z, voxel."""
    machine, random = Machine(), np.random.default_rng(seed)
    sides = np.array([[grid.nx], [grid.ny], [grid.nz]]) * grid.h
    place = (random.random((3, n)) * sides).astype(np.float32)
    voxel = (random.integers(0, grid.slabs, n) * grid.whole).astype(np.int32)
    locate(machine, n, *place, voxel, voxel, *grid.box)
    order = np.argsort(voxel, kind="stable")
    return *place[:, order], voxel[order]


def touched(grid, kinds, pairs):
    """Whether cells touch, for pairs of kinds (one, other, distance); kinds stand in rows of one set of columns, apart."""
    machine, gap, pad = Machine(), 5, np.zeros(5, np.float32)
    columns = [np.concatenate([part for kind in kinds for part in (kind[axis], pad)]) for axis in range(4)]
    ends = np.cumsum([len(kind[0]) + gap for kind in kinds])
    rows = [(end - gap - len(kind[0]), end - gap) for kind, end in zip(kinds, ends)]
    n, voxel = int(ends[-1]), columns[3].astype(np.int32)
    sorting = Sorting(machine, grid.size)
    sorting.sort(Spans(machine, rows), [0] * len(kinds), voxel, np.arange(n), np.zeros(n, np.int32))
    values = np.concatenate([*columns[:3], np.full(n * len(pairs), 9)]).astype(np.float32)
    places = np.arange(3, 3 + len(pairs)) * n
    distance = np.array([each for _, _, each in pairs], np.float32)
    reach = np.array([contact_reach(float(each), grid.h) for each in distance])
    base, itself = np.array([sorting.begins[b] for _, b, _ in pairs]), np.array([int(a == b) for a, b, _ in pairs])
    spans = Spans(machine, [rows[one] for one, _, _ in pairs])
    touch(machine, spans, places, distance, reach, base, itself, voxel, 0, n, 2 * n, sorting.start, values, *grid.box)
    return [values[place + rows[one][0] : place + rows[one][1]] for place, (one, _, _) in zip(places, pairs)]


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
    expected = close(grid, a, b, distance)
    of_a, of_b = touched(grid, [a, b], [(0, 1, distance), (1, 0, distance)])
    np.testing.assert_array_equal(of_a, expected.any(axis=1).astype(np.float32))
    np.testing.assert_array_equal(of_b, expected.any(axis=0).astype(np.float32))
    assert expected.any()


@pytest.mark.parametrize("grid", GRIDS[::2], ids=str)
def test_a_cell_does_not_touch_itself(grid):
    a = placed(grid, 60, 2)
    (found,) = touched(grid, [a], [(0, 0, 20.0)])
    pairs = close(grid, a, a, 20.0) & ~np.eye(60, dtype=bool)
    np.testing.assert_array_equal(found, pairs.any(axis=1).astype(np.float32))
    assert 0 < found.sum() < 60


def test_reach_covers_the_distance():
    assert [contact_reach(d, 20.0) for d in (0.0, 1.0, 20.0, 20.1, 60.0)] == [0, 1, 1, 2, 3]
