"""Therapy: when doses are given, how many cells reach the simulated tissue, and where they are placed."""

import math
from typing import Any

import mesa
import numpy as np

from abm.cells.venule import host_draw, in_ball
from kernels.random import STREAMS, uniform

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
        config, grid = self.model.config, self.model.grid
        if dose.route == "local":
            centre = self._centre(dose)
            volume = self._volume_near(centre, float(dose.radius))
            amount = float(dose.dose)
            count = amount if dose.dose.canonical == "1" else amount * volume
            return self._scatter([centre], float(dose.radius), [count], slab, number)
        subject, venules = config.subject, config.tissue.venules
        cells = float(dose.dose) * (float(subject.mass) if dose.dose.canonical == "1/kg" else 1.0)
        density = cells * float(config.msc.intrathecal_fraction) / (float(subject.engaged_volume) * 1e-9)
        venule_voxels = self.model.venules.columns()["voxel"]
        rows = np.flatnonzero(venule_voxels // grid.whole == slab)
        x, y, z = self._venule_positions()
        centres = [(float(x[row]), float(y[row]), float(z[row])) for row in rows]
        counts = []
        for centre in centres:
            volume = self._volume_near(centre, float(venules.radius))
            there = self._density_near(centre, float(venules.radius), slab, volume)
            counts.append(max(0.0, min(density, float(config.msc.niche_cap) - there)) * volume)
        return self._scatter(centres, float(venules.radius), counts, slab, number)

    def _venule_positions(self):
        venules = self.model.venules
        return venules.x[: venules.n], venules.y[: venules.n], venules.z[: venules.n]

    def _centre(self, dose: Any) -> tuple[float, float, float]:
        grid = self.model.grid
        middle = (grid.nx * grid.h / 2, grid.ny * grid.h / 2, grid.nz * grid.h / 2 if grid.dims == 3 else 0.0)
        if dose.at is not None:
            return float(dose.at.x), float(dose.at.y), float(dose.at.z or middle[2])
        if self.model.venules is not None and self.model.venules.n:
            x, y, z = (float(axis[0]) for axis in self._venule_positions())
            return x, y, z
        return middle

    def _squared_distance(self, centre) -> np.ndarray:
        grid = self.model.grid
        x, y, z = ((np.arange(n) + 0.5) * grid.h for n in (grid.nx, grid.ny, grid.nz))
        depth = 0.0 if grid.dims == 2 else (z[:, None, None] - centre[2]) ** 2
        return (x - centre[0]) ** 2 + (y[:, None] - centre[1]) ** 2 + depth

    def _volume_near(self, centre, radius: float) -> float:
        """Volume (mm3) of simulated tissue within ``radius`` of a point."""
        inside = np.count_nonzero(self._squared_distance(centre) <= radius**2)
        return max(inside, 1) * self.model.voxel_volume * 1e-9

    def _density_near(self, centre, radius: float, slab: int, volume: float) -> float:
        columns = self.model.population["msc"].columns()
        squared = sum((columns[axis] - at) ** 2 for axis, at in zip("xyz"[: self.model.grid.dims], centre))
        here = (squared <= radius**2) & (columns["voxel"] // self.model.grid.whole == slab)
        return float(np.count_nonzero(here)) / volume

    def _scatter(self, centres, radius: float, counts, slab: int, number: int):
        """Place whole numbers of cells uniformly within ``radius`` of each centre, inside the tissue."""
        seed, grid = int(self.model.seeds[slab]), self.model.grid
        size = (grid.nx * grid.h, grid.ny * grid.h, grid.nz * grid.h if grid.dims == 3 else math.inf)
        points = []
        for which, (centre, expected) in enumerate(zip(centres, counts)):
            key = (seed, STREAMS["dose"], number)
            chance = float(uniform(host_draw(*key, which << 40)[0]))
            wanted, attempt = int(expected + chance), 0
            while wanted > 0:
                attempt += 1
                offset = in_ball(radius, grid.dims, *key, (which << 40) + attempt)
                point = tuple(at + d for at, d in zip(centre, offset))
                if all(0 <= p <= s for p, s in zip(point, size)):
                    points.append(point)
                    wanted -= 1
        return np.array(points, np.float64).reshape(-1, 3).T

    def state(self) -> dict[str, np.ndarray]:
        """Return what was given and when, per dose."""
        arrays = {f"given/{name}": given for name, given in self.given.items()}
        return {**arrays, **{f"last/{name}": last for name, last in self.last.items()}}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take back what ``state()`` gave."""
        for name in self.given:
            self.given[name] = np.array(state[f"given/{name}"])
            self.last[name] = np.array(state[f"last/{name}"])
