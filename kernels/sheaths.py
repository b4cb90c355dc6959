"""Sheaths: discrete units of myelin that an oligodendrocyte holds on the axons of the voxels in its reach.

A slot of an oligodendrocyte is -1 when empty, else ``2 * voxel + 1`` for a remyelinated and ``2 * voxel`` for an original
sheath. A voxel counts its units in four arrays of ``units``, ``n_voxels`` apart: owned original, owned remyelinated,
orphaned original, orphaned remyelinated (their oligodendrocyte is dead).
"""

import numpy as np

from kernels.chance import probability
from kernels.contest import bid, contest_key, wins
from kernels.launch import kernel
from kernels.random import draw, happens, uniform
from kernels.source import atomic_add, device

U = np.uint64
I = np.int64  # noqa: E741 - the width of a small integer in a kernel
EMPTY = np.int32(-1)
ONE_UNIT = np.int32(1)
MINUS_ONE = np.int32(-1)
NO_UNIT = np.int32(0)
NOWHERE = np.int32(-1)
ZERO = np.float32(0.0)
ONE = np.float32(1.0)
GROUP = np.int64(8)
FLOOR = np.float32(0.999)


@device
def any_of(p, n):
    """Return the probability that one of ``n`` independent events of probability ``p`` happens: 1 - (1 - p)^n."""
    total = ZERO
    while n > I(0):
        if n & I(1) == I(1):
            total += p - total * p
        p = p * (np.float32(2) - p)
        n = n >> I(1)
    return total


@device
def first_struck(mark, p, k, n):
    """Return which of the units ``k`` to ``n - 1``, each struck with probability ``p``, is the first one struck.

    mark   a uniform number below the probability that one of them is
    """
    reached = p
    while k + I(1) < n and mark >= reached:
        reached += (ONE - reached) * p
        k += I(1)
    return k


@kernel
def chance_of_stroke(s, most, n_slots, chance):
    """Compute the probability that one of a cell's slots is struck in ``strip_sheaths``. most, chance  float32[slabs]"""
    chance[s] = any_of(probability(most[s]), I(n_slots))


@kernel
def strip_sheaths(
    i, struck, seeds, step, stream, whole, uid, voxel, slots, n_slots, held, hazard, most, units, n_voxels, stripped
):
    """Lose each sheath of oligodendrocyte ``i`` with the probability of its voxel's hazard.

    By thinning: slots are struck with the probability of the highest hazard of the slab, one after the other, and a
    stroke takes the sheath with the ratio of its own probability to that. Few cells are struck at all.

    struck     int32[n]              from ``befall`` by ``chance_of_stroke``, with the same stream
    hazard     float32[n_voxels]     expected losses of one unit in this step
    most       float32[slabs]        the highest hazard of each slab
    slots      int32[n * n_slots]    written;  held  float32[n], sheaths held, written
    units      int32[4 * n_voxels]   written;  stripped  int32[n_voxels], written: units lost as debris
    """
    if struck[i] != NO_UNIT:
        slab = U(voxel[i]) // U(whole)
        highest = probability(most[slab])
        k = I(0)
        stroke = I(0)
        while k < n_slots:
            any_left = any_of(highest, n_slots - k)
            a, b, c, d = draw(seeds[slab], I(stream) + (stroke << GROUP), step, uid[i])
            stroke += I(1)
            if not happens(a, b, any_left):
                break
            k = first_struck(uniform(c) * any_left, highest, k, n_slots)
            s = U(i) * U(n_slots) + U(k)
            if slots[s] != EMPTY:
                v = U(slots[s] >> ONE_UNIT)
                if uniform(d) * highest < probability(hazard[v]):
                    kind = U(slots[s] & ONE_UNIT)
                    slots[s] = EMPTY
                    held[i] -= ONE
                    atomic_add(units, kind * U(n_voxels) + v, MINUS_ONE)
                    atomic_add(stripped, v, ONE_UNIT)
            k += I(1)


@kernel
def orphan_sheaths(i, leaving, slots, n_slots, units, n_voxels):
    """Hand the sheaths of an oligodendrocyte that dies, row ``leaving[i]``, to the orphans of their voxels. leaving  int64"""
    for k in range(n_slots):
        s = U(leaving[i]) * U(n_slots) + U(k)
        if slots[s] != EMPTY:
            v = U(slots[s] >> ONE_UNIT)
            kind = U(slots[s] & ONE_UNIT)
            atomic_add(units, kind * U(n_voxels) + v, MINUS_ONE)
            atomic_add(units, (kind + U(2)) * U(n_voxels) + v, ONE_UNIT)
            slots[s] = EMPTY


@kernel
def chance_of_shedding(v, hazard, shedding, dt, units, n_voxels, chance):
    """Compute the probability that an orphaned unit of voxel ``v`` is lost in ``shed_orphans``. chance  float32[n_voxels]"""
    n = I(units[U(2) * U(n_voxels) + v]) + I(units[U(3) * U(n_voxels) + v])
    chance[v] = any_of(probability(hazard[v] + shedding[v] * dt), n) if n > I(0) else ZERO


