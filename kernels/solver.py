"""Solver: advances a field, or several together, by agent steps of the scheme of ``diffusion.py``, and tells its budget."""

from collections.abc import Sequence

import numpy as np

from kernels.diffusion import (
    advance_2d,
    advance_3d,
    advance_varied_2d,
    advance_varied_3d,
    begin_2d,
    begin_3d,
    finish_2d,
    finish_3d,
)
from kernels.faces import Faces, leave_by_faces
from kernels.grid import Grid
from kernels.launch import series
from kernels.rkg import Plan, stage_table
from kernels.tallies import SUMS, n_block_sums, n_sums, tally_field

ZERO = np.float32(0.0)


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
        sums   float32[n_sums(grid)], written: partial sums, see ``totals``
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
            self.machine, self.grid, self.q, u, work.m, work.second, work.loss, source, uptake, self.outward, self.cap,
            self.rate, self.spread, self.h, self.decay,
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
        values = u, work.exposure, source, uptake, self.cap, self.base
        tally_field(self.machine, self.grid, self.starts, *values, sums, work.sums)

    @property
    def left_by_faces(self) -> np.ndarray | float:
        """What left by faces of fixed value in the last step, float64[slabs]; 0 where there are none."""
        if not len(self.left):
            return 0.0
        return self.machine.get(self.left).reshape(self.grid.slabs, -1).sum(axis=1, dtype=np.float64)


def budgets(solvers: Sequence[Solver], totals: np.ndarray) -> dict[str, np.ndarray]:
    """Return the last step's amounts (concentration times voxels) of some fields, float64[fields, slabs].

    totals   float64[fields, 6, slabs]   what ``SUMS`` names

    mass is what is there now, the others are of this step: secreted = change of mass + decayed + taken + left + clamped.
    Setting a negative value to zero adds mass: clamped is not positive. limited is a number of voxels.
    """
    total = {name: totals[:, number] for number, name in enumerate(SUMS)}
    duration, decay = (
        np.array([float(getattr(solver, name)) for solver in solvers])[:, None] for name in ("duration", "decay")
    )
    left = np.zeros((len(solvers), totals.shape[-1]))
    for row, solver in enumerate(solvers):
        left[row] = solver.left_by_faces
    return {
        "mass": total["mass"],
        "secreted": total["secreted"] * duration,
        "decayed": total["exposure"] * decay,
        "taken": total["taken"],
        "left": left,
        "clamped": total["clamped"],
        "limited": total["limited"],
    }


class Together:
    """Advances several fields by a step, all of whose solvers ``can_join``, with one launch for each stage of all.

    What a launch costs a GPU counts where grids are small.

    solvers   those with most stages first
    fields    (u, source, uptake) of each, see ``Solver.advance``: the arrays themselves, the same in every step
    sums      float32[fields * n_sums(grid)], written: partial sums of all, to be read at once
    """

    def __init__(self, solvers: Sequence[Solver], fields: Sequence[tuple]):
        self.solvers, self._fields = list(solvers), list(fields)
        first, many = self.solvers[0], len(self.solvers)
        self.machine, self.grid = first.machine, first.grid
        self._repeat = series(self.machine)
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

    def advance(self) -> None:
        """Advance the field of each solver."""
        self._repeat(self._advance)

    def _advance(self) -> None:
        each = list(zip(self.solvers, self._fields, self.works))
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
