"""Conditions on read-outs, such as ``lesion.area > 0.3 mm^2 and not bbb_leak < 0.1``: read by a small grammar, never run as code.

either      = both {"or" both}
both        = negated {"and" negated}
negated     = "not" negated | "(" either ")" | operand comparison operand
operand     = read-out | number [unit]
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from abm.config.errors import hint
from abm.config.units import UnitError, dimension_text, factor, same_dimension
from abm.config.vocabulary import BUDGET_READ_OUTS, FIELD_READ_OUTS, KIND_READ_OUTS, READ_OUT_ALIASES, READ_OUTS

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
WORDS = ("and", "or", "not")
TOKEN = re.compile(
    r"\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?P<unit>[^<>=!()]*?)(?=\s*(?:$|[<>=!()]|\b(?:and|or|not)\b))"
    r"|(?P<mark><=|>=|==|!=|<|>|\(|\))|(?P<name>[A-Za-z_][\w.]*))"
)
LONGEST = 2000
DEEPEST = 30


class ConditionError(ValueError):
    """A text that is no condition; the sentence says what is wrong with it."""


@dataclass(frozen=True)
class _Operand:
    """A read-out (``name``) or a number, both scaled to the unit of the comparison."""

    name: str | None
    number: float
    unit: str

    def value(self, measures: Mapping[str, float], unit: str) -> float:
        number = self.number if self.name is None else float(measures.get(self.name, 0.0))
        return number if unit == self.unit else number * float(factor(self.unit, unit))


@dataclass(frozen=True)
class _Comparison:
    left: _Operand
    sign: str
    right: _Operand

    def holds(self, measures: Mapping[str, float]) -> bool | None:
        unit = self.left.unit if self.left.name else self.right.unit
        left, right = self.left.value(measures, unit), self.right.value(measures, unit)
        return None if math.isnan(left) or math.isnan(right) else COMPARISONS[self.sign](left, right)


@dataclass(frozen=True)
class _Joined:
    """``and``, ``or`` or ``not`` of parts."""

    word: str
    parts: tuple["_Joined | _Comparison", ...]

    def holds(self, measures: Mapping[str, float]) -> bool | None:
        """Say whether it holds; None where that depends on a read-out without a value."""
        results = [part.holds(measures) for part in self.parts]
        if self.word == "not":
            return None if results[0] is None else not results[0]
        decides = self.word == "or"  # one part that holds decides an or, one that does not an and
        return decides if decides in results else (None if None in results else not decides)


class Condition:
    """A condition on read-outs.

    >>> Condition("lesion.area > 0.3 mm^2").evaluate({"lesion_area_mm2": 0.4})
    True

    A read-out that is missing (of a kind left out of the scenario) counts as zero; a comparison with one that has no
    value (NaN) neither holds nor fails, so that its ``not`` does not hold either.
    """

    def __init__(
        self,
        text: str,
        fields: Mapping[str, str] | None = None,
        kinds: Iterable[str] = (),
        own: Mapping[str, str] | None = None,
    ):
        """Parse ``text``.

        fields, kinds   names that read-outs may end in; fields with their units
        own             the config's own read-outs with their units
        """
        self.text = " ".join(text.split())
        self._units = read_out_units(fields or {}, kinds) | dict(own or {})
        self.names: set[str] = set()  # the read-outs that it reads
        self._tokens = _tokens(text)
        self._root = self._either(0)
        if self._tokens:
            raise ConditionError(f"has '{_text(self._tokens[-1])}' where 'and', 'or' or the end was expected")

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def evaluate(self, measures: Mapping[str, float]) -> bool:
        """Say whether the condition holds for these read-outs."""
        return self._root.holds(measures) is True

    def _either(self, depth: int) -> "_Joined | _Comparison":
        return self._list("or", self._both, depth)

    def _both(self, depth: int) -> "_Joined | _Comparison":
        return self._list("and", self._negated, depth)

    def _list(self, word: str, part: Callable[[int], "_Joined | _Comparison"], depth: int) -> "_Joined | _Comparison":
        parts = [part(depth)]
        while self._next_is(word):
            self._tokens.pop()
            parts.append(part(depth))
        return parts[0] if len(parts) == 1 else _Joined(word, tuple(parts))

    def _negated(self, depth: int) -> "_Joined | _Comparison":
        if depth > DEEPEST:
            raise ConditionError(f"is nested more than {DEEPEST} levels deep")
        if self._next_is("not"):
            self._tokens.pop()
            return _Joined("not", (self._negated(depth + 1),))
        if self._next_is("("):
            self._tokens.pop()
            inner = self._either(depth + 1)
            if not self._next_is(")"):
                raise ConditionError("has a '(' that is not closed")
            self._tokens.pop()
            return inner
        left = self._operand()
        sign = _text(self._tokens.pop()) if self._tokens else ""
        if sign not in COMPARISONS:
            raise ConditionError(f"needs one of {' '.join(COMPARISONS)} after '{left.name or f'{left.number:g}'}'")
        return self._comparison(left, sign, self._operand())

    def _comparison(self, left: _Operand, sign: str, right: _Operand) -> _Comparison:
        if left.name is None and right.name is None:
            raise ConditionError("compares two numbers; one side must be a read-out")
        if not left.unit:
            left = _Operand(None, left.number, right.unit)
        if not right.unit:
            right = _Operand(None, right.number, left.unit)
        if not same_dimension(left.unit, right.unit):
            raise ConditionError(
                f"compares {dimension_text(left.unit)} with {dimension_text(right.unit)}; "
                f"write a unit such as {left.unit if left.name else right.unit}"
            )
        if self._tokens and _text(self._tokens[-1]) in COMPARISONS:
            raise ConditionError("chains two comparisons; join them with 'and'")
        return _Comparison(left, sign, right)

    def _operand(self) -> _Operand:
        token = self._tokens.pop() if self._tokens else None
        if token is None or token["mark"] or token["name"] in WORDS:
            found = f"'{_text(token)}'" if token else "the end"
            raise ConditionError(f"has {found} where a read-out or a number was expected, as in lesion.area > 0.3 mm^2")
        if token["number"]:
            unit = token["unit"].strip()
            try:
                dimension_text(unit)
            except UnitError as error:
                raise ConditionError(str(error)) from error
            return _Operand(None, float(token["number"]), unit)
        name = READ_OUT_ALIASES.get(token["name"], token["name"])
        if name not in self._units:
            raise ConditionError(
                f"reads '{name}', which is no read-out; {hint(name, [*self._units, *READ_OUT_ALIASES])}"
            )
        self.names.add(name)
        return _Operand(name, 0.0, self._units[name])

    def _next_is(self, text: str) -> bool:
        return bool(self._tokens) and _text(self._tokens[-1]) == text


def read_out_units(fields: Mapping[str, str], kinds: Iterable[str]) -> dict[str, str]:
    """Give every read-out of these fields (name -> unit) and kinds its unit."""
    units = dict(READ_OUTS)
    for field, unit in fields.items():
        units |= {f"{what}.{field}": unit for what in FIELD_READ_OUTS} | {
            f"{what}.{field}": "1" for what in BUDGET_READ_OUTS
        }
    for kind in kinds:
        units |= {f"{what}.{kind}": unit for what, unit in KIND_READ_OUTS.items()}
    return units


def _tokens(text: str) -> list[re.Match[str]]:
    """Cut a condition into tokens, the next one last."""
    tokens, position, end = [], 0, len(text.rstrip())
    if end > LONGEST:
        raise ConditionError(f"is longer than {LONGEST} characters")
    while position < end:
        token = TOKEN.match(text, position)
        if token is None:
            raise ConditionError(
                f"cannot be read from '{text[position : position + 20].strip()}' on; write it as lesion.area > 0.3 mm^2"
            )
        tokens.append(token)
        position = token.end()
    if not tokens:
        raise ConditionError("is empty; write it as lesion.area > 0.3 mm^2")
    return tokens[::-1]


def _text(token: re.Match[str]) -> str:
    return token[0].strip()
