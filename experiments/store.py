"""Writing a run folder so that it can be cut off at any moment and taken up again without doubling or losing anything.

Between two checkpoints, rows are appended to text files, cells go to a part file that gets its name when it is whole,
and each frame has its own place in an array of full length. A checkpoint names how far each of them was settled on
the disk; a resume cuts back to there, so that what follows is what an uninterrupted run would have written.
"""

import contextlib
import json
import os
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from abm.run_folder import EVENTS, FRAMES
from experiments import checkpoints

CHECKPOINTS, CELLS = "checkpoints", "cells"
TABLES = ("measures", "profiles")
SHARD_BYTES = 32 << 20  # uncompressed; a shard is rewritten whenever frames come in
HELD_BYTES = 64 << 20  # of frames that wait for a checkpoint, to come in together
SHARD_FRAMES = 50
COMPRESSED = 0.15  # of the bytes of a frame or table, as a cautious guess: lesions compress better
CELL_BYTES = 100  # of one cell in one frame, before compression


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a JSON file in one go."""
    checkpoints.replace_file(path, [json.dumps(content, indent=1).encode(), b"\n"])


def flush_file(path: Path) -> None:
    """Make the content of a file survive a power cut."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


class Appended:
    """A text file that only grows; opening it cuts it back to its first ``size`` bytes."""

    def __init__(self, path: Path, size: int):
        self.name = path.name
        self.file = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115 (open as long as the run)
        self.file.truncate(size)
        self.file.seek(0, os.SEEK_END)

    def write(self, text: str) -> None:
        """Append text that readers can see at once."""
        self.file.write(text.encode())
        self.file.flush()

    def settle(self) -> int:
        """Bring everything to the disk and return the size."""
        os.fsync(self.file.fileno())
        return self.file.tell()

    def close(self) -> None:
        self.file.close()


class Table(Appended):
    """Numbers over days, one row each time or several; the first line names the columns."""

    def __init__(self, path: Path, size: int):
        super().__init__(path, size)
        self.file.seek(0)
        self.columns = self.file.readline().decode().rstrip("\n").split(",")[1:]
        self.file.seek(0, os.SEEK_END)

    def latest(self) -> dict[str, float]:
        """Return the last row; empty where there is none."""
        self.file.seek(0)
        last = self.file.read().decode().rstrip("\n").rpartition("\n")[2].split(",")[1:]
        return dict(zip(self.columns, map(float, last))) if last != self.columns else {}

    def add(self, day: float, columns: Mapping[str, Any]) -> None:
        """Append a row of numbers, or a row for each entry of arrays. Reading what is written gives the same bits."""
        if not self.columns:
            self.columns = list(columns)
            self.write(",".join(["day", *self.columns]) + "\n")
        elif list(columns) != self.columns:
            raise KeyError(f"the columns of {self.name} changed during the run: {set(columns) ^ set(self.columns)}")
        rows = zip(*(np.atleast_1d(column) for column in columns.values()), strict=True)
        self.write("".join(",".join(map(str, (day, *row))) + "\n" for row in rows))


