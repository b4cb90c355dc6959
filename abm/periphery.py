"""The periphery: what happens in blood, lung, lymphoid organs and cerebrospinal fluid, as a few equations per slab.

Every equation is solved exactly over a step, in float64 on the host:

    MSC in the lung, blood, CSF      dN/dt = -N / T
    suppression of entry             ds/dt = -ln2 s / t12;  a dose adds a:  1 - (1 - s)(1 - a)
    leukocytes in the blood          dN/dt = ln2 / t12 (to - N)       relative to normal
    primed effector T cells          dE/dt = r E (1 - E)
    factors in the CSF               dC/dt = turnover (baseline - C) + flow V / V_csf (mean of the tissue - baseline of the field)
"""

import math
from typing import Any

import mesa
import numpy as np

from abm.arms import Arm
from abm.comparators import Comparators
from abm.config.checks import PER_UM3
from abm.doses_in_tissue import engaged_density, peripheral_suppression
from abm.homing import Homing

LN2 = math.log(2)


class Periphery(mesa.Agent):
    """Compartments outside the tissue of an arm, float64 with one row per slab. What they do to the tissue: the rows ``system.*``.

    lung, blood, csf     MSC of the whole subject: caught, on their way to the brain, and to the tissue around the CSF
    suppression          share by which MSC lower the entry of leukocytes from afar
    expansion            primed effector T cells, relative to when they are all there
    counts               leukocytes of each kind in the blood, relative to normal
    transplanted         1 once haematopoietic stem cells were
    come                 MSC that were to come out of the CSF at each venule until now
    levels               concentrations in the CSF
    """

    states = ("lung", "blood", "csf", "suppression", "expansion", "counts", "transplanted", "come", "levels")

    def __init__(self, model: Any, arm: Arm):
        super().__init__(model)
        self.arm, config, slabs = arm, arm.config, len(arm)
        self.spec, self.subject = config.periphery, config.subject
        entering = {name for owner in ("tissue", "venule") for name in config.laws.get(owner, {})}
        self.kinds = list(model.laws.kinds)
        self.entering = [kind for kind in self.kinds if f"enter_{kind}" in entering]
        self.comparators = Comparators(model, arm, self.kinds)
        self.homing = Homing(model, arm)
        self.lung, self.blood, self.csf, self.suppression, self.transplanted = (np.zeros(slabs) for _ in range(5))
        self.expansion, self.counts = np.ones(slabs), np.ones((slabs, len(self.kinds)))
        self.come = np.zeros((slabs, 0))
        self.fields: list[str] = []
        if self.spec is not None:
            self._read_tables(config.therapy.msc.mechanisms)
        self._baselines = np.array([float(self.spec.csf_baseline[name]) for name in self.fields])
        self.levels = np.tile(self._baselines, (slabs, 1))
        self._offered = np.full(self.counts.shape, np.nan, np.float32)
        self._drugs: dict[str, bool] = {}

    def _read_tables(self, mechanisms: dict[str, bool]) -> None:
        spec, subject = self.spec, self.subject
        of = spec.suppression.of
        self._suppressed = np.array([float(kind in of and mechanisms.get(of[kind], True)) for kind in self.kinds])
        recovers = [LN2 / float(spec.recovery[kind]) if kind in spec.recovery else 0.0 for kind in self.kinds]
        self._recovery = np.array(recovers)
        self._returning = self.comparators.returning()
        if spec.expansion is not None:
            self.expansion[:] = float(spec.expansion.initial)
        if spec.expansion is not None:
            self._primed = np.array([float(spec.expansion.to.get(kind, 0.0)) for kind in self.kinds])
        if subject is not None and None not in (subject.csf_volume, subject.csf_turnover, subject.isf_flow):
            fields = self.arm.config.fields
            self.fields = [name for name in spec.csf_baseline if name in fields]
            self._healthy = np.array([[float(fields[name].baseline)] for name in self.fields])

    # --- doses ----------------------------------------------------------------------------------------------------------

    def take(self, route: str, cells: float, slab: int) -> None:
        """Take up a dose of MSC for a slab of the model, in cells of the subject."""
        slab -= self.arm.first
        if route == "intrathecal":
            self.csf[slab] += cells
            return
        self.lung[slab] += cells * float(self.spec.lung_fraction)
        self.blood[slab] += cells * float(self.spec.cns_fraction)
        added = peripheral_suppression(self.arm.config, cells)
        self.suppression[slab] = 1 - (1 - self.suppression[slab]) * (1 - added)

    # --- a step ---------------------------------------------------------------------------------------------------------

    def advance(self, hours: float) -> None:
        """Act on the tissue as things are at the beginning of a step, then let the step pass."""
        self._transplant(hours)
        self.offer(hours)
        if self.spec is not None:
            self._let_out()
            self._pass(hours)

    def _transplant(self, hours: float) -> None:
        if self.comparators.therapy.ahsct is None or not self.comparators.is_on("ahsct", hours):
            return
        for slab in np.flatnonzero(self.transplanted == 0):
            self.counts[slab] *= self.comparators.spared()
            self.comparators.condition(hours, self.arm.first + int(slab))
            self.transplanted[slab] = 1.0

    def entry(self, hours: float) -> np.ndarray:
        """Return the factor on the entry of each kind: float64[slabs, kinds]."""
        factor = self.counts * self.comparators.barring(hours)
        if self.spec is None:
            return factor
        factor = factor * (1 - self.suppression[:, None] * self._suppressed)
        if self.transplanted.any():
            factor *= np.where(self.transplanted[:, None] > 0, self._returning, 1.0)
        if self.spec.expansion is not None:
            factor *= np.where(self._primed > 0, np.outer(self.expansion, self._primed), 1.0)
        return factor

    def offer(self, hours: float) -> None:
        """Write the factors on entry, and which drugs are given, to the laws; only what has changed."""
        factor = self.entry(hours).astype(np.float32)
        differs = factor != self._offered
        if differs.any():
            for slab, column in np.argwhere(differs):
                self._row(f"entry.{self.kinds[column]}")[slab] = factor[slab, column]
            self._offered = factor
        for name in self.comparators.given:
            given = self.comparators.is_on(name, hours)
            if self._drugs.get(name) is not given:
                self._row(f"drug.{name}")[:] = float(given)
                self._drugs[name] = given

    def _row(self, name: str):
        """Return what the system does to the slabs of this arm, voxel by voxel: a view, (slabs, voxels)."""
        return self.model.laws.row(f"system.{name}").reshape(self.model.grid.slabs, -1)[self.arm.slabs]

    def _let_out(self) -> None:
        """Let the MSC that leave blood and CSF in this step into the tissue."""
        config, spec, homing = self.arm.config, self.spec, self.homing
        if self.blood.any():
            leave = self.blood * self._share(spec.time_in_blood)
            homing.from_blood(leave / (float(self.subject.lesion_volume) * PER_UM3))
        if self.csf.any():
            density = engaged_density(config, self.csf * self._share(spec.time_in_csf))
            come = self.come if self.come.size else np.zeros((len(density), homing.n_venules))
            self.come = homing.from_csf(density, come)

    def _share(self, time: Any) -> float:
        """Return the share that leaves a compartment within a step, by the mean time spent there."""
        return -math.expm1(-self.model.step_hours / float(time))

    def _pass(self, hours: float) -> None:
        """Advance every equation by the step that begins now."""
        spec, step = self.spec, self.model.step_hours
        self.lung *= math.exp(-LN2 * step / float(spec.lung_half_life))
        self.blood *= math.exp(-step / float(spec.time_in_blood))
        self.csf *= math.exp(-step / float(spec.time_in_csf))
        self.suppression *= math.exp(-LN2 * step / float(spec.suppression.half_life))
        if spec.expansion is not None:
            initial = float(spec.expansion.initial)
            growth = math.exp(math.log((1 - initial) / initial) / float(spec.expansion.half) * step)
            self.expansion = self.expansion * growth / (1 + self.expansion * (growth - 1))
        to, rate = self.comparators.blood_counts(hours, self._recovery)
        self.counts = to + (self.counts - to) * np.exp(-rate * step)
        if self.fields:
            self._mix(step)

    def _mix(self, step: float) -> None:
        """Wash the excess of factors out of the tissue into the CSF, which is renewed."""
        subject, fields = self.subject, self.model.fields
        rows = [fields.index[name] for name in self.fields]
        excess = np.maximum(fields.means()[rows, self.arm.slabs] - self._healthy, 0.0).T
        turnover = float(subject.csf_turnover)
        inflow = float(subject.isf_flow) * float(subject.engaged_volume) / float(subject.csf_volume)
        settles_at = self._baselines + inflow / turnover * excess
        self.levels = settles_at + (self.levels - settles_at) * math.exp(-turnover * step)

    # --- looking --------------------------------------------------------------------------------------------------------

    def readouts(self, slab: int) -> dict[str, float]:
        """Return what is told of one slab of the model."""
        if self.spec is None:
            return {}
        slab -= self.arm.first
        entry = dict(zip(self.kinds, self.entry(self.model.hours)[slab]))
        return {
            "msc.lung": float(self.lung[slab]),
            "msc.blood": float(self.blood[slab]),
            "msc.csf": float(self.csf[slab]),
            "peripheral_suppression": float(self.suppression[slab]),
            **{f"entry.{kind}": float(entry[kind]) for kind in self.entering},
            **{f"csf.{name}": float(level) for name, level in zip(self.fields, self.levels[slab])},
        }

    # --- the complete state ---------------------------------------------------------------------------------------------

    def state(self) -> dict[str, np.ndarray]:
        """Return every compartment."""
        return {name: getattr(self, name).copy() for name in self.states}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take back what ``state()`` gave, among that of the other slabs of the model."""
        for name in self.states:
            setattr(self, name, np.array(state[name][self.arm.slabs]))
        self._offered[:] = np.nan
        self._drugs.clear()
