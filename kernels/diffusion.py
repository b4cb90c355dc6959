"""Diffusion with decay, uptake and sources: one stabilised explicit solver for 2D and 3D, any D(x), every kind of face.

A field obeys ``du/dt = L u + S`` with ``L u = div(D theta grad u) - (decay + uptake) u``. Units: um, h, and the unit of the
field. A step is cut into substeps (mostly one) of Runge-Kutta-Gegenbauer type. One substep of length h is

    m   = h (L u + S)
    p   = P(h L) m                                  the correction, a polynomial of ``rkg.py``, by Clenshaw's sum
    new = u + m + h L p = u + L y + h S   with   y = h (u + p)

So the scheme's own time integral y of the field comes at no cost, and what decays, is taken up or leaves by a face is
summed from y: the budget is that of the solver, to the bit, however the stages of p were rounded.

Lengths, numbers of substeps and of stages are fixed beforehand (``rkg.plan``), from D, decay, voxel and step alone.
"""

import numpy as np

from kernels.launch import grid_kernel, relay_kernel
from kernels.source import device

U = np.uint64
ONE = U(1)
ZERO = np.float32(0.0)
NO_SUBSTEP = np.int64(0)


@device
def along(u, q, v, step):
    """Return what flows into voxel ``v`` along one axis, over D/h^2 and over q[v]: its neighbours are ``step`` away."""
    return q[v + step] * (u[v + step] - u[v]) + q[v - step] * (u[v - step] - u[v])


@device
def inflow_2d(u, q, v, sy, sz):
    """Return what flows into voxel ``v`` from its 4 neighbours, over D/h^2."""
    return q[v] * (along(u, q, v, ONE) + along(u, q, v, sy))


@device
def inflow_3d(u, q, v, sy, sz):
    """Return what flows into voxel ``v`` from its 6 neighbours, over D/h^2."""
    return q[v] * ((along(u, q, v, ONE) + along(u, q, v, sy)) + along(u, q, v, sz))


@device
def at_most(rate, cap):
    """Return ``rate``, or ``cap`` where it is above; what is not a number stays so."""
    return cap if rate > cap else rate


@device
def begin(v, inflow, u, m, last, loss, source, uptake, outward, cap, rate, spread, h, decay):
    """Write ``m = h (L u + S)``, also as the last stage: the next two recall none before it. spread = h rate

    cap       1/h: uptake at most so high has the right number of stages
    loss      float32[voxels]  written, 1/h: uptake and what flows out to the neighbours, ``rate = D / voxel^2`` each
    outward   float32[voxels]  from ``Faces.outward``
    """
    taken = at_most(uptake[v], cap)
    change = spread * inflow + h * (source[v] - (decay + taken) * u[v])
    m[v] = change
    last[v] = change
    loss[v] = taken + rate * outward[v]


@device
def advance(v, around, last, before, m, loss, keep, lose, recall, spread, drive):
    """Write stage j over stage j - 2 in ``before``; ``last`` is stage j - 1, and ``around`` its sum over the neighbours.

    What flows out of the voxel is part of ``loss``, see ``begin``: a third fewer reads than by differences. Where ``recall``
    is 0 whatever stands in ``before`` is not read.
    """
    recalled = recall * before[v] if recall != ZERO else recall
    before[v] = ((keep - lose * loss[v]) * last[v] + recalled) + (spread * around + drive * m[v])


@device
def finish(v, inflow, u, exposure, last, m, uptake, cap, weight, spread, h, decay, level, adds):
    """Add the substep to ``u``, and its integral above ``level`` to ``exposure``; the last stage is ``weight * last``.

    adds   int64   0 in the first substep of a step: there the integral begins
    """
    p = weight * last[v]
    exposure[v] = (exposure[v] if adds > NO_SUBSTEP else ZERO) + h * ((u[v] - level) + p)
    u[v] += m[v] + (weight * spread * inflow - h * ((decay + at_most(uptake[v], cap)) * p))


@grid_kernel
def begin_2d(v, sy, sz, q, u, m, last, loss, source, uptake, outward, cap, rate, spread, h, decay):
    """Begin a substep, see ``begin``. q  float32[voxels]  square root of D(x)/D, see ``Faces.weights``"""
    inflow = inflow_2d(u, q, v, sy, sz)
    begin(v, inflow, u, m, last, loss, source, uptake, outward, cap, rate, spread, h, decay)


@grid_kernel
def begin_3d(v, sy, sz, q, u, m, last, loss, source, uptake, outward, cap, rate, spread, h, decay):
    """Begin a substep, see ``begin``. q  float32[voxels]  square root of D(x)/D, see ``Faces.weights``"""
    inflow = inflow_3d(u, q, v, sy, sz)
    begin(v, inflow, u, m, last, loss, source, uptake, outward, cap, rate, spread, h, decay)


@relay_kernel(5)
def advance_2d(v, sy, sz, before, last, keep, lose, recall, spread, drive, m, loss):
    """Compute stages one after the other, see ``advance``, where D is the same everywhere: the halo holds 0, or is wrapped.

    keep ... drive   from ``stage_table``;  loss   float32[voxels]   from ``begin``
    """
    around = (last[v + ONE] + last[v - ONE]) + (last[v + sy] + last[v - sy])
    advance(v, around, last, before, m, loss, keep, lose, recall, spread, drive)


@relay_kernel(5)
def advance_3d(v, sy, sz, before, last, keep, lose, recall, spread, drive, m, loss):
    """Compute stages one after the other, see ``advance_2d``."""
    around = ((last[v + ONE] + last[v - ONE]) + (last[v + sy] + last[v - sy])) + (last[v + sz] + last[v - sz])
    advance(v, around, last, before, m, loss, keep, lose, recall, spread, drive)


@device
def both(q, u, v, step):
    """Return the weighted sum of the two neighbours of voxel ``v`` along one axis."""
    return q[v + step] * u[v + step] + q[v - step] * u[v - step]


@relay_kernel(5)
def advance_varied_2d(v, sy, sz, before, last, keep, lose, recall, spread, drive, q, m, loss):
    """Compute stages one after the other, see ``advance_2d``, where D varies: q is the square root of D(x)/D."""
    around = q[v] * (both(q, last, v, ONE) + both(q, last, v, sy))
    advance(v, around, last, before, m, loss, keep, lose, recall, spread, drive)


@relay_kernel(5)
def advance_varied_3d(v, sy, sz, before, last, keep, lose, recall, spread, drive, q, m, loss):
    """Compute stages one after the other, see ``advance_varied_2d``."""
    around = q[v] * ((both(q, last, v, ONE) + both(q, last, v, sy)) + both(q, last, v, sz))
    advance(v, around, last, before, m, loss, keep, lose, recall, spread, drive)


@grid_kernel
def finish_2d(v, sy, sz, q, u, exposure, last, m, uptake, cap, weight, spread, h, decay, level, adds):
    """Finish a substep, see ``finish``."""
    inflow = inflow_2d(last, q, v, sy, sz)
    finish(v, inflow, u, exposure, last, m, uptake, cap, weight, spread, h, decay, level, adds)


@grid_kernel
def finish_3d(v, sy, sz, q, u, exposure, last, m, uptake, cap, weight, spread, h, decay, level, adds):
    """Finish a substep, see ``finish``."""
    inflow = inflow_3d(last, q, v, sy, sz)
    finish(v, inflow, u, exposure, last, m, uptake, cap, weight, spread, h, decay, level, adds)
