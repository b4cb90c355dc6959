"""Venules: their blood-brain barrier opens and closes, and leukocytes enter the tissue served by each."""

import math

import numpy as np

from abm.population import Population
from kernels.random import STREAMS, draw, uniform


class Venule(Population):
    """Post-capillary venules; ``bbb`` is how open the barrier is, 0 shut to 1."""

    states = ("bbb",)

    def place(self) -> None:
        """Put the venules where the configuration says, in every slab, and find the tissue each serves."""
        grid, venules = self.grid, self.model.config.tissue.venules
        positions = np.array(self._positions(venules))
        slabs = np.repeat(np.arange(grid.slabs), len(positions))
        x, y, z = np.tile(positions, (grid.slabs, 1)).T
        self.place_cells(x, y, z, slabs)
        self.served = self._served_volumes(positions, float(venules.radius))

    def _positions(self, venules) -> list[tuple[float, float, float]]:
        grid = self.grid
        size = [grid.nx * grid.h, grid.ny * grid.h, grid.nz * grid.h if grid.dims == 3 else 0.0]
        if venules.positions:
            return [(float(p.x), float(p.y), float(p.z or size[2] / 2)) for p in venules.positions.values()]
        if not venules.spacing:
            return []
        counts = [max(1, round(length / float(venules.spacing))) for length in size[: grid.dims]] + [1] * (
            3 - grid.dims
        )
        axes = [(np.arange(n) + 0.5) * length / n for n, length in zip(counts, size)]
        return [(x, y, z) for z in axes[2] for y in axes[1] for x in axes[0]]

    def _served_volumes(self, positions: np.ndarray, radius: float) -> np.ndarray:
        """Volume (mm3) of the tissue within ``radius`` of each venule and nearer to it than to another."""
        grid = self.grid
        x, y, z = ((np.arange(n) + 0.5) * grid.h for n in (grid.nx, grid.ny, grid.nz))
        flat = grid.dims == 2
        squared = [
            (x - px) ** 2 + (y[:, None] - py) ** 2 + (0.0 if flat else (z[:, None, None] - pz) ** 2)
            for px, py, pz in positions
        ]
        nearest, distance = np.argmin(squared, axis=0), np.min(squared, axis=0)
        inside = nearest[distance <= radius**2]
        volumes = np.bincount(inside, minlength=len(positions)) * self.model.voxel_volume * 1e-9
        return np.tile(volumes, grid.slabs)

    def act(self) -> None:
        """Open and close the barrier."""
        super().act()
        opening, closing, bbb = self.law("open"), self.law("close"), self.state("bbb")
        if opening is not None and closing is not None:
            change = (opening - closing * bbb) * np.float32(self.model.step_hours)
            bbb += change
            self.machine.xp.clip(bbb, 0.0, 1.0, out=bbb)

    def admit(self) -> None:
        """Let leukocytes enter: at each venule by its laws, and everywhere by surveillance."""
        model = self.model
        for kind, population in model.population.items():
            at_venules, anywhere = self.law(f"enter_{kind}"), model.laws.tissue["tissue"].get(f"enter_{kind}")
            if at_venules is not None:
                expected = self.machine.get(at_venules).astype(float) * self.served * model.step_hours
                self._enter_at_venules(population, expected)
            if anywhere is not None:
                self._enter_anywhere(population, self.machine.get(model.laws.matrix[anywhere]))

    def _enter_at_venules(self, population: Population, expected: np.ndarray) -> None:
        """Place arrivals uniformly within ``place_radius`` of their venule."""
        grid, model = self.grid, self.model
        radius = float(model.config.tissue.venules.place_radius)
        x, y, z, slabs = [], [], [], []
        for row in range(self.n):
            slab = int(self.voxel[row]) // grid.whole
            key = (population.seeds[slab], STREAMS["enter"], model.steps)
            count = poisson(expected[row], *key, int(self.uid[row]) << 32)
            for arrival in range(1, count + 1):
                dx, dy, dz = in_ball(radius, grid.dims, *key, (int(self.uid[row]) << 32) + arrival)
                x.append(float(self.x[row]) + dx)
                y.append(float(self.y[row]) + dy)
                z.append(float(self.z[row]) + dz)
                slabs.append(slab)
        self._add(population, x, y, z, slabs)

    def _enter_anywhere(self, population: Population, rate: np.ndarray) -> None:
        grid, model = self.grid, self.model
        x, y, z, slabs = [], [], [], []
        for slab in range(grid.slabs):
            per_voxel = grid.inner(rate)[slab].astype(float) * (model.voxel_volume * 1e-9 * model.step_hours)
            key = (population.seeds[slab], STREAMS["enter"], model.steps)
            reached = np.cumsum(per_voxel)
            for arrival in range(1, poisson(reached[-1], *key, 0) + 1):
                words = host_draw(*key, arrival)
                v = int(np.searchsorted(reached, float(uniform(words[0])) * reached[-1], side="right"))
                at = np.unravel_index(min(v, reached.size - 1), per_voxel.shape)
                spread = [float(uniform(word)) for word in words[1:]]
                x.append((at[2] + spread[0]) * grid.h)
                y.append((at[1] + spread[1]) * grid.h)
                z.append((at[0] + spread[2]) * grid.h if grid.dims == 3 else 0.0)
                slabs.append(slab)
        self._add(population, x, y, z, slabs)

    def _add(self, population: Population, x: list, y: list, z: list, slabs: list) -> None:
        if x:
            order = np.argsort(slabs, kind="stable")
            clipped = self.model.inside_tissue(x, y, z)
            px, py, pz = (column[order] for column in clipped)
            population.place_cells(px, py, pz, np.array(slabs)[order])


def host_draw(seed, stream: int, step: int, uid: int):
    """Draw four words on the host, the same as a kernel would."""
    u = np.uint64
    with np.errstate(over="ignore"):
        return draw(np.int64(seed).astype(u), u(stream), u(step), u(uid))


def poisson(expected: float, seed, stream: int, step: int, uid: int) -> int:
    """Draw a Poisson count by inversion of one 53-bit uniform."""
    if expected <= 0:
        return 0
    a, b, _, _ = host_draw(seed, stream, step, uid)
    mark = ((int(a) << 21) + (int(b) >> 11)) / 2**53
    count, term = 0, math.exp(-expected)
    reached = term
    while mark >= reached and term > 0:
        count += 1
        term *= expected / count
        reached += term
    return count


def in_ball(radius: float, dims: int, seed, stream: int, step: int, uid: int) -> tuple[float, float, float]:
    """Draw a point uniformly in a disc (2D) or ball (3D) around 0."""
    a, b, c, _ = (float(uniform(word)) for word in host_draw(seed, stream, step, uid))
    angle = 2 * math.pi * a
    if dims == 2:
        r = radius * math.sqrt(b)
        return r * math.cos(angle), r * math.sin(angle), 0.0
    r, cosine = radius * b ** (1 / 3), 2 * c - 1
    sine = math.sqrt(1 - cosine * cosine)
    return r * sine * math.cos(angle), r * sine * math.sin(angle), r * cosine
