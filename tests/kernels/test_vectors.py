"""Vectors of 512 bits: asked of LLVM where the processor pays nothing for them, and left as the user says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.codegen import get_host_cpu_features

from kernels.vectors import ICE_LAKE, WIDE, with_wide

ROOT = str(Path(__file__).resolve().parents[2])
DOUBLED = """
import numpy as np
import abm.model  # all that a run imports: none of it may have numba choose its vectors before
import experiments.run
from kernels.device import Machine
from kernels.launch import kernel

def doubled(i, a):
    a[i] = a[i] + a[i]

made = kernel(doubled)
made(Machine("cpu", 1), 64, np.ones(64, np.float32))
print(*made.loop("alone").inspect_asm().values())
"""


@pytest.mark.parametrize(
    "features, asked",
    [("+avx2,+avx512f,-avx512vbmi2", False), ("+avx2,-avx512f", False), ("", False), ("+avx512f,+avx512vbmi2", True)],
)
def test_only_processors_since_ice_lake_are_asked(features, asked):
    assert with_wide(features) == (f"{features},{WIDE}" if asked else features)


@pytest.mark.parametrize("said", [{}, {"NUMBA_CPU_FEATURES": f"{get_host_cpu_features()},-avx512f"}], ids=["", "user"])
def test_loops_are_compiled_with_them_where_they_pay_unless_the_user_says_otherwise(said, tmp_path):
    """On a processor that is not asked, or has none, no loop has them."""
    wide = ICE_LAKE in get_host_cpu_features().split(",") and not said
    script = tmp_path / "doubled.py"
    script.write_text(DOUBLED)
    environment = {**os.environ, **said, "REMYELIN_CACHE": str(tmp_path), "PYTHONPATH": ROOT}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert ("zmm" in done.stdout) == wide
