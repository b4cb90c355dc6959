"""Finding config files, following ``extends``, and laying overrides on top."""

import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path as FilePath

from abm.config.errors import ConfigError, Problems, hint
from abm.config.merge import merge
from abm.config.resolved import is_resolved, unwrap
from abm.config.tree import Branch, Leaf, Node, Row, branch, is_null
from abm.config.yaml_reader import read_tree, read_value

LIBRARY = FilePath(__file__).parents[2] / "configs"
FOLDERS = ("scenarios", "biology", "therapies")
SCHEMA = 1
SUFFIXES = (".yaml", ".yml")
OWN_KEYS = ("extends", "name", "title", "purpose")  # of one file; not inherited
CHANGES = {0: "nothing else changed since; write 'schema: 1'"}  # schema number -> what to change in a file of it


@dataclass
class Gathered:
    """A config merged from its files: the tree, the text of the file itself, and each layer that went in."""

    tree: Branch
    text: str
    name: str
    layers: list[Branch] = field(default_factory=list)

    def ever_named(self, section: str) -> set[str]:
        """Give every name that any layer defines in a section, removed later or not."""
        return {
            name
            for layer in self.layers
            for name, node in branch(layer, section).items.items()
            if isinstance(node, Branch)
        }


def scenario_names(library: FilePath = LIBRARY) -> list[str]:
    """List the scenarios that ship with the library."""
    return sorted(path.stem for path in (library / "scenarios").glob("*.yaml"))


def gather(
    scenario: str | FilePath, overrides: tuple[str, ...], library: FilePath, problems: Problems
) -> Gathered | None:
    """Read a scenario with all it extends, and apply overrides; None if the file itself cannot be read."""
    file = _find_scenario(scenario, library)
    text = _text_of(file)
    tree = _read(file, library, problems)
    if tree is None:
        return None
    gathered = Gathered(Branch({}, tree.where), text, file.stem)
    gathered.tree = _with_bases(file, tree, library, gathered, problems, (file,))
    for override in overrides:
        layer = _override(override, gathered.tree, problems)
        if layer is not None:
            gathered.layers.append(layer)
            gathered.tree = merge(gathered.tree, layer)
    return gathered


def biology_names(section: str, library: FilePath) -> set[str]:
    """Give all names that any file of the biology folder defines in a section."""
    files = sorted((library / "biology").rglob("*.yaml"))
    trees = [tree for file in files if (tree := _read(file, library, Problems())) is not None]
    return Gathered(Branch({}, ""), "", "", trees).ever_named(section)


def references(library: FilePath, problems: Problems) -> Branch:
    """Read the bibliography of the library."""
    file = library / "references.yaml"
    tree = _read(file, library, problems) if file.is_file() else None
    entries = tree.items.get("references") if tree is not None else None
    return entries if isinstance(entries, Branch) else Branch({}, display(file, library))


def display(file: FilePath, library: FilePath) -> str:
    """Name a file in messages: from the library's parent, else from the working folder, else in full."""
    resolved = file.resolve()
    for root in (library.resolve().parent, FilePath.cwd()):
        if resolved.is_relative_to(root):
            return str(resolved.relative_to(root))
    return str(resolved)


def _find_scenario(scenario: str | FilePath, library: FilePath) -> FilePath:
    """Find a scenario by name or path."""
    given = str(scenario)
    if _is_path(given):
        file = FilePath(given).expanduser()
        if "\0" in given or not file.is_file():
            raise ConfigError([f"{given}: there is no such file"])
        return file
    named = library / "scenarios" / f"{given}.yaml"
    if not given or "\0" in given or not named.is_file():
        names = scenario_names(library)
        raise ConfigError(
            [
                f"unknown scenario '{given}'; {hint(given, names)} (a file needs its path, such as ./{given or 'mine'}.yaml)"
            ]
        )
    return named


def _is_path(given: str) -> bool:
    return given.endswith(SUFFIXES) or "/" in given or os.sep in given


def _text_of(file: FilePath) -> str:
    try:
        raw = file.read_bytes()
        return raw.decode("utf-8")
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read ({error.strerror})"]) from error
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{file}:{line}: is not UTF-8 text (byte {error.start + 1})"]) from error


def _read(file: FilePath, library: FilePath, problems: Problems) -> Branch | None:
    """Read one file; a file that did not change is parsed once per process."""
    tree, found = _parsed(_text_of(file), display(file, library))
    for where, sentence in found:
        problems.add(where, sentence)
    return tree


@lru_cache(maxsize=64)
def _parsed(text: str, name: str) -> tuple[Branch | None, tuple[tuple[str, str], ...]]:
    problems = Problems()
    tree = read_tree(text, name, problems)
    if tree is not None:
        _check_schema(tree, name, problems)
    unwrapped = unwrap(tree) if tree is not None and is_resolved(tree) else tree
    return unwrapped if isinstance(unwrapped, Branch) else None, tuple(problems.found)


