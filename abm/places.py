"""Places in the simulated tissue: what lies near a point, and cells scattered around one."""

import math
from typing import Any

import numpy as np

from kernels.random import STREAMS, draw, uniform


def host_draw(seed, stream: int, step: int, uid):
    """Draw four words on the host, the same as a kernel would; seed and uid may be arrays."""
    u = np.uint64
    with np.errstate(over="ignore"):
        return draw(np.asarray(seed).astype(u), u(stream), u(step), np.asarray(uid).astype(u))


def in_ball(radius: float, dims: int, seed, stream: int, step: int, uid: int) -> tuple[float, float, float]:
    """Draw a point uniformly in a disc (2D) or ball (3D) around 0."""
    a, b, c, _ = (float(uniform(word)) for word in host_draw(seed, stream, step, uid))
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
    """Return which voxels have their middle within ``radius`` of a point: bool (z, y, x), without the halo."""
    return squared_distance(grid, centre) <= radius**2


def volume_near(model: Any, centre, radius: float) -> float:
    """Return the volume (mm3) of simulated tissue within ``radius`` of a point: at least that of a voxel."""
    return max(int(near(model.grid, centre, radius).sum()), 1) * model.voxel_volume * 1e-9


def rows_near(model: Any, columns: dict[str, np.ndarray], centre, radius: float, slab: int) -> np.ndarray:
    """Return which cells of a slab lie within ``radius`` of a point, bool[n]."""
    squared = sum((columns[axis] - at) ** 2 for axis, at in zip("xyz"[: model.grid.dims], centre))
    return (squared <= radius**2) & (columns["voxel"] // model.grid.whole == slab)


def scatter(model: Any, centres, radius: float, counts, slab: int, stream: str, number: int):
    """Return positions (x, y, z) of cells placed uniformly within ``radius`` of each centre, inside the tissue.

    counts   cells expected at each centre: the fraction is left to chance
    number   tells apart what is placed from the same stream of random numbers
    """
    grid, key = model.grid, (int(model.seeds[slab]), STREAMS[stream], number)
    size = (grid.nx * grid.h, grid.ny * grid.h, grid.nz * grid.h if grid.dims == 3 else math.inf)
    points = []
    for which, (centre, expected) in enumerate(zip(centres, counts)):
        chance = float(uniform(host_draw(*key, which << 40)[0]))
        wanted, attempt = int(expected + chance), 0
        while wanted > 0:
            attempt += 1
            offset = in_ball(radius, grid.dims, *key, (which << 40) + attempt)
            point = tuple(at + d for at, d in zip(centre, offset))
            if all(0 <= p <= s for p, s in zip(point, size)):
                points.append(point)
                wanted -= 1
    return np.array(points, np.float64).reshape(-1, 3).T
