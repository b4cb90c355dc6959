"""Resident microglia: homeostatic until an alarm activates them, then phagocytes on the M1-M2 score of macrophages."""

from abm.population import Population
from kernels.laws import polarise
from kernels.states import score_active


class Microglia(Population):
    """Microglia tile healthy tissue; only active ones carry a score, secrete and walk at full speed.

    active   0 homeostatic, 1 active
    m1       score of an active cell, 1 when it becomes active; 0 of a homeostatic one
    m2       1 - m1 of an active cell; 0 of a homeostatic one
    alarm    relaxes towards its law
    """

    states = ("active", "m1", "m2", "alarm")
    switch = ("active", "activate", "calm")
    label_of = ("active", "active", "resting")
    tiles = True

    def place_cells(self, x, y, z, slab, **states) -> slice:
        """Add cells at positions in um; what an active one is not M1, it is M2."""
        rows = super().place_cells(x, y, z, slab, **states)
        active, m1, m2 = (self._row(f"self.{name}")[rows] for name in ("active", "m1", "m2"))
        m2[:] = active - m1
        return rows

    def act(self) -> None:
        """Raise or calm the alarm, move the score of the active towards the balance of its two rates."""
        active, m1, m2 = (self.state(name) for name in ("active", "m1", "m2"))
        if self.law("alarm") is not None:
            self.relax("alarm")
        to_m1, to_m2 = self.law("to_m1"), self.law("to_m2")
        if to_m1 is not None and to_m2 is not None:
            polarise(self.machine, self.n, m1, to_m1, to_m2, self.model.dt)
        score_active(self.machine, self.n, self.befallen, active, m1, m2)
