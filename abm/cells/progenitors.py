"""The oligodendrocyte lineage before myelin: precursors and pre-myelinating cells."""

from abm.population import Population


class OPC(Population):
    """Oligodendrocyte precursor cells: they keep their density, and differentiate where oligodendrocytes are missing."""

    changes = {"differentiate": "premyelinating_ol"}


class PremyelinatingOligodendrocyte(Population):
    """Young oligodendrocytes that have three days to find an axon, or die."""

    changes = {"mature": "oligodendrocyte"}
