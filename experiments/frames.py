"""Which moments a film shows, and how its frames become an mp4, a gif or a png.

Frames are arrays of RGBA bytes and are written as they come: a film of any length holds one frame in memory (a gif
holds its compressed frames). Files are written aside and renamed, so a stopped film leaves no half file behind.
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

SHOWN_SECONDS = 20
SLOWEST, FASTEST = 8, 24
MOST_FRAMES = {".mp4": 480, ".gif": 200}
GIF_FASTEST = 12.5
GIF_COLOURS = 255
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


def clock(stored: list[np.ndarray], suffix: str, fps: float | None = None, seconds: float | None = None) -> Clock:
    """Choose the days to show from the days each run stored; nothing between two stored frames is invented.

    stored       the frame days of each run; the longest run sets the clock for all
    suffix       ".mp4" or ".gif"; a gif is slower and shorter, to stay small

    Left alone, every stored frame is shown at the speed that lasts about 20 s. With ``seconds`` or ``fps`` frames are
    skipped evenly, or shown more than once, to keep what was asked.
    """
    days = max(stored, key=lambda one: (one[-1], len(one)))
    fastest = GIF_FASTEST if suffix == ".gif" else FASTEST
    rate = fps or min(max(len(days) / (seconds or SHOWN_SECONDS), SLOWEST), fastest)
    n = round(seconds * rate) if seconds else min(len(days), MOST_FRAMES[suffix])
    return Clock(days[np.linspace(0, len(days) - 1, max(n, 1)).round().astype(int)], rate)


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
    """Write a gif that loops, with one palette for all frames so that colours do not flicker."""
    from PIL import Image

    spread = np.linspace(0, len(days) - 1, PALETTE_FROM).astype(int)
    sample = np.concatenate([draw(days[i])[::PALETTE_STRIDE, ::PALETTE_STRIDE, :3] for i in spread])
    palette = Image.fromarray(np.ascontiguousarray(sample)).quantize(GIF_COLOURS, Image.Quantize.FASTOCTREE)

    def paletted(day: float) -> Image.Image:
        frame = Image.fromarray(np.ascontiguousarray(draw(day)[..., :3]))
        return frame.quantize(palette=palette, dither=Image.Dither.NONE)

    rest = (paletted(day) for day in days[1:])
    paletted(days[0]).save(path, save_all=True, append_images=rest, duration=round(100 / fps) * 10, loop=0)


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
