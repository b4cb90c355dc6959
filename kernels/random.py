"""Random numbers that depend only on (seed, stream, step, uid), never on thread order or row.

Philox4x32-10 (Salmon et al. 2011, Random123). Each use of chance has its own stream, listed here, so that no two
processes share draws. A draw is four 32-bit words.
"""

import numpy as np

from kernels.source import device

U = np.uint64

# One number per use of chance. Never renumber: a run's digest depends on them.
STREAMS = {
    name: number
    for number, name in enumerate(
        (
            "walk",  # Gaussian noise of a persistent random walk along x
            "walk_y",  # along y
            "walk_z",  # along z
            "fate",  # death, division and change of kind
            "activate",  # activation, deactivation
            "daughter",  # where a daughter cell goes
            "enter",  # how many cells enter, and where
            "place",  # initial positions
            "dose",  # positions of infused cells
            "room",  # priority of a move into a crowded voxel
            "sheath",  # loss of sheaths
            "wrap",  # a new sheath: whether, where, and its priority
            "wrap_key",  # priority of a bid for a bare stretch of axon
            "netose",  # NETosis
            "home",  # how many MSC come out of the blood, and where
            "home_csf",  # which part of a cell comes out of the CSF, and where
            "relapse",  # when and where a relapse begins
            "ablate",  # which lymphocytes of the tissue conditioning removes
        ),
        start=1,
    )
}

MASK = U(0xFFFFFFFF)
HALF_WORD = U(32)
MULTIPLIER_0 = U(0xD2511F53)
MULTIPLIER_1 = U(0xCD9E8D57)
WEYL_0 = U(0x9E3779B9)
WEYL_1 = U(0xBB67AE85)
ROUNDS = np.int64(10)
BYTE = U(8)
SIXTEEN = U(16)
LOW_16 = U(0xFFFF)
TO_UNIT = np.float32(2.0**-24)
MEAN_OF_FOUR = np.float32(131070.0)  # of the sum of four 16-bit integers, each 0..65535
TO_NORMAL = np.float32(1.0 / np.sqrt(4.0 * (2.0**32 - 1.0) / 12.0))  # scales that sum to unit variance
ZERO = np.float32(0.0)
ONE = np.float32(1.0)
HALF = np.float32(0.5)
TO_WORD = np.float32(2.0**40)
WORD_SHIFT = U(24)


@device
def philox(c0, c1, c2, c3, k0, k1):
    """Return the four 32-bit words (in uint64) of Philox4x32-10 for a counter of four and a key of two words."""
    for _ in range(ROUNDS):
        p0 = c0 * MULTIPLIER_0
        p1 = c2 * MULTIPLIER_1
        c0 = ((p1 >> HALF_WORD) ^ c1 ^ k0) & MASK
        c1 = p1 & MASK
        c2 = ((p0 >> HALF_WORD) ^ c3 ^ k1) & MASK
        c3 = p0 & MASK
        k0 = (k0 + WEYL_0) & MASK
        k1 = (k1 + WEYL_1) & MASK
    return c0, c1, c2, c3


@device
def draw(seed, stream, step, uid):
    """Return four independent 32-bit words for one cell, step and use; seed and uid are 64-bit, stream and step 32-bit."""
    s = U(seed)
    u = U(uid)
    return philox(u & MASK, u >> HALF_WORD, U(step) & MASK, U(stream), s & MASK, s >> HALF_WORD)


@device
def uniform(word):
    """Turn a word into a float32 in [0, 1), in steps of 2^-24."""
    return np.float32(word >> BYTE) * TO_UNIT


@device
def normal(a, b):
    """Turn two words into a float32 of mean 0 and variance 1: a sum of four uniforms, within +- 3.46, kurtosis -0.3."""
    total = (a & LOW_16) + (a >> SIXTEEN) + (b & LOW_16) + (b >> SIXTEEN)
    return (np.float32(total) - MEAN_OF_FOUR) * TO_NORMAL


@device
def happens(a, b, probability):
    """Whether an event of a probability happens, by two words: 40 bits, for a cell that dies once in 300 years."""
    return ((a << BYTE) | (b >> WORD_SHIFT)) < U(max(min(probability, ONE), ZERO) * TO_WORD)
