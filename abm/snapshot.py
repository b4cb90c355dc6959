"""One slab of a model as the host sees it: what read-outs and profiles look at. Nothing here writes to the model."""

from functools import cached_property
from typing import Any

import numpy as np

from abm.config.vocabulary import REGIONS
from abm.places import lesion_site, point_of, squared_distance
from abm.tissue import DEMYELINATED_BELOW

EVER, NOW, WHOLE = REGIONS


class Cells:
    """The cells of one kind: the voxel of each within the slab, and its states as they are asked for."""

    def __init__(self, population: Any, slab: int):
        self._population, self._get = population, population.machine.get
        whole, slabs = population.grid.whole, population.grid.slabs
        voxel = self._get(population.voxel[: population.n])
        self._rows = slice(None) if slabs == 1 else voxel // whole == slab
        self.voxel = voxel[self._rows] - slab * whole
        self.states = {*population.state_names, *population.derived}

    def __len__(self) -> int:
        return len(self.voxel)

    @property
    def uid(self) -> np.ndarray:
        """Return the number of every cell within its kind and slab, from 1."""
        return self._get(self._population.uid[: self._population.n])[self._rows]

    @property
    def active(self) -> np.ndarray:
        """Return 1 for an active cell and 0 for one at rest; cells of a kind that knows no rest are all active."""
        return self.state("active") if "active" in self.states else np.ones(len(self), np.float32)

    def state(self, name: str) -> np.ndarray:
        """Return an own state, or one derived from it, of every cell."""
        state, at_zero, at_one = self._population.derived.get(name, (name, 0.0, 1.0))
        values = self._get(self._population.state(state))[self._rows]
        return values if (at_zero, at_one) == (0.0, 1.0) else at_zero + (at_one - at_zero) * values


class Snapshot:
    """One slab of a model now.

    grid     the model's; arrays are without its halo, shape (z, y, x)
    volume   of a voxel, mm3
    layers   what the tissue shows, by name; empty where there is no tissue
    """

    def __init__(self, model: Any, slab: int = 0):
        self.model, self.slab, self.grid, self.config = model, slab, model.grid, model.arm_of(slab).config
        self.volume = model.voxel_volume * 1e-9
        self.layers = {name: self.inner(array) for name, array in model.tissue.layers().items()}
        self._regions: dict[str, np.ndarray] = {}
        self._cells: dict[str, Cells] = {}

    def inner(self, array: np.ndarray) -> np.ndarray:
        """View the voxels of a flat host array that belong to the slab."""
        return self.grid.inner(array)[self.slab]

    def padded(self, values: np.ndarray, halo: Any) -> np.ndarray:
        """Return the values of voxels in the order of ``Cells.voxel``."""
        shape = self.grid.padded_shape[1:]
        flat = np.full(shape, halo, values.dtype)
        (flat[1:-1, 1:-1, 1:-1] if self.grid.dims == 3 else flat[:, 1:-1, 1:-1])[:] = values
        return flat.reshape(-1)

    def field(self, name: str) -> np.ndarray:
        """Return the concentrations of a field."""
        return self.inner(self.model.machine.get(self.model.laws.row(f"field.{name}")))

    def cells(self, kind: str) -> Cells:
        """Return the cells of a kind."""
        if kind not in self._cells:
            self._cells[kind] = Cells(self.model.population[kind], self.slab)
        return self._cells[kind]

    # --- places ---------------------------------------------------------------------------------------------------------

    @cached_property
    def centre(self) -> tuple[float, float, float]:
        """Centre of the lesion, um: where the configuration puts it, else the middle of what was ever demyelinated,
        else that of the tissue."""
        site = lesion_site(self.config, self.grid)
        if site is not None:
            return site
        ever = np.argwhere(self.region(EVER))
        z, y, x = (
            (ever.mean(axis=0) + 0.5) * self.grid.h
            if len(ever)
            else np.array(self.region(WHOLE).shape) * (self.grid.h / 2)
        )
        return float(x), float(y), float(z) if self.grid.dims == 3 else 0.0

    def distance(self, centre: tuple[float, float, float] | None = None) -> np.ndarray:
        """Return how far the middle of each voxel is from a point, by default the centre of the lesion, um."""
        return np.sqrt(squared_distance(self.grid, self.centre if centre is None else centre))

    def region(self, name: str) -> np.ndarray:
        """Return which voxels belong to a region: one of the configuration, or ever demyelinated, demyelinated, whole."""
        if name not in self._regions:
            self._regions[name] = self._find(name)
        return self._regions[name]

    def _find(self, name: str) -> np.ndarray:
        grid, nothing = self.grid, np.zeros((self.grid.nz, self.grid.ny, self.grid.nx), bool)
        if name == WHOLE:
            return ~nothing
        if name == EVER:
            return self.inner(self.model.machine.get(self.model.tissue.ever_bare)) > 0
        if name == NOW:
            return self.layers["myelin"] < DEMYELINATED_BELOW if self.layers else nothing
        ring = self.config.regions[name]
        distance = self.distance(None if ring.centre is None else point_of(ring.centre, grid))
        inside = distance >= float(ring.from_)
        return inside if ring.to is None else inside & (distance < float(ring.to))

    def volume_of(self, region: str) -> float:
        """Return the volume of a region, mm3."""
        return int(np.count_nonzero(self.region(region))) * self.volume

    def count(self, kind: str, region: str, state: str = "") -> float:
        """Return how many cells of a kind are in a region, or the sum of a state over them."""
        if kind not in self.model.population:
            return 0.0
        cells = self.cells(kind)
        inside = self._inside(region)[cells.voxel]
        return float(cells.state(state)[inside].sum(dtype=float)) if state else float(np.count_nonzero(inside))

    def _inside(self, region: str) -> np.ndarray:
        key = f"padded {region}"
        if key not in self._regions:
            self._regions[key] = self.padded(self.region(region), False)
        return self._regions[key]
