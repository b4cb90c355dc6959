"""What a key expects of its value: unit, range and meaning; and how a value is read against that."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler, ValidationInfo
from pydantic_core import PydanticCustomError, core_schema

from abm.config.errors import hint
from abm.config.quantity import QUANTITY_KEYS, Quantity, number_with_unit, split_quantity
from abm.config.units import UnitError, canonical_of, dimension_text, factor, same_dimension, to_canonical

UNSOURCED = ("assumed", "recalled")

Finding = tuple[tuple[str, ...], str]  # where below the value, and a sentence that may hold {key}, {parent} and {value}


def refuse(*findings: Finding) -> PydanticCustomError:
    """Wrap findings so that pydantic carries them to the one place that writes messages."""
    return PydanticCustomError("remyelin", "not allowed", {"findings": list(findings)})


def source_finding(source: str, references: Collection[str]) -> str | None:
    """Say what is wrong with a source that is neither ``assumed``, ``recalled`` nor a key of the references."""
    if source in UNSOURCED or source in references:
        return None
    advice = hint(source, [*UNSOURCED, *references])
    return f"{{key}} = {{value}} is no reference; write assumed, recalled or a key of references.yaml; {advice}"


@dataclass(frozen=True)
class Unit:
    """The unit of a bare number, the range in that unit, the meaning; used in ``Annotated``.

    unit    documented unit; ``others`` are units of other dimensions that are allowed as well.
            ``of law``, ``of signal`` and ``of field`` stand for the unit of the law, of the signal of the factor, or of
            the field being read
    """

    unit: str = "1"
    meaning: str = ""
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    others: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        number: dict[str, Any] = {"type": "number"}
        ranges = {"minimum": self.at_least, "exclusiveMinimum": self.above, "maximum": self.at_most}
        number |= {key: limit for key, limit in ranges.items() if limit is not None}
        text = {"type": "string", "pattern": r"^\s*[+-]?[0-9.]"}
        either = {"type": ["number", "string"]}
        parts = {"value": {"anyOf": [number, text]}, "low": either, "high": either}
        parts |= {key: {"type": "string"} for key in ("source", "note")} | {"unit": {"type": ["string", "number"]}}
        whole = {"type": "object", "properties": parts, "additionalProperties": False}
        return {"description": f"{self.meaning} [{self.unit}]".strip(), "anyOf": [number, text, whole]}

    def read(self, raw: Any, info: ValidationInfo) -> Quantity:
        """Make a quantity of a number, a text with a unit, or a map of value, unit, source, note, low and high."""
        return raw if isinstance(raw, Quantity) else _Reading(self, self.bare_unit(info), raw).quantity(info)

    def bare_unit(self, info: ValidationInfo) -> str | None:
        """Give the unit of a bare number; None when the key that decides it is itself wrong."""
        if self.unit == "of law":
            return info.context.law_unit if info.context else None
        if self.unit == "of signal":
            signal = info.data.get("signal")
            return info.context.signal_unit(signal) if info.context and signal else None
        return info.data.get("unit") if self.unit == "of field" else self.unit


@dataclass
class _Reading:
    """One value being read: what is expected, what was given, and what is wrong with it so far."""

    expects: Unit
    expected: str | None
    raw: Any
    findings: list[Finding] = field(default_factory=list)

    def quantity(self, info: ValidationInfo) -> Quantity:
        parts: Mapping[str, Any] = self.raw if isinstance(self.raw, Mapping) else {"value": self.raw}
        for key in parts:
            if key not in QUANTITY_KEYS:
                self.wrong(f"unknown key '{{key}}'; {hint(str(key), QUANTITY_KEYS, '{parent}.')}", str(key))
        references = info.context.references if info.context is not None else UNSOURCED
        about: dict[str, Any] = {key: self.text(parts.get(key), key) for key in ("source", "note")}
        if about["source"] is not None and info.context is not None:
            self.wrong(source_finding(about["source"], references), "source")
        if "value" not in parts:
            unit = self.expected or "1"
            self.wrong("{key} has no value; write a number" + ("" if unit == "1" else f" and a unit, such as 1 {unit}"))
        else:
            inside = ("value",) if isinstance(self.raw, Mapping) else ()
            number, unit = self.number(parts["value"], parts.get("unit"), inside)
            if number is not None and self.fits(unit, ("unit",) if "unit" in parts else inside):
                self.check_range(number, unit, inside)
                about |= {key: self.end(parts.get(key), unit, key) for key in ("low", "high")}
        if self.findings:
            raise refuse(*self.findings)
        return Quantity(number or 0.0, unit, **about)

    def wrong(self, sentence: str | None, *below: str) -> None:
        if sentence is not None:
            self.findings.append((below, sentence))

    def number(self, raw: Any, unit_raw: Any, inside: tuple[str, ...]) -> tuple[float | None, str]:
        """Read the number and the unit, each from where it was written."""
        unit = None if unit_raw is None else str(unit_raw)
        number = raw
        if isinstance(raw, str):
            try:
                number, own = split_quantity(raw)
            except UnitError as error:
                self.wrong(f"{{key}} = {{value}} {error}", *inside)
                return None, "1"
            if own is not None and unit is not None and own != unit:
                self.wrong(f"{{key}} = {{value}} has a unit, and 'unit' gives '{unit}'; leave one out", *inside)
            unit = own or unit
        number = self.finite(number, inside)
        return number, unit or self.expected or "1"

    def finite(self, number: Any, inside: tuple[str, ...]) -> float | None:
        if isinstance(number, bool) or not isinstance(number, int | float):
            self.wrong("{key} = {value} is not a number; write one such as 22 or '22 um^2/s'", *inside)
        elif not math.isfinite(number):
            self.wrong("{key} = {value} is not a finite number", *inside)
        else:
            return number
        return None

    def fits(self, unit: str, at: tuple[str, ...]) -> bool:
        """Check the dimension of the unit."""
        allowed = () if self.expected is None else (self.expected, *self.expects.others)
        try:
            if allowed and not any(same_dimension(unit, each) for each in allowed):
                wanted = " or ".join(dict.fromkeys(dimension_text(each) for each in allowed))
                example = "" if self.expected == "1" else f", such as {self.expected}"
                given = dimension_text(unit)
                self.wrong(f"{{key}} = {{value}} has dimension {given}, expected {wanted}{example}", *at)
                return False
            canonical_of(unit)
        except UnitError as error:
            self.wrong(f"{{key}} = {{value}}: {error}", *at)
            return False
        return True

    def check_range(self, number: float, unit: str, inside: tuple[str, ...]) -> None:
        if not self.convertible(number, unit, inside):
            return
        limits = self.expects
        of_limits = self.expected if self.expected is not None and same_dimension(unit, self.expected) else unit
        compared = number if unit == of_limits else float(number * factor(unit, of_limits))
        low = limits.at_least if limits.above is None else limits.above
        too_low = low is not None and (compared < low or (limits.above is not None and compared <= low))
        if not too_low and (limits.at_most is None or compared <= limits.at_most):
            return
        above = "above " if limits.above is not None else ""
        if limits.at_most is None:
            limit = f"must be {above or 'at least '}{low:g}"
        else:
            limit = f"is outside {above}{-math.inf if low is None else low:g} to {limits.at_most:g}"
        limit += "" if of_limits in (unit, "1") else f" {of_limits}"
        meaning = f" ({limits.meaning})" if limits.meaning else ""
        self.wrong(f"{{key}} = {number_with_unit(number, unit)} {limit}{meaning}", *inside)

    def convertible(self, number: float, unit: str, inside: tuple[str, ...]) -> bool:
        try:
            to_canonical(number, unit)
        except OverflowError:
            self.wrong(f"{{key}} = {number_with_unit(number, unit)} is too large to compute with", *inside)
            return False
        return True

    def end(self, raw: Any, unit: str, key: str) -> float | None:
        """Read ``low`` or ``high``: a number in the unit of the value, or a text with its own unit."""
        if raw is None:
            return None
        try:
            number, own = split_quantity(raw) if isinstance(raw, str) else (raw, None)
            if own is not None and not same_dimension(own, unit):
                raise UnitError(f"has dimension {dimension_text(own)}, expected {dimension_text(unit)}")
        except UnitError as error:
            self.wrong(f"{{key}} = {{value}} {error}", key)
            return None
        number = self.finite(number, (key,))
        if number is None or not self.convertible(number, own or unit, (key,)):
            return None
        return to_canonical(number, own or unit)

    def text(self, raw: Any, key: str) -> str | None:
        if raw is not None and not isinstance(raw, str | int | float):
            self.wrong("{key} = {value} must be text", key)
            return None
        return raw if raw is None else str(raw)


Number = Annotated[Quantity, Unit("1")]
Length = Annotated[Quantity, Unit("um", above=0, at_most=1e9)]
Share = Annotated[Quantity, Unit("1", at_least=0, at_most=1)]
