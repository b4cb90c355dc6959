"""The view of the lesion: tissue and cells of every run, what they mean, and the read-outs that matter."""

from collections.abc import Sequence

import panel

from abm.run_folder import Run
from experiments.scene import SAME_DAY, Scene
from experiments.viewer.chart import Charts
from experiments.viewer.key import Key
from experiments.viewer.side_by_side import Window, columns_of
from experiments.viewer.style import html, safe
from experiments.viewer.tissue_map import TissueMap
from experiments.viewer.told import telling
from experiments.words import written

CHARTS = 4
ACROSS = {1: 1, 2: 4}  # charts in a row, by the number of runs; two where there are more
BESIDE, BELOW = 200, 210  # px, the height of a chart beside the map and below it
REST = "clamp(340px, calc(100vw - 100vh - 180px), 900px)"  # the width of charts beside a map and its legend


class LesionView:
    """Tissue and cells of every run, with a legend, and charts beside one run or below several."""

    def __init__(self, scene: Scene, names: Sequence[str], window: Window) -> None:
        alone = len(names) == 1
        self.window, self.day = window, 0.0
        self.maps: list[TissueMap] = []
        self.drawn: object = None
        self.panes = [panel.pane.Bokeh(sizing_mode="scale_width") for _ in names]
        self.key = Key(scene, lambda: self.show(self.day))
        self.charts = Charts(window.days, BESIDE if alone else BELOW, ACROSS.get(len(names), 2))
        self.notes = [html("", styles={"min-height": "24px"}) for _ in names]
        noted = [panel.Column(*each, margin=0, sizing_mode="stretch_width") for each in zip(self.panes, self.notes)]
        maps = panel.Row(*columns_of(noted, names), sizing_mode="stretch_width")
        left = panel.Column(maps, *([] if alone else [self.charts.box]), sizing_mode="stretch_width")
        self.box = panel.Row(left, self.key.box, *([self.charts.box] if alone else []), sizing_mode="stretch_width")
        if alone:
            self.charts.box.param.update(sizing_mode=None, styles={"width": REST})
        self.load(scene)

    def load(self, scene: Scene) -> None:
        """Take runs that have gone on."""
        self.scene = scene
        self.key.load(scene)
        self.charts.load(telling(scene)[:CHARTS], self.day)

    def show(self, day: float) -> None:
        """Show a day. Maps are made anew, and filled before they appear, where other cells or another place are to be seen."""
        self.day = day
        drawn = (list(self.scene.groups), self.scene.window)
        new = drawn != self.drawn
        if new:
            self.drawn = drawn
            self.maps = [TissueMap(self.scene, self.window.x, self.window.y) for _ in self.panes]
        for each, run in zip(self.maps, self.scene.runs):
            each.show(self.scene, run, day, self.key.hidden)
        for pane, each in zip(self.panes, self.maps if new else ()):
            pane.object = each.figure
        self.key.show(self.scene, day)
        self.charts.show(day)
        for note, run in zip(self.notes, self.scene.runs):
            told = [each for each in (self.scene.note(run, day), late_cells(run, day)) if each]
            note.object = f'<p class="dim">{safe("; ".join(told))}</p>'


def late_cells(run: Run, day: float) -> str:
    """Say from which day the cells are where they are older than the tissue: a run that goes on writes them at checkpoints."""
    latest = max(run.cell_groups, default=day)
    if run.info["status"] != "running" or day <= latest + SAME_DAY:
        return ""
    return f"cells of day {written(latest)}, the last checkpoint"
