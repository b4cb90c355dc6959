"""``load``: from a scenario, overrides and the library to a checked ``Config``, or to one error with every problem in it."""

import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any

from abm.config.config import Config
from abm.config.doses import Doses
from abm.config.errors import Problems, hint, shown
from abm.config.files import LIBRARY, SCHEMA, Gathered, Library, set_time_and_seed
from abm.config.laws_reader import read_laws
from abm.config.merge import empty_removals, merge
from abm.config.physics import Physics
from abm.config.quantity import Quantity
from abm.config.readouts import ReadOuts
from abm.config.refusals import Refusals
from abm.config.report import is_entry
from abm.config.resolved import KNOWN, MARK, is_resolved, known_names, unwrap
from abm.config.schema import Field, Grid, Output, Reference
from abm.config.sections import TEXTS, Read, Reader, read_sections
from abm.config.systemic import Systemic
from abm.config.therapy_schema import Therapy
from abm.config.tree import Branch, Leaf, as_tree, branch, find, is_null, plain
from abm.config.vocabulary import REGIONS

WORD = re.compile(r"\w+")
SEED_BITS = 53  # a seed stays exact in every JSON reader
DEFAULT_SEED = 1
LONGEST_NAME = 100  # bytes


def load(
    scenario: str | FilePath,
    overrides: Iterable[str] = (),
    days: float | None = None,
    seed: int | str | None = None,
    *,
    library: FilePath = LIBRARY,
) -> Config:
    """Load a scenario by name or path, lay overrides such as ``therapy.msc.dose=5e5`` on top, and check all of it.

    days, seed   what ``--days`` and ``--seed`` of a command give; they win over everything
    library      the folder with scenarios, biology, therapies and references.yaml

    Raises ConfigError with one sentence for every problem.
    """
    overrides = tuple(overrides)
    if (days is not None or seed is not None) and any(each.startswith(("time.days", "seed")) for each in overrides):
        load(scenario, overrides, library=library)  # what loses is checked too
    source = Library(library, Problems())
    return _checked(source.gather(scenario, overrides), days, seed, source)


def restore(resolved: Mapping[str, Any], library: FilePath = LIBRARY) -> Config:
    """Build the config that ``Config.resolved()`` describes; no file is read. Quicker than loading the same as YAML."""
    tree = unwrap(as_tree(resolved, "resolved"))
    assert isinstance(tree, Branch)
    name = tree.items.get("name")
    gathered = Gathered(tree, "", str(name.value) if isinstance(name, Leaf) else "")
    return _checked(gathered, None, None, Library(library, Problems()))


def _checked(gathered: Gathered, days: float | None, seed: int | str | None, source: Library) -> Config:
    """Lay on time and seed, find out which names are known, and build."""
    tree = set_time_and_seed(gathered.tree, days, seed)
    if is_resolved(tree):
        _check_owners(tree, source.problems)
        known, bibliography = known_names(tree), branch(tree, "references")
        tree = tree.without(MARK, KNOWN)
    else:
        known = {name: gathered.ever_named(name) for name in ("fields", "cells")}
        bibliography = merge(source.references(), branch(tree, "references"))
        _check_removals(gathered, tree, source)
    return _build(tree, bibliography, gathered, known, source)


def _build(
    tree: Branch, bibliography: Branch, gathered: Gathered, known: dict[str, set[str]], source: Library
) -> Config:
    """Read every section, run every check, and put the config together."""
    problems = source.problems
    reader = Reader(tree, problems)
    read = read_sections(reader, bibliography, known, source.biology_names)
    texts = {key: _text(tree, key, problems) for key in TEXTS}
    if texts["name"] and not _names_a_folder(texts["name"]):
        limit = f"must name a folder of its runs: at most {LONGEST_NAME} characters, no / or \\, and no . first"
        problems.add(tree.keys["name"], f"name = {shown(texts['name'])} {limit}")
    seed = _seed(tree, problems)
    read.laws, law_nodes = read_laws(reader, read)
    tree = _with_laws(tree, law_nodes)
    Refusals(tree, read, problems).check()
    Systemic(tree, read, problems).check()
    Physics(tree, read, problems).check()
    region = texts["region"] or REGIONS[0]
    ReadOuts(tree, read, problems).check(region, tree.keys.get("region", ""))
    doses = Doses(tree, read, problems).planned()
    problems.stop_if_any()
    parts = read.parts
    config = Config(
        schema=SCHEMA,
        name=texts["name"] or gathered.name,
        title=texts["title"],
        purpose=texts["purpose"],
        seed=seed,
        time=parts["time"],
        grid=parts["grid"],
        accuracy=read.accuracy,
        fields=_with_faces(read.fields, parts["grid"]),
        cells=read.cells,
        groups=read.groups,
        signals=read.signals,
        laws=read.laws,
        tissue=parts["tissue"],
        subject=parts["subject"],
        msc=parts["msc"],
        periphery=parts["periphery"],
        comparators=parts["comparators"],
        therapy=parts["therapy"] or Therapy(),
        region=region,
        regions=read.regions,
        readouts=read.readouts,
        output=_named_output(parts["output"] or Output(), read),
        references={},
        known_kinds=frozenset(read.names.known_kinds),
        known_fields=frozenset(read.names.known_fields),
        doses=tuple(doses),
    )
    config.references.update(_used(config, read.references))
    config._source_text = gathered.text
    config._tree = tree
    return config


