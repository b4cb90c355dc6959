"""What the launcher makes of a body."""

import numpy as np
import pytest

from kernels import launch
from kernels.device import CACHE_LINE, Machine
from kernels.diffusion import advance_2d, advance_3d
from kernels.grid import Grid
from kernels.launch import FEWEST_PER_THREAD, Kernel
from kernels.laws import fill_row, run_rows, share_row
from kernels.source import BLOCK
from kernels.spans import Spans


def add_where(i, chosen, source, target):
    if chosen[i] > 0:
        target[i] += source[i]


def test_no_references_are_counted_in_a_loop(monkeypatch, tmp_path):
    """Numba would count them for every item of a body with a branch, with atomics: ten times slower."""
    monkeypatch.setenv("REMYELIN_CACHE", str(tmp_path))  # code from a cache cannot be inspected
    add = Kernel(add_where)
    chosen, source, target = np.array([1, 0, 1]), np.array([1.0, 2.0, 3.0], np.float32), np.zeros(3, np.float32)
    add(Machine("cpu", 1), 3, chosen, source, target)
    assert target.tolist() == [1.0, 0.0, 3.0]
    (assembly,) = add.loop("cpu").inspect_asm().values()
    loop = assembly.split(".size")[0]
    assert "loop" in loop
    assert "NRT_" not in loop


def test_a_kernel_is_compiled_in_memory_where_numba_finds_no_place_for_a_cache(monkeypatch, tmp_path):
    """As where the modules are there already, and neither they nor the home of the user can be written to."""
    monkeypatch.setenv("REMYELIN_CACHE", str(tmp_path))
    monkeypatch.setattr("numba.core.caching.CacheImpl._locator_classes", [])
    add = Kernel(add_where, name="add_where_in_memory")
    target = np.zeros(2, np.float32)
    add(Machine("cpu", 1), 2, np.array([1, 0]), np.ones(2, np.float32), target)
    assert target.tolist() == [1.0, 0.0]


def test_what_generated_modules_import_is_part_of_their_name(monkeypatch, tmp_path):
    """Else numba would take machine code from its cache that was made of other atomics."""
    monkeypatch.setenv("REMYELIN_CACHE", str(tmp_path))
    text = "def loop():\n    pass\n"
    before = launch._load("atomics_told", text).__name__
    monkeypatch.setattr(launch, "_atomics", lambda: "others")
    assert launch._load("atomics_told", text).__name__ != before


def test_scratch_rows_give_the_same_on_any_number_of_threads():
    """A row that only other rows read is scratch of one block, and each thread has its own."""
    n = 3 * FEWEST_PER_THREAD + 5
    signal = np.random.default_rng(1).random(n).astype(np.float32)
    f4 = np.float32
    for threads in (1, 3):
        values = np.concatenate([signal, np.zeros(n, f4), np.zeros(threads * BLOCK, f4)])
        ramp, product = [[0], [-2 * n], [0], [1], [0.5], [2]], [[-2 * n], [0], [n], [0], [1], [0]]
        empty = ([[] for _ in stage.columns] for stage in run_rows.stages)
        reads, shares, fills, hills, _, _, caps = empty
        columns = [*reads, *shares, *fills, *hills, *ramp, *product, *caps]
        table = run_rows.pack(Machine(), [columns])
        run_rows(Machine("cpu", threads), n, *table, values, np.zeros(1, np.int32), values, scratch=BLOCK)
        assert np.array_equal(values[n : 2 * n], (f4(0.5) + f4(2) * signal) * signal)


def test_rows_of_some_items_leave_the_others_alone():
    """On two threads, over several blocks, from an item that begins none of them, and for several spans of several tables."""
    n = 4 * FEWEST_PER_THREAD
    tables = [[[0], [2.5]], [[0, n], [3.0, 4.0]], [[0], [9.0]]]
    packed = fill_row.pack(Machine(), tables)
    expected = np.zeros(2 * n, np.float32)
    expected[3:1000], expected[1500 : n - 700], expected[n + 1500 : 2 * n - 700] = 2.5, 3.0, 4.0
    for threads in (1, 2):
        values, machine = np.zeros(2 * n, np.float32), Machine("cpu", threads)
        fill_row(machine, Spans(machine, [(3, 1000), (1500, n - 700), (n - 5, n - 5)]), *packed, values)
        np.testing.assert_array_equal(values, expected)


def add_to_span(i, amount, values):
    values[i] += amount


def test_a_kernel_over_spans_takes_what_is_given_for_each():
    add, n = Kernel(add_to_span, "spans", n_columns=1), 3 * FEWEST_PER_THREAD
    amounts = np.array([1.0, 2.0, 4.0], np.float32)
    expected = np.zeros(n, np.float32)
    expected[2:9], expected[9 : n - 1] = 1.0, 4.0
    for target, threads in (("python", 1), ("cpu", 1), ("cpu", 2), ("cpu", 3)):
        values, machine = np.zeros(n, np.float32), Machine(target, threads)
        add(machine, Spans(machine, [(2, 9), (9, 9), (9, n - 1)]), amounts, values)
        np.testing.assert_array_equal(values, expected)


