"""docs/robustness.md: an acute lesion with half the step, half the voxel, moved and in 3D.  python -m experiments.robustness

What runs and is read stands in ``robustness.yaml``. What is done is not done again, what was stopped goes on.
"""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.ensemble import Job
from experiments.targets_plan import flat
from experiments.targets_readings import Course

PLAN = Path(__file__).with_suffix(".yaml")
ROOT = Path("runs/robustness")


def read_plan(path: Path = PLAN) -> dict[str, Any]:
    """Read studies, what is compared with what, and read-outs."""
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def jobs(plan: Mapping[str, Any], root: Path = ROOT) -> list[Job]:
    """Return the runs of the plan."""
    return [
        Job(f"{name}, seed {seed}", study["scenario"], (*plan["output"], *flat(study["overrides"])), seed, root / name)
        for name, study in plan["studies"].items()
        for seed in range(1, study["seeds"] + 1)
    ]


def finished(plan: Mapping[str, Any], root: Path = ROOT) -> dict[str, list[Any]]:
    """Return the newest finished run of each study and seed, as far as there are any."""
    from abm.run_folder import INFO, Run

    found: dict[str, list[Any]] = {}
    for name in plan["studies"]:
        files = sorted((root / name).rglob(INFO), key=lambda path: path.stat().st_mtime)
        runs = [Run.load(file.parent) for file in files]
        done = {run.info["seed"]: run for run in runs if run.info["status"] == "done"}
        found[name] = [done[seed] for seed in sorted(done)]
    return found


# --- comparison -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """A reading over the seeds of a study."""

    values: tuple[float, ...]

    @property
    def known(self) -> np.ndarray:
        return np.array([value for value in self.values if math.isfinite(value)])

    @property
    def missing(self) -> int:
        """In how many runs the course did not give it."""
        return len(self.values) - len(self.known)

    @property
    def mean(self) -> float:
        return float(self.known.mean()) if len(self.known) else math.nan

    @property
    def sd(self) -> float:
        """Standard deviation over seeds; NaN below two."""
        return float(self.known.std(ddof=1)) if len(self.known) > 1 else math.nan

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return self.sd / math.sqrt(len(self.known)) if len(self.known) else math.nan


def sample(courses: Sequence[Course], reading: Sequence[Any]) -> Sample:
    """Read every course."""
    return Sample(tuple(course.read(reading) for course in courses))


@dataclass(frozen=True)
class Shift:
    """How far the mean of a variant lies from that of its base, in standard deviations of the base over seeds."""

    base: Sample
    variant: Sample
    spread: float  # standard deviation over the seeds of the base

    @property
    def size(self) -> float:
        difference = self.variant.mean - self.base.mean
        return difference / self.spread if self.spread else (0.0 if difference == 0 else math.inf)

    @property
    def error(self) -> float:
        """Standard error of the difference, in the same unit."""
        return math.hypot(self.base.error, self.variant.error) / self.spread if self.spread else math.nan

    @property
    def verdict(self) -> str:
        """``within`` the spread, ``beyond`` it; a missing reading is beyond."""
        inside = abs(self.size) < 1 or self.size == 0
        return "within" if inside and not self.base.missing and not self.variant.missing else "beyond"

    @property
    def by_chance(self) -> float:
        """How likely chance alone puts it beyond, if there is no difference and values are normal."""
        width = math.sqrt(1 / max(1, len(self.base.known)) + 1 / max(1, len(self.variant.known)))
        return math.erfc(1 / (width * math.sqrt(2)))


def shifts(plan: Mapping[str, Any], courses: Mapping[str, Sequence[Course]]) -> dict[str, dict[str, Shift]]:
    """Return how far each read-out of each variant that was run has moved."""
    base = courses.get(plan["base"], [])
    return {
        variant: {
            label: Shift(sample(courses[against], reading), sample(courses[variant], reading), sample(base, reading).sd)
            for label, reading in plan["readouts"].items()
        }
        for variant, against in plan["variants"].items()
        if base and courses.get(variant) and courses.get(against)
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is missing, then write the page from all that is there; 1 where a run failed, 3 where it was stopped."""
    from experiments.ensemble import compute_all
    from experiments.robustness_page import write

    parser = argparse.ArgumentParser(prog="python -m experiments.robustness", description=main.__doc__)
    parser.add_argument("--page", action="store_true", help="make no run, only write the page")
    plan, outcomes = read_plan(), []
    if not parser.parse_args(arguments).page:
        outcomes = compute_all(
            jobs(plan), tell=lambda outcome: print(outcome.job.name, outcome.status, file=sys.stderr)
        )
    if any(outcome.status in ("stopped", "left") for outcome in outcomes):
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 3
    print(f"wrote {write(plan, finished(plan))}", file=sys.stderr)
    failed = [outcome.job.name for outcome in outcomes if not outcome.is_done]
    if failed:
        print(f"failed: {'; '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
