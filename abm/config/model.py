"""What every part of the schema shares: strictness, names of things, and what a reader of values may look up."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from abm.config.errors import hint
from abm.config.expected import refuse, source_finding

NAME = re.compile(r"[a-z][a-z0-9_]*")


class Part(BaseModel):
    """A map of a config with known keys; any other key is an error."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        arbitrary_types_allowed=True,
        validate_by_name=True,
        validate_by_alias=True,
    )


@dataclass(frozen=True)
class Context:
    """What the value being read may depend on beside itself."""

    references: Collection[str] = ()
    law_unit: str | None = None
    signal_unit: Callable[[str], str | None] = lambda name: None
    signal_finding: Callable[[str], str | None] = lambda name: None


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise refuse(((), "{key}: a name is small letters, digits and _, beginning with a letter"))
    return text


def _source(text: str | None, info: ValidationInfo) -> str | None:
    if text is not None and info.context is not None and (wrong := source_finding(text, info.context.references)):
        raise refuse(((), wrong))
    return text


def one_of(*allowed: str) -> Callable[[Any], str]:
    """Make a validator that takes one of some words."""

    def check(raw: Any) -> str:
        if raw not in allowed or not isinstance(raw, str):
            raise refuse(((), f"{{key}} = {{value}} is not one of {', '.join(allowed)}{_maybe(raw, allowed)}"))
        return raw

    return check


def _maybe(raw: Any, allowed: Collection[str]) -> str:
    advice = hint(raw, allowed) if isinstance(raw, str) else ""
    return f"; {advice}" if advice.startswith("did") else ""


def on_or_off(raw: Any) -> bool:
    """Read a switch: on, off, true or false."""
    if isinstance(raw, bool):
        return raw
    if raw not in ("on", "off"):
        raise refuse(((), "{key} = {value} is neither on nor off"))
    return raw == "on"


def _unit_text(raw: Any) -> Any:
    """Let a bare 1 stand for the unit of a pure number."""
    return "1" if raw == 1 and not isinstance(raw, bool) else raw


Name = Annotated[str, AfterValidator(_name)]
Source = Annotated[str | None, AfterValidator(_source)]
Switch = Annotated[bool, BeforeValidator(on_or_off)]
UnitText = Annotated[str, BeforeValidator(_unit_text)]
