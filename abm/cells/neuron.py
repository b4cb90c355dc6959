"""Neurons as axon bundles: one bundle per line of voxels along x, its axons in fractions per voxel."""

import numpy as np

from abm.cell_laws import Shape
from abm.population import Population
from kernels.axons import injure_axons

LAWS = ("swell", "recover", "transect", "degenerate", "clear_ovoid")


class Neuron(Population):
    """Bundles of axons that run along x. Their state lives in the voxels they cross (see Tissue)."""

    @classmethod
    def shape(cls) -> Shape:
        """A bundle carries no state of its own."""
        return Shape(())

    in_crowd = False
    uid = voxel = y = z = None  # columns of its own

    def prepare(self, laws) -> None:
        """Lay one bundle along every line of voxels."""
        self.laws = laws
        grid = self.grid
        self.n = self.room = grid.lines
        line = np.arange(grid.lines)
        self.targets: dict[str, int] = {}
        self.float_columns, self.state_names = ["y", "z"], ()
        slab, inside = line // (grid.ny * grid.nz), line % (grid.ny * grid.nz)
        put = self.machine.put
        self.y = put(((inside % grid.ny + 0.5) * grid.h).astype(np.float32))
        self.z = put(((inside // grid.ny + 0.5) * grid.h).astype(np.float32))
        self.uid = put(inside.astype(np.int64) + 1)
        self.voxel = put((slab * grid.whole).astype(np.int32))
        self.next_uid = np.full(grid.slabs, grid.ny * grid.nz + 1, np.int64)

    def columns(self) -> dict[str, np.ndarray]:
        """Return the bundles: where they enter the tissue."""
        uid, voxel, y, z = map(self.machine.get, (self.uid, self.voxel, self.y, self.z))
        return {"uid": uid, "voxel": voxel, "x": np.zeros_like(y), "y": y, "z": z}

    def put_columns(self, columns: dict[str, np.ndarray]) -> None:
        """Bundles never change: there is nothing to restore."""

    def act(self) -> None:
        """Swell, recover, transect: the axons of every voxel."""
        tissue, rows = self.model.tissue, self.laws.tissue["neuron"]
        rates = [self.laws.channel(rows[name]) if name in rows else self.laws.row("zero") for name in LAWS]
        injure_axons(
            self.machine, self.grid.size, tissue.intact, tissue.swollen, tissue.ovoids, *rates, self.model.dt,
            tissue.axons_lost,
        )  # fmt: skip

    def _nothing(self) -> None:
        """A bundle neither moves, nor divides, nor dies."""

    collect = renew = _nothing
