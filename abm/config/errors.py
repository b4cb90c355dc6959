"""What is wrong with a config, gathered so that a person sees all of it at once."""

import difflib
import re
from collections.abc import Iterable


class ConfigError(Exception):
    """A config that cannot be run. ``messages`` holds one sentence per problem: where, what was given, what is allowed."""

    def __init__(self, messages: Iterable[str]):
        self.messages = list(messages)
        super().__init__(self.messages)

    def __str__(self) -> str:
        return "\n".join(self.messages)


class Problems:
    """Problems found so far, each at one place."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def add(self, where: str, sentence: str) -> None:
        """Note one problem at ``where`` (``file:line`` or ``--set a.b=v``)."""
        self.found.append((where, sentence))

    def __len__(self) -> int:
        return len(self.found)

    def messages(self) -> list[str]:
        """All problems, each once, by file (in order of appearance) and line."""
        files: dict[str, int] = {}
        for where, _ in self.found:
            files.setdefault(_file_and_line(where)[0], len(files))

        def place(problem: tuple[str, str]) -> tuple[int, int]:
            file, line = _file_and_line(problem[0])
            return files[file], line

        return list(dict.fromkeys(f"{where}: {sentence}" for where, sentence in sorted(self.found, key=place)))

    def stop_if_any(self) -> None:
        """Raise them all, if there are any."""
        if self.found:
            raise ConfigError(self.messages())


def _file_and_line(where: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*):(\d+)", where)
    return (match[1], int(match[2])) if match else (where, 0)


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """Find the allowed name most like ``name``; None if nothing is like it."""

    def likeness(other: str) -> tuple[float, float]:
        lower, low_other = name.lower(), other.lower()
        alike = difflib.SequenceMatcher(None, lower, low_other).ratio()
        swapped = sorted(lower) == sorted(low_other)
        return max(alike, SWAPPED_LETTERS if swapped else 0.0), difflib.SequenceMatcher(None, name, other).ratio()

    if len(name) > LONGEST_NAME:
        return None
    best = max(sorted(set(allowed)), key=likeness, default=None)
    return best if best is not None and likeness(best)[0] >= LEAST_LIKENESS else None


LONGEST_NAME = 60
SWAPPED_LETTERS = 0.95
LEAST_LIKENESS = 0.6


def hint(name: str, allowed: Iterable[str], prefix: str = "") -> str:
    """Say ``did you mean 'x'?``, or list what is allowed when nothing is like ``name``."""
    names = sorted(set(allowed))
    close = nearest(name, names)
    if close is not None:
        return f"did you mean '{prefix}{close}'?"
    if not names:
        return "nothing is allowed here"
    shown = ", ".join(names[:MOST_NAMES]) + (", ..." if len(names) > MOST_NAMES else "")
    return f"allowed: {shown}"


MOST_NAMES = 24


def shown(value: object) -> str:
    """Write a value as it looks in a file, cut to a readable length."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, dict):
        return "a map" + (f" of {', '.join(map(str, list(value)[:4]))}" if value else " with nothing in it")
    if isinstance(value, list | tuple):
        return "a list of " + str(len(value))
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "...'"


MOST_TEXT = 80
