"""Run folders: where a run goes, who may write there, and whether there is room. Nothing is ever overwritten."""

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments import checkpoints, provenance
from experiments.claim import Claim, holder_of
from experiments.failures import Refused, reason

RUNS = "runs"
INFO, CONFIG, RESOLVED, LOG = "run.json", "config.yaml", "resolved.yaml", "log.txt"
PAST = "past"  # holds <step>.yaml: the config that held until then


class Past(NamedTuple):
    """A config that held until a step, where a branch went on with another."""

    until: int
    config: Any


def read_info(folder: Path) -> dict:
    """Return the run.json of a folder; empty where there is none. Raises Refused where it cannot be read."""
    try:
        info = json.loads((folder / INFO).read_text())
        return {"status": "damaged", **info}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError):
        raise Refused(f"{folder / INFO} cannot be read or is damaged; choose another folder with --out") from None


def claim_new(folder: Path) -> Claim | None:
    """Make and claim the folder that somebody named. Raises Refused where it holds anything or cannot be written.

    A lock that nobody holds any more shows that a run was cut off here before it began: what that left may go.
    """
    cut_off = bool(holder_of(folder))
    claim = claim_folder(folder)
    if cut_off and not (folder / INFO).exists():
        take_back(folder)
    others = sorted(path.name for path in folder.iterdir() if path.name != claim.path.name)
    if others:
        claim.release()
        what = "a run already" if INFO in others else others[0]
        raise Refused(f"{folder} is not empty (it holds {what}); choose another with --out: nothing is overwritten")
    return claim


def claim_by_hash(config, past: Sequence[Past] = (), force_new: bool = False) -> tuple[Path, Claim | None]:
    """Find the folder of a run by its hash; without a claim the identical run is finished already.

    force_new   pass over the folders that hold an identical run, finished or not
    """
    first = Path(RUNS) / config.name / provenance.run_hash(config, past)
    folder, number = first, 1
    while force_new and (folder / INFO).exists():
        number += 1
        folder = first.with_name(f"{first.name}-{number}")
    if read_info(folder).get("status") == "done":
        return folder, None
    claim = claim_folder(folder)
    info = read_info(folder)  # again: another process may have been at it until now
    if not info:
        take_back(folder)
        return folder, claim
    claim.release()
    if info["status"] == "done":
        return folder, None
    raise Refused(
        f"{folder} holds this run, {info['status']} at day {info.get('days') or 0:.4g}; "
        f"go on with: remyelin resume {folder} (or start afresh in another folder with --out)"
    )


def claim_folder(folder: Path) -> Claim:
    """Make and claim a folder. Raises Refused where it cannot be written or another process has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Claim(folder)
    except OSError as error:
        raise Refused(f"cannot write to {folder}: {reason(error)}; choose another folder with --out") from None


def take_back(folder: Path) -> None:
    """Remove what a run that never began has written into its folder."""
    for path in [*folder.glob(".*.aside"), *(folder / name for name in (CONFIG, RESOLVED, INFO, LOG))]:
        path.unlink(missing_ok=True)
    for path in (folder / PAST).glob("*"):
        path.unlink()
    with contextlib.suppress(OSError):
        (folder / PAST).rmdir()


def check_room(folder: Path, needed: int) -> None:
    """Raise Refused where a disk has clearly too little room for what a run will write."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Refused(
            f"{folder}: the run writes at least {needed / 1e6:.3g} MB and {free / 1e6:.3g} MB are free; "
            "make room, choose another disk with --out, or raise output.frames_every"
        )


def write_config(folder: Path, config, past: Sequence[Past] = (), given: str | None = None) -> None:
    """Write the config as it was given, and as a file that gives every value again by itself; and those before it."""
    checkpoints.replace_file(folder / CONFIG, [(given or config.source_text).encode()])
    checkpoints.replace_file(folder / RESOLVED, [config.resolved_text().encode()])
    for each in past:
        (folder / PAST).mkdir(exist_ok=True)
        checkpoints.replace_file(folder / PAST / f"{each.until:09d}.yaml", [each.config.resolved_text().encode()])


def sha256(folder: Path) -> str:
    """Return the SHA-256 of the resolved config as it lies in a run's folder."""
    return hashlib.sha256((folder / RESOLVED).read_bytes()).hexdigest()


def scratch() -> tempfile.TemporaryDirectory:
    """Return a folder that goes away, in the cache: where it cannot be written, where the system keeps such."""
    from kernels.launch import cache_folder

    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix="scratch-", dir=cache_folder(), ignore_cleanup_errors=True)
    except OSError:
        return tempfile.TemporaryDirectory(prefix="remyelin-", ignore_cleanup_errors=True)


def read_past(folder: Path) -> list[Past]:
    """Read the configs that held before that of a branch; none of any other run."""
    from abm.config import load

    return [Past(int(path.stem), load(path)) for path in sorted((folder / PAST).glob("*.yaml"))]