def test_tables_are_packed_row_after_row():
    tables = [[1, 2], [3, 4], [5, 6], [0.5, -1]], [[7], [8], [9], [2.0]]
    heads, whole, numbers = share_row.pack(Machine(), tables)
    assert heads.tolist() == [[0, 0, 2], [6, 2, 1]] and heads.dtype == np.int64
    assert numbers.tolist() == [0.5, -1.0, 2.0] and numbers.dtype == np.float32
    assert whole.tolist() == [1, 3, 5, 2, 4, 6, 7, 8, 9] and whole.dtype == np.int64


def test_sweeps_leave_the_halo_at_zero():
    """A CPU sweeps a plane as one run of voxels; what it computed in the halo between lines must not stay."""
    for grid, advance in ((Grid(5, 4, slabs=2), advance_2d), (Grid(5, 4, 3, dims=3, slabs=2), advance_3d)):
        arrays = [np.zeros(grid.size, np.float32) for _ in range(4)]
        for array in arrays:
            grid.inner(array)[:] = np.random.default_rng(1).random(grid.inner(array).shape)
        advance(Machine("cpu", 1), grid, *arrays[:2], *[np.full(3, 0.1, np.float32)] * 5, *arrays[2:])
        for array in arrays[:2]:
            assert grid.inner(array).all()
            assert np.count_nonzero(array) == grid.inner(array).size


@pytest.mark.parametrize("target", ["cpu", "python"])
def test_a_relay_over_several_grids_is_one_over_each(target):
    machine, grid, sweeps, rng = Machine(target, 1), Grid(5, 4, slabs=2), [3, 2, 2, 0], np.random.default_rng(1)
    arrays = np.zeros((4, len(sweeps), grid.size), np.float32)
    for array in arrays.reshape(-1, grid.size):
        grid.inner(array)[:] = rng.random(grid.inner(array).shape)
    tables, each = 0.3 * rng.random((5, len(sweeps), 3)).astype(np.float32), arrays.copy()
    one, other, m, loss = arrays.reshape(4, -1)
    advance_2d(machine, grid, one, other, *tables.reshape(5, -1), m, loss, sweeps=sweeps)
    for number, count in enumerate(sweeps):
        pair, rest = each[:2, number], each[2:, number]
        advance_2d(machine, grid, *pair, *tables[:, number, :count], *rest)
    np.testing.assert_array_equal(arrays, each)
    assert not np.array_equal(each[0, 0], each[0, 1])


def test_arrays_begin_where_they_are_told():
    for first in (0, 1, 7, 203):
        array = Machine("cpu", 1).zeros_on_line(500, np.float32, first)
        assert array.shape == (500,) and not array.any()
        assert array[first:].ctypes.data % CACHE_LINE == 0


@pytest.mark.parametrize(
    "grid, rows",
    [
        (Grid(300, 190, slabs=2), 9),  # several stretches of a plane
        (Grid(400, 60), 25),  # more sweeps than the first cache takes
        (Grid(600, 60), 25),  # lines too long for it
        (Grid(20_000, 5), 15),  # lines so long that not all sweeps go together
        (Grid(100, 100, 6, dims=3, slabs=2), 30),  # both, in space
    ],
    ids=str,
)
def test_sweeps_that_follow_each_other_are_those_one_after_the_other(grid, rows):
    """Bit for bit what numpy gives sweep by sweep over the whole grid, in the order of the formula in ``advance``."""
    rng, f4 = np.random.default_rng(3), np.float32
    arrays = [np.zeros(grid.size, f4) for _ in range(4)]
    for array in arrays:
        grid.inner(array)[:] = rng.random(grid.inner(array).shape, f4)
    before, last, m, loss = (array.reshape(grid.padded_shape).copy() for array in arrays)
    tables = [(0.3 * rng.random(rows)).astype(f4) for _ in range(5)]
    along = range(-1, -1 - grid.dims, -1)  # x, y, z
    for keep, lose, recall, spread, drive in zip(*tables):
        pairs = [np.roll(last, -1, axis) + np.roll(last, 1, axis) for axis in along]
        around = pairs[0] + pairs[1] if grid.dims == 2 else (pairs[0] + pairs[1]) + pairs[2]
        stage = ((keep - lose * loss) * last + recall * before) + (spread * around + drive * m)
        before, last = last, np.zeros_like(stage)
        grid.inner(last.reshape(-1))[:] = grid.inner(stage.reshape(-1))
    advance = advance_3d if grid.dims == 3 else advance_2d
    advance(Machine("cpu", 1), grid, *arrays[:2], *tables, *arrays[2:])
    newest, second = arrays[:2] if rows % 2 else arrays[1::-1]
    np.testing.assert_array_equal(newest.reshape(grid.padded_shape), last)
    np.testing.assert_array_equal(second.reshape(grid.padded_shape), before)
