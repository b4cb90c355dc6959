"""Which moments a film shows, and how its frames become an mp4, a gif or a png.

Frames are arrays of RGBA bytes and are written as they come: a film of any length holds one frame in memory. Files are
written aside and renamed, so a stopped film leaves no half file behind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.failures import Refused

SHOWN_SECONDS, SHORTEST_SECONDS = 20.0, 2.0
STORED_PER_SECOND = 8  # a run with few frames makes a shorter film
RATES = {".mp4": 24.0, ".gif": 12.5}
MOST_SECONDS = {".mp4": SHOWN_SECONDS, ".gif": 16.0}
GIF_COLOURS = 255  # the last of 256 leaves what did not change
PALETTE_FROM = 12  # frames
PALETTE_STRIDE = 3  # pixels


@dataclass(frozen=True)
class Clock:
    """The days a film shows, one per frame, and its frames per second."""

    days: np.ndarray
    fps: float

    @property
    def seconds(self) -> float:
        return len(self.days) / self.fps

    @property
    def pace(self) -> float:
        """Days that a second shows."""
        return float(self.days[-1] - self.days[0]) / self.seconds


def clock(stored: list[np.ndarray], suffix: str, fps: float | None = None, seconds: float | None = None) -> Clock:
    """Choose the days to show, evenly from the first to the last that any run stored.

    stored       the frame days of each run
    suffix       ".mp4" or ".gif"; a gif is slower and shorter, to stay small

    Left alone, the film lasts 20 s at 24 frames a second, less where few frames are stored.
    """
    rate = fps or RATES[suffix]
    first, last = min(days[0] for days in stored), max(days[-1] for days in stored)
    if first == last:
        return Clock(np.array([first]), rate)
    wanted = max(len(days) for days in stored) / STORED_PER_SECOND
    lasts = seconds or min(max(wanted, SHORTEST_SECONDS), MOST_SECONDS[suffix])
    return Clock(np.linspace(first, last, max(round(lasts * rate), 1)), rate)


def write_film(path: Path, days: Iterable[float], fps: float, draw: Callable[[float], np.ndarray]) -> None:
    """Draw each day and write it into the kind of film that the name of ``path`` asks for."""
    writer = {".mp4": write_mp4, ".gif": write_gif}[path.suffix.lower()]
    with written_aside(path) as aside:
        writer(aside, list(days), fps, draw)


def write_mp4(path: Path, days: list[float], fps: float, draw: Callable[[float], np.ndarray]) -> None:
    """Write H.264 in yuv420p, which every browser and slide program plays; frame sizes must be even."""
    imageio_ffmpeg = encoder()
    height, width = draw(days[0]).shape[:2]
    film = imageio_ffmpeg.write_frames(
        str(path),
        (width, height),
        pix_fmt_in="rgba",
        pix_fmt_out="yuv420p",
        fps=fps,
        codec="libx264",
        quality=None,
        macro_block_size=2,
        output_params=["-preset", "veryfast", "-crf", "18", "-tune", "animation", "-movflags", "+faststart"],
    )
    film.send(None)
    try:
        for day in days:
            film.send(np.ascontiguousarray(draw(day)))
    finally:
        film.close()


def encoder() -> Any:
    """Give the module that carries the mp4 encoder, or say how to get it."""
    try:
        import imageio_ffmpeg
    except ImportError:
        raise Refused(
            "an mp4 needs the package imageio-ffmpeg, which is not installed: "
            'pip install "remyelin[video]"; a gif works without it: -o FILE.gif'
        ) from None
    return imageio_ffmpeg


def write_gif(path: Path, days: list[float], fps: float, draw: Callable[[float], np.ndarray]) -> None:
    """Write a gif that loops, with one palette for all frames so that colours do not flicker.

    Each frame is written when it is drawn, and holds only what changed: the box around it, clear where nothing did.
    """
    from PIL import GifImagePlugin, Image

    spread = np.linspace(0, len(days) - 1, PALETTE_FROM).astype(int)
    sample = np.concatenate([draw(days[i])[::PALETTE_STRIDE, ::PALETTE_STRIDE, :3] for i in spread])
    palette = Image.fromarray(np.ascontiguousarray(sample)).quantize(GIF_COLOURS, Image.Quantize.FASTOCTREE)
    timing: dict[str, Any] = {"duration": round(100 / fps) * 10, "disposal": 1}
    before: np.ndarray | None = None
    with open(path, "wb") as file:
        for day in days:
            frame = Image.fromarray(np.ascontiguousarray(draw(day)[..., :3]))
            indexed = frame.quantize(palette=palette, dither=Image.Dither.NONE)
            now = np.asarray(indexed)
            if before is None:
                blocks, _ = GifImagePlugin.getheader(indexed, info={"loop": 0, **timing})
                for block in [*blocks, *GifImagePlugin.getdata(indexed, **timing)]:
                    file.write(block)
            else:
                top, left, part = changes(before, now)
                image = Image.fromarray(part)
                image.putpalette(palette.getpalette() or [])
                for block in GifImagePlugin.getdata(image, (left, top), transparency=GIF_COLOURS, **timing):
                    file.write(block)
            before = now
        file.write(b";")


def changes(before: np.ndarray, now: np.ndarray) -> tuple[int, int, np.ndarray]:
    """Cut out the box of what changed: its top, its left, and the pixels, clear where nothing did."""
    changed = before != now
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not rows.size:
        rows = columns = np.zeros(1, int)
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return int(rows[0]), int(columns[0]), np.where(changed[box], now[box], np.uint8(GIF_COLOURS))


def write_png(path: Path, frame: np.ndarray, dpi: float) -> None:
    """Write one frame as a still picture."""
    from PIL import Image

    with written_aside(path) as aside:
        Image.fromarray(np.ascontiguousarray(frame[..., :3])).save(aside, dpi=(dpi, dpi))


def check_name(path: Path, allowed: tuple[str, ...]) -> None:
    """Refuse, before anything is drawn, a file that could not be written."""
    if path.suffix.lower() not in allowed:
        raise Refused(f"{path}: the name must end in {' or '.join(allowed)}")
    if path.is_dir():
        raise Refused(f"{path} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise Refused(f"{path}: there is no folder {path.parent}; make it first")
    if not os.access(path.parent, os.W_OK):
        raise Refused(f"{path}: the folder {path.parent.absolute()} cannot be written to; choose another with -o")


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a name to write to, renamed to ``path`` when all went well and removed when not."""
    aside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix.lower()}")
    try:
        yield aside
        os.replace(aside, path)
    except OSError as problem:
        raise Refused(f"{path} cannot be written: {problem.strerror or problem}") from None
    finally:
        aside.unlink(missing_ok=True)
