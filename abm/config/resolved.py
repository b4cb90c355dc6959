"""Reading back what ``Config.resolved()`` wrote: each value carries its own origin, and no other file is needed."""

from abm.config.tree import Branch, Leaf, Node, Row, branch, placed

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


def unwrap(node: Node) -> Node:
    """Take every ``where`` out of a tree and make it the place where the value stands."""
    if isinstance(node, Row):
        return Row([unwrap(each) for each in node.items], node.where)
    if not isinstance(node, Branch):
        return node
    where = node.items.get("where")
    if "value" in node.items and isinstance(where, Leaf):
        kept = node.without("where")
        return placed(kept.items["value"] if len(kept.items) == 1 else kept, str(where.value))
    items = {key: unwrap(each) for key, each in node.items.items()}
    keys = {key: node.keys[key] if isinstance(each, Branch) else each.where for key, each in items.items()}
    return Branch(items, node.where, keys)
