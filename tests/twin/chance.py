"""Chance: words keyed by (seed, stream, step, uid), as a run defines them, and what they decide.

The words that every cell needs in a step are drawn at once for all cells of a kind.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from kernels.random import STREAMS, draw

U = np.uint64
WORD = 2**64
STROKE = 8  # bits above the number of a stream: later draws of one cell, or the number of its kind
MOST = 16.0  # hazards above are as good as certain


def words(seed: int, stream: str, step: int, uids: Sequence[int], stroke: int = 0) -> list[tuple[int, ...]]:
    """Return four 32-bit words for each uid."""
    number = U(STREAMS[stream] | stroke << STROKE)
    with np.errstate(over="ignore"):
        drawn = draw(U(seed % WORD), number, U(step), np.array(uids, U))
    return list(zip(*(column.tolist() for column in drawn)))


def deal(cells: Iterable, streams: Sequence[str], seed: int, step: int) -> None:
    """Give every cell its words of this step: ``cell.words[stream]``."""
    cells = list(cells)
    uids = [cell.uid for cell in cells]
    for stream in streams if cells else ():
        for cell, four in zip(cells, words(seed, stream, step, uids)):
            cell.words[stream] = four


def probability(hazard: float) -> float:
    """Return the probability of an event of a hazard (rate times time)."""
    return -math.expm1(-min(hazard, MOST))


def any_of(p: float, n: int) -> float:
    """Return the probability that one of ``n`` independent events happens."""
    return 1.0 - (1.0 - p) ** n


def happens(four: Sequence[int], p: float) -> bool:
    """Whether an event happens, by the first two words."""
    return (four[0] << 8 | four[1] >> 24) < int(p * 2.0**40)


def uniform(word: int) -> float:
    """Turn a word into a number in [0, 1)."""
    return (word >> 8) * 2.0**-24


NORMAL = 1.0 / math.sqrt(4.0 * (2.0**32 - 1.0) / 12.0)


def normal(a: int, b: int) -> float:
    """Turn two words into a number of mean 0 and variance 1: the sum of four 16-bit uniforms."""
    return ((a & 0xFFFF) + (a >> 16) + (b & 0xFFFF) + (b >> 16) - 131070) * NORMAL


def lot(seed: int, stream: str, step: int, uid: int, number: int) -> tuple[int, int]:
    """Return what a cell of the kind ``number`` bids for a thing that only one can have: the highest lot gets it."""
    first = words(seed, stream, step, [uid], number)[0][0]
    return first >> 1, (uid << 5 | number) & 0xFFFFFFFF


def first_struck(mark: float, p: float, k: int, n: int) -> int:
    """Return which of the things ``k`` to ``n - 1``, each struck with probability ``p``, is the first that is struck."""
    reached = p
    while k + 1 < n and mark >= reached:
        reached += (1.0 - reached) * p
        k += 1
    return k
