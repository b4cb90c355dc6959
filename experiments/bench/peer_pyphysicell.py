"""W-CELLS by pyphysicell: PhysiCell's algorithms in Python and C++, at its own steps of 0.01, 0.1 and 6 minutes, one thread.

It pushes and pulls cells by springs where ours find room, and counts what each of them took up.
"""

import os
import statistics
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from experiments.bench import cells_reference as given
from experiments.bench.cells import bytes_each
from experiments.bench.figures import Figure, timed
from experiments.bench.yardstick import peak

STEP = 0.01  # min, of the fields
STEPS_A_TENTH = 10
TYPES = ("a", "b")
RATIO_TARGET, AT_SIZE = 50.0, "100k"

os.environ["PHYSICELL_THREADS"] = "1"  # read when pyphysicell is imported


def figures(ours: dict[str, float]) -> Iterator[Figure]:
    """Measure two minutes at every size, an hour as so many times the median tenth of a minute, and what ours is to that."""
    for name, n in given.SIZES.items():
        types = given.lattice(n)[1]
        simulation = cells(n)
        in_order = np.argsort(types, kind="stable")  # type by type, as they were added
        simulation.step()  # ends with a move, as every tenth of a minute from here on does
        simulation.microenvironment.density[:] = given.START
        track, tenths = [], []
        for _ in range(given.CHECKED):
            track.append(np.empty((n, 2)))
            track[-1][in_order] = simulation.cells.positions[:, :2]
            tenths.append(timed(partial(_tenth, simulation)))
        error = given.error_at_cells(
            track, types, [simulation.microenvironment.density[0, :, :, s] for s in given.STOOD_FOR]
        )
        hour = given.TENTHS_AN_HOUR * statistics.median(tenths)
        yield Figure(f"pyphysicell, {name}: field error at the cells", error * 100, "%")
        of_ours = ours[f"{name}: field error at the cells"] / 100
        yield Figure(f"ours / pyphysicell, {name}: field error", of_ours / error, "x", at_most=1.0)
        yield Figure(f"pyphysicell, {name}: one simulated hour", hour, "s", timed=True)
        ratio = hour / ours[f"{name}: one simulated hour (room, no springs)"]
        yield Figure(f"pyphysicell / ours, {name}", ratio, "x", at_least=RATIO_TARGET if name == AT_SIZE else None)
    each = bytes_each("experiments.bench.peer_pyphysicell")
    yield Figure("pyphysicell: most memory, growth from 1k to 100k cells", each, "bytes/cell")


def cells(n: int) -> Any:
    """Return its simulation with ``n`` cells in their places, those of the first type before those of the second."""
    import pyphysicell as pc

    model = pc.Model(
        domain=pc.Domain(
            0, given.SIDE, 0, given.SIDE, -given.VOXEL / 2, given.VOXEL / 2, given.VOXEL, given.VOXEL, given.VOXEL, True
        ),
        time=pc.Time(dt_diffusion=STEP, dt_mechanics=given.TENTH, dt_phenotype=6.0),
        substrates=[pc.Substrate(f"s{s}", given.DIFFUSIVITY, given.DECAY, given.START) for s in range(10)],
        calculate_gradients=True,
        track_internalized_substrates=True,
    )
    places, types = given.lattice(n)
    for number, name in enumerate(TYPES):
        makes, takes = given.SECRETED[number], given.SECRETED[1 - number]
        exchange = {f"s{s}": pc.SecretionEntry(given.SECRETION, given.SATURATION, 0.0) for s in makes}
        exchange |= {f"s{s}": pc.SecretionEntry(0.0, 1.0, given.UPTAKE) for s in takes}
        goal = {"chemotaxis_enabled": True, "chemotaxis_substrate": f"s{takes[0]}"}
        walk = pc.Motility(given.SPEED, given.PERSISTENCE, given.BIAS, enabled=True, use_2D=True, **goal)
        model.cell_types.append(pc.CellType(name, number, secretion=exchange, motility=walk))
    simulation = pc.Simulation(model, seed=0)
    for number, name in enumerate(TYPES):
        here = places[types == number]
        simulation.add_cells(np.column_stack([here, np.zeros(len(here))]), name)
    return simulation


def _tenth(simulation: Any) -> None:
    for _ in range(STEPS_A_TENTH):
        simulation.step()


if __name__ == "__main__":
    grown = cells(int(sys.argv[1]))
    _tenth(grown)
    print(peak())
