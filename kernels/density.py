"""Local densities: cells per mm3, smoothed over a radius.

The kernel is a box along each axis whose second moment is that of a uniform disc or ball of the stated radius. Sums are
of integers: exact, in any order, and the same for a tissue and its mirror image.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
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
AMOUNT_AT, DENSITY_AT, REACH, AT_ENDS, BOX = (
    U(0),
    U(1),
    U(2),
    U(3),
    U(4),
)  # columns of a table of sums, see ``Smoothing``
UNIT, SCALE, MOST = U(0), U(1), U(2)
HIGH, LOW, OUTER_HIGH, OUTER_LOW, ROUND, EDGES = (
    U(0),
    U(1),
    U(2),
    U(3),
    U(4),
    U(5),
)  # rows of a table of edges, and how many
FINEST = 20  # binary digits after the point of an amount
DENSEST = 2e7  # cells per mm3: spheres of 4 um in contact; more in a voxel counts as this


@device
def whole_number(amount, scale, most):
    """Return an amount as a whole number of ``1 / scale``, ``most`` where it is above."""
    return np.int64(min(amount, most) * scale + HALF)


@kernel
def to_fixed(v, amount, whole, numbers, size, fixed):
    """Write each amount as a whole number, see ``density_of_plane``. v  number of the sum * size + voxel; fixed  int64"""
    number, voxel = v // U(size), v % U(size)
    there = amount[U(whole[number, AMOUNT_AT]) + voxel]
    fixed[v] = whole_number(there, numbers[number, SCALE], numbers[number, MOST])


@device
def first_of_line(slab, z, y, steps):
    """Return the first voxel of a line along x. steps  distance of lines, planes and slabs in memory, and the first plane"""
    return slab * I(steps[2]) + (z + I(steps[3])) * I(steps[1]) + (y + I(1)) * I(steps[0]) + I(1)


@device
def read_line(line, y, z, slab, amount, at, sums, scale, most, m, end_weight, flat, shape, steps, wraps):
    """Write a line of voxels along x, in 3D each summed over the box along z around it: 0 outside of the tissue.

    line           where it is written in ``sums``;  at  where the amounts begin
    y, z, slab     of the line; y may lie outside
    flat           1 in 2D
    shape          voxels along x, y and z;  wraps  whether y and z are periodic
    steps          see ``first_of_line``
    """
    nx, ny, nz = shape
    y = y % I(ny) if wraps[0] > 0 else y
    first = U(at) + U(first_of_line(slab, z, y, steps))
    if flat == 0 or y < I(0) or y >= I(ny):
        for x in range(U(nx)):
            sums[line + x] = NONE
    else:
        for x in range(U(nx)):
            sums[line + x] = whole_number(amount[first + x], scale, most)
    if flat == 0 and y >= I(0) and y < I(ny):
        for k in range(-m - I(1), m + I(2)):
            plane = (z + k) % I(nz) if wraps[1] > 0 else z + k
            if plane >= I(0) and plane < I(nz):
                weight = FULL if k >= -m and k <= m else end_weight
                there = U(at) + U(first_of_line(slab, plane, y, steps))
                for x in range(U(nx)):
                    sums[line + x] += weight * whole_number(amount[there + x], scale, most)


@kernel
def density_of_plane(
    i, amount, density, whole, numbers, planes, share, alike, edges, sums, room, flat, shape, steps, wraps
):
    """Smooth one of the ``planes`` of voxels, of one sum of several: box by box along z, y and x, line after line.

    i        number of the sum * planes + plane
    amount   float32  of which whole numbers are made;  density  float32  written, 1/mm3
    whole    int64[n, 5]    of each sum: where its amounts begin and its densities, voxels of its box to either side, of
             weight 256, the weight of those at its two ends, and the number of the box
    numbers  float32[n, 3]  what an amount of 1 stands for, how many whole numbers make 1, the highest amount
    share    float32[kinds of lines * nx]  density for one unit of the sum: lines differ where the box ends at a face
    alike    int64[boxes * nz * ny]        of which kind each line is
    edges    int64[boxes * 5, nx]          where the box of each voxel along x begins and ends, see ``box_edges``
    sums     int64[room] for each plane    scratch: lines of a box along y, what they sum up to, and running sums along x
    others   see ``read_line``
    """
    nx, ny, nz = shape
    number, plane = U(i) // U(planes), I(U(i) % U(planes))
    slab, z = plane // I(nz), plane % I(nz)
    m, end_weight, box = whole[number, REACH], whole[number, AT_ENDS], whole[number, BOX]
    unit, scale, most = numbers[number, UNIT], numbers[number, SCALE], numbers[number, MOST]
    width, lines = U(nx), U(m) + U(m) + U(3)
    ring = U(i) * U(room)
    total = ring + lines * width
    running = total + width
    for x in range(width):
        sums[total + x] = NONE
    sums[running] = NONE
    newest = ring
    for y in range(-m - I(1), I(ny) + m + I(1)):
        at = whole[number, AMOUNT_AT]
        read_line(newest, y, z, slab, amount, at, sums, scale, most, m, end_weight, flat, shape, steps, wraps)
        before = (newest if newest > ring else total) - width
        oldest = newest + width if newest + width < total else ring
        if y < m:
            for x in range(width):
                sums[total + x] += sums[newest + x]
        if y > m:  # the box around line y - m - 1 is there
            for x in range(width):
                gone = sums[oldest + x]
                within = sums[total + x] + sums[before + x] - gone
                sums[total + x] = within
                sums[running + x + ONE] = within * FULL + (gone + sums[newest + x]) * end_weight
            reached = NONE
            for x in range(width):
                reached += sums[running + x + ONE]
                sums[running + x + ONE] = reached
            line = y - m - I(1)
            first = U(whole[number, DENSITY_AT]) + U(first_of_line(slab, z, line, steps))
            own = U(alike[U((box * I(nz) + z) * I(ny) + line)]) * width
            density_along_x(running, first, own, sums, density, share, unit, edges, box, end_weight, m, width)
        newest = oldest


@device
def box_near_end(x, base, sums, edges, box, end_weight, total):
    """Return the weighted sum of the box around voxel ``x`` of a line by its edges; ``total`` is that of the line."""
    e = U(box) * EDGES
    ones = sums[base + U(edges[e + HIGH, x])] - sums[base + U(edges[e + LOW, x])]
    outer = sums[base + U(edges[e + OUTER_HIGH, x])] - sums[base + U(edges[e + OUTER_LOW, x])]
    return ones * FULL + (outer - ones) * end_weight + total * edges[e + ROUND, x]


@device
def density_along_x(base, first, own, sums, density, share, unit, edges, box, end_weight, m, width):
    """Sum a box along a line of voxels along x, and turn the sums into densities.

    base     where the running sums of the line begin in ``sums``, with the 0 before its first voxel
    first    that voxel in ``density``, of ``width``;  own  where what belongs to it begins in ``share``
    """
    total = sums[base + width]
    begin = min(U(m) + ONE, width)  # from here to end the box is inside: no table, and the loop runs on vectors
    end = max(width - begin, begin)
    for x in range(begin):
        within = box_near_end(x, base, sums, edges, box, end_weight, total)
        density[first + x] = np.float32(within) * (share[own + x] * unit)
    for x in range(begin, end):
        at = base + x
        ones = sums[at + U(m) + ONE] - sums[at - U(m)]
        outer = sums[at + U(m) + TWO] - sums[at - U(m) - ONE]
        density[first + x] = np.float32(ones * FULL + (outer - ones) * end_weight) * (share[own + x] * unit)
    for x in range(end, width):
        within = box_near_end(x, base, sums, edges, box, end_weight, total)
        density[first + x] = np.float32(within) * (share[own + x] * unit)


@device
def sum_of_box(v, values, m, end_weight, n, stride, padded, wraps):
    """Return the weighted sum of the box around voxel ``v`` along one axis, number by number.

    m              whole voxels of the box to either side; the two at its ends have ``end_weight``
    n, padded      voxels along the axis, without and with the halo;  stride  their distance in memory
    wraps          1: the axis is periodic; 0: the box ends at a face
    """
    here = I(v // U(stride) % U(padded)) - I(1)
    base = I(v) - here * I(stride)
    total = NONE
    for k in range(here - m - I(1), here + m + I(2)):
        at = k
        if wraps > 0:
            at = (k % I(n) + I(n)) % I(n)  # never negative
        if at >= I(0) and at < I(n):
            inside = k >= here - m and k <= here + m
            total += values[U(base + at * I(stride))] * (FULL if inside else end_weight)
    return total


@grid_kernel
def box_at(v, sy, sz, values, boxed, whole, size, n, stride, padded, wraps):
    """Sum the box around each voxel along one axis, see ``sum_of_box``. v  as in ``to_fixed``; boxed  int64, written"""
    number = v // U(size)
    m, end_weight = whole[number, REACH], whole[number, AT_ENDS]
    boxed[v] = sum_of_box(v, values, m, end_weight, n, stride, padded, wraps)


@grid_kernel
def density_at(v, sy, sz, values, density, whole, numbers, size, share, n, stride, padded, wraps):
    """Sum the box around each voxel along the last axis, and turn the sum into a density, see ``density_of_plane``.

    v      number of the sum * size + voxel;  values  int64
    share  float32[boxes * size]  density for one unit of the sum
    """
    number, voxel = v // U(size), v % U(size)
    m, end_weight, box = whole[number, REACH], whole[number, AT_ENDS], whole[number, BOX]
    total = sum_of_box(v, values, m, end_weight, n, stride, padded, wraps)
    own = share[U(box) * U(size) + voxel] * numbers[number, UNIT]
    density[U(whole[number, DENSITY_AT]) + voxel] = np.float32(total) * own


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


class Box:
    """What is summed around each voxel of a grid for one radius, on the host.

    m, f     see ``box_of_radius``;  edges  see ``box_edges``
    scale    whole numbers that make an amount of 1;  most  the highest amount
    shares   float32[nz, ny, nx]  density for one unit of the sum
    """

    def __init__(self, grid, radius, voxel_volume, periodic=(False, False, False)):
        """Prepare for ``radius`` um; ``voxel_volume`` in mm3; ``periodic`` says which of x, y, z wrap around."""
        self.grid, self.wraps = grid, [int(wraps) for wraps in periodic]
        self.m, self.f = box_of_radius(radius, grid.h, grid.dims)
        full = int(FULL)
        inside, centre = [], []
        for n, wraps in zip((grid.nx, grid.ny, grid.nz)[: grid.dims], periodic):
            table = box_edges(n, self.m, self.f, wraps)
            inside.append((table[0] - table[1]) * (full - self.f) + (table[2] - table[3]) * self.f + table[4] * n)
            offsets = np.arange(-self.m - 1, self.m + 2)
            weights = np.where(np.abs(offsets) <= self.m, full, self.f)
            centre.append(int(weights[offsets % n == 0].sum()) if wraps else full)
        self.edges = box_edges(grid.nx, self.m, self.f, periodic[0])
        self.most = max(64.0, DENSEST * voxel_volume)
        widest = float(np.prod([float(line.max()) for line in inside]))
        self.scale = 2.0 ** min(FINEST, 62 - math.ceil(math.log2(widest)) - math.ceil(math.log2(self.most)))
        x, y, z = [line.astype(float) for line in inside] + [np.ones(1)] * (3 - grid.dims)  # tissue of a box
        tissue = z[:, None, None] * (y[:, None] * x)
        self.shares = (1.0 / (tissue * voxel_volume * self.scale)).astype(np.float32)
        self._one_cell = np.float32(math.prod(centre) * self.scale)

    @property
    def centre(self) -> np.ndarray:
        """What an amount of 1 in a voxel adds to the density there, float32[voxels], 1/mm3: a cell never counts itself."""
        return self.padded(self.shares * self._one_cell)

    def padded(self, numbers: np.ndarray) -> np.ndarray:
        """Return float32[voxels] with numbers in the voxels inside."""
        whole = np.zeros(self.grid.size, np.float32)
        self.grid.inner(whole)[:] = numbers
        return whole


class Smoothing:
    """Sums per voxel that are smoothed together, each over the box of its radius: what kernels need for it, made once.

    amounts, densities   where those of each sum begin in the buffers that ``smooth`` is given
    unit                 what an amount of 1 stands for in each
    scratch              whole numbers that ``smooth`` needs beside it
    """

    def __init__(self, machine, boxes: Sequence[Box], amounts: Sequence[int], densities: Sequence[int], unit):
        known = list(dict.fromkeys(boxes))
        grid = boxes[0].grid
        self.machine, self.grid, self.wraps, self.many, self._known = machine, grid, boxes[0].wraps, len(boxes), known
        each = zip(amounts, densities, boxes)
        whole = [(amount, to, box.m, box.f, known.index(box)) for amount, to, box in each]
        numbers = [(one, box.scale, box.most) for one, box in zip(unit, boxes)]
        self.whole, self.numbers = machine.put(np.array(whole, np.int64)), machine.put(np.array(numbers, np.float32))
        self.room = (2 * max(box.m for box in boxes) + 5) * grid.nx + 1  # for a plane
        self.scratch = self.many * (2 * grid.size if machine.target == "cuda" else grid.planes * self.room)

    @cached_property
    def share(self):
        """The density for one unit of the sum, float32[boxes * voxels]: a GPU takes voxel by voxel."""
        return self.machine.put(np.concatenate([box.padded(box.shares) for box in self._known]))

    @cached_property
    def lines(self) -> tuple:
        """The same by kinds of lines, for there are few, of which kind each line is, and all edges: a CPU takes line by line."""
        shares = np.concatenate([box.shares.reshape(-1, self.grid.nx) for box in self._known])
        kinds, alike = np.unique(shares, axis=0, return_inverse=True)
        edges = np.concatenate([box.edges for box in self._known])
        return tuple(map(self.machine.put, (kinds.reshape(-1), alike.reshape(-1).astype(np.int64), edges)))


def smooth(machine, smoothing: Smoothing, amount, density, work) -> None:
    """Write the densities around each voxel: the amounts in the box over the tissue in the box, in every slab by itself.

    amount   float32  buffer of the amounts: weighted numbers of cells in each voxel, not negative
    density  float32  buffer of the densities, written, 1/mm3; a uniform amount N gives N / voxel_volume everywhere
    work     int64[smoothing.scratch], or more

    The tissue in the box ends at a face, unless the axis is periodic.
    """
    if machine.target == "cuda":
        _smooth_at_once(machine, smoothing, amount, density, work)
        return
    grid, tables = smoothing.grid, (smoothing.whole, smoothing.numbers)
    layout = int(grid.dims == 2), (grid.nx, grid.ny, grid.nz), (grid.sy, grid.sz, grid.whole, grid.layers[2])
    density_of_plane(
        machine, smoothing.many * grid.planes, amount, density, *tables, grid.planes, *smoothing.lines, work,
        smoothing.room, *layout, tuple(smoothing.wraps[1:]),
    )  # fmt: skip


def _smooth_at_once(machine, smoothing: Smoothing, amount, density, work) -> None:
    """Smooth as ``smooth`` does with every voxel by itself: a GPU has more threads than a grid has lines.

    What is added up are integers: the same whether along a line or over a box.
    """
    grid, tables, size = smoothing.grid, (smoothing.whole, smoothing.numbers), smoothing.grid.size
    of_all = replace(grid, slabs=smoothing.many * grid.slabs)
    values, boxed = work[: of_all.size], work[of_all.size : 2 * of_all.size]
    to_fixed(machine, of_all.size, amount, *tables, size, values)
    across = [(grid.ny, grid.sy, grid.ny + 2), (grid.nz, grid.sz, grid.nz + 2)][: grid.dims - 1]
    for axis, wraps in zip(across, smoothing.wraps[1:]):
        box_at(machine, of_all, values, boxed, smoothing.whole, size, *axis, wraps)
        values, boxed = boxed, values
    along_x = grid.nx, 1, grid.nx + 2, smoothing.wraps[0]
    density_at(machine, of_all, values, density, *tables, size, smoothing.share, *along_x)
