"""Diffusion with decay, uptake and sources: one stabilised explicit solver for 2D and 3D, any D(x), every kind of face.

A field obeys ``du/dt = L u + S`` with ``L u = div(D theta grad u) - (decay + uptake) u``. Units: um, h, and the unit of the
field. A step is cut into substeps (mostly one) of Runge-Kutta-Gegenbauer type. One substep of length h is

    m   = h (L u + S)
    p   = P(h L) m                                  the correction, a polynomial of ``rkg.py``, by Clenshaw's sum
    new = u + m + h L p = u + L y + h S   with   y = h (u + p)

So the scheme's own time integral y of the field comes at no cost, and what decays, is taken up or leaves by a face is
summed from y: the budget is that of the solver, to the bit, however the stages of p were rounded.

Lengths, numbers of substeps and of stages are fixed beforehand (``rkg.plan``), from D, decay, voxel and step alone.
"""

import functools
from collections.abc import Sequence

import numpy as np

from kernels.grid import Grid
from kernels.launch import grid_kernel, kernel, relay_kernel
from kernels.rkg import Plan, stage_table
from kernels.source import device

U = np.uint64
ONE = U(1)
LINES = U(16)  # of voxels along x that a partial sum goes over
ZERO = np.float32(0.0)
COUNT = np.float32(1.0)
# A concentration below is none: in pg/mL or uM less than a billionth of a molecule in a voxel. Else what has decayed for days
# ends in numbers so small (denormal) that many processors take fifty times as long for them.
LEAST = np.float32(2.0**-66)
NO_SUBSTEP = np.int64(0)

NO_FLUX, VALUE, PERIODIC = FACES = ("no_flux", "value", "periodic")
SUMS = ("mass", "clamped", "exposure", "taken", "secreted", "limited")


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
def at_most(rate, cap):
    """Return ``rate``, or ``cap`` where it is above; what is not a number stays so."""
    return cap if rate > cap else rate


@device
def begin(v, inflow, u, m, last, before, loss, source, uptake, outward, cap, rate, spread, h, decay):
    """Write ``m = h (L u + S)``, also as the last stage; the one before is 0. spread = h rate

    cap       1/h: uptake at most so high has the right number of stages
    loss      float32[voxels]  written, 1/h: uptake and what flows out to the neighbours, ``rate = D / voxel^2`` each
    outward   float32[voxels]  from ``Faces.outward``
    """
    taken = at_most(uptake[v], cap)
    change = spread * inflow + h * (source[v] - (decay + taken) * u[v])
    m[v] = change
    last[v] = change
    before[v] = ZERO
    loss[v] = taken + rate * outward[v]


@device
def advance(v, around, last, before, m, loss, keep, lose, recall, spread, drive):
    """Write stage j over stage j - 2 in ``before``; ``last`` is stage j - 1, and ``around`` its sum over the neighbours.

    What flows out of the voxel is part of ``loss``, see ``begin``: a third fewer reads than by differences.
    """
    before[v] = ((keep - lose * loss[v]) * last[v] + recall * before[v]) + (spread * around + drive * m[v])


@device
def finish(v, inflow, u, exposure, last, m, uptake, cap, weight, spread, h, decay, level, adds):
    """Add the substep to ``u``, and its integral above ``level`` to ``exposure``; the last stage is ``weight * last``.

    adds   int64   0 in the first substep of a step: there the integral begins
    """
    p = weight * last[v]
    exposure[v] = (exposure[v] if adds > NO_SUBSTEP else ZERO) + h * ((u[v] - level) + p)
    u[v] += m[v] + (weight * spread * inflow - h * ((decay + at_most(uptake[v], cap)) * p))


@grid_kernel
def begin_2d(v, sy, sz, q, u, m, last, before, loss, source, uptake, outward, cap, rate, spread, h, decay):
    """Begin a substep, see ``begin``. q  float32[voxels]  square root of D(x)/D, see ``Faces.weights``"""
    inflow = inflow_2d(u, q, v, sy, sz)
    begin(v, inflow, u, m, last, before, loss, source, uptake, outward, cap, rate, spread, h, decay)


@grid_kernel
def begin_3d(v, sy, sz, q, u, m, last, before, loss, source, uptake, outward, cap, rate, spread, h, decay):
    """Begin a substep, see ``begin``. q  float32[voxels]  square root of D(x)/D, see ``Faces.weights``"""
    inflow = inflow_3d(u, q, v, sy, sz)
    begin(v, inflow, u, m, last, before, loss, source, uptake, outward, cap, rate, spread, h, decay)


