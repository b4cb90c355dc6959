"""A config file as a tree whose every part knows the line it stands on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Scalar = None | bool | int | float | str
Path = tuple[str, ...]


@dataclass(slots=True)
class Leaf:
    """One value."""

    value: Scalar
    where: str


@dataclass(slots=True)
class Row:
    """A list."""

    items: list["Node"]
    where: str


@dataclass(slots=True)
class Branch:
    """A map; ``keys`` holds where each key stands."""

    items: dict[str, "Node"]
    where: str
    keys: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, node: "Node", where: str | None = None) -> None:
        """Set one entry."""
        self.items[key] = node
        self.keys[key] = where or node.where

    def without(self, *names: str) -> "Branch":
        """Copy this map, less some keys."""
        items = {key: node for key, node in self.items.items() if key not in names}
        return Branch(items, self.where, {key: self.keys[key] for key in items})


Node = Leaf | Row | Branch


def plain(node: Node) -> Any:
    """Turn a tree into maps, lists and scalars; entries that are null are left out."""
    if isinstance(node, Branch):
        return {key: plain(each) for key, each in node.items.items() if not is_null(each)}
    if isinstance(node, Row):
        return [plain(each) for each in node.items]
    return node.value


def is_null(node: Node | None) -> bool:
    """Say whether a node is missing or null."""
    return node is None or (isinstance(node, Leaf) and node.value is None)


def branch(node: Node | None, key: str) -> Branch:
    """Return the map under a key; an empty one when there is no map."""
    below = node.items.get(key) if isinstance(node, Branch) else None
    return below if isinstance(below, Branch) else Branch({}, node.where if node is not None else "")


def nodes(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node, str]]:
    """Walk all nodes below one, with their path and where their key stands."""
    if isinstance(node, Branch):
        for key, each in node.items.items():
            yield (*path, key), each, node.keys[key]
            yield from nodes(each, (*path, key))
    elif isinstance(node, Row):
        for index, each in enumerate(node.items):
            yield (*path, str(index)), each, each.where
            yield from nodes(each, (*path, str(index)))


def find(node: Node, path: Path) -> tuple[Node | None, str]:
    """Look up a path: its node (None if there is none), and where it or its nearest parent stands."""
    where = node.where
    current: Node | None = node
    for key in path:
        if isinstance(current, Branch) and key in current.items:
            where, current = current.keys[key], current.items[key]
        elif isinstance(current, Row) and key.isdigit() and int(key) < len(current.items):
            current = current.items[int(key)]
            where = current.where
        else:
            return None, where
    return current, where


def placed(node: Node, where: str) -> Node:
    """Copy a tree, saying of every part that it stands at one place."""
    if isinstance(node, Branch):
        items = {key: placed(each, where) for key, each in node.items.items()}
        return Branch(items, where, dict.fromkeys(items, where))
    if isinstance(node, Row):
        return Row([placed(each, where) for each in node.items], where)
    return Leaf(node.value, where)


def as_tree(value: Any, where: str) -> Node:
    """Turn maps, lists and scalars into a tree that stands at one place."""
    if isinstance(value, dict):
        items = {str(key): as_tree(each, where) for key, each in value.items()}
        return Branch(items, where, dict.fromkeys(items, where))
    if isinstance(value, list | tuple):
        return Row([as_tree(each, where) for each in value], where)
    return Leaf(value, where)
