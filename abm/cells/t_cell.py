"""Effector T cells: Th1, Th17 and CD8."""

import numpy as np

from abm.population import Population


class EffectorT(Population):
    """T cells that divide, secrete and kill only while active, and forget their antigen."""

    states = ("active", "since_antigen")
    switches = {"active": ("activate", "deactivate")}
    label_of = ("active", "active", "resting")

    def act(self) -> None:
        """Switch activity, and count the hours since the cell was last active."""
        super().act()
        since = self.state("since_antigen")
        since += np.float32(self.model.step_hours)
        since[self.state("active") > 0] = 0.0
