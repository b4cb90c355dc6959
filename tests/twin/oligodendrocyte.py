"""Oligodendrocytes: they hold sheaths, lose them to stripping, and wrap bare axons in their reach."""

from typing import Any

from tests.twin.cell import Cell
from tests.twin.chance import any_of, first_struck, happens, lot, probability, uniform, words

ORIGINAL, NEW = 0, 1
Sheath = tuple[int, int]  # voxel, ORIGINAL or NEW


class Oligodendrocyte(Cell):
    """A cell with a sheath or None in each of its slots."""

    kind = "oligodendrocyte"
    streams = ("sheath", "wrap")

    def __init__(self, model: Any, uid: int, x: float, y: float, slots: list[Sheath | None] | None = None):
        super().__init__(model, uid, x, y)
        self.slots = [None] * model.tissue.n_slots if slots is None else slots
        self.held = sum(slot is not None for slot in self.slots)

    def be_stripped(self) -> None:
        """Lose each sheath by the hazard of its voxel: slots are struck as if all had the highest, some strokes miss."""
        model, tissue, n = self.model, self.model.tissue, len(self.slots)
        highest, struck = tissue.highest, 0
        chance, k, stroke = self.words["sheath"], 0, 0
        while k < n:
            any_left = any_of(highest, n - k)
            if stroke:
                chance = words(self.does.seed, "sheath", model.steps, [self.uid], stroke)[0]
            if not happens(chance, any_left):
                break
            k = first_struck(uniform(chance[2]) * any_left, highest, k, n)
            sheath = self.slots[k]
            if sheath is not None and uniform(chance[3]) * highest < probability(tissue.hazard[sheath[0]]):
                self.slots[k] = None
                struck += 1
                tissue.lose(*sheath)
            k, stroke = k + 1, stroke + 1
        self.held -= struck

    def bid(self) -> None:
        """Bid for one bare stretch of axon: the first in reach, from a random place on."""
        model, tissue, free = self.model, self.model.tissue, len(self.slots) - self.held
        chance = self.words["wrap"]
        if free < 1 or not happens(chance, probability(self.rates["myelinate"] * free * model.step_hours)):
            return
        reach = tissue.reach
        begin = chance[2] % len(reach)
        column, row = model.column_and_row(self.voxel)
        for dx, dy in (*reach[begin:], *reach[:begin]):
            if model.holds(column + dx, row + dy):
                voxel = model.voxel(column + dx, row + dy)
                if tissue.bare[voxel] > 0:
                    tissue.bids[voxel].append((lot(self.does.seed, "wrap_key", model.steps, self.uid, 0), self))
                    return

    def wrap(self, voxel: int) -> None:
        """Wrap an axon of a voxel anew."""
        self.slots[self.slots.index(None)] = (voxel, NEW)
        self.held += 1
        self.model.tissue.owned[NEW][voxel] += 1

    def leave(self) -> None:
        """Leave the sheaths as orphans."""
        for sheath in self.slots:
            if sheath is not None:
                self.model.tissue.orphan(*sheath)
        super().leave()
