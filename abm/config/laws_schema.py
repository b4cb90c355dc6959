"""The shape of laws: terms times factors, and derived signals."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from abm.config.expected import Number, Unit, refuse
from abm.config.model import Name, Part, Source, UnitText, one_of
from abm.config.quantity import Quantity
from abm.config.vocabulary import MECHANISMS, TYPE_UNITS

LawType = Literal["rate", "level", "secretion", "uptake", "speed", "bias"]
Mechanism = Annotated[str, BeforeValidator(one_of(*MECHANISMS)), Field(json_schema_extra={"enum": list(MECHANISMS)})]
OfLaw = Annotated[Quantity, Unit("of law")]
OfSignal = Annotated[Quantity, Unit("of signal")]
LOWEST_HILL, HIGHEST_HILL = 0.5, 4.0


def _hill(hill: Quantity) -> Quantity:
    if not LOWEST_HILL <= hill <= HIGHEST_HILL or not (hill / LOWEST_HILL).is_integer():
        raise refuse(((), "{key} = {value} must be a multiple of 0.5 from 0.5 to 4"))
    return hill


def _signal(name: str, info: ValidationInfo) -> str:
    if info.context is not None and (wrong := info.context.signal_finding(name)):
        raise refuse(((), wrong))
    return name


def _pair(raw: Any) -> Any:
    if not isinstance(raw, list | tuple) or len(raw) != 2:
        raise refuse(((), "{key} = {value} must be two levels, such as [0, 1]"))
    return tuple(raw)


class Window(Part):
    """A time window in days."""

    from_: Annotated[Quantity, Unit("day", "beginning", at_least=0)] = Field(alias="from")
    to: Annotated[Quantity, Unit("day", "end", at_least=0)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to <= self.from_:
            raise refuse((("to",), "{key} = {value} must be later than 'from'"))
        return self


class Factor(Part):
    """A number that goes from ``from`` to ``to`` as a signal rises: past ``half`` with ``hill``, or between two levels."""

    signal: Annotated[str, AfterValidator(_signal)]
    from_: Number = Field(alias="from")
    to: Number
    half: OfSignal | None = None
    hill: Annotated[Number, AfterValidator(_hill)] | None = None
    linear: Annotated[tuple[OfSignal, OfSignal], BeforeValidator(_pair)] | None = None
    offset: OfSignal = Field(default=0, validate_default=True)
    range: Annotated[Quantity, Unit("um", "reach of a contact, or radius of a density", above=0)] | None = None
    mechanism: Mechanism | None = None
    source: Source = None
    note: str | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if self.linear is not None and (self.half is not None or self.hill is not None):
            raise refuse(((), "{key} has 'linear' as well as 'half' or 'hill'; keep one of the two shapes"))
        if self.linear is None and (self.half is None or self.hill is None):
            missing = "half and hill, or linear," if self.half is None and self.hill is None else _other(self.half)
            raise refuse(((), f"{{key}} needs {missing} to say how it follows its signal"))
        if self.half is not None and self.half <= 0:
            raise refuse((("half",), "{key} = {value} must be above 0"))
        if self.linear is not None and self.linear[0] >= self.linear[1]:
            raise refuse(
                (("linear",), "{key} must rise, such as [0, 1]; to turn a factor round, exchange 'from' and 'to'")
            )
        needs_range = self.signal.startswith(("contact.", "density."))
        if needs_range and self.range is None:
            raise refuse(((), f"{{key}} reads {self.signal} and needs a range, such as 'range: 20 um'"))
        if not needs_range and self.range is not None:
            raise refuse(
                (
                    ("range",),
                    f"{{key}} has no meaning for the signal {self.signal}; only contact and density have a range",
                )
            )
        return self

    @property
    def highest(self) -> float:
        """The largest value the factor can take."""
        return max(self.from_, self.to)

    @property
    def lowest(self) -> float:
        """The smallest value the factor can take."""
        return min(self.from_, self.to)


def _other(half: Quantity | None) -> str:
    return "half" if half is None else "hill"


class Term(Part):
    """A base rate times its factors; may hold only during a window, and may belong to a mechanism."""

    base: OfLaw
    times: dict[Name, Factor] = {}
    during: Window | None = None
    mechanism: Mechanism | None = None
    note: str | None = None


class Law(Part):
    """``min(at_most, (sum over terms of base x factors) x shared factors)``."""

    type: Annotated[LawType, BeforeValidator(one_of(*TYPE_UNITS))]
    unit: UnitText
    terms: dict[Name, Term]
    times: dict[Name, Factor] = {}
    at_most: OfLaw | None = None
    rise: Annotated[Quantity, Unit("h", "time constant of rising", above=0)] | None = None
    fall: Annotated[Quantity, Unit("h", "time constant of falling", above=0)] | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        for key, value in (("rise", self.rise), ("fall", self.fall)):
            if self.type == "level" and value is None:
                raise refuse(((), f"{{key}} is a level and needs '{key}', such as '{key}: 24 h'"))
            if self.type != "level" and value is not None:
                raise refuse(
                    ((key,), f"{{key}} has no meaning for a law of type {self.type}; only a level rises and falls")
                )
        if self.type == "bias" and self.at_most is None:
            raise refuse(((), "{key} is a bias and needs 'at_most', such as 'at_most: 0.5'"))
        if self.type in ("secretion", "uptake") and self.at_most is not None:
            raise refuse((("at_most",), "{key} has no meaning for what cells exchange together; let a factor saturate"))
        own = [factor.signal for factor in self._factors() if factor.signal.startswith(("self.", "contact."))]
        if self.type == "bias" and own:
            raise refuse(((), f"{{key}} is a bias and cannot depend on {own[0]}: it is a difference between places"))
        return self

    def _factors(self) -> list[Factor]:
        return [*self.times.values(), *(factor for term in self.terms.values() for factor in term.times.values())]

    @property
    def highest(self) -> float:
        """The largest value the law can take."""
        shared = _highest_product(self.times)
        total = sum(max(0.0, term.base * _highest_product(term.times)) for term in self.terms.values()) * shared
        return total if self.at_most is None else min(total, float(self.at_most))


def _highest_product(factors: dict[str, Factor]) -> float:
    highest = lowest = 1.0
    for factor in factors.values():
        ends = [one * other for one in (lowest, highest) for other in (factor.lowest, factor.highest)]
        lowest, highest = min(ends), max(ends)
    return highest


class Signal(Part):
    """A weighted sum of fields, densities and tissue states, smoothed over a radius if it has one."""

    sum: dict[str, Number]
    radius: Annotated[Quantity, Unit("um", "radius of smoothing", above=0)] | None = None
    unit: UnitText | None = None
    source: Source = None
    note: str | None = None
