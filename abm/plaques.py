"""Plaques: tissue that is damaged when the run begins, as after an injection of lysolecithin."""

from typing import Any

import numpy as np

from abm.places import host_draw, near, point_of, scatter
from kernels.random import STREAMS, uniform

FIRST_STEP = 2  # of the stream ``place``: its steps 0 and 1 place the cells of healthy tissue


def lay_plaques(model: Any) -> None:
    """Turn healthy tissue into the plaques of the configuration, in every slab by the slab's own chance."""
    for number, plaque in enumerate(model.config.tissue.plaques.values()):
        for slab in range(model.grid.slabs):
            _Plaque(model, plaque, slab, FIRST_STEP + number * len(model.kind_numbers)).lay()


class _Plaque:
    def __init__(self, model: Any, plaque: Any, slab: int, step: int):
        self.model, self.plaque, self.slab, self.step = model, plaque, slab, step
        self.centre, self.radius = point_of(plaque.at, model.grid), float(plaque.radius)
        self.inside = near(model.grid, self.centre, self.radius)
        self.volume = np.count_nonzero(self.inside) * model.voxel_volume * 1e-9
        self.voxels = np.zeros(model.grid.size, bool)
        model.grid.inner(self.voxels)[slab] = self.inside

    def lay(self) -> None:
        model, plaque = self.model, self.plaque
        if "oligodendrocyte" in model.population:
            model.population["oligodendrocyte"].lose_sheaths(self.voxels, float(plaque.myelin), self.step)
        for kind, share in plaque.survive.items():
            self._kill(model.population[kind], float(share))
        for kind, density in plaque.cells.items():
            population = model.population[kind]
            count = float(density) * self.volume
            places = scatter(model, self.inside, count, self.slab, "place", self.step + population.number)
            population.place_cells(*places, np.full(len(places[0]), self.slab))
        if "debris" in model.config.fields:
            model.laws.row("field.debris")[model.machine.put(self.voxels)] = float(plaque.debris)
        if model.venules is not None:
            here = self._rows(model.venules)
            model.venules.state("bbb")[model.machine.put(here)] = float(plaque.bbb)

    def _rows(self, population) -> np.ndarray:
        """Which cells are in the plaque, bool[n]."""
        return self.voxels[self.model.machine.get(population.voxel[: population.n])]

    def _kill(self, population, share: float) -> None:
        """Let only a share of the cells survive."""
        machine = self.model.machine
        seed = machine.get(population.seeds)[self.slab]
        words = host_draw(seed, STREAMS["place"], self.step, machine.get(population.uid[: population.n]))
        dead = machine.put(self._rows(population) & (uniform(words[0]) >= share))
        population.leave(dead)
        stay = machine.xp.flatnonzero(~dead).astype(np.int32)
        population.take(stay, len(stay))
        population.changed = True
