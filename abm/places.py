"""Places in the simulated tissue: what lies near a point, where the lesion is, and cells scattered over voxels."""

import math
from typing import Any

import numpy as np

from kernels.device import Machine
from kernels.events import draw_words
from kernels.random import STREAMS, uniform

HOST = Machine()


def host_draw(seed, stream: int, step: int, uid):
    """Draw four words on the host, the same as a kernel would; seed and uid may be arrays."""
    seed, uid = np.broadcast_arrays(np.asarray(seed).astype(np.uint64), np.asarray(uid).astype(np.uint64))
    words = np.empty(4 * seed.size, np.uint64)
    draw_words(HOST, seed.size, seed.flatten(), stream, step, uid.flatten(), words)
    return words.reshape(4, *seed.shape)


def in_ball(radius: float, dims: int, a: float, b: float, c: float) -> tuple[float, float, float]:
    """Return the point of a disc (2D) or ball (3D) around 0 that three uniform numbers stand for: evenly spread."""
    angle = 2 * math.pi * a
    if dims == 2:
        r = radius * math.sqrt(b)
        return r * math.cos(angle), r * math.sin(angle), 0.0
    r, cosine = radius * b ** (1 / 3), 2 * c - 1
    sine = math.sqrt(1 - cosine * cosine)
    return r * sine * math.cos(angle), r * sine * math.sin(angle), r * cosine


def point_of(place: Any, grid) -> tuple[float, float, float]:
    """Return a configured point as (x, y, z) in um; where it has no z it lies in the middle of the tissue."""
    middle = grid.nz * grid.h / 2 if grid.dims == 3 else 0.0
    return float(place.x), float(place.y), float(place.z) if place.z is not None else middle


def squared_distance(grid, centre) -> np.ndarray:
    """Return the square of the distance (um) of the middle of each voxel from a point: (z, y, x), without the halo."""
    x, y, z = ((np.arange(n) + 0.5) * grid.h for n in (grid.nx, grid.ny, grid.nz))
    depth = 0.0 if grid.dims == 2 else (z[:, None, None] - centre[2]) ** 2
    return ((x - centre[0]) ** 2 + (y[:, None] - centre[1]) ** 2 + depth).reshape(grid.nz, grid.ny, grid.nx)


def near(grid, centre, radius: float) -> np.ndarray:
    """Return which voxels have their middle within ``radius`` of a point, or hold it: bool (z, y, x), without the halo."""
    squared = squared_distance(grid, centre)
    return (squared <= radius**2) | (squared == squared.min())


def lesion_site(config: Any, grid: Any) -> tuple[float, float, float] | None:
    """Return where a configuration puts its lesion, um: the venule that is forced open first, the first plaque, or the
    only venule with a position. None where it says nothing."""
    if config.tissue is None:
        return None
    venules = config.tissue.venules.positions if config.tissue.venules is not None else {}
    windows = sorted(config.tissue.trigger.windows.values(), key=lambda window: float(window.from_))
    sites = [venules[window.venule] for window in windows if window.venule is not None]
    sites += [plaque.at for plaque in config.tissue.plaques.values()]
    sites += list(venules.values()) if len(venules) == 1 else []
    return point_of(sites[0], grid) if sites else None


def scatter(model: Any, where: np.ndarray, expected: float, slab: int, stream: str, number: int, part: int = 0):
    """Return positions (x, y, z) in um of cells placed uniformly in some voxels of the tissue.

    where      bool (z, y, x)
    expected   number of cells: its fraction is left to chance
    number     tells apart what is placed from the same stream of random numbers; ``part`` what is placed at once
    """
    grid, voxels = model.grid, np.argwhere(where)[:, ::-1]
    key = (int(model.seeds[slab]), STREAMS[stream], number)
    count = int(expected + float(uniform(host_draw(*key, part << 40)[0]))) if len(voxels) else 0
    words = [uniform(word).astype(float) for word in host_draw(*key, (part << 40) + np.arange(1, count + 1))]
    chosen = voxels[np.minimum((words[0] * len(voxels)).astype(int), len(voxels) - 1)]
    places = ((chosen + np.transpose(words[1:])) * grid.h).T
    if grid.dims == 2:
        places[2] = 0.0
    return places
