"""Local densities: cells per mm3, smoothed over a radius.

The kernel is a box along each axis whose second moment is that of a uniform disc or ball of the stated radius. Sums are
of integers: exact, in any order, and the same for a tissue and its mirror image.
"""

import math

import numpy as np

from kernels.grid import part_of_row
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
COLUMNS = 256  # neighbouring lines that a thread works on together


@kernel
def to_fixed(v, amount, fixed, scale, most):
    """Turn an amount into a whole number of ``1 / scale``. amount  float32[voxels]  not negative; fixed  int64[voxels]"""
    fixed[v] = np.int64(min(amount[v], most) * scale + HALF)


@kernel
def box_along(
    i, sums, boxed, edges, inner_weight, end_weight, n, stride, width, columns, lines, line_stride, inner, whole
):
    """Sum a box along the y or z axis for some neighbouring lines of voxels.

    sums             int64[voxels]  in: values; out: their running sums along the axis
    boxed            int64[voxels]  written: the weighted sum over the box around each voxel
    edges            int64[5, n]    where the box of each voxel begins and ends, see ``box_edges``
    n, stride        voxels along the axis, and their distance in memory
    width, columns   lines beside each other in memory, and how many of them one item takes
    lines            such rows of lines in a slab, ``line_stride`` apart, the first beginning at voxel ``inner``
    whole            voxels of a slab
    """
    row, left, count = part_of_row(i, width, columns)
    step = U(stride)
    base = row // U(lines) * U(whole) + row % U(lines) * U(line_stride) + U(inner) + left - step
    for c in range(count):
        sums[base + U(c)] = NONE
    for k in range(U(n)):
        before = base + U(k) * step
        here = before + step
        for c in range(count):
            sums[here + U(c)] += sums[before + U(c)]
    last = base + U(n) * step
    for k in range(U(n)):
        here = base + (U(k) + U(1)) * step
        high = base + U(edges[HIGH, U(k)]) * step
        low = base + U(edges[LOW, U(k)]) * step
        outer_high = base + U(edges[OUTER_HIGH, U(k)]) * step
        outer_low = base + U(edges[OUTER_LOW, U(k)]) * step
        for c in range(count):
            ones = sums[high + U(c)] - sums[low + U(c)]
            boxed[here + U(c)] = ones * inner_weight + (sums[outer_high + U(c)] - sums[outer_low + U(c)]) * end_weight
        around = edges[ROUND, U(k)]
        if around > NONE:
            for c in range(count):
                boxed[here + U(c)] += around * sums[last + U(c)]


@device
def box_near_end(x, base, sums, edges, inner_weight, end_weight, total):
    """Return the weighted sum of the box around voxel ``x`` of a line by its edges; ``total`` is that of the line."""
    ones = sums[base + U(edges[HIGH, x])] - sums[base + U(edges[LOW, x])]
    outer = sums[base + U(edges[OUTER_HIGH, x])] - sums[base + U(edges[OUTER_LOW, x])]
    return ones * inner_weight + outer * end_weight + total * edges[ROUND, x]


