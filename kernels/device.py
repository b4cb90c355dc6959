"""Which machine computes: its arrays, its threads, and the way in and out."""

import os
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np


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
    """Return the machine of a backend: cpu, python (slow, for tests) or cuda; auto is the CPU where there is no GPU.

    Raises RuntimeError with one clear sentence where the backend cannot be had.
    """
    threads = threads or usable_threads()
    if backend in ("auto", "cpu"):
        return Machine("cpu", threads)
    if backend == "python":
        return Machine("python", 1)
    try:
        import cupy
        from numba import cuda
    except ImportError as missing:
        raise RuntimeError(
            f"backend cuda needs a package that is not installed ({missing.name}); "
            'install it with: pip install "remyelin[gpu13]", or use --backend cpu'
        ) from None
    if not cuda.is_available():
        raise RuntimeError("backend cuda: no CUDA device was found on this machine; use --backend cpu")
    return Machine("cuda", threads, cupy, cuda.external_stream(cupy.cuda.get_current_stream().ptr))


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
