"""Whether something happens to each cell in a step: one draw per cell, in a loop that runs on vectors.

Most cells are spared. What happens to the others is worked out by kernels that pass over those that were spared.
"""

import numpy as np

from kernels.chance import probability
from kernels.launch import kernel, row_kernel, row_program, span_kernel
from kernels.random import draw, happens

U = np.uint64
ZERO = np.float32(0.0)
NOTHING = np.int64(0)
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


@row_kernel(3, n_places=2)
def add_rate_row(i, rate, chance, adds, values, dt):
    """Add a rate (1/h) of a cell to what will be its chance, or begin with it. adds  1 to add, 0 to begin"""
    t = U(chance) + i
    before = values[t]
    values[t] = (before if adds != NOTHING else ZERO) + values[U(rate) + i]


@row_kernel(1, n_places=1)
def chance_row(i, chance, values, dt):
    """Turn the sum of the rates into the probability of an event in a step of ``dt`` h."""
    t = U(chance) + i
    values[t] = probability(values[t] * dt)


chance_of_rates = row_program("chance_of_rates", add_rate_row, chance_row)


@span_kernel()
def befall(i, seed, step, stream, uid, chance, befallen):
    """Draw whether an event of a probability happens to cell ``i``, by the first two words of its draw.

    seed      int64[n]     of the slab that a cell is in
    chance    float32[n]   probability of the event
    befallen  int32[n]     written: 1 if it happens, else 0
    """
    a, b, _, _ = draw(seed[i], stream, step, uid[i])
    befallen[i] = YES if happens(a, b, chance[i]) else NO
