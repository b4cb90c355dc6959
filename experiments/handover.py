"""What a branch takes over from its run: a checkpoint, and all outputs until then. The run's folder is only read, and may
be written by another process meanwhile: what a checkpoint speaks of stays as it is."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from abm.run_folder import Run
from experiments import checkpoints, provenance
from experiments.schedule import Schedule
from experiments.session import Session
from experiments.store import CELLS, CHECKPOINTS, EVENTS, FRAMES, TABLES, flush_file


def hand_over(run: Run, config, step: int, session: Session) -> int:
    """Fill the folder of a new session as if it had stopped at the latest checkpoint of a run until ``step``.

    Returns the step of that checkpoint; 0, and nothing is filled, where there is none that fits.
    """
    found = _latest(run, config, step, session)
    if found is None:
        return 0
    counters, state = found
    for name in (*(f"{table}.csv" for table in TABLES), EVENTS):
        size = counters[f"{Path(name).stem}_bytes"]
        with open(run.folder / name, "rb") as file:
            checkpoints.replace_file(session.folder / name, [file.read(size)])
    (session.folder / CELLS).mkdir()
    for part in sorted((run.folder / CELLS).glob("part-*.parquet")):
        if int(part.stem.removeprefix("part-")) < counters["frames"]:
            flush_file(Path(shutil.copy(part, session.folder / CELLS)))
    _copy_frames(run.folder / FRAMES, session, counters["frames"])
    (session.folder / CHECKPOINTS).mkdir()
    checkpoints.write(checkpoints.file_of(session.folder / CHECKPOINTS, counters["step"]), counters, state)
    return counters["step"]


def _latest(run: Run, config, step: int, session: Session) -> tuple[dict, dict[str, np.ndarray]] | None:
    """Read the latest whole checkpoint until ``step`` whose past this version computed and the session would keep alike."""
    versions = {part["code_version"] for part in run.info["sessions"]}
    if versions != {provenance.code_version()} or config.output != session.config.output:
        return None
    theirs, ours = Schedule(config), session.schedule
    for path in checkpoints.newest_first(run.folder / CHECKPOINTS):
        at = checkpoints.step_of(path)
        if at <= step and theirs.until(at) == ours.until(at):
            try:
                return checkpoints.read(path)
            except checkpoints.Damaged as damage:  # or gone: a run at work keeps the newest two
                session.log.info("%s", damage)
    return None


def _copy_frames(path: Path, session: Session, count: int) -> None:
    """Copy the first frames of a run, some at a time."""
    import zarr

    theirs: Any = zarr.open_group(path, mode="r")
    frames = session.open_frames()
    for name, array in frames.arrays.items():
        for first in range(0, count, frames.per_shard):
            some = slice(first, min(first + frames.per_shard, count))
            array[some] = theirs[name][some]
            frames.touched.add(first // frames.per_shard)
    frames.settle()
