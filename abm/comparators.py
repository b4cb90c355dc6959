"""Comparators: drugs that keep leukocytes out or remove them from the blood, and transplanted haematopoietic stem cells."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from abm.arms import Arm
from abm.doses_in_tissue import EARLY
from abm.places import host_draw
from kernels.random import STREAMS, uniform

LYMPHOCYTES = "lymphocytes"


class Comparators:
    """What the comparators of an arm do to leukocytes of some kinds.

    kinds   in the order of the last axis of every array
    """

    def __init__(self, model: Any, arm: Arm, kinds: Sequence[str]):
        self.model, self.kinds = model, list(kinds)
        self.therapy, self.tables = arm.config.therapy, arm.config.comparators
        self.given = self.therapy.comparators

    def is_on(self, name: str, hours: float) -> bool:
        """Whether a comparator is given at an hour."""
        plan = getattr(self.therapy, name)
        until = getattr(plan, "until", None)
        return plan is not None and hours >= float(plan.day) - EARLY and (until is None or hours < float(until) - EARLY)

    def barring(self, hours: float) -> np.ndarray:
        """Return the factor of the drugs that keep cells out: float64[kinds]."""
        factor = np.ones(len(self.kinds))
        for name in ("natalizumab", "dimethyl_fumarate"):
            if name in self.given and self.is_on(name, hours):
                entry = getattr(self.tables, name).entry
                factor *= [float(entry.get(kind, 1.0)) for kind in self.kinds]
        return factor

    def blood_counts(self, hours: float, recovery: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where each kind's count in the blood goes, relative to normal, and the rate (1/h): ``dN/dt = r (to - N)``.

        recovery   1/h, the rate without drugs
        """
        to, rate = np.ones(len(self.kinds)), recovery.copy()
        if "anti_cd20" in self.given and self.is_on("anti_cd20", hours):
            for column, kind in enumerate(self.kinds):
                if kind in self.tables.anti_cd20.left:
                    to[column] = float(self.tables.anti_cd20.left[kind])
                    rate[column] = math.log(2) / float(self.tables.anti_cd20.half_life)
        return to, rate

    # --- transplantation ------------------------------------------------------------------------------------------------

    def returning(self) -> np.ndarray:
        """Return the factor on the entry of what grows back after a transplantation: float64[kinds]."""
        table = self.tables.ahsct.returning if "ahsct" in self.given else {}
        return np.array([float(table.get(kind, 1.0)) for kind in self.kinds])

    def spared(self) -> np.ndarray:
        """Return the share of each kind in the blood that conditioning spares: float64[kinds]."""
        regimen = self.tables.ahsct.regimens[self.therapy.ahsct.regimen]
        table = self.tables.ahsct.ablates
        return np.array([1.0 - (float(getattr(regimen, table[kind])) if kind in table else 0.0) for kind in self.kinds])

    def condition(self, hours: float, slab: int) -> None:
        """Remove the regimen's share of the lymphocytes in the tissue of a slab, each by its own chance."""
        regimen, model = self.tables.ahsct.regimens[self.therapy.ahsct.regimen], self.model
        removed = 0
        for kind, what in self.tables.ahsct.ablates.items():
            if what == LYMPHOCYTES and kind in model.population:
                removed += self._remove(model.population[kind], slab, float(regimen.tissue))
        text = f"stem cells transplanted, regimen {self.therapy.ahsct.regimen}, {removed} lymphocytes of the tissue removed"
        model.events.append({"day": round(hours / 24, 4), "kind": "ahsct", "slab": slab, "name": "ahsct", "text": text})

    def _remove(self, population: Any, slab: int, share: float) -> int:
        get, n = population.machine.get, population.n
        seed = get(population.seeds)[slab]
        words = host_draw(seed, STREAMS["ablate"], self.model.steps, get(population.uid[:n]))
        here = get(population.voxel[:n]) // population.grid.whole == slab
        dead = here & (uniform(words[0]) < share)
        population.remove(np.flatnonzero(dead))
        return int(dead.sum())
