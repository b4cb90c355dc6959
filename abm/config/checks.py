"""What checks across sections share: the sections that could be read, and where to put a sentence."""

import math

from abm.config.errors import Problems
from abm.config.schema import Cell, Grid, MscTables, Output, Point, Subject, Time, Tissue
from abm.config.sections import Read
from abm.config.systemic_schema import Comparators, Periphery
from abm.config.therapy_schema import Therapy
from abm.config.tree import Branch, find, is_null

PER_UM3 = 1e-9  # mm^3 in one um^3


class Checks:
    """Checks that look only at sections that could be read; what is wrong goes to ``problems``."""

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
        self.periphery: Periphery | None = parts["periphery"]
        self.comparators: Comparators | None = parts["comparators"]
        self.therapy: Therapy = parts["therapy"] or Therapy()
        self.output: Output = parts["output"] or Output()

    def refuse(self, key: str, sentence: str) -> None:
        """Note a problem at a dotted key; a key that is not written is reported at its nearest parent."""
        self.problems.add(find(self.tree, tuple(key.split(".")))[1], f"{key} {sentence}")

    def is_missing(self, section: str) -> bool:
        """Say whether a section is not written at all (rather than wrong)."""
        return is_null(self.tree.items.get(section))

    @property
    def venules_act(self) -> bool:
        """Say whether venules have laws: without there are none, though they have positions."""
        return "venule" in self.read.laws

    def most(self, cell: Cell) -> float:
        """Give the highest density of a kind that may be placed, 1/mm^3: what it says itself, and what fits."""
        return min(self.room(cell), math.inf if cell.max_density is None else cell.max_density)

    def room(self, cell: Cell) -> float:
        """Give the highest density of a kind that fits, 1/mm^3; no end where there is no tissue."""
        if self.tissue is None:
            return math.inf
        return self.tissue.motile_fill / volume(cell) if cell.motile else float(self.tissue.glia_capacity)

    def inside(self, key: str, point: Point, what: str) -> None:
        """Refuse a point outside the domain. what  it is the place of"""
        if self.grid is None:
            return
        depth = (self.grid.thickness,) if len(self.grid.size) == 2 else ()
        for axis, length in zip("xyz", (*self.grid.size, *depth)):
            place = getattr(point, axis)
            if place is not None and length is not None and place > length:
                advice = f"move or remove {what}, or enlarge grid.size"
                limit = f"is outside the domain, which ends at {length.text}"
                self.refuse(f"{key}.{axis}", f"= {place.text} {limit}; {advice}")
        if len(self.grid.size) == 3 and point.z is None:
            self.refuse(key, "needs a z in 3D")
        if len(self.grid.size) == 2 and point.z is not None:
            self.refuse(
                f"{key}.z", f"= {point.z.text} has no meaning in 2D; remove it, or give grid.size three lengths"
            )


def volume(cell: Cell) -> float:
    """Volume of one cell, mm^3."""
    return math.pi / 6 * cell.diameter**3 * PER_UM3
