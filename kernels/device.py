"""Which machine computes: its arrays, its threads, and the way in and out."""

import os
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

CACHE_LINE = 64  # bytes


@dataclass
class Machine:
    """A place to compute: ``target`` cpu, python or cuda; ``xp`` is the module of its arrays."""

    target: str = "cpu"
    threads: int = 1
    xp: ModuleType = field(default=np, repr=False)
    stream: object = 0
    threads_per_block: int = 128

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
        """Copy a host array to this machine."""
        return self.xp.ascontiguousarray(array)

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


def open_machine(backend: str = "auto", threads: int | None = None) -> Machine:
    """Return the machine of a backend: cpu, cuda (the first GPU), or python (slow, for tests); auto is the CPU.

    With NUMBA_ENABLE_CUDASIM=1 cuda is numba's simulator: the same loops, one thread of the system per thread, for tests.
    Raises RuntimeError with one clear sentence where there is no GPU, or its packages are missing or unfit.
    """
    if backend == "python":
        return Machine("python", 1)
    if backend != "cuda":
        return Machine("cpu", threads or usable_threads())
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        return Machine("cuda", 1, threads_per_block=8)
    return _open_gpu()


def _open_gpu() -> Machine:
    try:
        import cupy
        import numba_cuda  # noqa: F401  the CUDA target of the kernels
    except ImportError as error:
        raise RuntimeError(
            f"backend cuda: {error.name or 'a package'} is not installed; "
            'pip install "remyelin[gpu13]" (CUDA 13) or "remyelin[gpu12]" (CUDA 12), or use --backend cpu'
        ) from None
    if gpu_name() is None:
        raise RuntimeError("backend cuda: no CUDA device was found on this machine; use --backend cpu")
    from numba import config

    from kernels.contraction import contracts

    config.CUDA_ARRAY_INTERFACE_SYNC = 0  # CuPy and numba share one stream: waiting before every launch is in vain
    machine = Machine("cuda", 1, xp=cupy)
    if contracts(machine):
        raise RuntimeError(
            "backend cuda: the installed numba-cuda contracts a * b + c to one rounding, so its bits would not be those "
            'of the CPU; install the versions of "remyelin[gpu13]" or "remyelin[gpu12]", or use --backend cpu'
        )
    return machine


def gpu_name() -> str | None:
    """Return the name of the CUDA device, or None where there is none or CuPy is not installed."""
    try:
        import cupy
    except ImportError:
        return None
    try:
        return cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    except cupy.cuda.runtime.CUDARuntimeError:
        return None
