"""Local densities: cells per mm3, smoothed over a radius.

The kernel is a box along each axis whose second moment is that of a uniform disc or ball of the stated radius. Sums are
of integers: exact, in any order, and the same for a tissue and its mirror image.
"""

import math
from functools import cached_property

import numpy as np

from kernels.launch import grid_kernel, kernel
from kernels.source import device

U = np.uint64
I = np.int64  # noqa: E741 - the width of a small integer in a kernel
HALF = np.float32(0.5)
NONE = np.int64(0)
ONE, TWO = U(1), U(2)
FULL = np.int64(256)  # weight of a whole voxel in the box; the voxels at its two ends have less
HIGH, LOW, OUTER_HIGH, OUTER_LOW, ROUND = U(0), U(1), U(2), U(3), U(4)  # rows of a table of edges
FINEST = 20  # binary digits after the point of an amount
DENSEST = 2e7  # cells per mm3: spheres of 4 um in contact; more in a voxel counts as this


@device
def whole_number(amount, scale, most):
    """Return an amount as a whole number of ``1 / scale``, ``most`` where it is above."""
    return np.int64(min(amount, most) * scale + HALF)


@kernel
def to_fixed(v, amount, fixed, scale, most):
    """Write each amount as a whole number. amount  float32[voxels]  not negative; fixed  int64[voxels]"""
    fixed[v] = whole_number(amount[v], scale, most)


@device
def first_of_line(slab, z, y, steps):
    """Return the first voxel of a line along x. steps  distance of lines, planes and slabs in memory, and the first plane"""
    return slab * I(steps[2]) + (z + I(steps[3])) * I(steps[1]) + (y + I(1)) * I(steps[0]) + I(1)


@device
def read_line(line, y, z, slab, amount, sums, scale, most, m, end_weight, flat, shape, steps, wraps):
    """Write a line of voxels along x, in 3D each summed over the box along z around it: 0 outside of the tissue.

    line           where it is written in ``sums``
    y, z, slab     of the line; y may lie outside
    flat           1 in 2D
    shape          voxels along x, y and z;  wraps  whether y and z are periodic
    steps          see ``first_of_line``
    """
    nx, ny, nz = shape
    y = y % I(ny) if wraps[0] > 0 else y
    first = U(first_of_line(slab, z, y, steps))
    if flat == 0 or y < I(0) or y >= I(ny):
        for x in range(U(nx)):
            sums[line + x] = NONE
    else:
        for x in range(U(nx)):
            sums[line + x] = whole_number(amount[first + x], scale, most)
    if flat == 0 and y >= I(0) and y < I(ny):
        for k in range(-I(m) - I(1), I(m) + I(2)):
            plane = (z + k) % I(nz) if wraps[1] > 0 else z + k
            if plane >= I(0) and plane < I(nz):
                weight = FULL if k >= -I(m) and k <= I(m) else I(end_weight)
                there = U(first_of_line(slab, plane, y, steps))
                for x in range(U(nx)):
                    sums[line + x] += weight * whole_number(amount[there + x], scale, most)


