"""Oligodendrocytes and the sheaths they hold."""

from collections.abc import Callable
from typing import Any

import numpy as np

from abm.places import host_draw
from abm.population import Population
from kernels import binning, sheaths
from kernels.random import STREAMS, uniform

ORIGINAL, REMYELINATED = 0, 1
BEFORE_THE_RUN = 2**31  # steps that no run reaches: draws of the initial tissue
ADOPTION = 2**20  # steps apart from these


class Oligodendrocyte(Population):
    """Cells that hold sheaths on axons within their reach, lose them to stripping, and wrap bare axons anew.

    slots   int32[n, n_slots]   -1, or 2 * voxel (original) or 2 * voxel + 1 (remyelinated)
    """

    states = ("held",)  # sheaths held now
    slots: Any

    def prepare(self, laws) -> None:
        """Note the most sheaths that one cell can hold, and where it reaches."""
        super().prepare(laws)
        tissue = self.model.config.tissue
        self.quota = float(tissue.sheaths_per_oligodendrocyte)
        self.n_slots = int(self.quota * float(tissue.sheath_surplus))
        self.reach = self.machine.put(offsets_within(float(tissue.sheath_reach), self.grid))

    def settle_in(self, crowd: Any, index: int) -> None:
        """Take the rows that a crowd has for this kind."""
        before = self.room
        super().settle_in(crowd, index)
        if self.room == before:
            return
        slots, self._other_slots = (self.machine.zeros((self.room, self.n_slots), np.int32) for _ in range(2))
        slots[:] = -1
        if before:
            slots[: self.n] = self.slots[: self.n]
        self.slots = slots
        self.target = self.machine.zeros(self.room, np.int32)

    def _newborn(self, rows: slice, slab: np.ndarray) -> None:
        super()._newborn(rows, slab)
        self.slots[rows] = -1

    def _legacy(self, rows) -> dict[str, Any]:
        """What daughters get: no sheaths."""
        return {name: values for name, values in super()._legacy(rows).items() if name != "held"}

    def put_in_order(self, order) -> None:
        """Put the slots in the order of the cells."""
        flat = self.slots.reshape(-1), self._other_slots.reshape(-1)
        binning.permute_wide(self.machine, self.n, order, self.begin, self.n_slots, *flat)
        self.slots, self._other_slots = self._other_slots, self.slots

    def columns(self) -> dict[str, Any]:
        """Return all columns on the host; slots as voxels of the cell's own slab."""
        columns = super().columns()
        slots = self.machine.get(self.slots[: self.n])
        origin = 2 * (columns["voxel"] // self.grid.whole * self.grid.whole)[:, None]
        return {**columns, "slots": np.where(slots < 0, slots, slots - origin).astype(np.int32)}

    def put_columns(self, columns: dict[str, Any]) -> None:
        """Replace all cells by those of ``columns``."""
        super().put_columns(columns)
        origin = 2 * (columns["voxel"] // self.grid.whole * self.grid.whole)[:, None]
        slots = np.where(columns["slots"] < 0, columns["slots"], columns["slots"] + origin)
        self.slots[: self.n] = self.machine.put(slots.astype(np.int32))

    def myelinate_in_health(self) -> None:
        """Deal the sheaths of healthy tissue out: each cell wraps what is bare in reach, up to its usual number."""
        self._deal(ORIGINAL, self.model.tissue.count_bare, BEFORE_THE_RUN)

    def _deal(self, kind: int, count: Callable[[], None], step: int) -> None:
        """Deal sheaths out until none is left or no cell can take one: to each its usual number, then all it can hold.

        count   writes how many wait in each voxel to ``tissue.bare``, and opens their contest

        A slab in which that is so gets no further chance while others go on: alone it would have had none.
        """
        bare, xp = self.model.tissue.bare.reshape(self.grid.slabs, -1), self.machine.xp
        certain = self.machine.zeros(self.room, np.float32)
        certain[:] = 1e6
        for quota in (self.quota, float(self.n_slots)):
            dealt = xp.zeros(self.grid.slabs, bool)
            for attempt in range(1, 20 * self.n_slots):
                count()
                bare[dealt] = 0
                before = bare.sum(axis=1)
                self._wrap(certain, quota, kind, step + attempt)
                count()
                dealt |= (before == 0) | ((attempt > self.n_slots) & (bare.sum(axis=1) == before))
                if dealt.all():
                    break

    def adopt(self, voxels) -> None:
        """Deal the sheaths of dead cells in some voxels (bool[grid.size]) out to the living, as far as they can."""
        tissue, size = self.model.tissue, self.grid.size
        for kind in (ORIGINAL, REMYELINATED):
            owned, orphaned = (tissue.units[row * size : (row + 1) * size] for row in (kind, kind + 2))
            both = owned + orphaned

            def count(owned=owned, orphaned=orphaned, both=both) -> None:
                orphaned[voxels] = (both - owned)[voxels]
                tissue.bare[:] = orphaned * voxels
                tissue.best[:] = 0

            self._deal(kind, count, BEFORE_THE_RUN + ADOPTION * (kind + 1))

    def _wrap(self, rate, quota: float, kind: int, step: int) -> None:
        grid, tissue, n = self.grid, self.model.tissue, self.n
        place = (STREAMS["wrap_key"], grid.whole, self.uid, self.voxel)
        held, flat = self.state("held"), self.slots.reshape(-1)
        sheaths.chance_of_bid(self.machine, n, held, quota, rate, self.model.dt, self.chance)
        sheaths.bid_for_axon(
            self.machine, n, self.befalls("wrap", step), self.seeds, step, STREAMS["wrap"], *place,
            self.reach, len(self.reach) // 3, grid.nx, grid.ny, grid.nz, grid.sy, grid.sz, tissue.bare, tissue.best,
            self.target,
        )  # fmt: skip
        sheaths.wrap_axon(
            self.machine, n, self.seeds, step, *place, self.target, tissue.best, kind, flat, self.n_slots, held,
            tissue.units, grid.size,
        )  # fmt: skip

    def thin_sheaths(self, voxels: np.ndarray, share: float, new: float, step: int) -> None:
        """Keep a share of the sheaths in some voxels (bool[grid.size], host), picked by chance, and make ``new`` of them new.

        Each voxel keeps its share to the sheath; a part of one is left to chance.
        """
        get, put, n, size = self.machine.get, self.machine.put, self.n, self.grid.size
        slots, seeds = get(self.slots[:n]), get(self.seeds)[get(self.voxel[:n]) // self.grid.whole]
        each = get(self.uid[:n])[:, None] * self.n_slots + np.arange(self.n_slots)
        mark = uniform(host_draw(seeds[:, None], STREAMS["sheath"], BEFORE_THE_RUN + step, each)[0])
        there = (slots >= 0) & voxels[np.maximum(slots, 0) // 2]
        place = slots[there] // 2
        order = np.lexsort((mark[there], place))
        count, slab = np.bincount(place, minlength=size), np.arange(size) // self.grid.whole
        ranks = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
        voxel = np.arange(size) % self.grid.whole
        part = uniform(host_draw(get(self.seeds)[slab], STREAMS["sheath"], BEFORE_THE_RUN + step, -1 - voxel)[0])
        rank = np.empty(len(place))
        rank[order] = ranks
        rank += part[place]
        kept, renewed = (rank < portion * count[place] for portion in (share, share * new))
        slots[there] = np.where(renewed, 2 * place + 1, np.where(kept, slots[there], -1))
        self.slots[:n] = put(slots)
        self.state("held")[:] = put((slots >= 0).sum(axis=1).astype(np.float32))
        owned = slots[slots >= 0]
        self.model.tissue.units[: 2 * size] = put(np.bincount(owned % 2 * size + owned // 2, minlength=2 * size))

    def act(self) -> None:
        """Lose sheaths to stripping, and wrap bare axons in reach."""
        tissue, n, most = self.model.tissue, self.n, self.model.tissue.highest_hazard
        chance = self.machine.zeros(self.grid.slabs, np.float32)
        sheaths.chance_of_stroke(self.machine, self.grid.slabs, most, self.n_slots, chance)
        self.chance[:n] = chance[self.voxel[:n] // self.grid.whole] if self.grid.slabs > 1 else chance[0]
        sheaths.strip_sheaths(
            self.machine, n, self.befalls("sheath", self.model.steps), self.seeds, self.model.steps, STREAMS["sheath"],
            self.grid.whole, self.uid, self.voxel, self.slots.reshape(-1), self.n_slots, self.state("held"),
            tissue.sheath_hazard, most, tissue.units, self.grid.size, tissue.stripped,
        )  # fmt: skip
        rate = self.law("myelinate")
        if rate is not None:
            tissue.count_bare()
            self._wrap(rate, float(self.n_slots), REMYELINATED, self.model.steps)

    def leave(self, rows: np.ndarray) -> None:
        """Leave the sheaths of the dead as orphans."""
        units, size, slots = self.model.tissue.units, self.grid.size, self.slots.reshape(-1)
        sheaths.orphan_sheaths(self.machine, len(rows), self.machine.put(rows), slots, self.n_slots, units, size)


def offsets_within(radius: float, grid) -> np.ndarray:
    """Return the offsets (x, y, z) in voxels whose centres lie within a radius in um, flat, int32."""
    m = int(radius // grid.h)
    along = range(-m, m + 1)
    depth = along if grid.dims == 3 else (0,)
    inside = [
        (x, y, z) for z in depth for y in along for x in along if (x * x + y * y + z * z) * grid.h**2 <= radius**2
    ]
    return np.array(inside, np.int32).reshape(-1)
