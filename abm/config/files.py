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
CHANGES: dict[int, str] = {}  # older schema number -> what to change in a file of it
SUFFIXES = (".yaml", ".yml")
OWN_KEYS = ("extends", "name", "title", "purpose")  # of one file; not inherited
LONGEST_SHOWN = 120
HOW_TO_TREAT = "extend it together with a scenario in a file of your own"


@dataclass
class Gathered:
    """A config merged from its files: the tree, the text of the file itself, and each layer that went in."""

    tree: Branch
    text: str
    name: str
    layers: list[Branch] = field(default_factory=list)

    def ever_named(self, section: str) -> set[str]:
        """Give every name that any layer defines in a section, removed later or not."""
        sections = [branch(layer, section).items for layer in self.layers]
        return {name for items in sections for name, node in items.items() if isinstance(node, Branch)}


def scenario_names(library: FilePath = LIBRARY) -> list[str]:
    """List the scenarios of a library."""
    return sorted(path.stem for path in (library / "scenarios").glob("*.yaml"))


class Library:
    """A folder with scenarios, biology, therapies and references.yaml; notes what is wrong in ``problems``."""

    def __init__(self, folder: FilePath, problems: Problems):
        self.folder = folder
        self.problems = problems
        self.merged: dict[FilePath, Branch | None] = {}  # file -> itself over all it extends
        self._biology: Gathered | None = None

    def gather(self, scenario: str | FilePath, overrides: tuple[str, ...]) -> Gathered:
        """Read a scenario with all it extends, and lay overrides on top. Raises when a file cannot be read."""
        file = self._scenario(str(scenario))
        gathered = Gathered(Branch({}, ""), _text_of(file), file.stem)
        tree = self._merged(file, gathered, (file,))
        if tree is None:
            raise ConfigError(self.problems.messages())
        gathered.tree = tree
        for override in overrides:
            layer = _override(override, self.problems)
            if layer is not None:
                gathered.layers.append(layer)
                gathered.tree = merge(gathered.tree, layer)
        return gathered

    def biology_names(self, section: str) -> set[str]:
        """Give all names that any file of the biology folder defines in a section."""
        if self._biology is None:
            files = sorted((self.folder / "biology").rglob("*.yaml"))
            trees = [_parsed(_text_of(file), self.display(file))[0] for file in files]
            self._biology = Gathered(Branch({}, ""), "", "", [tree for tree in trees if tree is not None])
        return self._biology.ever_named(section)

    def references(self) -> Branch:
        """Read the bibliography."""
        file = self.folder / "references.yaml"
        tree = self._read(file) if _is_file(file) else None
        return branch(tree, "references")

    def display(self, file: FilePath) -> str:
        """Name a file in messages: from the library's parent, else from the working folder, else in full."""
        resolved = file.resolve()
        for root in (self.folder.resolve().parent, FilePath.cwd()):
            if resolved.is_relative_to(root):
                return str(resolved.relative_to(root))
        return str(resolved)

    def _read(self, file: FilePath) -> Branch | None:
        """Read one file; a text that was read before in this process is not parsed again."""
        tree, found = _parsed(_text_of(file), self.display(file))
        for where, sentence in found:
            self.problems.add(where, sentence)
        return tree

    def _scenario(self, given: str) -> FilePath:
        """Find a scenario by name or path."""
        if _is_path(given):
            file = _expanded(given)
            if not _is_file(file):
                raise ConfigError([f"{_short(given)}: there is no such file"])
            return file
        named = self.folder / "scenarios" / f"{given}.yaml"
        if given and not _is_file(named) and _is_file(self.folder / "therapies" / f"{given}.yaml"):
            raise ConfigError([f"'{given}' is a therapy; {HOW_TO_TREAT}, as in 'extends: [acute, {given}]'"])
        if not given or not _is_file(named):
            example = f"./{given or 'mine'}.yaml"
            advice = f"{hint(given, scenario_names(self.folder))} (a file of your own needs its path, such as {_short(example)})"
            raise ConfigError([f"unknown scenario '{_short(given)}'; {advice}"])
        return named

    def _merged(self, file: FilePath, gathered: Gathered, chain: tuple[FilePath, ...]) -> Branch | None:
        """Merge all that a file extends, left to right, and the file on top."""
        key = file.resolve()
        if key in self.merged:
            return self.merged[key]
        tree = self._read(file)
        if tree is None:
            self.merged[key] = None
            return None
        merged: Branch | None = Branch({}, tree.where)
        for given, where in _extended(tree, self.problems):
            base = self._base(given, where, file, gathered, chain)
            merged = None if base is None or merged is None else merge(merged, base.without(*OWN_KEYS))
        gathered.layers.append(tree)
        self.merged[key] = None if merged is None else merge(merged, tree.without("extends"))
        return self.merged[key]

    def _base(
        self, given: str, where: str, file: FilePath, gathered: Gathered, chain: tuple[FilePath, ...]
    ) -> Branch | None:
        """Merge one file that another extends; None if that is impossible."""
        base = self._find_base(given, file)
        if base is None:
            self.problems.add(where, f"extends = '{_short(given)}': {self._no_base(given, file)}")
            return None
        if any(base.samefile(each) for each in chain):
            circle = " -> ".join(each.stem for each in (*chain, base))
            self.problems.add(where, f"extends = '{given}' runs in a circle: {circle}; remove one of these")
            return None
        return self._merged(base, gathered, (*chain, base))

    def _find_base(self, given: str, file: FilePath) -> FilePath | None:
        """Find what ``extends`` names: a file of the library (never the extending one itself), or a relative path."""
        if _is_path(given):
            path = file.parent / _expanded(given)
            return path if _is_file(path) else None
        candidates = [self.folder / folder / f"{given}.yaml" for folder in FOLDERS]
        return next((path for path in candidates if _is_file(path) and not path.samefile(file)), None)

    def _no_base(self, given: str, file: FilePath) -> str:
        if _is_path(given):
            return "there is no such file (paths are relative to the file that extends)"
        beside = next((f"{given}{suffix}" for suffix in SUFFIXES if _is_file(file.parent / f"{given}{suffix}")), None)
        if beside is not None:
            return f"no such file in configs/scenarios, biology or therapies; did you mean './{beside}'?"
        names = [path.stem for folder in FOLDERS for path in (self.folder / folder).glob("*.yaml")]
        return f"no such file in configs/scenarios, biology or therapies; {hint(given, names)} (a path ends in .yaml)"


