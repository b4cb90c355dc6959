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
        self.x, self.y, self.days = Range1d(), Range1d(), Range1d(start=0)
        self.given = self.place
        self.load(scene)

    @property
    def place(self) -> tuple[Any, ...]:
        """Where the maps are: left, right, low, high."""
        return self.x.start, self.x.end, self.y.start, self.y.end

    def load(self, scene: Scene) -> None:
        """Take runs that have gone on; maps that nobody has moved go to where the lesion is now."""
        self.days.end = scene.last
        if self.place == self.given:
            self.x.start, self.x.end, self.y.start, self.y.end = self.given = scene.window


def columns_of(panes: Sequence[Any], names: Sequence[str]) -> list[panel.Column]:
    """Put each map under the name of its run, no higher than the window of the browser has room for."""
    alone = len(names) == 1
    room = {"max-width": f"max({LEAST_MAP}px, calc(100vh - {AROUND if alone else AROUND + BELOW}px))"}
    heads = [
        [] if alone else [html(arm_of(name, place), sizing_mode="stretch_width")] for place, name in enumerate(names)
    ]
    return [
        panel.Column(*head, pane, sizing_mode="stretch_width", margin=(0, 10, 0, 0), styles=room)
        for head, pane in zip(heads, panes)
    ]


def arm_of(name: str, place: int) -> str:
    """Write the name of a run with the line that it has in charts."""
    colour, style = ARMS[place]
    dash = {"-": "", "--": "7 4", "-.": "8 4 2 4", ":": "2 4"}[style]
    line = f'<line x1="0" y1="7" x2="32" y2="7" stroke="{colour}" stroke-width="4" stroke-dasharray="{dash}"/>'
    return f'<div class="arm" title="{safe(name)}"><svg width="40" height="14">{line}</svg>{safe(name)}</div>'