@relay_kernel(5)
def advance_2d(v, sy, sz, before, last, keep, lose, recall, spread, drive, m, loss):
    """Compute stages one after the other, see ``advance``, where D is the same everywhere: the halo holds 0, or is wrapped.

    keep ... drive   from ``stage_table``;  loss   float32[voxels]   from ``begin``
    """
    around = (last[v + ONE] + last[v - ONE]) + (last[v + sy] + last[v - sy])
    advance(v, around, last, before, m, loss, keep, lose, recall, spread, drive)


@relay_kernel(5)
def advance_3d(v, sy, sz, before, last, keep, lose, recall, spread, drive, m, loss):
    """Compute stages one after the other, see ``advance_2d``."""
    around = ((last[v + ONE] + last[v - ONE]) + (last[v + sy] + last[v - sy])) + (last[v + sz] + last[v - sz])
    advance(v, around, last, before, m, loss, keep, lose, recall, spread, drive)


@device
def both(q, u, v, step):
    """Return the weighted sum of the two neighbours of voxel ``v`` along one axis."""
    return q[v + step] * u[v + step] + q[v - step] * u[v - step]


@relay_kernel(5)
def advance_varied_2d(v, sy, sz, before, last, keep, lose, recall, spread, drive, q, m, loss):
    """Compute stages one after the other, see ``advance_2d``, where D varies: q is the square root of D(x)/D."""
    around = q[v] * (both(q, last, v, ONE) + both(q, last, v, sy))
    advance(v, around, last, before, m, loss, keep, lose, recall, spread, drive)


@relay_kernel(5)
def advance_varied_3d(v, sy, sz, before, last, keep, lose, recall, spread, drive, q, m, loss):
    """Compute stages one after the other, see ``advance_varied_2d``."""
    around = q[v] * ((both(q, last, v, ONE) + both(q, last, v, sy)) + both(q, last, v, sz))
    advance(v, around, last, before, m, loss, keep, lose, recall, spread, drive)


@grid_kernel
def finish_2d(v, sy, sz, q, u, exposure, last, m, uptake, cap, weight, spread, h, decay, level, adds):
    """Finish a substep, see ``finish``."""
    inflow = inflow_2d(last, q, v, sy, sz)
    finish(v, inflow, u, exposure, last, m, uptake, cap, weight, spread, h, decay, level, adds)


@grid_kernel
def finish_3d(v, sy, sz, q, u, exposure, last, m, uptake, cap, weight, spread, h, decay, level, adds):
    """Finish a substep, see ``finish``."""
    inflow = inflow_3d(last, q, v, sy, sz)
    finish(v, inflow, u, exposure, last, m, uptake, cap, weight, spread, h, decay, level, adds)


# --- before and after ---------------------------------------------------------------------------------------------------


@kernel
def copy_voxels(i, values, to, origin):
    """Copy voxel ``origin[i]`` to ``to[i]``: the halo at periodic faces."""
    values[to[i]] = values[origin[i]]


@kernel
def fill_voxels(i, values, to, value):
    """Set voxel ``to[i]`` to ``value``: the halo at faces of fixed value."""
    values[to[i]] = value


@kernel
def tally(i, starts, n_lines, nx, columns, n, u, exposure, source, uptake, cap, base, sums):
    """Set values below LEAST to zero and sum over LINES lines of a slab, column by column, in the order of ``SUMS``.

    i         block of lines * parts of a line + part: ``columns`` neighbouring voxels
    starts    uint64[lines]      first voxel of each line of ``nx``;  n_lines  of a slab
    u         float32[voxels]    written where below
    exposure  float32[voxels]    integral of u over the step, less ``base``
    sums      float32[6 * n]     written: n columns of blocks
    """
    parts = (U(nx) + U(columns) - ONE) // U(columns)
    block = i // parts
    left = i % parts * U(columns)
    count = min(U(columns), U(nx) - left)
    blocks = (U(n_lines) + LINES - ONE) // LINES
    above = block % blocks * LINES
    first = block // blocks * U(n_lines) + above
    mass = block * U(nx) + left
    clamped, exposed, taken = mass + U(n), mass + U(2) * U(n), mass + U(3) * U(n)
    secreted, limited = mass + U(4) * U(n), mass + U(5) * U(n)
    for c in range(count):
        sums[mass + U(c)] = ZERO
        sums[clamped + U(c)] = ZERO
        sums[exposed + U(c)] = ZERO
        sums[taken + U(c)] = ZERO
        sums[secreted + U(c)] = ZERO
        sums[limited + U(c)] = ZERO
    for line in range(min(LINES, U(n_lines) - above)):
        start = starts[first + U(line)] + left
        for c in range(count):
            v = start + U(c)
            amount = u[v]
            integral = exposure[v] + base
            too_much = COUNT if uptake[v] >= cap else ZERO
            u[v] = ZERO if amount < LEAST else amount
            sums[mass + U(c)] += ZERO if amount < LEAST else amount
            sums[clamped + U(c)] += amount if amount < ZERO else ZERO
            sums[exposed + U(c)] += integral
            sums[taken + U(c)] += at_most(uptake[v], cap) * integral
            sums[secreted + U(c)] += source[v]
            sums[limited + U(c)] += too_much if integral > ZERO else ZERO


