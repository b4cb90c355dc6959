"""A run that a test paints, for pictures of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray

from abm.config import load

SIDE, VOXEL = 800, 20  # um


class PaintedRun:
    """A run whose tissue, cells and read-outs a test paints, with the interface of ``abm.run_folder.Run``."""

    def __init__(self, days, layers=None, cells=None, folder="painted", overrides=(), events=()):
        small = [f"grid.size=[{SIDE}, {SIDE}]", "tissue.venules.positions.central.x=400"]
        self.config = load("demo", overrides=[*small, "tissue.venules.positions.central.y=400", *overrides])
        self.name, self.folder = "painted", Path(folder)
        self.frame_days = np.asarray(days, float)
        self.painted = layers or {}
        self.layers = sorted(self.painted)
        self.placed = cells or (lambda day: [])
        self.events = list(events)
        self.info = {}
        self.measures = pd.DataFrame({"day": self.frame_days, "lesion_area_mm2": self.frame_days / 100})

    def nearest(self, day):
        return float(self.frame_days[np.abs(self.frame_days - day).argmin()])

    def field(self, name, day):
        shape = tuple(int(size / VOXEL) for size in reversed(self.config.grid.size))
        values = np.broadcast_to(np.asarray(self.painted[name](self.nearest(day)), np.float32), shape)
        return xarray.DataArray(values, dims=("z", "y", "x")[-len(shape) :])

    def cells(self, day):
        columns = ["kind", "x", "y", "z", "bbb", "active", "m1"]
        table = pd.DataFrame([(*cell, 1.0)[: len(columns)] for cell in self.placed(self.nearest(day))], columns=columns)
        return table.astype(dict.fromkeys(columns[1:], float)).assign(uid=np.arange(len(table)), state="")


def hole(day):
    """Myelin that is gone in the left half from day 5 on."""
    myelin = np.ones((SIDE // VOXEL, SIDE // VOXEL))
    if day >= 5:
        myelin[:, : SIDE // VOXEL // 2] = 0
    return myelin
