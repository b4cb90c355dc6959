"""The state of each slab by itself, as its run alone would have it; the states of several side by side; and the digest.

How slabs lie in an array follows from the group that its name begins with:

    fields, tissue   the voxels of one slab after those of another, as often as a voxel has numbers
    cells            rows in any order: a cell knows its slab by its voxel
    others           one entry of the first axis each; of budgets, of the last
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

State = Mapping[str, np.ndarray]

CONCENTRATION, BUDGET, VOXEL, NEXT = "fields/concentration", "fields/budget", "voxel", "next_uid"
THERAPY, PERIPHERY = "therapy/", "periphery/"
COME, CSF = f"{PERIPHERY}come", f"{PERIPHERY}csf"  # of a slab to whose CSF no MSC ever came the first has no columns


def apart(state: State) -> list[dict[str, np.ndarray]]:
    """Return the state of each slab, as if each had been alone."""
    slabs = len(state["seeds"])
    if slabs == 1:
        return [dict(state)]
    whole = state[CONCENTRATION].shape[-1] // slabs
    states: list[dict[str, np.ndarray]] = [{} for _ in range(slabs)]
    rows = {kind: _rows(state[f"cells/{kind}/{VOXEL}"] // whole, slabs) for kind in _kinds(state)}
    for name, array in state.items():
        group, _, rest = name.partition("/")
        kind, _, column = rest.partition("/")
        for slab, own in enumerate(states):
            if name == "steps":
                own[name] = array.copy()
            elif name == BUDGET:
                own[name] = array[..., slab : slab + 1].copy()
            elif group in ("fields", "tissue"):
                own[name] = array.reshape(-1, slabs, whole)[:, slab].reshape(*array.shape[:-1], -1)
            elif group == "cells" and column != NEXT:
                part = array[rows[kind][slab]]
                own[name] = part - part.dtype.type(slab * whole) if column == VOXEL else part
            else:
                own[name] = array[slab : slab + 1].copy()
    for own in states:
        if COME in own and not own[CSF].any() and not own[COME].any():
            own[COME] = own[COME][:, :0]
    return states


def together(states: Sequence[State]) -> dict[str, np.ndarray]:
    """Return the state of all slabs side by side, given those of each alone."""
    first = states[0]
    if len(states) == 1:
        return dict(first)
    whole = first[CONCENTRATION].shape[-1]
    joined = {}
    for name in first:
        parts = [state[name] for state in states]
        group = name.partition("/")[0]
        if name == "steps":
            joined[name] = parts[0]
        elif name == COME:
            joined[name] = _come_together(parts)
        elif group == "fields":
            joined[name] = np.concatenate(parts, axis=-1)
        elif group == "tissue":
            joined[name] = np.stack([part.reshape(-1, whole) for part in parts], axis=1).reshape(-1)
        elif group == "cells" and name.endswith(f"/{VOXEL}"):
            joined[name] = np.concatenate([part + part.dtype.type(slab * whole) for slab, part in enumerate(parts)])
        else:
            joined[name] = np.concatenate(parts)
    return joined


def periphery_together(states: Sequence[State]) -> dict[str, np.ndarray]:
    """Return the compartments of all slabs, given those of some and those of the slabs that follow."""
    come = COME.removeprefix(PERIPHERY)
    joined = {name: [state[name] for state in states] for name in states[0]}
    return {name: _come_together(parts) if name == come else np.concatenate(parts) for name, parts in joined.items()}


def _come_together(parts: Sequence[np.ndarray]) -> np.ndarray:
    most = max(part.shape[1] for part in parts)
    return np.concatenate([np.pad(part, ((0, 0), (0, most - part.shape[1]))) for part in parts])


def digest(state: State, fields: Iterable[str]) -> str:
    """Return the SHA-256 over the complete state of one slab: equal digests, equal runs. fields  names in their order"""
    whole, sha = state[CONCENTRATION].shape[-1], hashlib.sha256()

    def add(name: str, array: np.ndarray) -> None:
        sha.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        sha.update(np.ascontiguousarray(array).tobytes())

    def group(prefix: str) -> list[str]:
        return sorted(name for name in state if name.startswith(prefix))

    add("steps", state["steps"])
    add("seed", state["seeds"])
    for name, row in zip(fields, state[CONCENTRATION], strict=True):
        add(f"fields/{name}", row)
    for name in group("tissue/"):
        add(name, state[name].reshape(-1, whole))
    for kind in sorted(_kinds(state)):
        by_uid = np.argsort(state[f"cells/{kind}/uid"], kind="stable")
        for name in group(f"cells/{kind}/"):
            if not name.endswith(f"/{NEXT}"):
                add(name, state[name][by_uid])
        add(f"cells/{kind}/{NEXT}", state[f"cells/{kind}/{NEXT}"])
    for name in (*group(THERAPY), *group(PERIPHERY)):
        add(name, state[name])
    return sha.hexdigest()


def _kinds(state: State) -> set[str]:
    return {name.split("/")[1] for name in state if name.startswith("cells/")}


def _rows(slab_of: np.ndarray, slabs: int) -> list[np.ndarray]:
    """Which rows belong to each slab, in the order they stand in."""
    order = np.argsort(slab_of, kind="stable")
    return np.split(order, np.searchsorted(slab_of[order], np.arange(1, slabs)))
