"""Mesenchymal stem cells given as a therapy."""

import math

import numpy as np

from abm.population import Population
from kernels.laws import relax_row

POTENCIES = ("immune", "trophic", "remyel")


class MSC(Population):
    """MSC: licensed by IFN-g and TNF, with potencies that follow from source, donor and pretreatment.

    Pretreatment raises what a cell does against inflammation (``immune``) for as long as it lasts.
    """

    states = ("licence", *POTENCIES)
    defaults = dict.fromkeys(POTENCIES, 1.0)

    def potencies(self) -> dict[str, float]:
        """Return the lasting potencies: source x donor."""
        config = self.model.config
        msc = config.therapy.msc
        donor = float(config.msc.donors[msc.donor].potency)
        source = config.msc.sources[msc.source]
        return {name: float(getattr(source, name)) * donor for name in POTENCIES}

    def new_states(self) -> dict[str, float]:
        """Return the states of a cell at infusion."""
        config = self.model.config
        pretreatment = config.msc.pretreatments[config.therapy.msc.pretreatment]
        states = self.potencies()
        states["immune"] *= float(pretreatment.potency)
        return {**states, "licence": float(pretreatment.initial_licence)}

    def act(self) -> None:
        """Relax the licence towards its law; let the effect of pretreatment end."""
        super().act()
        config = self.model.config
        law = config.laws[self.kind].get("licence")
        if law is None or self.n == 0:
            return
        pretreatment = config.msc.pretreatments[config.therapy.msc.pretreatment]
        rise = float(pretreatment.licence_rise or law.rise)
        rising, falling = (-math.expm1(-self.model.step_hours / tau) for tau in (rise, float(law.fall)))
        put = self.machine.put
        rows = [put(np.array([row], np.int32)) for row in (self.rows["self.licence"], self.rows["law.licence"])]
        speeds = [put(np.array([speed], np.float32)) for speed in (rising, falling)]
        relax_row(self.machine, self.n, *rows, *speeds, self.values.reshape(-1), self.capacity)
        if pretreatment.lasts is not None:
            self.state("immune")[self.state("age") > float(pretreatment.lasts)] = self.potencies()["immune"]
