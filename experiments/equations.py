"""Laws as equations that a biologist reads:  divide = 0.5 /day x [self.active] x (1 -> 0.1 as pge2_total passes ...).

``[x]`` is the signal x itself; ``(a -> b as x passes h, n=k)`` goes from a to b with a Hill coefficient k, half-way at h.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from abm.config.vocabulary import TISSUE_STATES

WIDTH = 112
ORDER = ("rate", "level", "speed", "bias", "secretion", "uptake")


def equation(name: str, law: Any) -> list[str]:
    """Write a law as lines: the sum of its terms, the factors they share, its limit and its times."""
    terms = [_term(term) for term in law.terms.values()]
    shared = [_factor(factor) for factor in law.times.values()]
    indent = " " * (len(name) + 3)
    if len(terms) == 1:
        lines = _wrap(f"{name} = ", [*terms[0], *shared], indent + "  ")
    else:
        lines = []
        for number, parts in enumerate(terms):
            head = f"{name} = ( " if number == 0 else f"{indent}+ "
            lines += _wrap(head, parts, indent + "    ")
        lines[-1] += " )"
        if shared:
            lines += _wrap(f"{indent}x ", shared, indent + "  ")
    return [*lines, *(f"{indent}{remark}" for remark in _remarks(law))]


def in_order(laws: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Sort laws for reading: what a cell does comes before what it gives and takes."""
    return sorted(laws.items(), key=lambda item: ORDER.index(item[1].type))


def _term(term: Any) -> list[str]:
    parts = [_rate(term.base.text), *(_factor(factor) for factor in term.times.values())]
    if term.during is not None:
        parts[-1] += f" from day {float(term.during.from_) / 24:g} to {float(term.during.to) / 24:g}"
    return [*parts[:-1], parts[-1] + _tag(term.mechanism)]


def _rate(text: str) -> str:
    """Write ``0.5 1/day`` as ``0.5 /day``."""
    number, _, unit = text.partition(" ")
    return f"{number} {unit.removeprefix('1')}" if unit.startswith("1/") else text


def _factor(factor: Any) -> str:
    signal = factor.signal
    if factor.offset:
        sign, amount = ("-", factor.offset.text.lstrip("-")) if factor.offset < 0 else ("+", factor.offset.text)
        signal = f"{signal} {sign} {amount}"
    if factor.range is not None:
        signal += f" within {factor.range.text}"
    return _course(factor, signal) + _tag(factor.mechanism)


def _course(factor: Any, signal: str) -> str:
    start, end = f"{float(factor.from_):g}", f"{float(factor.to):g}"
    if factor.linear is None:
        return f"({start} -> {end} as {signal} passes {factor.half.text}, n={float(factor.hill):g})"
    low, high = factor.linear
    if (float(factor.from_), float(factor.to)) == (float(low), float(high)):
        return f"[{signal}]" if high <= 1 else f"[{signal}, at most {high.text}]"
    if (low, high, factor.from_, factor.to) == (0, 1, 1, 0):
        return f"(1 - [{signal}])"
    return f"({start} -> {end} as {signal} goes from {low.text if low else 0} to {high.text})"


def _tag(mechanism: str | None) -> str:
    return f" {{{mechanism}}}" if mechanism else ""


def _remarks(law: Any) -> Iterable[str]:
    if law.at_most is not None:
        yield f"at most {law.at_most.text}"
    if law.rise is not None and law.fall is not None:
        yield f"follows with {law.rise.text} as it rises, {law.fall.text} as it falls"


def _wrap(head: str, factors: list[str], indent: str) -> list[str]:
    """Join factors with ``x``, breaking lines between them."""
    lines = [head + factors[0]]
    for factor in factors[1:]:
        if len(lines[-1]) + len(factor) + 3 > WIDTH:
            lines.append(f"{indent}x {factor}")
        else:
            lines[-1] += f" x {factor}"
    return lines


def signal_line(name: str, signal: Any, present: Collection[str]) -> str:
    """Write a derived signal as the sum it is; ``present`` are the fields and kinds that are there, others read as zero."""
    parts = [part if weight == 1 else f"{float(weight):g} {part}" for part, weight in signal.sum.items()]
    radius = f", within {signal.radius.text}" if signal.radius is not None else ""
    names = {part.split(".")[1] if part.startswith("density.") else part for part in signal.sum}
    absent = sorted(names - set(present) - set(TISSUE_STATES))
    remark = f"  (left out, so zero: {', '.join(absent)})" if absent else ""
    return f"{name} = {' + '.join(parts)}{radius}{remark}"


def signals_of(laws: Mapping[str, Any]) -> set[str]:
    """Collect the names of the signals that some laws read."""
    factors = [factor for law in laws.values() for factor in law.times.values()]
    factors += [factor for law in laws.values() for term in law.terms.values() for factor in term.times.values()]
    return {factor.signal for factor in factors}
