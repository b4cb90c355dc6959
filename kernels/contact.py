"""Contact between cells: centre distance, never voxels."""

import numpy as np

from kernels.binning import voxel_along
from kernels.launch import span_kernel

U = np.uint64
ZERO = np.float32(0.0)
ONE = np.float32(1.0)
NEXT = U(1)
NO_VOXEL = U(0)


def contact_reach(distance: float, h: float) -> int:
    """Return how many voxels of edge ``h`` um around its own a cell must search for contacts within ``distance`` um."""
    return -int(-distance // h)


@span_kernel(5)
def touch(
    i, touched, distance, reach, base, itself, voxel, x, y, z, start, values,
    h, per_um, nx, ny, nz, sy, sz, whole,
):  # fmt: skip
    """Set ``touched`` of cell ``i`` to 1 if a cell of another kind is within ``distance`` um of it, else to 0.

    touched, x, y, z   places in ``values``, float32: the first is written; z has no effect in 2D: pass y
    reach              from ``contact_reach``
    voxel              int32[n]   where the cells are, those of the other kind in the order of (voxel, uid)
    base, start        of the other kind, from ``Sorting`` by single voxels
    itself             1 if the other kind is the same one: a cell does not touch itself

    Contacts are not sought across a periodic face.
    """
    cx = values[U(x) + i]
    cy = values[U(y) + i]
    cz = values[U(z) + i]
    kx = voxel_along(cx, per_um, nx)
    ky = voxel_along(cy, per_um, ny)
    kz = voxel_along(cz, per_um, nz)
    near = U(reach)
    left = kx - near if kx > near else NO_VOXEL
    right = min(kx + near, U(nx) - NEXT)
    origin = U(base) + U(voxel[i]) // U(whole) * U(whole) + NEXT
    found = ZERO
    for k in range(kz - near if kz > near else NO_VOXEL, min(kz + near, U(nz) - NEXT) + NEXT):
        for row in range(ky - near if ky > near else NO_VOXEL, min(ky + near, U(ny) - NEXT) + NEXT):
            line = origin + (U(k) + NEXT) * U(sz) + (U(row) + NEXT) * U(sy)
            # voxels along x follow each other in memory: their cells are one run
            for j in range(U(start[line + left]), U(start[line + right + NEXT])):
                dx = values[U(x) + U(j)] - cx
                dy = values[U(y) + U(j)] - cy
                dz = values[U(z) + U(j)] - cz if sz > 0 else ZERO
                close = dx * dx + dy * dy + dz * dz <= distance * distance
                if close and not (itself > 0 and U(j) == i):
                    found = ONE
    values[U(touched) + i] = found
