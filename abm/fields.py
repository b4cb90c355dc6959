"""Fields: concentrations that cells secrete into and read, advanced by one agent step at a time, with their mass budget.

Units: um, h, and the unit of each field. Amounts in a budget are concentration x um^3.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from abm.config.errors import ConfigError
from abm.law_tables import AVOGADRO
from abm.tissue import voxel_volume
from kernels.device import LAUNCH_PAYS
from kernels.faces import VALUE, Faces
from kernels.launch import series, side_by_side
from kernels.rkg import Plan, plan
from kernels.solver import Solver, Together, Work, budgets
from kernels.tallies import SUMS, n_sums, totals

AMOUNTS = ("start", "mass", "secreted", "decayed", "taken", "left", "clamped", "limited")
SINKS = ("change", "decayed", "taken", "left", "clamped")
HARDLY = 1e-3  # mass errors are relative to what was secreted, or to this share of all that came in if that is more


class Fields:
    """All fields of a model, on a padded grid.

    concentration   float32[n_fields, grid.size]  in the unit of the field; begins at the baseline
    source          float32[n_fields, grid.size]  in that unit per h, constant during a step
    uptake          n_fields x float32[grid.size] 1/h, beside decay, constant during a step; fields may share one

    The arrays are the caller's. The halo of source and uptake is not read; that of the concentration is the solver's.
    Uptake above ``plans[name].uptake_cap`` counts as that, and budgets count the voxels (``limited``): give
    ``uptake_caps`` (1/h by field) where a quarter of a voxel's fastest exchange with its neighbours is too low.
    """

    def __init__(
        self,
        config: Any,
        grid,
        machine,
        concentration,
        source,
        uptake,
        uptake_caps: Mapping[str, float] | None = None,
    ):
        self.config, self.grid, self.machine = config, grid, machine
        self.concentration, self.source, self.uptake = concentration, source, uptake
        self.names = list(config.fields)
        self.index = {name: row for row, name in enumerate(self.names)}
        self.step = float(config.time.step)
        self.volume = voxel_volume(config)
        self.plans: dict[str, Plan] = {}
        self._caps = dict(uptake_caps or {})
        self._faces: dict[tuple[str, ...], Faces] = {}
        self._works: dict[tuple[str, ...], list[Work]] = {}  # these and sums: such as no field uses now
        self._sums: list[Any] = []
        self._unread: list[tuple[tuple[int, ...], Any]] = []
        self._together: dict[tuple[int, ...], Together] = {}
        self._series: dict[tuple, Callable[[Callable[[], None]], None]] = {}  # of fields by themselves
        self._totals = np.zeros((len(self.names), len(SUMS), grid.slabs))
        self._amounts = {name: np.zeros((len(self.names), grid.slabs)) for name in AMOUNTS}
        self._counted = False
        self._begun: set[int] = set()
        self._advanced: list[int] = []  # in this step
        self.solvers = [self._solver(name) for name in self.names]
        self._costliest = sorted(range(len(self.names)), key=lambda row: -self.solvers[row].plan.evaluations)
        for name, spec in config.fields.items():
            self.put(name, float(spec.baseline))
            for place in spec.sources.values():
                self._add(name, place, float(place.amount), self.concentration)

    # --- what each field is ---------------------------------------------------------------------------------------------

    def _solver(self, name: str, theta=None, within: tuple[float, float] = (1.0, 1.0)) -> Solver:
        spec, grid = self.config.fields[name], self.grid
        decay = math.log(2) / float(spec.half_life) if spec.half_life is not None else 0.0
        if spec.quasi_steady and not decay:
            raise ValueError(f"fields.{name}: quasi_steady needs a half_life: without decay there is no steady state")
        kinds = tuple(
            (self.config.grid.faces if spec.faces is None else spec.faces)[axis] for axis in "xyz"[: grid.dims]
        )
        try:
            self.plans[name] = plan(
                float(spec.D), decay, float(grid.h), self.step, float(self.config.accuracy), grid.dims, within,
                self._caps.get(name), bool(spec.quasi_steady), theta is None and VALUE not in kinds,
            )  # fmt: skip
        except ValueError as error:
            raise ConfigError([f"fields.{name}: {error}; raise fields.accuracy, or shorten time.step"]) from None
        if kinds not in self._faces:
            self._faces[kinds] = Faces(self.machine, grid, kinds)
        value = spec.baseline if spec.value is None else spec.value
        return Solver(self._faces[kinds], self.plans[name], float(spec.D), decay, float(value), theta)

    def set_diffusivity(self, name: str, theta, within: tuple[float, float] | None = None) -> None:
        """Let D vary in space: ``theta`` is D(x)/D of every padded voxel, 0 where nothing passes.

        within   lowest (above 0) and highest theta to plan for: give it where slabs differ, so that all take the same stages
        """
        theta = np.asarray(self.machine.get(theta), np.float64)
        inner = self.grid.inner(theta)
        if not np.isfinite(inner).all() or inner.min() < 0 or inner.max() == 0:
            raise ValueError(f"fields.{name}: D(x)/D must be finite, not negative, and above 0 somewhere")
        low, high = float(inner[inner > 0].min()), float(inner.max())
        if within is not None and not within[0] <= low <= high <= within[1]:
            raise ValueError(
                f"fields.{name}: D(x)/D is {low:g} to {high:g}, outside the {within[0]:g} to {within[1]:g} stated"
            )
        self.solvers[self.index[name]] = self._solver(name, theta, within or (low, high))
        self._series.clear()

    def put(self, name: str, values, slab: int | None = None) -> None:
        """Set a field to ``values`` (host, without the halo, or one number) in one slab or in all."""
        inner = self.grid.inner(self.concentration[self.index[name]])
        inner[slice(None) if slab is None else slab] = self.machine.put(np.asarray(values, np.float32))
        if self._counted:
            self.recount()

    def _add(self, name: str, place, molecules: float, to) -> None:
        """Add molecules to the voxel around a point, in every slab."""
        spec, grid = self.config.fields[name], self.grid
        x, y, z = (
            min(int(float(getattr(place, axis) or 0.0) / grid.h), n - 1)
            for axis, n in zip("xyz", (grid.nx, grid.ny, grid.nz))
        )
        each = concentration_of_one(spec.unit, spec.molar_mass, self.volume)
        grid.inner(to[self.index[name]])[:, z, y, x] += np.float32(molecules * each)

    # --- advancing ------------------------------------------------------------------------------------------------------

    def release(self) -> None:
        """Add what the configuration's fixed point sources release to ``source``, where cells and tissue have put theirs."""
        for name, spec in self.config.fields.items():
            for place in spec.sources.values():
                self._add(name, place, float(place.rate), self.source)

    def diffuse(self, step: float, beside: Iterable[Callable[[], None]] = ()) -> None:
        """Advance all fields by the agent step (h), the one they were planned for.

        beside   what else can be done meanwhile on the threads of the machine: it must not touch the fields
        """
        side_by_side(self.machine, [*beside, *(task for _, task in self.advances(step))])
        self.take_stock()

    def advances(self, step: float) -> Sequence[tuple[int, Callable[[], None]]]:
        """Return what advances each field that is there, costliest first, with its row: tasks that can go side by side."""
        if not math.isclose(step, self.step, rel_tol=1e-9):
            raise ValueError(f"fields were planned for a step of {self.step:g} h (time.step), not of {step:g} h")
        if not self._counted:
            self.recount()
        empty = self._empty()
        self._advanced = [row for row in self._costliest if row not in empty]
        if self.machine.target == "cuda":
            return [(rows[0], partial(self._run_together, rows)) for rows in self._groups(self._advanced)]
        for row in set(self._advanced) - self._begun:  # alone the first time: no two threads compile the same kernel
            self._run(row, "advance")
        tasks = [(row, partial(self._run, row, "advance")) for row in self._advanced if row in self._begun]
        self._begun.update(self._advanced)
        return tasks

    def take_stock(self) -> None:
        """Enter what has become of the fields that were advanced in their budgets."""
        self._read_all()
        rows = self._advanced
        for what, amount in budgets([self.solvers[row] for row in rows], self._totals[rows]).items():
            self._amounts[what][rows] = amount if what == "mass" else self._amounts[what][rows] + amount

    def _empty(self) -> set[int]:
        """Return the fields that are zero everywhere and stay so, as one that only an absent therapy makes."""
        mass = self._amounts["mass"]
        rows = [row for row, solver in enumerate(self.solvers) if not (mass[row].any() or solver.level)]
        if not rows:
            return set()
        # One question for all of them: a GPU answers slowly. What is no number is there.
        source, level = (array[rows].max(axis=1) != 0 for array in (self.source, self.concentration))
        return {row for row, there in zip(rows, self.machine.get(source | level)) if not there}

    def _run(self, row: int, what: str) -> None:
        """Let a field's solver ``advance`` or ``count``, with work arrays that no other thread uses."""
        works = self._works.setdefault(self.solvers[row].faces.kinds, [])
        work = _taken(works, lambda: Work.on(self.machine, self.grid))
        sums = _taken(self._sums, lambda: self.machine.zeros(n_sums(self.grid), np.float32))
        given = self.concentration[row], self.source[row], self.uptake[row], work, sums
        run = partial(getattr(self.solvers[row], what), *given)
        if self.machine.target != "cuda":
            run()
            self._read((row,), sums)
        else:
            self._series.setdefault((row, what, id(work), id(sums)), series(self.machine))(run)
            self._unread.append(((row,), sums))  # the host asks for sums once all fields are under way
        works.append(work)

    def _groups(self, rows: Sequence[int]) -> list[tuple[int, ...]]:
        """Put fields into groups that a GPU advances together: so many that a stage of all is worth a launch."""
        most = max(1, LAUNCH_PAYS // self.grid.size)
        joining = [row for row in rows if self.solvers[row].can_join]
        joining.sort(key=lambda row: -self.solvers[row].plan.evaluations)
        groups = [tuple(joining[begin : begin + most]) for begin in range(0, len(joining), most)]
        return groups + [(row,) for row in rows if not self.solvers[row].can_join]

    def _run_together(self, rows: tuple[int, ...]) -> None:
        """Let several fields advance with one launch for each stage of all."""
        if len(rows) == 1:
            self._run(rows[0], "advance")
            return
        solvers = [self.solvers[row] for row in rows]
        if rows not in self._together or self._together[rows].solvers != solvers:
            overlapping = [others for others in self._together if set(others) & set(rows)]
            for others in overlapping:  # what they hold is free before more is asked for
                del self._together[others]
            arrays = [(self.concentration[row], self.source[row], self.uptake[row]) for row in rows]
            self._together[rows] = Together(solvers, arrays)
        self._together[rows].advance()
        self._unread.append((rows, self._together[rows].sums))

    def _read(self, rows: tuple[int, ...], sums) -> None:
        """Add up what fields were found to be."""
        for row, own in zip(rows, self.machine.get(sums).reshape(len(rows), -1)):
            self._totals[row] = totals(own, self.grid)
        if len(rows) == 1:  # those of fields together are their own
            self._sums.append(sums)

    def _read_all(self) -> None:
        while self._unread:
            self._read(*self._unread.pop())

    def recount(self) -> None:
        """Take the fields as they are now: a change made by others than ``diffuse`` counts as there from the start."""
        for row in range(len(self.names)):
            self._run(row, "count")
        self._read_all()
        mass = self._totals[:, SUMS.index("mass")]
        self._amounts["start"] += mass - self._amounts["mass"]
        self._amounts["mass"] = mass.copy()
        self._counted = True

    # --- reading --------------------------------------------------------------------------------------------------------

    def frame(self, name: str, slab: int = 0) -> np.ndarray:
        """Return a field on the host without the halo: float32 (y, x), or (z, y, x) in 3D."""
        inner = self.grid.inner(self.machine.get(self.concentration[self.index[name]]))[slab]
        return (inner if self.grid.dims == 3 else inner[0]).copy()

    def budget(self, name: str, slab: int = 0) -> dict[str, float]:
        """Return what became of a field since the start, as concentration x um^3.

            secreted = change + decayed + taken + left + clamped

        ``left`` went out by faces of fixed value (negative: came in); ``clamped`` is what setting negative values to zero
        removed (never positive: it adds). Each is summed from the solver's own stages. For a quasi-steady field all are
        over the time in which it settles, every step. ``limited`` counts voxels and steps whose uptake was capped.
        """
        amounts = {what: float(values[self.index[name], slab]) * self.volume for what, values in self._amounts.items()}
        amounts["limited"] /= self.volume
        amounts["change"] = amounts["mass"] - amounts["start"]
        return amounts

    def means(self) -> np.ndarray:
        """Return the mean level of each field in each slab, float64 (n_fields, slabs)."""
        if not self._counted:
            self.recount()
        return self._amounts["mass"] / (self.grid.nx * self.grid.ny * self.grid.nz)

    def mass_error(self, name: str, slab: int = 0) -> float:
        """Return what the budget misses, as a share of what was secreted.

        Where hardly anything was secreted: of a thousandth of all that was there, secreted or came in by the faces.
        """
        budget = self.budget(name, slab)
        missing = abs(budget["secreted"] - sum(budget[sink] for sink in SINKS))
        came_in = budget["start"] + budget["secreted"] + max(-budget["left"], 0.0)
        reference = max(budget["secreted"], HARDLY * came_in)
        return missing / reference if reference else missing

    def clamped_mass(self, name: str, slab: int = 0) -> float:
        """Return what setting negative values to zero added since the start, as concentration x um^3."""
        return abs(self.budget(name, slab)["clamped"])

    def check(self, slab: int = 0) -> tuple[str, float, float, float] | None:
        """Return the first field that got a value that is not finite in a slab, and the middle of its voxel (um), or None.

        Such values spread to their neighbours with every stage: the place is in the middle of them, or that of a source.
        """
        for row, name in enumerate(self.names):
            if np.isfinite(self._amounts["mass"][row, slab]):
                continue
            for array in (self.source, self.uptake, self.concentration):
                wrong = np.argwhere(~np.isfinite(self.grid.inner(self.machine.get(array[row]))[slab]))
                if len(wrong):
                    z, y, x = ((int(place) + 0.5) * self.grid.h for place in wrong[len(wrong) // 2])
                    return name, x, y, z
        return None

    def state(self) -> dict[str, np.ndarray]:
        """Return all that fields remember, on the host. ``budget`` is kept to resume; it is no part of the tissue's state."""
        if not self._counted:
            self.recount()
        return {
            "concentration": np.array(self.machine.get(self.concentration)),
            "budget": np.array([self._amounts[what] for what in AMOUNTS]),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take back what ``state()`` gave."""
        self.concentration[:] = self.machine.put(state["concentration"])
        self._amounts = dict(zip(AMOUNTS, np.array(state["budget"])))
        self._counted = True


def _taken(pool: list[Any], make: Callable[[], Any]) -> Any:
    """Take one of a pool, in one go: several threads do; or make one where none is left."""
    try:
        return pool.pop()
    except IndexError:
        return make()


def concentration_of_one(unit: str, molar_mass: float | None, volume: float) -> float:
    """Return the concentration of one molecule (or one unit, for 1/mm3) in a voxel of ``volume`` um^3."""
    if unit == "1/mm3":
        return 1e9 / volume
    litre = volume * 1e-15
    if unit == "uM":
        return 1e6 / AVOGADRO / litre
    if molar_mass is None:
        raise ValueError(f"a point source of a field in {unit} needs the field's molar_mass")
    return float(molar_mass) * 1e3 / AVOGADRO * 1e12 / (litre * 1e3)
