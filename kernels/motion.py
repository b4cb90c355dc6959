"""Cells move: a persistent random walk with a bounded bias up a gradient, and room for it.

Positions in um, times in h, speeds in um/h. A walk proposes a place; a cell goes there if there is room for it.
"""

import math

import numpy as np

from kernels.binning import locate, voxel_along
from kernels.contest import bid, contest_key, wins
from kernels.launch import span_kernel
from kernels.random import STREAMS, draw, normal
from kernels.source import atomic_add, device

U = np.uint64
ZERO = np.float32(0.0)
ONE = np.float32(1.0)
TWO = np.float32(2.0)
MOST_TURNS = np.float32(2.0**20)
WALK = (STREAMS["walk"], STREAMS["walk_y"], STREAMS["walk_z"])
ROOM = U(STREAMS["room"])
NEXT = U(1)
NO_VOLUME = np.int64(0)
NO_BIAS = np.int64(-1)  # no place of a law
REACH = 20.0  # um on either side over which a cell compares
ROOM_UNITS = 2**20  # of a voxel's volume


def walk_coefficients(step: float, persistence: float, dims: int) -> tuple[float, float, float, float, float]:
    """Return (keep, glide, kick, drag, jitter) of the exact step of an Ornstein-Uhlenbeck velocity of unit rms speed.

        u' = keep u + kick g                x' = x + speed (glide u + drag g + jitter g')      g, g' normal, per axis

    step, persistence   h; any ratio. With ``a = exp(-step / persistence)`` the noises have the variances
    ``(1 - a^2) / dims`` and ``P^2 (2 t / P - 3 + 4 a - a^2) / dims`` and the covariance ``P (1 - a)^2 / dims``.
    """
    ratio = step / persistence
    gone = -math.expm1(-ratio)  # 1 - a
    kick = math.sqrt(gone * (2 - gone) / dims)
    # 2 r - 3 + 4 a - a^2 = 2 (r - gone) - gone^2; its series where that difference would lose its digits
    spread = 2 * (ratio - gone) - gone**2 if ratio > 0.01 else ratio**3 * (2 / 3 - ratio / 2 + 7 / 30 * ratio**2)
    drag = persistence * gone**2 / dims / kick
    jitter = math.sqrt(max(persistence**2 * spread / dims - drag**2, 0.0))
    return math.exp(-ratio), persistence * gone, kick, drag, jitter


def bias_reach(h: float) -> tuple[int, float]:
    """Return how many voxels of edge ``h`` um a cell looks to either side, and what turns that difference into one over 20 um."""
    voxels = max(1, round(REACH / h))
    return voxels, REACH / (voxels * h)


def room_units(volume: float, voxel_volume: float) -> int:
    """Return a volume (um3) in the integer units in which the room of a voxel is counted."""
    return max(1, round(volume / voxel_volume * ROOM_UNITS))


@device
def whole_turns(q):
    """Return the largest whole number not above ``q``, as float32, for q of -2^20 to 2^20."""
    q = q if q < MOST_TURNS else MOST_TURNS
    q = q if q > -MOST_TURNS else -MOST_TURNS
    k = np.float32(np.int32(q))
    return k - ONE if k > q else k


@device
def difference(channel, v, k, n, stride, offset, wrap):
    """Return the difference of ``channel`` over ``offset`` voxels to either side of voxel ``k`` of ``n`` along an axis."""
    low = k - U(offset) if k >= U(offset) else U(0)
    high = min(k + U(offset), U(n) - NEXT)
    if wrap > 0:
        around = U(offset) % U(n)
        low = (k + U(n) - around) % U(n)
        high = (k + around) % U(n)
    base = v - k * U(stride)
    return channel[base + high * U(stride)] - channel[base + low * U(stride)]


