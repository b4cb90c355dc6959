"""Quantities: numbers in canonical units that remember how they were written and where they come from."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler, ValidationInfo
from pydantic_core import PydanticCustomError, core_schema

from abm.config.errors import hint
from abm.config.units import UnitError, canonical_of, dimension_text, factor, parse_unit, same_dimension, to_canonical

QUANTITY_KEYS = ("value", "unit", "source", "note", "low", "high")
UNSOURCED = ("assumed", "recalled")
NUMBER_AND_UNIT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(.*)", re.DOTALL)
COMMAND_LINE = "--"


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


Finding = tuple[tuple[str, ...], str]  # where below the value, and a sentence that may hold {key}, {parent} and {value}


def refuse(*findings: Finding) -> PydanticCustomError:
    """Wrap findings so that pydantic carries them to the one place that writes messages."""
    return PydanticCustomError("remyelin", "not allowed", {"findings": list(findings)})


def split_quantity(text: str) -> tuple[float, str | None]:
    """Read ``22 um^2/s`` as a number and a unit; the unit is None when there is none."""
    match = NUMBER_AND_UNIT.fullmatch(text)
    if match is None:
        raise UnitError("is not a quantity; write a number and a unit, such as 22 um^2/s")
    return float(match[1]), match[2].strip() or None


@dataclass(frozen=True)
class Unit:
    """What a key expects: the unit of a bare number, the range in that unit, the meaning; used in ``Annotated``.

    unit    documented unit; ``others`` are units of other dimensions that are allowed as well.
            ``of law`` and ``of signal`` stand for the unit of the law, or of the signal of the factor, being read
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
        parts = {
            "value": {"anyOf": [number, text]},
            "low": {"type": ["number", "string"]},
            "high": {"type": ["number", "string"]},
        }
        parts |= {key: {"type": "string"} for key in ("unit", "source", "note")}
        whole = {"type": "object", "properties": parts, "additionalProperties": False}
        return {"description": f"{self.meaning} [{self.unit}]".strip(), "anyOf": [number, text, whole]}

    def read(self, raw: Any, info: ValidationInfo) -> Quantity:
        """Make a quantity of a number, a text with a unit, or a map of value, unit, source, note, low and high."""
        if isinstance(raw, Quantity):
            return raw
        findings: list[Finding] = []
        parts = raw if isinstance(raw, Mapping) else {"value": raw}
        for key in parts:
            if key not in QUANTITY_KEYS:
                findings.append(((str(key),), f"unknown key '{{key}}'; {hint(str(key), QUANTITY_KEYS, '{parent}.')}"))
        if "value" not in parts:
            raise refuse(*findings, ((), f"{{key}} has no value; {self._expected(info)}"))
        inside = ("value",) if isinstance(raw, Mapping) else ()
        expected = self._unit(info)
        typed, unit = self._number(parts["value"], parts.get("unit"), inside, expected, findings)
        about = {key: self._text(parts.get(key), key, findings) for key in ("source", "note")}
        self._check_source(about["source"], info, findings)
        if typed is None or unit is None or not self._right_dimension(unit, parts, expected, findings):
            raise refuse(*findings)
        ends = {key: self._end(parts.get(key), unit, key, findings) for key in ("low", "high")}
        self._check_range(typed, unit, expected, inside, findings)
        if findings:
            raise refuse(*findings)
        return Quantity(typed, unit, **about, **ends)

    def _unit(self, info: ValidationInfo) -> str | None:
        """Give the unit of a bare number; None when the key that decides it is itself wrong."""
        if self.unit == "of law":
            return info.context.law_unit if info.context else None
        if self.unit == "of signal":
            signal = info.data.get("signal")
            return info.context.signal_unit(signal) if info.context and signal else None
        if self.unit == "of field":
            return info.data.get("unit")
        return self.unit

    def _expected(self, info: ValidationInfo) -> str:
        unit = self._unit(info) or "1"
        return "write a number" + ("" if unit == "1" else f" with a unit, such as 1 {unit}")

    def _number(self, raw, unit_raw, inside, expected, findings: list[Finding]) -> tuple[float | None, str | None]:
        """Read the number and the unit, each from where it was written."""
        unit = unit_raw if unit_raw is None else str(unit_raw)
        if isinstance(raw, str):
            try:
                number, own = split_quantity(raw)
            except UnitError as error:
                findings.append((inside, f"{{key}} = {{value}} {error}"))
                return None, None
            if own is not None and unit is not None and own != unit:
                findings.append(
                    (inside, f"{{key}} = {{value}} has a unit, and 'unit: {unit}' gives another; leave one out")
                )
                return None, None
            unit = own or unit
        elif isinstance(raw, bool) or not isinstance(raw, int | float):
            findings.append((inside, "{key} = {value} is not a number; write one such as 22 or '22 um^2/s'"))
            return None, None
        else:
            number = raw
        if not math.isfinite(number):
            findings.append((inside, "{key} = {value} is not a finite number"))
            return None, None
        return number, unit or expected or "1"

    def _right_dimension(self, unit: str, parts: Mapping, expected: str | None, findings: list[Finding]) -> bool:
        at = ("unit",) if isinstance(parts.get("unit"), str) else (("value",) if len(parts) > 1 else ())
        try:
            parse_unit(unit)
            if expected is not None and not any(same_dimension(unit, each) for each in (expected, *self.others)):
                wanted = " or ".join(dict.fromkeys(dimension_text(each) for each in (expected, *self.others)))
                example = "" if expected == "1" else f", such as {expected}"
                findings.append(
                    (at, f"{{key}} = {{value}} has dimension {dimension_text(unit)}, expected {wanted}{example}")
                )
                return False
            canonical_of(unit)
        except UnitError as error:
            findings.append((at, f"{{key}} = {{value}}: {error}"))
            return False
        return True

    def _end(self, raw, unit: str, key: str, findings: list[Finding]) -> float | None:
        """Read ``low`` or ``high``: a number in the unit of the value, or a text with its own unit."""
        if raw is None:
            return None
        try:
            number, own = split_quantity(raw) if isinstance(raw, str) else (raw, None)
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                raise UnitError("is not a finite number")
            if own is not None and not same_dimension(own, unit):
                raise UnitError(f"has dimension {dimension_text(own)}, expected {dimension_text(unit)}")
            return to_canonical(number, own or unit)
        except UnitError as error:
            findings.append(((key,), f"{{key}} = {{value}} {error}"))
            return None

    def _text(self, raw, key: str, findings: list[Finding]) -> str | None:
        if raw is not None and not isinstance(raw, str | int | float):
            findings.append(((key,), "{key} = {value} must be text"))
            return None
        return raw if raw is None else str(raw)

    def _check_source(self, source: str | None, info: ValidationInfo, findings: list[Finding]) -> None:
        if (
            source is not None
            and info.context is not None
            and (wrong := source_finding(source, info.context.references))
        ):
            findings.append((("source",), wrong))

    def _check_range(self, typed: float, unit: str, expected: str | None, inside, findings: list[Finding]) -> None:
        if expected is None or not same_dimension(unit, expected):
            expected = unit
        number = typed if unit == expected else float(typed * factor(unit, expected))
        low = self.at_least if self.above is None else self.above
        too_low = low is not None and (number < low or (self.above is not None and number <= low))
        if not too_low and (self.at_most is None or number <= self.at_most):
            return
        above = "above " if self.above is not None else ""
        if self.at_most is None:
            limit = f"must be {above or 'at least '}{low:g}"
        else:
            limit = f"is outside {above}{-math.inf if low is None else low:g} to {self.at_most:g}"
        limit += "" if expected in (unit, "1") else f" {expected}"
        meaning = f" ({self.meaning})" if self.meaning else ""
        findings.append((inside, f"{{key}} = {number_with_unit(typed, unit)} {limit}{meaning}"))


def source_finding(source: str, references: Any) -> str | None:
    """Say what is wrong with a source that is neither ``assumed``, ``recalled`` nor a key of the references."""
    if source in UNSOURCED or source in references:
        return None
    advice = hint(source, [*UNSOURCED, *references])
    return f"{{key}} = {{value}} is no reference; write assumed, recalled or a key of references.yaml; {advice}"


Number = Annotated[Quantity, Unit("1")]
Length = Annotated[Quantity, Unit("um", above=0)]
Share = Annotated[Quantity, Unit("1", at_least=0, at_most=1)]
