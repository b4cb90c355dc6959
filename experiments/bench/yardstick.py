"""What figures are measured against: the memory bandwidth of the same process, and how much memory it holds."""

import contextlib
import functools
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from experiments.bench.figures import best_time
from experiments.bench.kernels import triad
from experiments.failures import RunFailed
from kernels.device import Machine

CACHE_BYTES = 256e6  # an array of this size is in no cache
SELF = Path("/proc/self")
KIB = 1024.0


@functools.cache
def bandwidth() -> float:
    """Return the bytes per second of a = b + s c on one thread, for arrays larger than any cache, 12 bytes an element."""
    n = int(CACHE_BYTES / 4)
    a, b, c = (np.full(n, 1.0, np.float32) for _ in range(3))
    return 12 * n / best_time(lambda: triad(Machine("cpu", 1), n, a, b, c, 0.5), 20)


def peak() -> float:
    """Return the most bytes of memory that this process held, since ``forget_peak`` where there is Linux's account of it."""
    try:
        lines = (SELF / "status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if sys.platform == "darwin" else KIB)
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) * KIB


def forget_peak() -> None:
    """Let ``peak`` begin anew, where the system can."""
    with contextlib.suppress(OSError):
        (SELF / "clear_refs").write_text("5")


def child(*arguments: str) -> tuple[list[str], float]:
    """Run a module in a process of its own and return the lines it printed, and its seconds.

    A process of its own, for its ``peak``: what the system tells its parent counts what the parent held when it began.
    """
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise RunFailed(f"{' '.join(arguments)}: ended with {done.returncode}: {last}")
    return done.stdout.splitlines(), seconds
