"""What W-CELLS is, for whoever runs it: its numbers, its cells at the start, and what the fields at the cells should be.

256 x 256 voxels of 20 um, ten substances, two types of cell in turn on a lattice that fills the domain. Cells of type 0
secrete substances 0 to 4 and take up 5 to 9, those of type 1 the reverse; each climbs the first that the other secretes.
All five substances of a type obey one equation: 0 and 5 stand for all.
"""

import math
from collections.abc import Sequence

import numpy as np

from experiments.bench.reference import relative_error, runge_kutta

EDGE, VOXEL = 256, 20.0  # voxels, um
SIDE = EDGE * VOXEL
SECRETED = (range(5), range(5, 10))  # by each type
STOOD_FOR = (0, 5)
DIFFUSIVITY, DECAY, START = 1000.0, 0.1, 1.0  # um^2/min, 1/min
SECRETION, SATURATION, UPTAKE = 10.0, 10.0, 1.0  # 1/min, level, 1/min: of a voxel that the cell fills
CELL_VOLUME = 2494.0  # um^3
SHARE = CELL_VOLUME / VOXEL**3
SPEED, PERSISTENCE, BIAS = 1.0, 1.0, 0.5  # um/min, min, of the direction
TENTH = 0.1  # min: how often cells move
TENTHS_AN_HOUR = 600
CHECKED = 20  # tenths of a minute over which the fields are followed
SUBSTEPS = 10  # of a tenth of a minute, in the reference
JITTER = 0.1  # of the lattice
SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000}


def lattice(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places (um, float64[n, 2]) and the types of ``n`` cells at the start."""
    side = math.isqrt(n - 1) + 1
    number = np.arange(n)
    places = np.stack([number % side, number // side], axis=1) + 0.5
    places += np.random.default_rng(0).uniform(-JITTER, JITTER, (n, 2))
    return places * SIDE / side, (number % side + number // side) % 2


def voxels(places: np.ndarray) -> np.ndarray:
    """Return the number of the voxel of each cell."""
    column, row = np.clip((places / VOXEL).astype(int), 0, EDGE - 1).T
    return row * EDGE + column


def error_at_cells(track: Sequence[np.ndarray], types: np.ndarray, seen: Sequence[np.ndarray]) -> float:
    """Return the relative L2 error of the substances 0 and 5 at all cells, at the end, before they move on.

    track   places of the cells during every tenth of a minute, from the start: ours and PhysiCell's go in such jumps
    seen    substances 0 and 5 at the end, each [row, column]
    """
    at = voxels(track[-1])
    got, exact = (np.concatenate([field.ravel()[at] for field in fields]) for fields in (seen, followed(track, types)))
    return relative_error(got, exact)


def followed(track: Sequence[np.ndarray], types: np.ndarray) -> list[np.ndarray]:
    """Return substances 0 and 5 at the end, computed in float64."""
    fields = [np.full((EDGE, EDGE), START) for _ in STOOD_FOR]
    for places in track:
        at = voxels(places)
        counts = [np.bincount(at[types == kind], minlength=EDGE**2).reshape(EDGE, EDGE) for kind in (0, 1)]
        for s, (makers, takers) in enumerate((counts, counts[::-1])):
            source = SHARE * SECRETION * SATURATION * makers
            loss = DECAY + SHARE * (SECRETION * makers + UPTAKE * takers)
            for _ in range(SUBSTEPS):
                fields[s] = runge_kutta(fields[s], source, loss, DIFFUSIVITY / VOXEL**2, TENTH / SUBSTEPS)
    return fields
