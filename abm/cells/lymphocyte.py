"""Lymphocytes: B cells, and the effector T cells Th1, Th17 and CD8."""

from typing import ClassVar

from abm.population import DIVIDES, Population


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
        since = self.state("since_antigen")
        since += self.model.dt
        since[self.state("active") > 0] = 0.0
