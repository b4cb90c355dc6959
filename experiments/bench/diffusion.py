"""W-DIFF: one stage of the solver ``rkg``, ten fields with arrays of their own, from grids in the cache to grids in memory."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from experiments.bench.figures import Figure, best_time
from experiments.failures import RunFailed
from kernels.device import Machine, usable_threads
from kernels.diffusion import advance_2d, advance_3d
from kernels.grid import Grid
from kernels.launch import side_by_side

GRIDS = {
    "256^2": (256, 256, 1),
    "512^2": (512, 512, 1),
    "1024^2": (1024, 1024, 1),
    "2048^2": (2048, 2048, 1),
    "64^3": (64, 64, 64),
    "128^3": (128, 128, 128),
}
ON_ALL_THREADS = ("256^2", "1024^2", "128^3")
FIELDS = 10
STAGE_BYTES = 24  # of one voxel and stage, as the target counts them; without D(x) a stage moves 20
TARGET = 1.4  # times the memory time of those bytes
STAGES = 12  # of a substep: about what a cytokine takes
REPEATED = 1e9  # voxels x stages of a measurement, about
WRONG = 1e-5
NUMBERS = (1.2, 0.02, -0.4, 0.3, 0.1)  # keep, lose, recall, spread, drive


def figures(speed: float) -> Iterator[Figure]:
    """Measure a stage on every grid, on one thread; on some on all threads too."""
    for name, shape in GRIDS.items():
        yield from _stage(f"{name} x {FIELDS}", shape, 1, speed)
        if name in ON_ALL_THREADS and usable_threads() > 1:
            yield from _stage(f"{name} x {FIELDS}, {usable_threads()} threads", shape, usable_threads(), speed)


def _stage(name: str, shape: tuple[int, int, int], threads: int, speed: float) -> Iterator[Figure]:
    each = stage_seconds(shape, FIELDS, threads)
    yield Figure(f"{name}: a stage", each * 1e9, "ns/voxel", timed=True)
    times = each / (STAGE_BYTES / speed)
    yield Figure(f"{name}: over {STAGE_BYTES} bytes of memory", times, "x", TARGET if threads == 1 else None)


def stage_seconds(shape: tuple[int, int, int], n_fields: int, threads: int = 1) -> float:
    """Return the seconds per voxel of one stage of one field, launches included, once a stage was seen to be right."""
    dims = 3 if shape[2] > 1 else 2
    grid, machine = Grid(*shape, h=20.0, dims=dims), Machine("cpu", threads)
    advance = advance_3d if dims == 3 else advance_2d
    rng = np.random.default_rng(0)
    fields = [[_voxels(machine, grid, rng) for _ in range(4)] for _ in range(n_fields)]

    last, before, m, loss = fields[0]
    exact = _exact_stage(grid, last, before, m, loss)
    tables = [np.full(1, number, np.float32) for number in NUMBERS]
    advance(machine, grid, before, last, *tables, m, loss)
    if (wrong := np.abs(grid.inner(before) - exact).max()) > WRONG:
        raise RunFailed(f"W-DIFF: a stage differs from its float64 computation by {wrong:.1e}")

    tables = [np.full(STAGES, number * 0.1, np.float32) for number in NUMBERS]  # small: nothing may overflow
    sweeps = [partial(advance, machine, grid, before, last, *tables, m, loss) for last, before, m, loss in fields]
    work = shape[0] * shape[1] * shape[2] * n_fields * STAGES
    repeats = max(3, round(REPEATED / work))
    return best_time(lambda: side_by_side(machine, sweeps), repeats) / work


def _voxels(machine: Machine, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Return random values inside, and 0 in the halo, which ends every sweep as it began."""
    array = machine.zeros_on_line(grid.size, np.float32, grid.sz + grid.sy + 1)
    grid.inner(array)[:] = rng.random((1, grid.nz, grid.ny, grid.nx), dtype=np.float32)
    return array


def _exact_stage(grid: Grid, *arrays: np.ndarray) -> np.ndarray:
    """Compute a stage in float64 with numpy."""
    keep, lose, recall, spread, drive = NUMBERS
    last, before, m, loss = (array.astype(np.float64).reshape(grid.padded_shape) for array in arrays)
    around = sum(np.roll(last, shift, axis) for axis in range(4 - grid.dims, 4) for shift in (1, -1))
    whole = (keep - lose * loss) * last + recall * before + spread * around + drive * m
    return grid.inner(whole.ravel())
