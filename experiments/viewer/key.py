"""What the colours and marks of the lesion mean, how many there are, and which cells are shown."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import panel

from experiments.curves import course
from experiments.looks import Look, group_names
from experiments.palette import BACK, CLOSED, DIM, LEAK, OPEN
from experiments.scene import Scene
from experiments.view import TISSUE, VENULES
from experiments.viewer.style import CHOICE_CSS, WIDGET_CSS, html, safe

WIDTH, NUMBER = 238, 62  # px, of the names and of a column of numbers
MARK = 26  # px, the room of a mark
SHAPES = {
    "o": '<circle cx="11" cy="11" r="6.5" {look}/>',
    "D": '<path d="M11 4 L16 11 L11 18 L6 11 Z" {look}/>',
    "s": '<rect x="5.5" y="5.5" width="11" height="11" {look}/>',
    "*": '<path d="M11 1.5 L13.4 8 L20.4 8.3 L14.9 12.6 L16.8 19.3 L11 15.4 L5.2 19.3 L7.1 12.6 L1.6 8.3 L8.6 8 Z" {look}/>',
}


def mark(shape: str, **look: object) -> str:
    """Draw a mark of the legend."""
    drawn = shape.format(look=" ".join(f'{name.replace("_", "-")}="{safe(value)}"' for name, value in look.items()))
    return f'<svg width="22" height="22" style="vertical-align: middle">{drawn}</svg>'


def mark_of(look: Look) -> str:
    """Draw a cell as it looks on the map."""
    return mark(SHAPES[look.marker], fill=look.colour, fill_opacity=look.opacity, stroke=BACK)


def options_of(named: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What a widget offers, by labels of which no two are the same."""
    pairs = list(named)
    times = Counter(label for label, _ in pairs)
    return {label if times[label] == 1 else f"{label} ({name})": name for label, name in pairs}


def dot(colour: str) -> str:
    """Draw the mark of a line of a chart."""
    return mark(SHAPES["o"], fill=colour)


def row_of(drawn: str, words: str, numbers: Sequence[int] = ()) -> str:
    """Write a row of the legend."""
    cells = "".join(f'<td class="number" style="width: {NUMBER - 10}px">{number:,}</td>' for number in numbers)
    return f'<tr><td style="width: {MARK}px">{drawn}</td><td>{safe(words)}</td>{cells}</tr>'


def table_of(rows: Sequence[str], classes: str = "key") -> str:
    return f'<table class="{classes}">{"".join(rows)}</table>'


class Key:
    """The legend of the lesion; ``changed`` is called when cells are shown or hidden."""

    def __init__(self, scene: Scene, changed: Callable[[], None]) -> None:
        width = WIDTH + NUMBER * len(scene.runs)
        self.tissue, self.others = (html("", width=width) for _ in range(2))
        self.marks, self.counts = html("", width=MARK), html("", width=NUMBER * len(scene.runs))
        self.choice = panel.widgets.CheckBoxGroup(stylesheets=[WIDGET_CSS, CHOICE_CSS], margin=0, width=WIDTH - MARK)
        self.names: list[str] = []
        self.load(scene)
        self.choice.value = list(self.choice.options.values())
        self.choice.param.watch(lambda _: changed(), "value")
        self.box = panel.Column(
            self.tissue,
            html(f"<h2>Cells <span class='dim' style='font-weight: 400'>{safe(scene.where)}</span></h2>"),
            panel.Row(self.marks, self.choice, self.counts, margin=0),
            self.others,
            width=width,
            margin=(0, 0, 0, 20),
        )

    @property
    def hidden(self) -> set[str]:
        """The groups of cells that are not to be shown."""
        return set(self.names) - set(self.choice.value)

    def load(self, scene: Scene) -> None:
        """List the groups of cells there are now; those that are new are shown."""
        described = {kind: cell for run in scene.runs for kind, cell in run.config.cells.items()}
        names = [name for name in group_names(described) if name in scene.groups]
        if names != self.names:
            shown = [name for name in names if name in self.choice.value or name not in self.names]
            self.names = names
            self.choice.param.update(
                options=options_of((scene.groups[name].label, name) for name in names), value=shown
            )
            self.marks.object = table_of([f"<tr><td>{mark_of(scene.groups[name])}</td></tr>" for name in names])

    def show(self, scene: Scene, day: float) -> None:
        """Count what there is on a day."""
        if not scene.dish:
            self.tissue.object = "<h2>Tissue</h2>" + table_of([*tissue_rows(), *venule_rows(scene, day)])
        counts = [[scene.count(run, name, day) for run in scene.runs] for name in self.names]
        self.counts.object = table_of([row_of("", "", each) for each in counts])
        undrawn = dict.fromkeys(kind for run in scene.runs for kind in scene.roster(run)[1])
        rows = [row_of("", label_of_kind(scene, kind), counts_of(scene, kind, day)) for kind in undrawn]
        self.others.object = (
            "<h2>&nbsp;<span class='dim' style='font-weight: 400'>not drawn</span></h2>" + table_of(rows, "key dim")
            if rows
            else ""
        )


def counts_of(scene: Scene, kind: str, day: float) -> list[int]:
    """Cells of a kind that is not drawn, in each run; none in a run that does not have the kind."""
    return [scene.count(run, kind, day) if course(run, f"count.{kind}", "") else 0 for run in scene.runs]


def label_of_kind(scene: Scene, kind: str) -> str:
    """What people call a kind of cell."""
    return next(run.config.cells[kind].label for run in scene.runs if kind in run.config.cells)


def tissue_rows() -> list[str]:
    """The colours of the tissue."""
    square = '<rect x="1" y="1" width="19" height="19" rx="2" {look}/>'
    return [row_of(mark(square, fill=colour, stroke=DIM), words) for colour, words in TISSUE]


def venule_rows(scene: Scene, day: float) -> list[str]:
    """Venules whose barrier is closed, and open, with their numbers."""
    if not any(len(scene.moment(run, 0).venules) for run in scene.runs):
        return []
    ring = '<circle cx="11" cy="11" {look}/>'
    marks = (
        mark(ring, r=4, fill="none", stroke=CLOSED, stroke_width=1.5),
        mark(ring, r=7, fill=LEAK, stroke=OPEN, stroke_width=2),
    )
    counts = [[scene.venules_that(run, day, leak=leak > 0) for run in scene.runs] for leak, _ in VENULES]
    return [row_of(drawn, words, numbers) for drawn, (_, words), numbers in zip(marks, VENULES, counts)]
