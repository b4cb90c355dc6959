"""Units as people type them, and the one canonical unit of each dimension: um, h, pg/mL, uM, kDa, kg, 1/mm^3.

Cells, molecules, sheaths and other counted things are pure numbers. Factors are exact fractions, so that a converted value is
the correctly rounded one on every machine.
"""

import re
from fractions import Fraction
from functools import cache

from abm.config.errors import nearest, shown

Dimension = tuple[int, int, int, int]
BASE = ("length", "time", "mass", "amount")

# each line: names, then what one of them is; the units without a line are um, h, pg and umol
DEFINITIONS = """
nm: 1/1000 um
mm: 1000 um
cm: 10000 um
m: 1000000 um
hour hours: h
min minute minutes: 1/60 h
s second seconds: 1/3600 h
ms: 1/1000 s
d day days: 24 h
week weeks: 7 d
month months: 30 d
y year years: 365 d
fg: 1/1000 pg
ng: 1000 pg
ug: 1000 ng
mg: 1000 ug
g: 1000 mg
kg: 1000 g
mL ml: cm^3
L l: 1000 mL
uL ul: mm^3
nL: 1/1000 uL
pL: 1/1000 nL
pmol: 1/1000000 umol
nmol: 1/1000 umol
mmol: 1000 umol
mol: 1000 mmol
pM: pmol/L
nM: nmol/L
uM: umol/L
mM: mmol/L
M: mol/L
Da: g/mol
kDa: kg/mol
percent: 1/100
cell cells molecule molecules unit units event events: 1
sheath sheaths internode internodes axon axons dose doses subject subjects: 1
"""

# (length, time, mass, amount) -> the unit in which the model holds every quantity of that dimension
CANONICAL: dict[Dimension, str] = {
    (0, 0, 0, 0): "1",
    (1, 0, 0, 0): "um",
    (2, 0, 0, 0): "um^2",
    (3, 0, 0, 0): "um^3",
    (0, 1, 0, 0): "h",
    (0, -1, 0, 0): "1/h",
    (1, -1, 0, 0): "um/h",
    (2, -1, 0, 0): "um^2/h",
    (3, -1, 0, 0): "um^3/h",
    (-2, 0, 0, 0): "1/mm^2",
    (-3, 0, 0, 0): "1/mm^3",
    (-3, -1, 0, 0): "1/mm^3/h",
    (-3, 0, 1, 0): "pg/mL",
    (-3, -1, 1, 0): "pg/mL/h",
    (-3, 0, 0, 1): "uM",
    (-3, -1, 0, 1): "uM/h",
    (0, 0, 1, -1): "kDa",
    (0, 0, 1, 0): "kg",
    (0, 0, -1, 0): "1/kg",
}

TOKEN = re.compile(
    r"\s*(?:(?P<word>[A-Za-z]+)\s*(?:(?:\^|\*\*)\s*(?P<power>-?\d)|(?P<digit>\d))?(?!\d)|(?P<number>\d{1,9})|(?P<mark>[*/()]))"
)
LONGEST = 60
EXAMPLES = "such as um^2/s, pg/mL, 1/day or cells/mm^3"


class UnitError(ValueError):
    """A text that is no unit; the sentence says what is wrong with it."""


@cache
def known_units() -> dict[str, tuple[Fraction, Dimension]]:
    """Give each unit word its size in um, h, pg and umol, and its dimension."""
    units: dict[str, tuple[Fraction, Dimension]] = {
        "um": (Fraction(1), (1, 0, 0, 0)),
        "h": (Fraction(1), (0, 1, 0, 0)),
        "pg": (Fraction(1), (0, 0, 1, 0)),
        "umol": (Fraction(1), (0, 0, 0, 1)),
    }
    for line in DEFINITIONS.strip().splitlines():
        names, meaning = line.split(":")
        units |= dict.fromkeys(names.split(), _evaluate(meaning, units))
    return units


