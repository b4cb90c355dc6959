"""What is done, running, stopped and failed below a folder, as the run folders and the records of studies say now."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiments.claim import holder_of, is_held
from experiments.failures import Failure, Refused
from experiments.folders import INFO, read_info
from experiments.study import RECORD

ORDER = ("running", "stopped", "failed", "to do", "done")
Row = tuple[str, str, str, str, str, str]  # run, scenario, seed, status, day, what


def overview(folder: Path) -> tuple[str, list[Row]]:
    """Return the counts in one line, and a row for every run that is not done; a record of a study counts its runs."""
    rows = rows_below(folder)
    count = Counter(row[3] for row in rows)
    counts = ", ".join(f"{count[status]} {status}" for status in reversed(ORDER) if count[status])
    return f"{len(rows)} runs: {counts}", [row for row in rows if row[3] != "done" or len(rows) == 1]


def rows_below(folder: Path) -> list[Row]:
    """Return a row for every run below a folder, those first that need a look. Raises Refused where there is none."""
    if not folder.is_dir():
        raise Refused(f"{folder} is no folder; name that of a study, of runs, or of one run")
    rows = [row_of(path, planned) for path, planned in _runs(folder).items()]
    if not rows:
        raise Refused(f"there is no run below {folder}")
    return sorted(rows, key=lambda row: ORDER.index(row[3]))


def _runs(folder: Path) -> dict[Path, dict[str, Any]]:
    """Find the runs below a folder, and those that the studies there record; with what the record says of each."""
    found: dict[Path, dict[str, Any]] = {}
    for place, below, files in os.walk(folder):
        if INFO in files:
            found.setdefault(Path(place), {})
            below.clear()
        elif RECORD in files:
            found |= {path: {**found.get(path, {}), **row} for path, row in _recorded(Path(place) / RECORD)}
    return found


def _recorded(record: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Give the runs of a study, as seen from here: the record names them from where the study was started."""
    try:
        rows = json.loads(record.read_text())["runs"]
    except (OSError, ValueError, KeyError, TypeError):
        raise Refused(f"{record} cannot be read or is damaged; remyelin study writes it anew") from None
    start = record.resolve().parents[3]
    for row in rows:
        path = start / row["run"]
        yield (path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path), row


def row_of(folder: Path, planned: dict[str, Any]) -> Row:
    """Say how a run is; ``planned`` is what the record of its study says of it."""
    try:
        info = read_info(folder)
    except Failure as failure:
        return str(folder), "", "", "failed", "", str(failure)
    arm = planned.get("arm", "")
    if not info:
        failed = planned.get("status") == "failed"
        seed = str(planned.get("seed", ""))
        return str(folder), arm, seed, "failed" if failed else "to do", "", planned.get("error") or ""
    status, what = status_now(folder, info)
    name = ", ".join(word for word in (info.get("name", ""), arm) if word)
    return str(folder), name, str(info.get("seed", "")), status, _day(folder, info), what


def status_now(folder: Path, info: dict[str, Any]) -> tuple[str, str]:
    """Return the status of a run as it is now, which its run.json may not know, and what a person should know of it."""
    status, what = info["status"], info.get("error") or ""
    if is_held(folder):
        holder = holder_of(folder)
        return "running", f"process {holder.get('pid')} on {holder.get('host')} since {holder.get('since')}"
    if status == "running":
        return "stopped", f"was cut off; go on with: remyelin resume {folder}"
    if status not in ORDER:
        return "failed", f"{folder / INFO} is damaged"
    return status, what


def _day(folder: Path, info: dict[str, Any]) -> str:
    """Return how far a run is: by its last read-out, which is newer than its last checkpoint."""
    try:
        last = (folder / "measures.csv").read_text().rstrip("\n").rpartition("\n")[2].partition(",")[0]
        return f"{float(last):.4g}"
    except (OSError, ValueError):
        return f"{info.get('days') or 0:.4g}"
