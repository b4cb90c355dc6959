"""YAML 1.2 text to a tree with line marks, and nothing else: no tags, no anchors, no code, no duplicate keys.

Values are resolved by the YAML 1.2 core rules, so ``off`` and ``no`` are text, ``1e6`` is a number and ``null`` is null.
"""

import re
from collections.abc import Iterator
from typing import Any

from abm.config.errors import Problems
from abm.config.tree import Branch, Leaf, Node, Row, Scalar, placed

INTEGER = re.compile(r"[-+]?\d+")
OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?")
WORDS: dict[str, Scalar] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
WORDS |= {sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")}
WORDS |= dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan"))
DEEPEST = 40
LONGEST_INTEGER = 18
LONGEST_KEY = 200


class _Unreadable(Exception):
    """Reading cannot go on; holds where and why."""


def read_tree(text: str, name: str, problems: Problems) -> Branch | None:
    """Read one YAML document; ``name`` is how its file is called in messages. None if it cannot be read or is no map."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    events = YAML(typ="safe", pure=True).parse(text)
    try:
        reader = _Reader(events, name, problems)
        tree = reader.document()
    except _Unreadable as stop:
        problems.add(*stop.args)
        return None
    except YAMLError as error:
        problems.add(f"{name}:{_line_of(error, text)}", f"is not YAML: {_reason(error)}")
        return None
    except (ValueError, IndexError, AttributeError, AssertionError, TypeError, KeyError, RecursionError) as error:
        problems.add(f"{name}:1", f"is not YAML ({type(error).__name__} while reading it)")
        return None
    if not isinstance(tree, Branch):
        problems.add(f"{name}:1", "must be a map of keys and values, such as 'schema: 1'")
        return None
    return tree


def read_value(text: str, name: str, problems: Problems) -> Node | None:
    """Read the value of an override, such as ``22 um^2/s``, ``null`` or ``{value: 3, source: assumed}``."""
    found = Problems()
    holder = read_tree("value:" + ("\n" if "\n" in text else " ") + text, name, found)
    for _, sentence in found.found:
        problems.add(name, sentence)
    if holder is not None and set(holder.items) != {"value"}:
        problems.add(name, "must be one value")
    return placed(holder.items["value"], name) if holder is not None and "value" in holder.items else None


def resolve(text: str) -> Scalar:
    """Give an unquoted scalar its YAML 1.2 meaning."""
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text):
        return int(text) if len(text) <= LONGEST_INTEGER else float(text)
    if OTHER_BASE.fullmatch(text) and len(text) <= LONGEST_INTEGER:
        return int(text, 0)
    return float(text) if FLOAT.fullmatch(text) else text


class _Reader:
    """Builds a tree from the parser's events."""

    def __init__(self, events: Iterator[Any], name: str, problems: Problems):
        self.events = events
        self.name = name
        self.problems = problems

    def document(self) -> Node:
        tree: Node = Leaf(None, f"{self.name}:1")
        documents = 0
        for event in self.events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise _Unreadable(self.at(event), "a second document starts here ('---'); a config is one document")
            elif kind not in ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent", "CommentEvent"):
                tree = self.node(event, 0)
        return tree

    def at(self, event: Any) -> str:
        return f"{self.name}:{event.start_mark.line + 1}"

    def node(self, event: Any, depth: int) -> Node:
        where = self.at(event)
        kind = type(event).__name__
        if depth > DEEPEST:
            raise _Unreadable(where, f"is nested more than {DEEPEST} levels deep")
        if kind == "AliasEvent" or getattr(event, "anchor", None) is not None:
            raise _Unreadable(
                where, "anchors and aliases (& and *) are not allowed; use 'extends' or 'groups', or write it out"
            )
        tag = getattr(event, "ctag", None) or getattr(event, "tag", None)
        if tag is not None and str(tag) not in ("None", "!"):
            raise _Unreadable(where, "tags (!) are not allowed; write the plain value")
        if kind == "ScalarEvent":
            is_plain = event.style in (None, "") and str(tag) != "!"
            return Leaf(resolve(event.value) if is_plain else event.value, where)
        if kind == "SequenceStartEvent":
            return self.row(where, depth)
        return self.branch(where, depth)

    def row(self, where: str, depth: int) -> Row:
        items = []
        while type(event := next(self.events)).__name__ != "SequenceEndEvent":
            items.append(self.node(event, depth + 1))
        return Row(items, where)

    def branch(self, where: str, depth: int) -> Branch:
        made = Branch({}, where)
        while type(event := next(self.events)).__name__ != "MappingEndEvent":
            key_node, key_where = self.node(event, depth + 1), self.at(event)
            if not isinstance(key_node, Leaf) or len(str(event.value)) > LONGEST_KEY:
                raise _Unreadable(key_where, "a key must be a short text")
            key = str(event.value)
            value = self.node(next(self.events), depth + 1)
            if key in made.items:
                self.problems.add(
                    key_where, f"key '{key}' is given twice (first at line {_line(made.keys[key])}); keep one of them"
                )
            else:
                made.put(key, value, key_where)
        return made


def _line(where: str) -> str:
    return where.rpartition(":")[2]


def _line_of(error: Any, text: str) -> int:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        return mark.line + 1
    position = getattr(error, "position", None)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 1


def _reason(error: Any) -> str:
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    context = getattr(error, "context", None)
    return " ".join(f"{reason}{f' ({context})' if context else ''}".split())
