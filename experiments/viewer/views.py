"""The views of a page: the lesion, one field, the read-outs. Each shows all runs on one day."""

from collections.abc import Sequence
from typing import Any

import panel
from bokeh.models import Range1d

from abm.config.vocabulary import BUDGET_READ_OUTS
from experiments.curves import Readout, course
from experiments.palette import ARMS
from experiments.readouts import DOSE, of_arms, of_one
from experiments.scene import Scene
from experiments.study_plan import measure_units
from experiments.viewer.chart import Charts
from experiments.viewer.field_map import FieldMap, bar_of, label_of, scale_of, shared_mapper
from experiments.viewer.key import Key, label
from experiments.viewer.style import WIDGET_CSS, html, safe
from experiments.viewer.tissue_map import TissueMap
from experiments.words import plain

MAP_SIDE = 720  # px, of a map that stands alone
CHART, LOW_CHART = 172, 210  # px, the height of a chart beside the map and below it
ACROSS = 3  # charts in a row


def arms_of(scene: Scene) -> Sequence[tuple[str, str]]:
    """Colour and style of the lines of each run."""
    return ARMS[: len(scene.runs)]


def telling(scene: Scene) -> list[Readout]:
    """The read-outs that tell the course of these runs."""
    return of_one(scene, scene.runs[0]) if len(scene.runs) == 1 else of_arms(scene, scene.runs, arms_of(scene))


class Window:
    """The part of the tissue that all maps of a page show, and the days that all charts do."""

    def __init__(self, scene: Scene) -> None:
        left, right, low, high = scene.window
        self.x, self.y, self.days = Range1d(left, right), Range1d(low, high), Range1d(0, scene.last)


def beside(figures: Sequence[Any], names: Sequence[str]) -> panel.Row:
    """Put maps side by side, each under the name of its run."""
    most = MAP_SIDE if len(figures) == 1 else None
    columns = [
        panel.Column(
            *([html(arm_of(name, place))] if len(names) > 1 else []),
            panel.pane.Bokeh(fig, sizing_mode="stretch_width"),
            sizing_mode="stretch_width",
            max_width=most,
            margin=(0, 8, 0, 0),
        )
        for place, (fig, name) in enumerate(zip(figures, names))
    ]
    return panel.Row(*columns, sizing_mode="stretch_width", max_width=most, margin=0)


def arm_of(name: str, place: int) -> str:
    """Write the name of a run with the line that it has in charts."""
    colour, style = ARMS[place]
    dash = {"-": "", "--": "7 4", "-.": "8 4 2 4", ":": "2 4"}[style]
    line = f'<line x1="0" y1="7" x2="44" y2="7" stroke="{colour}" stroke-width="4" stroke-dasharray="{dash}"/>'
    return f'<div class="arm"><svg width="52" height="14">{line}</svg>{safe(name)}</div>'


class LesionView:
    """Tissue and cells of every run, what they mean, and the read-outs that matter."""

    def __init__(self, scene: Scene, names: Sequence[str], window: Window) -> None:
        self.scene, self.day = scene, 0.0
        self.maps = [TissueMap(scene, run, window.x, window.y) for run in scene.runs]
        self.key = Key(scene, lambda: self.show(self.day))
        alone = len(scene.runs) == 1
        self.charts = Charts(window.days, CHART if alone else LOW_CHART, 1 if alone else 4)
        self.note = html("", styles={"min-height": "22px"})
        left = panel.Row(beside([each.figure for each in self.maps], names), self.key.box, sizing_mode="stretch_width")
        if alone:
            self.box = panel.Column(panel.Row(*left, self.charts.box, sizing_mode="stretch_width"), self.note)
        else:
            self.box = panel.Column(left, self.note, self.charts.box)
        self.box.sizing_mode = "stretch_width"
        self.load(scene)

    def load(self, scene: Scene) -> None:
        """Take runs that have gone on."""
        self.scene = scene
        self.key.load(scene)
        self.charts.load(telling(scene)[:4])

    def show(self, day: float) -> None:
        """Show a day."""
        self.day = day
        for each, run in zip(self.maps, self.scene.runs):
            each.show(self.scene, run, day, self.key.hidden)
        self.key.show(self.scene, day)
        self.charts.show(day)
        notes = dict.fromkeys(note for run in self.scene.runs if (note := self.scene.note(run, day)))
        self.note.object = f'<p class="dim">{safe("; ".join(notes))}</p>'


