"""One number of a workload, and how it is timed.

Other jobs on the machine only ever make a figure worse: the best of several runs is told.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One number of a workload; ``timed`` says whether it scales with the speed of the machine."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    timed: bool = False


def best_time(run: Callable[[], object], repeats: int) -> float:
    """Return the least seconds of ``repeats`` runs, after one that does not count."""
    run()
    return min(timed(run) for _ in range(repeats))


def timed(run: Callable[[], object]) -> float:
    """Return the seconds that ``run`` takes."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin
