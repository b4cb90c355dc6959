"""Venules: their blood-brain barrier opens and closes, and leukocytes enter the tissue served by each."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from abm.places import host_draw, in_ball, point_of
from abm.population import Population
from kernels.random import STREAMS, uniform
from kernels.states import open_barrier

MOST_INVERTED = 500.0  # arrivals expected: exp(-745) is no number any more
HALF_A_MARK = 2.0**-54


class Doors(NamedTuple):
    """Where leukocytes come in: at venules, kind after kind, then anywhere in a tissue, slab after slab for each kind.

    who               each kind, with its law of the tissue, or None at venules
    rows              where the laws of venules stand in the columns, int64[kinds, venules] on the machine
    served, places    of each venule: mm3 of tissue, float64; um, float64[venules, 3]
    order             of the venules, slab after slab as they were placed
    slab, seed, uid   of each door
    """

    who: list[tuple[Population, int | None]]
    rows: Any
    served: np.ndarray
    places: np.ndarray
    order: np.ndarray
    slab: np.ndarray
    seed: np.ndarray
    uid: np.ndarray


class Venule(Population):
    """Post-capillary venules.

    bbb      how open the barrier is, 0 shut to 1
    served   volume of the tissue that it serves, mm3
    """

    states = ("bbb", "served")
    _known_doors: Doors | None

    def place(self) -> None:
        """Put the venules where the configuration says, in every slab, and find the tissue each serves."""
        grid, venules = self.grid, self.model.config.tissue.venules
        positions = np.array(self._positions(venules))
        slabs = np.repeat(np.arange(grid.slabs), len(positions))
        x, y, z = np.tile(positions, (grid.slabs, 1)).T
        self.territory = self._territories(positions, float(venules.radius))
        voxels = np.bincount(self.territory[self.territory >= 0], minlength=len(positions))
        served = np.tile(voxels * self.model.voxel_volume * 1e-9, grid.slabs)
        self.place_cells(x, y, z, slabs, served=self.machine.put(served.astype(np.float32)))

    def _positions(self, venules) -> list[tuple[float, float, float]]:
        """The venules with a name, then those of a square lattice through the middle of the tissue.

        Those of the lattice that are nearer than half its spacing to a named one give way to it.
        """
        grid = self.grid
        named = [point_of(place, grid) for place in venules.positions.values()]
        if not venules.spacing:
            return named
        spacing, axes = float(venules.spacing), []
        for cells in (grid.nx, grid.ny, grid.nz)[: grid.dims]:
            middle = cells * grid.h / 2
            each_side = int(middle / spacing)
            axes.append(middle + spacing * np.arange(-each_side, each_side + 1))
        x, y, z = (*axes, np.zeros(1))[:3]
        lattice = [(float(a), float(b), float(c)) for c in z for b in y for a in x]
        return named + [point for point in lattice if all(math.dist(point, each) >= spacing / 2 for each in named)]

    def voxel_of(self, name: str):
        """Return the voxels of a named venule, one in each slab."""
        row = list(self.model.config.tissue.venules.positions).index(name)
        return self.voxel[: self.n][self.uid[: self.n] == row + 1]

    def _territories(self, positions: np.ndarray, radius: float) -> np.ndarray:
        """The venule that serves each voxel, int32 (z, y, x): the nearest one, if within ``radius``; else -1."""
        grid = self.grid
        x, y, z = ((np.arange(n) + 0.5) * grid.h for n in (grid.nx, grid.ny, grid.nz))
        flat = grid.dims == 2
        shape = (grid.ny, grid.nx) if flat else (grid.nz, grid.ny, grid.nx)
        distance, nearest = np.full(shape, radius**2), np.full(shape, -1, np.int32)
        for number, (px, py, pz) in enumerate(positions):
            squared = (x - px) ** 2 + (y[:, None] - py) ** 2 + (0.0 if flat else (z[:, None, None] - pz) ** 2)
            nearer = squared < distance if number else squared <= distance
            distance[nearer], nearest[nearer] = squared[nearer], number
        return nearest.reshape(grid.nz, grid.ny, grid.nx)

    def act(self) -> None:
        """Open and close the barrier."""
        opening, closing = self.law("open"), self.law("close")
        if opening is not None and closing is not None:
            open_barrier(self.machine, self.n, self.state("bbb"), opening, closing, self.model.dt)

    def admit(self) -> None:
        """Let leukocytes enter: at each venule by its laws, and everywhere in the tissue by surveillance.

        Arrivals are Poisson; those at a venule are placed uniformly within ``place_radius`` of it.
        """
        doors, grid, step = self._doors, self.grid, self.model.step_hours
        rates = self.machine.get(self.crowd.columns.flat[doors.rows]).astype(float)
        anywhere = self._everywhere([law for _, law in doors.who if law is not None]) * self.model.voxel_volume * 1e-9
        expected = np.concatenate([(rates * doors.served).ravel(), anywhere.ravel()]) * step
        if not len(expected):
            return
        counts = poisson(expected, doors.seed, STREAMS["enter"], self.model.steps, doors.uid)
        if not counts.any():
            return
        begin = 0
        for population, law in doors.who:
            here = slice(begin, begin + (self.n if law is None else grid.slabs))
            begin = here.stop
            if counts[here].any():
                given = counts[here], doors.slab[here], doors.seed[here], doors.uid[here]
                self._let_in(population, law, *given)

    @property
    def _doors(self) -> Doors:
        if self._known_doors is None:
            self._known_doors = self._find_doors()
        return self._known_doors

    def open_now(self) -> np.ndarray:
        """Return how open the barrier of each venule is, on the host: float64[slabs, venules of one as they were placed]."""
        return self.machine.get(self.state("bbb"))[self._doors.order].astype(float).reshape(self.grid.slabs, -1)

    def _find_doors(self) -> Doors:
        model, get, n, slabs = self.model, self.machine.get, self.n, np.arange(self.grid.slabs)
        laws = {each: f"enter_{each.kind}" for each in model.population.values()}
        own, of_tissue = self.of_laws.laws, model.laws.tissue["tissue"]
        here = [each for each, law in laws.items() if law in own]
        anywhere = [each for each, law in laws.items() if law in of_tissue]
        first = self.crowd.columns.places(np.array([own[laws[each]] for each in here], np.int64), self.index)
        slab, uid = get(self.voxel[:n]) // self.grid.whole, get(self.uid[:n])
        venules = slab, uid << 32
        doors = [(each, *venules) for each in here] + [(each, slabs, np.zeros_like(slabs)) for each in anywhere]
        none = np.zeros(0, np.int64)
        return Doors(
            who=[(each, None) for each in here] + [(each, of_tissue[laws[each]]) for each in anywhere],
            rows=self.machine.put((first + self.begin)[:, None] + np.arange(n)),
            served=get(self.state("served")).astype(float),
            places=np.transpose([get(getattr(self, axis)[:n]).astype(float) for axis in "xyz"]),
            order=np.lexsort((uid, slab)),
            slab=np.concatenate([none, *(slab for _, slab, _ in doors)]),
            seed=np.concatenate([none, *((model.seeds + each.key)[slab] for each, slab, _ in doors)]),
            uid=np.concatenate([none, *(uid for _, _, uid in doors)]),
        )

    def put_columns(self, columns: dict[str, np.ndarray]) -> None:
        """Replace all venules."""
        super().put_columns(columns)
        self._known_doors = None

    def put_in_order(self, order) -> None:
        """Forget which venule stands in which row."""
        self._known_doors = None

    def settle_in(self, crowd: Any, index: int) -> None:
        """Take the rows that a crowd has for this kind."""
        super().settle_in(crowd, index)
        self._known_doors = None

    def _everywhere(self, of_tissue: Sequence[int]) -> np.ndarray:
        """Sum laws of the tissue over the voxels of each slab, in float64: (laws, slabs)."""
        grid, laws, get = self.grid, self.model.laws, self.machine.get
        rows, first = np.array(of_tissue, np.int64)[:, None], np.arange(grid.slabs) * grid.whole + grid.sz + grid.sy + 1
        some = get(laws.matrix[self.machine.put(rows), self.machine.put(first)])
        total = some.astype(float) * (grid.nx * grid.ny * grid.nz)  # exact where a law is the same in all voxels
        for row, law in enumerate(of_tissue):
            if law not in laws.even:
                total[row] = grid.inner(get(laws.channel(law))).reshape(grid.slabs, -1).sum(axis=1, dtype=float)
        return total

    def _let_in(self, population: Population, anywhere: int | None, counts, slab, seed, uid) -> None:
        """Place the arrivals of one kind, slab after slab. anywhere  the law of the tissue, None for venules"""
        doors = np.flatnonzero(counts)
        doors = doors[np.argsort(slab[doors], kind="stable")]
        at = np.repeat(doors, counts[doors])
        arrival = np.concatenate([np.arange(1, counts[door] + 1) for door in doors])
        drawn = host_draw(seed[at], STREAMS["enter"], self.model.steps, uid[at] + arrival)
        words = np.array([uniform(word) for word in drawn], float)
        if anywhere is None:
            radius = float(self.model.config.tissue.venules.place_radius)
            offsets = [in_ball(radius, self.grid.dims, *each) for each in words[:3].T.tolist()]
            places = self._doors.places[at] + offsets
        else:
            rates = self.grid.inner(self.machine.get(self.model.laws.channel(anywhere)))
            places = np.concatenate([self._anywhere(rates[each], words[:, slab[at] == each]) for each in slab[doors]])
        x, y, z = self.model.inside_tissue(*places.T)
        population.place_cells(x, y, z, slab[at])

    def _anywhere(self, rates: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Return places in the tissue of a slab, each voxel as likely as its rate says: (places, 3). words  uniform, (4, places)"""
        reached = np.cumsum(rates, dtype=float)
        v = np.minimum(np.searchsorted(reached, words[0] * reached[-1], side="right"), reached.size - 1)
        at = np.unravel_index(v, rates.shape)[::-1]
        axes = [(at[axis] + words[axis + 1]) * self.grid.h for axis in range(self.grid.dims)]
        return np.transpose([*axes, *[np.zeros(len(v))] * (3 - self.grid.dims)])


def poisson(expected: np.ndarray, seed, stream: int, step: int, uid) -> np.ndarray:
    """Draw Poisson counts by inversion of one 53-bit uniform each; large ones of the normal distribution beside it."""
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
    for place in np.flatnonzero(expected > MOST_INVERTED):
        deviate = NormalDist().inv_cdf(float(mark[place]) + HALF_A_MARK)
        counts[place] = max(0, round(float(expected[place]) + math.sqrt(expected[place]) * deviate))
    return counts
