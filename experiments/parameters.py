"""Values that a study varies: between which ends, and what they are at a share of the way.

    fields.tnf.half_life:                                             the low and high that the value states
    laws.macrophage.die.terms.m1.base: {low: 0.1 1/day, high: 1 1/day}

A range whose ends differ by a factor of ten or more is passed through evenly by its logarithm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from abm.config import Quantity
from abm.config.errors import hint
from abm.config.model import Part
from abm.config.quantity import number_with_unit, split_quantity
from abm.config.units import UnitError, factor, same_dimension
from experiments.sources import as_typed, values

WIDE = 10.0  # ratio of the ends
DIGITS = 6


class Range(Part):
    """The ends of a parameter; without them those that its value states."""

    low: Any = None
    high: Any = None


@dataclass(frozen=True)
class Parameter:
    """A value that is varied, between two ends in the unit it was written in."""

    key: str
    low: float
    high: float
    unit: str

    def at(self, share: float) -> Any:
        """Return the value at a share of the range, as it is written in a config."""
        if self.low > 0 and self.high >= WIDE * self.low:
            number = self.low * (self.high / self.low) ** share
        else:
            number = self.low + share * (self.high - self.low)
        number = float(f"{number:.{DIGITS}g}")
        return number if self.unit == "1" else number_with_unit(number, self.unit)


def parameter(key: str, given: Range, known: Mapping[str, Quantity]) -> Parameter:
    """Return a parameter with its range. Raises ValueError with a sentence where there is none."""
    if key not in known:
        raise ValueError(f"'{key}' is no value of this scenario; {hint(key, known)}")
    value = known[key]
    ends = []
    for name in ("low", "high"):
        end, stated = getattr(given, name), getattr(value, name)
        if end is None and stated is None:
            raise ValueError(f"{key} = {value.text} states no {name}; give one, such as {{low: ..., high: ...}}")
        ends.append(as_typed(value, stated) if end is None else in_unit(value.unit, end, f"{key}.{name}"))
    low, high = ends
    if not low < high:
        raise ValueError(f"{key}: low = {low:g} must be below high = {high:g}")
    return Parameter(key, low, high, value.unit)


def in_unit(unit: str, given: Any, name: str) -> float:
    """Read a quantity in a unit; a bare number is in it already. Raises ValueError with a sentence that begins with ``name``."""
    try:
        if isinstance(given, bool) or not isinstance(given, int | float | str):
            raise UnitError("is not a quantity")
        number, own = split_quantity(str(given))
        if own is not None and not same_dimension(own, unit):
            raise UnitError(f"is not in a unit such as {unit}")
    except UnitError as error:
        raise ValueError(f"{name} = {given} {error}") from None
    return number if own is None else float(Fraction(number) * factor(own, unit))


def quantities(config: Any) -> dict[str, Quantity]:
    """Return every number of a config that can be varied, by its dotted key."""
    return {each.key: each.quantity for each in values(config)}
