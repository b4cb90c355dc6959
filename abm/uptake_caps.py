"""How fast a voxel can take up a field at most, from the laws of uptake and the room for cells."""

import math
from typing import Any


def uptake_caps(config: Any, voxel_volume: float) -> dict[str, float]:
    """Return the fastest uptake of each field that a voxel can hold, 1/h: the solver's steps depend on it.

    Motile cells fill a part of the voxel (all of it where there is no tissue), so the greediest of them counts;
    sessile glia come on top.  voxel_volume   um^3
    """
    tissue, caps = config.tissue, {}
    fill, glia = (float(tissue.motile_fill), float(tissue.glia_capacity)) if tissue is not None else (1.0, 0.0)
    for name in config.fields:
        motile, others = 0.0, 0.0
        for kind, laws in config.laws.items():
            law = laws.get(f"uptake_{name}")
            if law is None:
                continue
            most, spec = law.highest / voxel_volume, config.cells.get(kind)
            if spec is not None and spec.motile:
                room = fill * voxel_volume / (math.pi / 6 * float(spec.diameter) ** 3)
                motile = max(motile, most * max(1, int(room)))
            else:
                others += most * max(1.0, glia * voxel_volume * 1e-9)
        caps[name] = motile + others
    clearing = config.laws.get("tissue", {}).get("clear_debris")
    if clearing is not None and "debris" in caps:
        caps["debris"] += clearing.highest
    return caps
