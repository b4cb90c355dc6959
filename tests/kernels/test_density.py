"""Smoothed densities against a direct sum over the box, and the moments they promise."""

import itertools

import numpy as np
import pytest

from kernels.density import FULL, Box, Smoothing, _smooth_at_once, box_of_radius, smooth
from kernels.device import Machine
from kernels.grid import Grid

VOLUME = 8e-6  # mm3, of a voxel of 20 um
NONE, X, YZ, ALL = (False, False, False), (True, False, False), (False, True, True), (True, True, True)


def smoothed(grid, radius, amount, periodic=NONE, threads=1):
    machine, box = Machine("cpu", threads), Box(grid, radius, VOLUME, periodic)
    smoothing = Smoothing(machine, [box], [0], [0], [1.0])
    density = np.zeros(grid.size, np.float32)
    smooth(machine, smoothing, amount, density, np.full(smoothing.scratch, 7))
    return box, density


def cells(grid, seed=0):
    """Random amounts; in the halo a number that must have no effect."""
    amount = np.full(grid.size, 77.0, np.float32)
    inner = grid.inner(amount)
    inner[:] = np.random.default_rng(seed).random(inner.shape) * 5
    return amount


def direct(inner, m, f, periodic):
    """Sum over the box and the tissue in it, voxel by voxel in float64; inner is (z, y, x)."""
    reach = range(-m - 1, m + 2)
    weights = {j: 1.0 if abs(j) <= m else f / 256 for j in reach}
    shape = inner.shape
    axes = [reach if n > 1 else [0] for n in shape]
    total, tissue = np.zeros(shape), np.zeros(shape)
    for here in np.ndindex(shape):
        for offset in itertools.product(*axes):
            weight = np.prod([weights[j] for j, axis in zip(offset, axes) if len(axis) > 1])
            there = [a + b for a, b in zip(here, offset)]
            there = [a % n if wraps else a for a, n, wraps in zip(there, shape, periodic[::-1])]
            if all(0 <= a < n for a, n in zip(there, shape)):
                total[here] += weight * inner[tuple(there)]
                tissue[here] += weight
    return total / tissue / VOLUME


@pytest.mark.parametrize("periodic", [NONE, X, YZ, ALL])
@pytest.mark.parametrize(
    ("grid", "radius"),
    [(Grid(14, 9, 1, 20.0, 2), 70.0), (Grid(14, 9, 1, 20.0, 2), 300.0), (Grid(7, 6, 5, 20.0, 3), 45.0)],
)
def test_density_is_the_weighted_mean_over_the_box(grid, radius, periodic):
    amount = cells(grid)
    box, density = smoothed(grid, radius, amount, periodic)
    expected = direct(grid.inner(amount)[0].astype(float), box.m, box.f, periodic)
    np.testing.assert_allclose(grid.inner(density)[0], expected, rtol=2e-6)


@pytest.mark.parametrize(("dims", "share"), [(2, 4), (3, 5)])
@pytest.mark.parametrize("radius", [0.0, 3.0, 17.0, 20.0, 49.0, 100.0, 150.0, 250.0])
def test_box_has_the_second_moment_of_a_disc_or_ball(dims, share, radius):
    """R^2 / 4 in 2D, R^2 / 5 in 3D, per axis; half a step of the end weight is the only error."""
    h = 20.0
    m, f = box_of_radius(radius, h, dims)
    j = np.arange(-m - 1, m + 2)
    assert 0 <= f < FULL

    def moment(end):
        weights = np.where(np.abs(j) <= m, 256.0, end)
        return (weights * j**2).sum() / weights.sum() * h**2

    assert moment(f - 0.5) <= radius**2 / share <= moment(f + 0.5)


def test_uniform_tissue_has_its_own_density_everywhere():
    for grid, radius, periodic in [
        (Grid(40, 30, 1, 20.0, 2), 150.0, NONE),
        (Grid(40, 30, 1, 20.0, 2), 250.0, X),
        (Grid(12, 11, 10, 20.0, 3), 100.0, NONE),
        (Grid(5, 4, 1, 20.0, 2), 1000.0, ALL),
        (Grid(5, 4, 1, 20.0, 2), 1.0, NONE),
    ]:
        amount = np.full(grid.size, 0.6, np.float32)
        _, density = smoothed(grid, radius, amount, periodic)
        np.testing.assert_allclose(grid.inner(density), 0.6 / VOLUME, rtol=1.5e-6)


def test_mirrored_tissue_has_the_mirrored_density_to_the_bit():
    for grid, axes in [(Grid(31, 22, 1, 20.0, 2), (2, 3)), (Grid(9, 8, 7, 20.0, 3), (1, 2, 3))]:
        amount = cells(grid)
        _, density = smoothed(grid, 70.0, amount)
        for axis in axes:
            mirrored = np.zeros_like(amount)
            grid.inner(mirrored)[:] = np.flip(grid.inner(amount), axis)
            _, other = smoothed(grid, 70.0, mirrored)
            np.testing.assert_array_equal(grid.inner(other), np.flip(grid.inner(density), axis))


