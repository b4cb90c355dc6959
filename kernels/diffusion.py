"""Diffusion with decay, uptake and sources: one stabilised explicit solver for 2D and 3D, any D(x), every kind of face.

A field obeys ``du/dt = L u + S`` with ``L u = div(D theta grad u) - (decay + uptake) u``. Units: um, h, and the unit of the
field. A step is cut into substeps of second-order Runge-Kutta-Gegenbauer (RKG2, index 4). One substep of length h is

    m   = h (L u + S)
    p_1 = 0,   p_j = mu_j p_(j-1) + nu_j p_(j-2) + mt_j h L p_(j-1) + mt_j c_(j-1) m
    new = u + m + h L p_s = u + L y + h S   with   y = h (u + p_s)

``c_j m + h L p_j`` is stage j of the usual increment form. Held as p, the stages give the scheme's own time integral y of
the field at no cost, and what decays, is taken up or leaves by a face is summed from y: the budget is that of the solver.

Lengths, numbers of substeps and of stages are fixed beforehand (``plan``), from D, decay, voxel and step alone.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np

from kernels.grid import Grid
from kernels.launch import device, grid_kernel, kernel, relay_kernel

U = np.uint64
ONE = U(1)
LANES = U(16)  # partial sums along a line: neighbouring threads of a GPU read neighbouring voxels
LANE_BITS = U(4)
LAST_LANE = U(15)
ZERO = np.float32(0.0)
COUNT = np.float32(1.0)

NO_FLUX, VALUE, PERIODIC = FACES = ("no_flux", "value", "periodic")
SUMS = ("mass", "clamped", "exposure", "taken", "secreted", "limited")
INDEX = 4  # of the Gegenbauer polynomials: non-negative also in 3D, see the positivity tests
MARGIN = 0.98  # of the accuracy asked for; an isolated source comes within 1 % of the estimate
MOST_SUBSTEPS = 400
EXTRA_STAGES = 6  # beyond those needed for stability, where they are cheaper than another substep
EXCHANGE_SHARE = 0.25  # default cap of uptake, as a share of the fastest rate of exchange with the neighbouring voxels
DENSE_SHARE = 0.03  # uptake everywhere, as a share of the cap, up to which the accuracy is planned
SETTLING = range(4, 41)  # half-lives that a quasi-steady field may take to settle


# --- one stencil --------------------------------------------------------------------------------------------------------


@device
def along(u, q, v, step):
    """Return what flows into voxel ``v`` along one axis, over D/h^2 and over q[v]: its neighbours are ``step`` away."""
    return q[v + step] * (u[v + step] - u[v]) + q[v - step] * (u[v - step] - u[v])


@device
def inflow_2d(u, q, v, sy, sz):
    """Return what flows into voxel ``v`` from its 4 neighbours, over D/h^2."""
    return q[v] * (along(u, q, v, ONE) + along(u, q, v, sy))


@device
def inflow_3d(u, q, v, sy, sz):
    """Return what flows into voxel ``v`` from its 6 neighbours, over D/h^2."""
    return q[v] * ((along(u, q, v, ONE) + along(u, q, v, sy)) + along(u, q, v, sz))


@device
def begin(v, inflow, u, m, source, uptake, spread, h, decay):
    """Write ``m = h (L u + S)``. spread = h D / voxel^2"""
    m[v] = spread * inflow + h * (source[v] - (decay + uptake[v]) * u[v])


@device
def advance(v, inflow, last, before, m, uptake, keep, lose, recall, spread, drive):
    """Write stage j over stage j - 2 in ``before``; ``last`` is stage j - 1."""
    before[v] = ((keep - lose * uptake[v]) * last[v] + recall * before[v]) + (spread * inflow + drive * m[v])


@device
def finish(v, inflow, u, exposure, last, m, uptake, weight, spread, h, decay, level):
    """Add the substep to ``u``, and its integral above ``level`` to ``exposure``; the last stage is ``weight * last``."""
    p = weight * last[v]
    exposure[v] += h * ((u[v] - level) + p)
    u[v] += m[v] + (weight * spread * inflow - h * ((decay + uptake[v]) * p))


@grid_kernel
def begin_2d(v, sy, sz, q, u, m, source, uptake, spread, h, decay):
    """Begin a substep, see ``begin``. q  float32[voxels]  square root of D(x)/D, see ``Faces.weights``"""
    begin(v, inflow_2d(u, q, v, sy, sz), u, m, source, uptake, spread, h, decay)


@grid_kernel
def begin_3d(v, sy, sz, q, u, m, source, uptake, spread, h, decay):
    """Begin a substep, see ``begin``. q  float32[voxels]  square root of D(x)/D, see ``Faces.weights``"""
    begin(v, inflow_3d(u, q, v, sy, sz), u, m, source, uptake, spread, h, decay)


@relay_kernel(5)
def advance_2d(v, sy, sz, before, last, keep, lose, recall, spread, drive, q, m, uptake):
    """Compute stages one after the other, see ``advance``; the five tables are those of ``stage_table``."""
    advance(v, inflow_2d(last, q, v, sy, sz), last, before, m, uptake, keep, lose, recall, spread, drive)


@relay_kernel(5)
def advance_3d(v, sy, sz, before, last, keep, lose, recall, spread, drive, q, m, uptake):
    """Compute stages one after the other, see ``advance``; the five tables are those of ``stage_table``."""
    advance(v, inflow_3d(last, q, v, sy, sz), last, before, m, uptake, keep, lose, recall, spread, drive)


@grid_kernel
def finish_2d(v, sy, sz, q, u, exposure, last, m, uptake, weight, spread, h, decay, level):
    """Finish a substep, see ``finish``."""
    finish(v, inflow_2d(last, q, v, sy, sz), u, exposure, last, m, uptake, weight, spread, h, decay, level)


@grid_kernel
def finish_3d(v, sy, sz, q, u, exposure, last, m, uptake, weight, spread, h, decay, level):
    """Finish a substep, see ``finish``."""
    finish(v, inflow_3d(last, q, v, sy, sz), u, exposure, last, m, uptake, weight, spread, h, decay, level)


# --- before and after ---------------------------------------------------------------------------------------------------


@grid_kernel
def limit_uptake(v, sy, sz, uptake, exposure, first, second, cap):
    """Lower uptake to ``cap`` (1/h), for which the number of stages is right, and clear what a step adds up."""
    uptake[v] = cap if uptake[v] > cap else uptake[v]
    exposure[v] = ZERO
    first[v] = ZERO
    second[v] = ZERO


@kernel
def copy_voxels(i, values, to, origin):
    """Copy voxel ``origin[i]`` to ``to[i]``: the halo at periodic faces."""
    values[to[i]] = values[origin[i]]


@kernel
def fill_voxels(i, values, to, value):
    """Set voxel ``to[i]`` to ``value``: the halo at faces of fixed value."""
    values[to[i]] = value


@kernel
def tally(i, starts, nx, n, u, exposure, source, uptake, cap, base, sums):
    """Set negative values to zero and sum one lane of a line of voxels, in the order of ``SUMS``.

    i         line * 16 + lane;  starts  uint64[lines]  first voxel of each line of ``nx``
    u         float32[voxels]    written where negative
    exposure  float32[voxels]    integral of u over the step, less ``base``
    sums      float32[6 * n]     written
    """
    mass = clamped = exposed = taken = secreted = limited = ZERO
    start = starts[i >> LANE_BITS]
    x = i & LAST_LANE
    while x < U(nx):
        v = start + x
        amount = u[v]
        if amount < ZERO:
            clamped += amount
            amount = ZERO
            u[v] = amount
        mass += amount
        integral = exposure[v] + base
        exposed += integral
        taken += uptake[v] * integral
        secreted += source[v]
        if uptake[v] >= cap and integral > ZERO:
            limited += COUNT
        x += LANES
    sums[i] = mass
    sums[i + U(n)] = clamped
    sums[i + U(2) * U(n)] = exposed
    sums[i + U(3) * U(n)] = taken
    sums[i + U(4) * U(n)] = secreted
    sums[i + U(5) * U(n)] = limited


@kernel
def leave_by_faces(i, inside, outside, q, exposure, rate, out):
    """Compute what left by part ``i`` of the faces of fixed value; ``exposure`` is above that value. rate = D / voxel^2"""
    out[i] = rate * (q[inside[i]] * q[outside[i]]) * exposure[inside[i]]


# --- the scheme ---------------------------------------------------------------------------------------------------------


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


# --- faces --------------------------------------------------------------------------------------------------------------


class Faces:
    """What the halo of a grid holds, from the kind of the faces across x, y and z: no_flux, value or periodic.

    no_flux    halo q = 0
    value      halo u = value and halo q = 2 q inside: the value holds on the face, half a voxel away (second order). The
               halo is no unknown, so no rate exceeds ``4 dims D max(theta) / voxel^2``, also in a corner (Gershgorin).
    periodic   halo = the voxel at the opposite face, copied after every stage
    """

    def __init__(self, machine, grid: Grid, kinds: tuple[str, ...]):
        self.machine, self.grid, self.kinds = machine, grid, tuple(kinds[: grid.dims])
        if unknown := [kind for kind in self.kinds if kind not in FACES]:
            raise ValueError(f"a face cannot be {unknown[0]!r}; it is one of {', '.join(FACES)}")
        empty = np.zeros((grid.slabs, 0), np.uint64)
        fixed, wrapped = [(empty, empty)], [(empty, empty)]
        for axis, kind in enumerate(self.kinds):
            low_halo, low, high, high_halo = _ends(grid, axis)
            if kind == VALUE:
                fixed += [(low_halo, low), (high_halo, high)]
            elif kind == PERIODIC:
                wrapped += [(low_halo, high), (high_halo, low)]
        self._tables = [np.concatenate(parts, axis=1).ravel() for pairs in (fixed, wrapped) for parts in zip(*pairs)]
        self.fixed_halo, self.fixed_inside, self.wrapped_halo, self.wrapped_origin = map(machine.put, self._tables)

    def weights(self, theta=None):
        """Return q, the square root of ``theta`` = D(x)/D (one value per padded voxel, or None for 1), with its halo."""
        q = np.zeros(self.grid.size, np.float32)
        self.grid.inner(q)[:] = 1.0 if theta is None else np.sqrt(self.grid.inner(np.asarray(theta, np.float64)))
        fixed_halo, fixed_inside, wrapped_halo, wrapped_origin = self._tables
        q[fixed_halo] = 2 * q[fixed_inside]
        q[wrapped_halo] = q[wrapped_origin]
        return self.machine.put(q)

    def wrap(self, values) -> None:
        """Copy the voxels at periodic faces to the halo opposite."""
        if len(self.wrapped_halo):
            copy_voxels(self.machine, len(self.wrapped_halo), values, self.wrapped_halo, self.wrapped_origin)

    def fix(self, values, value) -> None:
        """Write the value of the faces of fixed value into the halo."""
        if len(self.fixed_halo):
            fill_voxels(self.machine, len(self.fixed_halo), values, self.fixed_halo, value)


def _ends(grid: Grid, axis: int) -> list[np.ndarray]:
    """Voxels at the two ends of an axis, as (slab, place): halo, first, last, halo."""
    cut = [slice(None), slice(1, -1) if grid.dims == 3 else slice(None), slice(1, -1), slice(1, -1)]
    cut[3 - axis] = slice(None)
    voxels = np.arange(grid.size, dtype=np.uint64).reshape(grid.padded_shape)[tuple(cut)]
    lines = np.moveaxis(voxels, 3 - axis, -1)
    return [lines[..., place].reshape(grid.slabs, -1) for place in (0, 1, -2, -1)]


# --- one field ----------------------------------------------------------------------------------------------------------


class Work:
    """Arrays that a field needs while it is advanced. Fields whose faces are of the same kinds can share them in turn."""

    def __init__(self, machine, grid: Grid):
        self.m, self.first, self.second, self.exposure = (machine.zeros(grid.size, np.float32) for _ in range(4))


class Solver:
    """Advances one field by agent steps, the same number of stages each, and sums its budget.

    diffusivity, decay   um^2/h, 1/h
    value                at faces of fixed value
    q                    ``faces.weights(theta)``, or None for the same D everywhere
    """

    def __init__(self, faces: Faces, plan: Plan, diffusivity: float, decay: float, value: float = 0.0, q=None):
        self.machine, self.grid, self.faces, self.plan = faces.machine, faces.grid, faces, plan
        machine, grid = faces.machine, faces.grid
        h = plan.duration / plan.substeps
        self.q = faces.weights() if q is None else q
        tables, self.weight = stage_table(plan.stages, plan.order, h, diffusivity, decay, grid.h)
        self.tables = [machine.put(table) for table in tables]
        self.h, self.decay, self.cap = np.float32(h), np.float32(decay), np.float32(plan.uptake_cap)
        self.rate, self.spread = np.float32(diffusivity / grid.h**2), np.float32(h * diffusivity / grid.h**2)
        self.value = np.float32(value)
        self.level = self.value if len(faces.fixed_inside) else ZERO  # exposure is above it: exact where u is near it
        self.duration = plan.substeps * float(self.h)
        self.base = np.float32(float(self.level) * self.duration)
        self.starts = machine.put(grid.inner(np.arange(grid.size, dtype=np.uint64))[..., 0].ravel())
        self.left = machine.zeros(len(faces.fixed_inside), np.float32)
        both = ((begin_2d, advance_2d, finish_2d), (begin_3d, advance_3d, finish_3d))
        self._begin, self._advance, self._finish = both[grid.dims == 3]

    def advance(self, u, source, uptake, work: Work, sums) -> None:
        """Advance ``u`` by one agent step in which ``source`` (per h) and ``uptake`` (1/h, beside decay) are constant.

        All are float32, one value per padded voxel. Uptake above the plan's cap is lowered in place.
        sums   float32[n_sums(grid)], written: partial sums for ``budget``
        """
        machine, grid, faces, q = self.machine, self.grid, self.faces, self.q
        limit_uptake(machine, grid, uptake, work.exposure, work.first, work.second, self.cap)
        faces.fix(u, self.value)
        for _ in range(self.plan.substeps):
            faces.wrap(u)
            self._begin(machine, grid, q, u, work.m, source, uptake, self.spread, self.h, self.decay)
            faces.wrap(work.m)
            last = self._stages(work, q, uptake)
            self._finish(
                machine, grid, q, u, work.exposure, last, work.m, uptake, self.weight, self.spread, self.h, self.decay,
                self.level,
            )  # fmt: skip
        self.count(u, source, uptake, work, sums)
        if len(self.left):
            leave_by_faces(
                machine, len(self.left), faces.fixed_inside, faces.fixed_halo, q, work.exposure, self.rate, self.left
            )

    def _stages(self, work: Work, q, uptake):
        """Compute all stages of a substep and return the array of the last."""
        n, faces = len(self.tables[0]), self.faces
        last, spare = work.second, work.first
        last[:] = work.m
        if not len(faces.wrapped_halo):
            self._advance(self.machine, self.grid, spare, last, *self.tables, q, work.m, uptake)
            return last if n % 2 == 0 else spare
        for stage in range(n):
            row = [table[stage : stage + 1] for table in self.tables]
            self._advance(self.machine, self.grid, spare, last, *row, q, work.m, uptake)
            last, spare = spare, last
            faces.wrap(last)
        return last

    def count(self, u, source, uptake, work: Work, sums) -> None:
        """Sum what there is, with the exposure in ``work``; negative values of ``u`` become zero."""
        n = self.grid.lines * int(LANES)
        tally(
            self.machine, n, self.starts, self.grid.nx, n, u, work.exposure, source, uptake, self.cap, self.base, sums
        )  # fmt: skip

    def budget(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        """Return the last step's amounts (concentration times voxels) per slab, from its ``totals``, float64[6, slabs].

        mass is what is there now, the others are of this step: secreted = change of mass + decayed + taken + left + clamped.
        Setting a negative value to zero adds mass: clamped is not positive. limited is a number of voxels.
        """
        total = dict(zip(SUMS, totals))
        left = self.machine.get(self.left).reshape(self.grid.slabs, -1).sum(axis=1, dtype=np.float64)
        return {
            "mass": total["mass"],
            "secreted": total["secreted"] * self.duration,
            "decayed": total["exposure"] * float(self.decay),
            "taken": total["taken"],
            "left": left,
            "clamped": total["clamped"],
            "limited": total["limited"],
        }


def n_sums(grid: Grid) -> int:
    """Return the length of the array of partial sums that ``Solver.advance`` writes."""
    return len(SUMS) * grid.lines * int(LANES)


def totals(sums: np.ndarray, grid: Grid) -> np.ndarray:
    """Add up what ``Solver.advance`` wrote, on the host and in float64: (..., n_sums) becomes (..., 6, slabs)."""
    lanes = grid.lines // grid.slabs * int(LANES)
    return sums.reshape(*sums.shape[:-1], len(SUMS), grid.slabs, lanes).sum(axis=-1, dtype=np.float64)
