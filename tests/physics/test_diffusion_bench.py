"""The benchmarks of the solver: that what they measure against is right, and that the solver is, in them."""

import numpy as np
import pytest
from diffusion_reference import exact_step, operator, points, relative_error

from experiments.bench import cells_reference, solution
from experiments.bench.reference import runge_kutta
from experiments.bench.tts import cosine_minute
from experiments.bench.tts_uptake import runge_kutta_minute

NO_FLUX = ("no_flux", "no_flux")


@pytest.mark.parametrize("minute, uptakes", [(runge_kutta_minute, 40), (cosine_minute, 0)])
def test_the_reference_solution_is_exact_enough(minute, uptakes):
    """A minute on 24 x 24 voxels against the exponential of the matrix, from a field that is not smooth."""
    rng = np.random.default_rng(0)
    source, uptake, before = points((24, 24), 9, rng), points((24, 24), uptakes, rng), rng.random((24, 24))
    matrix, constant = operator(np.ones((24, 24)), 1500.0, 0.1 + uptake, solution.VOXEL, NO_FLUX)
    exact, _ = exact_step(matrix, constant + source.ravel(), before, 1.0)
    assert relative_error(minute(before, source, uptake, 1500.0, 0.1), exact) < (2e-5 if uptakes else 1e-10)


def test_a_step_of_the_reference_is_of_fourth_order():
    rng = np.random.default_rng(1)
    source, loss, before = rng.random((3, 12, 12))
    matrix, constant = operator(np.ones((12, 12)), 400.0, loss, 20.0, NO_FLUX)
    exact, _ = exact_step(matrix, constant + source.ravel(), before, 0.2)

    def error(steps):
        u = before
        for _ in range(steps):
            u = runge_kutta(u, source, loss, 1.0, 0.2 / steps)
        return relative_error(u, exact)

    assert np.log2(error(8) / error(16)) == pytest.approx(4.0, abs=0.2)


def test_the_workload_is_the_one_described():
    """2000 sources, half of them on, each for the substances s with (c + s) mod 4 = 0; 4000 cells take up; steps of a voxel."""
    minutes = list(solution.wanderers(3))
    for sources, uptake in minutes:
        assert uptake.sum() == 4000
        assert 4 * 200 < sum(source.sum() for source in sources[:4]) < 4 * 300
        assert all(np.array_equal(sources[s], sources[s + 4]) for s in range(6))
    assert not np.array_equal(minutes[0][1], minutes[1][1])
    assert all(uptake.max() == 0 for _, uptake in solution.wanderers(2, sinks=False))


@pytest.mark.parametrize("sinks, minute", [(True, runge_kutta_minute), (False, cosine_minute)])
def test_the_solver_is_faithful_in_the_workload(sinks, minute):
    """One minute of the substance that diffuses least and of the one that diffuses most."""
    (sources, uptake), *_ = solution.wanderers(1, sinks)
    frames = {}
    cap = solution.PER_MINUTE * float(uptake.max())
    solution.advance(
        iter([(sources, uptake)]), cap, lambda _, fields: frames.update({s: fields.frame(f"s{s}") for s in (0, 9)})
    )
    for s, frame in frames.items():
        about = solution.DIFFUSIVITIES[s], solution.DECAYS[s]
        assert relative_error(frame, minute(np.zeros(frame.shape), sources[s], uptake, *about)) <= 0.01


def test_the_fields_around_cells_follow_their_closed_form(monkeypatch):
    """One cell of the first type in every voxel: both substances relax to a level, the same everywhere."""
    monkeypatch.setattr(cells_reference, "EDGE", 8)
    column, row = np.meshgrid(np.arange(8), np.arange(8))
    places = (np.stack([column.ravel(), row.ravel()], axis=1) + 0.5) * cells_reference.VOXEL
    made, taken = cells_reference.followed([places] * 5, np.zeros(64, int))
    for field, source, loss in ((made, 100.0, 10.0), (taken, 0.0, 1.0)):
        rate = 0.1 + loss * cells_reference.SHARE
        level = source * cells_reference.SHARE / rate
        np.testing.assert_allclose(field, level + (1.0 - level) * np.exp(-rate * 0.5), rtol=1e-6)
