"""The arms of a study as scenario files, so that anybody can run one by hand; each line knows where it comes from."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abm.config.files import SCHEMA
from abm.config.flow import flow
from abm.config.tree import Branch, Node, is_null, plain


@dataclass(frozen=True)
class Scenario:
    """A scenario file to be: what it extends, and a tree of its own sections.

    name   that of the base, so that runs lie where plain runs of the base do
    """

    extends: Sequence[str]
    name: str
    title: str
    sections: Branch

    def write(self, file: Path) -> list[str]:
        """Write the file where its content is new. Return the origin of each line."""
        where = self.sections.where
        head = {"schema": SCHEMA, "extends": list(self.extends), "name": self.name, "title": self.title}
        lines = [(f"{key}: {flow(value)}", where) for key, value in head.items()]
        lines += _lines(self.sections)
        text = "\n".join(line for line, _ in lines) + "\n"
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            replace_text(file, text)
        return [origin for _, origin in lines]


def replace_text(file: Path, text: str) -> None:
    """Replace a file in one go, also where several processes do so at a time."""
    handle, aside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent, text=True)
    try:
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(aside, 0o644)
        os.replace(aside, file)
    except BaseException:
        os.unlink(aside)
        raise


@dataclass(frozen=True)
class Arm:
    """One arm: its name for people, whether it is run at every point of the grid, and its scenario."""

    label: str
    crossed: bool
    scenario: Scenario


def _lines(node: Branch, indent: str = "") -> Iterator[tuple[str, str]]:
    """Write a tree as YAML, each line with where its key stands."""
    for key, below in node.items.items():
        if isinstance(below, Branch) and below.items:
            yield f"{indent}{flow(key)}:", node.keys[key]
            yield from _lines(below, indent + "  ")
        else:
            yield f"{indent}{flow(key)}: {flow(_bare(below))}", node.keys[key]


def _bare(node: Node) -> Any:
    return None if is_null(node) else plain(node)
