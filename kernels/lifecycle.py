"""What becomes of a cell: death, division, change of kind, as competing hazards."""

import numpy as np

from kernels.launch import kernel, span_kernel
from kernels.random import draw, uniform

U = np.uint64
ZERO = np.float32(0.0)
ONE = np.float32(1.0)
TWO = np.float32(2.0)
STAYS = np.int32(0)


@span_kernel(2)
def choose_fate(i, begin, end, befallen, seed, step, stream, uid, rates, codes, values, fate):
    """Draw the fate of a cell that something befell among competing hazards: one event at most per step.

    befallen    int32[n]      from ``befall`` by ``chance_of_rates`` of the hazards, with the same stream and seeds
    begin, end  of the hazards of a kind in ``rates``, int64: where the rates (1/h) stand in ``values``
    codes       int32         fate that each hazard leads to
    fate        int32[n]      written where something befell: the code
    """
    if befallen[i] != STAYS:
        total = ZERO
        for r in range(begin, end):
            total += values[U(rates[r]) + i]
        _, _, c, _ = draw(seed[i], stream, step, uid[i])
        mark = uniform(c) * total
        reached = ZERO
        chosen = STAYS
        for r in range(begin, end):
            rate = values[U(rates[r]) + i]
            reached += rate
            if rate > ZERO and (chosen == STAYS or mark >= reached - rate):
                chosen = codes[r]
        fate[i] = chosen


@kernel
def place_daughter(i, seeds, step, stream, whole, uid, voxel, x, y, z, distance, size_x, size_y, size_z, dims):
    """Move a daughter cell, born where its mother stands, by one diameter in a random direction, kept inside the tissue.

    x, y, z   float32[n], um, written;  size_*   float32, um
    """
    a, b, c, _ = draw(seeds[U(voxel[i]) // U(whole)], stream, step, uid[i])
    x[i] = min(max(x[i] + (TWO * uniform(a) - ONE) * distance, ZERO), size_x)
    y[i] = min(max(y[i] + (TWO * uniform(b) - ONE) * distance, ZERO), size_y)
    if dims > TWO:
        z[i] = min(max(z[i] + (TWO * uniform(c) - ONE) * distance, ZERO), size_z)
