"""Persistent random walk against the closed forms of the Ornstein-Uhlenbeck velocity.

Seeds are fixed; limits are 5 standard errors of the number of cells.
"""

from decimal import Decimal, getcontext

import numpy as np
import pytest
from scipy import stats

from kernels.binning import locate
from kernels.device import Machine
from kernels.grid import Grid
from kernels.motion import NO_BIAS, Walk, bias_reach, walk_coefficients

SPEED = 540.0  # um/h, of a T cell
PERSISTENCE = 0.05  # h
CPU = Machine("cpu", 1)


class Cells:
    """Walkers that start at one place with velocities in equilibrium."""

    def __init__(self, grid, n, dt, persistence=PERSISTENCE, periodic=(False, False, False), machine=CPU):
        self.machine, self.grid, self.n, self.random = machine, grid, n, np.random.default_rng(3)
        self.walk = Walk(machine, grid, dt, [persistence], periodic)
        sides = np.array([grid.nx, grid.ny, grid.nz])[: grid.dims] * grid.h
        self.sides = sides
        self.place = np.tile((sides / 2).astype(np.float32)[:, None], n)
        self.velocity = (self.random.standard_normal((grid.dims, n)) / np.sqrt(grid.dims)).astype(np.float32)
        self.voxel = np.zeros(n, np.int32)
        self.locate()
        self.speed = np.full(n, SPEED, np.float32)
        self.seeds = np.array([42], np.uint64)
        self.uid = np.arange(n, dtype=np.uint64)
        self.bias = np.zeros((3, n), np.float32)

    def scatter(self):
        """Spread the cells evenly over the box."""
        self.place[:] = self.random.random(self.place.shape) * self.sides[:, None]
        self.locate()
        return self

    def locate(self):
        locate(self.machine, self.n, *self.place[:2], self.place[-1], self.voxel, self.voxel, *self.grid.box)

    def step(self, number, channel=None, at_most=0.0):
        law = np.array([NO_BIAS if channel is None else 0]), np.array([at_most], np.float32)
        self.walk.propose(
            self.n, self.seeds[self.voxel // self.walk.grid.whole], number, self.uid, self.voxel,
            self.place, self.velocity, self.speed, self.place, self.voxel, self.bias, *law,
            np.zeros(1, np.float32) if channel is None else channel,
        )  # fmt: skip


def open_space(dims):
    return Grid(10, 10, 10 if dims == 3 else 1, 2000.0, dims)


def exact_displacement(t):
    """2 v^2 P (t - P (1 - exp(-t / P)))"""
    return 2 * SPEED**2 * PERSISTENCE * (t + PERSISTENCE * np.expm1(-t / PERSISTENCE))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    ("dt", "steps"),
    [(0.05, [1, 2, 5, 20, 100, 400]), (1 / 3, [1, 3, 12, 150]), (2, [1, 2, 25]), (10, [1, 5]), (50, [1])],
    ids=lambda value: f"{value:.3g}P" if isinstance(value, float | int) else "",
)
def test_mean_square_displacement_is_exact_at_any_step(dims, dt, steps):
    """At times from P / 20 to 50 P, in steps from P / 20 to 50 P. A mean over n cells errs by sqrt(2 / (dims n))."""
    n = 100_000 if max(steps) <= 25 else 40_000
    cells = Cells(open_space(dims), n, dt * PERSISTENCE)
    start = cells.place.copy()
    for number in range(1, max(steps) + 1):
        cells.step(number)
        if number in steps:
            square = ((cells.place.astype(float) - start) ** 2).sum(axis=0)
            expected = exact_displacement(number * dt * PERSISTENCE)
            assert square.mean() == pytest.approx(expected, rel=5 * np.sqrt(2 / (dims * n)))
    assert cells.velocity.var() == pytest.approx(1 / dims, rel=5 * np.sqrt(2 / (dims * n)))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("ratio", [1e-7, 1e-4, 0.0099, 0.0101, 0.3, 2.0, 40.0, 3000.0])
