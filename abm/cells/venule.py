"""Venules: their blood-brain barrier opens and closes, and leukocytes enter the tissue served by each."""

import math

import numpy as np

from abm.population import Population
from kernels.random import STREAMS, draw, uniform


class Venule(Population):
    """Post-capillary venules.

    bbb      how open the barrier is, 0 shut to 1
    served   volume of the tissue that it serves, mm3
    """

    states = ("bbb", "served")

    def place(self) -> None:
        """Put the venules where the configuration says, in every slab, and find the tissue each serves."""
        grid, venules = self.grid, self.model.config.tissue.venules
        positions = np.array(self._positions(venules))
        slabs = np.repeat(np.arange(grid.slabs), len(positions))
        x, y, z = np.tile(positions, (grid.slabs, 1)).T
        served = np.tile(self._served_volumes(positions, float(venules.radius)), grid.slabs)
        self.place_cells(x, y, z, slabs, served=self.machine.put(served.astype(np.float32)))

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
        shape = (grid.ny, grid.nx) if flat else (grid.nz, grid.ny, grid.nx)
        distance, nearest = np.full(shape, radius**2), np.full(shape, -1, np.int32)
        for number, (px, py, pz) in enumerate(positions):
            squared = (x - px) ** 2 + (y[:, None] - py) ** 2 + (0.0 if flat else (z[:, None, None] - pz) ** 2)
            nearer = squared < distance if number else squared <= distance
            distance[nearer], nearest[nearer] = squared[nearer], number
        return np.bincount(nearest[nearest >= 0], minlength=len(positions)) * self.model.voxel_volume * 1e-9

    def act(self) -> None:
        """Open and close the barrier."""
        super().act()
        opening, closing, bbb = self.law("open"), self.law("close"), self.state("bbb")
        if opening is not None and closing is not None:
            change = (opening - closing * bbb) * np.float32(self.model.step_hours)
            bbb += change
            self.machine.xp.clip(bbb, 0.0, 1.0, out=bbb)

    def admit(self) -> None:
        """Let leukocytes enter: at each venule by its laws, and everywhere in the tissue by surveillance.

        Arrivals are Poisson; those at a venule are placed uniformly within ``place_radius`` of it.
        """
        model, slabs = self.model, self.grid.slabs
        venules, served = self.columns(), self.machine.get(self.state("served")).astype(float)
        slab_of = venules["voxel"] // self.grid.whole
        doors = []  # (population, rates in the tissue or None, expected arrivals, slab and uid of each door)
        for kind, population in model.population.items():
            at_venules, anywhere = self.law(f"enter_{kind}"), model.laws.tissue["tissue"].get(f"enter_{kind}")
            if at_venules is not None:
                expected = self.machine.get(at_venules).astype(float) * served * model.step_hours
                doors.append((population, None, expected, slab_of, venules["uid"] << 32))
            if anywhere is not None:
                rates = self.grid.inner(self.machine.get(model.laws.channel(anywhere)))
                per_slab = rates.reshape(slabs, -1).sum(axis=1, dtype=float) * model.voxel_volume * 1e-9
                doors.append(
                    (population, rates, per_slab * model.step_hours, np.arange(slabs), np.zeros(slabs, np.int64))
                )
        if not doors:
            return
        seeds = [self.machine.get(population.seeds)[slab] for population, _, _, slab, _ in doors]
        expected, uids = (np.concatenate([door[part] for door in doors]) for part in (2, 4))
        counts = poisson(expected, np.concatenate(seeds), STREAMS["enter"], model.steps, uids)
        if not counts.any():
            return
        begin = 0
        for (population, rates, each, slab, uid), seed in zip(doors, seeds):
            here = counts[begin : begin + len(each)]
            begin += len(each)
            if here.any():
                self._let_in(population, rates, here, slab, seed, uid, venules)

    def _let_in(self, population: Population, rates, counts, slab, seed, uid, venules) -> None:
        """Place the arrivals of one kind, slab after slab."""
        places, slabs = [], []
        for door in sorted(np.flatnonzero(counts), key=lambda door: slab[door]):
            for arrival in range(1, int(counts[door]) + 1):
                key = (seed[door], STREAMS["enter"], self.model.steps, int(uid[door]) + arrival)
                if rates is None:
                    radius = float(self.model.config.tissue.venules.place_radius)
                    offset = in_ball(radius, self.grid.dims, *key)
                    places.append([float(venules[axis][door]) + d for axis, d in zip("xyz", offset)])
                else:
                    places.append(self._anywhere(rates[slab[door]], *key))
                slabs.append(slab[door])
        x, y, z = self.model.inside_tissue(*np.array(places).T)
        population.place_cells(x, y, z, np.array(slabs))

    def _anywhere(self, rates: np.ndarray, *key) -> list[float]:
        """Draw a place in the tissue, each voxel by its rate."""
        words = [float(uniform(word)) for word in host_draw(*key)]
        reached = np.cumsum(rates, dtype=float)
        v = min(int(np.searchsorted(reached, words[0] * reached[-1], side="right")), reached.size - 1)
        at = np.unravel_index(v, rates.shape)[::-1]
        h = self.grid.h
        return [(at[axis] + words[axis + 1]) * h if axis < self.grid.dims else 0.0 for axis in range(3)]


def host_draw(seed, stream: int, step: int, uid):
    """Draw four words on the host, the same as a kernel would; seed and uid may be arrays."""
    u = np.uint64
    with np.errstate(over="ignore"):
        return draw(np.asarray(seed).astype(u), u(stream), u(step), np.asarray(uid).astype(u))


def poisson(expected: np.ndarray, seed, stream: int, step: int, uid) -> np.ndarray:
    """Draw Poisson counts by inversion of one 53-bit uniform each."""
    a, b, _, _ = host_draw(seed, stream, step, uid)
    mark = ((a << np.uint64(21)) + (b >> np.uint64(11))) / 2.0**53
    counts, term = np.zeros(len(expected), np.int64), np.exp(-expected)
    reached = term.copy()
    more = (mark >= reached) & (term > 0)
    while more.any():
        counts += more
        term = np.where(more, term * expected / np.maximum(counts, 1), term)
        reached = np.where(more, reached + term, reached)
        more &= (mark >= reached) & (term > 0)
    return counts


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