@kernel
def density_of_plane(
    i, amount, density, share, alike, sums, scale, most, edges, m, end_weight, flat, shape, steps, wraps
):
    """Smooth plane ``i`` of voxels: box by box along z, y and x, a line of the plane after the other.

    amount   float32[voxels]  of which ``scale`` makes whole numbers
    density  float32[voxels]  written, 1/mm3
    share    float32[kinds of lines * nx]  density for one unit of the sum: lines differ where the box ends at a face
    alike    int64[nz * ny]   of which kind each line is
    sums     int64            scratch of each plane: the lines of a box along y, what they sum up to, and running sums along x
    edges    int64[5, nx]     where the box of each voxel along x begins and ends, see ``box_edges``
    m        voxels of the box to either side, of weight 256; those at its two ends have ``end_weight``
    others   see ``read_line``
    """
    nx, ny, nz = shape
    width, lines = U(nx), U(m) + U(m) + U(3)
    ring = U(i) * ((lines + TWO) * width + ONE)
    total = ring + lines * width
    running = total + width
    slab, z = I(i) // I(nz), I(i) % I(nz)
    for x in range(width):
        sums[total + x] = NONE
    sums[running] = NONE
    newest = ring
    for y in range(-I(m) - I(1), I(ny) + I(m) + I(1)):
        read_line(newest, y, z, slab, amount, sums, scale, most, m, end_weight, flat, shape, steps, wraps)
        before = (newest if newest > ring else total) - width
        oldest = newest + width if newest + width < total else ring
        if y < I(m):
            for x in range(width):
                sums[total + x] += sums[newest + x]
        if y > I(m):  # the box around line y - m - 1 is there
            for x in range(width):
                gone = sums[oldest + x]
                within = sums[total + x] + sums[before + x] - gone
                sums[total + x] = within
                sums[running + x + ONE] = within * FULL + (gone + sums[newest + x]) * I(end_weight)
            reached = NONE
            for x in range(width):
                reached += sums[running + x + ONE]
                sums[running + x + ONE] = reached
            line = y - I(m) - I(1)
            first = U(first_of_line(slab, z, line, steps))
            own = U(alike[U(z * I(ny) + line)]) * width
            density_along_x(running, first, own, sums, density, share, edges, end_weight, m, width)
        newest = oldest


@device
def box_near_end(x, base, sums, edges, end_weight, total):
    """Return the weighted sum of the box around voxel ``x`` of a line by its edges; ``total`` is that of the line."""
    ones = sums[base + U(edges[HIGH, x])] - sums[base + U(edges[LOW, x])]
    outer = sums[base + U(edges[OUTER_HIGH, x])] - sums[base + U(edges[OUTER_LOW, x])]
    return ones * FULL + (outer - ones) * I(end_weight) + total * edges[ROUND, x]


@device
def density_along_x(base, first, own, sums, density, share, edges, end_weight, m, width):
    """Sum a box along a line of voxels along x, and turn the sums into densities.

    base     where the running sums of the line begin in ``sums``, with the 0 before its first voxel
    first    that voxel, of ``width``;  own  where what belongs to it begins in ``share``
    """
    total = sums[base + width]
    begin = min(U(m) + ONE, width)  # from here to end the box is inside: no table, and the loop runs on vectors
    end = max(width - begin, begin)
    for x in range(begin):
        box = box_near_end(x, base, sums, edges, end_weight, total)
        density[first + x] = np.float32(box) * share[own + x]
    for x in range(begin, end):
        at = base + x
        ones = sums[at + U(m) + ONE] - sums[at - U(m)]
        outer = sums[at + U(m) + TWO] - sums[at - U(m) - ONE]
        density[first + x] = np.float32(ones * FULL + (outer - ones) * I(end_weight)) * share[own + x]
    for x in range(end, width):
        box = box_near_end(x, base, sums, edges, end_weight, total)
        density[first + x] = np.float32(box) * share[own + x]


