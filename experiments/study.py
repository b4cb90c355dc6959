"""A study from its file to its runs: what is done already, what each run came to, and the record of it all.

runs/studies/<name>/ holds arms/*.yaml (a scenario for each arm), study.json (a table of all runs, replaced as each ends)
and log.txt. The runs themselves lie where plain runs lie, runs/<scenario>/<hash>: what two studies share is computed once.
"""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from experiments import provenance
from experiments.arms import replace_text
from experiments.ensemble import Outcome, compute_all, cores, places, standing
from experiments.failures import RunFailed, Stopped
from experiments.progress import duration
from experiments.study_plan import Study, StudyRun
from experiments.tally import Tally

RECORD, LOG = "study.json", "log.txt"
RESULT = ("study", "folder", "status", "runs", "done", "skipped", "failed", "left", "wall_s", "error")
# status of an outcome -> that of a run in the record
STATUS = {"exists": "done", "left": "to do", "lost": "to do"}


class Record:
    """The table of all runs of a study, on disk as it is in memory."""

    def __init__(self, study: Study, runs: Sequence[StudyRun], paths: Sequence[Path]):
        self.study, self.folder = study, study.folder
        self.rows: list[dict[str, Any]] = [
            {"arm": run.arm, "grid": dict(run.point), "seed": run.seed, "run": str(path), "status": "to do"}
            for run, path in zip(runs, paths)
        ]
        self.by_run: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            self.by_run.setdefault(row["run"], []).append(row)
            row.update(wall_s=None, error=None)
        self.begun = _now()

    def take(self, outcome: Outcome) -> list[dict[str, Any]]:
        """Take up what became of a run; return its rows, more than one where arms come to the same run."""
        status = STATUS.get(outcome.status, outcome.status)
        rows = self.by_run.get(str(outcome.folder), [])
        for row in rows:
            row.update(status=status, wall_s=outcome.wall_s, error=outcome.error if status != "done" else None)
        return rows

    def note(self, outcome: Outcome) -> None:
        """Take up what became of a run, and write the table and the log."""
        rows = self.take(outcome)
        if rows and outcome.status not in ("exists", "left"):
            self.write()
            said = f": {outcome.error}" if outcome.error else ""
            self.log(f"{outcome.job.name}: {outcome.status}{said} ({outcome.folder})")

    def log(self, text: str) -> None:
        """Add a line to the log."""
        with open(self.folder / LOG, "a", encoding="utf-8") as file:
            file.write(f"{_now()} {text}\n")

    def write(self) -> None:
        """Replace the table in one go."""
        study = self.study
        content = {
            "study": study.name,
            "title": study.title,
            "base": study.base,
            "control": study.control,
            "arms": {arm: each.label for arm, each in study.arms.items()},
            "seeds": list(study.seeds),
            "measures": list(study.measures),
            "code_version": provenance.code_version(),
            "begun": self.begun,
            "written": _now(),
            "runs": self.rows,
        }
        replace_text(self.folder / RECORD, json.dumps(content, indent=1) + "\n")


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def states(study: Study, folder: Path | None = None) -> list[tuple[StudyRun, Outcome]]:
    """Return how each run of a study stands now, by its folder.

    folder   where the scenarios of the arms are written and stay; without it they are not kept
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="remyelin-") as scratch:
            return states(study, Path(scratch))
    study.write(folder)
    runs = study.runs(folder)
    return [(run, standing(run.job, path)) for run, path in zip(runs, places([run.job for run in runs]))]


def compute(
    study: Study,
    workers: int | None = None,
    cluster: str = "local",
    retry_failed: bool = False,
    progress: Tally | None = None,
    slabs: int | None = 1,
) -> dict:
    """Make what is missing of a study, and return its result. Raises RunFailed or Stopped where a run is not done."""
    started = time.monotonic()
    progress = progress or Tally()
    study.write(study.folder)
    runs = study.runs()
    jobs = [run.job for run in runs]
    record = Record(study, runs, places(jobs))
    record.log(provenance.command_line())
    progress.expect(len(record.by_run), workers or cores())

    def note(outcome: Outcome) -> None:
        record.note(outcome)
        progress(outcome)

    outcomes = compute_all(jobs, workers, cluster, slabs, tell=note, reporter=progress, retry_failed=retry_failed)
    record.write()
    result = _result(record, outcomes, round(time.monotonic() - started, 3))
    record.log(f"{result['status']} after {duration(result['wall_s'])}")
    if result["status"] == "stopped":
        raise Stopped(result["error"], result)
    if result["status"] == "failed":
        raise RunFailed(result["error"], result)
    return result


def _result(record: Record, outcomes: Sequence[Outcome], wall_s: float) -> dict:
    count = Counter(outcome.status for outcome in outcomes)
    left = count["stopped"] + count["left"] + count["busy"]
    status = "stopped" if left else "failed" if count["failed"] else "done"
    return {
        "study": record.study.name,
        "folder": str(record.folder),
        "status": status,
        "runs": record.rows,
        "done": count["done"] + count["exists"],
        "skipped": count["exists"],
        "failed": count["failed"],
        "left": left,
        "wall_s": wall_s,
        "error": _sentence(outcomes, left, count["failed"]),
    }


def _sentence(outcomes: Sequence[Outcome], left: int, failed: int) -> str | None:
    """Say what is not done, and what to do about it."""
    parts = []
    if left:
        why = {outcome.error for outcome in outcomes if outcome.status == "stopped" and outcome.error}
        full = next((f" ({each})" for each in why if "by SIG" not in each), "")
        parts.append(f"{left} of {len(outcomes)} runs are left{full}; the same command goes on from here")
    if failed:
        first = next(outcome for outcome in outcomes if outcome.status == "failed")
        parts.append(
            f"{failed} of {len(outcomes)} runs failed, the first ({first.job.name}) because: {first.error}; "
            "try them again with --retry-failed"
        )
    return "; ".join(parts) or None
