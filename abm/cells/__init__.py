"""The kinds of cell: what each carries, its states, and what it does in each phase."""

from abm.cells.dendritic import Dendritic
from abm.cells.lymphocyte import EffectorT, Lymphocyte
from abm.cells.macrophage import Macrophage
from abm.cells.microglia import Microglia
from abm.cells.msc import MSC
from abm.cells.neuron import Neuron
from abm.cells.neutrophil import Neutrophil
from abm.cells.oligodendrocyte import Oligodendrocyte
from abm.cells.other import Other
from abm.cells.progenitors import OPC, PremyelinatingOligodendrocyte
from abm.population import Population

CLASSES: dict[str, type[Population]] = {
    "th1": EffectorT,
    "th17": EffectorT,
    "cd8": EffectorT,
    "treg": Population,
    "b_cell": Lymphocyte,
    "plasma_cell": Population,
    "dendritic": Dendritic,
    "macrophage": Macrophage,
    "microglia": Microglia,
    "neutrophil": Neutrophil,
    "opc": OPC,
    "premyelinating_ol": PremyelinatingOligodendrocyte,
    "oligodendrocyte": Oligodendrocyte,
    "neuron": Neuron,
    "msc": MSC,
}


def population_class(kind: str) -> type[Population]:
    """Return the class of a kind."""
    return CLASSES.get(kind, Other)
