"""The Runge-Kutta-Gegenbauer scheme on the host, in float64: its coefficients, its error, and how many substeps a field needs.

The form of the stages and what they are used for stand in ``diffusion.py``.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np

INDEX = 4  # of the Gegenbauer polynomials: non-negative also in 3D, see the positivity tests
MARGIN = 0.98  # of the accuracy asked for; an isolated source comes within 1 % of the estimate
MOST_SUBSTEPS = 400
EXTRA_STAGES = 6  # beyond those needed for stability, where they are cheaper than another substep
EXCHANGE_SHARE = 0.25  # default cap of uptake, as a share of the fastest rate of exchange with the neighbouring voxels
DENSE_SHARE = 0.03  # uptake everywhere, as a share of the cap, up to which the accuracy is planned
SETTLING = range(4, 41)  # half-lives that a quasi-steady field may take to settle


def _at_one(degree: int, derivative: int) -> int:
    """The Gegenbauer polynomial of index 4 and a degree, or its first or second derivative, at 1."""
    rising = math.prod(2 * (INDEX + d) for d in range(derivative))
    degree -= derivative
    return rising * math.comb(degree + 2 * (INDEX + derivative) - 1, degree) if degree >= 0 else 0


@functools.cache
def coefficients(stages: int, order: int) -> tuple[tuple[float, float, float, float], ...]:
    """Return (mu, nu, mt, mt * c before) of stages 2 to ``stages``; order 2 (RKG2), or 1, which damps more in one substep."""

    def scale(j: int) -> float:
        return _at_one(max(j, 2), 2) / _at_one(max(j, 2), 1) ** 2 if order == 2 else 1 / _at_one(j, 0)

    width = _at_one(stages, order - 1) / _at_one(stages, order)
    before, c = 0.0, scale(1) * 2 * INDEX * width
    rows = []
    for j in range(2, stages + 1):
        mu = 2 * (j + INDEX - 1) / j * scale(j) / scale(j - 1)
        nu = -(j + 2 * INDEX - 2) / j * scale(j) / scale(j - 2)
        mt = mu * width
        rows.append((mu, nu, mt, mt * c))
        offset = (1 - scale(j - 1) * _at_one(j - 1, 0)) * mt if order == 2 else 0.0
        before, c = c, mu * c + nu * before + mt - offset
    return tuple(rows)


def fewest_stages(rate: float, h: float, order: int) -> int:
    """Return the fewest stages with which a substep of ``h`` is stable where nothing decays faster than ``rate``."""

    def reach(s: int) -> float:  # in steps of explicit Euler, 2 / rate: the ratio of the polynomial's derivatives at 1
        return s * (s + 2 * INDEX) / (2 * INDEX + 1) if order == 1 else (s - 1) * (s + 2 * INDEX + 1) / (2 * INDEX + 3)

    stages = 2
    while reach(stages) < 0.5 * h * rate * (1 + 1e-6):
        stages += 1
    return stages


def amplification(stages: int, order: int, z):
    """Return the factor of one substep on a mode that decays as ``exp(-z)``."""
    before, p = np.zeros_like(z), np.zeros_like(z)
    for mu, nu, mt, drive in coefficients(stages, order):
        before, p = p, mu * p + nu * before - mt * z * p + drive
    return 1 - z + z * z * p


def stage_table(stages: int, order: int, h: float, diffusivity: float, decay: float, voxel: float):
    """Return the tables (keep, lose, recall, spread, drive) of ``advance``, stages 3 on, and the weight of the last stage.

    Stage 2 is ``m`` times a number, which goes into the rows of stages 3 and 4: it is never computed.
    """
    (_, _, _, second), *others = coefficients(stages, order)
    rate = diffusivity / voxel**2
    rows = []
    for j, (mu, nu, mt, drive) in enumerate(others, start=3):
        on_last, on_before = (second, 0.0) if j == 3 else (1.0, nu)
        if j == 4:
            on_before, drive = 0.0, drive + nu * second
        rows.append(((mu - mt * h * decay) * on_last, mt * h * on_last, on_before, mt * h * rate * on_last, drive))
    tables = np.array(rows, np.float32).reshape(-1, 5).T
    return np.ascontiguousarray(tables), np.float32(second if stages == 2 else 1.0)


# --- how many substeps and stages ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """How a field is advanced by one agent step.

    duration     h of the field's own time: the agent step, or for a quasi-steady field the time in which it settles
    uptake_cap   1/h, uptake above it is lowered to it
    error        estimated relative L2 error at the end of an agent step whose sources have just moved
    """

    order: int
    substeps: int
    stages: int
    duration: float
    uptake_cap: float
    error: float

    @property
    def evaluations(self) -> int:
        """Evaluations of the stencil per agent step."""
        return self.substeps * self.stages


@functools.cache
def spectrum(dims: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues of the grid's -Laplacian (times voxel^2), slowest first, and how many modes have each."""
    t = (np.arange(64) + 0.5) / 64
    axis, share = 2 - 2 * np.cos(np.pi * t * t), t / 32  # wave numbers pi t^2: dense where modes are slow
    values, weights = axis, share
    for _ in range(dims - 1):
        values, weights = np.add.outer(values, axis).ravel(), np.multiply.outer(weights, share).ravel()
    edges = 4 * dims * np.linspace(0, 1, 301) ** 2
    bins = np.minimum(np.searchsorted(edges, values, side="right") - 1, 299)
    count = np.bincount(bins, weights, 300)
    mean = np.bincount(bins, weights * values, 300)[count > 0] / count[count > 0]
    return mean, count[count > 0]


