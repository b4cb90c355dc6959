"""Voxels of positions and the order of cells, against NumPy."""

import numpy as np
import pytest

from kernels.binning import (
    Sorting,
    bucket_shift,
    locate,
    order_of_staying,
    permute,
    permute_row,
    permute_wide,
    replace_row,
    running_sums,
    runs_of,
)
from kernels.device import Machine
from kernels.grid import Grid
from kernels.spans import Spans

GRIDS = [Grid(7, 5, 1, 20.0, 2, 1), Grid(13, 9, 1, 10.0, 2, 3), Grid(6, 5, 4, 20.0, 3, 2)]


def scattered(grid, n, seed=0):
    """Positions and slabs of n cells."""
    random = np.random.default_rng(seed)
    place = (random.random((3, n)) * np.array([[grid.nx], [grid.ny], [grid.nz]]) * grid.h).astype(np.float32)
    return place, random.integers(0, grid.slabs, n)


def voxels_of(grid, place, slab):
    """Padded voxel of each position, by the definition in ``Grid``."""
    x, y, z = np.floor(place.astype(float) / grid.h).astype(int)
    return slab * grid.whole + (z + 1) * grid.sz + (y + 1) * grid.sy + x + 1


def sort(threads, grid, voxel, uid, shift=0):
    machine, order = Machine("cpu", threads), np.full(len(voxel), -1, np.int32)
    sorting = Sorting(machine, grid.size)
    sorting.sort(Spans(machine, [(0, len(voxel))]), [shift], voxel, uid, order)
    begin = sorting.begins[0]
    return order, sorting.start[begin : begin + grid.size + 1]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_cells_are_found_in_the_voxel_around_them(grid):
    place, slab = scattered(grid, 20_000)
    voxel = np.zeros(20_000, np.int32)
    locate(Machine(), 20_000, *place, (slab * grid.whole).astype(np.int32), voxel, *grid.box)
    np.testing.assert_array_equal(voxel, voxels_of(grid, place, slab))


def test_a_position_outside_or_nowhere_is_put_inside():
    grid = GRIDS[0]
    x = np.array([-5, 140, 1e9, np.nan, np.inf, 0], np.float32)
    y = np.array([50, 50, -1e9, 50, 50, 100], np.float32)
    voxel = np.zeros(6, np.int32)
    locate(Machine(), 6, x, y, y, voxel, voxel, *grid.box)
    inside = np.zeros(grid.size, bool)
    grid.inner(inside)[:] = True
    assert inside[voxel].all()
    np.testing.assert_array_equal(voxel % grid.sy, [1, 7, 7, 1, 7, 1])


def test_running_sums_are_those_of_numpy():
    count, start = np.random.default_rng(0).integers(0, 9, 1000).astype(np.int32), np.zeros(1000, np.int32)
    running_sums(Machine(), 1, count, start, 900)
    np.testing.assert_array_equal(start, [*np.cumsum(count[:900]), *[0] * 100])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_order_is_that_of_voxel_then_uid(grid, threads):
    n = 40_000  # many in each voxel, and enough for two threads
    place, slab = scattered(grid, n)
    voxel = voxels_of(grid, place, slab).astype(np.int32)
    uid = np.random.default_rng(1).permutation(n).astype(np.uint64) + np.uint64(2**40)
    order, start = sort(threads, grid, voxel, uid)
    np.testing.assert_array_equal(order, np.lexsort((uid, voxel)))
    np.testing.assert_array_equal(start, np.searchsorted(np.sort(voxel), np.arange(grid.size + 1)))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shift", [1, 3, 20])
def test_order_is_the_same_by_buckets_of_voxels(shift, threads):
    grid, n = GRIDS[1], 40_000 if shift < 20 else 500  # in the last all are in one bucket
    place, slab = scattered(grid, n)
    voxel = voxels_of(grid, place, slab).astype(np.int32)
    uid = np.random.default_rng(1).permutation(n).astype(np.uint64)
    order, _ = sort(threads, grid, voxel, uid, shift)
    np.testing.assert_array_equal(order, np.lexsort((uid, voxel)))


