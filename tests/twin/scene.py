"""A small acute lesion in which every kind of cell stands and everything happens within hours."""

from typing import Any

EDGE = 360  # um
HOURS = 16  # before the comparison: factors have been secreted, the barrier is opening, leukocytes enter

CELLS = {
    "th1": "{density: 3000 cells/mm^3, active: 1}",
    "th17": "{density: 3000 cells/mm^3, active: 1}",
    "cd8": "{density: 5000 cells/mm^3, active: 1}",
    "treg": "1000 cells/mm^3",
    "b_cell": "{density: 5000 cells/mm^3, active: 1}",
    "plasma_cell": "1000 cells/mm^3",
    "dendritic": "2000 cells/mm^3",
    "macrophage": "{density: 40000 cells/mm^3, m1: 0.8}",
    "neutrophil": "40000 cells/mm^3",
    "premyelinating_ol": "20000 cells/mm^3",
}

FREQUENT = {"neutrophil.netose.terms.tnf": 5, "b_cell.become_plasma_cell.terms.switch": 2}  # 1/day, of what is rare


def infiltrated_lesion(edge: float = EDGE) -> Any:
    """Return the acute lesion on a square tile, full of leukocytes of all kinds some hours after its onset."""
    from abm.config import load
    from abm.model import LesionModel

    middle = f"{{x: {edge / 2}, y: {edge / 2}}}"
    cells = ", ".join(f"{kind}: {placed}" for kind, placed in CELLS.items())
    damage = f"myelin: 0.7, debris: 0.3, survive: {{oligodendrocyte: 0.7}}, cells: {{{cells}}}"
    overrides = [
        f"grid.size=[{edge}, {edge}]",
        "tissue.venules.spacing=null",
        f"tissue.venules.positions.central={middle}",
        f"tissue.plaques={{infiltrate: {{at: {middle}, radius: {edge / 2}, {damage}}}}}",
        *(f"laws.{term}.base={rate} 1/day" for term, rate in FREQUENT.items()),
        "output.measures_every=1000 day",
    ]
    model = LesionModel(load("acute", overrides=overrides))
    for _ in range(round(HOURS / model.step_hours)):
        model.step()
    return model
