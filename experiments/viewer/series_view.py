"""The view of read-outs over days, chosen from all there are."""

from collections.abc import Sequence

import panel

from experiments.scene import Scene
from experiments.viewer.chart import Charts
from experiments.viewer.key import dot, options_of
from experiments.viewer.side_by_side import Window, arm_of
from experiments.viewer.style import CHOICE_CSS, WIDGET_CSS, html, safe
from experiments.viewer.told import columns_told, readouts_of, telling, title_of

ACROSS, CHART = 3, 210  # charts in a row, and their height, px
LIST = 270  # px, the width of the list of read-outs
SCROLLED = {"overflow-y": "auto", "overflow-x": "hidden", "max-height": "calc(100vh - 180px)"}


class SeriesView:
    """The read-outs that tell the course of the runs, and those that were ticked."""

    def __init__(self, scene: Scene, names: Sequence[str], window: Window) -> None:
        self.day = 0.0
        self.charts = Charts(window.days, CHART, ACROSS)
        self.choice = panel.widgets.CheckBoxGroup(stylesheets=[WIDGET_CSS, CHOICE_CSS], margin=0, width=LIST - 20)
        choices = panel.Column(self.choice, width=LIST, styles=SCROLLED, margin=(0, 20, 0, 0))
        arms = [html(arm_of(name, place), margin=(0, 30, 0, 0)) for place, name in enumerate(names)]
        colours = panel.Row(*arms) if len(names) > 1 else html(cell_colours(scene), sizing_mode="stretch_width")
        self.box = panel.Row(
            choices, panel.Column(colours, self.charts.box, sizing_mode="stretch_width"), sizing_mode="stretch_width"
        )
        self.load(scene)
        self.choice.param.watch(lambda _: self.load(self.scene), "value")

    def load(self, scene: Scene) -> None:
        """Take runs that have gone on, or another choice."""
        self.scene = scene
        options = options_of((title_of(scene, column), column) for column in columns_told(scene))
        if options != self.choice.options:
            self.choice.param.update(options=options, value=self.choice.value)
        self.charts.load([*telling(scene), *readouts_of(scene, self.choice.value)], self.day)

    def show(self, day: float) -> None:
        """Show a day."""
        self.day = day
        self.charts.show(day)


def cell_colours(scene: Scene) -> str:
    """Say which line of cells is which."""
    cells = scene.runs[0].config.cells
    return "".join(
        f'<span style="white-space: nowrap; margin-right: 16px">{dot(cells[kind].colour)} {safe(cells[kind].label)}</span>'
        for kind in scene.counted()
        if kind in cells
    )
