"""One body, three targets: the compiled loop, plain Python and the CUDA simulator write the same bits.

Parity only: that a kernel is right is for the other tests to show.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kernels.chance import probability
from kernels.device import Machine
from kernels.gpu import laid_out
from kernels.launch import Kernel
from tests.machine_code import MULTIPLY, MULTIPLY_ADD, instructions, machine_code
from tests.strict_arrays import DeviceArray

HERE = Path(__file__).resolve().parent
_specification = importlib.util.spec_from_file_location("kernel_examples", HERE / "examples.py")
examples = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(examples)

KERNELS = examples.kernels()
EXAMPLES = examples.examples()
NAMES = sorted(KERNELS)
FORBIDDEN = re.compile(r"\bfma\b|\.f64|\bex2\b|\blg2\b|\bsin\b|\bcos\b|\btanh\b|\.approx|\.ftz|\b(?:add|sub|mul)\.f32")


@pytest.fixture(scope="module")
def simulated():
    """Digests of all kernels by the CUDA simulator, in a process of its own: it replaces numba.cuda altogether."""
    root = str(HERE.parents[1])
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, str(HERE / "examples.py")],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_every_kernel_has_an_example(name):
    assert name in EXAMPLES, f"kernel {name} has no example: add one to a tests/kernels/*_examples.py"


def test_every_example_has_a_kernel():
    assert set(EXAMPLES) <= set(KERNELS)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_changes_something(name):
    n, arguments = examples.launch_of(name, EXAMPLES[name])
    before = [np.copy(argument) for argument in arguments]
    KERNELS[name](Machine("python", 1), n, *arguments)
    assert any(not np.array_equal(a, b) for a, b in zip(before, arguments) if isinstance(b, np.ndarray))


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_compiled_loop_and_plain_python_agree(name):
    assert examples.digest(Machine("cpu", 1), name) == examples.digest(Machine("python", 1), name)


@pytest.mark.parametrize(
    "name", sorted(name for name in EXAMPLES if KERNELS[name].text("cpu") != KERNELS[name].text("alone"))
)
def test_several_threads_with_atomics_agree_with_one_without(name, monkeypatch):
    alone = examples.digest(Machine("cpu", 1), name)
    monkeypatch.setattr("kernels.launch.FEWEST_PER_THREAD", 1)
    assert examples.digest(Machine("cpu", 2), name) == alone


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_cuda_simulator_agrees(name, simulated):
    assert simulated[name] == examples.digest(Machine("cpu", 1), name)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_gpu_code_has_only_exact_instructions(name):
    """No contraction, no double precision, no approximate function, on sm_80 and sm_90; and machine code comes of it.

    Sums and products must say .rn: the assembler of the GPU may contract those that do not.
    """
    n, arguments = examples.launch_of(name, EXAMPLES[name])
    given = KERNELS[name].launch_arguments(n, arguments)
    for capability, arch in (((8, 0), "sm_80"), ((9, 0), "sm_90a")):
        ptx, code = machine_code(KERNELS[name], given, capability)
        text = re.sub(r"//.*", "", ptx)
        assert f".target {arch}" in text
        assert FORBIDDEN.findall(text) == []
        assert parameters(ptx) == [size_of(number) for number in laid_out(on_gpu(given))]
        assert code[:4] == b"\x7fELF"


@pytest.mark.parametrize(
    "name", ["multiply_add", "advance_2d", "advance_3d"]
)  # without quotients and roots, which fuse
def test_what_a_gpu_is_given_does_not_contract(name):
    """Read in the machine code itself: a linker may compile once more."""
    n, arguments = examples.launch_of(name, EXAMPLES[name])
    given = KERNELS[name].launch_arguments(n, arguments)
    for late, contracted in ((None, False), (True, True)):
        found = set(instructions(machine_code(KERNELS[name], given, (9, 0), late)[1]))
        assert bool(found & MULTIPLY_ADD) == contracted
        assert found & MULTIPLY or contracted


def parameters(ptx):
    """Return the size in bits of each parameter of the kernel in a PTX text."""
    head = re.search(r"\.entry \w+\((.*?)\)", ptx, re.DOTALL).group(1)
    return [int(bits) for bits in re.findall(r"\.param \.[a-z](\d+)", head)]


def size_of(number):
    """Return the bits of what a launch passes: an int is given as 64."""
    return 64 if isinstance(number, int) else 8 * number.itemsize


def on_gpu(arguments):
    """Return arguments as a launch on a GPU gets them."""
    return [each.view(DeviceArray) if isinstance(each, np.ndarray) else each for each in arguments]


def test_the_search_for_forbidden_instructions_finds_them():
    @Kernel
    def widens(i, x):
        x[i] = np.float32(x[i] * 0.1 + x[i])

    ptx, _ = machine_code(widens, [np.int64(1), np.zeros(1, np.float32)], (9, 0))
    assert ".f64" in FORBIDDEN.findall(ptx)
    assert FORBIDDEN.findall("add.f32 %f3, %f1, %f2;") and not FORBIDDEN.findall("add.rn.f32 %f3, %f1, %f2;")


LOOSE = 0.1
WIDE = np.float64(0.1)
ONE = np.int64(1)  # kernels.chance has a float32 of this name


def scale_loosely(i, x):
    x[i] *= LOOSE


def scale_widely(i, x):
    x[i] *= WIDE


def confuse(i, x):
    x[i] = probability(x[i]) + np.float32(ONE)


@pytest.mark.parametrize("body", [scale_loosely, scale_widely])
def test_a_constant_of_double_precision_is_refused(body):
    with pytest.raises(
        TypeError, match=r"kernel constant (LOOSE|WIDE) = .*0\.1.* must be a np\.float32 or a NumPy integer"
    ):
        Kernel(body).text("cpu")


def test_two_constants_of_one_name_are_refused():
    """The parts of a kernel come from several modules and end up in one: a name must mean one thing."""
    with pytest.raises(TypeError, match="two kernel constants are called ONE"):
        Kernel(confuse).text("cpu")
