"""What the runs of a study are to come near to: the section ``calibrate`` of its file.

calibrate:
  trials: 40                # points to try, each with every arm and seed
  batch: 8                  # of them asked for at a time: those of a batch do not learn from each other
  parameters:               # as of ``sensitivity``
    laws.tissue.strip_myelin.terms.m1.base:
  goals:
    peak: {measure: lesion_area_mm2, when: peak, value: 1.2 mm^2, within: 0.2 mm^2}    # of the control, unless arm: says
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator

from abm.config.expected import refuse
from abm.config.model import Name, Part, one_of
from experiments.parameters import Range, in_unit

MOST = 100_000
WHEN = ("end", "mean", "peak")


def _count(raw: Any) -> int:
    """Read a number of trials."""
    if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= MOST:
        raise refuse(((), f"{{key}} = {{value}} must be a whole number from 1 to {MOST}"))
    return raw


class GoalText(Part):
    """One goal, as it is written."""

    measure: str
    value: Any
    within: Any
    when: Annotated[str, BeforeValidator(one_of(*WHEN))] = "end"
    arm: str | None = None


class Section(Part):
    """What stands under ``calibrate:``."""

    trials: Annotated[int, PlainValidator(_count)]
    batch: Annotated[int, PlainValidator(_count)] = 8
    parameters: dict[str, Range]
    goals: dict[Name, GoalText]


@dataclass(frozen=True)
class Goal:
    """A number that an arm is to come near to: ``value`` give or take ``within``, in the unit of the read-out."""

    name: str
    arm: str
    measure: str
    when: str
    value: float
    within: float
    unit: str

    def miss(self, found: float) -> float:
        """Return by how many times ``within`` a number misses the goal, squared."""
        return ((found - self.value) / self.within) ** 2


@dataclass(frozen=True)
class Calibration:
    """How many points are tried, how many at a time, and what they are to come near to."""

    trials: int
    batch: int
    goals: tuple[Goal, ...]


def goal(name: str, given: GoalText, arm: str, units: Mapping[str, str]) -> Goal:
    """Return a goal in the unit of its read-out. Raises ValueError with a sentence where it cannot be one."""
    unit = units[given.measure]
    value, within = (in_unit(unit, getattr(given, end), f"{name}.{end}") for end in ("value", "within"))
    if not within > 0:
        raise ValueError(f"{name}.within = {given.within} must be above 0: it says how much a miss weighs")
    return Goal(name, arm, given.measure, given.when, value, within, unit)
