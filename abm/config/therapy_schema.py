"""The shape of therapies: doses of mesenchymal stem cells, and comparators."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator
from pydantic import Field as Described

from abm.config.conditions import Condition
from abm.config.expected import Unit
from abm.config.model import Name, Part, Switch, one_of
from abm.config.quantity import Quantity
from abm.config.schema import Point
from abm.config.vocabulary import COMPARATORS, MECHANISMS

ROUTES = ("intrathecal", "local", "intravenous")
MOST_CELLS = 1e15
MOST_DOSES = 10_000

Route = Annotated[Literal["intrathecal", "local", "intravenous"], BeforeValidator(one_of(*ROUTES))]
Amount = Annotated[
    Quantity,
    Unit("cells", "cells given per infusion", at_least=0, at_most=MOST_CELLS, others=("cells/kg", "cells/mm^3")),
]
REFERENCE = ("dose", "doses")  # units of a dose that is told in reference doses of the subject
LOOKED_AT = "condition on read-outs, such as lesion.area > 0.3 mm^2; looked at every 6 h, whatever is written out"
Day = Annotated[Quantity, Unit("day", "day it is given", at_least=0)]
Radius = Annotated[Quantity, Unit("um", "a local dose is placed within it", above=0)]


class DosePlan(Part):
    """One entry of ``therapy.msc.doses``; what is left out is taken from ``therapy.msc``."""

    day: Day = Quantity(0, "day")
    dose: Amount | None = None
    route: Route | None = None
    when: Annotated[str | None, Described(description=LOOKED_AT)] = None
    every: Annotated[Quantity, Unit("day", "time between two", above=0)] | None = None
    repeats: Annotated[int, Described(ge=1, le=MOST_DOSES)] = 1
    radius: Radius | None = None
    at: Point | None = None


class MscTherapy(Part):
    """Mesenchymal stem cells: which, how, when. On when a dose is given."""

    source: str | None = None
    donor: str | None = None
    pretreatment: str | None = None
    route: Route | None = None
    dose: Amount | None = None
    day: Day | None = None
    radius: Radius | None = None
    at: Point | None = None
    doses: dict[Name, DosePlan] = {}
    mechanisms: dict[Annotated[str, BeforeValidator(one_of(*MECHANISMS))], Switch] = {}


class Drug(Part):
    """When a drug is given: from a day on, until another or the end."""

    day: Day = Quantity(0, "day")
    until: Annotated[Quantity, Unit("day", "day after which it is given no more", at_least=0)] | None = None


class StemCells(Part):
    """When haematopoietic stem cells are transplanted, and after which conditioning."""

    day: Day = Quantity(0, "day")
    regimen: str = "intermediate"


class Therapy(Part):
    """All therapies; a comparator is a map of its own."""

    msc: MscTherapy = MscTherapy()
    ahsct: StemCells | None = None
    anti_cd20: Drug | None = None
    natalizumab: Drug | None = None
    dimethyl_fumarate: Drug | None = None

    @property
    def comparators(self) -> list[str]:
        """Name the comparators that are asked for."""
        return [name for name in COMPARATORS if getattr(self, name) is not None]


@dataclass(frozen=True)
class Dose:
    """One dose, or a series of them, with everything it needs.

    day      first hour at which it may be given
    dose     cells, cells/kg (canonical 1/kg) or, local only, cells per volume (canonical 1/mm^3); reference doses are
             cells here
    every    hours between two of a series; with ``when`` the least time between two
    repeats  how often it is given in all; with ``when`` at most so often
    """

    name: str
    day: Quantity
    dose: Quantity
    route: str
    every: Quantity | None
    repeats: int
    when: Condition | None
    radius: Quantity | None
    at: Point | None
