"""Read-outs for charts, of one run or of several, with names that people read."""

from collections.abc import Sequence

from abm.config.vocabulary import BUDGET_READ_OUTS
from experiments.curves import Readout, course
from experiments.palette import ARMS
from experiments.readouts import DOSE, of_arms, of_one
from experiments.scene import Scene
from experiments.study_plan import measure_units
from experiments.viewer.key import label_of_kind
from experiments.words import plain

PARTS = {"core": "mean in the lesion", "density": "density in the lesion", "csf": "in the fluid"}
CAPITALS = ("bbb", "t2", "m1", "m2", "cd4", "cd8", "msc", "csf")
UNITS = ("_mm2", "_mm3", "_m_s", "_ms", "_per")  # at the end of the name of a column


def arms_of(scene: Scene) -> Sequence[tuple[str, str]]:
    """Colour and style of the lines of each run."""
    return ARMS[: len(scene.runs)]


def telling(scene: Scene) -> list[Readout]:
    """The read-outs that tell the course of these runs."""
    return of_one(scene, scene.runs[0]) if len(scene.runs) == 1 else of_arms(scene, scene.runs, arms_of(scene))


def columns_told(scene: Scene) -> list[str]:
    """The read-outs that people look at: all but the books of the solver."""
    columns = dict.fromkeys(column for run in scene.runs for column in run.measures)
    return [column for column in columns if column != "day" and not column.startswith(BUDGET_READ_OUTS)]


def title_of(scene: Scene, column: str) -> str:
    """Write what a read-out is: ``TNF-α, mean``, ``Th1 cells, count``, ``Axon loss``."""
    part, _, name = column.partition(".")
    fields = {name: field.label for run in scene.runs for name, field in run.config.fields.items()}
    if name in fields or any(name in run.config.cells for run in scene.runs):
        return f"{fields.get(name) or label_of_kind(scene, name)}, {PARTS.get(part, part)}"
    for unit in UNITS:
        column = column.removesuffix(unit)
    words = [word.upper() if word in CAPITALS else word for word in column.replace(".", "_").split("_")]
    return " ".join(words)[0].upper() + " ".join(words)[1:]


def readout_of(scene: Scene, column: str) -> Readout:
    """Make a read-out with a line for every run."""
    arms = arms_of(scene)
    lines = [line for run, arm in zip(scene.runs, arms) for line in course(run, column, *arm)]
    colours = [DOSE] if len(arms) == 1 else [colour for colour, _ in arms]
    doses = [(day, colour) for run, colour in zip(scene.runs, colours) for day, _ in scene.marks(run)]
    unit = measure_units(scene.runs[0].config).get(column, "1")
    return Readout(title_of(scene, column), "" if unit == "1" else plain(unit), lines, doses)


def readouts_of(scene: Scene, columns: Sequence[str]) -> list[Readout]:
    """Make the read-outs that any run has."""
    return [readout for column in columns if (readout := readout_of(scene, column)).lines]
