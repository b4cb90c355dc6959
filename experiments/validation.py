"""The validation study: make the runs that docs/validation.md rests on, then write it.  python -m experiments.validation

What runs, what is read and what is expected stands in ``validation.yaml``. Each run has a folder of its own, named by its
hash: what is done is not done again, what was stopped goes on, and a change of the model or a config makes new runs.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

PLAN = Path(__file__).with_suffix(".yaml")
ROOT = Path("runs/validation")
SEEDS = 8
WORKERS = 2  # processes of one thread each


@dataclass(frozen=True)
class Job:
    """One run: a scenario with overrides and a seed, in a folder below that of its study."""

    study: str
    scenario: str
    overrides: tuple[str, ...]
    seed: int
    root: Path = ROOT

    @property
    def name(self) -> str:
        return f"{self.study}, seed {self.seed}"

    @property
    def place(self) -> Path:
        """The folder that holds the runs of this study and seed, one for each hash."""
        return self.root / self.study / f"seed-{self.seed}"


def read_plan(path: Path = PLAN) -> dict[str, Any]:
    """Read studies, targets and reference numbers."""
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def jobs(plan: dict[str, Any], only: Iterable[str] = (), seeds: int = SEEDS, root: Path = ROOT) -> list[Job]:
    """Return the runs of a plan, seed by seed within a study.

    only    names of studies; all where it is empty
    seeds   at most so many of each
    """
    names = list(only) or list(plan["studies"])
    return [
        Job(name, study["scenario"], (*plan["output"], *flat(study["overrides"])), seed, root)
        for name, study in ((name, plan["studies"][name]) for name in names)
        for seed in range(1, min(seeds, study["seeds"]) + 1)
    ]


def flat(overrides: Sequence[str | list[str]]) -> list[str]:
    """Lay out overrides in one list; those that studies share stand in the plan as a list within a list."""
    return [word for each in overrides for word in ([each] if isinstance(each, str) else each)]


def compute(job: Job) -> str:
    """Make one run, go on with it, or leave it where it is done. Return what became of it, in words; never raises."""
    from abm.config import ConfigError, load
    from experiments import folders, provenance
    from experiments.failures import Failure
    from experiments.run import resume, run

    try:
        config = load(job.scenario, overrides=job.overrides, seed=job.seed)
        folder = job.place / provenance.run_hash(config)
        begun = bool(folders.read_info(folder))
        result = resume(folder, "cpu", 1) if begun else run(config, folder, "cpu", 1)
    except (ConfigError, Failure) as error:
        return f"failed: {error}"
    if result["status"] == "exists":
        return "was done already"
    return f"done in {result['wall_s']:.0f} s"


def finished(plan: dict[str, Any], root: Path = ROOT) -> dict[str, list[Any]]:
    """Return the newest finished run of each study and seed, as far as there are any."""
    from abm.run_folder import INFO, Run

    found: dict[str, list[Any]] = {}
    for job in jobs(plan, root=root):
        files = sorted(job.place.glob(f"*/{INFO}"), key=lambda path: path.stat().st_mtime)
        done = [run for run in (Run.load(file.parent) for file in files) if run.info["status"] == "done"]
        found.setdefault(job.study, []).extend(done[-1:])
    return found


def compute_all(todo: Sequence[Job], pool: Executor) -> list[str]:
    """Make runs side by side, saying what became of each. Return the names of those that failed.

    No more are handed out than work at a time: a signal then stops them all, and none begins after it.
    """
    left, under_way = iter(todo), dict[Future, Job]()
    failed: list[str] = []
    count = 0
    while True:
        for job in islice(left, WORKERS - len(under_way)):
            under_way[pool.submit(compute, job)] = job
        if not under_way:
            return failed
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            job, error, count = under_way.pop(future), future.exception(), count + 1
            outcome = f"failed: the process broke off ({error!r})" if error else future.result()
            if outcome.startswith("failed"):
                failed.append(job.name)
            print(f"{count}/{len(todo)}  {job.name}: {outcome}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is missing, then write the page from all that is there; 1 where a run failed, 3 where it was stopped."""
    from experiments import validation_page

    plan = read_plan()
    parser = argparse.ArgumentParser(prog="python -m experiments.validation", description=main.__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", choices=list(plan["studies"]), help="studies")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help="at most so many of each study")
    parser.add_argument("--page", action="store_true", help="make no run, only write the page")
    asked = parser.parse_args(arguments)
    failed: list[str] = []
    if not asked.page:
        try:
            with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
                failed = compute_all(jobs(plan, asked.only, asked.seeds), pool)
        except KeyboardInterrupt:
            print("stopped; the same command goes on from here", file=sys.stderr)
            return 3
    page = validation_page.write(plan, finished(plan))
    print(f"wrote {page}", file=sys.stderr)
    if failed:
        print(f"failed: {'; '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
