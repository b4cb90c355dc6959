"""Checkpoints: arrays and counters of a run at one step, in files that are whole or not there.

A file is one line of magic, the length and text of a JSON header (counters; name, type and shape of each array), the
arrays' bytes one after the other, and the SHA-256 of all that. It is written aside, flushed to the disk and renamed.
"""

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = b"remyelin checkpoint 1\n"
KEPT = 2


class Damaged(Exception):
    """A checkpoint that is not what was written."""


def flush_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_file(path: Path, blocks) -> None:
    """Write blocks of bytes to a file beside ``path`` and rename it: readers see the old file or the new one."""
    aside = path.with_name(f".{path.name}.aside")
    try:
        with open(aside, "wb") as file:
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def _blocks(counters: dict, arrays: Mapping[str, np.ndarray]):
    plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    for name, array in plain.items():
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name} has type {array.dtype}: a checkpoint holds numbers only")
    table = [{"name": name, "dtype": a.dtype.str, "shape": list(a.shape)} for name, a in plain.items()]
    header = json.dumps({"counters": counters, "arrays": table}).encode()
    seal = hashlib.sha256()
    blocks: list[Any] = [
        MAGIC,
        struct.pack("<Q", len(header)),
        header,
        *(array.reshape(-1) for array in plain.values()),
    ]
    for block in blocks:
        seal.update(block)
        yield block
    yield seal.digest()


def write(path: Path, counters: dict, arrays: Mapping[str, np.ndarray]) -> None:
    """Write one checkpoint file."""
    replace_file(path, _blocks(counters, arrays))


def read(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """Read counters and arrays of one checkpoint file. Raises Damaged unless every byte is as written."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Damaged(str(error)) from None
    body, seal = memoryview(content)[:-32], content[-32:]
    if not content.startswith(MAGIC) or hashlib.sha256(body).digest() != seal:
        raise Damaged(f"{path.name} is damaged: its checksum does not match")
    start = len(MAGIC) + 8
    (length,) = struct.unpack_from("<Q", body, len(MAGIC))
    header = json.loads(bytes(body[start : start + length]))
    at = start + length
    arrays = {}
    for entry in header["arrays"]:
        dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
        count = int(np.prod(shape, dtype=np.int64))
        arrays[entry["name"]] = np.frombuffer(body, dtype, count, at).reshape(shape).copy()
        at += count * dtype.itemsize
    return header["counters"], arrays


def file_of(folder: Path, step: int) -> Path:
    """Name the checkpoint of a step."""
    return folder / f"step-{step:09d}.checkpoint"


def step_of(path: Path) -> int:
    """Return the step of a checkpoint."""
    return int(path.stem.removeprefix("step-"))


def newest_first(folder: Path) -> list[Path]:
    """List the checkpoints of a folder."""
    return sorted(folder.glob("step-*.checkpoint"), reverse=True)


def newest_step(folder: Path) -> int | None:
    """Return the step of the newest checkpoint of a folder, whole or not; None where there is none."""
    return next(map(step_of, newest_first(folder)), None)


def keep_newest(folder: Path, kept: int = KEPT) -> None:
    """Remove all but the newest checkpoints."""
    for path in newest_first(folder)[kept:]:
        path.unlink(missing_ok=True)


def read_newest(folder: Path, warn) -> tuple[dict, dict[str, np.ndarray]] | None:
    """Read the newest checkpoint that is whole, or None; ``warn`` is told of each damaged one, which is removed."""
    for path in newest_first(folder):
        try:
            return read(path)
        except Damaged as damage:
            warn(f"{damage}; going on from an earlier one")
            path.unlink(missing_ok=True)
    return None
