"""Doses: each with everything it needs, and refused where it cannot be given."""

import math
from collections.abc import Collection

from abm.config.checks import PER_UM3, Checks
from abm.config.conditions import Condition, ConditionError
from abm.config.errors import hint
from abm.config.quantity import Quantity
from abm.config.readouts_schema import units
from abm.config.therapy_schema import REFERENCE, Dose, DosePlan, MscTherapy


class Doses(Checks):
    """Reads the doses of a config from its therapy."""

    def planned(self) -> list[Dose]:
        """Return all doses in the order in which they may first be given."""
        msc = self.therapy.msc
        plans = {f"doses.{name}": plan for name, plan in msc.doses.items()}
        if msc.dose is not None:
            if msc.day is None:
                advice = "add therapy.msc.day, for example 'day: 0' for the start"
                self.refuse("therapy.msc.dose", f"is given without a day; {advice}")
            plans = {"": DosePlan(day=msc.day or Quantity(0, "day"))} | plans
        self._tables(msc)
        if not plans:
            return []
        self._needed(msc)
        doses = [self._dose(key, plan, msc) for key, plan in plans.items()]
        return sorted((dose for dose in doses if dose is not None), key=lambda dose: (dose.day, dose.name))

    def _tables(self, msc: MscTherapy) -> None:
        """Source, donor and pretreatment must be in the tables, given or not."""
        for key, table in self._choices().items():
            given = getattr(msc, key)
            if given is not None and given not in table:
                self.refuse(f"therapy.msc.{key}", f"= '{given}' is not in msc.{key}s; {hint(given, table)}")

    def _choices(self) -> dict[str, Collection[str]]:
        if self.msc is None:
            return {}
        return {"source": self.msc.sources, "donor": self.msc.donors, "pretreatment": self.msc.pretreatments}

    def _needed(self, msc: MscTherapy) -> None:
        """A dose needs its kind of cell, and a source, donor and pretreatment; what settles must fit."""
        if "msc" not in self.read.cells:
            advice = "define cells.msc, or take the dose out"
            self.refuse("therapy.msc", f"gives cells of the kind msc, which is not there; {advice}")
        if self.msc is None:
            if self.is_missing("msc"):
                self.refuse("therapy.msc", "needs the tables of the section msc (sources, donors, pretreatments)")
            return
        cell, cap = self.read.cells.get("msc"), self.msc.niche_cap
        if cell is not None and cap > (most := self.most(cell)):
            self.refuse("msc.niche_cap", f"= {cap.text} is above the {most:.6g} cells/mm^3 that fit; lower it")
        for key, table in self._choices().items():
            if getattr(msc, key) is None:
                self.refuse("therapy.msc", f"has no {key}; write one of {', '.join(table)}")

    def _dose(self, key: str, plan: DosePlan, msc: MscTherapy) -> Dose | None:
        path = "therapy.msc" + (f".{key}" if key else "")
        given = msc.dose if plan.dose is None else plan.dose
        dose = None if given is None else self._in_cells(path, given)
        route = plan.route or msc.route
        if given is None:
            self.refuse(path, "has no dose; write for example 'dose: 1e6 cells'")
        if route is None:
            self.refuse(path, "has no route; write 'route: local' or 'route: intrathecal'")
        if dose is None or route is None:
            return None
        radius = msc.radius if plan.radius is None else plan.radius
        at = msc.at if plan.at is None else plan.at
        if at is not None:
            self.inside("therapy.msc.at" if plan.at is None else f"{path}.at", at, "the dose")
        self._schedule(path, plan)
        if route == "local":
            self._local(path, dose, radius)
        else:
            self._by_venule(path, route, dose)
        name = key.removeprefix("doses.") or "single"
        when = self._when(path, plan)
        return Dose(name, plan.day, dose, route, plan.every, plan.repeats, when, radius, at)

    def _in_cells(self, path: str, dose: Quantity) -> Quantity | None:
        """Turn reference doses of the subject into cells; None where it has none."""
        if dose.unit not in REFERENCE:
            return dose
        if self.subject is None or self.subject.ref_dose is None:
            advice = "add subject.ref_dose, or write the dose in cells"
            self.refuse(f"{path}.dose", f"= {dose.text} is told in reference doses of a subject; {advice}")
            return None
        return Quantity(dose * self.subject.ref_dose, "cells")

    def _schedule(self, path: str, plan: DosePlan) -> None:
        if plan.repeats > 1 and plan.every is None and plan.when is None:
            self.refuse(path, f"is repeated {plan.repeats} times but has no 'every'; write for example 'every: 7 day'")
        if plan.every is not None and plan.repeats == 1 and plan.when is None:
            self.refuse(path, "has 'every' but not how often: write for example 'repeats: 3'")

    def _by_venule(self, path: str, route: str, dose: Quantity) -> None:
        """What comes by blood or CSF needs a venule to enter by, and a subject to be diluted in."""
        if self.is_missing("periphery"):
            advice = "extend the biology, or use 'route: local'"
            self.refuse(f"{path}.route", f"= '{route}' needs the section periphery; {advice}")
        if route == "intravenous" and self.subject is not None and self.subject.ref_dose is None:
            self.refuse(f"{path}.route", f"= '{route}' needs subject.ref_dose, which the peripheral effect refers to")
        no_venule = f"= '{route}' has no venule to enter by"
        if self.is_missing("tissue"):
            self.refuse(f"{path}.route", f"{no_venule}: there is no tissue; use 'route: local'")
        elif self.tissue is not None and (self.tissue.venules is None or not self.tissue.venules.any):
            advice = "set tissue.venules.spacing or positions, or use 'route: local'"
            self.refuse(f"{path}.route", f"{no_venule}; {advice}")
        elif self.tissue is not None and not self.venules_act:
            advice = "keep laws.venule, or use 'route: local'"
            self.refuse(f"{path}.route", f"{no_venule}: venules have no laws to act by; {advice}")
        if dose.canonical == "1/mm^3":
            advice = "only a local dose may be one: write cells or cells/kg"
            self.refuse(f"{path}.dose", f"= {dose.text} is a density; {advice}")
        self._subject(path, dose)
        if route == "intravenous" and self.subject is not None and self.periphery is not None:
            cells = float(dose) * (self.subject.mass if dose.canonical == "1/kg" else 1)
            density = cells * self.periphery.cns_fraction / (self.subject.lesion_volume * PER_UM3)
            self._fits(path, dose, density, f" brings {density:.6g} cells/mm^3 to an open venule, which")

    def _local(self, path: str, dose: Quantity, radius: Quantity | None) -> None:
        """Cells placed in the tissue must fit where they are placed."""
        if radius is None:
            self.refuse(path, "is local and needs a radius, such as 'radius: 400 um'")
        if dose.canonical == "1/kg":
            self._subject(path, dose)
        density = self._density(dose, radius)
        if density is None:
            return
        given = "" if dose.canonical == "1/mm^3" else f" is {density:.6g} cells/mm^3, which"
        self._fits(path, dose, density, given)

    def _fits(self, path: str, dose: Quantity, density: float, given: str) -> None:
        cell = self.read.cells.get("msc")
        if cell is not None and density > (most := self.most(cell)):
            self.refuse(f"{path}.dose", f"= {dose.text}{given} is above the {most:.6g} cells/mm^3 that fit; give less")

    def _density(self, dose: Quantity, radius: Quantity | None) -> float | None:
        """Give the cells per mm^3 of a local dose; None when it cannot be told."""
        if dose.canonical == "1/mm^3":
            return float(dose)
        if radius is None or self.grid is None or (dose.canonical == "1/kg" and self.subject is None):
            return None
        cells = float(dose) * (self.subject.mass if self.subject is not None and dose.canonical == "1/kg" else 1)
        flat = len(self.grid.size) == 2
        place = math.pi * radius**2 * (self.grid.thickness or 0) if flat else 4 / 3 * math.pi * radius**3
        return cells / (min(place, self._domain()) * PER_UM3)

    def _domain(self) -> float:
        """Volume of the domain, um^3."""
        assert self.grid is not None
        return math.prod([*self.grid.size, *([self.grid.thickness or 0] if len(self.grid.size) == 2 else [])])

    def _subject(self, path: str, dose: Quantity) -> None:
        if self.is_missing("subject"):
            advice = "add the section subject"
            self.refuse(f"{path}.dose", f"= {dose.text} by this route needs a subject (mass and volumes); {advice}")

    def _when(self, path: str, plan: DosePlan) -> Condition | None:
        if plan.when is None:
            return None
        names = self.read.names
        fields = {name: unit for name, unit in names.fields.items() if unit is not None}
        fields |= dict.fromkeys(names.known_fields - set(fields), "1")
        try:
            return Condition(plan.when, fields, names.known_kinds, units(self.read.readouts, fields))
        except ConditionError as error:
            self.refuse(f"{path}.when", f"= '{plan.when}' {error}")
            return None