def _check_owners(tree: Branch, problems: Problems) -> None:
    """Refuse a law of a group laid over a resolved config, where each kind has laws of its own that would win."""
    section, groups = branch(tree, "laws"), branch(tree, "groups")
    for group in set(section.items) & set(groups.items):
        names = ", ".join(f"laws.{member}" for member in plain(groups.items[group]))
        where = section.keys[group]
        problems.add(where, f"laws.{group}: in a resolved config every kind has its own laws; set {names}")


def _check_removals(gathered: Gathered, tree: Branch, source: Library) -> None:
    """Refuse a null that removes an entry which was never there: a slip of the pen would leave the entry in place."""
    groups = branch(tree, "groups")
    for path, where in empty_removals(gathered.layers):
        if not is_entry(Config, path) or (path[0] in ("cells", "fields") and path[1] in source.biology_names(path[0])):
            continue
        if path[0] == "laws" and any(not is_null(find(tree, ("laws", group, *path[2:]))[0]) for group in groups.items):
            continue
        around = find(tree, path[:-1])[0]
        there = [key for key, node in around.items.items() if not is_null(node)] if isinstance(around, Branch) else []
        dotted = ".".join(path)
        source.problems.add(
            where, f"{dotted} = null removes nothing; {hint(path[-1], there, '.'.join(path[:-1]) + '.')}"
        )


def _text(tree: Branch, key: str, problems: Problems) -> str:
    node = tree.items.get(key)
    if is_null(node) or (isinstance(node, Leaf) and isinstance(node.value, str)):
        return str(node.value) if isinstance(node, Leaf) and node.value is not None else ""
    problems.add(tree.keys[key], f"{key} must be text; put it in quotes")
    return ""


def _names_a_folder(name: str) -> bool:
    return len(name.encode()) <= LONGEST_NAME and name.isprintable() and name[0] != "." and not {*name} & {*"/\\"}


def _seed(tree: Branch, problems: Problems) -> int:
    node = tree.items.get("seed")
    if node is None or is_null(node):
        return DEFAULT_SEED
    value = node.value if isinstance(node, Leaf) else None
    if value == "random":
        return secrets.randbits(SEED_BITS)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**SEED_BITS:
        shape = "a whole number from 0 to 2^53 - 1, or random"
        problems.add(
            tree.keys["seed"], f"seed = {shown(value) if isinstance(node, Leaf) else 'a map or list'} must be {shape}"
        )
        return DEFAULT_SEED
    return value


def _with_faces(fields: dict[str, Field], grid: Grid | None) -> dict[str, Field]:
    """Give every field its faces, and what it is held at there."""
    if grid is None:
        return fields
    return {
        name: field.model_copy(
            update={"faces": field.faces or grid.faces, "value": field.baseline if field.value is None else field.value}
        )
        for name, field in fields.items()
    }


def _named_output(output: Output, read: Read) -> Output:
    """Put names for ``all``, and leave out those that the scenario left out."""
    chosen = {}
    for key, there in (("fields", read.fields), ("cells", read.cells)):
        given = getattr(output, key)
        chosen[key] = tuple(there) if given == "all" else tuple(name for name in given if name in there)
    return output.model_copy(update=chosen)


def _used(config: Config, bibliography: Mapping[str, Reference]) -> dict[str, Reference]:
    """Give the references that a source or a note of this config names."""
    words: set[str] = set()
    for path, value in config.leaves():
        if isinstance(value, Quantity):
            words.update(WORD.findall(f"{value.source} {value.note}"))
        elif path[-1] in ("source", "note"):
            words.update(WORD.findall(value))
    return {key: entry for key, entry in bibliography.items() if key in words}


def _with_laws(tree: Branch, laws: Branch) -> Branch:
    """Put the laws as spread over their owners in place of those written for groups."""
    whole = Branch(dict(tree.items), tree.where, dict(tree.keys))
    whole.put("laws", laws)
    return whole
