"""The fields of W-TTS and W-TTS-U: ten substances on 256 x 256 voxels, with sources, or sources and sinks, that wander."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from abm.fields import Fields
from experiments.bench.diffusion import STAGE_BYTES
from experiments.bench.figures import Figure, timed
from experiments.bench.reference import relative_error
from experiments.failures import RunFailed
from kernels.device import Machine
from kernels.grid import Grid

EDGE = 256
VOXEL = 20.0
PER_MINUTE = 60.0  # 1/min in 1/h
DIFFUSIVITIES = (600, 1000, 1500, 2000, 3000, 4000, 5000, 6000, 8000, 10000)  # um^2/min
DECAYS = (0.02, 0.05, 0.1, 0.1, 0.1, 0.2, 0.2, 0.3, 0.5, 1.0)  # 1/min
SOURCES, SINKS = 2000, 4000
MINUTES = 60
ACCURACY = 0.01
REPEATS = 5

Minute = tuple[list[np.ndarray], np.ndarray]
Exact = Callable[[np.ndarray, np.ndarray, np.ndarray, float, float], np.ndarray]


def wanderers(minutes: int, sinks: bool = True) -> Iterator[Minute]:
    """Give for every minute the source of each substance and the uptake of all (1/min): cells that wander and switch."""
    rng = np.random.default_rng(1)
    sources, takers = (rng.integers(0, EDGE, (n, 2)) for n in (SOURCES, SINKS if sinks else 0))
    group = np.arange(SOURCES) % 4
    for _ in range(minutes):
        for cells in (sources, takers):
            moving = rng.random(len(cells)) < 0.5
            cells += moving[:, None] * rng.integers(-1, 2, cells.shape)
            np.clip(cells, 0, EDGE - 1, out=cells)
        on = rng.random(SOURCES) < 0.5
        source = np.zeros((4, EDGE, EDGE), np.float32)
        np.add.at(source, (group[on], *sources[on].T), 1.0)
        uptake = np.zeros((EDGE, EDGE), np.float32)
        np.add.at(uptake, tuple(takers.T), 1.0)
        yield [source[-s % 4] for s in range(10)], uptake  # source c acts on substance s if (c + s) mod 4 = 0


def solution_fields(uptake_cap: float) -> Fields:
    """Return the ten substances as Fields on one thread, at an accuracy of 1 %. uptake_cap  1/h"""
    names = [f"s{s}" for s in range(10)]
    about = {"unit": "1", "baseline": 0.0, "molar_mass": None, "faces": None, "value": None, "quasi_steady": False}
    config = SimpleNamespace(
        fields={
            name: SimpleNamespace(D=d * PER_MINUTE, half_life=np.log(2) / (k * PER_MINUTE), sources={}, **about)
            for name, d, k in zip(names, DIFFUSIVITIES, DECAYS)
        },
        grid=SimpleNamespace(
            voxel=VOXEL, size=[EDGE * VOXEL] * 2, thickness=VOXEL, faces=dict.fromkeys("xyz", "no_flux")
        ),
        time=SimpleNamespace(step=1 / PER_MINUTE),
        accuracy=ACCURACY,
    )
    grid = Grid(EDGE, EDGE, h=VOXEL)
    concentration, source, uptake = (np.zeros((10, grid.size), np.float32) for _ in range(3))
    return Fields(config, grid, Machine("cpu", 1), concentration, source, uptake, dict.fromkeys(names, uptake_cap))


def advance(
    minutes: Iterator[Minute], uptake_cap: float, at_mark: Callable[[int, Any], None] | None = None
) -> list[float]:
    """Return the seconds that each minute takes from an empty field on, budgets included; what the cells do is not timed."""
    fields = solution_fields(uptake_cap)
    seconds = []
    for minute, (sources, uptake) in enumerate(minutes):
        for row, source in enumerate(sources):
            fields.grid.inner(fields.source[row])[0, 0] = source * PER_MINUTE
            fields.grid.inner(fields.uptake[row])[0, 0] = uptake * PER_MINUTE
        seconds.append(timed(lambda: fields.diffuse(1 / PER_MINUTE)))
        if at_mark is not None:
            at_mark(minute, fields)
    return seconds


def largest_error(minutes: list[Minute], uptake_cap: float, exact_minute: Exact) -> float:
    """Return the largest relative L2 error of any substance at any minute mark."""
    exact = [np.zeros((EDGE, EDGE)) for _ in range(10)]
    errors: list[float] = []

    def check(minute: int, fields: Any) -> None:
        sources, uptake = minutes[minute]
        for s, (d, k) in enumerate(zip(DIFFUSIVITIES, DECAYS)):
            exact[s] = exact_minute(exact[s], sources[s], uptake, d, k)
            errors.append(relative_error(fields.frame(f"s{s}"), exact[s]))

    advance(iter(minutes), uptake_cap, check)
    return max(errors)


def hour(workload: str, sinks: bool, marks: int, exact_minute: Exact, target: float, speed: float) -> Iterator[Figure]:
    """Measure an hour of a workload once its error at the first minute marks is known.

    marks    minutes of the hour at which the error is looked at, from the first: there it is largest
    target   s
    """
    minutes = list(wanderers(MINUTES, sinks))
    cap = PER_MINUTE * max(float(uptake.max()) for _, uptake in minutes)
    error = largest_error(minutes[:marks], cap, exact_minute)
    if error > ACCURACY:
        raise RunFailed(f"{workload}: the error is {error:.2%}, more than {ACCURACY:.0%}: its time means nothing")
    yield Figure(f"largest error, first {marks} minute marks", error * 100, "%", at_most=ACCURACY * 100)
    seconds = sum(map(min, zip(*(advance(iter(minutes), cap) for _ in range(REPEATS)))))
    evaluations = sum(plan.evaluations for plan in solution_fields(cap).plans.values())
    floor = STAGE_BYTES / speed * EDGE**2 * MINUTES * evaluations
    yield Figure("stages a minute, ten substances", evaluations)
    yield Figure("one simulated hour", seconds, "s", at_most=target, timed=True)
    yield Figure(f"over {STAGE_BYTES} bytes of memory a stage", seconds / floor, "x")
