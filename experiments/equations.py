"""Laws as equations that a biologist reads:  divide = 0.5 /day x [self.active] x (1 -> 0.1 as pge2_total passes ...).

``[x]`` is the signal x itself; ``(a -> b as x passes h, n=k)`` goes from a to b with a Hill coefficient k, half-way at h.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from abm.config.vocabulary import TISSUE_STATES
from experiments.tables import short

WIDTH = 112
ORDER = ("rate", "level", "speed", "bias", "secretion", "uptake")


def equation(name: str, law: Any, width: int = WIDTH) -> list[str]:
    """Write a law as lines: the sum of its terms, the factors they share, its limit and its times; four digits a number."""
    terms = [_term(term) for term in law.terms.values()]
    shared = [_factor(factor) for factor in law.times.values()]
    indent = " " * (len(name) + 3)
    if not terms:
        lines = [f"{name} = 0"]  # a scenario took its last term away
    elif len(terms) == 1:
        lines = _wrap(f"{name} = ", [*terms[0], *shared], indent + "  ", width)
    else:
        lines = []
        for number, parts in enumerate(terms):
            head = f"{name} = ( " if number == 0 else f"{indent}+ "
            lines += _wrap(head, parts, indent + "    ", width)
        lines[-1] += " )"
        if shared:
            lines += _wrap(f"{indent}x ", shared, indent + "  ", width)
    return [*lines, *(f"{indent}{remark}" for remark in _remarks(law))]


def in_order(laws: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Sort laws for reading: what a cell does comes before what it gives and takes."""
    return sorted(laws.items(), key=lambda item: ORDER.index(item[1].type))


def _term(term: Any) -> list[str]:
    parts = [_amount(term.base), *(_factor(factor) for factor in term.times.values())]
    if term.during is not None:
        parts[-1] += f" from day {float(term.during.from_) / 24:g} to {float(term.during.to) / 24:g}"
    return [*parts[:-1], parts[-1] + _tag(term.mechanism)]


def _amount(quantity: Any) -> str:
    """Write a quantity in short: ``0.5 /day`` for 0.5 1/day, ``60`` for a pure number."""
    unit = quantity.unit.removeprefix("1") if quantity.unit.startswith("1/") else quantity.unit
    return short(quantity.typed) if unit == "1" else f"{short(quantity.typed)} {unit}"


def _factor(factor: Any) -> str:
    signal = factor.signal
    if factor.offset:
        sign, amount = ("-" if factor.offset < 0 else "+"), _amount(factor.offset).removeprefix("-")
        signal = f"{signal} {sign} {amount}"
    if factor.range is not None:
        signal += f" within {_amount(factor.range)}"
    return _course(factor, signal) + _tag(factor.mechanism)


def _course(factor: Any, signal: str) -> str:
    start, end = short(factor.from_), short(factor.to)
    if factor.linear is None:
        return f"({start} -> {end} as {signal} passes {_amount(factor.half)}, n={short(factor.hill)})"
    low, high = factor.linear
    if (float(factor.from_), float(factor.to)) == (float(low), float(high)):
        return f"[{signal}]" if high <= 1 else f"[{signal}, at most {_amount(high)}]"
    if (low, high, factor.from_, factor.to) == (0, 1, 1, 0):
        return f"(1 - [{signal}])"
    return f"({start} -> {end} as {signal} goes from {_amount(low) if low else 0} to {_amount(high)})"


def _tag(mechanism: str | None) -> str:
    return f" {{{mechanism}}}" if mechanism else ""


def _remarks(law: Any) -> Iterable[str]:
    if law.at_most is not None:
        yield f"at most {_amount(law.at_most)}"
    if law.rise is not None and law.fall is not None:
        yield f"follows with {_amount(law.rise)} as it rises, {_amount(law.fall)} as it falls"


def _wrap(head: str, factors: list[str], indent: str, width: int) -> list[str]:
    """Join factors with ``x``, breaking lines between them."""
    lines = [head + factors[0]]
    for factor in factors[1:]:
        if len(lines[-1]) + len(factor) + 3 > width:
            lines.append(f"{indent}x {factor}")
        else:
            lines[-1] += f" x {factor}"
    return lines


def signal_line(name: str, signal: Any, present: Collection[str]) -> str:
    """Write a derived signal as the sum it is; ``present`` are the fields and kinds that are there, others read as zero."""
    parts = [part if weight == 1 else f"{short(weight)} {part}" for part, weight in signal.sum.items()]
    radius = f", within {_amount(signal.radius)}" if signal.radius is not None else ""
    names = {part.split(".")[1] if part.startswith("density.") else part for part in signal.sum}
    absent = sorted(names - set(present) - set(TISSUE_STATES))
    remark = f"  (left out, so zero: {', '.join(absent)})" if absent else ""
    return f"{name} = {' + '.join(parts)}{radius}{remark}"


def signals_of(laws: Mapping[str, Any]) -> set[str]:
    """Collect the names of the signals that some laws read."""
    factors = [factor for law in laws.values() for factor in law.times.values()]
    factors += [factor for law in laws.values() for term in law.terms.values() for factor in term.times.values()]
    return {factor.signal for factor in factors}
