"""A page: the runs that its address names, on one clock, followed while they go on."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import panel

from abm.config import ConfigError
from abm.run_folder import Run
from experiments.failures import Refused
from experiments.labels import arm_names
from experiments.palette import ARMS
from experiments.render import check_grids, shows_lesion
from experiments.scene import Scene
from experiments.status import Row
from experiments.viewer.clock import Clock
from experiments.viewer.fields_view import FieldsView
from experiments.viewer.lesion_view import LesionView
from experiments.viewer.series_view import SeriesView
from experiments.viewer.shelf import Shelf
from experiments.viewer.side_by_side import Window
from experiments.viewer.style import WIDGET_CSS, html, safe
from experiments.words import NOTICE, written

POLL = 3000  # ms, between two looks at the folders
MAP_PIXELS = 640  # the side of a map for which the sizes of cells are chosen
VIEWS = {"lesion": LesionView, "fields": FieldsView, "series": SeriesView}


class Page:
    """Runs side by side. ``asked`` is what the address says: ``view`` and ``day``."""

    def __init__(self, shelf: Shelf, names: Sequence[str], asked: Mapping[str, str]) -> None:
        self.shelf, self.names = shelf, names
        self.runs = [shelf.run(name) for name in names]
        check_grids(self.runs)
        self.scene = Scene(self.runs, MAP_PIXELS / len(self.runs) ** 0.5)
        self.window = Window(self.scene)
        self.arms = arm_names(self.runs)
        kinds = [kind for kind in VIEWS if self.offers(kind)]
        first = asked.get("view", kinds[0])
        self.choice = panel.widgets.RadioButtonGroup(
            options={self.title_of(kind): kind for kind in kinds},
            value=first if first in kinds else kinds[0],
            stylesheets=[WIDGET_CSS],
            margin=(4, 0, 0, 0),
            width=330,
        )
        self.made: dict[str, Any] = {}
        self.body = panel.Column(sizing_mode="stretch_width", margin=(12, 0, 0, 0))
        self.states = html("")
        self.address = panel.widgets.TextInput(visible=False)
        self.address.jscallback(value="history.replaceState(null, '', source.value)")
        self.clock = Clock(self.scene, [colour for colour, _ in ARMS], day_of(asked), lambda _: self.show())
        self.choice.param.watch(lambda _: self.show(), "value")
        self.clock.player.param.watch(lambda _: self.say_where(), "direction")
        self.tell_states()
        self.clock.show()

    def offers(self, kind: str) -> bool:
        """Whether the runs have what a view shows."""
        if kind == "fields":
            return any(run.layers for run in self.runs)
        return kind != "lesion" or any(shows_lesion(run) for run in self.runs)

    def title_of(self, kind: str) -> str:
        """Write the name of a view; a dish has no lesion."""
        return "Cells" if kind == "lesion" and self.scene.dish else kind.capitalize()

    @property
    def view(self) -> Any:
        """The view that is chosen; it is made when it is first looked at."""
        kind = self.choice.value
        if kind not in self.made:
            self.made[kind] = VIEWS[kind](self.scene, self.arms, self.window)
        return self.made[kind]

    @property
    def box(self) -> panel.Column:
        """All of the page."""
        title = self.runs[0].config.title if len({run.config.title for run in self.runs}) == 1 else "Runs side by side"
        arms = self.arms[0] if len(self.arms) == 1 else f"{len(self.arms)} runs on one clock"
        size = " × ".join(f"{side / 1000:g}" for side in self.runs[0].config.grid.size)
        back = '<a href="?">all runs</a> · ' if len(self.shelf.folders) > len(self.names) else ""
        head = f"<h1>{safe(title)}</h1><p>{back}{safe(arms)} · {size} mm</p>"
        return panel.Column(
            panel.Row(
                panel.Column(html(head), self.states, margin=0, sizing_mode="stretch_width"),
                panel.Column(self.clock.text, html(f'<p class="notice">{NOTICE}</p>', width=250), margin=0),
                sizing_mode="stretch_width",
            ),
            panel.Row(
                self.choice,
                self.clock.player,
                panel.pane.Bokeh(self.clock.strip, sizing_mode="stretch_width"),
                sizing_mode="stretch_width",
                margin=(10, 0, 0, 0),
            ),
            self.body,
            self.address,
            sizing_mode="stretch_width",
        )

    def show(self) -> None:
        """Show the day of the clock in the view that is chosen."""
        with panel.io.hold():
            view = self.view
            view.show(self.clock.day)
            if list(self.body) != [view.box]:
                self.body.objects = [view.box]
        if not self.clock.player.direction:
            self.say_where()

    def say_where(self) -> None:
        """Write the runs, the day and the view into the address, so that it can be kept and sent."""
        day = written(self.clock.day)
        asked = [*(("run", name) for name in self.names), ("view", self.choice.value), ("day", day)]
        self.address.value = f"?{urlencode(asked)}"

    def follow(self) -> None:
        """Look at the folders again, and go on with runs that have gone on."""
        try:
            runs = [self.shelf.run(name) for name in self.names]
            changed = any(new is not old for new, old in zip(runs, self.runs))
            scene = Scene(runs, MAP_PIXELS / len(runs) ** 0.5) if changed else self.scene
        except (ConfigError, Refused) as failure:  # the folder is gone, or being copied
            self.states.object = f'<p class="state">{safe(failure)}</p>'
            return
        if changed:
            self.runs, self.scene = runs, scene
            self.window.load(self.scene)
            for view in self.made.values():
                view.load(self.scene)
            self.clock.load(self.scene)
            self.clock.show()
        self.tell_states()

    def tell_states(self) -> None:
        """Say how far runs are that are not done."""
        told = [state_of(self.shelf.row(name), run) for name, run in zip(self.names, self.runs)]
        self.states.object = "".join(f'<p class="state">{safe(each)}</p>' for each in told if each)


def state_of(row: Row, run: Run) -> str:
    """Say how far a run is, and why it goes no further; nothing of one that is done."""
    _, _, _, status, day, what = row
    if status == "running":
        return f"{run.folder.name}: running, day {day} of {written(run.config.time.days / 24)}; this page follows"
    return f"{run.folder.name}: {status} on day {day}; {what}" if status != "done" else ""


def day_of(asked: Mapping[str, str]) -> float | None:
    """The day that an address asks for, if it is one."""
    try:
        day = float(asked["day"])
    except (KeyError, ValueError):
        return None
    return day if abs(day) < float("inf") else None
