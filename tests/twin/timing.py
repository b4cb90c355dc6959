"""What a step costs the lesion and its twin, side by side: ``time_twin(acute_lesion(10_000), rounds=4)``."""

import time
from typing import Any

from tests.twin.compare import differences
from tests.twin.model import TwinModel
from tests.twin.scene import EDGE, infiltrated_lesion

CELLS_ON_A_TILE = 290  # of EDGE by EDGE in a large tissue, bundles of axons not counted
STEPS_OF_A_ROUND = 2


def acute_lesion(n_cells: int) -> Any:
    """Return an acute lesion of about so many cells."""
    edge = EDGE * (n_cells / CELLS_ON_A_TILE) ** 0.5
    return infiltrated_lesion(20 * round(edge / 20))


def time_twin(lesion: Any, rounds: int) -> dict[str, float]:
    """Step a lesion and its twin on from the same tissue, and return what the fastest step of each took, in s.

    Rounds of both take turns, for a machine may be slow for minutes. In each round each steps on by itself for a while, as a
    simulation does, and its first step is not timed: it finds the other's numbers in the caches. Apart: without the solver of
    the fields, which both share. ``different`` counts the whole numbers of cells and voxels that differ at the end; times mean
    something where it is 0.
    """
    twin = TwinModel(lesion)
    taken: dict[str, list[tuple[float, float]]] = {"lesion": [], "twin": []}
    for _ in range(rounds):
        for name, model, fields in (("lesion", lesion, "diffuse"), ("twin", twin, "fields")):
            model.step()
            for _ in range(STEPS_OF_A_ROUND):
                before, begin = model.phase_seconds.get(fields, 0.0), time.perf_counter()
                model.step()
                whole = time.perf_counter() - begin
                taken[name].append((whole, whole - (model.phase_seconds[fields] - before)))
    best = {name: [min(each) for each in zip(*steps)] for name, steps in taken.items()}
    return {
        "cells": len(twin.agents),
        "different": sum(1 for _ in differences(lesion, twin)),
        "lesion": best["lesion"][0],
        "twin": best["twin"][0],
        "lesion apart": best["lesion"][1],
        "twin apart": best["twin"][1],
        "ratio": best["twin"][0] / best["lesion"][0],
        "ratio apart": best["twin"][1] / best["lesion"][1],
    }
