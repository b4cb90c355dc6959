"""What lets runs be compared: one part of the tissue, one span of days, and a name and colour for each."""

from collections.abc import Sequence
from typing import Any

import panel
from bokeh.models import Range1d

from experiments.palette import ARMS
from experiments.scene import Scene
from experiments.viewer.style import html, safe

LEAST_MAP, AROUND, BELOW = 280, 190, 260  # px: of a map, what is above and below it, and charts below it


class Window:
    """The part of the tissue that all maps of a page show, and the days that all charts do."""

    def __init__(self, scene: Scene) -> None:
        left, right, low, high = scene.window
        self.x, self.y = Range1d(start=left, end=right), Range1d(start=low, end=high)
        self.days = Range1d(start=0, end=scene.last)


def columns_of(panes: Sequence[Any], names: Sequence[str]) -> list[panel.Column]:
    """Put each map under the name of its run, no higher than the window of the browser has room for."""
    alone = len(names) == 1
    room = {"max-width": f"max({LEAST_MAP}px, calc(100vh - {AROUND if alone else AROUND + BELOW}px))"}
    heads = [[] if alone else [html(arm_of(name, place))] for place, name in enumerate(names)]
    return [
        panel.Column(*head, pane, sizing_mode="stretch_width", margin=(0, 10, 0, 0), styles=room)
        for head, pane in zip(heads, panes)
    ]


def arm_of(name: str, place: int) -> str:
    """Write the name of a run with the line that it has in charts."""
    colour, style = ARMS[place]
    dash = {"-": "", "--": "7 4", "-.": "8 4 2 4", ":": "2 4"}[style]
    line = f'<line x1="0" y1="7" x2="44" y2="7" stroke="{colour}" stroke-width="4" stroke-dasharray="{dash}"/>'
    return f'<div class="arm"><svg width="52" height="14">{line}</svg>{safe(name)}</div>'
