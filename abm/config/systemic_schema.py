"""The shape of what goes on outside the simulated tissue: blood, lung, cerebrospinal fluid, and what comparators do there."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from abm.config.expected import Length, Share, Unit
from abm.config.model import Name, Part, one_of
from abm.config.quantity import Quantity
from abm.config.vocabulary import MECHANISMS

ABLATED = ("lymphocytes", "myeloid")

Mechanism = Annotated[str, BeforeValidator(one_of(*MECHANISMS))]
Spent = Annotated[Quantity, Unit("h", "mean time spent there", above=0, at_most=1e6)]
HalfTime = Annotated[Quantity, Unit("day", "half-time", above=0, at_most=1e5)]
Multiple = Annotated[Quantity, Unit("1", "factor on the entry", at_least=0, at_most=4)]


class Suppression(Part):
    """What intravenous MSC do to the entry of leukocytes from afar; ``of`` names the mechanism that switches it, by kind."""

    amount: Share
    half_life: HalfTime
    of: dict[Name, Mechanism]


class Expansion(Part):
    """Priming in the lymphoid organs: effector cells multiply logistically to what is there of them when primed."""

    initial: Annotated[Quantity, Unit("1", "share of the primed cells on day 0", above=0, at_most=0.5)]
    half: Annotated[Quantity, Unit("day", "when half of them are there", above=0)]
    to: dict[Name, Multiple]


class Periphery(Part):
    """Compartments outside the tissue."""

    lung_fraction: Share
    lung_half_life: Annotated[Quantity, Unit("h", "half-life of MSC in the lung", above=0)]
    cns_fraction: Share
    time_in_blood: Spent
    time_in_csf: Spent
    perivascular_reach: Length
    suppression: Suppression
    recovery: dict[Name, HalfTime]
    expansion: Expansion | None = None
    csf_baseline: dict[Name, Annotated[Quantity, Unit("pg/mL", "level without this lesion", at_least=0)]] = {}


class Barring(Part):
    """A drug that keeps cells out: the share that still enters while it is given."""

    entry: dict[Name, Share]


class Depletion(Part):
    """A drug that removes cells from the blood: the share left while it is given, and how fast the others go."""

    left: dict[Name, Share]
    half_life: HalfTime


class Regimen(Part):
    """Conditioning before a transplantation: which shares are removed, of blood cells and of lymphocytes in the tissue."""

    lymphocytes: Share
    myeloid: Share
    tissue: Share


class Transplantation(Part):
    """Transplantation of haematopoietic stem cells.

    ablates     which share of the regimen counts for each kind of cell in the blood
    returning   factor on the entry of what grows back
    """

    regimens: dict[Name, Regimen]
    ablates: dict[Name, Annotated[Literal["lymphocytes", "myeloid"], BeforeValidator(one_of(*ABLATED))]]
    returning: dict[Name, Multiple]


class Comparators(Part):
    """What each comparator does when it is given."""

    ahsct: Transplantation
    anti_cd20: Depletion
    natalizumab: Barring
    dimethyl_fumarate: Barring
