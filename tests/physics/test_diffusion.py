"""The diffusion solver against closed forms and against independent computations in float64."""

import itertools
import math

import numpy as np
import pytest
from diffusion_reference import (
    Tissue,
    cosine_step,
    decay_rates,
    exact_step,
    operator,
    points,
    relative_error,
    steady_state,
)
from scipy.special import eval_gegenbauer

from kernels.device import Machine
from kernels.diffusion import begin_2d, begin_3d
from kernels.faces import FACES, Faces
from kernels.grid import Grid
from kernels.rkg import Plan, fewest_stages, most_damping, plan, second_order

D, DECAY, H, STEP = 22.0 * 3600, math.log(2), 20.0, 0.1  # TNF: um^2/h, 1/h; um, h
ROUNDING = 3e-6  # of a float32 field after some tens of stages, relative


def fixed(substeps, diffusivity, dims, step, h, decay=0.0, stages=None):
    """A plan that nobody chose: just stable, or with the stages given."""
    stages = stages or fewest_stages((4 * dims * diffusivity / h**2 + decay) * step / substeps)
    return Plan(second_order(stages, 0), substeps, step, 0.0, 0.0)


def order_of(errors, factor):
    return np.diff(np.log(errors)) / -math.log(factor)


# --- the scheme ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("faces", ["no_flux", "periodic"])
@pytest.mark.parametrize("shape, substeps", [((9, 12), 1), ((9, 12), 3), ((5, 6, 7), 1)])
def test_what_stood_in_the_work_arrays_has_no_effect(shape, substeps, faces):
    """To the bit, and were it no number: several fields use the same arrays in turn."""
    chosen = plan(D, DECAY, H, STEP, 0.01, len(shape)) if substeps == 1 else fixed(substeps, D, len(shape), STEP, H)
    values, found = np.random.default_rng(0).random((2, *shape)), []
    for left in (0.0, np.nan):
        tissue = Tissue(shape, chosen, D, DECAY, faces=(faces,) * len(shape))
        for array in vars(tissue.work).values():
            if len(array) == tissue.grid.size:
                tissue.grid.inner(array)[:] = left
        tissue.u[:] = tissue.padded(values[0])
        found.append((tissue.step(source=values[1]), tissue.sums.copy()))
    for one, other in zip(*found):
        np.testing.assert_array_equal(one, other)
    assert np.isfinite(found[0][0]).all()


@pytest.mark.parametrize("stages, inner", [(2, 0), (3, 0), (4, 1), (6, 2), (9, 4), (24, 0), (32, 18), (103, 61)])
def test_a_polynomial_is_a_mean_of_two_gegenbauer_polynomials(stages, inner):
    """R(z) of index 4, degree s and inner m; its first two derivatives at 0 are those of exp(-z); stable over its reach."""
    polynomial = second_order(stages, inner)
    assert 0 < polynomial.share <= 1
    z = np.linspace(0, polynomial.reach, 200)

    def g(degree):
        return eval_gegenbauer(degree, 4, 1 - 2 * z / polynomial.reach) / eval_gegenbauer(degree, 4, 1.0)

    np.testing.assert_allclose(
        polynomial(z), (1 - polynomial.share) * g(inner) + polynomial.share * g(stages), atol=1e-10
    )
    small = np.array([1e-4])
    np.testing.assert_allclose((polynomial(small) - 1 + small) / small**2, 0.5, rtol=1e-3)
    assert np.abs(polynomial(z)).max() <= 1 + 1e-10
    if inner == 0:
        fewest = next(reach for reach in polynomial.reach * np.linspace(1, 1.2, 500) if fewest_stages(reach) > stages)
        assert fewest == pytest.approx(polynomial.reach, rel=2e-3)  # what `fewest_stages` believes


