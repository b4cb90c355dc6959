"""Monocyte-derived macrophages on a continuous M1-M2 score."""

from abm.population import Population
from kernels.laws import polarise


class Macrophage(Population):
    """Phagocytes: they enter as M1 (score 1) and drift between M1 and M2 (score 0) with what surrounds them."""

    states = ("m1",)
    defaults = {"m1": 1.0}
    derived = {"m2": ("m1", 1.0, 0.0)}
    label_of = ("m1", "M1", "M2")

    def act(self) -> None:
        """Move the score towards the balance of the two rates."""
        to_m1, to_m2 = self.law("to_m1"), self.law("to_m2")
        if to_m1 is not None and to_m2 is not None:
            polarise(self.machine, self.n, self.state("m1"), to_m1, to_m2, self.model.dt)