class FieldsView:
    """One field or layer of the tissue of every run, on one scale."""

    def __init__(self, scene: Scene, names: Sequence[str], window: Window) -> None:
        self.scene, self.day = scene, 0.0
        self.mapper = shared_mapper()
        self.maps = [FieldMap(scene, self.mapper, window.x, window.y) for _ in scene.runs]
        self.choice = panel.widgets.Select(stylesheets=[WIDGET_CSS], width=260, margin=0)
        self.bar = html("", sizing_mode="stretch_width", max_width=520)
        self.charts = Charts(window.days, LOW_CHART, 1)
        side = panel.Column(self.choice, self.bar, self.charts.box, width=420, margin=(0, 0, 0, 20))
        maps = beside([each.figure for each in self.maps], names)
        self.box = panel.Row(maps, side, sizing_mode="stretch_width")
        self.load(scene)
        self.choice.param.watch(lambda _: self.choose(), "value")

    def load(self, scene: Scene) -> None:
        """Take runs that have gone on."""
        self.scene = scene
        kept = {name for run in scene.runs for name in run.layers}
        fields = [name for run in scene.runs for name in run.config.fields if name in kept]
        names = list(dict.fromkeys([*fields, *sorted(kept - set(fields))]))
        value = self.choice.value if self.choice.value in names else names[0]
        self.choice.param.update(options={label_of(scene, name)[0]: name for name in names}, value=value)
        self.choose()

    def choose(self) -> None:
        """Show the field that was chosen."""
        name = self.choice.value
        self.mapper.low, self.mapper.high = scale_of(self.scene, name)
        self.bar.object = bar_of(self.mapper.low, self.mapper.high, *label_of(self.scene, name))
        found = [readout_of(self.scene, f"{part}.{name}") for part in ("mean", "core")]
        self.charts.load([readout for readout in found if readout.lines])
        self.show(self.day)

    def show(self, day: float) -> None:
        """Show a day."""
        self.day = day
        for each, run in zip(self.maps, self.scene.runs):
            each.show(self.scene, run, day, self.choice.value)
        self.charts.show(day)


class SeriesView:
    """Read-outs over days, chosen from all there are."""

    def __init__(self, scene: Scene, names: Sequence[str], window: Window) -> None:
        self.scene, self.day = scene, 0.0
        self.charts = Charts(window.days, LOW_CHART, ACROSS)
        self.choice = panel.widgets.MultiChoice(
            placeholder="add a read-out", stylesheets=[WIDGET_CSS], sizing_mode="stretch_width", margin=0
        )
        arms = panel.Row(*(html(arm_of(name, place), margin=(0, 30, 0, 0)) for place, name in enumerate(names)))
        self.box = panel.Column(self.choice, arms if len(names) > 1 else None, self.charts.box)
        self.box.sizing_mode = "stretch_width"
        self.load(scene)
        self.choice.param.watch(lambda _: self.load(self.scene), "value")

    def load(self, scene: Scene) -> None:
        """Take runs that have gone on."""
        self.scene = scene
        columns = dict.fromkeys(column for run in scene.runs for column in run.measures if is_told(column))
        self.choice.options = {title_of(scene, column): column for column in columns}
        chosen = [readout_of(scene, column) for column in self.choice.value]
        self.charts.load([*telling(scene), *(readout for readout in chosen if readout.lines)])
        self.show(self.day)

    def show(self, day: float) -> None:
        """Show a day."""
        self.day = day
        self.charts.show(day)


def is_told(column: str) -> bool:
    """Whether a column is a read-out that people look at, and not of the books of the solver."""
    return column != "day" and not column.startswith(BUDGET_READ_OUTS)


def title_of(scene: Scene, column: str) -> str:
    """Write what a read-out is: ``TNF-α, mean``, ``Th1 cells, count``, ``axon loss``."""
    part, _, name = column.partition(".")
    run = scene.runs[0]
    if name in run.config.fields:
        return f"{run.config.fields[name].label}, {part}"
    if name in run.config.cells:
        return f"{label(scene, name)}, {part}"
    return column.removesuffix("_mm2").removesuffix("_mm3").replace("_", " ").replace(".", " ")


def readout_of(scene: Scene, column: str) -> Readout:
    """Make a read-out with a line for every run."""
    unit = measure_units(scene.runs[0].config).get(column, "1")
    arms = arms_of(scene)
    lines = [line for run, arm in zip(scene.runs, arms) for line in course(run, column, *arm)]
    doses = [
        (day, DOSE if len(arms) == 1 else colour)
        for run, (colour, _) in zip(scene.runs, arms)
        for day, _ in scene.marks(run)
    ]
    return Readout(title_of(scene, column), "" if unit == "1" else plain(unit), lines, doses)