@device
def sum_of_box(v, values, m, weight, end_weight, n, stride, padded, wraps):
    """Return the weighted sum of the box around voxel ``v`` along one axis, number by number.

    m              whole voxels of the box to either side, of ``weight``; the two at its ends have ``end_weight``
    n, padded      voxels along the axis, without and with the halo;  stride  their distance in memory
    wraps          1: the axis is periodic; 0: the box ends at a face
    """
    here = I(v // U(stride) % U(padded)) - I(1)
    base = I(v) - here * I(stride)
    total = NONE
    for k in range(here - I(m) - I(1), here + I(m) + I(2)):
        at = k
        if wraps > 0:
            at = (k % I(n) + I(n)) % I(n)  # never negative
        if at >= I(0) and at < I(n):
            inside = k >= here - I(m) and k <= here + I(m)
            total += values[U(base + at * I(stride))] * (I(weight) if inside else I(end_weight))
    return total


@grid_kernel
def box_at(v, sy, sz, values, boxed, m, weight, end_weight, n, stride, padded, wraps):
    """Sum the box around each voxel along one axis, see ``sum_of_box``. boxed  int64[voxels], written"""
    boxed[v] = sum_of_box(v, values, m, weight, end_weight, n, stride, padded, wraps)


@grid_kernel
def density_at(v, sy, sz, values, density, share, m, weight, end_weight, n, stride, padded, wraps):
    """Sum the box around each voxel along the last axis, and turn the sum into a density, see ``density_along_x``."""
    density[v] = np.float32(sum_of_box(v, values, m, weight, end_weight, n, stride, padded, wraps)) * share[v]


def box_of_radius(radius: float, h: float, dims: int) -> tuple[int, int]:
    """Return (m, f): a box of 2 m + 1 whole voxels between two of weight f / 256, with the second moment of a disc or ball.

    That moment is R^2 / 4 per axis in 2D and R^2 / 5 in 3D; the box has it as nearly as a step of f allows.
    """
    moment = (radius / h) ** 2 / (dims + 2)
    m = int((math.sqrt(1 + 12 * moment) - 1) / 2)  # the most whole voxels: their own moment is m (m + 1) / 3
    whole = m * (m + 1) * (2 * m + 1) / 3
    f = round(int(FULL) * (moment * (2 * m + 1) - whole) / (2 * ((m + 1) ** 2 - moment)))
    return (m + 1, 0) if f == int(FULL) else (m, f)


def box_edges(n: int, m: int, f: int, periodic: bool) -> np.ndarray:
    """Return int64[5, n]: for each voxel the running sums whose differences are its box.

    Running sum k is that of the first k voxels. The whole voxels of a box are sum HIGH minus sum LOW, with its ends
    OUTER_HIGH minus OUTER_LOW. Beyond a face the sum stays what it was; where the axis is periodic it goes round, and
    ROUND is how often the sum of the whole line comes on top, times the weights.
    """
    k = np.arange(n)
    ends = np.stack([k + m + 1, k - m, k + m + 2, k - m - 1])
    if not periodic:
        return np.concatenate([np.clip(ends, 0, n), np.zeros((1, n), np.int64)]).astype(np.int64)
    turns = ends // n
    around = (turns[0] - turns[1]) * (int(FULL) - f) + (turns[2] - turns[3]) * f
    return np.concatenate([ends % n, around[None]]).astype(np.int64)


class Smoothing:
    """What smoothing over one radius on one grid needs, made once.

    scratch   whole numbers that ``smooth`` needs beside it
    """

    def __init__(self, machine, grid, radius, voxel_volume, periodic=(False, False, False), unit=1.0):
        """Prepare for ``radius`` um; ``voxel_volume`` in mm3; ``periodic`` says which of x, y, z wrap around.

        unit   what an amount of 1 stands for
        """
        self.machine, self.grid, self.wraps = machine, grid, [int(wraps) for wraps in periodic]
        self.m, self.f = box_of_radius(radius, grid.h, grid.dims)
        full = int(FULL)
        inside, centre = [], []
        for n, wraps in zip((grid.nx, grid.ny, grid.nz)[: grid.dims], periodic):
            table = box_edges(n, self.m, self.f, wraps)
            inside.append((table[0] - table[1]) * (full - self.f) + (table[2] - table[3]) * self.f + table[4] * n)
            offsets = np.arange(-self.m - 1, self.m + 2)
            weights = np.where(np.abs(offsets) <= self.m, full, self.f)
            centre.append(int(weights[offsets % n == 0].sum()) if wraps else full)
        self.edges = machine.put(box_edges(grid.nx, self.m, self.f, periodic[0]))
        self.scratch = 2 * grid.size if machine.target == "cuda" else grid.planes * ((2 * self.m + 5) * grid.nx + 1)
        most = max(64.0, DENSEST * voxel_volume)
        widest = float(np.prod([float(line.max()) for line in inside]))
        self.most = most
        self.scale = 2.0 ** min(FINEST, 62 - math.ceil(math.log2(widest)) - math.ceil(math.log2(most)))
        self._tissue = [line.astype(float) for line in inside] + [np.ones(1)] * (
            3 - grid.dims
        )  # of a box, along x, y and z
        self._voxel_volume, self._unit = voxel_volume, np.float32(unit)
        self._one_cell = np.float32(math.prod(centre) * self.scale)

    @cached_property
    def share(self):
        """The density for one unit of the sum, float32[voxels]."""
        return self._padded(self._shares())

    @cached_property
    def lines(self) -> tuple:
        """The same by kinds of lines, for there are few: float32[kinds * nx], and of which kind each line is, int64[nz * ny]."""
        kinds, alike = np.unique(self._shares().reshape(-1, self.grid.nx), axis=0, return_inverse=True)
        return self.machine.put(kinds.reshape(-1)), self.machine.put(alike.reshape(-1).astype(np.int64))

    def _shares(self) -> np.ndarray:
        x, y, z = self._tissue
        tissue = z[:, None, None] * (y[:, None] * x)
        return (1.0 / (tissue * self._voxel_volume * self.scale)).astype(np.float32) * self._unit

    def _padded(self, numbers: np.ndarray):
        whole = np.zeros(self.grid.size, np.float32)
        self.grid.inner(whole)[:] = numbers
        return self.machine.put(whole)

    @property
    def centre(self):
        """What an amount of 1 in a voxel adds to the density there, float32[voxels], 1/mm3: a cell never counts itself."""
        return self._padded(self._shares() * self._one_cell)


def smooth(machine, smoothing, amount, density, work) -> None:
    """Write the density around each voxel: the amounts in the box over the tissue in the box, in every slab by itself.

    amount   float32[voxels]  weighted number of cells in each voxel, not negative
    density  float32[voxels]  written, 1/mm3; a uniform amount N gives N / voxel_volume everywhere
    work     int64[smoothing.scratch], or more

    The tissue in the box ends at a face, unless the axis is periodic.
    """
    grid = smoothing.grid
    if machine.target == "cuda":
        values, boxed = work[: grid.size], work[grid.size : 2 * grid.size]
        to_fixed(machine, grid.size, amount, values, smoothing.scale, smoothing.most)
        _smooth_at_once(machine, smoothing, values, boxed, density)
        return
    steps = grid.sy, grid.sz, grid.whole, grid.layers[2]
    density_of_plane(
        machine, grid.planes, amount, density, *smoothing.lines, work, smoothing.scale, smoothing.most, smoothing.edges,
        smoothing.m, smoothing.f, int(grid.dims == 2), (grid.nx, grid.ny, grid.nz), steps, tuple(smoothing.wraps[1:]),
    )  # fmt: skip


def _smooth_at_once(machine, smoothing, values, boxed, density) -> None:
    """Smooth as ``smooth`` does with every voxel by itself: a GPU has more threads than a grid has lines.

    Sums are of integers: the same whether they run along a line or over a box.
    """
    grid = smoothing.grid
    weights = smoothing.m, int(FULL), smoothing.f
    across = [(grid.ny, grid.sy, grid.ny + 2), (grid.nz, grid.sz, grid.nz + 2)][: grid.dims - 1]
    for axis, wraps in zip(across, smoothing.wraps[1:]):
        box_at(machine, grid, values, boxed, *weights, *axis, wraps)
        values, boxed = boxed, values
    density_at(
        machine, grid, values, density, smoothing.share, *weights, grid.nx, 1, grid.nx + 2, smoothing.wraps[0]
    )  # fmt: skip
