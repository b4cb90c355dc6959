"""Lymphocytes: B cells, and the effector T cells Th1, Th17 and CD8."""

from typing import ClassVar

from abm.population import DIVIDES, Population
from kernels.states import forget_antigen


class Lymphocyte(Population):
    """Cells that are active or at rest; only active ones divide.

    divided   1 for a cell that divided or descends from a division
    """

    states: ClassVar[tuple[str, ...]] = ("active", "divided")
    switch = ("active", "activate", "deactivate")
    label_of = ("active", "active", "resting")

    def collect(self) -> None:
        """Note divisions before daughters take over the states of their mothers."""
        if DIVIDES in self.fated:
            self.state("divided")[self.machine.put(self.fated[DIVIDES])] = 1.0
        super().collect()


class EffectorT(Lymphocyte):
    """T cells that secrete and kill only while active, and forget their antigen."""

    states = (*Lymphocyte.states, "since_antigen")

    def act(self) -> None:
        """Count the hours since the cell was last active."""
        forget_antigen(self.machine, self.n, self.state("since_antigen"), self.state("active"), self.model.dt)
