"""Signals: what laws read of a voxel: fields, the state of the tissue, weighted sums, densities smoothed over a radius."""

import math
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np
from scipy.ndimage import correlate1d

from tests.twin.laws import curve

WHOLE = 256  # weight of a voxel in a box; those at its two ends weigh less


class Signal:
    """A number for every voxel: ``layer`` for the tissue, ``values`` for cells, which read one at a time."""

    def __init__(self, compute: Callable[[], np.ndarray]):
        self.compute = compute
        self.layer: np.ndarray = np.zeros(0)
        self.values: list[float] = []


class Box:
    """A box along each axis whose second moment is that of a disc of the radius: smoothing over it gives densities."""

    def __init__(self, grid: Any, radius: float, volume: float):
        self.grid = grid
        moment = (radius / grid.h) ** 2 / 4
        m = int((math.sqrt(1 + 12 * moment) - 1) / 2)
        missing = moment * (2 * m + 1) - m * (m + 1) * (2 * m + 1) / 3
        end = round(WHOLE * missing / (2 * ((m + 1) ** 2 - moment)))
        self.weights = np.array([end, *[WHOLE] * (2 * m + 1), end], float)
        inside = np.zeros(grid.size)
        grid.inner(inside)[:] = 1.0
        self.volume = np.maximum(self._sum(inside), 1.0) * volume  # of tissue in the box, where there is tissue
        self.centre = WHOLE**2 * inside / self.volume  # what one cell adds where it stands

    def _sum(self, amount: np.ndarray) -> np.ndarray:
        out = np.zeros(self.grid.size)
        box = self.grid.inner(amount)[0, 0]
        for axis in (0, 1):
            box = correlate1d(box, self.weights, axis, mode="constant")
        self.grid.inner(out)[0, 0] = box
        return out

    def density(self, amount: np.ndarray) -> np.ndarray:
        """Return the density around each voxel, 1/mm3, of an amount per voxel."""
        return self._sum(amount) / self.volume


class Signals:
    """All signals that the laws of a model read, computed once a step."""

    def __init__(self, model: Any):
        self.model = model
        self.sought: set[str] = set()  # kinds that others touch
        self._known: dict[tuple, Signal] = {}
        self._boxes: dict[float, Box] = {}

    def refresh(self) -> None:
        """Compute every signal as the tissue is now."""
        for signal in self._known.values():
            signal.layer = signal.compute()
            signal.values = signal.layer.tolist()

    # --- what factors read ------------------------------------------------------------------------------------------------

    def split(self, kind: str, factors: dict[str, Any], apart: bool) -> tuple[list, list]:
        """Return (reader, curve) of the factors that read the cell itself, and (signal, curve) of those of its voxel.

        apart   whether a cell must not count itself in a density
        """
        own, near = [], []
        for factor in factors.values():
            name = factor.signal
            if name == "bbb" or name.startswith("self."):
                own.append((attrgetter(name.removeprefix("self.")), curve(factor)))
            elif name.startswith("contact."):
                own.append((self._contact(name.removeprefix("contact."), float(factor.range)), curve(factor)))
            elif apart and (itself := self._itself(kind, name)):
                own.append((self._others(factor, itself), curve(factor)))
            else:
                near.append((self.of(name, self._radius(factor)), curve(factor)))
        return own, near

    def layers(self, owner: str, factors: dict[str, Any]) -> list[tuple[Any, Callable[[], np.ndarray]]]:
        """Return (factor, reader) of the factors of a law of the tissue. owner  whose states ``self`` means"""
        found = []
        for factor in factors.values():
            name = factor.signal
            signal = self.of(name.replace("self.", f"{owner}."), self._radius(factor))
            found.append((factor, lambda signal=signal: signal.layer))
        return found

    def of(self, name: str, radius: float | None = None) -> Signal:
        """Return the signal of a name."""
        key = (name, radius)
        if key not in self._known:
            compute = self._sum(name) if radius is None else self._density(name, radius)
            self._known[key] = Signal(compute)
        return self._known[key]

    def box(self, radius: float) -> Box:
        """Return the box of a radius."""
        if radius not in self._boxes:
            self._boxes[radius] = Box(self.model.grid, radius, self.model.voxel_volume * 1e-9)
        return self._boxes[radius]

    # --- voxels -------------------------------------------------------------------------------------------------------------

    def _parts(self, name: str) -> dict[str, float]:
        derived = self.model.config.signals.get(name)
        return {name: 1.0} if derived is None else {part: float(weight) for part, weight in derived.sum.items()}

    def _radius(self, factor: Any) -> float | None:
        derived = self.model.config.signals.get(factor.signal)
        radius = factor.range if derived is None else derived.radius
        return None if radius is None else float(radius)

    def _sum(self, name: str) -> Callable[[], np.ndarray]:
        parts = [(weight, self.model.reader(part)) for part, weight in self._parts(name).items()]
        return lambda: sum(weight * read() for weight, read in parts)

    def _density(self, name: str, radius: float) -> Callable[[], np.ndarray]:
        parts = [(weight, self._amount(part)) for part, weight in self._parts(name).items()]
        box = self.box(radius)
        return lambda: box.density(sum(weight * amount() for weight, amount in parts))

    def _amount(self, name: str) -> Callable[[], np.ndarray]:
        """What a voxel holds: cells of a kind, the sum of one of their states, or what a field says of its volume."""
        words, model = name.split("."), self.model
        if words[0] == "density":
            return lambda: model.count(words[1], *words[2:])
        read, volume = model.reader(name), model.voxel_volume * 1e-9
        return lambda: read() * volume

    # --- cells ----------------------------------------------------------------------------------------------------------------

    def _contact(self, kind: str, distance: float) -> Callable[[Any], float]:
        self.sought.add(kind)
        return lambda cell: cell.touches(kind, distance)

    def _itself(self, kind: str, name: str) -> list[tuple[float, str | None]]:
        """What a cell of a kind adds to a density: weights and states, None for the cell as such."""
        found = []
        for part, weight in self._parts(name).items():
            words = part.split(".")
            if words[:2] == ["density", kind]:
                found.append((weight, words[2] if len(words) > 2 else None))
        return found

    def _others(self, factor: Any, itself: list[tuple[float, str | None]]) -> Callable[[Any], float]:
        radius = self._radius(factor) or 0.0
        signal, centre = self.of(factor.signal, radius), self.box(radius).centre.tolist()

        def others(cell: Any) -> float:
            voxel = cell.voxel
            mine = sum(weight * (1.0 if state is None else getattr(cell, state)) for weight, state in itself)
            return signal.values[voxel] - centre[voxel] * mine

        return others
