"""Neutrophils and their extracellular traps."""

from typing import Any

import numpy as np

from abm.fields import concentration_of_one
from abm.population import DIES, Population
from kernels import lifecycle
from kernels.random import STREAMS


class Neutrophil(Population):
    """Short-lived cells that MSC engulf; NETosis kills a cell and leaves traps where it stood.

    casts   int32[n], of this step: cells that undergo NETosis
    """

    deaths = ("die", "be_engulfed")
    casts: Any

    def allocate(self, laws, capacity: int = 256) -> None:
        """Make empty columns, with the hazard of NETosis and what it leaves: by field, per h of a step."""
        super().allocate(laws, capacity)
        row = laws.cells[self.kind].laws.get("netose")
        self._hazard = self.machine.put(np.array([] if row is None else [row], np.int32))
        self._code = self.machine.put(np.full(len(self._hazard), DIES, np.int32))
        one = concentration_of_one("1/mm3", None, self.model.voxel_volume) / self.model.step_hours
        self._leaves = {
            name.removeprefix("release_"): np.float32(law.highest * one)
            for name, law in self.model.config.laws[self.kind].items()
            if name.startswith("release_")
        }

    def _grow(self, needed: int) -> None:
        before = self.capacity
        super()._grow(needed)
        if self.capacity != before:
            self.casts = self.machine.zeros(self.capacity, np.int32)

    def act(self) -> None:
        """Draw which cells undergo NETosis, and let their voxels give off the traps during this step."""
        super().act()
        lifecycle.choose_fate(
            self.machine, self.n, self.seeds, self.model.steps, STREAMS["netose"], self.grid.whole,
            self.uid, self.voxel, self._hazard, self._code, len(self._hazard), self.capacity,
            self.values.reshape(-1), self.model.step_hours, self.casts,
        )  # fmt: skip
        cast = self.voxel[: self.n][self.casts[: self.n] == DIES]
        if len(cast):
            count = self.machine.xp.bincount(cast, minlength=self.grid.size).astype(np.float32)
            for field, amount in self._leaves.items():
                self.laws.row(f"source.{field}")[:] += count * amount

    def choose(self) -> None:
        """Draw each cell's fate; those that underwent NETosis die of it."""
        super().choose()
        self.fate[: self.n][self.casts[: self.n] == DIES] = DIES
