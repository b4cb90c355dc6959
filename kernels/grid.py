"""The padded grid that kernels run on: every voxel has its neighbours in memory, also at a face."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kernels.source import device

U = np.uint64


@device
def part_of_row(i, width, columns):
    """Return which row of ``width`` numbers item ``i`` works on, where its part begins, and how long it is.

    columns   of a part; the last of a row may be shorter
    """
    parts = (U(width) + U(columns) - U(1)) // U(columns)
    left = i % parts * U(columns)
    return i // parts, left, min(U(columns), U(width) - left)


@dataclass(frozen=True)
class Grid:
    """A box of ``nx * ny * nz`` voxels of edge ``h`` um with a halo of one voxel, in ``slabs`` independent copies.

    A 2D grid has nz = 1 and no halo in z. The voxel (x, y, z) of slab s has the index
    ``s * whole + (z + 1) * sz + (y + 1) * sy + (x + 1)``, without the z part in 2D.
    """

    nx: int
    ny: int
    nz: int = 1
    h: float = 1.0
    dims: int = 2
    slabs: int = 1

    @cached_property
    def sy(self) -> int:
        """Distance in memory between neighbours along y."""
        return self.nx + 2

    @cached_property
    def sz(self) -> int:
        """Distance in memory between neighbours along z; 0 in 2D."""
        return (self.nx + 2) * (self.ny + 2) if self.dims == 3 else 0

    @cached_property
    def layers(self) -> tuple[int, int, int]:
        """What the line loop needs of the third axis: distance, number of layers, first layer."""
        return self.sz, self.nz, 1 if self.dims == 3 else 0

    @cached_property
    def whole(self) -> int:
        """Padded voxels of one slab."""
        return (self.nx + 2) * (self.ny + 2) * (self.nz + 2 if self.dims == 3 else 1)

    @cached_property
    def planes(self) -> int:
        """Planes of voxels along x and y, over all slabs."""
        return self.nz * self.slabs

    @cached_property
    def lines(self) -> int:
        """Lines of voxels along x, over all slabs."""
        return self.ny * self.planes

    @cached_property
    def size(self) -> int:
        """Length of a voxel array: padded voxels of all slabs."""
        return self.whole * self.slabs

    @cached_property
    def padded_shape(self) -> tuple[int, ...]:
        """Shape of a voxel array seen as (slab, z, y, x), halo included."""
        return (self.slabs, self.nz + 2 if self.dims == 3 else 1, self.ny + 2, self.nx + 2)

    @cached_property
    def box(self) -> tuple:
        """What kernels are told of the geometry: h, 1 / h, nx, ny, nz, sy, sz, whole."""
        return np.float32(self.h), np.float32(1.0 / self.h), self.nx, self.ny, self.nz, self.sy, self.sz, self.whole

    def inner(self, array):
        """View the voxels of a flat array without the halo, as (slab, z, y, x)."""
        box = array.reshape(self.padded_shape)
        return box[:, 1:-1, 1:-1, 1:-1] if self.dims == 3 else box[:, :, 1:-1, 1:-1]
