"""The kinds of cell: what each carries, its states, and what it does in each phase."""

from abm.cells.macrophage import Macrophage
from abm.cells.microglia import Microglia
from abm.cells.msc import MSC
from abm.cells.neuron import Neuron
from abm.cells.oligodendrocyte import Oligodendrocyte
from abm.cells.progenitors import OPC, PremyelinatingOligodendrocyte
from abm.cells.t_cell import EffectorT
from abm.population import Population

CLASSES: dict[str, type[Population]] = {
    "th1": EffectorT,
    "th17": EffectorT,
    "cd8": EffectorT,
    "macrophage": Macrophage,
    "microglia": Microglia,
    "opc": OPC,
    "premyelinating_ol": PremyelinatingOligodendrocyte,
    "oligodendrocyte": Oligodendrocyte,
    "neuron": Neuron,
    "msc": MSC,
}


def population_class(kind: str) -> type[Population]:
    """Return the class of a kind; a kind that only the configuration knows is a plain Population."""
    return CLASSES.get(kind, Population)
