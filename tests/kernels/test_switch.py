"""Cells switch a state as often as their rates say."""

import math

import numpy as np
import pytest

from kernels.device import Machine
from kernels.events import befall
from kernels.laws import chance_of_switch, switch

N, DT = 40_000, np.float32(0.5)


@pytest.mark.parametrize(("begin", "rate"), [(0.0, 0.3), (1.0, 0.8)])
def test_a_state_switches_with_the_probability_of_its_own_rate(begin, rate):
    values = np.repeat(np.array([begin, 0.3, 0.8, 0.0], np.float32), N)
    state, _, _, chance = values.reshape(4, N)
    places = (np.array([row * N]) for row in range(3))
    chance_of_switch(Machine(), N, *places, 3 * N, values, DT)
    expected = -math.expm1(-rate * DT)
    np.testing.assert_allclose(chance, expected, rtol=1e-6)
    befallen = np.zeros(N, np.int32)
    befall(Machine(), N, np.full(N, 7), 3, 5, np.arange(N), chance, befallen)
    switch(Machine(), N, np.array([0]), befallen, values)
    switched = (state == 1 - begin).sum()
    assert ((state == begin) | (state == 1 - begin)).all()
    assert abs(switched - N * expected) < 4 * math.sqrt(N * expected * (1 - expected))


def test_only_those_that_it_befalls_switch():
    values, befallen = np.array([7, 0, 0, 1, 1], np.float32), np.array([0, 1, 0, 1], np.int32)
    switch(Machine(), 4, np.array([1]), befallen, values)
    assert values.tolist() == [7, 0, 1, 1, 0]
