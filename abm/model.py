"""The lesion model: ``step()`` is the table of contents of the simulation."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import mesa
import numpy as np
import pandas as pd
from mesa.agent import AgentSet

from abm import measures, profiles
from abm.alike import classes_of, tables_of
from abm.arm_fields import fields_of
from abm.arms import Arm, arms_of, drugs_of
from abm.cells.venule import Venule
from abm.columns import VELOCITY
from abm.config.vocabulary import TISSUE_KINDS
from abm.crowd import Crowd
from abm.law_tables import LawTables
from abm.laws import Laws
from abm.periphery import Periphery
from abm.plaques import lay_plaques
from abm.population import Population
from abm.slabs import PERIPHERY, THERAPY, apart, digest, periphery_together, together
from abm.therapy import Therapy
from abm.tissue import Tissue, make_grid, voxel_volume
from abm.trigger import Trigger
from abm.uptake_caps import uptake_caps
from kernels.device import Machine
from kernels.random import STREAMS, draw, uniform

FEW_CELLS = 2**15  # of one kind: below, threads gain little by sharing their loops
PLASTIC = (0.7548776662466927, 0.5698402909980532)  # 1/p, 1/p^2 of p^3 = p + 1: evenly spread points in 2D
PLASTIC_3D = (0.8191725133961645, 0.6710436067037893, 0.5497004779019703)


class ModelError(Exception):
    """The simulation cannot go on: one sentence says what, where and when."""


class LesionModel(mesa.Model):
    """A lesion: tissue, fields, populations and therapy, stepped by Mesa.

    config    from ``abm.config.load``; or one per slab, all equal in ``abm.alike.shared``
    machine   where to compute; default: the CPU, one thread
    seeds     one per slab, for several replicates side by side; default: the seed of each configuration

    ``arms`` are the slabs that follow one config, ``config`` the first of these: ask it for what all slabs share.
    """

    def __init__(self, config: Any, machine: Machine | None = None, seeds: Sequence[int] | None = None):
        several = list(config) if isinstance(config, Sequence) else [config] * (1 if seeds is None else len(seeds))
        super().__init__(rng=int(several[0].seed))
        self.arms = arms_of(several)
        self.config = config = several[0]
        self.machine = machine or Machine()
        self.seeds = np.array([each.seed for each in several] if seeds is None else list(seeds), np.int64)
        self.tissue_seeds = self.machine.put(self.seeds)
        self.grid = make_grid(config, len(self.seeds))
        self.voxel_volume = voxel_volume(config)
        self.step_hours = float(config.time.step)
        self.dt = np.float32(self.step_hours)  # as kernels take it
        self.phase_seconds: dict[str, float] = {}
        self._inner_seconds: list[float] = []  # of the phases that are open: what those inside them took
        self.events: list[dict[str, Any]] = []
        self._measured: dict[int, tuple[int, dict[str, float]]] = {}

        classes = classes_of(config)
        self.kind_numbers = {kind: number for number, kind in enumerate(sorted(config.known_kinds | {"venule"}), 1)}
        drugs = drugs_of(arm.config for arm in self.arms)
        tables = [tables_of(arm.config, self.grid, drugs) for arm in self.arms]
        self.laws = self._lay_down(tables)
        self.tissue = Tissue(self)
        self.tissue.connect(self.laws)
        concentration, source = (self.laws.block(what) for what in ("field", "source"))
        uptake = [self.laws.row(f"uptake.{name}") for name in config.fields]
        caps = [uptake_caps(arm.config, self.voxel_volume) for arm in self.arms]
        self.fields = fields_of(self.arms, caps, self.grid, self.machine, concentration, source, uptake)

        self.population: dict[str, Population] = {kind: cls(self, kind) for kind, cls in classes.items()}
        self.populations = AgentSet(list(self.population.values()), random=self.random)
        self.venules = self.population.get("venule")
        self.therapy = Therapy(self)
        self.peripheries = [Periphery(self, arm) for arm in self.arms]
        self.trigger = Trigger(self)
        for population in self.populations:
            population.prepare(self.laws)
        self.crowd = Crowd(self, [population for population in self.populations if population.in_crowd])
        self._populate()
        self.tissue.begin_healthy()
        self._act_from_outside(0.0)
        self._sense()
        self.tissue.remember_health()
        if config.tissue is not None and config.tissue.plaques:
            lay_plaques(self)
            self._sense()
        self.datacollector = mesa.DataCollector(
            model_reporters={"hours": lambda model: model.hours} | {name: _reader(name) for name in self.measure()}
        )
        self._observe()

    def _lay_down(self, tables: Sequence[LawTables]) -> Laws:
        """Put the laws of all arms on the machine; neighbours with the same tables share them."""
        found: list[LawTables] = []
        slabs: list[int] = []
        for arm, of_arm in zip(self.arms, tables):
            if found and found[-1].same_as(of_arm):
                slabs[-1] += len(arm)
            else:
                found.append(of_arm)
                slabs.append(len(arm))
        return Laws(self.machine, found, slabs)

    def arm_of(self, slab: int) -> Arm:
        """Return the arm that a slab belongs to."""
        return next(arm for arm in self.arms if slab < arm.stop)

    def periphery_of(self, slab: int) -> Periphery:
        """Return what is outside the tissue of a slab."""
        return next(periphery for periphery in self.peripheries if slab < periphery.arm.stop)

    # --- time -----------------------------------------------------------------------------------------------------------

    @property
    def hours(self) -> float:
        """Simulated time at the end of the last step, h."""
        return self.steps * self.step_hours

    @property
    def days(self) -> float:
        """Simulated time at the end of the last step, days."""
        return self.hours / 24

    @contextmanager
    def phase(self, name: str):
        """Add the time spent inside to the phase of that name; phases inside count by themselves."""
        begin = time.perf_counter()
        self._inner_seconds.append(0.0)
        try:
            yield
        finally:
            spent = time.perf_counter() - begin
            own = spent - self._inner_seconds.pop()
            self.phase_seconds[name] = self.phase_seconds.get(name, 0.0) + own
            if self._inner_seconds:
                self._inner_seconds[-1] += spent

    # --- the simulation ---------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Advance by one step: infuse, bin, sense, act, then diffuse beside move, die and divide, enter; observe.

        Fields and cells do not meet between act and observe. Few cells keep one thread busy while others advance fields.
        """
        with self.phase("infuse"):
            begin = self.hours - self.step_hours
            self.therapy.infuse(begin)
            for periphery in self.peripheries:
                periphery.advance(begin)
            self.trigger.set(begin)
            self.trigger.announce(begin, self.step_hours)
            self._measured.clear()  # what a dose looked at is over
        with self.phase("sense"):
            self._sense()
        with self.phase("act"):
            self.tissue.expect_losses()
            self.crowd.act()
            self.populations.do("act")
            self.tissue.act()
        few = max(map(len, self.crowd.kinds), default=0) < FEW_CELLS
        with self.phase("diffuse"):
            self.fields.release()
            self.fields.diffuse(self.step_hours, beside=[self._turn_over] if few else [])
        if not few:
            self._turn_over()
        with self.phase("observe"):
            self._observe()

    def _turn_over(self) -> None:
        """Let cells move, die, divide and enter."""
        with self.phase("move"):
            self.tissue.open_moves()
            self.crowd.move()
        with self.phase("die and divide"):
            self._die_and_divide()
        with self.phase("enter"):
            if self.venules is not None:
                self.venules.admit()

    def _die_and_divide(self) -> None:
        """Let cells die, divide and become others."""
        self.crowd.choose()
        self.populations.do("choose")
        self.crowd.read_fates()
        self.populations.do("collect")
        self.crowd.part()
        self.populations.do("renew")

    def _sense(self) -> None:
        """Sort the cells, then compute every signal and law: only here does anything read others' columns."""
        self.crowd.sort()
        self.crowd.feel()
        self.tissue.read()
        self.laws.sense_voxels(self.hours)
        self.crowd.sense(self.hours)

    def _act_from_outside(self, hours: float) -> None:
        """Set what acts from outside the tissue, as it is at an hour: the trigger, and the leukocytes on offer."""
        self.trigger.set(hours)
        for periphery in self.peripheries:
            periphery.offer(hours)

    def _observe(self) -> None:
        every = max(1, round(float(self.config.output.measures_every) / self.step_hours))
        if self.steps % every == 0:
            self.datacollector.collect(self)

    # --- the beginning --------------------------------------------------------------------------------------------------

    def _populate(self) -> None:
        """Place the cells of healthy tissue: glia evenly, others anywhere."""
        if isinstance(self.venules, Venule):
            self.venules.place()
        for kind, population in self.population.items():
            density = float(population.spec.initial_density or 0.0) if population.spec is not None else 0.0
            if density and kind not in TISSUE_KINDS:
                for slab in range(self.grid.slabs):
                    x, y, z = self._spread(population, density, slab)
                    population.place_cells(x, y, z, np.int64(slab))

    def _spread(self, population: Population, density: float, slab: int):
        """Positions of a kind in healthy tissue: a low-discrepancy sequence begun at a point of the slab's chance.

        Glia tile the tissue; a Poisson cloud would leave gaps that no healthy tissue has.
        """
        grid = self.grid
        size = np.array([grid.nx * grid.h, grid.ny * grid.h, grid.nz * grid.h])
        volume = grid.nx * grid.ny * grid.nz * self.voxel_volume * 1e-9
        seed = np.uint64(int(self.seeds[slab] + population.number) & (2**64 - 1))
        with np.errstate(over="ignore"):
            words = draw(seed, np.uint64(STREAMS["place"]), np.uint64(0), np.uint64(0))
        start = [float(uniform(word)) for word in words]
        count = int(density * volume + start[3])
        if population.spec.motile and not population.tiles:
            with np.errstate(over="ignore"):
                each = draw(seed, np.uint64(STREAMS["place"]), np.uint64(1), np.arange(1, count + 1, dtype=np.uint64))
            unit = np.array([uniform(word) for word in each[:3]])
        else:
            ratios = PLASTIC_3D if grid.dims == 3 else (*PLASTIC, 0.0)
            unit = np.array([(s + np.arange(1, count + 1) * ratio) % 1.0 for s, ratio in zip(start, ratios)])
        positions = unit * size[:, None]
        if grid.dims == 2:
            positions[2] = 0.0
        return positions

    def inside_tissue(self, x, y, z):
        """Return positions clipped to the simulated tissue."""
        grid = self.grid
        depth = grid.nz * grid.h if grid.dims == 3 else 0.0
        limits = (grid.nx * grid.h, grid.ny * grid.h, depth)
        return tuple(np.clip(np.asarray(axis, float), 0.0, limit) for axis, limit in zip((x, y, z), limits))

    # --- looking --------------------------------------------------------------------------------------------------------

    def measure(self, slab: int = 0) -> dict[str, float]:
        """Return all read-outs of a slab now."""
        if slab not in self._measured or self._measured[slab][0] != self.steps:
            self._measured[slab] = (self.steps, measures.measure(self, slab))
        return self._measured[slab][1]

    def profile(self, slab: int = 0) -> dict[str, np.ndarray]:
        """Return the radial profile of a slab now: columns with one entry per ring around the lesion's centre."""
        return profiles.profile(self, slab)

    def counts(self, slab: int | None = None) -> dict[str, int]:
        """Return the number of cells of each kind, in one slab or in all."""
        return {kind: population.count(slab) for kind, population in self.population.items()}

    @property
    def layer_names(self) -> list[str]:
        """Names that ``field_frame`` knows: the fields, then what the tissue shows."""
        return [*self.config.fields, *self.tissue.layers()]

    def field_frame(self, name: str, slab: int = 0) -> np.ndarray:
        """Return a field or a tissue layer on the host, float32 (y, x) in 2D or (z, y, x) in 3D."""
        is_field = name in self.config.fields
        array = self.machine.get(self.laws.row(f"field.{name}")) if is_field else self.tissue.layers()[name]
        box = self.grid.inner(array)[slab].astype(np.float32)
        return box[0] if self.grid.dims == 2 else box

    def cell_table(self, slab: int = 0, kinds: Iterable[str] | None = None) -> pd.DataFrame:
        """Return the cells of a slab, of some kinds or all: uid, kind, state, x, y, z in um, and each kind's own columns."""
        known = [each for each in self.crowd.kinds if each.n and (kinds is None or each.kind in kinds)]
        tables = [population.plain_columns() for population in known]
        states = list(dict.fromkeys(name for population in known for name in population.labels))
        for population, table in zip(known, tables):
            here = table.pop("voxel") // self.grid.whole == slab
            for name in table.keys() & set(VELOCITY):
                del table[name]
            if self.grid.slabs > 1:
                table |= {name: column[here] for name, column in table.items()}
            labels = np.array([states.index(name) for name in population.labels], np.int32)
            table["state"] = labels[population.label_numbers(table)]
        many = np.array([len(table["uid"]) for table in tables], np.int64)
        names = dict.fromkeys(("uid", "kind", "state", "x", "y", "z", *(name for table in tables for name in table)))
        columns: dict[str, Any] = {}
        for name in names:
            parts = [table[name] if name in table else np.full(n, np.nan, np.float32) for table, n in zip(tables, many)]
            columns[name] = np.concatenate(parts) if parts and name != "kind" else np.zeros(0, np.int32)
        columns["kind"] = pd.Categorical.from_codes(
            np.repeat(np.arange(len(known), dtype=np.int32), many), [population.kind for population in known]
        )
        columns["state"] = pd.Categorical.from_codes(columns["state"], states)
        return pd.DataFrame(columns)

    def check(self) -> None:
        """Raise ModelError where a number is not finite: which field or kind, where and when."""
        for fault in self.faults().values():
            raise ModelError(fault)

    def faults(self) -> dict[int, str]:
        """Say of each slab that holds a number that is not finite which field or kind it is, where and when."""
        found: dict[int, str] = {}
        for slab in range(self.grid.slabs):
            field = self.fields.check(slab)
            if field is not None:
                found[slab] = f"{field[0]} is not a finite number at {self._place(field[1:])}"
        for kind, population in self.population.items():
            for name, column in population.numbers():
                wrong = np.flatnonzero(~np.isfinite(column))
                slabs = self.machine.get(population.voxel[: population.n])[wrong] // self.grid.whole
                for slab, first in zip(*np.unique(slabs, return_index=True)):
                    cell = population[int(wrong[first])]
                    fault = f"{kind} {cell.uid} has a {name} that is not a finite number"
                    found.setdefault(int(slab), f"{fault} at {self._place((cell.x, cell.y, cell.z))}")
        return dict(sorted(found.items()))

    def _place(self, at: Iterable[float]) -> str:
        axes = ", ".join(f"{axis:.0f}" for axis in list(at)[: self.grid.dims])
        return f"({axes}) um in hour {self.hours:g}; {_LIKELY}"

    # --- the complete state ---------------------------------------------------------------------------------------------

    def state(self) -> dict[str, np.ndarray]:
        """Return the complete state of all slabs as host arrays: what a restart needs."""
        state = {"steps": np.array([self.steps], np.int64), "seeds": self.seeds.copy()}
        groups: dict[str, dict[str, np.ndarray]] = {
            "fields": self.fields.state(),
            "tissue": self.tissue.state(),
            "therapy": self.therapy.state(),
            "periphery": periphery_together([periphery.state() for periphery in self.peripheries]),
        }
        for kind, population in self.population.items():
            groups[f"cells/{kind}"] = {**population.columns(), "next_uid": population.next_uid.copy()}
        for group, arrays in groups.items():
            state |= {f"{group}/{name}": np.array(array) for name, array in arrays.items()}
        return state

    def states(self) -> list[dict[str, np.ndarray]]:
        """Return the complete state of each slab, as if it were alone: what a checkpoint of its run holds."""
        states = apart(self.state())
        for slab, state in enumerate(states):
            for name in self.therapy.foreign(slab):
                del state[THERAPY + name]
        return states

    def restore(self, *states: Mapping[str, np.ndarray]) -> None:
        """Take back what ``state()`` or ``states()`` gave: the run goes on as if it had never stopped.

        Doses that a state knows nothing of were never given. Raises ModelError where something else is missing: another
        version did not keep it.
        """
        never = self.therapy.never()
        state = together(
            [
                {**{THERAPY + name: np.full(len(each["seeds"]), never[name]) for name in never}, **each}
                for each in states
            ]
        )
        if missing := sorted(self.state().keys() - state.keys()):
            raise ModelError(f"the state to go on from lacks {missing[0]}: another version kept it; begin the run anew")

        def group(prefix: str) -> dict[str, np.ndarray]:
            return {name[len(prefix) :]: array for name, array in state.items() if name.startswith(prefix)}

        self.steps = int(state["steps"][0])
        self.fields.restore(group("fields/"))
        self.tissue.restore(group("tissue/"))
        self.therapy.restore(group(THERAPY))
        for periphery in self.peripheries:
            periphery.restore(group(PERIPHERY))
        for kind, population in self.population.items():
            columns = group(f"cells/{kind}/")
            population.next_uid = np.array(columns.pop("next_uid"))
            population.put_columns(columns)
        self._measured.clear()
        self._act_from_outside(self.hours - self.step_hours if self.steps else 0.0)
        self._sense()
        self.tissue.restore(group("tissue/"))  # what sensing notes already belongs to the step to come

    def digest(self, slab: int = 0) -> str:
        """Return the SHA-256 over the complete state of a slab: equal digests, equal runs."""
        return digest(self.states()[slab], self.config.fields)


_LIKELY = "a value of the configuration is likely far outside its range (compare `remyelin params`)"


def _reader(name: str) -> Callable[[LesionModel], float]:
    return lambda model: model.measure().get(name, float("nan"))