@kernel
def density_along_x(i, sums, density, share, edges, inner_weight, end_weight, m, nx, ny, layers, sy, whole):
    """Sum a box along line ``i`` of voxels along x, the last axis, and turn the sums into densities.

    sums     int64[voxels]    in: values; out: their running sums along x
    density  float32[voxels]  written, 1/mm3
    share    float32[voxels]  density for one unit of the sum
    m        whole voxels of the box to either side
    layers   distance, number and first index of the layers in z
    """
    nz = U(layers[1])
    plane = i // U(ny)
    base = plane // nz * U(whole) + (plane % nz + U(layers[2])) * U(layers[0]) + (i % U(ny) + U(1)) * U(sy)
    total = NONE
    sums[base] = NONE
    for x in range(U(nx)):
        total += sums[base + U(x) + U(1)]
        sums[base + U(x) + U(1)] = total
    begin = min(U(m) + ONE, U(nx))  # from here to end the box is inside: no table, and the loop runs on vectors
    end = max(U(nx) - begin, begin)
    for x in range(begin):
        box = box_near_end(x, base, sums, edges, inner_weight, end_weight, total)
        density[base + x + ONE] = np.float32(box) * share[base + x + ONE]
    for x in range(begin, end):
        at = base + x
        ones = sums[at + U(m) + ONE] - sums[at - U(m)]
        outer = sums[at + U(m) + TWO] - sums[at - U(m) - ONE]
        density[at + ONE] = np.float32(ones * inner_weight + outer * end_weight) * share[at + ONE]
    for x in range(end, U(nx)):
        box = box_near_end(x, base, sums, edges, inner_weight, end_weight, total)
        density[base + x + ONE] = np.float32(box) * share[base + x + ONE]


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

    centre   float32[voxels]  what one cell in a voxel adds to the density there, 1/mm3: a cell never counts itself
    """

    def __init__(self, machine, grid, radius, voxel_volume, periodic=(False, False, False)):
        """Prepare for ``radius`` um; ``voxel_volume`` in mm3; ``periodic`` says which of x, y, z wrap around."""
        self.grid, self.wraps = grid, [int(wraps) for wraps in periodic]
        self.m, self.f = box_of_radius(radius, grid.h, grid.dims)
        full = int(FULL)
        self.weights = full - self.f, self.f
        edges, inside, centre = [], [], []
        for n, wraps in zip((grid.nx, grid.ny, grid.nz)[: grid.dims], periodic):
            table = box_edges(n, self.m, self.f, wraps)
            edges.append(machine.put(table))
            inside.append((table[0] - table[1]) * (full - self.f) + (table[2] - table[3]) * self.f + table[4] * n)
            offsets = np.arange(-self.m - 1, self.m + 2)
            weights = np.where(np.abs(offsets) <= self.m, full, self.f)
            centre.append(int(weights[offsets % n == 0].sum()) if wraps else full)
        self.edges = edges
        most = max(64.0, DENSEST * voxel_volume)
        widest = float(np.prod([float(line.max()) for line in inside]))
        self.most = most
        self.scale = 2.0 ** min(FINEST, 62 - math.ceil(math.log2(widest)) - math.ceil(math.log2(most)))
        parts = [line.astype(float) for line in inside] + [np.ones(1)] * (3 - grid.dims)
        tissue = parts[2][:, None, None] * (parts[1][:, None] * parts[0])
        share = np.zeros(grid.size, np.float32)
        grid.inner(share)[:] = 1.0 / (tissue * voxel_volume * self.scale)
        self.share = machine.put(share)
        self.centre = machine.put(share * np.float32(math.prod(centre) * self.scale))


def smoothing_work(machine, grid) -> tuple:
    """Return the scratch arrays of ``smooth``; one set serves all radii of a grid, one after the other."""
    return machine.zeros(grid.size, np.int64), machine.zeros(grid.size, np.int64)


def smooth(machine, smoothing, amount, density, work) -> None:
    """Write the density around each voxel: the amounts in the box over the tissue in the box, in every slab by itself.

    amount   float32[voxels]  weighted number of cells in each voxel, not negative
    density  float32[voxels]  written, 1/mm3; a uniform amount N gives N / voxel_volume everywhere

    The tissue in the box ends at a face, unless the axis is periodic.
    """
    grid = smoothing.grid
    values, boxed = work
    to_fixed(machine, grid.size, amount, values, smoothing.scale, smoothing.most)
    if machine.target == "cuda":
        _smooth_at_once(machine, smoothing, values, boxed, density)
        return
    first = grid.sz + grid.sy + 1
    blocks = -(-grid.nx // COLUMNS)
    across = [(grid.ny, grid.sy, grid.nz, grid.sz), (grid.nz, grid.sz, grid.ny, grid.sy)]
    for edges, (n, stride, lines, line_stride) in zip(smoothing.edges[1:], across):
        layout = (n, stride, grid.nx, COLUMNS, lines, line_stride, first, grid.whole)
        box_along(machine, grid.slabs * lines * blocks, values, boxed, edges, *smoothing.weights, *layout)
        values, boxed = boxed, values
    layout = (smoothing.m, grid.nx, grid.ny, grid.layers, grid.sy, grid.whole)
    density_along_x(
        machine, grid.lines, values, density, smoothing.share, smoothing.edges[0], *smoothing.weights, *layout
    )


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
