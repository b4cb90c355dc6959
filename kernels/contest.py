"""Contests for things that only one cell can have: every candidate bids with a random key, the highest key wins.

Two launches: in the first every candidate calls ``bid``, in the second ``wins``. A maximum of integers does not depend
on the order of threads, so neither does the winner. ``best`` is int64, one per thing, and 0 before the bids.
"""

import numpy as np

from kernels.random import draw
from kernels.source import atomic_max, device

U = np.uint64
LOW_WORD = U(0xFFFFFFFF)
KEY_SHIFT = U(32)
SIGN_BIT = U(1)
KIND_BITS = U(5)
KIND_SHIFT = U(8)  # above the number of the stream


@device
def contest_key(seed, stream, step, uid, kind):
    """Return a bid of one cell: 31 random bits above, 32 that no other bidder has below; greater than 0.

    kind     0..31, tells cells of different populations with one uid apart

    Two bids tie only if their random bits are equal and their uids differ by a multiple of 2^27.
    """
    word, _, _, _ = draw(seed, U(stream) | (U(kind) << KIND_SHIFT), step, uid)
    return np.int64(((word >> SIGN_BIT) << KEY_SHIFT) | (((U(uid) << KIND_BITS) | U(kind)) & LOW_WORD)) + np.int64(1)


@device
def bid(best, thing, key):
    """Bid ``key`` for ``thing``."""
    atomic_max(best, U(thing), key)


@device
def wins(best, thing, key):
    """Whether ``key`` was the highest bid for ``thing``; true for exactly one bidder."""
    return best[U(thing)] == key
