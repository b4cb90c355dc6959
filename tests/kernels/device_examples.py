"""Small launches of what looks at a machine: for parity, the simulator and PTX."""

import numpy as np


def multiply_add(rng):
    return 9, [*rng.random((3, 9)).astype(np.float32), np.zeros(9, np.float32)]


EXAMPLES = {"multiply_add": multiply_add}