@pytest.mark.parametrize("periodic", [NONE, ALL])
@pytest.mark.parametrize(("grid", "radius"), [(Grid(9, 8, 1, 20.0, 2), 60.0), (Grid(5, 4, 3, 20.0, 3), 90.0)])
def test_a_lone_cell_subtracted_leaves_no_density(grid, radius, periodic):
    """``centre`` is what one cell adds where it is, also at a face and where the box goes round more than once."""
    shape = grid.inner(np.zeros(grid.size)).shape
    for here in [(0,) * 4, (0, 0, 3, 2), tuple(n - 1 for n in shape)]:
        amount = np.zeros(grid.size, np.float32)
        grid.inner(amount)[here] = 1.0
        box, density = smoothed(grid, radius, amount, periodic)
        assert grid.inner(density)[here] > 0
        np.testing.assert_allclose(grid.inner(box.centre)[here], grid.inner(density)[here], rtol=1e-6)


def test_slabs_do_not_see_each_other_and_threads_change_nothing(monkeypatch):
    monkeypatch.setattr("kernels.launch.FEWEST_PER_THREAD", 1)  # each thread takes planes
    many, one = Grid(200, 170, 1, 20.0, 2, 3), Grid(200, 170, 1, 20.0, 2, 1)
    amount = cells(many)
    _, density = smoothed(many, 100.0, amount)
    _, threaded = smoothed(many, 100.0, amount, threads=2)
    np.testing.assert_array_equal(density, threaded)
    for slab in range(3):
        part = slice(slab * one.size, (slab + 1) * one.size)
        _, alone = smoothed(one, 100.0, amount[part].copy())
        np.testing.assert_array_equal(one.inner(alone), one.inner(density[part]))


def test_crowds_beyond_any_tissue_do_not_overflow():
    grid = Grid(60, 50, 1, 20.0, 2)
    box, density = smoothed(grid, 250.0, np.full(grid.size, 1e30, np.float32))
    np.testing.assert_allclose(grid.inner(density), box.most / VOLUME, rtol=1e-6)


@pytest.mark.parametrize("periodic", [NONE, X, YZ, ALL])
@pytest.mark.parametrize(
    ("grid", "radius"),
    [(Grid(14, 9, 1, 20.0, 2, 2), 70.0), (Grid(14, 9, 1, 20.0, 2), 300.0), (Grid(7, 6, 5, 20.0, 3, 2), 45.0)],
)
def test_a_gpu_sums_box_by_box_to_the_same_bits(grid, radius, periodic):
    """Its kernels on this machine, against the running sums of the CPU; the halo must have no effect."""
    amount, machine = cells(grid), Machine()
    box, expected = smoothed(grid, radius, amount, periodic)
    density = np.zeros(grid.size, np.float32)
    smoothing = Smoothing(machine, [box], [0], [0], [1.0])
    _smooth_at_once(machine, smoothing, amount, density, np.full(2 * grid.size, 7))
    np.testing.assert_array_equal(grid.inner(density), grid.inner(expected))
    there = direct(grid.inner(amount)[0].astype(float), box.m, box.f, periodic)
    np.testing.assert_allclose(grid.inner(density)[0], there, rtol=2e-6)


@pytest.mark.parametrize("grid", [Grid(31, 22, 1, 20.0, 2, 2), Grid(9, 8, 7, 20.0, 3, 2)])
@pytest.mark.parametrize("at_once", [False, True])
def test_sums_smoothed_together_are_those_of_each_alone(grid, at_once):
    """Of other radii, units and places, two of one radius; what lies between them stays as it is."""
    machine, radii, units, gap = Machine(), (45.0, 20.0, 45.0), (1.0, 0.25, 3.0), 5
    boxes = {radius: Box(grid, radius, VOLUME, X) for radius in radii}
    amounts = [cells(grid, seed) for seed in range(3)]
    buffer, density = np.full(3 * (grid.size + gap), 9.0, np.float32), np.full(3 * (grid.size + gap), -1.0, np.float32)
    starts = [number * (grid.size + gap) for number in (2, 0, 1)]
    for start, amount in zip(starts, amounts):
        buffer[start : start + grid.size] = amount
    ends = starts[::-1]
    smoothing = Smoothing(machine, [boxes[radius] for radius in radii], starts, ends, units)
    work = np.full(max(smoothing.scratch, 6 * grid.size), 7)
    (_smooth_at_once if at_once else smooth)(machine, smoothing, buffer, density, work)
    for radius, unit, amount, end in zip(radii, units, amounts, ends):
        _, alone = smoothed(grid, radius, amount, X)
        here = density[end : end + grid.size]
        np.testing.assert_allclose(grid.inner(here), grid.inner(alone) * unit, rtol=3e-7)
        if unit == 1.0:
            np.testing.assert_array_equal(grid.inner(here), grid.inner(alone))
        grid.inner(here)[:] = -1.0
    assert (density == -1.0).all()
