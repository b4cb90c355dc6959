"""Small launches of every kernel, and the digest of what each writes.

Modules ``*_examples.py`` beside this one hold ``EXAMPLES``: for the name of a kernel a function that takes a random
generator and returns what to launch over (a number or a Grid) and the list of arguments. Run as a script, this file
prints the digests as made by the CUDA simulator (set NUMBA_ENABLE_CUDASIM=1).
"""

import hashlib
import importlib
import importlib.util
import json
import sys
import zlib
from pathlib import Path

import numpy as np

from kernels import launch
from kernels.device import Machine
from kernels.launch import REGISTRY

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "kernels"
BENCH = "experiments.bench.kernels"


def kernels() -> dict:
    """Return all kernels of the package and of the benchmarks by name; tests may register more."""
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem not in ("__init__", "launch", "device", "atomics", "gpu"):
            importlib.import_module(f"kernels.{path.stem}")
    importlib.import_module(BENCH)
    ours = ("kernels.", BENCH)
    return {name: kernel for name, kernel in REGISTRY.items() if kernel.function.__module__.startswith(ours)}


def examples() -> dict:
    """Return the examples of all modules beside this one."""
    found = {}
    for path in sorted(HERE.glob("*_examples.py")):
        specification = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        found.update(module.EXAMPLES)
    return found


def launch_of(name: str, example) -> tuple:
    """Return what to launch a kernel over and its arguments, always the same ones."""
    return example(np.random.default_rng(zlib.crc32(name.encode())))


def digest(machine, name: str) -> str:
    """Launch a kernel on its example and return the SHA-256 of all its arrays afterwards."""
    n, arguments = launch_of(name, examples()[name])
    REGISTRY[name](machine, n, *arguments)
    state = hashlib.sha256()
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            state.update(argument.tobytes())
    return state.hexdigest()


def main() -> None:
    """Print the digests of all kernels that have an example, by the CUDA target of this process.

    So few threads that each takes several items, or several lines and planes of a grid.
    """
    launch.WARP = launch.MOST_BLOCKS = 2
    simulator = Machine("cuda", 1, threads_per_block=4, direct=False)
    print(json.dumps({name: digest(simulator, name) for name in sorted(kernels().keys() & examples().keys())}))


if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER.parent))
    main()
