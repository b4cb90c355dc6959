"""The field equation in float64 with numpy: what the answers of workloads and of peers are compared with."""

import numpy as np


def runge_kutta(u: np.ndarray, source: np.ndarray, loss: np.ndarray, exchange: float, h: float) -> np.ndarray:
    """Advance ``du/dt = exchange (sum of the four neighbours - 4 u) - loss u + source`` by one classical step; no flux leaves."""

    def change(u: np.ndarray) -> np.ndarray:
        rate = source - loss * u
        for axis in (0, 1):
            flow = exchange * np.moveaxis(np.diff(u, axis=axis), axis, 0)
            along = np.moveaxis(rate, axis, 0)
            along[:-1] += flow
            along[1:] -= flow
        return rate

    a = change(u)
    b = change(u + h / 2 * a)
    c = change(u + h / 2 * b)
    d = change(u + h * c)
    return u + h / 6 * (a + 2 * b + 2 * c + d)


def relative_error(got: np.ndarray, exact: np.ndarray) -> float:
    """Return the relative error in the L2 norm."""
    return float(np.linalg.norm(got - exact) / np.linalg.norm(exact))
