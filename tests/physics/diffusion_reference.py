"""Independent answers in float64 for the tests of diffusion, and a light configuration to make fields from."""

from types import SimpleNamespace

import numpy as np
import scipy.fft
import scipy.sparse as sparse
from scipy.sparse.linalg import expm_multiply, spsolve

from abm.fields import Fields
from kernels.device import Machine
from kernels.faces import Faces
from kernels.grid import Grid
from kernels.solver import Solver, Work
from kernels.tallies import n_sums


def relative_error(got, exact) -> float:
    return float(np.linalg.norm(np.asarray(got, float) - exact) / np.linalg.norm(exact))


def points(shape, n, rng, amount=1.0):
    """Point sources or sinks at random voxels."""
    values = np.zeros(shape)
    np.add.at(values, tuple(rng.integers(0, size, n) for size in shape), amount)
    return values


# --- exact integrators --------------------------------------------------------------------------------------------------


def decay_rates(shape, diffusivity, decay, h):
    """Decay rates of the cosine modes of the grid with no-flux walls."""
    rates = np.full(shape, float(decay))
    for axis, n in enumerate(shape):
        each = diffusivity / h**2 * (2 - 2 * np.cos(np.pi * np.arange(n) / n))
        rates += each.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return rates


def cosine_step(u, source, rates, step):
    """Advance exactly in time, for constant D and decay and no-flux walls. The oracle: scipy's cosine transform."""
    u, source = scipy.fft.dctn(u, norm="ortho"), scipy.fft.dctn(source, norm="ortho")
    settled = source / np.where(rates > 0, rates, 1.0)
    new = np.where(rates > 0, settled + (u - settled) * np.exp(-rates * step), u + source * step)
    return scipy.fft.idctn(new, norm="ortho")


def operator(theta, diffusivity, loss, h, faces, value=0.0):
    """Assemble ``du/dt = A u + b`` voxel by voxel: faces are named by numpy axis, D at a face is the geometric mean."""
    index = np.arange(theta.size).reshape(theta.shape)
    rows, columns, entries = (
        [index.ravel()],
        [index.ravel()],
        [-np.broadcast_to(loss, theta.shape).ravel().astype(float)],
    )
    constant = np.zeros(theta.size)
    for axis, kind in enumerate(faces):
        near, far = np.moveaxis(index, axis, 0)[:-1].ravel(), np.moveaxis(index, axis, 0)[1:].ravel()
        first, last = np.moveaxis(index, axis, 0)[0].ravel(), np.moveaxis(index, axis, 0)[-1].ravel()
        if kind == "periodic":
            near, far = np.append(near, last), np.append(far, first)
        flow = diffusivity / h**2 * np.sqrt(theta.ravel()[near] * theta.ravel()[far])
        rows += [near, far, near, far]
        columns += [far, near, near, far]
        entries += [flow, flow, -flow, -flow]
        if kind == "value":
            for edge in (first, last):
                open_ = 2 * diffusivity / h**2 * theta.ravel()[edge]
                rows.append(edge), columns.append(edge), entries.append(-open_)
                np.add.at(constant, edge, open_ * value)
    parts = [np.concatenate(part) for part in (entries, rows, columns)]
    return sparse.csr_matrix((parts[0], (parts[1], parts[2])), shape=(theta.size, theta.size)), constant


def exact_step(matrix, constant, u, step):
    """Return u and its time integral after ``step`` of ``du/dt = A u + b``, by the exponential of an enlarged matrix."""
    n = u.size
    column = sparse.csr_matrix(constant.reshape(-1, 1))
    big = sparse.bmat(
        [
            [matrix, column, None],
            [None, sparse.csr_matrix((1, 1)), None],
            [sparse.identity(n), None, sparse.csr_matrix((n, n))],
        ]
    )
    new = expm_multiply(big.tocsr() * step, np.concatenate([u.ravel(), [1.0], np.zeros(n)]))
    return new[:n].reshape(u.shape), new[n + 1 :].reshape(u.shape)


def steady_state(matrix, constant, shape):
    return spsolve(matrix.tocsc(), -constant).reshape(shape)


# --- what is tested -----------------------------------------------------------------------------------------------------


class Tissue:
    """One field on a grid with numpy arrays in and out, without a model."""

    def __init__(self, shape, plan, diffusivity, decay, h=20.0, faces=None, value=0.0, theta=None, threads=1):
        self.grid = Grid(*shape[::-1], h=h, dims=len(shape))
        self.shape = shape
        machine = Machine("cpu", threads)
        walls = Faces(machine, self.grid, tuple(faces or ("no_flux",) * len(shape))[::-1])
        self.solver = Solver(walls, plan, diffusivity, decay, value, None if theta is None else self.padded(theta))
        self.work = Work.on(machine, self.grid)
        self.sums = np.zeros(n_sums(self.grid), np.float32)
        self.u = np.zeros(self.grid.size, np.float32)

    def padded(self, values):
        array = np.zeros(self.grid.size, np.float32)
        self.grid.inner(array)[:] = values
        return array

    def values(self):
        return self.grid.inner(self.u)[0].reshape(self.shape).copy()

    def step(self, source=0.0, uptake=0.0):
        self.solver.advance(self.u, self.padded(source), self.padded(uptake), self.work, self.sums)
        return self.values()


def field(**changes):
    """The part of a configuration that is about one field: TNF where nothing else is said."""
    about = {
        "D": 22.0 * 3600, "half_life": 1.0, "unit": "pg/mL", "baseline": 0.0, "molar_mass": 52.0, "faces": None, "value": None,
        "quasi_steady": False, "sources": {},
    }  # fmt: skip
    return SimpleNamespace(**{**about, **changes})


def configuration(shape, fields, h=20.0, step=0.1, accuracy=0.01, faces="no_flux"):
    grid = SimpleNamespace(voxel=h, size=[n * h for n in shape[::-1]], thickness=h, faces=dict.fromkeys("xyz", faces))
    return SimpleNamespace(fields=fields, grid=grid, time=SimpleNamespace(step=step), accuracy=accuracy)


def make_fields(config, slabs=1, threads=1, **more) -> Fields:
    """Make fields with arrays of their own; the halo of source and uptake holds what must have no effect."""
    size = [round(length / config.grid.voxel) for length in config.grid.size]
    grid = Grid(*size, h=config.grid.voxel, dims=len(size), slabs=slabs)
    arrays = [np.full((len(config.fields), grid.size), filling, np.float32) for filling in (0.0, 1e9, 1e9)]
    for array in arrays[1:]:
        for row in array:
            grid.inner(row)[:] = 0.0
    return Fields(config, grid, Machine("cpu", threads), *arrays, **more)
