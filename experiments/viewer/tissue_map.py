"""The map of the lesion of one run: tissue mixed as in the pictures, venules, and cells that tell about themselves."""

from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, Range1d
from matplotlib.colors import to_rgb

from abm.config.vocabulary import own_states
from experiments.looks import Look, group_of
from experiments.palette import BACK, CLOSED, LEAK, OPEN
from experiments.scene import SHUT_BELOW, Scene, group_rows
from experiments.viewer.ground import Ground
from experiments.words import plain

MARKERS = {"o": "circle", "D": "diamond", "s": "square", "*": "star"}
CLOSED_SIZE, OPEN_SIZE, GLOW_SIZE = 9, 16, 60  # px, of a venule
GLOW_OPACITY = 0.22
HOVERED = 4  # cells told about at a time


class TissueMap(Ground):
    """Myelin, venules and cells of one run."""

    def __init__(self, scene: Scene, x_range: Range1d, y_range: Range1d) -> None:
        super().__init__(scene, x_range, y_range)
        self.figure.image_rgba("image", x=0, y=0, dw="width", dh="height", source=self.image, level="image")
        self.venules = ColumnDataSource({name: [] for name in ("x", "y", "leak", "glow", "size", "fill", "line")})
        self.figure.scatter("x", "y", size="glow", source=self.venules, color=LEAK, alpha=GLOW_OPACITY, line_width=0)
        rings = self.figure.scatter(
            "x",
            "y",
            size="size",
            source=self.venules,
            fill_color=LEAK,
            fill_alpha="fill",
            line_color="line",
            line_width=2,
        )
        self.tell(rings, [("Venule, leak", "@leak{0.00}")])
        self.sources: dict[str, ColumnDataSource] = {}
        self.points: dict[str, Any] = {}
        self.states: dict[str, list[str]] = {}
        for name, look in scene.groups.items():
            self.add(name, look)

    def tell(self, renderer: Any, lines: list[tuple[str, str]]) -> None:
        """Let what is under the pointer say something; the texts are shown as they are."""
        self.figure.add_tools(HoverTool(renderers=[renderer], tooltips=lines, visible=False, limit=HOVERED))

    def add(self, name: str, look: Look) -> None:
        """Add a group of cells."""
        kind = group_of(name).kind
        units = own_states(kind)
        self.states[name] = list(units)
        self.sources[name] = ColumnDataSource({column: [] for column in ("x", "y", "uid", "state", *units)})
        self.points[name] = self.figure.scatter(
            "x",
            "y",
            source=self.sources[name],
            marker=MARKERS[look.marker],
            size=look.pixels,
            fill_color=look.colour,
            fill_alpha=look.opacity,
            line_color=BACK,
            line_width=look.edge_width,
        )
        lines = [(look.label, "@state"), ("uid", "@uid")]
        for state, unit in units.items():
            lines.append((f"{state.replace('_', ' ')}{'' if unit == '1' else f', {plain(unit)}'}", f"@{state}{{0.00}}"))
        self.tell(self.points[name], lines)

    def show(self, scene: Scene, run: Any, day: float, hidden: set[str]) -> None:
        """Show a day, without the groups that are hidden."""
        self.lay(scene, run, scene.tissue(run, day))
        self.show_venules(*scene.venules(run, day))
        table = scene.table(run, scene.nearest(run, day))
        rows = group_rows(table, run.config.cells)
        for name in self.points:
            self.points[name].visible = name not in hidden
            there = table.iloc[rows.get(name, [])]
            self.sources[name].data = {
                "x": there["x"].to_numpy(float),
                "y": there["y"].to_numpy(float),
                "uid": there["uid"].to_numpy(np.int32),
                "state": there["state"].astype(str).to_list(),
                **{state: there[state].to_numpy(float) for state in self.states[name] if state in there},
            }

    def show_venules(self, places: np.ndarray, leak: np.ndarray) -> None:
        """Show venules as small rings while the barrier is closed, larger ones that fill and glow as it opens."""
        opened = np.clip(leak / (2 * SHUT_BELOW), 0, 1)[:, None]
        closed, wide = (np.array(to_rgb(colour)) for colour in (CLOSED, OPEN))
        lines = (255 * (closed + (wide - closed) * opened)).astype(int)
        opened = opened[:, 0]
        self.venules.data = {
            "x": places[:, 0],
            "y": places[:, 1],
            "leak": leak,
            "glow": GLOW_SIZE * opened * np.sqrt(leak),
            "size": CLOSED_SIZE + (OPEN_SIZE - CLOSED_SIZE) * opened,
            "fill": opened * np.clip(2 * leak, 0.35, 1),
            "line": [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in lines],
        }
