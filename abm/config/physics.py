"""What no tissue can be, and what no step can follow, though each value by itself is allowed: with the limit and the fix."""

import math

from abm.config.checks import PER_UM3, Checks, volume
from abm.config.quantity import Quantity

PER_UM2 = 1e-6  # mm^2 in one um^2
FASTEST = 5e5  # of decay and spreading in a step: about 1700 stages of the solver
MOST_VOXELS_OF_A_CELL = 64  # its volume is counted in whole numbers per voxel
MOST_RINGS = 10_000
MOST_SHEATHS_OF_A_VOXEL = 2**24  # counted exactly
NEVER_NEGATIVE = ("rate", "secretion", "uptake", "speed")


class Physics(Checks):
    """Looks at rates, solver steps, room, and what depends on the size of a voxel."""

    def check(self) -> None:
        """Run every check."""
        self._laws()
        self._fields()
        if self.grid is None:
            return
        self._sizes()
        if self.tissue is not None:
            self._sheaths()
            self._plaques()
        rings = math.hypot(*self.grid.size) / self.output.profile_width
        if rings > MOST_RINGS:
            advice = f"at most {MOST_RINGS}; widen them"
            self.refuse("output.profile_width", f"= {self.output.profile_width.text} makes {rings:.3g} rings, {advice}")

    def _laws(self) -> None:
        """Rates, amounts and speeds are never negative; a drift is at most as fast as the walk."""
        told = set()  # a law of a group is told once
        for owner, laws in self.read.laws.items():
            for name, law in laws.items():
                values: dict[str, Quantity] = {}
                if law.type in NEVER_NEGATIVE:
                    values = {f"terms.{key}.base": term.base for key, term in law.terms.items()}
                    shared = {"times": law.times} | {
                        f"terms.{key}.times": term.times for key, term in law.terms.items()
                    }
                    for path, factors in shared.items():
                        for key, factor in factors.items():
                            values |= {f"{path}.{key}.from": factor.from_, f"{path}.{key}.to": factor.to}
                if law.at_most is not None:
                    values["at_most"] = law.at_most
                for key, value in values.items():
                    if value < 0 and value.where not in told:
                        told.add(value.where)
                        self.refuse(f"laws.{owner}.{name}.{key}", f"= {value.text} must be at least 0 in a {law.type}")
                self._entry(owner, name, law.highest)
                if law.type == "bias" and law.at_most is not None and law.at_most > 1:
                    self.refuse(
                        f"laws.{owner}.{name}.at_most", f"= {law.at_most.text} is a share of the speed, at most 1"
                    )

    def _entry(self, owner: str, name: str, highest: float) -> None:
        """What enters within a step must fit."""
        cell = self.read.cells.get(name.removeprefix("enter_")) if name.startswith("enter_") else None
        if cell is not None and self.time is not None and highest * self.time.step > self.room(cell):
            self.refuse(
                f"laws.{owner}.{name}",
                f"can reach {highest * self.time.step:.6g} cells/mm^3 in a step of {self.time.step.text}, "
                f"above the {self.room(cell):.6g} that fit; lower it, or cap the law with at_most",
            )

    def _fields(self) -> None:
        """What spreads or decays very much faster than a step takes thousands of stages."""
        for name, field in self.read.fields.items():
            if field.quasi_steady:
                if field.half_life is None:
                    self.refuse(
                        f"fields.{name}", "is quasi_steady and needs a half_life: without there is no steady state"
                    )
                continue
            if self.time is None or self.grid is None:
                continue
            decay = math.log(2) / field.half_life if field.half_life is not None else 0.0
            exchange = 4 * len(self.grid.size) * field.D / self.grid.voxel**2
            if (decay + exchange) * self.time.step > FASTEST:
                key, cause = ("half_life", field.half_life) if decay > exchange else ("D", field.D)
                assert cause is not None
                advice = "set quasi_steady: true, which lets the field follow its sources at once"
                self.refuse(
                    f"fields.{name}.{key}",
                    f"= {cause.text} is too fast to follow in steps of {self.time.step.text}; {advice}",
                )

    def _voxel(self) -> float:
        """Volume of a voxel, mm^3."""
        assert self.grid is not None
        flat = len(self.grid.size) == 2
        return float(self.grid.voxel**2 * ((self.grid.thickness or 0) if flat else self.grid.voxel) * PER_UM3)

    def _sizes(self) -> None:
        """Cells fit into some voxels; distances into the domain; axons into the tissue."""
        assert self.grid is not None
        for kind, cell in self.read.cells.items():
            voxels = volume(cell) / self._voxel()
            if cell.motile and voxels > MOST_VOXELS_OF_A_CELL:
                limit = f"more than {MOST_VOXELS_OF_A_CELL} voxels; enlarge grid.voxel, or check the diameter"
                self.refuse(
                    f"cells.{kind}.diameter", f"= {cell.diameter.text} makes a cell of {voxels:.3g} voxels, {limit}"
                )
            if cell.max_density is not None and cell.max_density > self.room(cell) and kind != "neuron":
                limit = f"above the {self.room(cell):.6g} cells/mm^3 that fit; lower it"
                self.refuse(f"cells.{kind}.max_density", f"= {cell.max_density.text} is {limit}")
        if self.tissue is None:
            return
        longest = max(self.grid.size)
        for key in ("sheath_reach", "oligodendrocyte_reach"):
            reach: Quantity = getattr(self.tissue, key)
            if reach > longest:
                self.refuse(f"tissue.{key}", f"= {reach.text} is longer than the domain ({longest.text}); lower it")
        share = self.tissue.axon_density * PER_UM2 * math.pi / 4 * self.tissue.axon_diameter**2
        if share > 1:
            advice = "lower it, or tissue.axon_diameter"
            self.refuse(
                "tissue.axon_density",
                f"= {self.tissue.axon_density.text} of {self.tissue.axon_diameter.text} would fill {share:.3g} "
                f"of every plane, at most 1; {advice}",
            )
        venules = self.tissue.venules
        if venules is not None and venules.spacing is not None and venules.spacing < self.grid.voxel:
            limit = f"less than grid.voxel = {self.grid.voxel.text}; a venule is seen as one voxel"
            self.refuse("tissue.venules.spacing", f"= {venules.spacing.text} is {limit}")

    def _sheaths(self) -> None:
        """A voxel holds whole sheaths."""
        assert self.tissue is not None
        units = self.tissue.sheath_density * self._voxel()
        if not 0.5 <= units <= MOST_SHEATHS_OF_A_VOXEL:
            limit = f"which must hold 1 to {MOST_SHEATHS_OF_A_VOXEL}; change it, or grid.voxel"
            self.refuse(
                "tissue.sheath_density", f"= {self.tissue.sheath_density.text} is {units:.3g} in a voxel, {limit}"
            )
        cell = self.read.cells.get("oligodendrocyte")
        if cell is None or cell.initial_density is None:
            return
        each = int(self.tissue.sheaths_per_oligodendrocyte * self.tissue.sheath_surplus)
        if 0 < (held := each * cell.initial_density) < self.tissue.sheath_density:
            self.refuse(
                "tissue.sheath_density",
                f"= {self.tissue.sheath_density.text} is more than the {held:.6g} sheaths/mm^3 that the oligodendrocytes "
                f"there at the start can hold, {each} each: healthy tissue would begin as a lesion; lower it, or raise "
                "cells.oligodendrocyte.initial_density or tissue.sheaths_per_oligodendrocyte",
            )

    def _plaques(self) -> None:
        """What a plaque adds to what is there must fit."""
        assert self.tissue is not None
        for name, plaque in self.tissue.plaques.items():
            for kind, placed in plaque.cells.items():
                cell = self.read.cells.get(kind)
                density = placed.get("density", 0) if isinstance(placed, dict) else placed
                if cell is not None and cell.initial_density + density > (most := self.most(cell)):
                    self.refuse(
                        f"tissue.plaques.{name}.cells.{kind}",
                        f"= {density:.6g} cells/mm^3, with {cell.initial_density:.6g} already there, "
                        f"is above the {most:.6g} cells/mm^3 that fit; give less",
                    )
