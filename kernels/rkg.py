"""The Runge-Kutta-Gegenbauer scheme on the host, in float64: its polynomials, its error, and what each field needs.

A substep multiplies a mode that decays as ``exp(-z)`` by ``R(z) = (1 - share) G_inner(x) + share G_degree(x)`` with
``x = 1 - width z`` and G the Gegenbauer polynomials of index 4, scaled to 1 at x = 1. Both shares are positive, so a point
source makes nothing negative. ``inner`` 0 is RKG2; a larger one wipes out fast modes in the same substep instead of by
further ones. That is non-negative only where D is the same everywhere: between barriers, and at faces of fixed value, it
takes RKG2 in several substeps.
The form of the stages and what they are used for stand in ``diffusion.py``.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np

INDEX = 4  # of the Gegenbauer polynomials: non-negative also in 3D, see the positivity tests
MARGIN = 0.98  # of the accuracy asked for; an isolated source comes within 1 % of the estimate
MOST_SUBSTEPS = 400
MOST_STAGES = 1000
EXCHANGE_SHARE = 0.25  # default cap of uptake, as a share of the fastest rate of exchange with the neighbouring voxels
DENSE_SHARE = 0.03  # uptake everywhere, as a share of the cap, up to which the accuracy is planned
SHARES = np.linspace(0.5, 1.0, 11)[:, None, None]  # that a quasi-steady field tries
ABOVE = 1 + 1e-6  # what a scheme must reach beyond the fastest rate, for rounding


def _slope(degree):
    """The derivative at 1 of G."""
    return degree * (degree + 2 * INDEX) / (2 * INDEX + 1)


def _bend(degree):
    """The second derivative at 1 of G."""
    return _slope(degree) * (degree - 1) * (degree + 2 * INDEX + 1) / (2 * INDEX + 3)


def _ahead(degree):
    """The factor of x G in ``G_(degree + 1) = ahead x G_degree - behind G_(degree - 1)``."""
    return 2 * (degree + INDEX) / (degree + 2 * INDEX)


def _behind(degree):
    """The factor of the polynomial before in ``G_(degree + 1) = ahead x G_degree - behind G_(degree - 1)``."""
    return degree / (degree + 2 * INDEX)


def _gegenbauer(x):
    """Yield G_0(x), G_1(x), ..."""
    before, g, degree = np.zeros_like(x), np.ones_like(x), 0
    while True:
        yield g
        before, g = g, _ahead(degree) * x * g - _behind(degree) * before
        degree += 1


def _quotient(coefficients: list[float]) -> list[float]:
    """Return the coefficients in G of ``(f(x) - f(1)) / (x - 1)``, by Clenshaw's sum at 1."""
    later, sum_, found = 0.0, 0.0, []
    for degree in range(len(coefficients) - 1, 0, -1):
        later, sum_ = sum_, coefficients[degree] + _ahead(degree) * sum_ - _behind(degree + 1) * later
        found.append(_ahead(degree - 1) * sum_)
    return found[::-1]


@dataclass(frozen=True)
class Polynomial:
    """The factor R of a substep, see above."""

    degree: int
    inner: int
    share: float

    @property
    def width(self) -> float:
        """The width with which R'(0) is -1, that of exp(-z)."""
        return 1 / ((1 - self.share) * _slope(self.inner) + self.share * _slope(self.degree))

    @property
    def reach(self) -> float:
        """The largest z for which a substep is stable."""
        return 2 / self.width

    def __call__(self, z):
        """Return the factor of one substep on a mode that decays as ``exp(-z)``."""
        factor = np.zeros_like(z)
        for degree, g in zip(range(self.degree + 1), _gegenbauer(1 - self.width * z)):
            factor += (1 - self.share) * g if degree == self.inner else 0.0
            factor += self.share * g if degree == self.degree else 0.0
        return factor

    def correction(self) -> list[float]:
        """Return the coefficients in G of P in ``R = 1 - z + z^2 P``, lowest first; none is negative."""
        factor = [0.0] * (self.degree + 1)
        factor[self.inner] = 1 - self.share
        factor[self.degree] = self.share
        return [self.width**2 * coefficient for coefficient in _quotient(_quotient(factor))]


def second_order(degree: int, inner: int) -> Polynomial | None:
    """Return the polynomial with ``R''(0) = 1``, or None where there is none: the scheme is then of second order in time."""
    low, rise = _slope(inner), _slope(degree) - _slope(inner)
    bend, more = _bend(inner), _bend(degree) - _bend(inner)
    half = more / 2 - low * rise  # (low + share rise)^2 = bend + share more
    inside = half * half - rise * rise * (low * low - bend)
    return Polynomial(degree, inner, (half + math.sqrt(inside)) / rise**2) if inside >= 0 else None


def rkg2(degree: int) -> Polynomial:
    """Return the polynomial of second order whose inner degree is 0."""
    return Polynomial(degree, 0, _bend(degree) / _slope(degree) ** 2)


