"""Contact between cells: centre distance, never voxels."""

import numpy as np

from kernels.binning import voxel_along
from kernels.launch import kernel

U = np.uint64
ZERO = np.float32(0.0)
ONE = np.float32(1.0)
NEXT = U(1)
NO_VOXEL = U(0)


def contact_reach(distance: float, h: float) -> int:
    """Return how many voxels of edge ``h`` um around its own a cell must search for contacts within ``distance`` um."""
    return -int(-distance // h)


@kernel
def touch(
    i, x, y, z, voxel, other_x, other_y, other_z, start, touched, distance, reach, itself,
    h, per_um, nx, ny, nz, sy, sz, whole,
):  # fmt: skip
    """Set ``touched[i]`` to 1 if a cell of another kind is within ``distance`` um of cell ``i``, else to 0.

    x, y, z, voxel             float32[n], int32[n]     where the cells are; z and other_z have no effect in 2D: pass y
    other_x, other_y, other_z  float32[others]          the other kind, in the order of ``start``
    start                      int32[voxels + 1]        first cell of the other kind in each voxel
    reach                      from ``contact_reach``
    itself                     1 if the other kind is the same one: a cell does not touch itself

    Contacts are not sought across a periodic face.
    """
    kx = voxel_along(x[i], per_um, nx)
    ky = voxel_along(y[i], per_um, ny)
    kz = voxel_along(z[i], per_um, nz)
    near = U(reach)
    left = kx - near if kx > near else NO_VOXEL
    right = min(kx + near, U(nx) - NEXT)
    origin = U(voxel[i]) // U(whole) * U(whole) + NEXT
    found = ZERO
    for k in range(kz - near if kz > near else NO_VOXEL, min(kz + near, U(nz) - NEXT) + NEXT):
        for row in range(ky - near if ky > near else NO_VOXEL, min(ky + near, U(ny) - NEXT) + NEXT):
            line = origin + (U(k) + NEXT) * U(sz) + (U(row) + NEXT) * U(sy)
            # voxels along x follow each other in memory: their cells are one run
            for j in range(U(start[line + left]), U(start[line + right + NEXT])):
                dx = other_x[j] - x[i]
                dy = other_y[j] - y[i]
                dz = other_z[j] - z[i] if sz > 0 else ZERO
                close = dx * dx + dy * dy + dz * dz <= distance * distance
                if close and not (itself > 0 and U(j) == i):
                    found = ONE
    touched[i] = found
