"""The runs that a page may show: those below the folders that were named, and no others."""

import os
from collections.abc import Sequence
from pathlib import Path

from abm.run_folder import EVENTS, INFO, MEASURES, RESOLVED, Run
from experiments.failures import Refused
from experiments.palette import ARMS
from experiments.status import Row, row_of, rows_below

MOST = len(ARMS)  # runs side by side
CHANGING = (INFO, f"{MEASURES}.csv", EVENTS)  # what a run writes as it goes on


class Shelf:
    """Run folders by short names, which are part of the address of a page. What was read of a run is kept for all pages."""

    def __init__(self, given: Sequence[Path]) -> None:
        self.given = given
        self.opened: dict[str, tuple[tuple, Run]] = {}
        self.root = os.path.commonpath([path.resolve().parent if is_run(path) else path.resolve() for path in given])
        self.look()
        self.first = list(self.folders) if all(map(is_run, given)) or len(self.folders) == 1 else []
        if len(self.first) > MOST:
            raise Refused(
                f"{len(self.first)} runs are named, and {MOST} can be seen side by side; name their folder to choose"
            )

    def look(self) -> None:
        """Find the runs that there are now. Raises Refused where there is none."""
        found = [path for folder in self.given for path in sorted(runs_below(folder))]
        self.folders = {os.path.relpath(path.resolve(), self.root): path for path in found}

    def row(self, name: str) -> Row:
        """How a run is now: its folder, scenario, seed, status, day, and what there is to say."""
        return row_of(self.folders[name], {})

    def chosen(self, names: Sequence[str]) -> list[str]:
        """The runs that an address names, as far as they are on the shelf; else those to begin with."""
        return [name for name in dict.fromkeys(names) if name in self.folders][:MOST] or self.first

    def run(self, name: str) -> Run:
        """The run as its folder is now, opened anew where it has gone on. Raises ConfigError where it is damaged."""
        folder = self.folders[name]
        stamp = tuple(written(folder / file) for file in (RESOLVED, *CHANGING))
        known, run = self.opened.get(name, ((), None))
        if run is None or known != stamp:
            fresh = Run.load(folder)
            if run is not None and known[0] == stamp[0]:
                fresh.config = run.config  # which takes seconds to read
            run = fresh
            self.opened[name] = stamp, run
        return run


def is_run(path: Path) -> bool:
    return (path / INFO).is_file()


def runs_below(folder: Path) -> list[Path]:
    """The run folders below a folder, or itself. Raises Refused where there is none."""
    found = [path for row in rows_below(folder) if is_run(path := Path(row[0]))]
    if not found:
        raise Refused(f"there is no run below {folder} yet")
    return found


def written(path: Path) -> tuple[int, int]:
    """When a file was last written, and its size; zeros where there is none."""
    try:
        about = path.stat()
    except OSError:
        return 0, 0
    return about.st_mtime_ns, about.st_size
