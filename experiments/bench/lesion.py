"""W-STEP: what a step of the lesion costs per cell: the acute lesion at its peak, tiled to more and more cells, one thread."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from abm.config.memory import total_and_free
from abm.model import LesionModel
from experiments.bench.diffusion import STAGE_BYTES
from experiments.bench.figures import Figure
from experiments.bench.tiles import peak_lesion, tile
from experiments.bench.yardstick import forget_peak, peak
from experiments.failures import RunFailed

SIZES = {"1e5": 1e5, "1e6": 1e6, "4e6": 4e6}
STEPS = 5
CELL_PHASES = ("sense", "act", "move")  # sorting, sensing, laws, secretion and uptake; states and sheaths; motion
TARGET, AT_SIZE = 150.0, "1e6"  # ns per cell and step
TARGET_SPEED = 40e9  # bytes per second: one thread's memory where the target was set
EXPONENT = (0.95, 1.05)
COMPARED = ("source.tnf", "source.ccl2")


def figures(speed: float) -> Iterator[Figure]:
    """Measure every size; a tiled lesion must do in a step what the lesion does."""
    lesion = peak_lesion()
    needed = 0.0  # bytes of a cell and its tissue, while they are put together
    of_cells: dict[float, float] = {}
    of_all: dict[float, float] = {}
    for name, goal in SIZES.items():
        refuse_if_too_large(name, goal * needed)
        forget_peak()
        n = round((goal / cells_of(lesion)) ** 0.5)
        model = tile(lesion, n)
        check(lesion, model, n)
        count = cells_of(model)
        needed = peak() / count
        forget_peak()
        best = least_seconds(model)
        of_cells[count], of_all[count] = sum(best[phase] for phase in CELL_PHASES), best["whole step"]
        each = of_cells[count] / count * 1e9
        yield Figure(f"{name}: cells", count)
        target = TARGET if name == AT_SIZE else None
        yield Figure(f"{name}: sense, act and move", each, "ns/cell/step", target, timed=True)
        if target is not None:
            yield Figure(f"{name}: over {TARGET:g} ns at 40 GB/s", each * speed / (TARGET * TARGET_SPEED), "x", 1.0)
        for phase, seconds in best.items():
            yield Figure(f"{name}: {phase}", seconds / count * 1e9, "ns/cell/step", timed=True)
        yield Figure(f"{name}: diffuse, over {STAGE_BYTES} bytes a stage", best["diffuse"] / floor(model, speed), "x")
        yield Figure(f"{name}: most memory while it steps", peak() / 1e9, "GB")
        del model
    yield Figure("exponent of sense, act and move against cells", exponent(of_cells), "", EXPONENT[1], EXPONENT[0])
    yield Figure("exponent of a whole step against cells", exponent(of_all))


def cells_of(model: LesionModel) -> int:
    """Return the number of cells; a bundle of axons is none."""
    return int(sum(count for kind, count in model.counts().items() if kind != "neuron"))


def refuse_if_too_large(name: str, needed: float) -> None:
    """Raise RunFailed where a size would fill more bytes of memory than are free."""
    _, free = total_and_free()
    if needed > free:
        raise RunFailed(f"W-STEP: {name} cells need {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free")


def check(lesion: LesionModel, model: LesionModel, n: int) -> None:
    """Raise RunFailed where the cells of a tile in the middle do not secrete what those of the lesion do."""
    middle = slice(lesion.grid.ny * (n // 2), lesion.grid.ny * (n // 2 + 1))
    for name in COMPARED:
        alone = lesion.grid.inner(lesion.laws.row(name))[0, 0]
        copy = model.grid.inner(model.laws.row(name))[0, 0][middle, middle]
        if not np.allclose(alone, copy, rtol=1e-4, atol=1e-6 * float(alone.max())):
            raise RunFailed(f"W-STEP: {name} of a tile differs from that of the lesion it copies")


def least_seconds(model: Any) -> dict[str, float]:
    """Return the least seconds of a step and of each of its phases, in a few steps after one that does not count."""
    model.step()
    best: dict[str, float] = {}
    for _ in range(STEPS):
        before, begin = dict(model.phase_seconds), time.perf_counter()
        model.step()
        best["whole step"] = min(best.get("whole step", np.inf), time.perf_counter() - begin)
        for phase, seconds in model.phase_seconds.items():
            best[phase] = min(best.get(phase, np.inf), seconds - before.get(phase, 0.0))
    return best


def floor(model: LesionModel, speed: float) -> float:
    """Return the seconds in which memory moves the bytes of all stages of a step of all fields."""
    evaluations = sum(plan.evaluations for plan in model.fields.plans.values())
    return STAGE_BYTES / speed * model.grid.nx * model.grid.ny * evaluations


def exponent(costs: dict[float, float]) -> float:
    """Return the exponent of cost against number, by least squares of their logarithms."""
    number, cost = (np.log(np.array(list(column), float)) for column in (costs.keys(), costs.values()))
    return float(np.polyfit(number, cost, 1)[0])
