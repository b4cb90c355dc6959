"""The pictures of a report: a few telling days as stills, and a short film, as data URIs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from experiments.failures import Refused
from experiments.folders import scratch
from experiments.frames import clock, encoder, write_film
from experiments.render import keeps_cells, view_of
from experiments.report.readings import lesion_readings
from experiments.scene import SAME_DAY
from experiments.words import written

QUALITY = 82  # of the stills
FILM_DPI, FILM_RATE, FILM_SECONDS = 200 / 3, 16.0, 8.0  # 1280 x 720 pixels; per second
MOST_BYTES = 6_000_000  # of a film: the page is to be mailed
LARGEST = "lesion_area_mm2"


@dataclass(frozen=True)
class Still:
    """A picture, or a film, and what it shows."""

    words: str
    kind: str  # img or video
    data: str


def stills(runs: Sequence[Any]) -> list[Still]:
    """Draw the beginning, the day of the largest lesion, and the end; nothing where no cells and no fields were kept."""
    if not drawable(runs):
        return []
    page = view_of(runs, view_name(runs))
    return [Still(words, "img", _webp(page.frame(day))) for day, words in telling_days(runs)]


def drawable(runs: Sequence[Any]) -> bool:
    """Whether there is anything to draw."""
    return len(runs) > 1 or keeps_cells(runs[0]) or any(name in runs[0].layers for name in runs[0].config.fields)


def view_name(runs: Sequence[Any]) -> str | None:
    """Name the view that shows a run which kept no cells; None is the usual one."""
    return None if len(runs) > 1 or keeps_cells(runs[0]) else "fields"


def telling_days(runs: Sequence[Any]) -> list[tuple[float, str]]:
    """Choose the days that are shown, in order, and say what each is."""
    days = np.unique(np.concatenate([run.frame_days for run in runs]))
    first, last = float(days[0]), float(days[-1])
    chosen = {first: f"Day {written(first)}, start", last: f"Day {written(last)}, end"}
    for reading in lesion_readings(runs):
        if reading.column == LARGEST:
            peaks = [reading.worst(run) for run in runs if reading.course(run)]
            peak = float(days[np.argmin(np.abs(days - max(peaks)[1]))])
            if min(peak - first, last - peak) > SAME_DAY:
                chosen[peak] = f"Day {written(peak)}, largest lesion"
    return sorted(chosen.items())


def film(runs: Sequence[Any]) -> Still | None:
    """Draw all days as a short film; nothing without the encoder, of a single day, or where it would be large."""
    try:
        encoder()
    except Refused:
        return None
    plan = clock([run.frame_days for run in runs], ".mp4")
    if len(plan.days) == 1 or not drawable(runs):
        return None
    plan = clock([run.frame_days for run in runs], ".mp4", FILM_RATE, min(plan.seconds, FILM_SECONDS))
    page = view_of(runs, view_name(runs), FILM_DPI, plan.pace)
    with scratch() as folder:
        path = Path(folder) / "film.mp4"
        write_film(path, plan.days, plan.fps, page.frame)
        drawn = path.read_bytes()
    return Still("Film", "video", _uri("video/mp4", drawn)) if len(drawn) <= MOST_BYTES else None


def _webp(frame: np.ndarray) -> str:
    from PIL import Image

    drawn = BytesIO()
    Image.fromarray(np.ascontiguousarray(frame[..., :3])).save(drawn, "WEBP", quality=QUALITY, method=4)
    return _uri("image/webp", drawn.getvalue())


def _uri(kind: str, drawn: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(drawn).decode()}"