@kernel
def add_up(i, blocks, nx, columns, sums, fewer):
    """Add up LINES blocks of a slab that ``tally`` has summed, column by column, one after the other.

    i       row of ``fewer`` * parts of a row + part: ``columns`` neighbouring numbers;  blocks  of a slab
    sums    float32   rows of ``nx`` numbers, one for each block;  fewer  float32  written: one for each LINES blocks
    """
    parts = (U(nx) + U(columns) - ONE) // U(columns)
    row = i // parts
    left = i % parts * U(columns)
    count = min(U(columns), U(nx) - left)
    groups = (U(blocks) + LINES - ONE) // LINES
    above = row % groups * LINES
    start = (row // groups * U(blocks) + above) * U(nx) + left
    to = row * U(nx) + left
    for c in range(count):
        fewer[to + U(c)] = ZERO
    for block in range(min(LINES, U(blocks) - above)):
        for c in range(count):
            fewer[to + U(c)] += sums[start + U(block) * U(nx) + U(c)]


@kernel
def leave_by_faces(i, inside, outside, q, exposure, rate, out):
    """Compute what left by part ``i`` of the faces of fixed value; ``exposure`` is above that value. rate = D / voxel^2"""
    out[i] = rate * (q[inside[i]] * q[outside[i]]) * exposure[inside[i]]


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

    @functools.cached_property
    def uniform(self) -> tuple:
        """The ``weights`` and ``outward`` of the same D everywhere."""
        return self.of(None)

    def of(self, theta) -> tuple:
        """Return the ``weights`` and ``outward`` of D(x)/D."""
        q = self.weights(theta)
        return q, self.outward(q)

    def weights(self, theta=None):
        """Return q, the square root of ``theta`` = D(x)/D (one value per padded voxel, or None for 1), with its halo."""
        q = np.zeros(self.grid.size, np.float32)
        self.grid.inner(q)[:] = 1.0 if theta is None else np.sqrt(self.grid.inner(np.asarray(theta, np.float64)))
        fixed_halo, fixed_inside, wrapped_halo, wrapped_origin = self._tables
        q[fixed_halo] = 2 * q[fixed_inside]
        q[wrapped_halo] = q[wrapped_origin]
        return self.machine.put(q)

    def outward(self, q):
        """Return how many neighbours each voxel loses to, by their weights: q times the sum of q around it."""
        inner, host = self.grid.inner, self.machine.get(q).astype(np.float64)
        steps = (1, self.grid.sy, self.grid.sz)[: self.grid.dims]
        around = np.sum([np.roll(host, step) + np.roll(host, -step) for step in steps], axis=0)
        outward = np.zeros(self.grid.size, np.float32)
        inner(outward)[:] = inner(host * around)
        return self.machine.put(outward)

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

    def __init__(self, m, loss, first, second, exposure, sums):
        self.m, self.loss, self.first, self.second, self.exposure, self.sums = m, loss, first, second, exposure, sums

    @classmethod
    def on(cls, machine, grid: Grid) -> "Work":
        """Allocate: float32, one value per padded voxel."""
        begin = grid.sz + grid.sy + 1  # of the voxels inside
        arrays = (machine.zeros_on_line(grid.size, np.float32, begin) for _ in range(5))
        return cls(*arrays, machine.zeros(n_block_sums(grid), np.float32))


class Solver:
    """Advances one field by agent steps, the same number of stages each, and sums its budget.

    diffusivity, decay   um^2/h, 1/h
    value                at faces of fixed value
    theta                D(x)/D of every padded voxel, or None for the same D everywhere
    """

    def __init__(self, faces: Faces, plan: Plan, diffusivity: float, decay: float, value: float = 0.0, theta=None):
        self.machine, self.grid, self.faces, self.plan = faces.machine, faces.grid, faces, plan
        machine, grid = faces.machine, faces.grid
        h = plan.duration / plan.substeps
        self.q, self.outward = faces.uniform if theta is None else faces.of(theta)
        tables, self.weight = stage_table(plan.polynomial, h, diffusivity, decay, grid.h)
        self.tables = [machine.put(table) for table in tables]
        self.h, self.decay, self.cap = np.float32(h), np.float32(decay), np.float32(plan.uptake_cap)
        self.rate, self.spread = np.float32(diffusivity / grid.h**2), np.float32(h * diffusivity / grid.h**2)
        self.value = np.float32(value)
        self.level = self.value if len(faces.fixed_inside) else ZERO  # exposure is above it: exact where u is near it
        self.duration = plan.substeps * float(self.h)
        self.base = np.float32(float(self.level) * self.duration)
        self.starts = machine.put(grid.inner(np.arange(grid.size, dtype=np.uint64))[..., 0].ravel())
        self.left = machine.zeros(len(faces.fixed_inside), np.float32)
        self._begin, self._finish = (begin_3d, finish_3d) if grid.dims == 3 else (begin_2d, finish_2d)
        if theta is None:
            self.advance_stages, self._weights = (advance_3d if grid.dims == 3 else advance_2d), ()
        else:
            self.advance_stages, self._weights = (advance_varied_3d if grid.dims == 3 else advance_varied_2d), (self.q,)

    def advance(self, u, source, uptake, work: Work, sums) -> None:
        """Advance ``u`` by one agent step in which ``source`` (per h) and ``uptake`` (1/h, beside decay) are constant.

        All are float32, one value per padded voxel. Uptake above the plan's cap counts as the cap.
        sums   float32[n_sums(grid)], written: partial sums for ``budget``
        """
        self.faces.fix(u, self.value)
        for substep in range(self.plan.substeps):
            self.faces.wrap(u)
            self.open(u, source, uptake, work)
            self.close(u, uptake, work, self._stages(work), substep)
        self.sum_up(u, source, uptake, work, sums)

    def open(self, u, source, uptake, work: Work) -> None:
        """Begin a substep."""
        self._begin(
            self.machine, self.grid, self.q, u, work.m, work.second, work.first, work.loss, source, uptake, self.outward,
            self.cap, self.rate, self.spread, self.h, self.decay,
        )  # fmt: skip

    def close(self, u, uptake, work: Work, last, substep: int) -> None:
        """Finish a substep whose last stage is ``last``."""
        self._finish(
            self.machine, self.grid, self.q, u, work.exposure, last, work.m, uptake, self.cap, self.weight, self.spread,
            self.h, self.decay, self.level, substep,
        )  # fmt: skip

    def sum_up(self, u, source, uptake, work: Work, sums) -> None:
        """Sum what became of the field in a step."""
        self.count(u, source, uptake, work, sums)
        if len(self.left):
            leave_by_faces(
                self.machine, len(self.left), self.faces.fixed_inside, self.faces.fixed_halo, self.q, work.exposure,
                self.rate, self.left,
            )  # fmt: skip

    @property
    def can_join(self) -> bool:
        """Whether others can be advanced with this field: one substep, whose stages need only the tables."""
        return self.plan.substeps == 1 and not self._weights and not len(self.faces.wrapped_halo)

    def _stages(self, work: Work):
        """Compute all stages of a substep and return the array of the last."""
        n, faces, given = len(self.tables[0]), self.faces, (*self._weights, work.m, work.loss)
        last, spare = work.second, work.first
        if not len(faces.wrapped_halo):
            self.advance_stages(self.machine, self.grid, spare, last, *self.tables, *given)
            return last if n % 2 == 0 else spare
        faces.wrap(last)
        for stage in range(n):
            row = [table[stage : stage + 1] for table in self.tables]
            self.advance_stages(self.machine, self.grid, spare, last, *row, *given)
            last, spare = spare, last
            faces.wrap(last)
        return last

    def count(self, u, source, uptake, work: Work, sums) -> None:
        """Sum what there is, with the exposure in ``work``; negative values of ``u`` become zero."""
        grid, machine = self.grid, self.machine
        columns = grid.nx if machine.target == "cpu" else 1  # neighbouring threads of a GPU read neighbouring voxels
        blocks, parts, few = _blocks(grid), -(-grid.nx // columns), _has_few_blocks(grid)
        tally(
            machine, grid.slabs * blocks * parts, self.starts, grid.ny * grid.nz, grid.nx, columns,
            grid.slabs * blocks * grid.nx, u, work.exposure, source, uptake, self.cap, self.base,
            sums if few else work.sums,
        )  # fmt: skip
        if not few:  # what the host must read and add is the less
            rows = len(sums) // grid.nx
            add_up(machine, rows * parts, blocks, grid.nx, columns, work.sums, sums)

    def budget(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        """Return the last step's amounts (concentration times voxels) per slab, from its ``totals``, float64[6, slabs].

        mass is what is there now, the others are of this step: secreted = change of mass + decayed + taken + left + clamped.
        Setting a negative value to zero adds mass: clamped is not positive. limited is a number of voxels.
        """
        total = dict(zip(SUMS, totals))
        left = np.zeros(self.grid.slabs)
        if len(self.left):
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


class Together:
    """Advances several fields by a step, all of whose solvers ``can_join``, with one launch for each stage of all.

    What a launch costs a GPU counts where grids are small.

    solvers   those with most stages first
    sums      float32[fields * n_sums(grid)], written: partial sums of all for ``budget``, to be read at once
    """

    def __init__(self, solvers: Sequence[Solver]):
        self.solvers = list(solvers)
        first, many = self.solvers[0], len(self.solvers)
        self.machine, self.grid = first.machine, first.grid
        self.sweeps = [len(solver.tables[0]) for solver in self.solvers]
        if sorted(self.sweeps, reverse=True) != self.sweeps:
            raise ValueError(f"fields together must have fewer and fewer stages, not {self.sweeps}")
        tables = np.zeros((5, many, max(self.sweeps)), np.float32)
        for number, solver in enumerate(self.solvers):
            for table, own in zip(tables, solver.tables):
                table[number, : len(own)] = self.machine.get(own)
        self.tables = [self.machine.put(table.reshape(-1)) for table in tables]
        self.m, self.loss, self.first, self.second = (
            self.machine.zeros(many * self.grid.size, np.float32) for _ in range(4)
        )
        exposure = self.machine.zeros(self.grid.size, np.float32)
        blocks, self.sums = (
            self.machine.zeros(size, np.float32) for size in (n_block_sums(self.grid), many * n_sums(self.grid))
        )
        self.works = []
        for number in range(many):
            own = slice(number * self.grid.size, (number + 1) * self.grid.size)
            self.works.append(Work(self.m[own], self.loss[own], self.first[own], self.second[own], exposure, blocks))

    def advance(self, fields: Sequence[tuple]) -> None:
        """Advance the field of each solver. fields  (u, source, uptake) of each, see ``Solver.advance``"""
        each = list(zip(self.solvers, fields, self.works))
        for solver, (u, source, uptake), work in each:
            solver.faces.fix(u, solver.value)
            solver.open(u, source, uptake, work)
        run, given = self.solvers[0].advance_stages, (self.first, self.second, *self.tables, self.m, self.loss)
        run(self.machine, self.grid, *given, sweeps=self.sweeps)
        for number, (solver, (u, source, uptake), work) in enumerate(each):
            last = work.second if self.sweeps[number] % 2 == 0 else work.first
            solver.close(u, uptake, work, last, 0)
            size = n_sums(self.grid)
            solver.sum_up(u, source, uptake, work, self.sums[number * size : (number + 1) * size])


def _blocks(grid: Grid) -> int:
    """Blocks of lines of a slab, see ``tally``."""
    return -(-grid.ny * grid.nz // int(LINES))


def _has_few_blocks(grid: Grid) -> bool:
    return _blocks(grid) <= LINES


def n_block_sums(grid: Grid) -> int:
    """Return the length of the array that ``tally`` writes where it is added up further; 0 where it is not."""
    return 0 if _has_few_blocks(grid) else len(SUMS) * grid.slabs * _blocks(grid) * grid.nx


def n_sums(grid: Grid) -> int:
    """Return the length of the array of partial sums that ``Solver.advance`` writes."""
    rows = _blocks(grid) if _has_few_blocks(grid) else -(-_blocks(grid) // int(LINES))
    return len(SUMS) * grid.slabs * rows * grid.nx


def totals(sums: np.ndarray, grid: Grid) -> np.ndarray:
    """Add up what ``Solver.advance`` wrote, on the host and in float64: (n_sums) becomes (6, slabs)."""
    return sums.reshape(len(SUMS), grid.slabs, -1).sum(axis=-1, dtype=np.float64)
