"""W-STEP: what a step of the lesion costs per cell, fields apart: the demo's lesion at its peak, tiled to many cells."""

import time
from typing import Any

import numpy as np

from experiments.bench import Figure

TILE = 600  # um: the edge of the lesion that is tiled; all of it is infiltrated at the peak
PEAK_DAY = 10
STEPS = 5
CELL_PHASES = ("sense", "act", "move")  # sorting, sensing, laws, secretion and uptake; states and sheaths; motion
TARGET = 250.0  # ns per cell and step
TARGET_SPEED = 40e9  # bytes per second: one thread's memory where the target was set


def peak_lesion() -> Any:
    """Return the demo's lesion on one tile at its peak."""
    from abm.config import load
    from abm.model import LesionModel

    model = LesionModel(load("demo", overrides=_size(1)))
    for _ in range(round(PEAK_DAY * 24 / model.step_hours)):
        model.step()
    return model


def _size(n: int) -> list[str]:
    """The overrides that make a tissue of n by n tiles with a venule in the middle of each."""
    edge = n * TILE
    places = {f"v{i}": {"x": (i % n + 0.5) * TILE, "y": (i // n + 0.5) * TILE} for i in range(n * n)}
    positions = ", ".join(f"{name}: {{x: {at['x']}, y: {at['y']}}}" for name, at in places.items())
    return [
        f"grid.size=[{edge}, {edge}]",
        "tissue.venules.spacing=null",
        f"tissue.venules.positions={{central: null, {positions}}}",
        "tissue.trigger.windows.onset.venule=null",
        "output.measures_every=1000 day",
    ]


def tile(lesion: Any, n: int) -> Any:
    """Return a model of n by n copies of a lesion, side by side."""
    from abm.config import load
    from abm.model import LesionModel

    big = LesionModel(load("demo", overrides=_size(n)))
    small, state = lesion.state(), big.state()
    for name in state:
        if name == "fields/concentration" or name.startswith("tissue/"):
            state[name] = _tile_voxels(small[name], lesion.grid, big.grid, n)
    for kind in lesion.population:
        if kind not in ("neuron", "venule"):
            columns = _tile_cells(small, f"cells/{kind}/", lesion.grid, big.grid, n)
            state = {key: value for key, value in state.items() if not key.startswith(f"cells/{kind}/")} | columns
    state["cells/venule/bbb"][:] = small["cells/venule/bbb"][0]
    state["steps"] = small["steps"]
    big.restore(state)
    return big


def _tile_voxels(array: np.ndarray, small: Any, big: Any, n: int) -> np.ndarray:
    rows = array.reshape(-1, small.size)
    tiled = np.zeros((len(rows), big.size), array.dtype)
    for row, out in zip(rows, tiled):
        big.inner(out)[0, 0] = np.tile(small.inner(row)[0, 0], (n, n))
    return tiled.reshape((*array.shape[:-1], -1) if array.ndim > 1 else -1)


def _tile_cells(state: dict, prefix: str, small: Any, big: Any, n: int) -> dict[str, np.ndarray]:
    columns = {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
    columns.pop("next_uid")
    count, copies = len(columns["uid"]), n * n
    tiled = {name: np.concatenate([column] * copies) for name, column in columns.items()}
    across = np.repeat(np.arange(copies), count) % n
    down = np.repeat(np.arange(copies), count) // n
    tiled["x"] = (tiled["x"] + across * TILE).astype(np.float32)
    tiled["y"] = (tiled["y"] + down * TILE).astype(np.float32)
    tiled["uid"] = np.arange(1, count * copies + 1)

    def moved(voxel, across, down):
        row, column = voxel // small.sy, voxel % small.sy
        return (row + down * small.ny) * big.sy + column + across * small.nx

    tiled["voxel"] = moved(tiled["voxel"], across, down).astype(np.int32)
    if "slots" in tiled:
        slots = tiled["slots"]
        to = 2 * moved(slots >> 1, across[:, None], down[:, None]) + (slots & 1)
        tiled["slots"] = np.where(slots < 0, slots, to).astype(np.int32)
    tiled["next_uid"] = np.array([count * copies + 1], np.int64)
    return {prefix + name: column for name, column in tiled.items()}


def step_cost(speed: float) -> list[Figure]:
    """Measure W-STEP at about 1e6 cells on one thread; first a tiled lesion must do in a step what the lesion does."""
    lesion = peak_lesion()
    lesion.restore(lesion.state())  # senses what the last step left, as the tiles do
    per_tile = sum(count for kind, count in lesion.counts().items() if kind != "neuron")
    n = round((1e6 / per_tile) ** 0.5)
    model = tile(lesion, n)
    cells = sum(count for kind, count in model.counts().items() if kind != "neuron")
    middle = slice(lesion.grid.ny * (n // 2), lesion.grid.ny * (n // 2 + 1))
    for name in ("source.tnf", "source.ccl2"):
        alone = lesion.grid.inner(lesion.laws.row(name))[0, 0]
        copy = model.grid.inner(model.laws.row(name))[0, 0][middle, middle]
        if not np.allclose(alone, copy, rtol=1e-4, atol=1e-6 * float(alone.max())):
            raise RuntimeError(f"W-STEP: {name} of a tile differs from that of the lesion it copies")
    model.step()
    best: dict[str, float] = {}
    for _ in range(STEPS):
        before, begin = dict(model.phase_seconds), time.perf_counter()
        model.step()
        best["whole step"] = min(best.get("whole step", np.inf), time.perf_counter() - begin)
        for phase, seconds in model.phase_seconds.items():
            best[phase] = min(best.get(phase, np.inf), seconds - before.get(phase, 0.0))
    each = {phase: seconds / cells * 1e9 for phase, seconds in best.items()}
    total = sum(each[phase] for phase in CELL_PHASES)
    allowed = TARGET * TARGET_SPEED / speed
    figures = [
        Figure("cells", cells, "cells"),
        Figure("sense, act and move", total, "ns/cell/step", TARGET, True),
        Figure("sense, act and move over 250 ns at 40 GB/s", total / allowed, "x", 1.0),
    ]
    return figures + [Figure(phase, value, "ns/cell/step", None, True) for phase, value in each.items()]