def set_time_and_seed(tree: Branch, days: float | None, seed: int | str | None) -> Branch:
    """Lay the ``--days`` and ``--seed`` of a command over a tree."""
    if days is not None:
        where = f"--days {_short(str(days))}"
        tree = merge(tree, _nested(["time", "days"], Leaf(days, where), where))
    if seed is not None:
        where = f"--seed {_short(str(seed))}"
        tree = merge(tree, _nested(["seed"], Leaf(seed, where), where))
    return tree


def _is_path(given: str) -> bool:
    return given.endswith(SUFFIXES) or "/" in given or os.sep in given


def _expanded(given: str) -> FilePath:
    try:
        return FilePath(given).expanduser()
    except RuntimeError:  # there is no such user
        return FilePath(given)


def _is_file(path: FilePath) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or not a possible name
        return False


def _short(text: str) -> str:
    """Put a text on one line of readable length."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= LONGEST_SHOWN else line[:LONGEST_SHOWN] + "..."


def _text_of(file: FilePath) -> str:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read ({error.strerror})"]) from error
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{file}:{line}: is not UTF-8 text (byte {error.start + 1})"]) from error


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
    number = node.value if isinstance(node, Leaf) else None
    where = tree.keys.get("schema", f"{name}:1")
    if node is None:
        problems.add(where, f"schema is missing; add the line 'schema: {SCHEMA}' at the top")
    elif isinstance(number, bool) or not isinstance(number, int):
        problems.add(where, f"schema must be a whole number; write 'schema: {SCHEMA}'")
    elif number > SCHEMA:
        problems.add(where, f"schema = {number} is newer than this version reads ({SCHEMA}); install a newer remyelin")
    elif number < SCHEMA:
        advice = CHANGES.get(number, f"no remyelin ever read it; write 'schema: {SCHEMA}'")
        problems.add(where, f"schema = {number} is older than this version reads ({SCHEMA}); {advice}")


def _extended(tree: Branch, problems: Problems) -> list[tuple[str, str]]:
    """Give the names in ``extends`` and where they stand."""
    node = tree.items.get("extends")
    if node is None or is_null(node):
        return []
    names = []
    for entry in node.items if isinstance(node, Row) else [node]:
        if isinstance(entry, Leaf) and isinstance(entry.value, str) and entry.value:
            names.append((entry.value, entry.where))
        else:
            problems.add(tree.keys["extends"], "extends must be a name, a path, or a list of these")
    return names


def _override(text: str, problems: Problems) -> Branch | None:
    """Read ``a.b=v`` as a tree of its own."""
    where = f"--set {_short(text)}"
    key, equals, value = text.partition("=")
    names = [name.strip() for name in key.strip().split(".")]
    if not equals or not all(names):
        problems.add(where, "must look like a.b=value, for example --set therapy.msc.dose=5e5")
        return None
    if names[0] in ("schema", "extends"):
        problems.add(where, f"'{names[0]}' cannot be set on the command line; write it in a file")
        return None
    node = read_value(value, where, problems)
    return None if node is None else _nested(_path(names), node, where)


def _path(names: list[str]) -> list[str]:
    """Split a dotted key; the names in ``signals.<name>.sum`` hold dots of their own."""
    at = 3 if names[:1] == ["signals"] and names[2:3] == ["sum"] else len(names)
    return names[:at] + ([".".join(names[at:])] if names[at:] else [])


def _nested(names: list[str], node: Node, where: str) -> Branch:
    """Wrap a node in maps, one for each name."""
    for name in reversed(names):
        node = Branch({name: node}, where, {name: where})
    assert isinstance(node, Branch)
    return node
