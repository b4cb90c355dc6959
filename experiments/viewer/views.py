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
from experiments.viewer.key import CHOICE_CSS, Key, dot, label
from experiments.viewer.style import WIDGET_CSS, html, safe
from experiments.viewer.tissue_map import TissueMap
from experiments.words import plain

LEAST_MAP, AROUND, BELOW = 280, 190, 260  # px: of a map, what is above and below it, and charts below it
CHART, LOW_CHART = 200, 210  # px, the height of a chart beside the map and below it
ACROSS = 3  # charts in a row
PARTS = {"core": "mean in the lesion", "density": "density in the lesion", "csf": "in the fluid"}
SHORT_WORDS = ("bbb", "t2", "m1", "m2", "cd4", "cd8", "msc", "csf")  # written in capitals
LIST_WIDTH = 270  # px, of the list of read-outs
SCROLLED = {"overflow-y": "auto", "overflow-x": "hidden", "max-height": "calc(100vh - 180px)"}

REST = "clamp(340px, calc(100vw - 100vh - 180px), 900px)"  # the width of charts beside a map and its legend


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


def beside(panes: Sequence[Any], names: Sequence[str]) -> list[panel.Column]:
    """Put maps side by side, each under the name of its run, no higher than the window of the browser has room for."""
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


class LesionView:
    """Tissue and cells of every run, what they mean, and the read-outs that matter."""

    def __init__(self, scene: Scene, names: Sequence[str], window: Window) -> None:
        self.scene, self.day = scene, 0.0
        self.window = window
        self.maps: list[TissueMap] = []
        self.panes = [panel.pane.Bokeh(sizing_mode="scale_width") for _ in scene.runs]
        self.key = Key(scene, lambda: self.show(self.day))
        alone = len(scene.runs) == 1
        self.charts = Charts(window.days, CHART if alone else LOW_CHART, 1 if alone else 4)
        self.note = html("", styles={"min-height": "22px"})
        maps = beside(self.panes, names)
        if alone:
            self.charts.box.param.update(sizing_mode=None, styles={"width": REST})
            left, right = panel.Column(*maps, self.note, sizing_mode="stretch_width"), [self.key.box, self.charts.box]
        else:
            left, right = (
                panel.Column(panel.Row(*maps), self.note, self.charts.box, sizing_mode="stretch_width"),
                [self.key.box],
            )
        self.box = panel.Row(left, *right)
        self.box.sizing_mode = "stretch_width"
        self.load(scene)

    def load(self, scene: Scene) -> None:
        """Take runs that have gone on."""
        self.scene = scene
        self.key.load(scene)
        self.charts.load(telling(scene)[:4])
        if (
            not self.maps or self.maps[0].points.keys() != scene.groups.keys()
        ):  # cells of a kind are there for the first time
            self.maps = [TissueMap(scene, self.window.x, self.window.y) for _ in scene.runs]
            for pane, each in zip(self.panes, self.maps):
                pane.object = each.figure

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
        self.panes = [panel.pane.Bokeh(each.figure, sizing_mode="scale_width") for each in self.maps]
        self.choice = panel.widgets.Select(stylesheets=[WIDGET_CSS], width=260, margin=0)
        self.bar = html("", sizing_mode="stretch_width", max_width=520)
        self.charts = Charts(window.days, LOW_CHART, 1)
        side = panel.Column(self.choice, self.bar, self.charts.box, width=440, margin=(0, 0, 0, 20))
        self.box = panel.Row(*beside(self.panes, names), side, sizing_mode="stretch_width")
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
        outline = any("myelin" in run.layers for run in self.scene.runs)
        self.bar.object = bar_of(self.mapper.low, self.mapper.high, *label_of(self.scene, name), outline)
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
        self.choice = panel.widgets.CheckBoxGroup(stylesheets=[WIDGET_CSS, CHOICE_CSS], margin=0, width=LIST_WIDTH)
        choices = panel.Column(self.choice, width=LIST_WIDTH, styles=SCROLLED, margin=(0, 20, 0, 0))
        arms = panel.Row(*(html(arm_of(name, place), margin=(0, 30, 0, 0)) for place, name in enumerate(names)))
        colours = arms if len(names) > 1 else html(line_key(scene))
        charts = panel.Column(colours, self.charts.box, sizing_mode="stretch_width")
        self.box = panel.Row(choices, charts, sizing_mode="stretch_width")
        self.load(scene)
        self.choice.param.watch(lambda _: self.load(self.scene), "value")

    def load(self, scene: Scene) -> None:
        """Take runs that have gone on."""
        self.scene = scene
        columns = dict.fromkeys(column for run in scene.runs for column in run.measures if is_told(column))
        options = {title_of(scene, column): column for column in columns}
        if options != self.choice.options:
            self.choice.param.update(
                options=options, value=[column for column in self.choice.value if column in columns]
            )
        chosen = [readout_of(scene, column) for column in self.choice.value]
        self.charts.load([*telling(scene), *(readout for readout in chosen if readout.lines)])
        self.show(self.day)

    def show(self, day: float) -> None:
        """Show a day."""
        self.day = day
        self.charts.show(day)


def line_key(scene: Scene) -> str:
    """Say which line of cells is which."""
    cells = scene.runs[0].config.cells
    marks = ((cells[kind].colour, cells[kind].label) for kind in scene.counted() if kind in cells)
    return " ".join(
        f'<span style="white-space: nowrap; margin-right: 14px">{dot(colour)} {safe(words)}</span>'
        for colour, words in marks
    )


def is_told(column: str) -> bool:
    """Whether a column is a read-out that people look at, and not of the books of the solver."""
    return column != "day" and not column.startswith(BUDGET_READ_OUTS)


def title_of(scene: Scene, column: str) -> str:
    """Write what a read-out is: ``TNF-α, mean``, ``Th1 cells, count``, ``axon loss``."""
    part, _, name = column.partition(".")
    run = scene.runs[0]
    if name in run.config.fields or name in run.config.cells:
        what = run.config.fields[name].label if name in run.config.fields else label(scene, name)
        return f"{what}, {PARTS.get(part, part)}"
    for unit in ("_mm2", "_mm3", "_m_s", "_ms", "_per"):
        column = column.removesuffix(unit)
    words = column.replace(".", "_").split("_")
    return " ".join(
        word.upper() if word.lower() in SHORT_WORDS else word for word in [words[0].capitalize(), *words[1:]]
    )


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
