"""Homing: how mesenchymal stem cells come out of the blood and the cerebrospinal fluid, at venules."""

from functools import cached_property
from typing import Any

import numpy as np

from abm.arms import Arm
from abm.cells.venule import poisson
from abm.places import host_draw, near
from kernels.random import STREAMS, uniform

VENULE = 32  # bits that the number of an arrival takes in the key of its chance


class Homing:
    """Lets MSC into the tissue at the venules of the slabs of an arm.

    territory   int32  the venule that serves each padded voxel of a slab, -1 outside
    served      mm3 of tissue that each venule serves
    """

    def __init__(self, model: Any, arm: Arm):
        self.model, self.grid, self.arm = model, model.grid, arm
        self._niches: dict[tuple[int, float], np.ndarray] = {}

    @cached_property
    def served(self) -> np.ndarray:
        territory = self.model.venules.territory
        voxels = np.bincount(territory[territory >= 0], minlength=self.n_venules)
        return voxels * self.model.voxel_volume * 1e-9

    @property
    def n_venules(self) -> int:
        """Venules of one slab."""
        return self.model.venules.n // self.grid.slabs if self.model.venules is not None else 0

    @cached_property
    def territory(self) -> np.ndarray:
        whole = np.full(self.grid.padded_shape[1:], -1, np.int32)
        (whole[1:-1, 1:-1, 1:-1] if self.grid.dims == 3 else whole[:, 1:-1, 1:-1])[:] = self.model.venules.territory
        return whole.reshape(-1)

    def from_blood(self, density: np.ndarray) -> None:
        """Let cells through open barriers: arrivals are Poisson, as those of leukocytes.

        density   float64[slabs of the arm]  cells per mm3 that come in this step to the tissue of a venule whose barrier is open
        """
        model = self.model
        expected = density[:, None] * self.served * model.venules.open_now()[self.arm.slabs]
        counts = poisson(expected.reshape(-1), self._seeds(), STREAMS["home"], model.steps, self._keys())
        self._place(counts, "home", float(model.config.tissue.venules.place_radius))

    def from_csf(self, density: np.ndarray, come: np.ndarray) -> np.ndarray:
        """Let cells out of the perivascular spaces around all venules, by the tissue that each serves.

        density   float64[slabs of the arm]           cells per mm3 that come in this step
        come      float64[slabs of the arm, venules]  cells that were to come until now, with their fractions; returned with these

        What comes altogether is the number that was to come, its fraction left to chance. Where the tissue of a venule
        holds as many as settle (``msc.niche_cap``) no more come: they are lost.
        """
        config = self.arm.config
        room = np.floor(float(config.msc.niche_cap) * self.served - self._settled())
        expected = np.where(room >= 1, density[:, None] * self.served, 0.0)
        words = host_draw(self._seeds(), STREAMS["home_csf"], 0, self._keys())
        part = uniform(words[0]).astype(float).reshape(come.shape)
        counts = np.floor(come + expected + part) - np.floor(come + part)
        counts = np.minimum(counts, np.maximum(room, 0)).astype(np.int64)
        self._place(counts.reshape(-1), "home_csf", float(config.periphery.perivascular_reach))
        return come + expected

    def _settled(self) -> np.ndarray:
        """Count the MSC in the tissue that each venule serves: float64[slabs of the arm, venules]."""
        msc = self.model.population["msc"]
        voxel = msc.machine.get(msc.voxel[: msc.n])
        venule, slab = self.territory[voxel % self.grid.whole], voxel // self.grid.whole
        inside, n = venule >= 0, self.n_venules
        counts = np.bincount((slab * n + venule)[inside], minlength=self.grid.slabs * n)
        return counts.reshape(self.grid.slabs, n)[self.arm.slabs].astype(float)

    def _seeds(self) -> np.ndarray:
        """Return the seed of the slab of each venule."""
        return np.repeat(self.model.seeds[self.arm.slabs], self.n_venules)

    def _keys(self) -> np.ndarray:
        """Number the venules of each slab, for chance: those of a slab as if it were alone."""
        return np.tile(np.arange(1, self.n_venules + 1, dtype=np.int64) << VENULE, len(self.arm))

    def _place(self, counts: np.ndarray, stream: str, reach: float) -> None:
        """Place cells uniformly within ``reach`` of their venules, in the tissue that these serve.

        counts   int64[slabs of the arm * venules]
        """
        places, slabs = [], []
        for door in np.flatnonzero(counts):
            slab, venule = divmod(int(door), self.n_venules)
            slab += self.arm.first
            key = (self.model.seeds[slab], STREAMS[stream], self.model.steps)
            uid = ((venule + 1) << VENULE) + np.arange(1, counts[door] + 1)
            words = [uniform(word).astype(float) for word in host_draw(*key, uid)]
            voxels = self._niche(venule, reach)
            chosen = voxels[(words[0] * len(voxels)).astype(int)]
            places.append((chosen + np.transpose(words[1:])) * self.grid.h)
            slabs.append(np.full(len(uid), slab))
        if places:
            x, y, z = np.concatenate(places).T
            msc = self.model.population["msc"]
            msc.place_cells(
                x, y, z if self.grid.dims == 3 else 0 * z, np.concatenate(slabs), **msc.new_states(self.arm.config)
            )

    def _niche(self, venule: int, reach: float) -> np.ndarray:
        """Return the voxels (x, y, z) within reach of a venule, of those that it serves."""
        key = (venule, reach)
        if key not in self._niches:
            columns = self.model.venules.columns()
            row = int(np.flatnonzero(columns["uid"] == venule + 1)[0])
            centre = tuple(float(columns[axis][row]) for axis in "xyz")
            served = self.model.venules.territory == venule
            around = near(self.grid, centre, reach) & served
            self._niches[key] = np.argwhere(around if around.any() else served)[:, ::-1]
        return self._niches[key]