def test_coefficients_have_the_exact_moments(dims, ratio):
    """Against 60 digits: the closed forms lose all of theirs in double precision where the step is short."""
    getcontext().prec = 60
    persistence = 0.37
    p, r = Decimal(persistence), Decimal(ratio)
    a = (-r).exp()
    keep, glide, kick, drag, jitter = walk_coefficients(ratio * persistence, persistence, dims)
    assert keep == pytest.approx(float(a), rel=1e-12, abs=1e-300)
    assert glide == pytest.approx(float(p * (1 - a)), rel=1e-9, abs=0)
    assert kick**2 == pytest.approx(float((1 - a * a) / dims), rel=1e-9, abs=0)
    assert kick * drag == pytest.approx(float(p * (1 - a) ** 2 / dims), rel=1e-9, abs=0)
    assert drag**2 + jitter**2 == pytest.approx(float(p * p * (2 * r - 3 + 4 * a - a * a) / dims), rel=1e-6, abs=0)


def ramp(grid, slope):
    """A channel that rises by ``slope`` per um along each axis, at the voxels' centres."""
    channel = np.full(grid.size, np.nan, np.float32)  # the halo must not be read
    centres = [(np.arange(n) + 0.5) * grid.h for n in (grid.nx, grid.ny, grid.nz)]
    total = slope[0] * centres[0] + slope[1] * centres[1][:, None]
    total = total + (slope[2] * centres[2][:, None, None] if grid.dims == 3 else 0)
    grid.inner(channel)[:] = total
    return channel


@pytest.mark.parametrize(
    "grid", [Grid(40, 40, 1, h, 2) for h in (8.0, 10.0, 20.0, 50.0)] + [Grid(20, 20, 20, 20.0, 3)], ids=str
)
def test_drift_is_speed_times_bias_in_a_linear_gradient(grid):
    """Per axis b = F(x + 20 um) - F(x - 20 um), whatever the voxel; in the middle, away from the faces."""
    dt, slope = 0.002, np.array([2e-3, -1e-3, 5e-4])[: grid.dims]
    still, drifting = Cells(grid, 20_000, dt), Cells(grid, 20_000, dt)
    still.step(1)
    drifting.step(1, ramp(grid, slope), at_most=0.5)
    drift = drifting.place.astype(float) - still.place
    np.testing.assert_allclose(drift, np.tile((SPEED * dt * 40 * slope)[:, None], 20_000), atol=1e-4)


def test_mean_drift_over_many_steps():
    """Cells that wander at 540 um/h drift at 0.08 of that, with the random walk on top."""
    grid, n, dt = Grid(200, 200, 1, 20.0, 2), 40_000, 0.05
    cells = Cells(grid, n, dt)
    start = cells.place.copy()
    channel = ramp(grid, (2e-3, 0.0))
    for number in range(1, 41):
        cells.step(number, channel, at_most=0.5)
    moved = cells.place.astype(float) - start
    error = 5 * np.sqrt(exact_displacement(40 * dt) / 2 / n)
    assert moved[0].mean() == pytest.approx(0.08 * SPEED * 40 * dt, abs=error)
    assert moved[1].mean() == pytest.approx(0, abs=error)
    assert ((moved - moved.mean(axis=1)[:, None]) ** 2).sum(axis=0).mean() == pytest.approx(
        exact_displacement(40 * dt), rel=5 / np.sqrt(n)
    )


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("steepness", [0.4, 0.49, 0.51, 0.6, 0.75, 500.0])
def test_a_gradient_drives_no_faster_than_the_bound_and_straight_up(dims, steepness):
    grid = Grid(20, 20, 20 if dims == 3 else 1, 20.0, dims)
    upwards = np.array([3.0, -4.0, 12.0])[:dims]
    upwards /= np.linalg.norm(upwards)
    still, drifting = Cells(grid, 1000, 0.01), Cells(grid, 1000, 0.01)
    still.step(1)
    drifting.step(1, ramp(grid, upwards * steepness / 40), at_most=0.5)
    expected = min(steepness, 0.5) * SPEED * 0.01 * upwards
    drift = drifting.place.astype(float) - still.place
    np.testing.assert_allclose(drift, np.tile(expected[:, None], 1000), atol=2e-4)


def test_bias_at_a_face_is_one_sided_unless_the_axis_is_periodic():
    grid = Grid(10, 10, 1, 20.0, 2)
    channel = ramp(grid, (1e-3, 0.0))
    for periodic, expected in [((False, False, False), 0.02), ((True, False, False), 0.02 - 0.18)]:
        still, drifting = Cells(grid, 1, 1e-4, periodic=periodic), Cells(grid, 1, 1e-4, periodic=periodic)
        for cells in (still, drifting):
            cells.place[:] = [[10.0], [100.0]]
            cells.locate()
        still.step(1)
        drifting.step(1, channel, at_most=0.5)
        assert drifting.place[0, 0] - still.place[0, 0] == pytest.approx(expected * SPEED * 1e-4, abs=3e-6)


