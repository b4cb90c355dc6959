"""Which read-outs tell the course of a lesion, of one run and of several side by side, as far as the runs have them."""

from collections.abc import Sequence
from typing import Any

from experiments.curves import Line, Readout, cell_lines, course, m1_share
from experiments.looks import group_of
from experiments.palette import INK, LEAK, M1_LIKE, REMYELINATED

DOSE = "#ffffff"


def of_one(scene: Any, run: Any) -> list[Readout]:
    """The read-outs of one run: the lesion, its cells, how inflamed they are, the barrier."""
    doses = [(day, DOSE) for day, _ in scene.marks(run)]
    extents = [
        *course(run, "lesion_area_mm2", INK, label="lesion"),
        *course(run, "remyelinated_area_mm2", REMYELINATED, label="new myelin"),
    ]
    found = [
        Readout(", ".join(scene.extent), "", extents, doses),
        Readout("Cells, in powers of ten", "", cell_lines(run, scene.counted()), doses, log=True),
        Readout("M1-like share of phagocytes", "%", m1_share(run, M1_LIKE), doses),
        Readout("Barrier leak, most open venule", "", course(run, "bbb_max", LEAK), doses),
    ]
    return [readout for readout in found if readout.lines]


def of_arms(scene: Any, runs: Sequence[Any], arms: Sequence[tuple[str, str]]) -> list[Readout]:
    """The read-outs of runs side by side, each with a line for every run, in its colour and style."""
    looks = list(zip(runs, arms))
    doses = [(day, colour) for run, (colour, _) in looks for day, _ in scene.marks(run)]
    extent, unit = scene.extent

    def lines(column: str, times: float = 1) -> list[Line]:
        return [line for run, look in looks for line in course(run, column, *look, times=times)]

    found = [
        Readout(f"Lesion {extent.lower()}", unit, lines("lesion_area_mm2"), doses),
        Readout(f"{extent} with new myelin", unit, lines("remyelinated_area_mm2"), doses),
        Readout("Axons lost in the lesion", "%", lines("axon_loss", times=100), doses),
        Readout(
            "M1-like share of phagocytes", "%", [line for run, look in looks for line in m1_share(run, *look)], doses
        ),
    ]
    kinds = {group_of(name).kind: look.label for name, look in scene.groups.items()} if scene.dish else {}
    found += [Readout(label, "", lines(f"count.{kind}"), doses) for kind, label in kinds.items()]
    return [readout for readout in found if readout.lines]
