"""What laws know of one kind of cell: its states, and the rows that its laws read and fill."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from abm.rows import ONE, ZERO, Rows


@dataclass(frozen=True)
class Shape:
    """What laws must know of a kind of cell: its states, and states derived from them as (state, value at 0, at 1)."""

    states: tuple[str, ...]
    derived: Mapping[str, tuple[str, float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ramp:
    """A linear factor that stands in no file: a derived state."""

    from_: float
    to: float
    linear: tuple[float, float] = (0.0, 1.0)


@dataclass
class CellLaws:
    """The rows of one kind of cell: own states and contacts, factors, the value of each law.

    own      factors of own states and contacts;  late  those of what a cell reads of its voxel, and the laws
    sums     (own row, voxel row): what is summed over the cells of a voxel
    read     rows of the voxels that cells read
    """

    states: tuple[str, ...]
    own: Rows
    late: Rows
    contacts: dict[tuple[str, float], int] = field(default_factory=dict)
    sums: list[tuple[int, int]] = field(default_factory=list)
    read: set[int] = field(default_factory=set)
    laws: dict[str, int] = field(default_factory=dict)
    bias: int | None = None
    bias_at_most: float = 0.0

    def known(self) -> list[tuple[Any, int]]:
        """Return by what others than the operations know a row, with its index: constants and states come first."""
        names = [ONE, ZERO, *(f"self.{state}" for state in self.states), *(f"law.{name}" for name in self.laws)]
        named = [(name, self.own[name]) for name in names]
        return [*named, *self.contacts.items(), *((number, own) for number, (own, _) in enumerate(self.sums))]

    def passing(self) -> set[int]:
        """Return the rows that only rows filled with them read: nobody needs them later."""
        filled = (self.own.targets() - self.late.operands()) | self.late.targets()
        return filled - {row for _, row in self.known()}


def cell_rows(shape: Shape) -> CellLaws:
    """Return the rows of a kind of cell, before any law: its states, and those derived from them."""
    own = Rows(f"self.{state}" for state in shape.states)
    for name, (state, at_zero, at_one) in shape.derived.items():
        own.index[f"self.{name}"] = own.factor(own[f"self.{state}"], Ramp(at_zero, at_one))
    return CellLaws(shape.states, own, Rows(index=own.index))
