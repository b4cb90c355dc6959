"""Whether something happens to each cell in a step: one draw per cell, in a loop that runs on vectors.

Most cells are spared. What happens to the others is worked out by kernels that pass over those that were spared.
"""

import numpy as np

from kernels.chance import probability
from kernels.launch import kernel
from kernels.random import draw, happens

U = np.uint64
YES = np.int32(1)
NO = np.int32(0)


@kernel
def draw_words(i, seed, stream, step, uid, words):
    """Draw the four words of item ``i``. seed, uid  uint64[n];  words  uint64[4 n], written: all first words first"""
    n = U(len(seed))
    words[i], words[n + i], words[U(2) * n + i], words[U(3) * n + i] = draw(seed[i], stream, step, uid[i])


@kernel
def chance_in_step(i, rate, dt, chance):
    """Turn a rate (1/h) into the probability of an event in a step. rate, chance  float32[n]"""
    chance[i] = probability(rate[i] * dt)


@kernel
def befall(i, seed, step, stream, uid, chance, befallen):
    """Draw whether an event of a probability happens to cell ``i``, by the first two words of its draw.

    seed      int64[n]     of the slab that a cell is in
    chance    float32[n]   probability of the event
    befallen  int32[n]     written: 1 if it happens, else 0
    """
    a, b, _, _ = draw(seed[i], stream, step, uid[i])
    befallen[i] = YES if happens(a, b, chance[i]) else NO
