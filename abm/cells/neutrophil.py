"""Neutrophils and their extracellular traps."""

from typing import Any

import numpy as np

from abm.fields import concentration_of_one
from abm.population import DIES, Population
from kernels import events
from kernels.states import leave_traps


class Neutrophil(Population):
    """Short-lived cells that MSC engulf; NETosis kills a cell and leaves traps where it stood.

    casts   int32[n], of this step: cells that undergo NETosis
    """

    deaths = ("die", "be_engulfed")
    casts: Any

    def prepare(self, laws) -> None:
        """Note what NETosis leaves: by field, per h of a step."""
        super().prepare(laws)
        one = concentration_of_one("1/mm3", None, self.model.voxel_volume) / self.model.step_hours
        self._leaves = {
            name.removeprefix("release_"): np.float32(law.highest * one)
            for name, law in self.model.config.laws.get(self.kind, {}).items()
            if name.startswith("release_")
        }

    def settle_in(self, crowd: Any, index: int) -> None:
        """Take the rows that a crowd has for this kind."""
        super().settle_in(crowd, index)
        self.casts = self.machine.zeros(self.room, np.int32)

    def act(self) -> None:
        """Draw which cells undergo NETosis, and let their voxels give off the traps during this step."""
        rate = self.law("netose")
        if rate is None or self.n == 0:
            return
        events.chance_in_step(self.machine, self.n, rate, self.model.dt, self.chance)
        self.casts[: self.n] = self.befalls("netose", self.model.steps)
        for field, amount in self._leaves.items():
            leave_traps(self.machine, self.n, self.casts, self.voxel, self.n, amount, self.laws.row(f"source.{field}"))

    def choose(self) -> None:
        """Let those that underwent NETosis die of it, whatever else was drawn for them."""
        cast = self.casts[: self.n] == events.YES
        self.machine.xp.copyto(self.fate[: self.n], np.int32(DIES), where=cast)