@span_kernel(2)
def lean(
    i, place, at_most, voxel, x, y, z, bx, by, bz, channels, offset, per_offset,
    h, per_um, nx, ny, nz, sy, sz, whole, wrap_x, wrap_y, wrap_z,
):  # fmt: skip
    """Find the bias of cell ``i``: per axis the difference of a law between 20 um ahead and 20 um behind.

    place           where the law, evaluated in every voxel, stands in ``channels``; NO_BIAS: nothing biases these cells
    x, y, z, voxel  float32[n], int32[n]  where the cells are; z has no effect in 2D: pass y again
    bx, by, bz      float32[n]            written; never longer than ``at_most``
    offset          20 um in voxels; ``per_offset`` corrects for its rounding. Past a face the last voxel counts.
    """
    if place == NO_BIAS:
        bx[i] = ZERO
        by[i] = ZERO
        bz[i] = ZERO
        return
    at = U(place) + U(voxel[i])
    kx = voxel_along(x[i], per_um, nx)
    ky = voxel_along(y[i], per_um, ny)
    gx = difference(channels, at, kx, nx, 1, offset, wrap_x) * per_offset
    gy = difference(channels, at, ky, ny, sy, offset, wrap_y) * per_offset
    gz = ZERO
    if sz > 0:
        gz = difference(channels, at, voxel_along(z[i], per_um, nz), nz, sz, offset, wrap_z) * per_offset
    square = gx * gx + gy * gy + gz * gz
    less = at_most / np.float32(math.sqrt(square)) if square > at_most * at_most else ONE
    bx[i] = gx * less
    by[i] = gy * less
    bz[i] = gz * less


@span_kernel(5)
def walk_axis(
    i, keep, glide, kick, drag, jitter, uid, seed, x, u, bias, speed, to, stream, step, step_h, length, wrap
):  # fmt: skip
    """Propose where cell ``i`` goes along one axis in one step, and turn its velocity.

        u' = keep u + kick g        x' = x + speed (glide u + drag g + jitter g' + bias step_h)

    uid, seed  integer[n]  what the draw of the normal numbers g and g' is keyed by
    x, to      float32[n]  place before and after, um; ``to`` is written, inside the box, and may be ``x`` itself
    u          float32[n]  velocity over speed; changed
    speed      float32[n]  rms, um/h;  bias  float32[n]  drift over speed
    wrap       1: a cell that leaves at one end comes back at the other; 0: it is reflected, and its velocity too
    """
    a, b, c, d = draw(seed[i], stream, step, uid[i])
    g = normal(a, b)
    p = x[i] + speed[i] * (glide * u[i] + drag * g + jitter * normal(c, d) + bias[i] * step_h)
    turned = keep * u[i] + kick * g
    if wrap > 0:
        p -= length * whole_turns(p / length)
    else:
        p -= TWO * length * whole_turns(p / (TWO * length))
        turned = -turned if p > length else turned
        p = TWO * length - p if p > length else p
    to[i] = p
    u[i] = turned


