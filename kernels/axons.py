"""Axons of a voxel as fractions: intact, swollen, transected; and the state of the tissue that laws read."""

import numpy as np

from kernels.chance import probability
from kernels.launch import kernel

U = np.uint64
ZERO = np.float32(0.0)
ONE = np.float32(1.0)


@kernel
def injure_axons(v, intact, swollen, ovoids, swell, recover, transect, degenerate, clear, dt, lost):
    """Advance the axons of voxel ``v`` by one step.

        intact -> swollen at ``swell``; swollen -> intact at ``recover``, -> transected at ``transect``;
        intact -> transected at ``degenerate``; a transected end stays visible until cleared at ``clear``

    intact, swollen, ovoids   float32[n_voxels]   fractions of the axons once there, written
    swell ... clear           float32[n_voxels]   1/h
    lost                      float32[n_voxels]   written: loss of an axon expected in this step, per surviving axon
    """
    surviving = intact[v] + swollen[v]
    swelling = intact[v] * probability(swell[v] * dt)
    failing = (intact[v] - swelling) * probability(degenerate[v] * dt)
    out = recover[v] + transect[v]
    leaving = swollen[v] * probability(out * dt)
    recovering = leaving * (recover[v] / out) if out > ZERO else ZERO
    cut = leaving - recovering
    intact[v] += (recovering - swelling) - failing
    swollen[v] += swelling - leaving
    ovoids[v] += (cut + failing) - ovoids[v] * probability(clear[v] * dt)
    lost[v] = (cut + failing) / surviving if surviving > ZERO else ZERO


@kernel
def read_tissue(
    v, units, n_voxels, capacity, intact, swollen, ol_near, ol_healthy,
    myelin, axons, need, demyelinated, ol_fraction, deficit, ever_bare, half,
):  # fmt: skip
    """Read the state of the tissue that laws depend on from sheaths, axons and oligodendrocytes.

    capacity      float32[n_voxels]   sheath units of a full voxel; 0 outside the tissue
    ol_near, ol_healthy   float32[n_voxels]   density of oligodendrocytes around, now and in health, 1/mm3
    written (all float32[n_voxels]): myelin = units / capacity; axons, surviving fraction; need = max(0, axons - myelin);
    demyelinated = 1 - myelin / axons; ol_fraction; deficit = max(0, 1 - ol_fraction); ever_bare, 1 once myelin was
    below ``half``
    """
    full = capacity[v]
    if full > ZERO:
        n = U(n_voxels)
        carried = units[v] + units[n + v] + units[U(2) * n + v] + units[U(3) * n + v]
        m = np.float32(carried) / full
        a = intact[v] + swollen[v]
        myelin[v] = m
        axons[v] = a
        need[v] = max(a - m, ZERO)
        demyelinated[v] = max(ONE - m / a, ZERO) if a > ZERO else ZERO
        ol_fraction[v] = ol_near[v] / ol_healthy[v] if ol_healthy[v] > ZERO else ONE
        deficit[v] = max(ONE - ol_fraction[v], ZERO)
        if m < half:
            ever_bare[v] = ONE


@kernel
def mature_lesion(v, bare, adapted, adapting, reactivity, above, days, scar, scarring, dt):
    """Let bare axons adapt, so that they conduct again, count the days of reactive astrocytes, and let them scar.

        adapted' = min(bare, adapted + (bare - adapted) adapting)      scar' = scar + scarring dt

    bare, reactivity, scarring   float32[n_voxels]   share of the axons without sheaths; 0 to 1; 1/h
    adapted, days, scar          float32[n_voxels]   written; days, in h, grow where ``reactivity`` is above a bound
    adapting                     float32             1 - exp(-dt / mean time of conduction block)
    """
    now = adapted[v] + (bare[v] - adapted[v]) * adapting
    adapted[v] = now if now < bare[v] else bare[v]
    days[v] += dt if reactivity[v] > above else ZERO
    scar[v] += scarring[v] * dt
