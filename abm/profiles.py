"""Radial profiles: what lies how far from the centre of the lesion, ring by ring. They change nothing."""

import math
from typing import Any

import numpy as np

from abm.snapshot import Snapshot


def profile(model: Any, slab: int = 0) -> dict[str, np.ndarray]:
    """Return the profile of one slab now: columns with one entry per ring (in 3D: shell) that holds the middle of a voxel.

        r_um                   middle of the ring; it is ``output.profile_width`` wide
        volume_mm3             of its voxels
        myelin, axons, ...     mean of a layer of the tissue, as a fraction of the healthy state
        mean.<field>           mean concentration, in the unit of the field
        density.<kind>         cells per mm3; a cell is in the ring of its voxel
        m1_mean                mean M1 score of macrophages and active microglia; NaN where there are none

    float32. The centre is ``Snapshot.centre``: the venule that is forced open first, the first plaque, or the only venule
    with a position; else the middle of all that was ever demyelinated; else that of the tissue.
    """
    now = Snapshot(model, slab)
    width = float(model.config.output.profile_width)
    ring = np.floor(now.distance() / width).astype(np.int64)
    voxels = np.bincount(ring.ravel())
    kept = np.flatnonzero(voxels)

    def per_ring(values: np.ndarray) -> np.ndarray:
        return np.bincount(ring.ravel(), values.ravel(), minlength=len(voxels))[kept] / voxels[kept]

    columns = {"r_um": (kept + 0.5) * width, "volume_mm3": voxels[kept] * now.volume}
    columns |= {name: per_ring(layer) for name, layer in now.layers.items()}
    columns |= {f"mean.{name}": per_ring(now.field(name)) for name in model.config.fields}
    number = m1 = np.zeros(len(voxels))
    ring_of = now.padded(ring, 0)
    for kind in model.population:
        if kind in ("neuron", "venule"):
            continue
        cells = now.cells(kind)
        rings = ring_of[cells.voxel]
        count = np.bincount(rings, minlength=len(voxels))[kept]
        columns[f"density.{kind}"] = count / (voxels[kept] * now.volume)
        if "m1" in cells.states:
            number = number + np.bincount(rings, cells.active, minlength=len(voxels))
            m1 = m1 + np.bincount(rings, cells.active * cells.state("m1"), minlength=len(voxels))
    with np.errstate(invalid="ignore"):
        columns["m1_mean"] = np.where(number > 0, m1 / number, math.nan)[kept]
    return {name: column.astype(np.float32) for name, column in columns.items()}
