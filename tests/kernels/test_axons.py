"""Bare axons adapt, astrocytes count their days and scar, against their closed forms."""

import numpy as np

from kernels.axons import mature_lesion
from kernels.device import Machine


def test_bare_axons_adapt_exponentially_and_never_beyond_what_is_bare():
    """``adapted = bare (1 - exp(-t / block))`` while bare stays; where sheaths return it follows at once."""
    bare, dt, block, steps = np.array([0.0, 0.5, 1.0], np.float32), 0.1, 10.0, 50
    adapted, nothing = np.zeros(3, np.float32), np.zeros(3, np.float32)
    adapting = np.float32(-np.expm1(-dt / block))
    for _ in range(steps):
        mature_lesion(Machine(), 3, bare, adapted, adapting, nothing, 0.5, nothing.copy(), nothing.copy(), nothing, dt)
    np.testing.assert_allclose(adapted, bare * -np.expm1(-steps * dt / block), rtol=1e-5)
    less = bare * np.float32(0.1)
    mature_lesion(Machine(), 3, less, adapted, adapting, nothing, 0.5, nothing.copy(), nothing.copy(), nothing, dt)
    np.testing.assert_array_equal(adapted, less)


def test_days_grow_above_the_bound_and_scars_at_their_rate():
    reactivity, scarring = np.array([0.5, 0.51, 1.0], np.float32), np.array([0.0, 0.02, 0.2], np.float32)
    days, scar, bare = (np.ones(3, np.float32) for _ in range(3))
    for _ in range(10):
        mature_lesion(Machine(), 3, bare, bare.copy(), np.float32(0.1), reactivity, 0.5, days, scar, scarring, 0.25)
    np.testing.assert_allclose(days, [1.0, 3.5, 3.5])
    np.testing.assert_allclose(scar, 1 + 2.5 * scarring, rtol=1e-6)
