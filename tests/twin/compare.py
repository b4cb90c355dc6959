"""Comparison of a lesion with its twin: all that is a whole number must be the same."""

from collections.abc import Iterator
from typing import Any

import numpy as np

WHOLE_STATES = ("active", "divided", "mature")
NOT_CELLS_OF_THE_TWIN = ("neuron", "msc")


def whole_numbers(lesion: Any) -> dict[str, dict[Any, Any]]:
    """Return the whole numbers of a lesion: by cell and by voxel."""
    state, found = lesion.state(), {}
    for kind in lesion.population:
        columns = lesion.population[kind].columns()
        if kind in NOT_CELLS_OF_THE_TWIN:
            continue
        uids = columns["uid"].tolist()
        found[f"{kind}: next uid"] = {"": int(state[f"cells/{kind}/next_uid"][0])}
        for name in ("voxel", "slots", *WHOLE_STATES):
            if name in columns:
                found[f"{kind}: {name}"] = dict(zip(uids, columns[name].tolist()))
    found["sheaths by voxel"] = dict(enumerate(state["tissue/units"].reshape(4, -1).T.tolist()))
    found["bare once"] = dict(enumerate(state["tissue/ever_bare"].tolist()))
    return found


def whole_numbers_of_twin(twin: Any) -> dict[str, dict[Any, Any]]:
    """Return the same of a twin."""
    found: dict[str, dict[Any, Any]] = {}
    for kind in twin.behaviour:
        cells = twin.cells(kind)
        found[f"{kind}: next uid"] = {"": twin.next_uid[kind]}
        found[f"{kind}: voxel"] = {cell.uid: cell.voxel for cell in cells}
        for name in WHOLE_STATES:
            if any(hasattr(cell, name) for cell in cells):
                found[f"{kind}: {name}"] = {cell.uid: getattr(cell, name) for cell in cells}
    found["oligodendrocyte: slots"] = {cell.uid: _slots(cell) for cell in twin.cells("oligodendrocyte")}
    units = np.concatenate([twin.tissue.owned, twin.tissue.orphans])
    found["sheaths by voxel"] = dict(enumerate(units.T.tolist()))
    found["bare once"] = dict(enumerate(twin.tissue.ever_bare.tolist()))
    return found


def _slots(cell: Any) -> list[int]:
    return [-1 if slot is None else 2 * slot[0] + slot[1] for slot in cell.slots]


def differences(lesion: Any, twin: Any) -> Iterator[str]:
    """Tell what differs between a lesion and its twin, one line for each number."""
    ours, theirs = whole_numbers(lesion), whole_numbers_of_twin(twin)
    for what, numbers in ours.items():
        others = theirs.get(what, {})
        for key in sorted({*numbers, *others}, key=str):
            one, other = numbers.get(key), others.get(key)
            if one != other:
                yield f"step {lesion.steps}, {what} {key}: {one} in the lesion, {other} in the twin"
