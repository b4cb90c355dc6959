"""Kinds that only the configuration knows."""

from abm.population import Population


class Other(Population):
    """Cells that do what their laws say; a law may read whether they are active, and two laws switch that."""

    states = ("active",)
    switch = ("active", "activate", "deactivate")
