"""Quantities: numbers in canonical units that remember how they were written and where they come from."""

import re
from typing import Any

from abm.config.units import UnitError, canonical_of, to_canonical

QUANTITY_KEYS = ("value", "unit", "source", "note", "low", "high")
NUMBER_AND_UNIT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(.*)", re.DOTALL)


class Quantity(float):
    """A number in the canonical unit of its dimension.

    typed, unit     the number and the unit as a person wrote them
    canonical       the unit of the float itself
    source, note    where the value comes from; ``source`` is ``assumed``, ``recalled``, a key of the references, or None
    low, high       the plausible range, in canonical units, or None
    where           ``file:line`` or ``--set a.b=v``
    """

    typed: float
    unit: str
    canonical: str
    source: str | None
    note: str | None
    low: float | None
    high: float | None
    where: str

    def __new__(cls, value: float, unit: str = "1", **about: Any) -> "Quantity":
        quantity = super().__new__(cls, to_canonical(value, unit))
        quantity.typed, quantity.unit, quantity.canonical = float(value), unit, canonical_of(unit)
        quantity.source, quantity.note = about.get("source"), about.get("note")
        quantity.low, quantity.high = about.get("low"), about.get("high")
        quantity.where = about.get("where", "default")
        return quantity

    def __getnewargs__(self) -> tuple[float, str]:  # type: ignore[override]
        return self.typed, self.unit

    @property
    def text(self) -> str:
        """The quantity as typed, such as ``22 um^2/s``."""
        return number_with_unit(self.typed, self.unit)

    def __repr__(self) -> str:
        return f"Quantity({self.text})"


def number_with_unit(value: float, unit: str) -> str:
    """Write ``22 um^2/s``, or ``22`` for a pure number."""
    return f"{value:.12g}" + ("" if unit == "1" else f" {unit}")


def split_quantity(text: str) -> tuple[float, str | None]:
    """Read ``22 um^2/s`` as a number and a unit; the unit is None when there is none."""
    match = NUMBER_AND_UNIT.fullmatch(text)
    if match is None:
        raise UnitError("is not a quantity; write a number and a unit, such as 22 um^2/s")
    return float(match[1]), match[2].strip() or None
