"""The day that is shown: buttons to play and step, and a strip of days with doses on which one clicks or drags."""

from collections.abc import Callable, Sequence

import numpy as np
import panel
from bokeh.core.properties import value
from bokeh.events import Pan, Tap
from bokeh.models import ColumnDataSource, CustomJS, HoverTool, Range1d
from bokeh.models.annotations import Span

from experiments.palette import BACK, INK, LEAK
from experiments.scene import Scene
from experiments.viewer.style import FONT, PLAYER_CSS, dark_figure, html
from experiments.words import written

PLAY_SECONDS, FASTEST = 20, 150  # how long a run plays, and the least time of a frame, ms
SOON = 40  # ms
STRIP_HEIGHT = 58  # px
GO_TO = """
const player = [...cb_obj.origin.document.all_models].find((model) => model.type.endsWith("Player"))
const away = [...stops.data.day].map((day) => Math.abs(day - cb_obj.x))
player.value = away.indexOf(Math.min(...away))
"""
BUTTONS = ["first", "previous", "pause", "play", "next", "last"]


class Clock:
    """The clock of a page; ``changed`` is called with each new day."""

    def __init__(
        self, scene: Scene, colours: Sequence[str], day: float | None, changed: Callable[[float], None]
    ) -> None:
        self.player = panel.widgets.Player(
            show_value=False,
            show_loop_controls=False,
            visible_buttons=BUTTONS,
            width=290,
            height=46,
            margin=(-2, 16, 0, 16),
        )
        self.player.stylesheets = [PLAYER_CSS]
        self.text = html("", width=250)
        self.colours = colours
        self.span = Range1d(start=0, end=1)
        self.strip = dark_figure(
            height=STRIP_HEIGHT, sizing_mode="stretch_width", x_range=self.span, y_range=(0, 1), tools=""
        )
        self.strip.toolbar_location = None
        self.strip.yaxis.visible = self.strip.ygrid.visible = False
        self.windows = ColumnDataSource({"left": [], "right": []})
        self.done = ColumnDataSource({"right": []})
        self.doses = ColumnDataSource({"day": [], "colour": [], "text": []})
        self.cursor = Span(location=0, dimension="height", line_color=INK, line_width=3)
        self.strip.quad("left", "right", 1, 0, source=self.windows, color=LEAK, alpha=0.28, line_width=0)
        self.strip.quad(0, "right", 1, 0, source=self.done, color=INK, alpha=0.12, line_width=0)
        marks = self.strip.scatter(
            "day", 0.5, source=self.doses, marker="inverted_triangle", size=16, color="colour", line_color=BACK
        )
        self.labels = ColumnDataSource({"day": [], "text": [], "shift": []})
        look = {"text_color": INK, "text_font": value(FONT), "text_font_size": "12px", "text_baseline": "middle"}
        self.strip.text("day", 0.5, "text", x_offset="shift", source=self.labels, **look)
        self.strip.add_layout(self.cursor)
        self.strip.add_tools(HoverTool(renderers=[marks], tooltips=[("day", "@day"), ("dose", "@text")]))
        self.stops = ColumnDataSource({"day": [0.0]})
        for event in (Tap, Pan):
            self.strip.js_on_event(event, CustomJS(args={"stops": self.stops}, code=GO_TO))
        self.days = np.zeros(1)
        self.load(scene)
        self.go_to(self.days[-1] if day is None else day)
        self.changed = changed
        self.waiting = False
        self.player.param.watch(lambda _: self.moved(), "value")

    @property
    def day(self) -> float:
        """The day that is shown."""
        return float(self.days[self.player.value])

    def load(self, scene: Scene) -> None:
        """Take the days of the frames there are now; a clock that stood on the last goes on with it."""
        day, follows = self.day, self.player.value == len(self.days) - 1
        self.days = np.unique(np.concatenate([run.frame_days for run in scene.runs]))
        self.stops.data = {"day": self.days}
        self.player.interval = max(1000 * PLAY_SECONDS // len(self.days), FASTEST)
        self.span.end = scene.last
        self.player.end = len(self.days) - 1
        self.go_to(self.days[-1] if follows else day)
        windows = np.array(scene.trigger(scene.runs[0])).reshape(-1, 2)
        self.windows.data = {"left": windows[:, 0], "right": np.minimum(windows[:, 1], scene.last)}
        marks = [(day, colour, text) for run, colour in zip(scene.runs, self.colours) for day, text in scene.marks(run)]
        self.doses.data = {name: [mark[i] for mark in marks] for i, name in enumerate(("day", "colour", "text"))}
        labels = [(left, "trigger", 6) for left, _ in windows[:1]] + [(day, "dose", 14) for day, _, _ in marks[:1]]
        self.labels.data = {name: [label[i] for label in labels] for i, name in enumerate(("day", "text", "shift"))}

    def go_to(self, day: float) -> None:
        """Show the frame nearest to a day."""
        self.player.value = int(np.abs(self.days - day).argmin())

    def moved(self) -> None:
        """Show the day soon: of the days that pass meanwhile, as when somebody drags, only the last is drawn."""
        page = panel.state.curdoc
        if page is None or page.session_context is None:
            self.show()
        elif not self.waiting:
            self.waiting = True
            page.add_timeout_callback(self.show, SOON)

    def show(self) -> None:
        """Bring what shows the day up to date."""
        self.waiting = False
        self.text.object = f'<div class="day">day {written(self.day)}</div>'
        self.cursor.location = self.day
        self.done.data = {"right": [self.day]}
        self.changed(self.day)
