"""W-TTS-U: time to solution of ten substances with sources that wander, and cells that take up and wander."""

from collections.abc import Iterator

import numpy as np

from experiments.bench.figures import Figure
from experiments.bench.reference import runge_kutta
from experiments.bench.solution import VOXEL, hour

TARGET = 0.45  # s per simulated hour
MARKS = 3  # the reference takes seconds a minute


def figures(speed: float) -> Iterator[Figure]:
    """Measure an hour; its error is looked at where it is largest, at the first minute marks."""
    yield from hour("W-TTS-U", True, MARKS, runge_kutta_minute, TARGET, speed)


def runge_kutta_minute(
    u: np.ndarray, source: np.ndarray, uptake: np.ndarray, diffusivity: float, decay: float
) -> np.ndarray:
    """Advance by a minute in float64 with the classical Runge-Kutta scheme, at 1.5 over the fastest rate: good to 1e-5."""
    exchange, loss = diffusivity / VOXEL**2, decay + uptake.astype(float)
    steps = int(np.ceil((8 * exchange + loss.max()) / 1.5))
    for _ in range(steps):
        u = runge_kutta(u, source, loss, exchange, 1 / steps)
    return u