def test_bias_is_taken_over_20_um_as_nearly_as_voxels_allow():
    assert [bias_reach(h) for h in (5.0, 8.0, 20.0, 50.0)] == [(4, 1.0), (2, 1.25), (1, 1.0), (1, 0.4)]


def straight(x, u, distance, periodic=False):
    """Let one cell go straight along x, in a box of 200 um, and return its place and velocity."""
    grid = Grid(10, 10, 1, 20.0, 2)
    cells = Cells(grid, 1, 0.1, persistence=1e6, periodic=(periodic, False, False))
    cells.place[:] = [[x], [100.0]]
    cells.locate()
    cells.velocity[:] = [[u], [0.0]]
    cells.speed[:] = distance / 0.1
    cells.step(1)
    return cells.place[0, 0], cells.velocity[0, 0], cells.voxel[0] % grid.sy


@pytest.mark.parametrize(
    ("x", "u", "distance", "place", "velocity"),
    [
        (50, 1, 100, 150, 1),
        (5, -1, 30, 25, 1),
        (190, 1, 35, 175, -1),
        (50, 1, 735, 15, -1),
        (50, -1, 735, 115, -1),
        (50, -1, 300, 150, -1),
    ],
)
def test_faces_reflect_the_place_and_the_velocity(x, u, distance, place, velocity):
    """As often as they are met: 785 um is 15 um from the first face, on the way down, the fourth time round."""
    to, turned, voxel = straight(x, u, distance)
    assert to == pytest.approx(place, abs=0.5)
    assert turned == pytest.approx(velocity, abs=0.01)
    assert voxel == place // 20 + 1


@pytest.mark.parametrize(
    ("x", "u", "distance", "place"), [(5, -1, 30, 175), (190, 1, 35, 25), (50, 1, 740, 190), (50, -1, 740, 110)]
)
def test_periodic_faces_lead_to_the_other_side(x, u, distance, place):
    to, turned, voxel = straight(x, u, distance, periodic=True)
    assert to == pytest.approx(place, abs=0.5)
    assert turned == pytest.approx(u, abs=0.01)
    assert voxel == place // 20 + 1


@pytest.mark.parametrize("periodic", [(False, False, False), (True, True, True), (True, False, False)])
@pytest.mark.parametrize("grid", [Grid(10, 9, 1, 20.0, 2), Grid(6, 5, 4, 20.0, 3)], ids=str)
def test_walkers_keep_an_even_density(grid, periodic):
    """Neither a face nor a corner gathers cells, in steps of a quarter of the box."""
    n = 200_000
    cells = Cells(grid, n, 0.1, periodic=periodic).scatter()
    for number in range(1, 31):
        cells.step(number)
    counts = grid.inner(np.bincount(cells.voxel, minlength=grid.size)).ravel()
    assert counts.sum() == n  # nobody in the halo
    assert stats.chisquare(counts).pvalue > 1e-5
    edge = [
        (cells.place[axis] < 1).sum() + (cells.place[axis] > side - 1).sum() for axis, side in enumerate(cells.sides)
    ]
    expected = n * 2 / cells.sides
    assert (np.abs(edge - expected) < 5 * np.sqrt(expected)).all()


def test_place_and_voxel_agree():
    grid = Grid(12, 9, 1, 20.0, 2)
    cells = Cells(grid, 20_000, 0.1).scatter()
    cells.step(1)
    voxel = np.zeros_like(cells.voxel)
    locate(CPU, cells.n, *cells.place, cells.place[1], voxel, voxel, *grid.box)
    np.testing.assert_array_equal(voxel, cells.voxel)


def test_axes_and_cells_and_steps_walk_independently():
    cells = Cells(open_space(3), 100_000, 0.05)
    start = cells.place.copy()
    cells.step(1)
    first = cells.place.astype(float) - start
    middle = cells.place.copy()
    cells.velocity[:] = 0
    cells.step(2)
    second = cells.place.astype(float) - middle
    both = np.concatenate([first, second, np.roll(first, 1, axis=1)])
    correlation = np.corrcoef(both)
    np.fill_diagonal(correlation, 0.0)
    assert np.abs(correlation).max() < 5 / np.sqrt(100_000)
