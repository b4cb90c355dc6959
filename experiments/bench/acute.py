"""W-ACUTE: the 60 days of the scenario ``acute``, read-outs, frames and files included, on all threads of this process."""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiments.bench.figures import Figure
from experiments.bench.yardstick import child, peak
from experiments.failures import RunFailed

SECONDS_TARGET = 150.0
MEMORY_TARGET = 0.9  # GB
MOST_LOST = 1e-5  # of any substance, by its mass budget


def figures(speed: float) -> Iterator[Figure]:
    """Measure the run; one of a few steps before it compiles the kernels where that was not done yet."""
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder) / "first", "acute", "--days", "0.02")
        yield from run_figures(Path(folder) / "run", "acute", "--days", "60")


def run_figures(out: Path, *arguments: str) -> Iterator[Figure]:
    """Measure a run, if it is right."""
    lines, seconds = run(out, *arguments)
    info = json.loads((out / "run.json").read_text())
    result: dict[str, Any] = json.loads(lines[-2])
    lost = max(value for name, value in result["measures"].items() if name.startswith("mass_error."))
    if result["status"] != "done" or lost > MOST_LOST:
        raise RunFailed(f"W-ACUTE: the run is {result['status']}; {lost:.1e} of a substance is missing in its budget")
    yield Figure("threads", result["threads"])
    yield Figure("simulated", result["days"], "days")
    yield Figure("from the command to its end", seconds, "s", at_most=SECONDS_TARGET, timed=True)
    yield Figure("most memory", float(lines[-1]) / 1e9, "GB", at_most=MEMORY_TARGET)
    phases = info["phases"]
    for phase, spent in phases.items():
        yield Figure(f"of it {phase}", spent, "s", timed=True)
    yield Figure("of it files, read-outs and the start", seconds - sum(phases.values()), "s", timed=True)


def run(out: Path, *arguments: str) -> tuple[list[str], float]:
    """Do what ``remyelin run`` does in a process of its own: the lines it prints, its peak of memory last, and its seconds."""
    return child("experiments.bench.acute", "run", *arguments, "--out", str(out), "--quiet", "--json")


if __name__ == "__main__":
    from experiments.cli import call

    code = call(sys.argv[1:])
    print(peak())
    sys.exit(code)
