"""Mesenchymal stem cells given as a therapy."""

from abm.population import Population

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
        pretreatment = config.msc.pretreatments[config.therapy.msc.pretreatment]
        self.relax("licence", pretreatment.licence_rise)
        if pretreatment.lasts is not None:
            self.state("immune")[self.state("age") > float(pretreatment.lasts)] = self.potencies()["immune"]