@cache
def parse_unit(text: str) -> tuple[Fraction, Dimension]:
    """Read a unit such as ``um^2/s``, ``um2/s`` or ``1/(mm^3*day)``: its size in um, h, pg and umol, and its dimension."""
    cleaned = text.replace("µ", "u").replace("μ", "u").replace("%", " percent ").replace("·", "*").strip()
    return _evaluate(cleaned, known_units()) if cleaned else (Fraction(1), (0, 0, 0, 0))


def _evaluate(text: str, units: dict[str, tuple[Fraction, Dimension]]) -> tuple[Fraction, Dimension]:
    no_unit = UnitError(f"{shown(text)} is not a unit; write one {EXAMPLES}")
    tokens, position = [], 0
    if len(text) > LONGEST:
        raise no_unit
    while position < len(text):
        token = TOKEN.match(text, position)
        if token is None:
            raise no_unit
        tokens.append(token)
        position = token.end()
    tokens.reverse()  # the next one is the last

    def mark() -> str | None:
        return tokens[-1]["mark"] if tokens else None

    def product() -> tuple[Fraction, Dimension]:
        size, dimension = single()
        while tokens and mark() != ")":
            sign = -1 if mark() == "/" else 1
            if mark() in ("*", "/"):
                tokens.pop()
            other_size, other = single()
            size *= other_size**sign
            dimension = _add(dimension, other, sign)
        return size, dimension

    def single() -> tuple[Fraction, Dimension]:
        token = tokens.pop() if tokens else None
        if token is not None and token["word"]:
            if token["word"] not in units:
                close = nearest(token["word"], units)
                advice = f"did you mean '{close}'?" if close else f"write one {EXAMPLES}"
                raise UnitError(f"unknown unit '{token['word']}'; {advice}")
            size, dimension = units[token["word"]]
            power = int(token["power"] or token["digit"] or 1)
            return size**power, _add((0, 0, 0, 0), dimension, power)
        if token is not None and token["number"] and int(token["number"]):
            return Fraction(int(token["number"])), (0, 0, 0, 0)
        if token is not None and token["mark"] == "(":
            inner = product()
            if mark() == ")":
                tokens.pop()
                return inner
        raise no_unit

    whole = product()
    if tokens:
        raise no_unit
    return whole


def _add(one: Dimension, other: Dimension, times: int) -> Dimension:
    return (one[0] + times * other[0], one[1] + times * other[1], one[2] + times * other[2], one[3] + times * other[3])


def canonical_of(unit: str) -> str:
    """Name the canonical unit of the dimension of ``unit``."""
    dimension = parse_unit(unit)[1]
    if dimension not in CANONICAL:
        raise UnitError(f"'{unit}' has dimension {dimension_text(unit)}, which nothing in this model has")
    return CANONICAL[dimension]


@cache
def factor(unit: str, to: str) -> Fraction:
    """Give the exact number of ``to`` in one ``unit``; both have the same dimension."""
    return parse_unit(unit)[0] / parse_unit(to)[0]


def same_dimension(unit: str, other: str) -> bool:
    """Say whether two units measure the same thing."""
    return parse_unit(unit)[1] == parse_unit(other)[1]


def to_canonical(value: float, unit: str) -> float:
    """Convert a number of ``unit`` to the canonical unit of its dimension, correctly rounded."""
    scale = factor(unit, canonical_of(unit))
    return float(value) if scale == 1 else float(Fraction(value) * scale)


def dimension_text(unit: str) -> str:
    """Write the dimension of a unit as people say it: ``length^2/time``."""
    powers = dict(zip(BASE, parse_unit(unit)[1]))
    above = [_with_power(base, power) for base, power in powers.items() if power > 0]
    below = [_with_power(base, -power) for base, power in powers.items() if power < 0]
    return "/".join(["*".join(above) or "1", *below]) if above or below else "none (a pure number)"


def _with_power(base: str, power: int) -> str:
    return base if power == 1 else f"{base}^{power}"
