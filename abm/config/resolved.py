"""Reading back what ``Config.resolved()`` wrote: each value carries its own origin, and no other file is needed."""

from abm.config.tree import Branch, Leaf, Node, Row, branch

MARK = "resolved"
KNOWN = "known"


def is_resolved(tree: Branch) -> bool:
    """Say whether a tree came from ``Config.resolved()``."""
    node = tree.items.get(MARK)
    return isinstance(node, Leaf) and node.value is True


def known_names(tree: Branch) -> dict[str, set[str]]:
    """Give the names of kinds and fields that were known when it was written."""

    def names(key: str) -> set[str]:
        node = branch(tree, KNOWN).items.get(key)
        return {str(each.value) for each in node.items if isinstance(each, Leaf)} if isinstance(node, Row) else set()

    return {"cells": names("kinds"), "fields": names("fields")}


def unwrap(tree: Branch) -> Branch:
    """Take every ``where`` out of a tree and make it the place where the value stands."""
    unwrapped = _unwrap(tree)
    assert isinstance(unwrapped, Branch)
    return unwrapped


def _unwrap(node: Node) -> Node:
    if isinstance(node, Row):
        return Row([_unwrap(each) for each in node.items], node.where)
    if not isinstance(node, Branch):
        return node
    where = node.items.get("where")
    if "value" in node.items and isinstance(where, Leaf):
        kept = {key: _placed(each, str(where.value)) for key, each in node.items.items() if key != "where"}
        return (
            kept["value"] if len(kept) == 1 else Branch(kept, str(where.value), dict.fromkeys(kept, str(where.value)))
        )
    items = {key: _unwrap(each) for key, each in node.items.items()}
    keys = {key: each.where if isinstance(each, Leaf | Row) else node.keys[key] for key, each in items.items()}
    return Branch(items, node.where, keys)


def _placed(node: Node, where: str) -> Node:
    if isinstance(node, Row):
        return Row([_placed(each, where) for each in node.items], where)
    return Leaf(node.value, where) if isinstance(node, Leaf) else node
