"""W-CELLS: an hour of cells that secrete, take up, walk and climb in ten fields, on one thread.

Cells move and read the fields every 0.1 min, as in PhysiCell. What differs from it: a cell goes where a voxel has room
(neighbours do not push and pull); it climbs by the difference over 20 um to either side, slower where that is hardly any;
what it took up is counted by field, not by cell; its volume stays as it is. The fields are solved together with what cells
do in them (PhysiCell: one after the other, every 0.01 min): how right they are at the cells is measured.
"""

import json
import math
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from abm.config import load
from abm.law_tables import AVOGADRO
from abm.model import LesionModel
from experiments.bench import cells_reference as given
from experiments.bench.figures import Figure, timed
from experiments.bench.yardstick import child, peak
from experiments.failures import RunFailed

KINDS = ("a", "b")
PHASES = ("sense", "act", "diffuse", "move")
MOST_WRONG = 0.005  # at the cells; what PhysiCell comes to where they are dense
ACCURACY = 0.03  # of fields whose sources have just moved: at the cells over ten times as right as PhysiCell's
BYTES_TARGET = 300.0
STEEP = 100.0  # a difference of 0.5 / STEEP uM between the voxels ahead and behind is climbed as fast as any
GROWN = 10  # steps after which the memory of a cell is looked at


def figures(speed: float) -> Iterator[Figure]:
    """Measure an hour at every size, then the memory of a cell."""
    for name, n in given.SIZES.items():
        model = cells(n)
        error = follow(model, n)
        if error > MOST_WRONG:
            raise RunFailed(f"W-CELLS: the fields at {n} cells are {error:.2%} off: their time means nothing")
        yield Figure(f"{name}: field error at the cells", error * 100, "%", at_most=MOST_WRONG * 100)
        before = dict(model.phase_seconds)
        tenths = [timed(model.step) for _ in range(given.TENTHS_AN_HOUR)]
        hour = given.TENTHS_AN_HOUR * statistics.median(tenths)
        yield Figure(f"{name}: one simulated hour (room, no springs)", hour, "s", timed=True)
        for phase in PHASES:
            yield Figure(f"{name}: {phase}", model.phase_seconds[phase] - before[phase], "s", timed=True)
    yield Figure(
        "most memory, growth from 1k to 100k cells", bytes_each("experiments.bench.cells"), "bytes/cell", BYTES_TARGET
    )


def bytes_each(module: str) -> float:
    """Return by how much the most memory of a process grows with a cell. module  takes a number of cells, prints bytes"""
    few, many = min(given.SIZES.values()), max(given.SIZES.values())
    least, most = (float(child(module, str(n))[0][-1]) for n in (few, many))
    return (most - least) / (many - few)


def cells(n: int) -> LesionModel:
    """Return the model with ``n`` cells in their places."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cells.yaml"
        path.write_text(json.dumps(scenario()))
        model = LesionModel(load(path))
    places, types = given.lattice(n)
    for number, kind in enumerate(KINDS):
        x, y = places[types == number].T
        model.population[kind].place_cells(x, y, np.zeros(len(x)), 0)
    return model


def follow(model: LesionModel, n: int) -> float:
    """Step until the fields are looked at, and return their error at the cells."""
    types = given.lattice(n)[1]
    track = []
    for _ in range(given.CHECKED):
        track.append(_places(model, types))
        model.step()
    return given.error_at_cells(track, types, [model.field_frame(f"s{s}").astype(float) for s in given.STOOD_FOR])


def _places(model: LesionModel, types: np.ndarray) -> np.ndarray:
    """Return the places of all cells, in the order in which the lattice was laid."""
    places = np.empty((len(types), 2))
    for number, kind in enumerate(KINDS):
        columns = model.population[kind].columns()
        in_order = np.argsort(columns["uid"])
        places[types == number] = np.stack([columns["x"], columns["y"]], axis=1)[in_order]
    return places


def scenario() -> dict[str, Any]:
    """Return the scenario: its substances are in uM."""
    fields = {
        f"s{s}": {
            **_look(f"Substance {s}"), "unit": "uM", "D": _value(given.DIFFUSIVITY, "um^2/min"),
            "half_life": _value(math.log(2) / given.DECAY, "min"), "baseline": _value(given.START, "uM"),
        }
        for s in range(10)
    }  # fmt: skip
    diameter = _value((6 * given.CELL_VOLUME / math.pi) ** (1 / 3), "um")
    kind = {"diameter": diameter, "motile": True, "persistence": _value(given.PERSISTENCE, "min")}
    return {
        "schema": 1,
        "title": "W-CELLS",
        "purpose": "Two kinds of cells that live on what the other kind makes.",
        "time": {"days": "1 h", "step": f"{given.TENTH} min"},
        "grid": {"size": [given.SIDE, given.SIDE], "voxel": given.VOXEL, "thickness": given.VOXEL},
        "tissue": None,
        "fields": {"accuracy": ACCURACY, **fields},
        "cells": {name: {**_look(f"Type {name}"), **kind} for name in KINDS},
        "laws": {name: _laws(given.SECRETED[k], given.SECRETED[1 - k]) for k, name in enumerate(KINDS)},
    }


def _laws(makes: range, takes: range) -> dict[str, Any]:
    """What a kind secretes and takes up, and where it goes. Secretion up to a level is a source and an uptake."""
    molecules = (
        given.SHARE * given.SECRETION * given.SATURATION / 60 * 1e-6 * AVOGADRO * given.VOXEL**3 * 1e-15
    )  # uM/min of a voxel in 1/s
    goal = f"s{takes[0]}"
    climb = {goal: {"signal": goal, "linear": ["0 uM", "10 uM"], "from": 0, "to": 10 * STEEP, "source": "assumed"}}
    laws = {
        "speed": _law("speed", "um/min", given.SPEED),
        "bias": {**_law("bias", "1", 1.0, climb), "at_most": _value(given.BIAS)},
    }
    for s in makes:
        laws[f"secrete_s{s}"] = _law("secretion", "molecules/s", molecules)
        laws[f"uptake_s{s}"] = _law("uptake", "um^3/min", given.CELL_VOLUME * given.SECRETION)
    for s in takes:
        laws[f"uptake_s{s}"] = _law("uptake", "um^3/min", given.CELL_VOLUME * given.UPTAKE)
    return laws


def _law(of_type: str, unit: str, base: float, times: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": of_type, "unit": unit, "terms": {"all": {"base": _value(base), "times": times or {}}}}


def _value(number: float, unit: str = "") -> dict[str, Any]:
    return {"value": f"{number!r} {unit}" if unit else number, "source": "assumed"}


def _look(label: str) -> dict[str, Any]:
    return {"label": label, "colour": "#777777"}


if __name__ == "__main__":
    grown = cells(int(sys.argv[1]))
    for _ in range(GROWN):
        grown.step()
    print(peak())
