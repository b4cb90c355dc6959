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
    """Return the machine of a backend: cpu, or python (slow, for tests); auto is the CPU.

    Raises RuntimeError with one clear sentence for cuda: the kernels compile for it and agree in the simulator, but no
    whole run has been seen on a GPU yet.
    """
    threads = threads or usable_threads()
    if backend in ("auto", "cpu"):
        return Machine("cpu", threads)
    if backend == "python":
        return Machine("python", 1)
    found = gpu_name()
    here = "no CUDA device was found on this machine" if found is None else f"{found} is here"
    raise RuntimeError(
        f"backend {backend}: {here}, and this version runs whole simulations on the CPU only "
        "(its kernels are compiled for CUDA and checked in the simulator); use --backend cpu"
    )


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
