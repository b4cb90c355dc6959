"""Tallies: what a field is and became in a step, summed over its voxels in an order that no number of threads changes."""

import numpy as np

from kernels.diffusion import at_most
from kernels.grid import Grid, part_of_row
from kernels.launch import kernel

U = np.uint64
ONE = U(1)
LINES = U(16)  # of voxels along x that a partial sum goes over
ZERO = np.float32(0.0)
COUNT = np.float32(1.0)
# A concentration below is none: in pg/mL or uM less than a billionth of a molecule in a voxel. Else what has decayed for days
# ends in numbers so small (denormal) that many processors take fifty times as long for them.
LEAST = np.float32(2.0**-66)
SUMS = ("mass", "clamped", "exposure", "taken", "secreted", "limited")


@kernel
def tally(i, starts, n_lines, nx, columns, n, u, exposure, source, uptake, cap, base, sums):
    """Set values below LEAST to zero and sum over LINES lines of a slab, column by column, in the order of ``SUMS``.

    i         block of lines * parts of a line + part: ``columns`` neighbouring voxels
    starts    uint64[lines]      first voxel of each line of ``nx``;  n_lines  of a slab
    u         float32[voxels]    written where below
    exposure  float32[voxels]    integral of u over the step, less ``base``
    sums      float32[6 * n]     written: n columns of blocks
    """
    block, left, count = part_of_row(i, nx, columns)
    blocks = (U(n_lines) + LINES - ONE) // LINES
    above = block % blocks * LINES
    first = block // blocks * U(n_lines) + above
    mass = block * U(nx) + left
    clamped, exposed, taken = mass + U(n), mass + U(2) * U(n), mass + U(3) * U(n)
    secreted, limited = mass + U(4) * U(n), mass + U(5) * U(n)
    for c in range(count):
        sums[mass + U(c)] = ZERO
        sums[clamped + U(c)] = ZERO
        sums[exposed + U(c)] = ZERO
        sums[taken + U(c)] = ZERO
        sums[secreted + U(c)] = ZERO
        sums[limited + U(c)] = ZERO
    for line in range(min(LINES, U(n_lines) - above)):
        start = starts[first + U(line)] + left
        for c in range(count):
            v = start + U(c)
            amount = u[v]
            integral = exposure[v] + base
            too_much = COUNT if uptake[v] >= cap else ZERO
            u[v] = ZERO if amount < LEAST else amount
            sums[mass + U(c)] += ZERO if amount < LEAST else amount
            sums[clamped + U(c)] += amount if amount < ZERO else ZERO
            sums[exposed + U(c)] += integral
            sums[taken + U(c)] += at_most(uptake[v], cap) * integral
            sums[secreted + U(c)] += source[v]
            sums[limited + U(c)] += too_much if integral > ZERO else ZERO


@kernel
def add_up(i, blocks, nx, columns, sums, fewer):
    """Add up LINES blocks of a slab that ``tally`` has summed, column by column, one after the other.

    i       row of ``fewer`` * parts of a row + part: ``columns`` neighbouring numbers;  blocks  of a slab
    sums    float32   rows of ``nx`` numbers, one for each block;  fewer  float32  written: one for each LINES blocks
    """
    row, left, count = part_of_row(i, nx, columns)
    groups = (U(blocks) + LINES - ONE) // LINES
    above = row % groups * LINES
    start = (row // groups * U(blocks) + above) * U(nx) + left
    to = row * U(nx) + left
    for c in range(count):
        fewer[to + U(c)] = ZERO
    for block in range(min(LINES, U(blocks) - above)):
        for c in range(count):
            fewer[to + U(c)] += sums[start + U(block) * U(nx) + U(c)]


def tally_field(machine, grid: Grid, starts, u, exposure, source, uptake, cap, base, sums, block_sums) -> None:
    """Sum a field as ``tally`` does, and further where there are many blocks of lines: the host must read and add the less.

    sums         float32[n_sums(grid)], written;  block_sums  float32[n_block_sums(grid)], scratch
    """
    columns = grid.nx if machine.target == "cpu" else 1  # neighbouring threads of a GPU read neighbouring voxels
    blocks, parts, few = _blocks(grid), -(-grid.nx // columns), _has_few_blocks(grid)
    tally(
        machine, grid.slabs * blocks * parts, starts, grid.ny * grid.nz, grid.nx, columns, grid.slabs * blocks * grid.nx,
        u, exposure, source, uptake, cap, base, sums if few else block_sums,
    )  # fmt: skip
    if not few:
        add_up(machine, len(sums) // grid.nx * parts, blocks, grid.nx, columns, block_sums, sums)


def _blocks(grid: Grid) -> int:
    """Blocks of lines of a slab, see ``tally``."""
    return -(-grid.ny * grid.nz // int(LINES))


def _has_few_blocks(grid: Grid) -> bool:
    return _blocks(grid) <= LINES


def n_block_sums(grid: Grid) -> int:
    """Return the length of the array that ``tally`` writes where it is added up further; 0 where it is not."""
    return 0 if _has_few_blocks(grid) else len(SUMS) * grid.slabs * _blocks(grid) * grid.nx


def n_sums(grid: Grid) -> int:
    """Return the length of the array of partial sums that ``Solver.advance`` writes."""
    rows = _blocks(grid) if _has_few_blocks(grid) else -(-_blocks(grid) // int(LINES))
    return len(SUMS) * grid.slabs * rows * grid.nx


def totals(sums: np.ndarray, grid: Grid) -> np.ndarray:
    """Add up what ``Solver.advance`` wrote, on the host and in float64: (n_sums) becomes (6, slabs)."""
    return sums.reshape(len(SUMS), grid.slabs, -1).sum(axis=-1, dtype=np.float64)
