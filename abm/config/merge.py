"""Laying one config over another: maps merge by key, anything else is replaced, null removes.

A null stays in the tree as a null, so that what a group of kinds shares can still be taken from one of them.
"""

from collections.abc import Iterable, Iterator

from abm.config.quantity import QUANTITY_KEYS
from abm.config.tree import Branch, Node, Path, find, is_null, nodes


def merge(base: Branch, top: Branch) -> Branch:
    """Lay ``top`` over ``base``."""
    merged = Branch(dict(base.items), base.where, dict(base.keys))
    if is_quantity(base) and "value" in top.items and "source" not in top.items:
        merged = base.without("source", "note")  # they spoke of the value that is now replaced
    for key, node in top.items.items():
        below = merged.items.get(key)
        if isinstance(node, Branch) and isinstance(below, Branch):
            node = merge(below, node)
        merged.put(key, node, top.keys[key])
    return merged


def empty_removals(layers: Iterable[Branch]) -> Iterator[tuple[Path, str]]:
    """Find the nulls that remove nothing: no layer has anything at their path."""
    layers = list(layers)
    for layer in layers:
        for path, node, where in nodes(layer):
            if is_null(node) and all(is_null(find(other, path)[0]) for other in layers):
                yield path, where


def is_quantity(node: Node | None) -> bool:
    """Say whether a map is a value with its unit, source and so on."""
    return isinstance(node, Branch) and "value" in node.items and all(key in QUANTITY_KEYS for key in node.items)
