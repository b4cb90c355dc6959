"""The commands of studies: ``study``, ``collect``, ``compare`` and ``status``."""

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.failures import Refused, RunFailed, Stopped

if TYPE_CHECKING:
    from experiments.ensemble import Job
    from experiments.study_plan import Study

File = Annotated[str, typer.Argument(metavar="FILE", help="A study's name, or its YAML file.")]
Measures = Annotated[
    list[str] | None,
    typer.Option("--measure", metavar="NAME", help="A read-out to take; repeatable. Default: the study's."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List the runs, and measure what they will take.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Runs at a time; by default one for each processor.")]
Cluster = Annotated[str, typer.Option(metavar="local|slurm|ADDRESS", help="Where to compute: Dask workers.")]
Slabs = Annotated[str, typer.Option(metavar="auto|N", help="Runs that one process computes side by side.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Go on with runs that failed before.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Tell nothing but errors, and the result that was asked for.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object, the last line of the output.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to the program."""
    for command in (study, collect, compare, status):
        app.command()(command)
    app.command(hidden=True)(together)


def study(
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="A study's name, or its YAML file.")] = None,
    dry_run: DryRun = False,
    workers: Workers = None,
    cluster: Cluster = "local",
    slabs: Slabs = "1",
    retry_failed: RetryFailed = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Make all runs of a study, arms x grid x replicates:  remyelin study routes --workers 4

    Without FILE: list the studies that come with remyelin.
    """
    from experiments.side_by_side import read as slabs_of
    from experiments.study_plan import read_study

    if file is None:
        list_studies(as_json)
        return
    plan = read_study(file)
    if plan.calibration is not None:
        raise Refused(f"{file} has goals: the points of its runs are looked for by: remyelin calibrate {file}")
    if dry_run:
        show_plan(plan, workers, slabs_of(slabs), as_json)
        return
    result = make_runs(plan, workers, cluster, slabs, retry_failed, quiet)
    if as_json:
        typer.echo(json.dumps(result))
    elif not quiet:
        from experiments.progress import duration

        others = f", {result['skipped']} of them made before or by another process" if result["skipped"] else ""
        typer.echo(f"done: {result['done']} runs{others}, in {duration(result['wall_s'])}")
        typer.echo(f"compare the arms with: remyelin compare {file}")
        typer.echo(result["folder"])


def make_runs(
    plan: "Study", workers: int | None, cluster: str, slabs: str, retry_failed: bool, quiet: bool
) -> dict[str, Any]:
    """Make what is missing of a study, telling how far it is, and return its result."""
    from experiments.side_by_side import read as slabs_of
    from experiments.study import compute
    from experiments.tally import tally

    side_by_side, progress = slabs_of(slabs), tally(quiet)
    try:
        return compute(plan, workers, cluster, retry_failed, progress, side_by_side)
    finally:
        progress.end()


def list_studies(as_json: bool) -> None:
    """List the studies of the library."""
    from experiments.study_plan import read_study, study_names
    from experiments.tables import print_table

    plans = [read_study(name, check=False) for name in study_names()]
    if as_json:
        known = [{"study": plan.name, "title": plan.title, "runs": count_runs(plan)} for plan in plans]
        typer.echo(json.dumps({"status": "done", "studies": known, "error": None}))
        return
    told = [str(count_runs(plan) or f"by {plan.command}") for plan in plans]
    rows = [(plan.name, plan.title, str(len(plan.arms)), runs, plan.purpose) for plan, runs in zip(plans, told)]
    print_table(("study", "title", "arms", "runs", "purpose"), rows)


def count_runs(plan: "Study") -> int | None:
    """Return how many runs a study has by its arms and grid; None where another command says which."""
    return len(plan.runs()) if plan.command == "study" else None


def together(
    runs: Annotated[
        list[str], typer.Option("--run", metavar="JSON", help="scenario, overrides, seed, place; repeatable.")
    ],
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Tell nothing but errors.")] = False,
    as_json: Json = False,
) -> None:
    """Make runs, or go on with them, side by side: what a worker of a study does."""
    from abm.config import load
    from experiments.progress import reporter
    from experiments.run import together as compute

    told = [json.loads(run) for run in runs]
    configs = [(load(run["scenario"], overrides=run["overrides"], seed=run["seed"]), run["place"]) for run in told]
    results = compute(configs, threads=threads, reporter=reporter(quiet))
    if as_json:
        typer.echo(json.dumps({"runs": results}))
    elif not quiet:
        for result in results:
            typer.echo(f"{result['run']}: {result['error'] or result['status']}")
    ends = {result["status"] for result in results}
    for failure in (Stopped, RunFailed, Refused):
        if failure.status in ends:
            raise typer.Exit(failure.exit_code)


def show_plan(plan: "Study", workers: int | None, slabs: int | None, as_json: bool) -> None:
    """Say what is done and to do, and what it will take; nothing is written."""
    from experiments.ensemble import cores
    from experiments.estimate import estimate
    from experiments.progress import duration
    from experiments.study import RESULT, Record, states
    from experiments.study_plan import shown
    from experiments.tables import print_table

    with tempfile.TemporaryDirectory(prefix="remyelin-") as scratch:
        found = states(plan, Path(scratch))
        cost = estimate(found)
        at_once = workers or cores()
        to_do = {now.folder: run.job for run, now in found if now.status not in ("exists", "failed")}
        beside = beside_each_other(list(to_do.values()), slabs, at_once)
    record = Record(plan, [run for run, _ in found], [now.folder for _, now in found])
    for _, now in found:
        record.take(now)
    rows = record.rows
    done, failed = (sum(row["status"] == word for row in rows) for word in ("done", "failed"))
    left = len(rows) - done - failed
    if as_json:
        known = {"study": plan.name, "folder": str(plan.folder), "status": "planned", "runs": rows}
        known |= {"done": done, "skipped": done, "failed": failed, "left": left}
        about = {"cpu_s": cost.seconds, "wall_s": cost.seconds / at_once, "bytes": cost.bytes, "basis": cost.basis}
        typer.echo(json.dumps({**dict.fromkeys(RESULT), **known, "slabs": beside, "estimate": about}))
        return
    if plan.sample is None:
        print_table(
            ("arm", *plan.grid, "seed", "status", "run"),
            [
                (
                    row["arm"],
                    *(shown(row["grid"][key]) if key in row["grid"] else "" for key in plan.grid),
                    str(row["seed"]),
                    row["status"],
                    row["run"],
                )
                for row in rows
            ],
        )
    typer.echo(f"{len(rows)} runs: {done} done, {failed} failed, {left} to do")
    if left:
        typer.echo(
            f"to do: about {duration(cost.seconds / at_once)} with {at_once} workers "
            f"({duration(cost.seconds)} of one processor) and {cost.bytes / 1e6:.3g} MB of disk; {cost.basis}"
        )
        typer.echo(f"slabs: {beside} runs side by side in a process{' at most' if beside > 1 else ''}")


def beside_each_other(jobs: "Sequence[Job]", slabs: int | None, workers: int) -> int:
    """Return how many of some runs one process would compute side by side at most."""
    from experiments import side_by_side
    from experiments.ensemble import configs_of

    configs = configs_of(jobs)
    most = side_by_side.most(slabs, configs, len(jobs), min(workers, len(jobs)))
    group = side_by_side.groups(configs, most)
    count = Counter(group[job.but_for_the_seed] for job in jobs)
    return max((min(count[group[key]], most[key]) for key in configs), default=1)


def collect(
    file: File,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="TABLE", help="The table to write: .parquet or .csv.")],
    measures: Measures = None,
) -> None:
    """Write the read-outs of all runs of a study as one tidy table:  remyelin collect routes -o routes.parquet"""
    from experiments.collect import collected, write_table
    from experiments.study_plan import read_study

    if out.suffix not in (".parquet", ".csv"):
        raise Refused(f"-o {out}: a table ends in .parquet or .csv")
    table, missing = collected(read_study(file), measures or ())
    if not len(table):
        raise Refused(f"no run of this study has begun; make them with: remyelin study {file}")
    write_table(table, out)
    typer.echo(f"{out}: {len(table)} rows of {table['run'].nunique()} runs, {table.shape[1]} columns", err=True)
    if missing:
        typer.echo(f"{missing} runs have not begun; make them with: remyelin study {file}", err=True)


def compare(
    given: Annotated[
        list[str], typer.Argument(metavar="RUNS|FILE", help="A study, or run folders: the first is of the control.")
    ],
    measures: Measures = None,
) -> None:
    """Compare each arm with the control, seed by seed:  remyelin compare routes"""
    from experiments import compare as comparing
    from experiments.tables import print_table

    comparison = comparing.compare(given, measures or ())
    print_table(comparing.COLUMNS, comparing.rows(comparison.contrasts))
    for line in comparing.told(comparison):
        typer.echo(line)


def status(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A study's folder, runs/, or any other.")],
) -> None:
    """Say what is done, running, stopped and failed below a folder:  remyelin status runs"""
    from experiments.status import overview
    from experiments.tables import print_table

    counts, rows = overview(folder)
    if rows:
        print_table(("run", "scenario", "seed", "status", "day", "what"), rows)
    typer.echo(counts)
