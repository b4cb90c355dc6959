"""Therapy: when doses are given, how many cells reach the simulated tissue, and where they are placed."""

from typing import Any

import mesa
import numpy as np

from abm.places import lesion_site, near, point_of, scatter
from abm.snapshot import Snapshot

CONDITIONS_EVERY = 6.0  # h: conditional doses are considered at this cadence whatever is written out


class Therapy(mesa.Agent):
    """Gives the doses of the configuration. A dose is placed in every slab alike, at positions of the slab's own chance."""

    def __init__(self, model):
        super().__init__(model)
        self.doses = list(model.config.doses)
        self.given = {dose.name: np.zeros(model.grid.slabs, np.int64) for dose in self.doses}
        self.last = {dose.name: np.full(model.grid.slabs, -np.inf) for dose in self.doses}

    def infuse(self, hours: float) -> None:
        """Give what is due at the beginning of a step: by day, by interval, or because its condition holds."""
        for dose in self.doses:
            for slab in range(self.model.grid.slabs):
                if self._is_due(dose, slab, hours):
                    self._give(dose, slab, hours)

    def _is_due(self, dose: Any, slab: int, hours: float) -> bool:
        given = int(self.given[dose.name][slab])
        begin, every = float(dose.day), float(dose.every or 0.0)
        if given >= dose.repeats or hours < begin - 1e-6:
            return False
        if dose.when is None:
            return hours >= begin + given * every - 1e-6
        steps_between = max(1, round(CONDITIONS_EVERY / self.model.step_hours))
        if round(hours / self.model.step_hours) % steps_between or hours < self.last[dose.name][slab] + every - 1e-6:
            return False
        return dose.when.evaluate(self.model.measure(slab))

    def _give(self, dose: Any, slab: int, hours: float) -> None:
        number = sum(int(given[slab]) for given in self.given.values())
        msc = self.model.population["msc"]
        x, y, z = self._places(dose, slab, number)
        msc.place_cells(x, y, z, np.full(len(x), slab), **msc.new_states())
        self.given[dose.name][slab] += 1
        self.last[dose.name][slab] = hours
        self.model.events.append(
            {
                "day": round(hours / 24, 4),
                "kind": "dose",
                "slab": slab,
                "name": dose.name,
                "cells": len(x),
                "text": f"{len(x)} MSC placed in the tissue, {dose.route} route, dose {dose.dose.text}",
            }
        )

    def _places(self, dose: Any, slab: int, number: int):
        """Positions of the cells that this dose brings into the tissue."""
        model, config = self.model, self.model.config
        if dose.route == "local":
            around = near(model.grid, self._centre(dose), float(dose.radius))
            volume = np.count_nonzero(around) * model.voxel_volume * 1e-9
            amount = float(dose.dose)
            count = amount if dose.dose.canonical == "1" else amount * volume
            return scatter(model, around, count, slab, "dose", number)
        subject = config.subject
        cells = float(dose.dose) * (float(subject.mass) if dose.dose.canonical == "1/kg" else 1.0)
        density = cells * float(config.msc.intrathecal_fraction) / (float(subject.engaged_volume) * 1e-9)
        cap, territory, there = float(config.msc.niche_cap), model.venules.territory, Snapshot(model, slab)
        msc = there.cells("msc").voxel
        home = np.bincount(there.padded(territory, -1)[msc] + 1, minlength=territory.max() + 2)[1:]
        places = []
        for venule, settled in enumerate(home):
            served = territory == venule
            volume = np.count_nonzero(served) * model.voxel_volume * 1e-9
            room = max(0.0, min(density * volume, cap * volume - settled))
            places.append(scatter(model, served, room, slab, "dose", number, venule))
        return np.concatenate(places, axis=1)

    def _centre(self, dose: Any) -> tuple[float, float, float]:
        """Where a local dose goes: where it says, else into the lesion, else the middle of the tissue."""
        config, grid = self.model.config, self.model.grid
        if dose.at is not None:
            return point_of(dose.at, grid)
        middle = (grid.nx * grid.h / 2, grid.ny * grid.h / 2, grid.nz * grid.h / 2 if grid.dims == 3 else 0.0)
        return lesion_site(config, grid) or middle

    def state(self) -> dict[str, np.ndarray]:
        """Return what was given and when, per dose."""
        arrays = {f"given/{name}": given for name, given in self.given.items()}
        return {**arrays, **{f"last/{name}": last for name, last in self.last.items()}}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take back what ``state()`` gave."""
        for name in self.given:
            self.given[name] = np.array(state[f"given/{name}"])
            self.last[name] = np.array(state[f"last/{name}"])
