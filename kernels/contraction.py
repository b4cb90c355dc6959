"""Whether a machine rounds a * b + c once, as a fused multiply-add does, or twice, as our bits ask for."""

import numpy as np

from kernels.launch import kernel

NEAR_ONE = 1 + 2.0**-12  # its square has one digit more than float32 holds


@kernel
def multiply_add(i, a, b, c, out):
    """Compute a b + c for item ``i``. a, b, c  float32[n];  out  float32[n], written"""
    out[i] = a[i] * b[i] + c[i]


def contracts(machine) -> bool:
    """Return whether compiled code of a machine contracts: it would differ from the others in the last bit.

    Raises RuntimeError where nothing was computed at all.
    """
    a, c = (np.full(1, value, np.float32) for value in (NEAR_ONE, -(1 + 2.0**-11)))
    out = machine.put(np.ones(1, np.float32))
    multiply_add(machine, 1, machine.put(a), machine.put(a), machine.put(c), out)
    found = float(machine.get(out)[0])
    if found == 1.0:
        raise RuntimeError("a kernel was launched and wrote nothing")
    return found != 0.0
