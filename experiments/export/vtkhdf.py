"""VTKHDF 2.3: fields as an image over time, cells as points over time (ParaView, VTK).

The format is that of docs.vtk.org (VTK File Formats, VTKHDF): what changes with time is appended along the first axis, and
the group ``Steps`` tells where each step begins.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas

from abm.run_folder import Run
from abm.tissue import voxel_volume
from experiments.export.sizes import diameters

VERSION = (2, 3)
FIELDS, CELLS = "fields.vtkhdf", "cells.vtkhdf"
TOPOLOGIES = ("Vertices", "Lines", "Strips", "Polygons")
NOT_NUMBERS = ("uid", "kind", "state", "x", "y", "z")
COMPRESSED: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


def write(run: Run, days: Sequence[float], path: Path) -> None:
    """Make a folder of two files, or one where a run keeps no more, that fit each other: places in um, time in days.

    fields   an image of voxels: every field and layer of the tissue that was kept. In 2D it is as thick as the slab of tissue
             and ends at z = 0, where the cells are: they lie on it
    cells    points: uid, diameter (um), all own numbers, and the numbers of kind and state, whose names are field data
    """
    path.mkdir(parents=True)
    if run.layers:
        with h5py.File(path / FIELDS, "w") as file:
            _write_fields(run, days, _root(file, "ImageData"))
    tables = [run.cells(day) for day in days]
    if any(map(len, tables)):
        with h5py.File(path / CELLS, "w") as file:
            _write_cells(run, days, tables, _root(file, "PolyData"))


def _root(file: h5py.File, kind: str) -> h5py.Group:
    root = file.create_group("VTKHDF")
    root.attrs["Version"] = np.array(VERSION, np.int64)
    root.attrs.create("Type", kind, dtype=h5py.string_dtype("ascii", len(kind)))
    return root


def _steps(root: h5py.Group, days: Sequence[float]) -> h5py.Group:
    steps = root.create_group("Steps")
    steps.attrs["NSteps"] = len(days)
    steps["Values"] = np.array(days, np.float64)
    return steps


def _write_fields(run: Run, days: Sequence[float], root: h5py.Group) -> None:
    config = run.config
    nx, ny, nz = (*config.shape, 1)[:3]
    edge = float(config.grid.voxel)
    depth = voxel_volume(config) / edge**2
    root.attrs["WholeExtent"] = np.array([0, nx, 0, ny, 0, nz], np.int64)
    root.attrs["Origin"] = np.array([0.0, 0.0, 0.0 if len(config.grid.size) == 3 else -depth])
    root.attrs["Spacing"] = np.array([edge, edge, depth])
    root.attrs["Direction"] = np.eye(3).ravel()
    steps, voxels = _steps(root, days), root.create_group("CellData")
    offsets = steps.create_group("CellDataOffsets")
    for name in run.layers:
        shape = len(days), nz, ny, nx
        layer = voxels.create_dataset(name, shape, np.float32, chunks=(1, *shape[1:]), **COMPRESSED)
        layer.attrs["unit"] = run.field(name, days[0]).attrs["unit"]
        offsets[name] = np.arange(len(days), dtype=np.int64)
        for step, day in enumerate(days):
            layer[step] = run.field(name, day).to_numpy().reshape(shape[1:])


def _write_cells(run: Run, days: Sequence[float], tables: Sequence[pandas.DataFrame], root: h5py.Group) -> None:
    count = np.array([len(table) for table in tables], np.int64)
    before = np.cumsum(count) - count
    whole = pandas.concat(tables, ignore_index=True)
    root["NumberOfPoints"] = count
    root.create_dataset("Points", data=whole[["x", "y", "z"]].to_numpy(np.float32), **COMPRESSED)
    for name in TOPOLOGIES:  # each point is a vertex of its own
        own, topology = count if name == TOPOLOGIES[0] else 0 * count, root.create_group(name)
        topology["NumberOfCells"] = topology["NumberOfConnectivityIds"] = own
        topology["Connectivity"] = np.concatenate([np.arange(n) for n in own]).astype(np.int64)
        topology["Offsets"] = np.concatenate([np.arange(n + 1) for n in own]).astype(np.int64)
    steps, points = _steps(root, days), root.create_group("PointData")
    steps["NumberOfParts"], steps["PartOffsets"] = np.ones(len(days), np.int64), np.arange(len(days), dtype=np.int64)
    steps["PointOffsets"] = before
    ends = np.stack([before, *[0 * before] * (len(TOPOLOGIES) - 1)], axis=1)
    steps["CellOffsets"] = steps["ConnectivityIdOffsets"] = ends
    names, offsets = root.create_group("FieldData"), steps.create_group("PointDataOffsets")
    columns = {name: whole[name].to_numpy(np.float32) for name in whole if name not in NOT_NUMBERS}
    sizes = whole["kind"].astype(str).map(diameters(run.config))
    columns |= {"uid": whole["uid"].to_numpy(np.int64), "diameter": sizes.to_numpy(np.float32)}
    for name in ("kind", "state"):
        kinds = whole[name].astype("category").cat
        known = list(kinds.categories)
        names.create_dataset(f"{name}s", data=known, dtype=h5py.string_dtype("ascii"))
        steps[f"FieldDataOffsets/{name}s"] = 0 * count
        steps[f"FieldDataSizes/{name}s"] = np.tile([1, len(known)], (len(days), 1)).astype(np.int64)
        columns[name] = kinds.codes.to_numpy(np.int32)
    for name, column in columns.items():
        points.create_dataset(name, data=column, **COMPRESSED)
        offsets[name] = before
