"""Venules: their barrier opens and closes, and leukocytes enter."""

import math
from bisect import bisect_right
from itertools import accumulate
from typing import Any

from tests.twin.cell import Cell
from tests.twin.chance import uniform, words


class Venule(Cell):
    """A venule. bbb  how open its barrier is;  served  tissue that it serves, mm3"""

    kind = "venule"
    states = {"bbb": 0.0, "served": 0.0}

    def act(self) -> None:
        """Open and close the barrier."""
        super().act()
        change = (self.rates["open"] - self.rates["close"] * self.bbb) * self.model.step_hours
        self.bbb = min(max(self.bbb + change, 0.0), 1.0)


def admit(model: Any) -> None:
    """Let leukocytes enter: through open barriers, and by surveillance anywhere in the tissue."""
    venules = sorted(model.cells("venule"), key=lambda venule: (venule.voxel, venule.uid))
    for kind in model.behaviour:
        arrivals = []
        for venule in venules:
            expected = venule.rates.get(f"enter_{kind}", 0.0) * venule.served * model.step_hours
            for key in _keys(model, kind, expected, venule.uid << 32):
                a, b, *_ = words(*key)[0]
                angle, far = 2 * math.pi * uniform(a), model.place_radius * math.sqrt(uniform(b))
                arrivals.append((venule.x + far * math.cos(angle), venule.y + far * math.sin(angle)))
        rates = model.tissue.rates.get(f"enter_{kind}")
        if rates is not None:
            arrivals += _anywhere(model, kind, rates * model.tissue.inside)
        for x, y in arrivals:
            model.welcome(kind, min(max(x, 0.0), model.width), min(max(y, 0.0), model.height))


def _anywhere(model: Any, kind: str, rates: Any) -> list[tuple[float, float]]:
    """Draw who enters by surveillance, each voxel by its rate."""
    expected = float(rates.sum()) * model.voxel_volume * 1e-9 * model.step_hours
    keys, places = _keys(model, kind, expected, 0), []
    reached = list(accumulate(model.grid.inner(rates)[0, 0].reshape(-1).tolist())) if keys else []
    for key in keys:
        a, b, c, _ = words(*key)[0]
        at = min(bisect_right(reached, uniform(a) * reached[-1]), len(reached) - 1)
        row, column = divmod(at, model.grid.nx)
        places.append(((column + uniform(b)) * model.grid.h, (row + uniform(c)) * model.grid.h))
    return places


def _keys(model: Any, kind: str, expected: float, door: int) -> list[tuple]:
    """Draw how many enter at a door, and return what the words of each are keyed by."""
    seed = model.behaviour[kind].seed
    a, b, *_ = words(seed, "enter", model.steps, [door])[0]
    count = poisson(expected, ((a << 21) + (b >> 11)) / 2.0**53)
    return [(seed, "enter", model.steps, [door + arrival]) for arrival in range(1, count + 1)]


def poisson(expected: float, mark: float) -> int:
    """Return a Poisson count by inversion of a uniform number."""
    count, term = 0, math.exp(-expected)
    reached = term
    while mark >= reached and term > 0.0:
        count += 1
        term *= expected / count
        reached += term
    return count
