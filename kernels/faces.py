"""Faces of a grid: what a field finds in the halo, and what leaves there."""

import functools

import numpy as np

from kernels.grid import Grid
from kernels.launch import kernel

NO_FLUX, VALUE, PERIODIC = FACES = ("no_flux", "value", "periodic")


@kernel
def copy_voxels(i, values, to, origin):
    """Copy voxel ``origin[i]`` to ``to[i]``: the halo at periodic faces."""
    values[to[i]] = values[origin[i]]


@kernel
def fill_voxels(i, values, to, value):
    """Set voxel ``to[i]`` to ``value``: the halo at faces of fixed value."""
    values[to[i]] = value


@kernel
def leave_by_faces(i, inside, outside, q, exposure, rate, out):
    """Compute what left by part ``i`` of the faces of fixed value; ``exposure`` is above that value. rate = D / voxel^2"""
    out[i] = rate * (q[inside[i]] * q[outside[i]]) * exposure[inside[i]]


class Faces:
    """What the halo of a grid holds, from the kind of the faces across x, y and z: no_flux, value or periodic.

    no_flux    halo q = 0
    value      halo u = value and halo q = 2 q inside: the value holds on the face, half a voxel away (second order). The
               halo is no unknown, so no rate exceeds ``4 dims D max(theta) / voxel^2``, also in a corner (Gershgorin).
    periodic   halo = the voxel at the opposite face, copied after every stage
    """

    def __init__(self, machine, grid: Grid, kinds: tuple[str, ...]):
        self.machine, self.grid, self.kinds = machine, grid, tuple(kinds[: grid.dims])
        if unknown := [kind for kind in self.kinds if kind not in FACES]:
            raise ValueError(f"a face cannot be {unknown[0]!r}; it is one of {', '.join(FACES)}")
        empty = np.zeros((grid.slabs, 0), np.uint64)
        fixed, wrapped = [(empty, empty)], [(empty, empty)]
        for axis, kind in enumerate(self.kinds):
            low_halo, low, high, high_halo = _ends(grid, axis)
            if kind == VALUE:
                fixed += [(low_halo, low), (high_halo, high)]
            elif kind == PERIODIC:
                wrapped += [(low_halo, high), (high_halo, low)]
        self._tables = [np.concatenate(parts, axis=1).ravel() for pairs in (fixed, wrapped) for parts in zip(*pairs)]
        self.fixed_halo, self.fixed_inside, self.wrapped_halo, self.wrapped_origin = map(machine.put, self._tables)

    @functools.cached_property
    def uniform(self) -> tuple:
        """The ``weights`` and ``outward`` of the same D everywhere."""
        return self.of(None)

    def of(self, theta) -> tuple:
        """Return the ``weights`` and ``outward`` of D(x)/D."""
        q = self.weights(theta)
        return q, self.outward(q)

    def weights(self, theta=None):
        """Return q, the square root of ``theta`` = D(x)/D (one value per padded voxel, or None for 1), with its halo."""
        q = np.zeros(self.grid.size, np.float32)
        self.grid.inner(q)[:] = 1.0 if theta is None else np.sqrt(self.grid.inner(np.asarray(theta, np.float64)))
        fixed_halo, fixed_inside, wrapped_halo, wrapped_origin = self._tables
        q[fixed_halo] = 2 * q[fixed_inside]
        q[wrapped_halo] = q[wrapped_origin]
        return self.machine.put(q)

    def outward(self, q):
        """Return how many neighbours each voxel loses to, by their weights: q times the sum of q around it."""
        inner, host = self.grid.inner, self.machine.get(q).astype(np.float64)
        steps = (1, self.grid.sy, self.grid.sz)[: self.grid.dims]
        around = np.sum([np.roll(host, step) + np.roll(host, -step) for step in steps], axis=0)
        outward = np.zeros(self.grid.size, np.float32)
        inner(outward)[:] = inner(host * around)
        return self.machine.put(outward)

    def wrap(self, values) -> None:
        """Copy the voxels at periodic faces to the halo opposite."""
        if len(self.wrapped_halo):
            copy_voxels(self.machine, len(self.wrapped_halo), values, self.wrapped_halo, self.wrapped_origin)

    def fix(self, values, value) -> None:
        """Write the value of the faces of fixed value into the halo."""
        if len(self.fixed_halo):
            fill_voxels(self.machine, len(self.fixed_halo), values, self.fixed_halo, value)


def _ends(grid: Grid, axis: int) -> list[np.ndarray]:
    """Voxels at the two ends of an axis, as (slab, place): halo, first, last, halo."""
    cut = [slice(None), slice(1, -1) if grid.dims == 3 else slice(None), slice(1, -1), slice(1, -1)]
    cut[3 - axis] = slice(None)
    voxels = np.arange(grid.size, dtype=np.uint64).reshape(grid.padded_shape)[tuple(cut)]
    lines = np.moveaxis(voxels, 3 - axis, -1)
    return [lines[..., place].reshape(grid.slabs, -1) for place in (0, 1, -2, -1)]
