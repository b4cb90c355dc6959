"""The fields of arms that differ in them: each arm's by a solver of its own, over its own slabs; all advanced together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from abm.arms import Arm
from abm.fields import Fields
from kernels.launch import side_by_side


def fields_of(arms: Sequence[Arm], caps: Sequence[Mapping[str, float]], grid, machine, concentration, source, uptake):
    """Return the fields of a model: of one config, or of several where arms differ in what their fields are.

    caps                           of the uptake, for each arm, see ``Fields``
    concentration, source, uptake  of all slabs, see ``Fields``
    """
    parts: list[tuple[Arm, Mapping[str, float]]] = []
    for arm, of_arm in zip(arms, caps):
        if parts and _same(parts[-1][0].config, arm.config) and parts[-1][1] == of_arm:
            parts[-1] = Arm(parts[-1][0].config, parts[-1][0].first, arm.stop), of_arm
        else:
            parts.append((arm, of_arm))
    if len(parts) == 1:
        return Fields(arms[0].config, grid, machine, concentration, source, uptake, caps[0])
    made = []
    for arm, of_arm in parts:
        here = slice(arm.first * grid.whole, arm.stop * grid.whole)
        arrays = (concentration[:, here], source[:, here], [row[here] for row in uptake])
        made.append(Fields(arm.config, replace(grid, slabs=len(arm)), machine, *arrays, of_arm))
    return ArmFields([arm for arm, _ in parts], made, machine)


def _same(one: Any, other: Any) -> bool:
    return one.fields == other.fields and one.accuracy == other.accuracy


class ArmFields:
    """Fields side by side, for all that a model and its read-outs ask of ``Fields``."""

    def __init__(self, arms: Sequence[Arm], parts: Sequence[Fields], machine):
        self.arms, self.parts, self.machine = list(arms), list(parts), machine
        self.index = parts[0].index

    def _of(self, slab: int) -> tuple[Fields, int]:
        """The fields of a slab, and its number among those."""
        return next((part, slab - arm.first) for arm, part in zip(self.arms, self.parts) if slab < arm.stop)

    def release(self) -> None:
        """See ``Fields.release``."""
        for part in self.parts:
            part.release()

    def diffuse(self, step: float, beside: Iterable[Callable[[], None]] = ()) -> None:
        """Advance the fields of all arms, each beside the others."""
        advances = [(part.solvers[row].plan, task) for part in self.parts for row, task in part.advances(step)]
        advances.sort(key=lambda each: -each[0].evaluations)
        side_by_side(self.machine, [*beside, *(task for _, task in advances)])
        for part in self.parts:
            part.take_stock()

    def means(self) -> np.ndarray:
        """Return the mean level of each field in each slab, float64 (n_fields, slabs)."""
        return np.concatenate([part.means() for part in self.parts], axis=1)

    def budget(self, name: str, slab: int = 0) -> dict[str, float]:
        """See ``Fields.budget``."""
        part, own = self._of(slab)
        return part.budget(name, own)

    def mass_error(self, name: str, slab: int = 0) -> float:
        """See ``Fields.mass_error``."""
        part, own = self._of(slab)
        return part.mass_error(name, own)

    def clamped_mass(self, name: str, slab: int = 0) -> float:
        """See ``Fields.clamped_mass``."""
        part, own = self._of(slab)
        return part.clamped_mass(name, own)

    def check(self, slab: int = 0) -> tuple[str, float, float, float] | None:
        """See ``Fields.check``."""
        part, own = self._of(slab)
        return part.check(own)

    def state(self) -> dict[str, np.ndarray]:
        """Return all that fields remember, of all slabs, on the host."""
        states = [part.state() for part in self.parts]
        return {name: np.concatenate([state[name] for state in states], axis=-1) for name in states[0]}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take back what ``state()`` gave."""
        slabs = self.arms[-1].stop
        for arm, part in zip(self.arms, self.parts):
            own = {}
            for name, array in state.items():
                each = array.shape[-1] // slabs
                own[name] = array[..., arm.first * each : arm.stop * each]
            part.restore(own)
