"""Which values a study tries in place of a grid: the section ``sensitivity`` of its file.

    sensitivity:
      method: morris            # elementary effects (Morris 1991); or sobol: shares of the variance (Sobol 2001)
      size: 8                   # trajectories; of sobol base samples, a power of 2
      parameters:
        fields.tnf.half_life:   # between the low and high that the value states
        laws.macrophage.strip.terms.basal.base: {low: 0.1 1/h, high: 0.4 1/h}

A range whose ends differ by a factor of ten or more is tried evenly by its logarithm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, PlainValidator

from abm.config import Quantity
from abm.config.errors import hint
from abm.config.expected import refuse
from abm.config.model import Part, one_of
from abm.config.quantity import number_with_unit, split_quantity
from abm.config.units import UnitError, same_dimension, to_canonical
from experiments.sources import as_typed, values

METHODS = MORRIS, SOBOL = "morris", "sobol"
LEVELS = 4  # of a trajectory, as Morris recommends
SEED = 1  # of the sample: the same file is the same runs
WIDE = 10.0  # ratio of the ends from which on a range is tried by its logarithm
DIGITS = 6
MOST = 4096


def _size(raw: Any) -> int:
    """Read how large a sample is."""
    if isinstance(raw, bool) or not isinstance(raw, int) or not 2 <= raw <= MOST:
        raise refuse(((), f"{{key}} = {{value}} must be a whole number from 2 to {MOST}"))
    return raw


class Range(Part):
    """The ends of a parameter; without them those that its value states."""

    low: Any = None
    high: Any = None


class Section(Part):
    """What stands under ``sensitivity:``."""

    method: Annotated[str, BeforeValidator(one_of(*METHODS))] = MORRIS
    size: Annotated[int, PlainValidator(_size)] = 8
    parameters: dict[str, Range]


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


@dataclass(frozen=True)
class Sample:
    """What is tried. shares  float64[points, parameters], 0 to 1 of the range of each"""

    method: str
    parameters: tuple[Parameter, ...]
    shares: np.ndarray

    @property
    def points(self) -> list[tuple[tuple[str, Any], ...]]:
        """The value of every parameter at every point."""
        return [tuple((each.key, each.at(share)) for each, share in zip(self.parameters, row)) for row in self.shares]

    @property
    def ends(self) -> "Sample":
        """All parameters at their lowest, and all at their highest."""
        return replace(self, shares=np.repeat([[0.0], [1.0]], len(self.parameters), axis=1))

    @property
    def problem(self) -> dict[str, Any]:
        """The parameters as SALib takes them."""
        n = len(self.parameters)
        return {"num_vars": n, "names": [each.key for each in self.parameters], "bounds": [[0.0, 1.0]] * n}


def sample(method: str, size: int, parameters: tuple[Parameter, ...]) -> Sample:
    """Choose the points to try, the same for the same parameters. Raises ImportError where SALib is not installed."""
    import SALib.sample.morris
    import SALib.sample.sobol

    empty = Sample(method, parameters, np.zeros((0, len(parameters))))
    if method == MORRIS:
        shares = SALib.sample.morris.sample(empty.problem, size, num_levels=LEVELS, seed=SEED)
    else:
        shares = SALib.sample.sobol.sample(empty.problem, size, calc_second_order=False, seed=SEED)
    return Sample(method, parameters, np.asarray(shares, float))


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
        ends.append(as_typed(value, stated) if end is None else _in_unit_of(value, end, f"{key}.{name}"))
    low, high = ends
    if not low < high:
        raise ValueError(f"{key}: low = {low:g} must be below high = {high:g}")
    return Parameter(key, low, high, value.unit)


def _in_unit_of(value: Quantity, end: Any, name: str) -> float:
    """Read an end in the unit that a value was written in."""
    try:
        if isinstance(end, bool) or not isinstance(end, int | float | str):
            raise UnitError("is not a quantity")
        number, unit = split_quantity(str(end))
        if unit is not None and not same_dimension(unit, value.unit):
            raise UnitError(f"is not in a unit such as {value.unit}")
    except UnitError as error:
        raise ValueError(f"{name} = {end} {error}") from None
    return number if unit is None else as_typed(value, to_canonical(number, unit))


def quantities(config: Any) -> dict[str, Quantity]:
    """Return every number of a config that can be varied, by its dotted key."""
    return {each.key: each.quantity for each in values(config)}
