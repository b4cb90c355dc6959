"""Reading laws: groups spread over their members, names and units checked, laws of what is left out dropped."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from abm.config.errors import hint, shown
from abm.config.laws_schema import Law
from abm.config.merge import merge
from abm.config.model import Context
from abm.config.names import Names
from abm.config.sections import Read, Reader
from abm.config.tree import Branch, Leaf, Node, Path, branch, is_null, plain
from abm.config.units import UnitError, parse_unit, same_dimension
from abm.config.vocabulary import PLACES, TYPE_UNITS, behaviours, law_units

OF_FIELD = ("secrete_", "uptake_", "release_")
OF_KIND = ("become_", "enter_")


@dataclass
class _Written:
    """A law as written for one owner; ``path`` names it in messages (a group's law under the group)."""

    owner: str
    name: str
    node: Node
    path: Path
    where: str


def read_laws(reader: Reader, read: Read) -> tuple[dict[str, dict[str, Law]], Branch]:
    """Read and check every law; return those whose owner and target are there, with the tree they were read from."""
    laws: dict[str, dict[str, Law]] = {}
    kept = Branch({}, reader.tree.where)
    for written in _spread(reader, read):
        law = _law(written, reader, read)
        present = written.owner in PLACES or written.owner in read.names.kinds
        if law is not None and present and _target_is_there(written.name, read.names):
            laws.setdefault(written.owner, {})[written.name] = law
            if written.owner not in kept.items:
                kept.put(written.owner, Branch({}, written.where))
            branch(kept, written.owner).put(written.name, written.node, written.where)
    return laws, kept


def _spread(reader: Reader, read: Read) -> list[_Written]:
    """Give every owner its laws: its own over those of its group. Nulls are gone."""
    section = branch(reader.tree, "laws")
    found: dict[str, dict[str, _Written]] = {}
    for owner, node in reader.entries("laws").items():
        if not isinstance(node, Branch):
            reader.problems.add(section.keys[owner], f"laws.{owner} must be a map of laws")
        elif owner in read.groups:
            for member in dict.fromkeys(read.groups[owner]):
                _give(member, owner, node, section, found, reader)
        elif owner not in PLACES and not read.names.knows_kind(owner):
            advice = hint(owner, [*PLACES, *read.groups, *read.names.known_kinds], "laws.")
            reader.problems.add(
                section.keys[owner], f"unknown key 'laws.{owner}': no config defines such a kind; {advice}"
            )
    for owner, node in reader.entries("laws").items():
        if isinstance(node, Branch) and owner not in read.groups:
            for name, own in node.items.items():
                shared = found.setdefault(owner, {}).get(name)
                if shared is not None and isinstance(shared.node, Branch) and isinstance(own, Branch):
                    own = merge(shared.node, own)
                found[owner][name] = _Written(owner, name, own, ("laws", owner, name), node.keys[name])
    return [written for laws in found.values() for written in laws.values() if not is_null(written.node)]


def _give(
    member: str, group: str, node: Branch, section: Branch, found: dict[str, dict[str, _Written]], reader: Reader
) -> None:
    laws = found.setdefault(member, {})
    own = branch(section, member).items
    for name, law in node.items.items():
        if is_null(law):
            continue
        if name in laws and name not in own:
            other = laws[name].path[1]
            reader.problems.add(
                node.keys[name],
                f"laws.{group}.{name}: {member} has this law from the group '{other}' too; keep one, or write laws.{member}.{name}",
            )
        laws[name] = _Written(member, name, law, ("laws", group, name), node.keys[name])


def _law(written: _Written, reader: Reader, read: Read) -> Law | None:
    key = ".".join(written.path)
    expected = _expected_type(written, read.names)
    if expected is None:
        _report_name(written, reader, read.names)
        return None
    if not isinstance(written.node, Branch):
        reader.problems.add(
            written.where, f"{key} = {shown(plain(written.node))} must be a map with type, unit and terms"
        )
        return None
    given = written.node.items.get("type")
    if isinstance(given, Leaf) and given.value != expected and given.value in TYPE_UNITS:
        reader.problems.add(
            given.where, f"{key}.type = {shown(given.value)}: a law named '{written.name}' is of type {expected}"
        )
    context = Context(
        references=reader.context.references,
        law_unit=_unit(written, expected, reader, read.names),
        signal_unit=read.names.signal_unit,
        signal_finding=partial(read.names.signal_finding, owner=written.owner),
    )
    law = reader.read(Law, written.node, written.path, context=context)
    return law if law is not None and law.type == expected and context.law_unit is not None else None


def _expected_type(written: _Written, names: Names) -> str | None:
    """Give the type a law of this name has; None when there is no such behaviour, or nothing it could act on."""
    for pattern, law_type in behaviours(written.owner).items():
        start, placeholder, _ = pattern.partition("<")
        if not placeholder and written.name == pattern:
            return law_type
        if placeholder and written.name.startswith(start):
            target = written.name.removeprefix(start)
            if names.knows_field(target) if start in OF_FIELD else names.knows_kind(target):
                return law_type
    return None


def _report_name(written: _Written, reader: Reader, names: Names) -> None:
    """Say that a behaviour does not exist, or what it acts on."""
    key = ".".join(written.path)
    for start in (*OF_FIELD, *OF_KIND):
        fits = any(pattern.startswith(start) for pattern in behaviours(written.owner))
        if written.name.startswith(start) and fits:
            target, known = (
                written.name.removeprefix(start),
                names.known_fields if start in OF_FIELD else names.known_kinds,
            )
            what = "field" if start in OF_FIELD else "kind"
            advice = hint(target, known, ".".join(written.path[:-1]) + "." + start)
            reader.problems.add(written.where, f"{key}: no config defines the {what} '{target}'; {advice}")
            return
    words = list(_offered(written.owner, names))
    advice = hint(written.name, words, ".".join(written.path[:-1]) + ".")
    reader.problems.add(written.where, f"unknown key '{key}': {written.owner} has no such behaviour; {advice}")


def _offered(owner: str, names: Names) -> Iterator[str]:
    for pattern in behaviours(owner):
        start, placeholder, _ = pattern.partition("<")
        if not placeholder:
            yield pattern
        else:
            yield from (start + name for name in (names.known_fields if start in OF_FIELD else names.known_kinds))


def _unit(written: _Written, law_type: str, reader: Reader, names: Names) -> str | None:
    """Check the unit of a law; None when there is none or it is wrong."""
    node = _leaf(written.node, "unit")
    if node is None or node.value is None:
        return None
    unit, key = str(node.value), ".".join((*written.path, "unit"))
    allowed = law_units(written.owner, written.name, law_type)
    try:
        parse_unit(unit)
    except UnitError as error:
        reader.problems.add(node.where, f"{key}: {error}")
        return None
    if not any(same_dimension(unit, each) for each in allowed):
        reader.problems.add(
            node.where, f"{key} = '{unit}' is no unit of such a law; write one such as {' or '.join(allowed)}"
        )
        return None
    field_unit = names.fields.get(written.name.removeprefix("secrete_")) if law_type == "secretion" else None
    per_volume = unit and not same_dimension(unit, allowed[0])
    if field_unit is not None and per_volume and not same_dimension(unit, f"{field_unit}/h"):
        reader.problems.add(
            node.where, f"{key} = '{unit}' does not fit the field, which is in {field_unit}; write {field_unit}/s"
        )
        return None
    return unit


def _leaf(node: Node, key: str) -> Leaf | None:
    """Return the single value under a key, if that is what is there."""
    below = node.items.get(key) if isinstance(node, Branch) else None
    return below if isinstance(below, Leaf) else None


def _target_is_there(name: str, names: Names) -> bool:
    """Say whether the field or kind that a law acts on was not left out."""
    for start in OF_FIELD:
        if name.startswith(start):
            return name.removeprefix(start) in names.fields
    for start in OF_KIND:
        if name.startswith(start):
            return name.removeprefix(start) in names.kinds
    return True