def fewest_stages(z: float) -> int:
    """Return the fewest stages with which one substep of second order is stable up to ``z``."""
    degree = 2
    while (degree - 1) * (degree + 2 * INDEX + 1) / (2 * INDEX + 3) < 0.5 * z * ABOVE:  # R''(0) = 1 with inner 0
        degree += 1
    return degree


def most_damping(degree: int, z: float) -> Polynomial:
    """Return the polynomial of second order that is stable up to ``z`` and damps fast modes best: of the largest inner degree."""
    for inner in range(degree - 1, 0, -1):
        found = second_order(degree, inner)
        if found is not None and found.reach >= z * ABOVE:
            return found
    return rkg2(degree)


def stage_table(polynomial: Polynomial, h: float, diffusivity: float, decay: float, voxel: float):
    """Return the tables (keep, lose, recall, spread, drive) of ``advance``, and the weight of the last stage.

    The stages are Clenshaw's sum of the correction, from the highest degree n to 0:
    ``b_k = a_k m + ahead_k x b_(k+1) - behind_(k+1) b_(k+2)``, and b_0 is p. The first, ``b_n = a_n m``, is a number times
    m: it goes into the next two and is never computed.
    """
    *others, first = polynomial.correction()
    n, x, rate = len(others), polynomial.width * h, diffusivity / voxel**2
    rows = []
    for k in reversed(range(n)):
        on_last = _ahead(k) * (first if k == n - 1 else 1.0)
        recall = _behind(k + 1) if k < n - 1 else 0.0
        drive = others[k] - (recall * first if k == n - 2 else 0.0)
        recall = recall if k < n - 2 else 0.0
        rows.append((on_last * (1 - x * decay), on_last * x, -recall, on_last * x * rate, drive))
    tables = np.array(rows, np.float32).reshape(-1, 5).T
    return np.ascontiguousarray(tables), np.float32(1.0 if rows else first)


# --- how many substeps and stages ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """How a field is advanced by one agent step.

    duration     h of the field's own time: the agent step, or for a quasi-steady field the time in which it settles
    uptake_cap   1/h, uptake above it is lowered to it
    error        estimated relative L2 error at the end of an agent step whose sources have just moved
    """

    polynomial: Polynomial
    substeps: int
    duration: float
    uptake_cap: float
    error: float

    @property
    def evaluations(self) -> int:
        """Evaluations of the stencil per agent step."""
        return self.substeps * self.polynomial.degree


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
    even: bool = False,
) -> Plan:
    """Choose the cheapest substeps and stages that keep the error of an agent step within ``accuracy``.

    diffusivity, decay, voxel, step   um^2/h, 1/h, um, h
    accuracy      relative L2 error allowed at every agent step, with sources that have just moved
    theta         values of D(x)/D: stable for the largest, accurate for all
    quasi_steady  the field follows its sources at once: one substep that leaves next to nothing of any mode
    even          the same D everywhere, and no face of fixed value: one long substep makes nothing negative

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
    if quasi_steady:
        polynomial, error = _settling(np.concatenate(rates) / (fastest * ABOVE), goal, SHARES if even else SHARES[-1:])
        return Plan(polynomial, 1, polynomial.reach / (fastest * ABOVE), cap, error)

    def attempt(stages: int, substeps: int) -> Plan:
        polynomial = most_damping(stages, fastest * step / substeps) if even else rkg2(stages)
        factors = [polynomial(r * step / substeps) ** substeps for r in rates]
        error = max(moving_source_error(factor, r, weights, step) for factor, r in zip(factors, rates))
        return Plan(polynomial, substeps, step, cap, error)

    best: Plan | None = None
    for substeps in range(1, MOST_SUBSTEPS + 1):
        fewest = fewest_stages(fastest * step / substeps)
        for stages in range(fewest, fewest + fewest // 4 + 8, 1 + fewest // 100):  # beyond, another substep is cheaper
            if best is not None and substeps * stages >= best.evaluations:
                break
            tried = attempt(stages, substeps)
            if tried.error <= goal:
                best = tried
        if best is not None and substeps * fewest >= best.evaluations:
            break
    if best is None:
        raise ValueError(f"an accuracy of {accuracy:g} needs more than {MOST_SUBSTEPS} substeps per step of {step:g} h")
    return best


def _settling(rates: np.ndarray, goal: float, shares: np.ndarray) -> tuple[Polynomial, float]:
    """Return the polynomial of lowest degree that leaves at most ``goal`` of any mode, and what it leaves.

    rates    of the modes, as shares of the fastest
    shares   of the polynomial of the highest degree, to try
    """
    known = np.zeros((0, len(rates)))
    for degree, g in zip(range(MOST_STAGES), _gegenbauer(1 - 2 * rates)):
        if degree > 1:
            left = np.abs((1 - shares) * known + shares * g).max(axis=2)
            share, inner = np.unravel_index(left.argmin(), left.shape)
            if left[share, inner] <= goal:
                return Polynomial(degree, int(inner), float(shares[share, 0, 0])), float(left[share, inner])
        known = np.vstack([known, g])
    raise ValueError(f"an accuracy of {goal / MARGIN:g} needs more than {MOST_STAGES} stages in a quasi-steady field")
