"""W-TTS by py-pde: one substance, the one that diffuses fastest, in its classical Runge-Kutta scheme compiled by numba.

The source is a second field, so that a solver is compiled once. What ten substances take follows from their stable steps.
"""

import math
from collections.abc import Iterator
from functools import partial

import numpy as np

from experiments.bench.figures import Figure, timed
from experiments.bench.reference import relative_error
from experiments.bench.solution import DECAYS, DIFFUSIVITIES, EDGE, MINUTES, VOXEL, wanderers
from experiments.bench.tts import cosine_minute

MEASURED = 4  # minutes; the first compiles
STABLE = 2.5  # of a step times the fastest rate; the scheme's limit is 2.78


def figures(ours: dict[str, float]) -> Iterator[Figure]:
    """Measure a few minutes of one substance, and what ours is to ten substances and an hour."""
    import pde
    from pde.solvers import RungeKuttaSolver

    pde.config["backend.numba.multithreading"] = "never"  # two threads that wait for each other are slower
    fastest = int(np.argmax(DIFFUSIVITIES))
    diffusivity, decay = DIFFUSIVITIES[fastest], DECAYS[fastest]
    grid = pde.CartesianGrid([(0.0, EDGE * VOXEL)] * 2, [EDGE] * 2)
    state = pde.FieldCollection([pde.ScalarField(grid, label=label) for label in ("c", "s")])
    equation = pde.PDE({"c": f"{diffusivity} * laplace(c) - {decay} * c + s", "s": "0"}, bc={"derivative": 0})
    solver = RungeKuttaSolver(equation, backend="numba")
    steps = steps_a_minute(diffusivity, decay)
    begun = []
    seconds = [timed(lambda: begun.append(solver.make_stepper(state, dt=1 / steps)))]
    exact, errors = np.zeros((EDGE, EDGE)), []
    for minute, (sources, uptake) in enumerate(wanderers(MEASURED, sinks=False)):
        state[1].data[:] = sources[fastest]
        seconds.append(timed(partial(begun[0], state, minute, minute + 1)))
        exact = cosine_minute(exact, sources[fastest], uptake, diffusivity, decay)
        errors.append(relative_error(state[0].data, exact))
    of_all = sum(steps_a_minute(d, k) for d, k in zip(DIFFUSIVITIES, DECAYS))
    hour = min(seconds[2:]) * of_all / steps * MINUTES
    yield Figure("py-pde: largest error, one substance", max(errors) * 100, "%")
    yield Figure("py-pde: compiling one solver", seconds[0] + seconds[1] - min(seconds[2:]), "s", timed=True)
    yield Figure("py-pde: one simulated hour (one substance timed, scaled by steps)", hour, "s", timed=True)
    yield Figure("py-pde / ours", hour / ours["one simulated hour"], "x")


def steps_a_minute(diffusivity: float, decay: float) -> int:
    """Return the fewest steps that are stable."""
    return math.ceil((8 * diffusivity / VOXEL**2 + decay) / STABLE)