@pytest.mark.parametrize("threads", [1, 2])
def test_each_span_is_sorted_by_itself(threads):
    """Spans with rows between them, one of them empty, and buckets of several sizes; rows of no span are left alone."""
    grid, n = GRIDS[1], 40_000
    machine, order, rows = Machine("cpu", threads), np.full(n, -1, np.int32), np.arange(n)
    voxel = voxels_of(grid, *scattered(grid, n)).astype(np.int32)
    uid = np.random.default_rng(1).permutation(n)
    parts = [(3, 19_000), (19_000, 19_000), (19_016, 30_000), (30_007, n - 5)]
    sorting = Sorting(machine, grid.size)
    sorting.sort(Spans(machine, parts), [2, 5, 0, 1], voxel, uid, order)
    expected = np.full(n, -1)
    for first, stop in parts:
        expected[first:stop] = first + np.lexsort((uid[first:stop], voxel[first:stop]))
    np.testing.assert_array_equal(order, expected)
    first, stop = parts[2]
    begin = sorting.begins[2]
    found = sorting.start[begin : begin + grid.size + 1]
    np.testing.assert_array_equal(found, first + np.searchsorted(voxel[expected[first:stop]], np.arange(grid.size + 1)))
    assert (np.sort(order[order >= 0]) == np.concatenate([rows[first:stop] for first, stop in parts])).all()


def test_there_are_about_as_many_buckets_as_cells():
    assert [bucket_shift(n, 1000) for n in (0, 1, 10, 300, 600, 5000)] == [9, 9, 6, 1, 0, 0]


def test_no_cells_give_empty_voxels():
    order, start = sort(1, GRIDS[0], np.zeros(0, np.int32), np.zeros(0, np.uint64))
    assert len(order) == 0
    assert not start.any()


def test_columns_are_put_in_an_order():
    random = np.random.default_rng(2)
    order, values, out = (
        random.permutation(9).astype(np.int32)[:5],
        random.random((3, 9), np.float32),
        np.zeros((2, 5), np.float32),
    )
    uid, put = np.arange(9) + 2**40, np.zeros(5, np.int64)
    permute(Machine(), 5, order, uid, put)
    np.testing.assert_array_equal(put, uid[order])
    table = permute_row.pack(Machine(), [[[9, 18], [1, 0]]])
    permute_row(Machine(), 5, *table, order, 5, values.reshape(-1), out.reshape(-1))
    np.testing.assert_array_equal(out, values[[2, 1]][:, order])
    before = values.copy()
    replace_row(Machine(), 5, *table, 5, values.reshape(-1), out.reshape(-1))
    np.testing.assert_array_equal(values[1:, :5], out[::-1])
    np.testing.assert_array_equal(values[0], before[0])
    np.testing.assert_array_equal(values[1:, 5:], before[1:, 5:])
    wide, out = random.integers(-1, 99, (9, 7)).astype(np.int32), np.zeros((5, 7), np.int32)
    permute_wide(Machine(), 5, order + np.int32(100), 100, 7, wide.reshape(-1), out.reshape(-1))
    np.testing.assert_array_equal(out, wide[order])


@pytest.mark.parametrize("threads", [1, 2])
def test_those_that_stay_keep_their_order(threads, monkeypatch):
    """Span by span as NumPy deletes: none leaves, all leave, the first, the last, some."""
    monkeypatch.setattr("kernels.launch.FEWEST_PER_THREAD", 4)
    machine, random = Machine("cpu", threads), np.random.default_rng(3)
    first, n = np.array([2, 60, 90, 95, 200]), np.array([50, 20, 5, 40, 300])
    leaving = [np.array([], int), np.arange(20), np.array([0, 4]), np.array([0, 1, 2, 38, 39])]
    leaving.append(np.flatnonzero(random.random(300) < 0.3))
    ends = np.cumsum([0, *map(len, leaving)])
    order = np.full(600, -1, np.int32)
    stay = n - [len(gone) for gone in leaving]
    runs = Spans(machine, [(0, runs_of(many)) for many in stay])
    order_of_staying(machine, runs, first, stay, ends[:-1], ends[1:], np.concatenate(leaving), order)
    for a, many, gone in zip(first, n, leaving):
        left = many - len(gone)
        np.testing.assert_array_equal(order[a : a + left], a + np.delete(np.arange(many), gone))
        order[a : a + left] = -1
    assert (order == -1).all()
