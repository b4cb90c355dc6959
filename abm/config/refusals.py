"""What is refused before anything runs, though each value by itself is allowed: with the limit and the fix."""

import math

from abm.config.conditions import Condition, ConditionError
from abm.config.errors import Problems, hint
from abm.config.quantity import Quantity, number_with_unit
from abm.config.schema import Cell, Grid, MscTables, Output, Subject, Time, Tissue
from abm.config.sections import Read
from abm.config.therapy_schema import Dose, DosePlan, MscTherapy, Therapy
from abm.config.tree import Branch, find, is_null
from abm.config.units import same_dimension, to_canonical
from abm.config.vocabulary import TYPE_UNITS

HIGHEST_CHANCE = 0.5  # of an event per step
BYTES_PER_VALUE = 4
VALUES_PER_FIELD = 8  # concentration, source, uptake and the stages of the solver
VALUES_PER_KIND = 6
VALUES_PER_VOXEL = 80  # tissue, sheaths, axons, signals
BYTES_PER_CELL = 250
MOST_OF_MEMORY = 0.8
WHOLE = 1e-6


class Refusals:
    """Checks across sections; each looks only at sections that could be read."""

    def __init__(self, tree: Branch, read: Read, problems: Problems):
        self.tree = tree
        self.read = read
        self.problems = problems
        parts = read.parts
        self.time: Time | None = parts["time"]
        self.grid: Grid | None = parts["grid"]
        self.tissue: Tissue | None = parts["tissue"]
        self.subject: Subject | None = parts["subject"]
        self.msc: MscTables | None = parts["msc"]
        self.therapy: Therapy = parts["therapy"] or Therapy()
        self.output: Output = parts["output"] or Output()

    def refuse(self, key: str, sentence: str) -> None:
        """Note a problem at a dotted key; a key that is not written is reported at its nearest parent."""
        self.problems.add(find(self.tree, tuple(key.split(".")))[1], f"{key} {sentence}")

    def check(self) -> list[Dose]:
        """Run every check; return the doses."""
        self._needed()
        self._rates()
        self._capacity()
        self._memory()
        self._fields()
        self._places()
        self._output()
        return self._doses()

    def _needed(self) -> None:
        for section in ("time", "grid"):
            if is_null(self.tree.items.get(section)):
                self.problems.add(
                    self.tree.where, f"missing section '{section}'; write it, or extend a scenario that has it"
                )
        for kind, cell in self.read.cells.items():
            if "speed" in self.read.laws.get(kind, {}) and cell.persistence is None:
                self.refuse(f"cells.{kind}", "has a speed and needs a persistence, such as 'persistence: 3 min'")

    def _rates(self) -> None:
        """A rate must be slow against the step: chance 1 - exp(-rate * step) of at most a half."""
        if self.time is None:
            return
        told = set()  # a law of a group is told once
        for owner, laws in self.read.laws.items():
            for name, law in laws.items():
                where = find(self.tree, ("laws", owner, name))[1]
                if law.type != "rate" or not same_dimension(law.unit, TYPE_UNITS["rate"][0]) or where in told:
                    continue
                chance = -math.expm1(-max(0.0, law.highest) * self.time.step)
                if chance > HIGHEST_CHANCE:
                    highest = number_with_unit(law.highest / to_canonical(1, law.unit), law.unit)
                    told.add(where)
                    longest = _down(-math.log(1 - HIGHEST_CHANCE) / law.highest * MINUTES)
                    self.refuse(
                        f"laws.{owner}.{name}",
                        f"can reach {highest}: with time.step = {self.time.step.text} a chance of {chance:.2f} per step, "
                        f"at most {HIGHEST_CHANCE} is allowed; make time.step at most {longest:g} min, "
                        "or cap the law with at_most",
                    )

    def _capacity(self) -> None:
        """What is there at the start must fit."""
        for kind, cell in self.read.cells.items():
            if cell.max_density is not None and cell.initial_density > cell.max_density:
                self.refuse(
                    f"cells.{kind}.initial_density",
                    f"= {cell.initial_density.text} is above its max_density of {cell.max_density.text}; lower it",
                )
        if self.tissue is None:
            return
        sessile = {kind: cell for kind, cell in self.read.cells.items() if not cell.motile and kind != "neuron"}
        total = sum(cell.initial_density for cell in sessile.values()) + self.tissue.astrocyte_density
        if total > self.tissue.glia_capacity:
            self.refuse(
                "tissue.glia_capacity",
                f"= {self.tissue.glia_capacity.text} has no room for the {total:.6g} cells/mm^3 there at the start "
                f"({', '.join([*sessile, 'astrocytes'])}); raise it or lower their densities",
            )
        motile = {kind: cell for kind, cell in self.read.cells.items() if cell.motile}
        fill = sum(_volume(cell) * cell.initial_density for cell in motile.values())
        if fill > self.tissue.motile_fill:
            self.refuse(
                "tissue.motile_fill",
                f"= {self.tissue.motile_fill.text} of the volume is less than the {fill:.3g} that motile cells fill at the "
                f"start ({', '.join(motile)}); lower their initial_density",
            )

    def _memory(self) -> None:
        if self.grid is None:
            return
        voxels = math.prod(round(length / self.grid.voxel) for length in self.grid.size)
        depth = [] if len(self.grid.size) == 3 else [self.grid.thickness or self.grid.voxel]
        volume = math.prod([*self.grid.size, *depth])
        cells = (
            sum(cell.initial_density for kind, cell in self.read.cells.items() if kind != "neuron") * volume * PER_UM3
        )
        values = VALUES_PER_FIELD * len(self.read.fields) + VALUES_PER_KIND * len(self.read.cells) + VALUES_PER_VOXEL
        needed = voxels * values * BYTES_PER_VALUE + cells * BYTES_PER_CELL
        free = available_memory()
        if free is not None and needed > MOST_OF_MEMORY * free:
            shrink = needed / (MOST_OF_MEMORY * free)
            self.refuse(
                "grid.size",
                f"of {voxels:,} voxels needs about {needed / GIB:.1f} GiB, and {free / GIB:.1f} GiB are free; "
                f"make it {shrink:.3g} times smaller, or enlarge grid.voxel",
            )

    def _fields(self) -> None:
        for name, field in self.read.fields.items():
            fed = bool(field.sources) or any(
                f"secrete_{name}" in laws and same_dimension(laws[f"secrete_{name}"].unit, "1/h")
                for laws in self.read.laws.values()
            )
            if field.unit == "pg/mL" and fed and field.molar_mass is None:
                self.refuse(
                    f"fields.{name}",
                    "is given off in molecules and held in pg/mL: it needs a molar_mass, such as 'molar_mass: 26 kDa'",
                )
            for place, source in field.sources.items():
                self._inside(f"fields.{name}.sources.{place}", source)

    def _places(self) -> None:
        if self.tissue is not None and self.tissue.venules is not None:
            for name, position in self.tissue.venules.positions.items():
                self._inside(f"tissue.venules.positions.{name}", position)

    def _inside(self, key: str, point) -> None:
        """A point must lie in the domain."""
        if self.grid is None:
            return
        depth = (self.grid.thickness,) if len(self.grid.size) == 2 else ()
        for axis, length in zip("xyz", (*self.grid.size, *depth)):
            place = getattr(point, axis)
            if place is not None and length is not None and place > length:
                self.refuse(f"{key}.{axis}", f"= {place.text} is outside the domain, which ends at {length.text}")
        if len(self.grid.size) == 3 and point.z is None:
            self.refuse(key, "needs a z in 3D")

    def _output(self) -> None:
        if self.time is not None:
            for key in ("measures_every", "frames_every", "checkpoint_every"):
                every: Quantity = getattr(self.output, key)
                steps = every / self.time.step
                if abs(steps - round(steps)) > WHOLE * steps or round(steps) < 1:
                    whole = max(1, round(steps)) * self.time.step
                    self.refuse(
                        f"output.{key}",
                        f"= {every.text} is no multiple of time.step = {self.time.step.text}; the nearest is {whole:.6g} h",
                    )
        for key, allowed, known in (
            ("fields", self.read.fields, self.read.names.known_fields),
            ("cells", self.read.cells, self.read.names.known_kinds),
        ):
            chosen = getattr(self.output, key)
            for name in () if chosen == "all" else chosen:
                if name not in allowed and name not in known:
                    self.refuse(f"output.{key}", f"names '{name}', which no config defines; {hint(name, allowed)}")

    def _doses(self) -> list[Dose]:
        for name in self.therapy.comparators:
            self.refuse(f"therapy.{name}", "is not simulated by this version yet; take it out, or set it to null")
        msc = self.therapy.msc
        plans = {f"doses.{name}": plan for name, plan in msc.doses.items()}
        if msc.dose is not None:
            if msc.day is None:
                self.refuse(
                    "therapy.msc.dose",
                    "is given without a day; add therapy.msc.day, for example 'day: 0' for the start",
                )
            plans = {"": DosePlan(day=msc.day or Quantity(0, "day"))} | plans
        if not plans:
            return []
        self._tables(msc)
        doses = [self._dose(key, plan, msc) for key, plan in plans.items()]
        return sorted((dose for dose in doses if dose is not None), key=lambda dose: (dose.day, dose.name))

    def _tables(self, msc: MscTherapy) -> None:
        """Source, donor and pretreatment must be in the tables."""
        if "msc" not in self.read.cells:
            self.refuse(
                "therapy.msc", "gives cells of the kind msc, which is not there; define cells.msc, or take the dose out"
            )
        if self.msc is None:
            if is_null(self.tree.items.get("msc")):
                self.refuse("therapy.msc", "needs the tables of the section msc (sources, donors, pretreatments)")
            return
        for key, table in (
            ("source", self.msc.sources),
            ("donor", self.msc.donors),
            ("pretreatment", self.msc.pretreatments),
        ):
            given = getattr(msc, key)
            if given is None:
                self.refuse("therapy.msc", f"has no {key}; write one of {', '.join(table)}")
            elif given not in table:
                self.refuse(f"therapy.msc.{key}", f"= '{given}' is not in msc.{key}s; {hint(given, table)}")

    def _dose(self, key: str, plan: DosePlan, msc: MscTherapy) -> Dose | None:
        path = "therapy.msc" + (f".{key}" if key else "")
        dose, route = plan.dose or msc.dose, plan.route or msc.route
        if plan.dose is not None and plan.dose == 0:
            dose = plan.dose
        if dose is None:
            self.refuse(path, "has no dose; write for example 'dose: 1e6 cells'")
        if route is None:
            self.refuse(path, "has no route; write 'route: local' or 'route: intrathecal'")
        if dose is None or route is None:
            return None
        self._route(path, route, dose)
        if plan.repeats > 1 and plan.every is None and plan.when is None:
            self.refuse(path, f"is repeated {plan.repeats} times but has no 'every'; write for example 'every: 7 day'")
        if plan.every is not None and plan.repeats == 1 and plan.when is None:
            self.refuse(path, "has 'every' but not how often: write for example 'repeats: 3'")
        radius, at = plan.radius or msc.radius, plan.at or msc.at
        if route == "local" and radius is None:
            self.refuse(path, "is local and needs a radius, such as 'radius: 400 um'")
        if at is not None:
            self._inside(f"{path if plan.at is not None else 'therapy.msc'}.at", at)
        return Dose(
            key.removeprefix("doses.") or "single",
            plan.day,
            dose,
            route,
            plan.every,
            plan.repeats,
            self._when(path, plan),
            radius,
            at,
        )

    def _route(self, path: str, route: str, dose: Quantity) -> None:
        if route == "intravenous":
            self.refuse(
                f"{path}.route", "= 'intravenous' is not simulated by this version yet; use intrathecal or local"
            )
        venules = self.tissue is not None and self.tissue.venules is not None and self.tissue.venules.any
        if route != "local" and self.read.parts["tissue"] is not None and not venules:
            self.refuse(
                f"{path}.route",
                f"= '{route}' has no venule to enter by; set tissue.venules.spacing or positions, or use 'route: local'",
            )
        if route != "local" and is_null(self.tree.items.get("tissue")):
            self.refuse(
                f"{path}.route", f"= '{route}' has no venule to enter by: there is no tissue; use 'route: local'"
            )
        if dose.canonical == "1/mm^3":
            if route != "local":
                self.refuse(
                    f"{path}.dose", f"= {dose.text} is a density; only a local dose may be one: write cells or cells/kg"
                )
            self._room(path, dose)
        elif (route != "local" or dose.canonical == "1/kg") and is_null(self.tree.items.get("subject")):
            self.refuse(
                f"{path}.dose",
                f"= {dose.text} by this route needs a subject (mass and volumes); add the section subject",
            )

    def _room(self, path: str, dose: Quantity) -> None:
        """A local density must fit."""
        cell = self.read.cells.get("msc")
        if cell is None:
            return
        limits = [float(cell.max_density)] if cell.max_density is not None else []
        if self.tissue is not None:
            limits.append(self.tissue.motile_fill / _volume(cell))
        if limits and dose > min(limits):
            self.refuse(f"{path}.dose", f"= {dose.text} is above the {min(limits):.6g} cells/mm^3 that fit; give less")

    def _when(self, path: str, plan: DosePlan) -> Condition | None:
        if plan.when is None:
            return None
        fields = {name: unit for name, unit in self.read.names.fields.items() if unit is not None}
        fields |= dict.fromkeys(self.read.names.known_fields - set(fields), "1")
        try:
            return Condition(plan.when, fields, self.read.names.known_kinds)
        except ConditionError as error:
            self.refuse(f"{path}.when", f"= '{plan.when}' {error}")
            return None


MINUTES = 60  # in an hour
PER_UM3 = 1e-9  # mm^3 in one um^3
GIB = 2**30


def _volume(cell: Cell) -> float:
    """Volume of one cell, mm^3."""
    return math.pi / 6 * cell.diameter**3 * PER_UM3


def _down(number: float) -> float:
    """Round down to two digits."""
    if number <= 0:
        return 0.0
    scale = 10.0 ** (math.floor(math.log10(number)) - 1)
    return math.floor(number / scale) * scale


def available_memory() -> int | None:
    """Read how many bytes of memory are free; None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
    except (OSError, ValueError):
        return None