def _check_schema(tree: Branch, name: str, problems: Problems) -> None:
    node = tree.items.get("schema")
    if node is None:
        problems.add(f"{name}:1", f"schema is missing; add the line 'schema: {SCHEMA}' at the top")
        return
    number = node.value if isinstance(node, Leaf) else None
    if isinstance(number, bool) or not isinstance(number, int):
        problems.add(tree.keys["schema"], f"schema must be a whole number; write 'schema: {SCHEMA}'")
    elif number > SCHEMA:
        problems.add(
            tree.keys["schema"],
            f"schema = {number} is newer than this version reads ({SCHEMA}); install a newer remyelin",
        )
    elif number < SCHEMA:
        advice = CHANGES.get(number, f"no remyelin ever read it; write 'schema: {SCHEMA}'")
        problems.add(tree.keys["schema"], f"schema = {number} is older than this version reads ({SCHEMA}); {advice}")


def _with_bases(
    file: FilePath, tree: Branch, library: FilePath, gathered: Gathered, problems: Problems, chain: tuple[FilePath, ...]
) -> Branch:
    """Merge all that a file extends, left to right, and the file on top."""
    merged = Branch({}, tree.where)
    for given, where in _extended(tree, problems):
        base_file = _find_base(given, file, library)
        if base_file is None:
            problems.add(where, f"extends = '{given}': {_no_base(given, library)}")
            continue
        if any(base_file.samefile(each) for each in chain):
            circle = " -> ".join(each.stem for each in (*chain, base_file))
            problems.add(where, f"extends = '{given}' runs in a circle: {circle}; remove one of these")
            continue
        base = _read(base_file, library, problems)
        if base is not None:
            full = _with_bases(base_file, base, library, gathered, problems, (*chain, base_file))
            merged = merge(merged, full.without(*OWN_KEYS))
    gathered.layers.append(tree)
    return merge(merged, tree.without("extends"))


def _extended(tree: Branch, problems: Problems) -> list[tuple[str, str]]:
    node = tree.items.get("extends")
    if is_null(node):
        return []
    entries = node.items if isinstance(node, Row) else [node]
    names = []
    for entry in entries:
        if isinstance(entry, Leaf) and isinstance(entry.value, str) and entry.value and "\0" not in entry.value:
            names.append((entry.value, entry.where))
        else:
            problems.add(tree.keys["extends"], "extends must be a name, a path, or a list of these")
    return names


def _find_base(given: str, file: FilePath, library: FilePath) -> FilePath | None:
    """Find what ``extends`` names: a file of the library (never the extending file itself), or a relative path."""
    if _is_path(given):
        path = (file.parent / FilePath(given).expanduser()).resolve()
        return path if path.is_file() else None
    candidates = [library / folder / f"{given}.yaml" for folder in FOLDERS]
    return next((path for path in candidates if path.is_file() and not path.samefile(file)), None)


def _no_base(given: str, library: FilePath) -> str:
    if _is_path(given):
        return "there is no such file (paths are relative to the file that extends)"
    names = [path.stem for folder in FOLDERS for path in (library / folder).glob("*.yaml")]
    return f"no such file in configs/scenarios, biology or therapies; {hint(given, names)} (a path ends in .yaml)"


def _override(text: str, tree: Branch, problems: Problems) -> Branch | None:
    """Read ``a.b=v`` as a tree of its own."""
    where = f"--set {text}"
    key, equals, value = text.partition("=")
    names = [name.strip() for name in key.strip().split(".")]
    if not equals or not all(names):
        problems.add(where, "must look like a.b=value, for example --set therapy.msc.dose=5e5")
        return None
    if names[0] in ("schema", "extends"):
        problems.add(where, f"'{names[0]}' cannot be set on the command line; write it in a file")
        return None
    node = read_value(value, where, problems)
    if node is None:
        return None
    for name in reversed(_path(names, tree)):
        node = Branch({name: node}, where, {name: where})
    return node if isinstance(node, Branch) else None


def _path(names: list[str], tree: Branch) -> list[str]:
    """Split a dotted key; the names of signals in ``signals.<name>.sum`` hold dots of their own."""
    at = 3 if names[:1] == ["signals"] and names[2:3] == ["sum"] else len(names)
    return names[:at] + ([".".join(names[at:])] if names[at:] else [])


def set_time_and_seed(tree: Branch, days: float | None, seed: int | str | None) -> Branch:
    """Lay the ``--days`` and ``--seed`` of a command over a tree."""
    layers: list[tuple[list[str], Node]] = []
    if days is not None:
        layers.append((["time", "days"], Leaf(days, f"--days {days}")))
    if seed is not None:
        layers.append((["seed"], Leaf(seed, f"--seed {seed}")))
    for names, node in layers:
        for name in reversed(names):
            node = Branch({name: node}, node.where, {name: node.where})
        assert isinstance(node, Branch)
        tree = merge(tree, node)
    return tree
