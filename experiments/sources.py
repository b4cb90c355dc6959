"""Where the numbers of a config come from: every value with its source, and the literature that a run rests on."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from experiments.tables import short

OPINIONS = ("assumed", "recalled")
SETTING, SHAPE, DEFAULT = "setting", "shape", "default"  # numbers that need no source: choices, 0 to 1, left out
SETTINGS = re.compile(
    r"(seed|time|grid|output|regions|therapy|tissue\.trigger|tissue\.venules\.(positions|spacing)|tissue\.plaques\.\w+\.at|fields\.accuracy"
    r"|fields\.[^.]+\.sources)(\.|$)"
)
COURSE = re.compile(r"(?P<factor>laws\..*\.times\.[^.]+)\.(from|to|half|hill|offset|range|linear\.\d)$")
KEY_IN_NOTE = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Value:
    """One number of a config. ``source`` is None where somebody should say where it comes from."""

    key: str
    text: str
    range: str
    source: str | None
    note: str
    where: str
    quantity: Any


def values(config: Any) -> list[Value]:
    """List every number of a config with its unit, range and source, in the order of the files."""
    return [
        Value(key, number.text, _range(number), _source(config, key, number), number.note or "", number.where, number)
        for key, number in _numbers(config)
        if not _is_silent(config, key, number)
    ]


def _is_silent(config: Any, key: str, number: Any) -> bool:
    """Say whether a number was filled in and tells nothing: no offset, or faces held at the healthy level."""
    if key.startswith("fields.") and key.endswith(".value"):
        baseline = config.fields[key.split(".")[1]].baseline
        return number == baseline and number.source == baseline.source
    return key.endswith(".offset") and number.where == "default"


def _numbers(config: Any) -> Iterator[tuple[str, Any]]:
    """Walk all quantities with their dotted keys; the two levels of a linear factor are two."""
    from abm.config import Quantity

    for path, value in config.leaves():
        parts = enumerate(value) if isinstance(value, tuple) else [(None, value)]
        for index, part in parts:
            if isinstance(part, Quantity):
                yield ".".join(path if index is None else (*path, str(index))), part


def missing_sources(config: Any) -> list[Value]:
    """List the numbers of biology that say nothing about where they come from."""
    return [value for value in values(config) if value.source is None]


def _source(config: Any, key: str, number: Any) -> str | None:
    if number.source is not None:
        return number.source
    if SETTINGS.match(key):
        return SETTING
    if number.where == "default":
        return DEFAULT
    part = COURSE.match(key)
    if part is not None:
        return _source_of_course(_look_up(config, part["factor"]), key, number)
    if key.startswith("signals."):
        return config.signals[key.split(".")[1]].source or (SHAPE if number == 1 else None)
    return SHAPE if key.endswith(".at_most") and number == 1 else None


def _source_of_course(factor: Any, key: str, number: Any) -> str | None:
    """Give the source of a number that a factor shapes its course with; 0, 1 and the Hill coefficient need none."""
    return SHAPE if number in (0, 1) or key.endswith(".hill") or _is_identity(factor) else factor.source


def _look_up(config: Any, key: str) -> Any:
    """Follow a dotted key into laws."""
    node = config.laws
    for name in key.split(".")[1:]:
        node = node[name] if isinstance(node, Mapping) else getattr(node, name)
    return node


def _is_identity(factor: Any) -> bool:
    return factor.linear is not None and tuple(map(float, factor.linear)) == (float(factor.from_), float(factor.to))


def _range(number: Any) -> str:
    if number.low is None and number.high is None:
        return ""
    return " to ".join("?" if end is None else short(as_typed(number, end)) for end in (number.low, number.high))


def as_typed(number: Any, canonical: float) -> float:
    """Convert a canonical number to the unit a quantity was typed in."""
    from abm.config.units import factor

    return float(Fraction(canonical) / factor(number.unit, number.canonical))


def is_biology(value: Value) -> bool:
    """Say whether a number needs a source: it is no choice, no 0 or 1 that gives a factor its shape, no default."""
    return _kind(value.source) is not None


def by_source(found: Iterable[Value]) -> dict[str, int]:
    """Count the values of biology by the kind of their source: assumed, recalled, looked-up, missing."""
    kinds = Counter(_kind(value.source) for value in found)
    kinds.pop(None, None)
    return {kind: kinds.get(kind, 0) for kind in (*OPINIONS, "looked-up", "missing")}


def _kind(source: str | None) -> str | None:
    if source in (SETTING, SHAPE, DEFAULT):
        return None
    return "missing" if source is None else source if source in OPINIONS else "looked-up"


def summary(found: Iterable[Value]) -> str:
    """Say in one line how well the values of a config are known."""
    counts = by_source(found)
    parts = [f"{count} {kind}" for kind, count in counts.items() if count or kind != "missing"]
    return f"{sum(counts.values())} values of biology: {', '.join(parts)}"


@dataclass(frozen=True)
class Citation:
    """A reference that a config rests on: for numbers, or for effects whose size is not in it."""

    key: str
    text: str
    supports: str
    n_numbers: int
    n_effects: int
    bibtex: str
    link: str


def citations(config: Any) -> list[Citation]:
    """List what a config rests on: the references of its numbers, and those its notes name."""
    found = values(config)
    numbers = Counter(value.source for value in found if value.source in config.references)
    effects = Counter(
        key
        for value in found
        for key in set(KEY_IN_NOTE.findall(value.note))
        if key in config.references and key != value.source
    )
    return [
        _citation(key, _entry(config.references[key]), numbers[key], effects[key])
        for key in sorted({*numbers, *effects})
    ]


def _entry(reference: Any) -> Mapping[str, Any]:
    return reference if isinstance(reference, Mapping) else reference.model_dump()


def _citation(key: str, entry: Mapping[str, Any], n_numbers: int, n_effects: int) -> Citation:
    text, supports = str(entry["cite"]), str(entry.get("supports") or "")
    link = f"https://doi.org/{entry['doi']}" if entry.get("doi") else str(entry.get("url") or "")
    return Citation(key, text, supports, n_numbers, n_effects, str(entry.get("bibtex") or _bibtex(key, entry)), link)


def _bibtex(key: str, entry: Mapping[str, Any]) -> str:
    """Write what is known as BibTeX: titles were not recorded, so the citation stands as it is."""
    year = re.search(r"\b(19|20)\d\d\b", str(entry["cite"]))
    fields = {
        "howpublished": entry["cite"],
        "year": year[0] if year else None,
        "doi": entry.get("doi"),
        "url": entry.get("url"),
        "note": entry.get("supports"),
    }
    lines = [f"  {name} = {{{_for_latex(str(text))}}}" for name, text in fields.items() if text]
    return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}"


def _for_latex(text: str) -> str:
    return re.sub(r"([&%#_$])", r"\\\1", text)
