"""Laws: sums of terms, terms as products of factors; a cell evaluates its own, the tissue all voxels at once."""

from collections.abc import Callable
from typing import Any

import numpy as np

RATES = ("rate", "level", "speed")


def curve(spec: Any) -> Callable[[float], float]:
    """Return how a factor follows its signal: past ``half`` with a Hill exponent, or in a line between two levels."""
    start, span = float(spec.from_), float(spec.to) - float(spec.from_)
    if spec.linear is not None:
        low, high = map(float, spec.linear)
        slope = span / (high - low)

        def line(x: float) -> float:
            if x <= low:
                return start
            return start + span if x >= high else start + slope * (x - low)

        return line
    offset, n = float(spec.offset), float(spec.hill)
    half = float(spec.half) ** n

    def hill(x: float) -> float:
        x += offset
        if x <= 0.0:
            return start
        power = x**n
        return start + span * power / (half + power)

    return hill


def curve_over(spec: Any, x: np.ndarray) -> np.ndarray:
    """Return a factor for every voxel."""
    start, span = float(spec.from_), float(spec.to) - float(spec.from_)
    if spec.linear is not None:
        low, high = map(float, spec.linear)
        return start + span * np.clip((x - low) / (high - low), 0.0, 1.0)
    power = np.maximum(x + float(spec.offset), 0.0) ** float(spec.hill)
    return start + span * power / (float(spec.half) ** float(spec.hill) + power)


class CellLaw:
    """A law that a cell evaluates: ``min(at_most, (sum over terms of base x factors) x shared factors)``.

    Factors are kept apart by what they read: the cell's own state and contacts, or the voxel it is in.
    """

    def __init__(self, spec: Any, signals: Any, kind: str):
        apart = spec.type in RATES
        self.terms = [(float(term.base), *signals.split(kind, term.times, apart)) for term in spec.terms.values()]
        self.own, self.near = signals.split(kind, spec.times, apart)
        self.at_most = None if spec.at_most is None else float(spec.at_most)

    @property
    def constant(self) -> float | None:
        """The value of a law that depends on nothing, else None."""
        if self.own or self.near or any(own or near for _, own, near in self.terms):
            return None
        return sum(base for base, _, _ in self.terms)

    def __call__(self, cell: Any) -> float:
        """Return the value for a cell."""
        voxel = cell.voxel
        scale = 1.0
        for read, shape in self.own:
            scale *= shape(read(cell))
        if scale == 0.0:
            return 0.0
        for signal, shape in self.near:
            scale *= shape(signal.values[voxel])
        total = 0.0
        for base, own, near in self.terms:
            product = base
            for read, shape in own:
                product *= shape(read(cell))
            if product != 0.0:
                for signal, shape in near:
                    product *= shape(signal.values[voxel])
            total += product
        total *= scale
        return total if self.at_most is None or total < self.at_most else self.at_most

    def at(self, voxel: int) -> float:
        """Return the value of a law that depends on the place alone, in any voxel."""
        total = 0.0
        for base, _, near in self.terms:
            for signal, shape in near:
                base *= shape(signal.values[voxel])
            total += base
        for signal, shape in self.near:
            total *= shape(signal.values[voxel])
        return total


class LayerLaw:
    """A law of the tissue, evaluated for all voxels at once."""

    def __init__(self, spec: Any, signals: Any, owner: str):
        self.terms = [(float(term.base), signals.layers(owner, term.times)) for term in spec.terms.values()]
        self.shared = signals.layers(owner, spec.times)
        self.at_most = np.inf if spec.at_most is None else float(spec.at_most)

    def __call__(self) -> np.ndarray | float:
        """Return the value of every voxel, or one number for a law that depends on nothing."""
        total = 0.0
        for base, factors in self.terms:
            total = total + base * self._product(factors)
        return np.minimum(total * self._product(self.shared), self.at_most)

    @staticmethod
    def _product(factors: list) -> Any:
        product = 1.0
        for factor, read in factors:
            product = product * curve_over(factor, read())
        return product