def moving_source_error(factor, rates, weights, step: float) -> float:
    """Return the relative L2 error after a step in which every mode was multiplied by ``factor``.

    The larger of two cases: point sources that began to act on an empty field, and point sources that had acted for ever
    and moved elsewhere at the start of the step. A point source drives all modes alike. A steady source is exact in the
    scheme, so a mode's error is ``(factor - exp(-rate step))`` times its distance from the steady state.
    """
    exact = np.exp(-rates * step)
    wrong = np.sum(weights * ((factor - exact) / rates) ** 2)
    new = np.sum(weights * (np.expm1(-rates * step) / rates) ** 2)
    settled = np.sum(weights * (exact**2 + np.expm1(-rates * step) ** 2) / rates**2)
    return math.sqrt(max(wrong / new, 2 * wrong / settled))


def default_uptake_cap(diffusivity: float, decay: float, voxel: float, step: float, dims: int) -> float:
    """Return the fastest uptake (1/h) a plan allows for where none is stated.

    A voxel that takes up much faster than it exchanges with its neighbours is empty at any rate of uptake.
    """
    return EXCHANGE_SHARE * 4 * dims * diffusivity / voxel**2 + max(decay, 1 / step)


@functools.cache
def plan(
    diffusivity: float,
    decay: float,
    voxel: float,
    step: float,
    accuracy: float,
    dims: int,
    theta: tuple[float, ...] = (1.0,),
    uptake_cap: float | None = None,
    quasi_steady: bool = False,
) -> Plan:
    """Choose the cheapest substeps and stages that keep the error of an agent step within ``accuracy``.

    diffusivity, decay, voxel, step   um^2/h, 1/h, um, h
    accuracy      relative L2 error allowed at every agent step, with sources that have just moved
    theta         values of D(x)/D: stable for the largest, accurate for all
    quasi_steady  the field follows its sources at once: substeps of order 1 over some half-lives bring it to its steady state

    From the linear analysis of the scheme over the modes of the grid, without uptake and with that of dense tissue.
    """
    if quasi_steady and decay <= 0:
        raise ValueError("a quasi-steady field needs a half-life")
    cap = default_uptake_cap(diffusivity, decay, voxel, step, dims) if uptake_cap is None else uptake_cap
    fastest = 4 * dims * diffusivity * max(theta) / voxel**2 + decay + cap
    goal = MARGIN * accuracy
    values, weights = spectrum(dims) if diffusivity > 0 else (np.zeros(1), np.ones(1))
    rates = [
        np.maximum(values * diffusivity * share / voxel**2 + decay + uptake, 1e-9 / step)
        for share in sorted({share for share in theta if share > 0} or {1.0})
        for uptake in (0.0, DENSE_SHARE * cap)
    ]

    def error(stages: int, substeps: int, order: int, duration: float) -> float:
        factors = [amplification(stages, order, r * duration / substeps) ** substeps for r in rates]
        if quasi_steady:
            return max(float(np.abs(factor).max()) for factor in factors)
        return max(moving_source_error(factor, r, weights, step) for factor, r in zip(factors, rates))

    best: Plan | None = None
    order = 1 if quasi_steady else 2
    durations = [n * math.log(2) / decay for n in SETTLING] if quasi_steady else [step]
    for duration in durations:
        for substeps in range(1, MOST_SUBSTEPS + 1):
            fewest = fewest_stages(fastest, duration / substeps, order)
            if best is not None and substeps * fewest >= best.evaluations:
                break
            for stages in range(fewest, fewest + EXTRA_STAGES):
                if best is not None and substeps * stages >= best.evaluations:
                    break
                estimate = error(stages, substeps, order, duration)
                if estimate <= goal:
                    best = Plan(order, substeps, stages, duration, cap, estimate)
                    break
    if best is None:
        raise ValueError(f"an accuracy of {accuracy:g} needs more than {MOST_SUBSTEPS} substeps per step of {step:g} h")
    return best
