"""How kernels are launched on a GPU, as far as that can be seen without one; what they are given is held against PTX elsewhere."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from kernels import launch
from kernels.device import Machine
from kernels.diffusion import advance_2d
from kernels.events import chance_in_step
from kernels.gpu import Bound, Launcher, Series, gathered, laid_out
from kernels.grid import Grid
from kernels.laws import fill_row
from kernels.motion import occupy
from kernels.spans import Spans
from tests.strict_arrays import DeviceArray, DeviceModule


@pytest.fixture
def launched(monkeypatch):
    """Note every launch of a pretended GPU: the kernel that was compiled for its arguments, blocks, threads, numbers."""
    launches = []

    class Noting(Launcher):
        def _compile(self, arguments):
            return object()

        def run(self, bound, blocks, threads):
            launches.append((bound.kernel, blocks, threads, list(bound.numbers)))

    monkeypatch.setattr(launch, "open_launcher", lambda loop: Noting(loop, None))
    for kernel in (advance_2d, fill_row, occupy, chance_in_step):
        monkeypatch.setattr(kernel, "_on_gpu", None)
        monkeypatch.setattr(kernel, "_loops", {"cuda": None})
    return launches


GPU = Machine("cuda", 1, xp=DeviceModule())


def there(array):
    """Return an array as it is on a GPU."""
    return array.view(DeviceArray)


def test_an_array_is_several_numbers_and_a_number_has_the_width_of_its_type():
    array = there(np.zeros(5, np.float32))
    numbers = laid_out([3, array, np.float32(0.5), (1, 2)])
    assert numbers[:8] == [3, 0, 0, 5, 4, array.data.ptr, 5, 4]
    table = there(np.zeros((2, 3), np.int64))
    assert laid_out([table]) == [0, 0, 6, 8, table.data.ptr, 2, 3, 24, 8]
    assert type(numbers[8]) is np.float32 and numbers[8:] == [0.5, 1, 2]


@pytest.mark.parametrize(
    "wrong", [np.zeros(3), there(np.zeros(6)[::2]), there(np.zeros((4, 6)))[:, :3], 0.5, np.int32(1), None]
)
def test_what_a_kernel_cannot_take_is_refused(wrong):
    """An array of the host would be copied there and back at every launch."""
    with pytest.raises(TypeError, match="a kernel on the GPU was given"):
        laid_out([1, wrong])


def test_a_kernel_is_compiled_once_for_the_types_of_its_arguments(launched):
    rate, chance = there(np.zeros(300, np.float32)), there(np.zeros(300, np.float32))
    for n in (300, 200):
        chance_in_step(GPU, n, rate, np.float32(3), chance)
    (one, blocks, threads, numbers), (other, fewer, _, _) = launched
    assert one is other and (blocks, threads, fewer) == (3, 128, 2)
    before = laid_out([300, rate])
    assert numbers[: len(before)] == before and type(numbers[len(before)]) is np.float32 and numbers[len(before)] == 3
    assert numbers[len(before) + 1 :] == laid_out([chance])
    chance_in_step(GPU, 300, rate, 3, chance)
    assert launched[2][0] is not one


def test_spans_are_launched_over_all_their_rows(launched):
    voxel, occupied, volume = (there(np.zeros(300, np.int32)) for _ in range(3))
    spans = Spans(GPU, [(3, 200), (210, 300)])
    occupy(GPU, spans, volume, voxel, occupied)
    ((_, blocks, threads, numbers),) = launched
    assert (blocks, threads) == (3, 128)
    assert numbers == laid_out([287, spans.table, volume, voxel, occupied])
    table, values = (there(np.zeros(1, np.float32)) for _ in range(2))
    fill_row(GPU, spans, table, table, table, values)
    assert launched[1][3][: len(laid_out([287, spans.table]))] == laid_out([287, spans.table])


def test_a_relay_takes_its_two_arrays_in_turns(launched):
    grid, rows = Grid(10, 6), 5
    one, other, m, loss = (there(np.zeros(grid.size, np.float32)) for _ in range(4))
    tables = [there(np.zeros(rows, np.float32)) for _ in range(5)]
    advance_2d(GPU, grid, one, other, *tables, m, loss)
    assert len(launched) == rows and len({kernel for kernel, *_ in launched}) == 1
    for r, (_, _, _, numbers) in enumerate(launched):
        pair = (one, other) if r % 2 == 0 else (other, one)
        assert numbers == laid_out([1, 6, 10, 12, grid.layers, grid.whole, 1, rows, r, *pair, *tables, m, loss])


def test_a_sweep_leaves_out_the_grids_that_have_had_theirs(launched):
    """Stage after stage over fewer and fewer fields, which lie one after the other."""
    grid = Grid(10, 6)
    one, other, m, loss = (there(np.zeros(3 * grid.size, np.float32)) for _ in range(4))
    tables = [there(np.zeros(3 * 4, np.float32)) for _ in range(5)]
    advance_2d(GPU, grid, one, other, *tables, m, loss, sweeps=[4, 2, 0])
    assert [numbers[0] for _, _, _, numbers in launched] == [2, 2, 1, 1]
    head = laid_out([2, 6, 10, 12, grid.layers, grid.whole])
    assert launched[1][3][: len(head) + 3] == [*head, 1, 4, 1]


@pytest.mark.parametrize(
    "grid, blocks, lines",
    [
        (Grid(200, 200), (7, 50, 1), 1),
        (Grid(1024, 1024), (32, 64, 1), 4),
        (Grid(5, 3), (1, 1, 1), 1),
        (Grid(128, 128, 128, dims=3), (4, 4, 128), 8),
        (Grid(20, 20, 100, dims=3, slabs=1000), (1, 1, 65535), 5),
    ],
    ids=str,
)
def test_a_grid_is_laid_out_in_lines_and_planes(grid, blocks, lines):
    """A warp along x; a thread takes so many lines that no more of them are launched than run at once."""
    laid, threads = launch._over_planes(GPU, grid, grid.planes)
    assert (laid, threads) == (blocks, (32, 4, 1))
    assert laid[0] * threads[0] >= grid.nx and laid[1] * threads[1] * lines >= grid.ny
    assert laid[2] == min(grid.planes, launch.MOST_BLOCKS)


@pytest.fixture
def done(monkeypatch):
    """Note what the driver is given, and forget it."""
    given = []
    monkeypatch.setattr("cuda.core.launch", lambda where, config, *rest: given.append((where, config, *rest)))
    return given


def test_the_driver_is_given_stream_size_kernel_and_numbers(done):
    launcher = Launcher(None, "stream")
    for _ in range(2):
        launcher.run(Bound("kernel", [7, 8], []), 3, 64)
    (stream, config, *rest), (_, same, *_) = done
    assert (stream, rest) == ("stream", ["kernel", 7, 8]) and config is same
    assert (tuple(config.grid), tuple(config.block)) == ((3, 1, 1), (64, 1, 1))


class Recorder:
    """A device, a builder of graphs and a graph."""

    def __init__(self, done):
        self.done = done

    def __getattr__(self, name):
        return lambda *_: self

    def launch(self, stream):
        self.done.append(("graph", None, stream))


def work(launcher):
    """Return what launches one kernel twice, with numbers that change in between."""
    bound = Bound("kernel", [0], [])

    def launches():
        for number in (1, 2):
            bound.numbers[0] = number
            launcher.run(bound, 3, 64)

    return launches


def what(done):
    return [(where, *rest) for where, _, *rest in done]


def test_a_series_that_comes_again_is_recorded(done, monkeypatch):
    recorder = Recorder(done)
    monkeypatch.setattr("cuda.core.Device", lambda: recorder)
    launches, series = work(Launcher(None, "stream")), Series("stream")
    for _ in range(3):
        series.run(launches)
    directly = [("stream", "kernel", 1), ("stream", "kernel", 2)]
    recorded = [(recorder, "kernel", 1), (recorder, "kernel", 2)]
    assert what(done) == [*directly, *recorded, ("graph", "stream"), ("graph", "stream")]


def test_a_series_goes_launch_by_launch_where_the_driver_does_not_record(done, monkeypatch):
    monkeypatch.setattr("cuda.core.Device", lambda: None)
    launches, series = work(Launcher(None, "stream")), Series("stream")
    for _ in range(3):
        done.clear()
        series.run(launches)
        assert what(done) == [("stream", "kernel", 1), ("stream", "kernel", 2)]


def test_a_series_that_fails_while_it_is_gathered_leaves_launches_as_they_are(done):
    launcher = Launcher(None, "stream")

    def broken():
        launcher.run(Bound("kernel", [1], []), 3, 64)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        gathered(broken)
    launcher.run(Bound("kernel", [2], []), 3, 64)
    assert what(done) == [("stream", "kernel", 2)]


def test_where_launching_fails_numba_does_it_itself(monkeypatch):
    """The opened machine then says so, and a contraction is still found."""
    from kernels import contraction, device

    tried = []

    def contracts(machine):
        tried.append(machine.direct)
        if machine.direct:
            raise AttributeError("numba has changed")
        return False

    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace())
    monkeypatch.setattr(device, "find_gpu", lambda: ("a GPU", ""))
    monkeypatch.setattr(contraction, "contracts", contracts)
    machine = device.open_machine("cuda")
    assert tried == [True, False] and not machine.direct

    def broken(machine):
        raise KeyError("numba has changed a lot")

    monkeypatch.setattr(contraction, "contracts", broken)
    with pytest.raises(RuntimeError, match=r"a first kernel could not be run .*changed a lot.*; use --backend cpu"):
        device.open_machine("cuda")


def test_a_launch_that_writes_nothing_is_noticed(monkeypatch):
    from kernels import contraction

    monkeypatch.setattr(contraction, "multiply_add", lambda *arguments: None)
    with pytest.raises(RuntimeError, match="wrote nothing"):
        contraction.contracts(Machine())


def test_what_was_compiled_for_a_gpu_is_kept(monkeypatch, tmp_path):
    """Tens of kernels take a minute; the next process finds them in the cache."""
    from numba import typeof
    from numba.cuda import codegen, dispatcher

    a_device = SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setenv("REMYELIN_CACHE", str(tmp_path))
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: a_device)
    monkeypatch.setattr(codegen.CUDACodeLibrary, "_ensure_cc", lambda library, cc: (9, 0, "a"))
    monkeypatch.setattr(codegen.devices, "get_context", lambda: SimpleNamespace(device=a_device))
    monkeypatch.setattr(codegen.runtime.runtime, "get_version", lambda: (13, 0))
    monkeypatch.setattr(dispatcher._Kernel, "bind", lambda compiled: compiled._codelibrary.get_cubin())
    signature = tuple(map(typeof, (3, np.zeros(3, np.float32), np.float32(1), np.zeros(3, np.float32))))
    codes = []
    for hits in (0, 1):
        monkeypatch.setattr(chance_in_step, "_loops", {})
        for name in [name for name in sys.modules if name.startswith("remyelin_chance_in_step")]:
            monkeypatch.delitem(sys.modules, name)
        loop = chance_in_step.loop("cuda")
        codes.append(loop.compile(signature)._codelibrary.get_cubin().code)
        assert sum(loop.stats.cache_hits.values()) == hits and loop.stats.cache_path.startswith(str(tmp_path))
    assert codes[0] == codes[1]
