"""The runs of the face-validity table: making those that are missing, and judging all tables from them."""

import sys
from collections.abc import Sequence
from typing import Any

from experiments.targets_plan import Plan
from experiments.targets_table import Result, courses, results


def compute(plan: Plan, quick: bool) -> Sequence[Any]:
    """Make the runs that are missing, saying on standard error what became of each; return the outcomes."""
    from experiments.ensemble import compute_all

    jobs = plan.jobs(quick)
    ended: list[str] = []

    def tell(outcome: Any) -> None:
        if outcome.status in ("done", "failed", "stopped"):
            ended.append(outcome.job.name)
            said = (
                f"done in {outcome.wall_s:.0f} s" if outcome.status == "done" else f"{outcome.status}: {outcome.error}"
            )
            print(f"{len(ended)} of at most {len(jobs)}  {outcome.job.name}: {said}", file=sys.stderr, flush=True)

    return compute_all(jobs, tell=tell, retry_failed=True)


def judged(plan: Plan, outcomes: Sequence[Any]) -> dict[str, list[Result]]:
    """Read the runs that are done and judge all tables."""
    from abm.run_folder import Run

    runs: dict[str, dict[int, Any]] = {name: {} for name in plan.conditions}
    for outcome in outcomes:
        if outcome.is_done:
            runs[outcome.job.place.name][outcome.job.seed] = Run.load(outcome.folder)
    arms = courses(runs)
    return {name: results(getattr(plan, name), arms) for name in ("rows", "course", "mechanisms")}
