"""How many runs one process computes side by side, as slabs of one model, and which: ``--slabs``."""

import math
from collections.abc import Mapping
from typing import Any

from abm.config.memory import total_and_free
from abm.config.refusals import MOST_OF_MEMORY, bytes_needed
from experiments.failures import Refused
from kernels.device import open_machine

AUTO = "auto"
# On a CPU slabs share only what a step costs however small the tissue is: as much as the work on 8000 voxels. Beyond
# twenty times that there is nothing left to share, and arrays that fit no cache any more cost again.
VOXELS_ON_CPU = 160_000


def read(given: str) -> int | None:
    """Return the number that ``--slabs`` gives, None for auto. Raises Refused where it is neither."""
    if given == AUTO:
        return None
    if not given.isdecimal() or int(given) == 0:
        raise Refused(f"--slabs {given} is neither auto nor a number of runs from 1")
    return int(given)


def most(slabs: int | None, configs: Mapping[Any, Any], left: int, at_once: int) -> dict[Any, int]:
    """Return how many runs go side by side at most with those of each config.

    slabs     as given; None for as many as pay: the work is divided so that no worker is idle, and each has its
              share of the memory here; on a CPU only while tissues are small
    left      runs that are to do
    at_once   processes that compute at a time
    """
    if slabs is not None:
        return dict.fromkeys(configs, slabs)
    largest = max(configs.values(), key=lambda config: math.prod(config.shape))
    machine = open_machine("auto", 1, math.prod(largest.shape) * left)
    free = machine.free_bytes() or total_and_free()[1]
    found = {}
    for key, config in configs.items():
        of_one = bytes_needed(config.grid, config.fields, config.cells)
        room = MOST_OF_MEMORY * free / at_once / of_one
        pays = math.inf if machine.target == "cuda" else VOXELS_ON_CPU / math.prod(config.shape)
        found[key] = max(1, int(min(left / at_once, room, pays)))
    return found


def groups(configs: Mapping[Any, Any], most: Mapping[Any, int]) -> dict[Any, int]:
    """Return a number for each config: equal ones go side by side. most  of ``most``; where it is 1 nobody looks"""
    from abm.alike import shared

    found: dict[Any, int] = {}
    groups: list[Any] = []  # what the configs of each share
    for key, config in configs.items():
        what = shared(config) if most[key] > 1 else key
        if what not in groups:
            groups.append(what)
        found[key] = groups.index(what)
    return found
