"""Own states of cells change as numpy computes it, all cells at once."""

import numpy as np
import pytest

from kernels.device import Machine
from kernels.states import forget_antigen, leave_traps, open_barrier, score_active

N, DT = 3000, np.float32(0.1)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_a_barrier_stays_between_shut_and_open(rng):
    bbb, opening, closing = rng.random((3, N)).astype(np.float32) * np.float32([[1], [9], [30]])
    expected = np.clip(bbb + (opening.astype(float) - closing.astype(float) * bbb) * float(DT), 0, 1)
    assert (expected == 0).any() and (expected == 1).any()
    open_barrier(Machine(), N, bbb, opening, closing, DT)
    np.testing.assert_allclose(bbb, expected, atol=1e-6)
    bbb[0] = np.nan
    open_barrier(Machine(), 1, bbb, opening, closing, DT)
    assert np.isnan(bbb[0])  # what went wrong is seen


def test_antigen_is_forgotten_by_the_hour_and_remembered_at_once(rng):
    since, active = rng.random(N).astype(np.float32), (rng.random(N) < 0.5).astype(np.float32)
    expected = np.where(active > 0, 0, since + DT)
    forget_antigen(Machine(), N, since, active, DT)
    np.testing.assert_array_equal(since, expected)


def test_only_active_cells_have_a_score_and_those_just_woken_are_m1(rng):
    switched, active = rng.integers(0, 2, N).astype(np.int32), rng.integers(0, 2, N).astype(np.float32)
    m1, m2 = rng.random((2, N)).astype(np.float32)
    expected = np.where(switched == 1, np.float32(1), m1) * active
    score_active(Machine(), N, switched, active, m1, m2)
    np.testing.assert_array_equal(m1, expected)
    np.testing.assert_array_equal(m2, active - expected)


@pytest.mark.parametrize("threads", [1, 2])
def test_traps_are_left_where_cells_cast_them(rng, threads, monkeypatch):
    monkeypatch.setattr("kernels.launch.FEWEST_PER_THREAD", 1)
    voxel, casts = np.sort(rng.integers(0, 400, N)).astype(np.int32), rng.integers(0, 2, N).astype(np.int32)
    source, amount = rng.random(401).astype(np.float32), np.float32(0.3)
    expected = source + np.bincount(voxel, casts, minlength=401).astype(np.float32) * amount
    leave_traps(Machine("cpu", threads), N, casts, voxel, N, amount, source)
    np.testing.assert_array_equal(source, expected)
