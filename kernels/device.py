"""Which machine computes: its arrays, its threads, and the way in and out."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np

CACHE_LINE = 64  # bytes
# By estimate, since none could be timed yet: with fewer voxels a step on a GPU is a few hundred launches, which take about as
# long as all of the step on two cores.
GPU_PAYS = 2**18
DRIVERS = "/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg"  # the last under Windows
DRIVER_TOO_OLD = 35  # cudaErrorInsufficientDriver
LAUNCH_PAYS = 2**20  # by estimate too: a pass over fewer voxels takes a GPU less time than its launch


@dataclass
class Machine:
    """A place to compute: ``target`` cpu, python or cuda; ``xp`` is the module of its arrays.

    direct   whether kernels are launched on a GPU by ``kernels.gpu``; else by numba itself, as in its simulator
    why      where it was chosen: the reason, for people
    """

    target: str = "cpu"
    threads: int = 1
    xp: ModuleType = field(default=np, repr=False)
    threads_per_block: int = 128
    direct: bool = True
    why: str = ""

    def zeros(self, shape, dtype):
        """Return an array of zeros on this machine."""
        return self.xp.zeros(shape, dtype)

    def zeros_on_line(self, size, dtype, first):
        """Return a flat array of zeros whose element ``first`` begins a cache line, where vectors are read fastest."""
        if self.xp is not np:
            return self.zeros(size, dtype)
        item = np.dtype(dtype).itemsize
        room = np.zeros(size + CACHE_LINE // item, dtype)
        begin = -(room.ctypes.data // item + first) % (CACHE_LINE // item)
        return room[begin : begin + size]

    def put(self, array):
        """Copy a host array to this machine. CuPy's ``ascontiguousarray`` takes arrays of the GPU only."""
        return self.xp.asarray(array, order="C")

    def free_bytes(self) -> int | None:
        """Return the memory of this machine that is free, or None where the host's counts."""
        return None if self.xp is np else int(self.xp.cuda.runtime.memGetInfo()[0])

    def get(self, array) -> np.ndarray:
        """Copy an array of this machine to the host."""
        return array if self.xp is np else array.get()


def usable_threads() -> int:
    """Return the number of CPU threads this process was given (by the scheduler or its affinity)."""
    for name in ("SLURM_CPUS_PER_TASK", "OMP_NUM_THREADS"):
        given = os.environ.get(name, "")
        if given.isdigit() and int(given) > 0:
            return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_machine(backend: str = "auto", threads: int | None = None, voxels: int = 0) -> Machine:
    """Return the machine of a backend: cpu, cuda (the first GPU), or python (slow, for tests).

    auto takes a GPU where there is one that works and where it pays for a model of so many ``voxels``, and says why.
    With NUMBA_ENABLE_CUDASIM=1 cuda is numba's simulator: the same loops, one thread of the system per thread, for tests.
    Raises RuntimeError with one clear sentence where there is no GPU, or its packages are missing or unfit.
    """
    if backend == "python":
        return Machine("python", 1)
    if backend == "auto":
        return _chosen(threads, voxels)
    if backend != "cuda":
        return Machine("cpu", threads or usable_threads())
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        return Machine("cuda", 1, threads_per_block=8, direct=False)
    return _open_gpu()


def _chosen(threads: int | None, voxels: int) -> Machine:
    """Choose between CPU and GPU."""
    name, why = find_gpu()
    if name is not None and voxels < GPU_PAYS:
        why = f"{voxels:,} voxels are too few for {name} to pay (from {GPU_PAYS:,} on, by estimate; --backend cuda)"
    elif name is not None:
        try:
            machine = _open_gpu()
            machine.why = f"{name} pays with {voxels:,} voxels"
            return machine
        except RuntimeError as error:
            why = str(error).removesuffix("use --backend cpu").removesuffix("or ").rstrip(" ,;")
    return Machine("cpu", threads or usable_threads(), why=why)


def _open_gpu() -> Machine:
    try:
        import cupy
        import numba_cuda  # noqa: F401  the CUDA target of the kernels
    except ImportError as error:
        raise RuntimeError(
            f"backend cuda: {error.name or 'a package'} is not installed; "
            'pip install "remyelin[gpu13]" (CUDA 13) or "remyelin[gpu12]" (CUDA 12), or use --backend cpu'
        ) from None
    name, why = find_gpu()
    if name is None:
        raise RuntimeError(f"backend cuda: {why}; use --backend cpu")
    from numba import config

    from kernels.contraction import contracts

    machine = Machine("cuda", 1, xp=cupy)
    try:
        fused = contracts(machine)
    except Exception:  # of whatever kind: kernels.gpu looks into numba, which may have changed
        config.CUDA_ARRAY_INTERFACE_SYNC = 0  # CuPy and numba share one stream: waiting before every launch is in vain
        machine.direct = False
        try:
            fused = contracts(machine)
        except Exception as error:
            said = f"backend cuda: a first kernel could not be run ({type(error).__name__}: {error})"
            raise RuntimeError(f"{said}; use --backend cpu") from error
    if fused:
        raise RuntimeError(
            "backend cuda: the installed numba-cuda contracts a * b + c to one rounding, so its bits would not be those "
            'of the CPU; install the versions of "remyelin[gpu13]" or "remyelin[gpu12]", or use --backend cpu'
        )
    return machine


def find_gpu() -> tuple[str | None, str]:
    """Return the name of the CUDA device, or None and why there is none."""
    none = "no CUDA device was found on this machine"
    try:
        import cupy
    except ImportError:
        there = 'an NVIDIA driver is here, but CuPy is not installed: pip install "remyelin[gpu13]" (or gpu12)'
        return None, there if has_driver() else none
    try:
        return cupy.cuda.runtime.getDeviceProperties(0)["name"].decode(), ""
    except cupy.cuda.runtime.CUDARuntimeError as error:
        if not has_driver():  # CUDA says then, too, that it is too old
            return None, none
        old = 'the NVIDIA driver is too old for the packages installed: pip install "remyelin[gpu12]", or renew the driver'
        return None, old if error.status == DRIVER_TOO_OLD else f"{none} ({error})"


def has_driver() -> bool:
    """Whether an NVIDIA driver is loaded on this machine, or given to this container."""
    return any(Path(path).exists() for path in DRIVERS)
