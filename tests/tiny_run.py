"""A lesion of 0.2 x 0.2 mm for a third of a day, and how to tell that two folders hold the same run."""

import json
from pathlib import Path

import numpy as np
import xarray as xr

from abm import Run

OVERRIDES = (
    "grid.size=[200, 200]",
    "tissue.venules.positions.central={x: 100, y: 100}",
    "therapy.msc.doses={early: {day: 0.05, dose: 20, route: local}, late: {day: 0.25, dose: 10, route: local}}",
    "output.measures_every=1 h",
    "output.frames_every=2 h",
    "output.checkpoint_every=2.5 h",
)
DAYS = 0.3
STEPS = 72
TINY = (*(word for override in OVERRIDES for word in ("--set", override)), "--days", str(DAYS), "--threads", "1")

QUICK = ("run", "diffusion", "--days", "0.05", "--threads", "1")  # 12 steps of one field, no cells


def assert_same_outputs(one: Path, other: Path) -> None:
    """Check that two folders hold the same digest, read-outs, profiles, events, frames and cells, each once and all whole."""
    first, second = Run.load(one), Run.load(other)
    for name in ("status", "identity", "digest", "frames", "steps", "measures", "cells"):
        assert first.info[name] == second.info[name], name
    for name in ("measures.csv", "profiles.csv", "events.jsonl", "config.yaml"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert first.measures.equals(second.measures) and first.profiles.equals(second.profiles)
    with xr.open_zarr(one / "fields.zarr") as a, xr.open_zarr(other / "fields.zarr") as b:
        assert a.identical(b)
    days = [[float(day) for day in run.cell_groups] for run in (first, second)]
    assert days[0] == days[1] == [float(day) for day in first.frame_days]
    for day in first.frame_days:
        assert first.cells(day).equals(second.cells(day))
        np.testing.assert_array_equal(first.field("tnf", day), second.field("tnf", day))
    leftovers = [path for path in other.rglob("*") if path.name.startswith(".") or path.suffix == ".partial"]
    assert not leftovers and not (other / "lock").exists()
    assert json.loads((other / "run.json").read_text())["error"] is None
