"""What is refused before anything runs, though each value by itself is allowed: with the limit and the fix."""

import math
from collections.abc import Mapping

from abm.config.checks import PER_UM3, Checks, volume
from abm.config.errors import hint
from abm.config.files import HOW_TO_TREAT
from abm.config.memory import total_and_free
from abm.config.quantity import Quantity, number_with_unit
from abm.config.schema import Cell, Field, Grid
from abm.config.tree import find
from abm.config.units import same_dimension, to_canonical
from abm.config.vocabulary import SWITCHED_STATES, TYPE_UNITS, states_to_set

HIGHEST_CHANCE = 0.5  # of an event per step
BYTES_PER_VALUE = 4
VALUES_PER_FIELD = 8  # concentration, source, uptake and the stages of the solver
VALUES_PER_KIND = 6
VALUES_PER_VOXEL = 330  # rows of the laws, tissue, sheaths, axons
BYTES_PER_CELL = 250
MOST_OF_MEMORY = 0.8
GIB = 2**30
WHOLE = 1e-6  # how far from a whole number a ratio may be by rounding
MINUTES = 60  # in an hour


class Refusals(Checks):
    """Looks at rates, room, memory, places and output."""

    def check(self) -> None:
        """Run every check."""
        self._needed()
        self._rates()
        self._capacity()
        self._memory()
        self._fields()
        self._released()
        self._venules()
        self._cadence()
        self._chosen()

    def _needed(self) -> None:
        missing = [section for section in ("time", "grid") if self.is_missing(section)]
        if len(missing) == 2 and not self.is_missing("therapy"):
            advice = f"{HOW_TO_TREAT}, as in 'extends: [acute, msc_local]'"
            self.problems.add(self.tree.where, f"this is a therapy without tissue; {advice}")
        for section in missing:
            sentence = f"missing section '{section}'; write it, or extend a scenario that has it"
            self.problems.add(self.tree.where, sentence)
        for kind, cell in self.read.cells.items():
            if "speed" in self.read.laws.get(kind, {}) and cell.persistence is None:
                self.refuse(f"cells.{kind}", "has a speed and needs a persistence, such as 'persistence: 3 min'")
        if "oligodendrocyte" in self.read.cells and self.is_missing("tissue"):
            advice = "write it, or leave the cells out with 'cells.oligodendrocyte=null'"
            self.refuse(
                "cells.oligodendrocyte", f"hold the sheaths of a section 'tissue', which is not there; {advice}"
            )

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
                    told.add(where)
                    highest = number_with_unit(float(f"{law.highest / to_canonical(1, law.unit):.4g}"), law.unit)
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
                limit = f"its max_density of {cell.max_density.text}"
                self.refuse(
                    f"cells.{kind}.initial_density", f"= {cell.initial_density.text} is above {limit}; lower it"
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
        fill = sum(volume(cell) * cell.initial_density for cell in motile.values())
        if fill > self.tissue.motile_fill:
            self.refuse(
                "tissue.motile_fill",
                f"= {self.tissue.motile_fill.text} of the volume is less than the {fill:.3g} that motile cells fill at "
                f"the start ({', '.join(motile)}); lower their initial_density",
            )

    def _memory(self) -> None:
        """The arrays of the grid and of the cells there at the start must fit in memory."""
        if self.grid is None:
            return
        voxels = voxels_of(self.grid)
        needed = bytes_needed(self.grid, self.read.fields, self.read.cells)
        _, free = total_and_free()
        if needed > MOST_OF_MEMORY * free:
            shrink = needed / (MOST_OF_MEMORY * free)
            self.refuse(
                "grid.size",
                f"of {voxels:,} voxels needs about {needed / GIB:.1f} GiB, and {free / GIB:.1f} GiB are free; "
                f"make it {shrink:.3g} times smaller, or enlarge grid.voxel",
            )

    def _fields(self) -> None:
        """What is given off in molecules becomes pg/mL only with a molar mass; point sources lie in the domain."""
        for name, field in self.read.fields.items():
            secreting = [laws[law] for laws in self.read.laws.values() if (law := f"secrete_{name}") in laws]
            fed = bool(field.sources) or any(same_dimension(law.unit, "1/h") for law in secreting)
            if field.unit == "pg/mL" and fed and field.molar_mass is None:
                advice = "it needs a molar_mass, such as 'molar_mass: 26 kDa'"
                self.refuse(f"fields.{name}", f"is given off in molecules and held in pg/mL: {advice}")
            for place, source in field.sources.items():
                self.inside(f"fields.{name}.sources.{place}", source, "the source")

    def _released(self) -> None:
        """What an event leaves is a plain number of units, in a field that counts units."""
        for owner, laws in self.read.laws.items():
            for name, law in laws.items():
                if not name.startswith("release_"):
                    continue
                field = self.read.fields.get(name.removeprefix("release_"))
                if field is not None and field.unit != "1/mm3":
                    self.refuse(f"laws.{owner}.{name}", f"gives units to a field in {field.unit}; it must be in 1/mm3")
                if law.times or any(term.times or term.during or term.mechanism for term in law.terms.values()):
                    advice = "put factors, windows and mechanisms on the rate of the event"
                    self.refuse(f"laws.{owner}.{name}", f"must be a plain number of units per event; {advice}")

    def _venules(self) -> None:
        """Venules and plaques lie in the domain; the trigger names a venule that has a position."""
        if self.tissue is None:
            return
        positions = self.tissue.venules.positions if self.tissue.venules is not None else {}
        for name, position in positions.items():
            self.inside(f"tissue.venules.positions.{name}", position, "the venule")
        for name, window in self.tissue.trigger.windows.items():
            key = f"tissue.trigger.windows.{name}.venule"
            if window.venule is not None and window.venule not in positions:
                self.refuse(key, f"= '{window.venule}' is no venule with a position; {hint(window.venule, positions)}")
            elif window.venule is not None and not self.venules_act:
                advice = "keep laws.venule, or remove the window (null)"
                self.refuse(key, f"= '{window.venule}' has no laws to act by; {advice}")
        for name, plaque in self.tissue.plaques.items():
            self.inside(f"tissue.plaques.{name}.at", plaque.at, "the plaque")
            for part in ("survive", "cells"):
                for kind in getattr(plaque, part):
                    if kind not in self.read.cells or kind == "neuron":
                        kinds = [each for each in self.read.cells if each != "neuron"]
                        self.refuse(
                            f"tissue.plaques.{name}.{part}.{kind}",
                            f"names '{kind}', no kind of cell in this tissue; {hint(kind, kinds)}",
                        )
            for kind, placed in plaque.cells.items():
                for state in placed if isinstance(placed, dict) and kind in self.read.cells else ():
                    self._state(f"tissue.plaques.{name}.cells.{kind}", kind, state, placed[state])

    def _state(self, key: str, kind: str, state: str, value: Quantity) -> None:
        """A kind has the state that it is placed with."""
        if state == "density":
            return
        states = states_to_set(kind)
        if state not in states:
            advice = hint(state, ["density", *states])
            self.refuse(f"{key}.{state}", f"is neither the density nor a state that {kind} can be given; {advice}")
        elif state in SWITCHED_STATES and value not in (0, 1):
            self.refuse(f"{key}.{state}", f"= {value.text} must be 0 or 1; write each part as a plaque of its own")

    def _cadence(self) -> None:
        """Output comes at whole steps."""
        for key in ("measures_every", "frames_every", "checkpoint_every") if self.time is not None else ():
            assert self.time is not None
            every: Quantity = getattr(self.output, key)
            steps = every / self.time.step
            if abs(steps - round(steps)) > WHOLE * steps or round(steps) < 1:
                nearest = max(1, round(steps)) * self.time.step
                advice = f"the nearest is {nearest:.6g} h"
                sentence = f"= {every.text} is no multiple of time.step = {self.time.step.text}; {advice}"
                self.refuse(f"output.{key}", sentence)

    def _chosen(self) -> None:
        """Output names what is there, or was left out."""
        names = self.read.names
        sections: dict[str, tuple[set[str], set[str]]] = {
            "fields": (set(self.read.fields), names.known_fields),
            "cells": (set(self.read.cells), names.known_kinds),
        }
        for key, (there, known) in sections.items():
            chosen = getattr(self.output, key)
            for name in () if chosen == "all" else chosen:
                if name not in there | known:
                    self.refuse(f"output.{key}", f"names '{name}', which no config defines; {hint(name, there)}")


def _down(number: float) -> float:
    """Round down to two digits."""
    if number <= 0:
        return 0.0
    scale = 10.0 ** (math.floor(math.log10(number)) - 1)
    return math.floor(number / scale) * scale


def voxels_of(grid: Grid) -> int:
    """Count the voxels of a grid."""
    return math.prod(round(length / grid.voxel) for length in grid.size)


def bytes_needed(grid: Grid, fields: Mapping[str, Field], cells: Mapping[str, Cell]) -> float:
    """Estimate the memory of a run: the arrays of its grid, and of the cells there at the start."""
    depth = [] if len(grid.size) == 3 else [grid.thickness or grid.voxel]
    domain = math.prod([*grid.size, *depth]) * PER_UM3
    count = domain * sum(cell.initial_density for kind, cell in cells.items() if kind != "neuron")
    values = VALUES_PER_FIELD * len(fields) + VALUES_PER_KIND * len(cells) + VALUES_PER_VOXEL
    return voxels_of(grid) * values * BYTES_PER_VALUE + count * BYTES_PER_CELL
