"""What the launcher makes of a body."""

import numpy as np

from kernels.device import Machine
from kernels.launch import Kernel


def add_where(i, chosen, source, target):
    if chosen[i] > 0:
        target[i] += source[i]


def test_no_references_are_counted_in_a_loop(monkeypatch, tmp_path):
    """Numba would count them for every item of a body with a branch, with atomics: ten times slower."""
    monkeypatch.setenv("REMYELIN_CACHE", str(tmp_path))  # code from a cache cannot be inspected
    add = Kernel(add_where)
    chosen, source, target = np.array([1, 0, 1]), np.array([1.0, 2.0, 3.0], np.float32), np.zeros(3, np.float32)
    add(Machine("cpu", 1), 3, chosen, source, target)
    assert target.tolist() == [1.0, 0.0, 3.0]
    (assembly,) = add.loop("cpu").inspect_asm().values()
    loop = assembly.split(".size")[0]
    assert "loop" in loop
    assert "NRT_" not in loop
