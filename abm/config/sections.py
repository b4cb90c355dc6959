"""Reading the sections of a merged tree into their models, each on its own, so that one mistake hides no other."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from abm.config.errors import Problems, hint, shown
from abm.config.laws_schema import Law, Signal
from abm.config.model import NAME, Context, Part
from abm.config.names import Names, sum_unit
from abm.config.quantity import Quantity
from abm.config.readouts_schema import ReadOut, Region
from abm.config.report import report
from abm.config.schema import Cell, Field, Grid, MscTables, Output, Reference, Subject, Time, Tissue
from abm.config.systemic_schema import Comparators, Periphery
from abm.config.therapy_schema import Therapy
from abm.config.tree import Branch, Leaf, Node, Path, Row, branch, is_null, plain
from abm.config.units import UnitError, canonical_of, same_dimension
from abm.config.vocabulary import PLACES, READ_OUTS, REGIONS, TISSUE_STATES

SECTIONS: dict[str, type[Part]] = {
    "time": Time,
    "grid": Grid,
    "tissue": Tissue,
    "subject": Subject,
    "msc": MscTables,
    "periphery": Periphery,
    "comparators": Comparators,
    "therapy": Therapy,
    "output": Output,
}
MAPS: dict[str, type[Part]] = {
    "fields": Field,
    "cells": Cell,
    "signals": Signal,
    "references": Reference,
    "regions": Region,
    "readouts": ReadOut,
}
TEXTS = ("title", "purpose", "name", "region")
TOP_LEVEL = (*SECTIONS, *MAPS, *TEXTS, "groups", "laws", "seed", "schema")
ACCURACY = 0.01
RESERVED_FIELDS = {"accuracy", *TISSUE_STATES}

COMMAND_LINE = "--"

P = TypeVar("P", bound=Part)


@dataclass
class Read:
    """The sections that could be read, and the names they define."""

    names: Names
    parts: dict[str, Any] = field(default_factory=dict)
    accuracy: float = ACCURACY
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fields: dict[str, Field] = field(default_factory=dict)
    cells: dict[str, Cell] = field(default_factory=dict)
    signals: dict[str, Signal] = field(default_factory=dict)
    laws: dict[str, dict[str, Law]] = field(default_factory=dict)
    regions: dict[str, Region] = field(default_factory=dict)
    readouts: dict[str, ReadOut] = field(default_factory=dict)
    references: dict[str, Reference] = field(default_factory=dict)


class Reader:
    """Reads parts of one tree; every finding goes to ``problems``."""

    def __init__(self, tree: Branch, problems: Problems):
        self.tree = tree
        self.problems = problems
        self.context = Context()

    def read(
        self, model: type[P], node: Node, path: Path, siblings: Iterable[str] = (), context: Context | None = None
    ) -> P | None:
        """Read one part; None when something in it is wrong. ``siblings`` are the entries beside it."""
        try:
            part = model.model_validate(plain(node), context=context or self.context)
        except ValidationError as error:
            report(error, model, node, path, self.problems, siblings)
            return None
        trace(part, node)
        return part

    def section(self, name: str) -> Part | None:
        """Read a section that is one part; None when it is missing or wrong."""
        node = self.tree.items.get(name)
        return None if is_null(node) or node is None else self.read(SECTIONS[name], node, (name,))

    def entries(self, section: str) -> dict[str, Node]:
        """Give the entries of a section that is a named map, with names checked; nulls are left out."""
        node = self.tree.items.get(section)
        if is_null(node):
            return {}
        if not isinstance(node, Branch):
            self.problems.add(self.tree.keys[section], f"{section} must be a map of names")
            return {}
        for name in node.items:
            if not NAME.fullmatch(name):
                self.problems.add(
                    node.keys[name], f"{section}.{name}: a name is small letters, digits and _, beginning with a letter"
                )
        return {name: each for name, each in node.items.items() if not is_null(each)}

    def each(self, section: str, entries: Branch | None = None) -> dict[str, Any]:
        """Read every entry of a named map; those that are wrong are left out."""
        given = self.entries(section) if entries is None else entries.items
        found = {name: self.read(MAPS[section], node, (section, name), given) for name, node in given.items()}
        return {name: part for name, part in found.items() if part is not None}

    def names_taken(self, section: str, names: Mapping[str, str]) -> None:
        """Refuse names that already mean something else."""
        for name in branch(self.tree, section).items:
            if name in names:
                self.problems.add(
                    branch(self.tree, section).keys[name],
                    f"{section}.{name}: '{name}' is already {names[name]}; choose another name",
                )

    def number(self, node: Node, path: Path, low: float, high: float, where: str) -> float | None:
        """Read a bare number between two limits."""
        value = node.value if isinstance(node, Leaf) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not low < value <= high:
            self.problems.add(
                where, f"{'.'.join(path)} = {shown(plain(node))} must be a number above {low:g} and at most {high:g}"
            )
            return None
        return float(value)


def read_sections(
    reader: Reader, bibliography: Branch, known: Mapping[str, set[str]], elsewhere: Callable[[str], set[str]]
) -> Read:
    """Read all sections but the laws.

    known       the names that any layer gives to ``fields`` and ``cells``, removed later or not
    elsewhere   gives the names of the biology folder for a section; asked when a name is strange
    """
    for key in reader.tree.items:
        if key not in TOP_LEVEL:
            reader.problems.add(reader.tree.keys[key], f"unknown key '{key}'; {hint(key, TOP_LEVEL)}")
    references = reader.each("references", bibliography)
    reader.context = Context(references=references)
    accuracy = _accuracy(reader)
    reader.tree = _without_accuracy(reader.tree)
    read = Read(
        Names(
            fields=dict.fromkeys(reader.entries("fields")),
            kinds=set(reader.entries("cells")),
            known_fields=known["fields"] | set(reader.entries("fields")),
            known_kinds=known["cells"] | set(reader.entries("cells")),
            signals=dict.fromkeys(reader.entries("signals")),
            elsewhere=elsewhere,
        ),
        references=references,
        accuracy=accuracy,
    )
    reader.names_taken(
        "fields", dict.fromkeys(RESERVED_FIELDS, "a word of its own") | dict.fromkeys(read.names.signals, "a signal")
    )
    reader.names_taken("cells", dict.fromkeys(PLACES, "an owner of laws"))
    reader.names_taken("signals", dict.fromkeys(TISSUE_STATES, "a tissue state"))
    reader.names_taken("regions", dict.fromkeys(REGIONS, "a region"))
    reader.names_taken("readouts", {**dict.fromkeys(READ_OUTS, "a read-out"), "day": "the first column"})
    read.fields, read.cells = reader.each("fields"), reader.each("cells")
    read.regions, read.readouts = reader.each("regions"), reader.each("readouts")
    read.names.fields |= {name: part.unit for name, part in read.fields.items()}
    read.groups = _groups(reader, read.names)
    read.signals = _signals(reader, read.names)
    read.parts = {name: reader.section(name) for name in SECTIONS}
    return read


def _accuracy(reader: Reader) -> float:
    fields = branch(reader.tree, "fields")
    node = fields.items.get("accuracy")
    if node is None or is_null(node):
        return ACCURACY
    return reader.number(node, ("fields", "accuracy"), 0, 1, fields.keys["accuracy"]) or ACCURACY


def _without_accuracy(tree: Branch) -> Branch:
    fields = tree.items.get("fields")
    if not isinstance(fields, Branch):
        return tree
    less = Branch(dict(tree.items), tree.where, dict(tree.keys))
    less.items["fields"] = fields.without("accuracy")
    return less


def _groups(reader: Reader, names: Names) -> dict[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    section = branch(reader.tree, "groups")
    reader.names_taken(
        "groups", dict.fromkeys(names.known_kinds, "a kind of cell") | dict.fromkeys(PLACES, "an owner of laws")
    )
    for name, node in reader.entries("groups").items():
        if not isinstance(node, Row) or not all(
            isinstance(each, Leaf) and isinstance(each.value, str) for each in node.items
        ):
            reader.problems.add(section.keys[name], f"groups.{name} must be a list of kinds, such as [th1, th17, cd8]")
            continue
        members = [str(each.value) for each in node.items if isinstance(each, Leaf)]
        for each, member in zip(node.items, members):
            if not names.knows_kind(member) and member not in PLACES:
                advice = hint(member, names.known_kinds)
                reader.problems.add(each.where, f"groups.{name}: no config defines the kind '{member}'; {advice}")
            elif members.count(member) > 1:
                reader.problems.add(each.where, f"groups.{name} has '{member}' twice; keep one of them")
        groups[name] = tuple(members)
    return groups


def _signals(reader: Reader, names: Names) -> dict[str, Signal]:
    signals = reader.each("signals")
    for name, signal in signals.items():
        where = branch(reader.tree, "signals").keys[name]
        sums = branch(branch(branch(reader.tree, "signals"), name), "sum")
        sound = True
        for part in signal.sum:
            wrong = names.part_finding(part, set())
            if wrong is not None and part in names.signals:
                wrong = "{key}: a signal cannot be part of another; write its parts"
            if wrong is not None:
                sound = False
                key = f"signals.{name}.sum.{part}"
                reader.problems.add(
                    sums.keys.get(part, where), wrong.replace("{key} = {value}", key).replace("{key}", key)
                )
        if signal.radius is None and any(part.startswith("density.") for part in signal.sum):
            reader.problems.add(where, f"signals.{name} sums a density and needs a radius, such as 'radius: 100 um'")
        names.signals[name] = _signal_unit(name, signal, names, reader.problems, where) if sound else None
    return signals


def _signal_unit(name: str, signal: Signal, names: Names, problems: Problems, where: str) -> str | None:
    """Give the unit of a derived signal: as declared, or that of its parts."""
    common = sum_unit(signal.sum, names)
    if signal.unit is None:
        present = {part: weight for part, weight in signal.sum.items() if names.signal_unit(part) is not None}
        common = sum_unit(present, names) if present else None
        if common is None and len(present) > 1:
            problems.add(
                where, f"signals.{name} adds up parts of different units; say what the sum is, such as unit: '1'"
            )
        return common
    try:
        canonical_of(signal.unit)
    except UnitError as error:
        problems.add(where, f"signals.{name}.unit: {error}")
        return None
    if not same_dimension(signal.unit, "1") and common is not None and not same_dimension(signal.unit, common):
        problems.add(where, f"signals.{name}.unit = '{signal.unit}' must be that of its parts ({common}), or '1'")
    return signal.unit


def trace(value: Any, node: Node | None) -> None:
    """Tell each quantity in a part where it was written."""
    if isinstance(value, Part):
        for name, described in type(value).model_fields.items():
            _trace_below(getattr(value, name), node, described.alias or name)
    elif isinstance(value, dict):
        for key, each in value.items():
            _trace_below(each, node, str(key))
    elif isinstance(value, tuple):
        for index, each in enumerate(value):
            if isinstance(node, Row) and index < len(node.items):
                trace(each, node.items[index])
    elif isinstance(value, Quantity) and node is not None:  # one that was written: a default is shared by all configs
        inner = node.items.get("value") if isinstance(node, Branch) else node
        value.where = inner.where if inner is not None else node.where
        if value.where.startswith(COMMAND_LINE) and value.source is None:
            value.source, value.note = "assumed", "set on the command line"


def _trace_below(value: Any, node: Node | None, key: str) -> None:
    below = node.items.get(key) if isinstance(node, Branch) else None
    if not is_null(below):
        trace(value, below)