@kernel
def shed_orphans(v, struck, seeds, step, stream, whole, hazard, shedding, dt, units, n_voxels, stripped):
    """Lose each orphaned unit of voxel ``v``: stripped as others are, or shed because its cell is dead.

    struck     int32[n_voxels]     from ``befall`` by ``chance_of_shedding``, with the same stream and the number of the voxel
    hazard     float32[n_voxels]   expected losses of one unit in this step;  shedding  float32[n_voxels], 1/h
    """
    first = U(2) * U(n_voxels) + v
    second = U(3) * U(n_voxels) + v
    n_original = I(units[first])
    n = n_original + I(units[second]) if struck[v] != NO_UNIT else I(0)
    p = probability(hazard[v] + shedding[v] * dt) if n > I(0) else ZERO
    k = I(0)
    stroke = I(0)
    while k < n:
        any_left = any_of(p, n - k)
        a, b, c, _ = draw(seeds[v // U(whole)], I(stream) + (stroke << GROUP), step, v % U(whole))
        stroke += I(1)
        if not happens(a, b, any_left):
            break
        k = first_struck(uniform(c) * any_left, p, k, n)
        if k < n_original:
            units[first] -= ONE_UNIT
        else:
            units[second] -= ONE_UNIT
        stripped[v] += ONE_UNIT
        k += I(1)


@kernel
def count_bare(v, axons, capacity, units, n_voxels, bare, best):
    """Count the stretches of axon in voxel ``v`` that carry no sheath, and open its contest.

    axons   float32[n_voxels]   surviving fraction;  capacity  float32[n_voxels], units of a full voxel
    bare    int32[n_voxels], best int64[n_voxels]   written
    """
    carried = units[v] + units[U(n_voxels) + v] + units[U(2) * U(n_voxels) + v] + units[U(3) * U(n_voxels) + v]
    room = np.int32(axons[v] * capacity[v] + (np.float32(1) - FLOOR))
    bare[v] = max(room - carried, NO_UNIT)
    best[v] = I(0)


@kernel
def chance_of_bid(i, held, quota, rate, dt, chance):
    """Compute the probability that an oligodendrocyte bids: one attempt per free process at ``rate[i]`` (1/h).

    held  float32[n]  sheaths held;  quota  float32, sheaths that one cell can hold;  chance  float32[n], written
    """
    free = quota - held[i]
    chance[i] = probability(rate[i] * free * dt) if free >= ONE else ZERO


@kernel
def bid_for_axon(
    i, bids, seeds, step, stream, key_stream, whole, uid, voxel,
    reach, n_reach, nx, ny, nz, sy, sz, bare, best, target,
):  # fmt: skip
    """Let an oligodendrocyte bid for one bare stretch in its reach: the first in a list of offsets, begun at a random place.

    bids    int32[n]             from ``befall`` by ``chance_of_bid``, with the same stream
    reach   int32[3 * n_reach]   offsets in voxels (x, y, z) within its reach
    target  int32[n]             written: the voxel bid for, or -1
    """
    target[i] = NOWHERE
    if bids[i] != NO_UNIT:
        seed = seeds[U(voxel[i]) // U(whole)]
        _, _, c, _ = draw(seed, stream, step, uid[i])
        slab = I(voxel[i]) // I(whole)
        v = I(voxel[i]) - slab * I(whole)
        z = v // I(sz) if I(sz) > I(0) else I(1)
        y = (v - z * I(sz)) // I(sy) if I(sz) > I(0) else v // I(sy)
        x = v - y * I(sy) - (z * I(sz) if I(sz) > I(0) else I(0))
        begin = I(c % U(n_reach))
        for k in range(n_reach):
            if target[i] == NOWHERE:
                j = begin + k
                j = j - I(n_reach) if j >= I(n_reach) else j
                to_x = x + I(reach[U(3) * U(j)])
                to_y = y + I(reach[U(3) * U(j) + U(1)])
                to_z = z + I(reach[U(3) * U(j) + U(2)])
                inside = to_x >= I(1) and to_x <= I(nx) and to_y >= I(1) and to_y <= I(ny)
                if inside and to_z >= I(1) and to_z <= I(nz):
                    w = slab * I(whole) + to_y * I(sy) + to_x + (to_z * I(sz) if I(sz) > I(0) else I(0))
                    if bare[U(w)] > NO_UNIT:
                        target[i] = np.int32(w)
        if target[i] != NOWHERE:
            bid(best, target[i], contest_key(seed, key_stream, step, uid[i], 0))


@kernel
def wrap_axon(i, seeds, step, key_stream, whole, uid, voxel, target, best, kind, slots, n_slots, held, units, n_voxels):
    """Give the highest bidder of a voxel one sheath there.

    kind   int64   0 for original, 1 for remyelinated
    """
    if target[i] != NOWHERE and wins(
        best, target[i], contest_key(seeds[U(voxel[i]) // U(whole)], key_stream, step, uid[i], 0)
    ):
        placed = I(0)
        for k in range(n_slots):
            s = U(i) * U(n_slots) + U(k)
            if placed == I(0) and slots[s] == EMPTY:
                slots[s] = target[i] * np.int32(2) + np.int32(kind)
                placed = I(1)
        held[i] += np.float32(1)
        atomic_add(units, U(kind) * U(n_voxels) + U(target[i]), ONE_UNIT)
