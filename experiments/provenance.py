"""What made a run: the version of the code, the libraries, the machine, the literature."""

import functools
import hashlib
import importlib.metadata
import os
import platform
import shlex
import sys
from importlib.resources import files
from pathlib import Path

from abm.config.memory import total_and_free

LIBRARIES = ("numpy", "numba", "mesa", "pandas", "pyarrow", "zarr", "xarray", "pydantic", "cupy", "numba-cuda")
CODE = ("kernels", "abm")  # the packages that a result depends on; the config is hashed by itself


def package_version() -> str:
    """Return the version of the installed package, or that of a source tree which is not installed."""
    try:
        return importlib.metadata.version("remyelin")
    except importlib.metadata.PackageNotFoundError:
        return "0+source"


@functools.cache
def code_version() -> str:
    """Return the package version and a hash of the source of everything that computes: an edit makes new runs."""
    seen = hashlib.sha256()
    for package in CODE:
        root = Path(str(files(package)))
        for path in sorted(root.rglob("*.py")):
            seen.update(f"{package}/{path.relative_to(root).as_posix()}\0".encode())
            seen.update(path.read_bytes())
            seen.update(b"\0")
    return f"{package_version()}+{seen.hexdigest()[:12]}"


def run_hash(config, past=()) -> str:
    """Return the 12 digits that name a run: its config, seed and code version, and nothing of how it is computed.

    past   the configs that held before, each until a step (``folders.Past``)
    """
    before = (f"{each.until} {each.config.identity()}" for each in past)
    text = "\0".join((config.identity(), str(int(config.seed)), code_version(), *before))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries in use."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """Return the name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine_facts() -> dict[str, object]:
    """Return what a result's speed depends on: host, system, processor, cores, memory."""
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(total_and_free()[0] / 2**30, 1),
    }


def command_line() -> str:
    """Return the command that was typed."""
    return shlex.join(["remyelin", *sys.argv[1:]])
