"""Vectors: how wide LLVM may make those of the CPU's loops."""

import functools

from numba import config
from numba.core.codegen import get_host_cpu_features

ICE_LAKE = "+avx512vbmi2"  # Intel's processors before it lower their clock for vectors of 512 bits
WIDE = "-prefer-256-bit"


def with_wide(features: str) -> str:
    """Return the features of a processor, as LLVM writes them, with leave to use all of its vectors where that costs no clock.

    LLVM holds back those of 512 bits on every processor of Intel, for the sake of older ones. The bits of a result are the same.
    """
    return f"{features},{WIDE}" if ICE_LAKE in features.split(",") else features


@functools.cache
def widen() -> None:
    """Have numba compile with ``with_wide``, unless NUMBA_CPU_FEATURES says how; for a process that has not compiled yet."""
    if config.CPU_FEATURES is None:
        config.CPU_FEATURES = with_wide(get_host_cpu_features())
