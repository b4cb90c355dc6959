"""Therapy: when doses are given, and what a dose brings: into the tissue at once, or into the periphery."""

from typing import Any

import mesa
import numpy as np

from abm.doses_in_tissue import EARLY, arriving_density, cells_given, engaged_density, number
from abm.places import lesion_site, near, point_of, scatter

CONDITIONS_EVERY = 6.0  # h: conditional doses are considered at this cadence whatever is written out


class Therapy(mesa.Agent):
    """Gives the doses of the configurations. A dose is placed at positions of its slab's own chance."""

    def __init__(self, model):
        super().__init__(model)
        slabs = model.grid.slabs
        self.doses = [dose for arm in model.arms for dose in [list(arm.config.doses)] * len(arm)]
        names = sorted({dose.name for doses in self.doses for dose in doses})
        self.given = {name: np.zeros(slabs, np.int64) for name in names}
        self.last = {name: np.full(slabs, -np.inf) for name in names}

    def infuse(self, hours: float) -> None:
        """Give what is due at the beginning of a step: by day, by interval, or because its condition holds."""
        for slab, doses in enumerate(self.doses):
            for dose in doses:
                if self._is_due(dose, slab, hours):
                    self._give(dose, slab, hours)

    def _is_due(self, dose: Any, slab: int, hours: float) -> bool:
        given = int(self.given[dose.name][slab])
        begin, every = float(dose.day), float(dose.every or 0.0)
        if given >= dose.repeats or hours < begin - EARLY:
            return False
        if dose.when is None:
            return hours >= begin + given * every - EARLY
        steps_between = max(1, round(CONDITIONS_EVERY / self.model.step_hours))
        if round(hours / self.model.step_hours) % steps_between or hours < self.last[dose.name][slab] + every - EARLY:
            return False
        return dose.when.evaluate(self.model.measure(slab))

    def _give(self, dose: Any, slab: int, hours: float) -> None:
        config = self.model.arm_of(slab).config
        cells = cells_given(config, dose)
        if dose.route == "local":
            placed = self._place(dose, slab)
            text = f"{placed} MSC placed in the {'tissue' if config.tissue else 'dish'}"
        else:
            self.model.periphery_of(slab).take(dose.route, cells, slab)
            placed = 0
            density, where = (
                (min(engaged_density(config, cells), float(config.msc.niche_cap)), "venules")
                if dose.route == "intrathecal"
                else (arriving_density(config, cells), "open venules")
            )
            text = f"{number(density)} MSC/mm3 on their way to the tissue around {where}"
        self.given[dose.name][slab] += 1
        self.last[dose.name][slab] = hours
        self.model.events.append(
            {
                "day": round(hours / 24, 4),
                "kind": "dose",
                "slab": slab,
                "name": dose.name,
                "cells": placed,
                "text": f"{text}, {dose.route} route, dose {dose.dose.text}",
            }
        )

    def _place(self, dose: Any, slab: int) -> int:
        """Place the cells of a local dose in the tissue and return how many they are."""
        model, before = self.model, sum(int(given[slab]) for given in self.given.values())
        around = near(model.grid, self._centre(dose), float(dose.radius))
        volume = np.count_nonzero(around) * model.voxel_volume * 1e-9
        amount = cells_given(model.arm_of(slab).config, dose)
        expected = amount * volume if dose.dose.canonical == "1/mm^3" else amount
        x, y, z = scatter(model, around, expected, slab, "dose", before)
        msc = model.population["msc"]
        msc.place_cells(x, y, z, np.full(len(x), slab), **msc.new_states(model.arm_of(slab).config))
        return len(x)

    def _centre(self, dose: Any) -> tuple[float, float, float]:
        """Where a local dose goes: where it says, else into the lesion, else the middle of the tissue."""
        config, grid = self.model.config, self.model.grid
        if dose.at is not None:
            return point_of(dose.at, grid)
        middle = (grid.nx * grid.h / 2, grid.ny * grid.h / 2, grid.nz * grid.h / 2 if grid.dims == 3 else 0.0)
        return lesion_site(config, grid) or middle

    def never(self) -> dict[str, Any]:
        """Return what is remembered of doses, as of those that were never given."""
        return {
            **{f"given/{name}": np.int64(0) for name in self.given},
            **{f"last/{name}": -np.inf for name in self.last},
        }

    def foreign(self, slab: int) -> list[str]:
        """Name what is remembered of doses that a slab does not plan."""
        others = self.given.keys() - {dose.name for dose in self.doses[slab]}
        return [f"{what}/{name}" for what in ("given", "last") for name in others]

    def state(self) -> dict[str, np.ndarray]:
        """Return what was given and when, per dose."""
        arrays = {f"given/{name}": given for name, given in self.given.items()}
        return {**arrays, **{f"last/{name}": last for name, last in self.last.items()}}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take back what ``state()`` gave."""
        for name in self.given:
            self.given[name] = np.array(state[f"given/{name}"])
            self.last[name] = np.array(state[f"last/{name}"])
