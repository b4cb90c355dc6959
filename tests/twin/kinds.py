"""The kinds of cell: what each carries and what is special about it."""

from tests.twin.cell import Cell
from tests.twin.chance import happens, probability


class Lymphocyte(Cell):
    """Active or at rest; ``divided`` marks a cell that divided or descends from a division."""

    states = {"active": 0, "divided": 0}
    switches = {"active": ("activate", "deactivate")}

    def divide(self, uid: int) -> None:
        """Note the division before the daughter takes over the states of its mother."""
        self.divided = 1
        super().divide(uid)


class EffectorT(Lymphocyte):
    """T cells that forget their antigen: ``since_antigen`` counts the hours since the cell was active."""

    states = {**Lymphocyte.states, "since_antigen": 0.0}

    def act(self) -> None:
        """Switch activity, and count."""
        super().act()
        self.since_antigen = 0.0 if self.active else self.since_antigen + self.model.step_hours


class Th1(EffectorT):
    """Th1 cells."""

    kind = "th1"


class Th17(EffectorT):
    """Th17 cells."""

    kind = "th17"


class CD8(EffectorT):
    """Cytotoxic T cells."""

    kind = "cd8"


class Treg(Cell):
    """Regulatory T cells."""

    kind = "treg"


class BCell(Lymphocyte):
    """B cells."""

    kind = "b_cell"


class PlasmaCell(Cell):
    """Plasma cells."""

    kind = "plasma_cell"


class Dendritic(Cell):
    """Cells that mature, with no way back."""

    kind = "dendritic"
    states = {"mature": 0}
    switches = {"mature": ("mature", None)}


class Phagocyte(Cell):
    """Cells on a score from M1 (1) to M2 (0)."""

    def polarise(self) -> None:
        """Move the score towards the balance of its two rates."""
        to_m1, to_m2 = self.rates["to_m1"], self.rates["to_m2"]
        total = to_m1 + to_m2
        if total > 0.0:
            self.m1 += (to_m1 / total - self.m1) * probability(total * self.model.step_hours)


class Macrophage(Phagocyte):
    """Monocyte-derived macrophages; they enter as M1."""

    kind = "macrophage"
    states = {"m1": 1.0}

    @property
    def m2(self) -> float:
        """What is not M1."""
        return 1.0 - self.m1

    def act(self) -> None:
        """Age, and polarise."""
        super().act()
        self.polarise()


class Microglia(Phagocyte):
    """Resident microglia: only active ones carry a score."""

    kind = "microglia"
    states = {"active": 0, "m1": 0.0, "alarm": 0.0}
    switches = {"active": ("activate", "calm")}

    @property
    def m2(self) -> float:
        """What an active cell is not M1."""
        return self.active - self.m1

    def act(self) -> None:
        """Switch activity, follow the alarm, polarise; a cell that becomes active begins as M1."""
        resting = not self.active
        super().act()
        self.relax("alarm")
        self.polarise()
        self.m1 = (1.0 if resting else self.m1) * self.active


class Neutrophil(Cell):
    """Short-lived cells; NETosis kills one and leaves its traps where it stood."""

    kind = "neutrophil"
    deaths = ("die", "be_engulfed")
    streams = ("netose",)
    casts = False

    def act(self) -> None:
        """Age, and perhaps cast traps."""
        super().act()
        rate = self.rates["netose"] * self.model.step_hours
        self.casts = happens(self.words["netose"], probability(rate))
        if self.casts:
            self.model.cast_traps(self.voxel)

    def choose(self) -> None:
        """Draw a fate; NETosis is one."""
        super().choose()
        if self.casts:
            self.fate = "die"


class OPC(Cell):
    """Oligodendrocyte precursors."""

    kind = "opc"
    changes = {"differentiate": "premyelinating_ol"}


class Premyelinating(Cell):
    """Young oligodendrocytes."""

    kind = "premyelinating_ol"
    changes = {"mature": "oligodendrocyte"}
