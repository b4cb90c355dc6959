"""Plaques: tissue that is damaged when the run begins, as after an injection of lysolecithin or an old lesion."""

from typing import Any

import numpy as np

from abm.places import host_draw, point_of, scatter, squared_distance
from kernels.random import STREAMS, uniform

FIRST_STEP = 2  # of the stream ``place``: its steps 0 and 1 place the cells of healthy tissue


def lay_plaques(model: Any) -> None:
    """Turn healthy tissue into the plaques of the configuration, in every slab by the slab's own chance.

    Where they overlap, shares multiply, cells add up, and of debris and open barriers there is the most.
    """
    for number, plaque in enumerate(model.config.tissue.plaques.values()):
        for slab in range(model.grid.slabs):
            _Plaque(model, plaque, slab, FIRST_STEP + number * len(model.kind_numbers)).lay()


class _Plaque:
    def __init__(self, model: Any, plaque: Any, slab: int, step: int):
        self.model, self.plaque, self.slab, self.step = model, plaque, slab, step
        squared = squared_distance(model.grid, point_of(plaque.at, model.grid))
        self.inside = (squared <= float(plaque.radius) ** 2) & (squared > float(plaque.inner) ** 2)
        if not plaque.inner:
            self.inside |= squared == squared.min()
        self.volume = np.count_nonzero(self.inside) * model.voxel_volume * 1e-9
        self.voxels = self._voxels(self.inside)
        reach = float(model.config.tissue.sheath_reach)
        self.around = self._voxels(squared <= (float(plaque.radius) + reach + model.grid.h) ** 2)
        self.old = plaque.axons < 1 or plaque.remyelinated > 0

    def _voxels(self, inside: np.ndarray) -> np.ndarray:
        """Turn voxels of the slab, bool (z, y, x), into bool[grid.size]."""
        voxels = np.zeros(self.model.grid.size, bool)
        self.model.grid.inner(voxels)[self.slab] = inside
        return voxels

    def lay(self) -> None:
        """Damage the tissue: axons and sheaths, then cells, debris and barrier."""
        model, plaque, tissue = self.model, self.plaque, self.model.tissue
        here = model.machine.put(self.voxels)
        glia = model.population.get("oligodendrocyte")
        if glia is not None:
            glia.thin_sheaths(self.voxels, float(plaque.myelin * plaque.axons), float(plaque.remyelinated), self.step)
        tissue.intact[here] *= np.float32(plaque.axons)
        for kind, share in plaque.survive.items():
            self._kill(model.population[kind], float(share))
        if self.old:
            tissue.ever_bare[here] = 1.0
            tissue.adapted[here] = 1.0
            if glia is not None:
                glia.adopt(model.machine.put(self.around))
        for kind, placed in plaque.cells.items():
            self._place(model.population[kind], placed if isinstance(placed, dict) else {"density": placed})
        if "debris" in model.config.fields:
            debris = model.laws.row("field.debris")
            debris[here] = model.machine.xp.maximum(debris[here], np.float32(plaque.debris))
        if model.venules is not None:
            bbb, rows = model.venules.state("bbb"), model.machine.put(self._rows(model.venules))
            bbb[rows] = model.machine.xp.maximum(bbb[rows], np.float32(plaque.bbb))

    def _rows(self, population) -> np.ndarray:
        """Which cells are in the plaque, bool[n]."""
        return self.voxels[self.model.machine.get(population.voxel[: population.n])]

    def _kill(self, population, share: float) -> None:
        """Let only a share of the cells survive."""
        machine = self.model.machine
        seed = machine.get(population.seeds)[self.slab]
        words = host_draw(seed, STREAMS["place"], self.step, machine.get(population.uid[: population.n]))
        population.remove(np.flatnonzero(self._rows(population) & (uniform(words[0]) >= share)))

    def _place(self, population, placed: dict[str, Any]) -> None:
        """Scatter cells of a density, with the states they are given."""
        count = float(placed["density"]) * self.volume
        places = scatter(self.model, self.inside, count, self.slab, "place", self.step + population.number)
        states = {name: np.float32(value) for name, value in placed.items() if name != "density"}
        population.place_cells(*places, np.full(len(places[0]), self.slab), **states)