class Walk:
    """The persistent random walks of some kinds on one grid, each a span of cells: their numbers, worked out once."""

    def __init__(self, machine, grid, step, persistence, periodic=(False, False, False)):
        """Prepare for steps of ``step`` h with the persistence of each kind, h; ``periodic`` says which of x, y, z wrap around."""
        self.machine, self.grid, self.step_h = machine, grid, np.float32(step)
        of_kinds = [walk_coefficients(step, each, grid.dims) for each in persistence]
        self.coefficients = [machine.put(np.array(column, np.float32)) for column in zip(*of_kinds)]
        self.lengths = [np.float32(grid.h * cells) for cells in (grid.nx, grid.ny, grid.nz)]
        voxels, per_offset = bias_reach(grid.h)
        self.reach = voxels, np.float32(per_offset)
        self.wraps = tuple(int(wraps) for wraps in (*periodic, False, False)[:3])

    def propose(
        self, spans, seed, step, uid, voxel, place, velocity, speed, to_place, to_voxel, bias, biases, at_most, channels
    ):  # fmt: skip
        """Propose a new place for each cell, and turn its velocity.

        seed, uid, voxel       integer[n], of the slab that a cell is in; integer[n]; int32[n]
        place, velocity        two or three float32[n] each: um; velocity over speed, of variance 1 / dims
        speed                  float32[n]       rms speed, um/h
        to_place, to_voxel     written: the place proposed and its voxel; may be ``place`` and ``voxel`` themselves
        bias                   three float32[n]   scratch
        biases, at_most        of each kind, int64 and float32: where its bias law stands in ``channels``, or NO_BIAS: the drift
                               is speed times the law's difference over 20 um to either side, and at most speed x ``at_most``
        channels               float32   rows of the voxels
        """
        machine, grid = self.machine, self.grid
        z = place[grid.dims - 1]
        lean(
            machine, spans, biases, at_most, voxel, *place[:2], z, *bias, channels, *self.reach, *grid.box, *self.wraps
        )  # fmt: skip
        for axis in range(grid.dims):
            walk_axis(
                machine, spans, *self.coefficients, uid, seed, place[axis], velocity[axis], bias[axis], speed,
                to_place[axis], WALK[axis], step, self.step_h, self.lengths[axis], self.wraps[axis],
            )  # fmt: skip
        locate(machine, spans, *to_place[:2], to_place[grid.dims - 1], voxel, to_voxel, *grid.box)


@span_kernel(1)
def occupy(i, volume, voxel, occupied):
    """Add the volume of cell ``i`` to its voxel. occupied  int32[voxels], ``room_units``"""
    atomic_add(occupied, U(voxel[i]), np.int32(volume))


@span_kernel(1)
def ask_room(i, volume, voxel, to_voxel, incoming):
    """Announce a move of cell ``i`` into another voxel.

    incoming  int32[voxels]  volume that wants in, ``room_units``; 0 before
    """
    target = U(to_voxel[i])
    if U(voxel[i]) != target:
        atomic_add(incoming, target, np.int32(volume))


@span_kernel(2)
def bid_for_room(i, volume, kind, uid, seed, voxel, to_voxel, occupied, incoming, best, step, capacity):
    """Bid for cell ``i`` where not all fit who want in, see ``take_room``. All kinds ask before any bids.

    best      int64[voxels]  highest key of those who want in; 0 before
    kind      0..31          tells populations apart
    """
    v = U(voxel[i])
    target = U(to_voxel[i])
    crowded = np.int64(occupied[target]) + np.int64(incoming[target]) > capacity
    if v != target and crowded and volume > NO_VOLUME:
        bid(best, target, contest_key(seed[i], ROOM, step, uid[i], kind))


@span_kernel(2)
def take_room(
    i, volume, kind, uid, seed, voxel, x, y, z, to_voxel, to_x, to_y, to_z, occupied, incoming, best, step, capacity, sz
):  # fmt: skip
    """Move cell ``i`` where it wants to go if there is room; otherwise it stays where it is.

    volume          of a cell, ``room_units``; a kind of no volume takes no room, and always goes
    x, y, z, voxel  changed; z and to_z are not touched in 2D
    occupied        int32[voxels]  volume of the motile cells of all kinds before the move
    capacity        what the motile cells of a voxel may fill

    Room that others leave in this step counts as taken. All who want into a voxel go if all fit. If not, one of them,
    drawn by lot, goes if it fits; an empty voxel takes one cell of any size. All kinds bid before any takes.
    """
    target = U(to_voxel[i])
    full = np.int64(occupied[target])
    goes = volume == NO_VOLUME or U(voxel[i]) == target or full + np.int64(incoming[target]) <= capacity
    if not goes and (full == NO_VOLUME or full + volume <= capacity):
        goes = wins(best, target, contest_key(seed[i], ROOM, step, uid[i], kind))
    if goes:
        x[i] = to_x[i]
        y[i] = to_y[i]
        if sz > 0:
            z[i] = to_z[i]
        voxel[i] = to_voxel[i]
