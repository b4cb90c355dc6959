"""Dendritic cells."""

from abm.population import Population


class Dendritic(Population):
    """Cells that mature, with no way back; mature ones present antigen to T cells that touch them."""

    states = ("mature",)
    switch = ("mature", "mature", None)
    label_of = ("mature", "mature", "immature")
