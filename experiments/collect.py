"""One tidy table of a study: a row for each run and time of a read-out, a column for each key of the grid and read-out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from abm.config import ConfigError
from abm.config.errors import hint
from abm.run_folder import Run
from experiments.ensemble import Outcome
from experiments.failures import Refused, reason
from experiments.study import STATUS, states
from experiments.study_plan import Study, StudyRun

if TYPE_CHECKING:
    import pandas


def collected(study: Study, measures: Sequence[str] = ()) -> tuple["pandas.DataFrame", int]:
    """Gather the read-outs of all runs that have begun, and say how many have not.

    measures   the read-outs to take; without them those of the study, and all where it names none
    """
    import pandas

    check_measures(study, measures)
    chosen = list(measures or study.measures)
    found = states(study)
    tables = [_table(run, now, chosen) for run, now in found]
    there = [table for table in tables if table is not None]
    if not there:
        return pandas.DataFrame({"run": []}), len(found)
    whole = pandas.concat(there, ignore_index=True)
    first = ["study", "arm", *study.keys, "seed", "run", "status", "day"]
    whole.insert(0, "study", study.name)
    for key in study.keys:  # a key at which no arm that has begun is run
        if key not in whole:
            whole[key] = None
    whole = whole[[*first, *(name for name in whole if name not in first)]]
    whole.attrs["units"] = {name: study.units[name] for name in whole if name in study.units} | {"day": "day"}
    return whole, len(tables) - len(there)


def check_measures(study: Study, measures: Sequence[str]) -> None:
    """Raise ConfigError where a read-out is asked for that no arm has."""
    wrong = [
        f"--measure {name} is no read-out; {hint(name, study.units)}" for name in measures if name not in study.units
    ]
    if wrong:
        raise ConfigError(wrong)


def _table(run: StudyRun, now: Outcome, chosen: Sequence[str]) -> "pandas.DataFrame | None":
    if now.status == "left":
        return None
    try:
        measures = Run.load(now.folder).measures
    except (ConfigError, OSError):  # cut off before its first read-out
        return None
    if chosen:
        measures = measures.reindex(columns=["day", *chosen])
    about = {"arm": run.arm, **dict(run.point), "seed": run.seed, "run": str(now.folder)}
    about["status"] = STATUS.get(now.status, now.status)
    return measures.assign(**about)


def write_table(table: "pandas.DataFrame", out: Path) -> None:
    """Write a table as Parquet, with the units of its columns, or as CSV."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix == ".parquet":
            table.to_parquet(out, index=False)
        else:
            table.to_csv(out, index=False)
    except OSError as error:
        raise Refused(f"cannot write {out}: {reason(error)}") from None
