"""The acute lesion on one tile at its peak, and many copies of it side by side."""

import numpy as np

from abm.config import load
from abm.model import LesionModel
from kernels.device import Machine
from kernels.grid import Grid

TILE = 600  # um: the edge of the lesion that is tiled; all of it is infiltrated at the peak
PEAK_DAY = 10


def peak_lesion() -> LesionModel:
    """Return the acute lesion on one tile at its peak, as it senses what the last step left: so do its copies."""
    model = LesionModel(load("acute", overrides=size(1)))
    for _ in range(round(PEAK_DAY * 24 / model.step_hours)):
        model.step()
    model.restore(model.state())
    return model


def size(n: int) -> list[str]:
    """Return the overrides that make a tissue of n by n tiles with a venule in the middle of each."""
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


def tile(lesion: LesionModel, n: int, machine: Machine | None = None) -> LesionModel:
    """Return a model of n by n copies of a lesion, side by side; on one thread if no machine is given."""
    big = LesionModel(load("acute", overrides=size(n)), machine)
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


def _tile_voxels(array: np.ndarray, small: Grid, big: Grid, n: int) -> np.ndarray:
    rows = array.reshape(-1, small.size)
    tiled = np.zeros((len(rows), big.size), array.dtype)
    for row, out in zip(rows, tiled):
        big.inner(out)[0, 0] = np.tile(small.inner(row)[0, 0], (n, n))
    return tiled.reshape((*array.shape[:-1], -1) if array.ndim > 1 else -1)


def _tile_cells(state: dict, prefix: str, small: Grid, big: Grid, n: int) -> dict[str, np.ndarray]:
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
