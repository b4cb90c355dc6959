"""W-TTS: time to solution of ten substances with sources that wander; the exact answer is a cosine transform away."""

from collections.abc import Iterator

import numpy as np
import scipy.fft

from experiments.bench.figures import Figure
from experiments.bench.solution import MINUTES, VOXEL, hour

TARGET = 0.40  # s per simulated hour


def figures(speed: float) -> Iterator[Figure]:
    """Measure an hour; its error is known at every minute mark."""
    yield from hour("W-TTS", False, MINUTES, cosine_minute, TARGET, speed)


def cosine_minute(
    u: np.ndarray, source: np.ndarray, uptake: np.ndarray, diffusivity: float, decay: float
) -> np.ndarray:
    """Advance by a minute, exactly in time, in float64: every cosine mode of the grid decays by itself. No uptake."""
    rates = np.full(u.shape, decay)
    for axis, n in enumerate(u.shape):
        mode = 2 - 2 * np.cos(np.pi * np.arange(n) / n)
        rates += diffusivity / VOXEL**2 * np.expand_dims(mode, 1 - axis)
    settled = scipy.fft.dctn(source.astype(float), norm="ortho") / rates
    before = scipy.fft.dctn(u, norm="ortho")
    return scipy.fft.idctn(settled + (before - settled) * np.exp(-rates), norm="ortho")