class Parts:
    """A table in part files, one for each stretch between checkpoints; each frame is a row group.

    A part is named by the number of its first frame; until it is whole its name begins with a dot. Opening the table
    drops all frames from number ``n_frames`` on.
    """

    def __init__(self, folder: Path, n_frames: int):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.writer: Any = None
        for path in [*folder.glob(".part-*"), *folder.glob("part-*.parquet")]:
            if path.name.startswith(".") or int(path.stem.removeprefix("part-")) >= n_frames:
                path.unlink()
        self._begin(n_frames)

    def _begin(self, n_frames: int) -> None:
        self.path = self.folder / f"part-{n_frames:06d}.parquet"
        self.aside = self.path.with_name(f".{self.path.name}")

    def add(self, day: float, frame, own: list[str]) -> None:
        """Append a table of cells as one row group, with its day as the first column.

        own   columns beside those that every cell has; empty (NaN) where a cell has no such column
        """
        import pandas
        import pyarrow
        import pyarrow.parquet

        def numbers(name: str, dtype: type) -> Any:
            return pyarrow.array(np.asarray(frame[name] if name in frame else np.full(len(frame), np.nan), dtype))

        def words(name: str) -> Any:
            column = pandas.Categorical(frame[name]).remove_unused_categories()  # these depend on the runs beside it
            used = sorted(map(str, column.categories))
            codes = pyarrow.array(column.reorder_categories(used).codes.astype(np.int32))
            return pyarrow.DictionaryArray.from_arrays(codes, pyarrow.array(used, pyarrow.string()))

        table = pyarrow.table(
            {
                "day": pyarrow.array(np.full(len(frame), day)),
                "uid": numbers("uid", np.int64),
                **{name: words(name) for name in ("kind", "state")},
                **{name: numbers(name, np.float32) for name in ("x", "y", "z", *own)},
            }
        )
        if self.writer is None:
            self.writer = pyarrow.parquet.ParquetWriter(self.aside, table.schema, compression="zstd")
        self.writer.write_table(table)

    def settle(self, n_frames: int) -> None:
        """Finish the part, if it has any frames, and begin the one that starts with frame ``n_frames``."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None
            flush_file(self.aside)
            os.replace(self.aside, self.path)
            checkpoints.flush_folder(self.folder)
        self._begin(n_frames)

    def abandon(self) -> None:
        """Drop the part that is not whole: its frames come after the last checkpoint."""
        if self.writer is not None:
            with contextlib.suppress(OSError):
                self.writer.close()
            self.aside.unlink(missing_ok=True)


@dataclass(frozen=True)
class Layer:
    """A field or a layer of the tissue that is kept: what its numbers mean."""

    unit: str
    label: str


class Frames:
    """Fields over time in a zarr group: one array per layer (day, [z,] y, x), and the coordinates in days and um."""

    def __init__(self, path: Path, layers: Mapping[str, Layer], days: np.ndarray, shape: tuple[int, ...], voxel: float):
        import zarr

        self.path = path
        self.touched: set[int] = set()
        self.held: list[dict[str, np.ndarray]] = []
        self.next = 0  # number of the frame after those held
        frame_bytes = 4 * int(np.prod(shape))
        self.most_held = max(1, HELD_BYTES // (frame_bytes * max(1, len(layers))))
        self.per_shard = int(max(1, min(len(days), SHARD_FRAMES, SHARD_BYTES // frame_bytes)))
        for torn in path.rglob("*.partial"):
            torn.unlink()
        if not path.exists():
            aside = path.with_name(f".{path.name}")
            shutil.rmtree(aside, ignore_errors=True)
            self._create(aside, layers, days, shape, voxel)
            os.replace(aside, path)
        group = zarr.open_group(path, mode="r+")
        self.arrays: dict[str, Any] = {name: group[name] for name in layers}

    def _create(self, path, layers, days, shape, voxel):
        import zarr

        group = zarr.create_group(path, zarr_format=3)
        axes = ("z", "y", "x")[-len(shape) :]
        coordinates = {"day": (days, "d")} | {a: ((np.arange(n) + 0.5) * voxel, "um") for a, n in zip(axes, shape)}
        for name, (values, unit) in coordinates.items():
            array = group.create_array(
                name,
                shape=values.shape,
                dtype="float64",
                chunks=(max(1, len(values)),),
                dimension_names=(name,),
                attributes={"units": unit} if name != "day" else {"long_name": "day of the run"},
            )
            array[:] = values
        compressor = zarr.codecs.BloscCodec(cname="zstd", clevel=3, shuffle=zarr.codecs.BloscShuffle.shuffle)
        for name, layer in layers.items():
            group.create_array(
                name,
                shape=(len(days), *shape),
                dtype="float32",
                chunks=(1, *shape),
                shards=(self.per_shard, *shape),
                compressors=compressor,
                fill_value=float("nan"),
                dimension_names=("day", *axes),
                attributes={"units": layer.unit, "long_name": layer.label},
            )
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", zarr.errors.ZarrUserWarning
            )  # not in the standard yet, but xarray looks for it
            zarr.consolidate_metadata(path)
        for file in path.rglob("*"):
            if file.is_file():
                flush_file(file)

    def add(self, k: int, frame) -> None:
        """Take frame number ``k``; ``frame(name)`` gives the array of a layer. It is written by the next ``settle``."""
        self.held.append({name: frame(name) for name in self.arrays})
        self.next = k + 1
        if len(self.held) == self.most_held:
            self._write()

    def _write(self) -> None:
        first = self.next - len(self.held)
        if self.held:
            for name, array in self.arrays.items():
                array[first : self.next] = np.stack([frame[name] for frame in self.held])
        self.touched.update(k // self.per_shard for k in range(first, self.next))
        self.held.clear()

    def settle(self) -> None:
        """Bring the frames to the disk."""
        self._write()
        for shard in self.touched:
            for array in self.arrays.values():
                path = self.path / array.name.strip("/") / "c" / "/".join(map(str, (shard, *[0] * (array.ndim - 1))))
                if path.exists():
                    flush_file(path)
        self.touched.clear()


class Store:
    """The files of one run, opened at the state that ``counters`` of a checkpoint describe (empty: from the start)."""

    def __init__(self, folder: Path, counters: Mapping[str, int]):
        self.folder = folder
        self.checkpoint_folder = folder / CHECKPOINTS
        self.checkpoint_folder.mkdir(exist_ok=True)
        for old in self.checkpoint_folder.glob(".*.aside"):
            old.unlink()
        for name in TABLES:
            (folder / f"{name}.parquet").unlink(missing_ok=True)
        self.n_frames = counters.get("frames", 0)
        self.measures, self.profiles = (
            Table(folder / f"{name}.csv", counters.get(f"{name}_bytes", 0)) for name in TABLES
        )
        self.events = Appended(folder / EVENTS, counters.get("events_bytes", 0))
        self.cells = Parts(folder / CELLS, self.n_frames)
        self.frames: Frames | None = None

    def add_events(self, events: list[dict]) -> None:
        """Append what happened, one JSON object a line."""
        for event in events:
            self.events.write(json.dumps(event) + "\n")

    def add_frame(self, day: float, frame, cells, own: list[str]) -> None:
        """Append a frame of the layers and of the cells with their own columns."""
        assert self.frames is not None
        self.frames.add(self.n_frames, frame)
        self.cells.add(day, cells, own)
        self.n_frames += 1

    def checkpoint(self, step: int, state: Mapping[str, np.ndarray]) -> None:
        """Settle everything on the disk, then write a checkpoint that says so."""
        self.cells.settle(self.n_frames)
        if self.frames is not None:
            self.frames.settle()
        counters = {
            "step": step,
            "frames": self.n_frames,
            "measures_bytes": self.measures.settle(),
            "profiles_bytes": self.profiles.settle(),
            "events_bytes": self.events.settle(),
        }
        checkpoints.write(checkpoints.file_of(self.checkpoint_folder, step), counters, state)
        checkpoints.keep_newest(self.checkpoint_folder)

    def summarise(self) -> None:
        """Write the read-outs and the profiles as tables that load at once."""
        from abm.run_folder import read_table

        for table in (self.measures, self.profiles):
            table.settle()
            path = (self.folder / table.name).with_suffix(".parquet")
            aside = path.with_name(f".{path.name}")
            read_table(self.folder / table.name).to_parquet(aside, index=False, compression="zstd")
            os.replace(aside, path)

    def close(self) -> None:
        """Let go of the files; what is not settled is dropped at a resume."""
        self.cells.abandon()
        for file in (self.measures, self.profiles, self.events):
            file.close()


def lacking(folder: Path, counters: Mapping[str, int]) -> str:
    """Say which file of a run holds less than a checkpoint left there; nothing where all is there."""
    settled = {f"{name}.csv": counters.get(f"{name}_bytes", 0) for name in TABLES} | {
        EVENTS: counters.get("events_bytes", 0)
    }
    for name, size in settled.items():
        if size and (not (folder / name).is_file() or (folder / name).stat().st_size < size):
            return f"{name} is missing, or shorter than the {size:,} bytes it had"
    n_frames = counters.get("frames", 0)
    if n_frames and not (folder / FRAMES).is_dir():
        return f"{FRAMES} is missing, which held {n_frames} frames"
    if n_frames and not list((folder / CELLS).glob("part-000000.parquet")):
        return f"{CELLS}/part-000000.parquet is missing"
    return ""


def bytes_needed(n_frames: int, n_layers: int, voxels: int, n_cells: int, state_bytes: int) -> int:
    """Estimate what a run will write, on the low side: it serves to refuse what clearly cannot fit."""
    frames = n_frames * (4 * n_layers * voxels + CELL_BYTES * n_cells)
    return round(COMPRESSED * frames) + (checkpoints.KEPT + 1) * state_bytes