@pytest.mark.parametrize("stages, inner", [(2, 0), (3, 0), (4, 1), (6, 2), (32, 18), (103, 61)])
def test_the_stages_sum_to_the_polynomial(stages, inner):
    """R = 1 - z + z^2 P, P as a sum of Gegenbauer polynomials with weights that are not negative."""
    polynomial = second_order(stages, inner)
    z = np.linspace(0, polynomial.reach, 50)
    weights = polynomial.correction()
    x = 1 - polynomial.width * z
    p = sum(a * eval_gegenbauer(k, 4, x) / eval_gegenbauer(k, 4, 1.0) for k, a in enumerate(weights))
    np.testing.assert_allclose(1 - z + z * z * p, polynomial(z), atol=1e-10)
    assert len(weights) == stages - 1 and min(weights) >= 0


def test_no_inner_polynomial_of_a_higher_degree_would_be_stable():
    for stages, z in ((32, 172.0), (25, 115.0), (103, 1692.0), (4, 4.0)):
        chosen = most_damping(stages, z)
        assert chosen.reach >= z
        more = [second_order(stages, inner) for inner in range(chosen.inner + 1, stages)]
        assert all(polynomial is None or polynomial.reach < z * 1.00001 for polynomial in more)


@pytest.mark.parametrize("shape", [(24, 32), (8, 10, 12)])
@pytest.mark.parametrize("stages", [2, 3, 4, 5, 12])
def test_a_cosine_mode_is_multiplied_by_the_amplification(shape, stages):
    """The mode is an eigenvector of the grid with no-flux walls: rate 2 D/h^2 (1 - cos(k pi/n)) along each axis, plus decay."""
    numbers = (3, 5, 2)[: len(shape)]
    mode = np.ones(shape)
    for axis, (n, k) in enumerate(zip(shape, numbers)):
        along = np.cos(np.pi * k * (np.arange(n) + 0.5) / n)
        mode *= along.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    rate = decay_rates(shape, D, DECAY, H)[numbers]
    polynomial = second_order(stages, stages // 4)
    reach = polynomial.reach / (4 * len(shape) * D / H**2 + DECAY)
    tissue = Tissue(shape, Plan(polynomial, 3, 3 * reach, 0.0, 0.0), D, DECAY)
    tissue.u = tissue.padded(1 + 0.5 * mode)  # above zero: nothing to clamp
    whole, part = polynomial(np.array([DECAY, rate]) * reach) ** 3
    np.testing.assert_allclose(tissue.step(), whole + 0.5 * part * mode, atol=ROUNDING)


def test_time_error_is_of_second_order():
    """Of one cosine mode, against exp(-rate t), at a fixed number of stages."""
    n, k, step = 32, 7, 0.05
    mode = np.cos(np.pi * k * (np.arange(n) + 0.5) / n) * np.ones((n, 1))
    rate = decay_rates((n, n), D, DECAY, H)[0, k]
    errors = []
    for substeps in (16, 32, 64):
        tissue = Tissue((n, n), fixed(substeps, D, 2, step, H, stages=9), D, DECAY)
        tissue.u = tissue.padded(1 + 0.5 * mode)
        exact = math.exp(-DECAY * step) + 0.5 * math.exp(-rate * step) * mode
        errors.append(np.abs(tissue.step() - exact).max())
    assert order_of(errors, 2) == pytest.approx([2, 2], abs=0.15)


def test_space_error_is_of_second_order():
    """Of one cosine mode, against exp(-(D (k pi / length)^2 + decay) t), with a step that adds nothing."""
    length, k, step = 640.0, 3, 0.02
    errors = []
    for n in (16, 32, 64):
        tissue = Tissue((n, n), fixed(32, D, 2, step, length / n), D, DECAY, h=length / n)
        mode = np.cos(np.pi * k * (np.arange(n) + 0.5) / n) * np.ones((n, 1))
        tissue.u = tissue.padded(1 + 0.5 * mode)
        rate = D * (k * np.pi / length) ** 2
        exact = math.exp(-DECAY * step) * (1 + 0.5 * math.exp(-rate * step) * mode)
        errors.append(np.abs(tissue.step() - exact).max())
    assert order_of(errors, 2) == pytest.approx([2, 2], abs=0.1)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_point_spreads_as_greens_function(dims):
    """Mass 1 at a point becomes exp(-r^2 / 4Dt - k t) / (4 pi D t)^(dims/2), at second order in the voxel."""
    step = 40.0**2 / (2 * D)  # spreads to a standard deviation of 40 um
    errors = []
    for n in (21, 63):
        h = 420.0 / n
        tissue = Tissue((n,) * dims, fixed(24, D, dims, step, h), D, DECAY, h=h)
        start = np.zeros((n,) * dims)
        start[(n // 2,) * dims] = h**-dims
        tissue.u = tissue.padded(start)
        squares = ((np.arange(n) - n // 2) * h) ** 2
        r2 = sum(squares.reshape([-1 if a == axis else 1 for a in range(dims)]) for axis in range(dims))
        green = np.exp(-r2 / (4 * D * step) - DECAY * step) / (4 * np.pi * D * step) ** (dims / 2)
        errors.append(relative_error(tissue.step(), green))
    assert order_of(errors, 3) == pytest.approx([2], abs=0.1)


# --- steady states and faces --------------------------------------------------------------------------------------------


def test_a_uniform_source_settles_at_source_over_decay():
    tissue = Tissue((12, 9), plan(D, 40.0, H, STEP, 0.01, 2), D, 40.0)
    for _ in range(10):
        u = tissue.step(source=80.0)
    np.testing.assert_allclose(u, 2.0, rtol=ROUNDING)


@pytest.mark.parametrize("faces", [*itertools.combinations_with_replacement(FACES, 2), FACES, ("value",) * 3])
def test_steady_state_with_sources_sinks_and_variable_diffusion(faces):
    """Against the solution of the linear system, assembled voxel by voxel. The scheme's steady state has no time error."""
    rng = np.random.default_rng(3)
    shape = (14, 11, 9)[: len(faces)]
    theta = rng.uniform(0.2, 3.0, shape)
    theta[tuple(rng.integers(0, n, 6) for n in shape)] = 0.0  # barriers
    source, uptake = points(shape, 9, rng, 500.0), points(shape, 9, rng, 60.0)
    matrix, constant = operator(theta, D, 30.0 + uptake, H, faces, 4.0)
    chosen = plan(D, 30.0, H, STEP, 0.01, len(shape), (0.2, 3.0))
    tissue = Tissue(shape, chosen, D, 30.0, faces=faces, value=4.0, theta=theta)
    for _ in range(8):
        u = tissue.step(source, uptake)
    assert relative_error(u, steady_state(matrix, constant + source.ravel(), shape)) < 10 * ROUNDING


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("axis", ["x", "last"])
def test_fixed_value_faces_hold_the_value_on_the_face(dims, axis):
    """D u'' = k u between faces of value c gives c cosh((x - L/2)/l) / cosh(L/2l), l = sqrt(D/k), at second order."""
    length, place = 320.0, dims - 1 if axis == "x" else 0
    reach = length / 4
    k = D / reach**2
    errors = []
    for n in (8, 16, 32):
        h = length / n
        shape = [5] * dims
        shape[place] = n
        faces = ["no_flux"] * dims
        faces[place] = "value"
        tissue = Tissue(tuple(shape), plan(D, k, h, 1.0, 0.01, dims, uptake_cap=0.0), D, k, h=h, faces=faces, value=7.0)
        for _ in range(4):
            u = tissue.step()
        x = (np.arange(n) + 0.5) * h
        exact = 7 * np.cosh((x - length / 2) / reach) / np.cosh(length / 2 / reach)
        profile = np.moveaxis(u, place, 0).reshape(n, -1)
        assert np.ptp(profile, axis=1).max() < 10 * ROUNDING
        errors.append(relative_error(profile[:, 0], exact))
    assert order_of(errors, 2) == pytest.approx([2, 2], abs=0.1)


@pytest.mark.parametrize(
    "faces", [("value",) * 2, ("no_flux",) * 2, ("periodic", "value"), ("value",) * 3, ("periodic",) * 3]
)
def test_the_stencil_is_symmetric_and_within_the_bound_on_its_rates(faces):
    """No eigenvalue below -4 dims max(theta), corners between fixed faces included; the whole matrix is the reference's."""
    dims = len(faces)
    grid = Grid(5, 4, 3 if dims == 3 else 1, h=1.0, dims=dims)
    shape = (3, 4, 5)[-dims:]
    theta = np.random.default_rng(0).uniform(0, 1, shape)
    theta[(0,) * dims] = theta[(-1,) * dims] = 1.0
    walls = Faces(Machine(), grid, faces[::-1])
    padded = np.zeros(grid.size, np.float32)
    grid.inner(padded)[:] = theta
    q, nothing, begin = walls.weights(padded), np.zeros(grid.size, np.float32), begin_3d if dims == 3 else begin_2d
    outward = walls.outward(q)
    matrix = np.zeros((theta.size, theta.size))
    for column in range(theta.size):
        u, m = np.zeros(grid.size, np.float32), np.zeros(grid.size, np.float32)
        grid.inner(u).reshape(-1, *shape)[0][np.unravel_index(column, shape)] = 1
        walls.wrap(u)
        spare = [np.zeros(grid.size, np.float32) for _ in range(2)]
        begin(Machine(), grid, q, u, m, *spare, nothing, nothing, outward, 1.0, 1.0, 1.0, 0.0, 0.0)
        matrix[:, column] = grid.inner(m).ravel()
        if "periodic" not in faces:  # a single voxel may be its own neighbour there
            assert matrix[column, column] == pytest.approx(-grid.inner(outward).ravel()[column], rel=1e-5)
    np.testing.assert_allclose(matrix, operator(theta, 1.0, 0.0, 1.0, faces)[0].toarray(), atol=1e-6)
    rates = np.linalg.eigvalsh(-(matrix + matrix.T) / 2)
    assert rates.min() > -1e-5 and rates.max() < 4 * dims * theta.max()


@pytest.mark.parametrize("shape", [(12, 15), (6, 7, 8)])
def test_periodic_faces_know_no_place(shape):
    """Tissue shifted around the torus gives the shifted result, to the bit."""
    rng = np.random.default_rng(1)
    theta, source, uptake = rng.uniform(0.5, 2, shape), points(shape, 5, rng, 100.0), points(shape, 5, rng, 50.0)
    chosen = plan(D, DECAY, H, STEP, 0.01, len(shape), (0.5, 2.0))
    results = []
    for shift in ((0,) * len(shape), (5, 3, 2)[: len(shape)]):
        moved = [np.roll(array, shift, range(len(shape))) for array in (theta, source, uptake)]
        tissue = Tissue(shape, chosen, D, DECAY, faces=("periodic",) * len(shape), theta=moved[0])
        tissue.step(*moved[1:])
        results.append(np.roll(tissue.step(*moved[1:]), [-s for s in shift], range(len(shape))))
    np.testing.assert_array_equal(*results)


# --- accuracy -----------------------------------------------------------------------------------------------------------

SUBSTANCES = {  # D um^2/s, half-life h, agent step h
    "vegf": (15.0, 1.0, 0.1),
    "tnf": (22.0, 1.0, 0.1),
    "ccl2": (50.0, 25 / 60, 0.1),
    "pge2": (235.0, 1 / 6, 0.1),
    "bound": (0.02, 5.0, 0.1),
    "fast": (1000 / 6, math.log(2) / 60, 1 / 60),
    "stable": (10.0, None, 1 / 60),
}


def rates_of(name):
    diffusivity, half_life, step = SUBSTANCES[name]
    return diffusivity * 3600, math.log(2) / half_life if half_life else 0.0, step


@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize("accuracy", [0.01, 0.001])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("name", SUBSTANCES)
def test_error_with_moving_sources_is_within_the_accuracy(name, dims, accuracy, even):
    """At every step, sources having just moved: from an empty field, and from one settled around former sources."""
    diffusivity, decay, step = rates_of(name)
    shape = (40, 48) if dims == 2 else (16, 18, 20)
    chosen = plan(diffusivity, decay, H, step, accuracy, dims, even=even)
    rates = decay_rates(shape, diffusivity, decay, H)
    rng = np.random.default_rng(7)
    for settled in (False, True) if decay else (False,):
        tissue = Tissue(shape, chosen, diffusivity, decay)
        exact = cosine_step(np.zeros(shape), points(shape, 12, rng), rates, 1e9) if settled else np.zeros(shape)
        exact = np.maximum(exact, 0)
        tissue.u = tissue.padded(exact)
        for _ in range(3):
            source = points(shape, 12, rng)
            exact = cosine_step(exact, source, rates, step)
            assert relative_error(tissue.step(source), exact) <= accuracy


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("name", ["tnf", "pge2", "bound", "fast"])
def test_uptake_by_cells_and_variable_diffusion_stay_within_the_accuracy(name, dims):
    """Cells that move every step secrete and take up, in tissue of contrast 10, against the exponential of the matrix."""
    diffusivity, decay, step = rates_of(name)
    shape, faces = ((20, 24), ("no_flux", "value")) if dims == 2 else ((8, 9, 10), ("value", "periodic", "no_flux"))
    rng = np.random.default_rng(11)
    theta = 10.0 ** rng.uniform(-1, 0, shape)
    chosen = plan(diffusivity, decay, H, step, 0.01, dims, (0.1, 1.0))
    tissue = Tissue(shape, chosen, diffusivity, decay, faces=faces, value=1e-3, theta=theta)
    exact = np.zeros(shape)
    for _ in range(3):
        source, uptake = points(shape, 20, rng), points(shape, 40, rng, 0.2 * chosen.uptake_cap)
        matrix, constant = operator(theta, diffusivity, decay + uptake, H, faces, 1e-3)
        exact, _ = exact_step(matrix, constant + source.ravel(), exact, step)
        assert relative_error(tissue.step(source, uptake), exact) <= 0.01


@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize("name, shape", [("vegf", (80, 80)), ("tnf", (80, 80)), ("tnf", (36, 36, 36))])
def test_the_estimate_is_the_error_of_an_isolated_source(name, shape, even):
    """So a plan with fewer evaluations than the chosen one would break the accuracy."""
    diffusivity, decay, step = rates_of(name)
    chosen = plan(diffusivity, decay, H, step, 0.01, len(shape), uptake_cap=0.0, even=even)
    source = np.zeros(shape)
    source[tuple(n // 2 for n in shape)] = 1.0
    exact = cosine_step(np.zeros(shape), source, decay_rates(shape, diffusivity, decay, H), step)
    error = relative_error(Tissue(shape, chosen, diffusivity, decay).step(source), exact)
    assert error == pytest.approx(chosen.error, rel=0.02)


def test_an_even_field_takes_fewer_stages():
    """For most substances by a fifth and more; for none more."""
    saved = []
    for name in SUBSTANCES:
        diffusivity, decay, step = rates_of(name)
        rkg2, mixed = (plan(diffusivity, decay, H, step, 0.01, 2, even=even).evaluations for even in (False, True))
        assert mixed <= rkg2
        saved.append(1 - mixed / rkg2)
    assert np.median(saved) > 0.2


def test_more_accuracy_costs_more():
    plans = [plan(D, DECAY, H, STEP, accuracy, 2) for accuracy in (0.1, 0.01, 0.001, 1e-4)]
    assert all(p.error <= a for p, a in zip(plans, (0.1, 0.01, 0.001, 1e-4)))
    assert all(a.evaluations < b.evaluations for a, b in zip(plans, plans[1:]))


def test_a_plan_for_a_field_without_decay_that_must_settle_is_refused():
    with pytest.raises(ValueError, match="half-life"):
        plan(D, 0.0, H, STEP, 0.01, 2, quasi_steady=True)


def test_a_plan_that_would_take_for_ever_is_refused():
    with pytest.raises(ValueError, match="more than 400 substeps"):
        plan(0.0, DECAY, H, 1.0, 1e-10, 2)


def test_a_face_of_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'open'; it is one of no_flux, value, periodic"):
        Faces(Machine(), Grid(4, 4), ("open", "no_flux"))
