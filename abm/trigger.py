"""The trigger: when something acts on the tissue from outside, in windows of time and at relapses."""

import math
from collections.abc import Iterator
from typing import Any

from abm.places import host_draw
from kernels.random import STREAMS, uniform

WORD = 2.0**-32


class Trigger:
    """Sets the row ``system.trigger`` of the laws: 0 where nothing acts, 1 in full.

    Relapses are a Poisson process of each slab. They follow from the seed alone, so that arms which share seeds share
    relapses, however long they run and however they are treated.
    """

    def __init__(self, model: Any):
        self.model = model
        spec = model.config.tissue.trigger if model.config.tissue is not None else None
        self.windows = list(spec.windows.values()) if spec is not None else []
        self.relapses: Any = spec.relapses if spec is not None else None
        self.named = list(model.config.tissue.venules.positions) if self.relapses is not None else []
        self._known: list[list[tuple[float, str]]] = [[] for _ in model.seeds]
        self._set: list[tuple[str | None, slice, float]] = []  # as it is in the row

    def set(self, hours: float) -> None:
        """Set the trigger as it is at an hour; only what has changed."""
        levels = []
        for window in self.windows:
            since, rise = hours - float(window.from_), float(window.rise)
            if 0 <= since < float(window.to) - float(window.from_):
                levels.append((window.venule, slice(None), min(1.0, since / rise) if rise else 1.0))
        for slab in range(len(self._known)) if self.relapses is not None else ():
            for begin, venule in self.beginning(slab, hours - float(self.relapses.length), hours):
                if begin + float(self.relapses.length) > hours:
                    levels.append((venule, slice(slab, slab + 1), 1.0))
        if levels != self._set:
            self._write(levels)
            self._set = levels

    def _write(self, levels: list[tuple[str | None, slice, float]]) -> None:
        """Write the trigger. levels  venule, or None for all of the tissue; of which slabs; how much"""
        row, xp = self.model.laws.row("system.trigger"), self.model.machine.xp
        row[:] = 0.0
        for venule, slabs, level in levels:
            where = slice(None) if venule is None else self.model.venules.voxel_of(venule)[slabs]
            row[where] = xp.maximum(row[where], row.dtype.type(level))

    def announce(self, hours: float, step: float) -> None:
        """Tell of the relapses that begin within a step."""
        for slab in range(len(self._known)) if self.relapses is not None else ():
            for begin, venule in self.beginning(slab, hours - step, hours):
                text = f"relapse at the venule {venule}, for {self.relapses.length.text}"
                self.model.events.append(
                    {"day": round(begin / 24, 4), "kind": "relapse", "slab": slab, "name": venule, "text": text}
                )

    def beginning(self, slab: int, after: float, until: float) -> Iterator[tuple[float, str]]:
        """Give the hour and the venule of each relapse that begins after one hour and not later than another."""
        known = self._known[slab]
        while not known or known[-1][0] <= until:
            known.append(self._next(slab, len(known), known[-1][0] if known else float(self.relapses.from_)))
        return (relapse for relapse in known if after < relapse[0] <= until)

    def _next(self, slab: int, number: int, since: float) -> tuple[float, str]:
        a, b, c, _ = host_draw(self.model.seeds[slab], STREAMS["relapse"], 0, number)
        chance = (float(a) + (float(b) + 0.5) * WORD) * WORD  # 64 bits, never 0
        wait = -math.log(chance) / float(self.relapses.rate)
        return since + wait, self.named[int(float(uniform(c)) * len(self.named))]
