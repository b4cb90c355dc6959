"""Mesenchymal stem cells given as a therapy."""

from typing import Any

import numpy as np

from abm.population import Population

POTENCIES = ("immune", "trophic", "remyel")


class MSC(Population):
    """MSC: licensed by IFN-g and TNF, with potencies that follow from source, donor and pretreatment.

    Pretreatment raises what a cell does against inflammation (``immune``) for as long as it lasts.
    """

    states = ("licence", *POTENCIES)
    defaults = dict.fromkeys(POTENCIES, 1.0)

    def new_states(self, config: Any) -> dict[str, float]:
        """Return the states of a cell at infusion, as a configuration gives it."""
        pretreatment, states = _given(config, "pretreatment"), potencies(config)
        if pretreatment is None:
            return states
        states["immune"] *= float(pretreatment.potency)
        return {**states, "licence": float(pretreatment.initial_licence)}

    def act(self) -> None:
        """Relax the licence towards its law; let the effect of pretreatment end."""
        for arm in self.model.arms:
            cells, pretreatment = self.rows_of(arm), _given(arm.config, "pretreatment")
            if self.law("licence") is not None:
                self.relax("licence", None if pretreatment is None else pretreatment.licence_rise, cells)
            if pretreatment is not None and pretreatment.lasts is not None:
                over = self.state("age")[cells] > float(pretreatment.lasts)
                lasting = np.float32(potencies(arm.config)["immune"])
                self.machine.xp.copyto(self.state("immune")[cells], lasting, where=over)


def potencies(config: Any) -> dict[str, float]:
    """Return the lasting potencies: source x donor. Where a therapy was taken back, both are as in the reference."""
    source, donor = _given(config, "source"), _given(config, "donor")
    factor = 1.0 if donor is None else float(donor.potency)
    return {name: factor * (1.0 if source is None else float(getattr(source, name))) for name in POTENCIES}


def _given(config: Any, what: str) -> Any:
    """Return the entry of the table of what is given, its source, donor or pretreatment; None without a therapy."""
    name = getattr(config.therapy.msc, what)
    return None if name is None or config.msc is None else getattr(config.msc, f"{what}s")[name]
