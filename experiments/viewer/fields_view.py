"""The view of fields: one field or layer of the tissue of every run, on one scale."""

from collections.abc import Sequence

import panel

from experiments.scene import Scene
from experiments.viewer.chart import Charts
from experiments.viewer.field_map import FieldMap, bar_of, label_of, scale_of, shared_mapper
from experiments.viewer.key import options_of
from experiments.viewer.side_by_side import Window, columns_of
from experiments.viewer.style import WIDGET_CSS, html
from experiments.viewer.told import readouts_of

CHART, SIDE = 210, 440  # px: the height of a chart, the width of what stands beside the maps


class FieldsView:
    """One layer of every run, its scale, and its means over days."""

    def __init__(self, scene: Scene, names: Sequence[str], window: Window) -> None:
        self.day = 0.0
        self.mapper = shared_mapper()
        self.maps = [FieldMap(scene, self.mapper, window.x, window.y) for _ in names]
        panes = [panel.pane.Bokeh(each.figure, sizing_mode="scale_width") for each in self.maps]
        self.choice = panel.widgets.Select(stylesheets=[WIDGET_CSS], width=280, margin=(0, 0, 10, 0))
        self.bar = html("", sizing_mode="stretch_width")
        self.charts = Charts(window.days, CHART, 1)
        side = panel.Column(self.choice, self.bar, self.charts.box, width=SIDE, margin=(0, 0, 0, 20))
        self.box = panel.Row(*columns_of(panes, names), side, sizing_mode="stretch_width")
        self.load(scene)
        self.choice.param.watch(lambda _: self.choose(), "value")

    def load(self, scene: Scene) -> None:
        """Take runs that have gone on."""
        self.scene = scene
        kept = {name for run in scene.runs for name in run.layers}
        fields = [name for run in scene.runs for name in run.config.fields if name in kept]
        names = list(dict.fromkeys([*fields, *sorted(kept)]))
        value = self.choice.value if self.choice.value in names else names[0]
        self.choice.param.update(options=options_of((label_of(scene, name)[0], name) for name in names), value=value)
        self.choose()

    def choose(self) -> None:
        """Show the layer that was chosen."""
        name = self.choice.value
        self.mapper.low, self.mapper.high = scale_of(self.scene, name)
        outlined = any("myelin" in run.layers for run in self.scene.runs)
        self.bar.object = bar_of(self.mapper.low, self.mapper.high, *label_of(self.scene, name), outlined)
        self.charts.load(readouts_of(self.scene, [f"mean.{name}", f"core.{name}"]), self.day)
        self.show(self.day)

    def show(self, day: float) -> None:
        """Show a day."""
        self.day = day
        for each, run in zip(self.maps, self.scene.runs):
            each.show(self.scene, run, day, self.choice.value)
        self.charts.show(day)
