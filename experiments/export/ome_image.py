"""OME-Zarr 0.5 (ngff.openmicroscopy.org): fields and layers of the tissue as one image over time, a channel each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from abm.run_folder import Run
from experiments.failures import Refused

VERSION = "0.5"
DECIMALS = 6  # of the time between frames, days
WHITE = "FFFFFF"


def write(run: Run, days: Sequence[float], path: Path) -> None:
    """Make an image (t, c, [z,] y, x), float32: time in days, places in um from the middle of the first voxel."""
    layers = [run.field(name, days[0]) for name in run.layers]
    if not layers:
        raise Refused(f"{run.folder} keeps no fields; see output.fields")
    shape = (len(days), len(layers), *layers[0].shape)
    group = zarr.create_group(path, zarr_format=3)
    axes = ["t", "c", *map(str, layers[0].dims)]
    image = group.create_array("0", shape=shape, dtype="float32", chunks=(1, 1, *shape[2:]), dimension_names=axes)
    least, most = np.full(len(layers), np.inf), np.zeros(len(layers))
    for t, day in enumerate(days):
        frame = np.stack([run.field(str(layer.name), day).to_numpy() for layer in layers])
        image[t] = frame
        flat = frame.reshape(len(layers), -1)
        least, most = np.minimum(least, flat.min(axis=1)), np.maximum(most, flat.max(axis=1))
    edge = float(run.config.grid.voxel)
    scale = [_interval(days), 1.0, *[edge] * len(layers[0].dims)]
    begin = [float(days[0]), 0.0, *[edge / 2] * len(layers[0].dims)]
    placed = [{"type": "scale", "scale": scale}, {"type": "translation", "translation": begin}]
    only = {"path": "0", "coordinateTransformations": placed}
    described: dict[str, Any] = {
        "version": VERSION,
        "multiscales": [{"name": run.name, "axes": [_axis(name) for name in axes], "datasets": [only]}],
        "omero": {"channels": [_channel(*each) for each in zip(layers, least, most)], "rdefs": {"model": "greyscale"}},
    }
    group.attrs["ome"] = described
    group.attrs["remyelin"] = {"days": list(days), "units": {str(each.name): each.attrs["unit"] for each in layers}}


def _interval(days: Sequence[float]) -> float:
    """Return the time between frames where it is the same for all but the end of the run; else 1: their number is their time."""
    gaps = np.diff(days)
    return float(gaps[0]) if len(set(np.round(gaps[:-1] if len(gaps) > 1 else gaps, DECIMALS))) == 1 else 1.0


def _axis(name: str) -> dict[str, str]:
    if name == "c":
        return {"name": name, "type": "channel"}
    if name == "t":
        return {"name": name, "type": "time", "unit": "day"}
    return {"name": name, "type": "space", "unit": "micrometer"}


def _channel(layer: Any, least: float, most: float) -> dict[str, Any]:
    """How a viewer shows a field: from 0, or below, to its highest value over all frames."""
    window = {"min": min(float(least), 0.0), "start": min(float(least), 0.0), "max": float(most), "end": float(most)}
    return {
        "label": f"{layer.attrs['label']} [{layer.attrs['unit']}]",
        "color": WHITE,
        "window": window,
        "active": True,
    }
