"""The command ``sensitivity``."""

from typing import Annotated

import typer

from experiments.failures import Refused
from experiments.study_commands import Cluster, DryRun, Quiet, RetryFailed, Slabs, Workers

SHOWN = 3  # parameters of each number on a terminal; the table holds all


def register(app: typer.Typer) -> None:
    """Add the command of this file to the program."""
    app.command()(sensitivity)


def sensitivity(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A study with a section sensitivity: a name or a file.")],
    dry_run: DryRun = False,
    workers: Workers = None,
    cluster: Cluster = "local",
    slabs: Slabs = "1",
    retry_failed: RetryFailed = False,
    quiet: Quiet = False,
) -> None:
    """Find which values decide the outcome, by Morris or Sobol:  remyelin sensitivity lesion_values --slabs auto"""
    from experiments.sensitivity.analysis import analysed, told
    from experiments.side_by_side import read
    from experiments.study_commands import make_runs, show_plan
    from experiments.study_plan import read_study
    from experiments.tables import print_table

    plan = read_study(file)
    if plan.sample is None or plan.calibration is not None:
        raise Refused(f"{file} has no section 'sensitivity' (method, size, parameters): see docs/studies.md")
    if not dry_run:
        make_runs(plan, workers, cluster, slabs, retry_failed, quiet)
        analysis = analysed(plan)
        print_table(*analysis.shown(SHOWN))
        for line in told(analysis):
            typer.echo(line)
        return
    rows = [(each.key, str(each.at(0.0)), str(each.at(1.0))) for each in plan.sample.parameters]
    print_table(("value", "from", "to"), rows)
    typer.echo(f"{len(plan.sample.shares)} points, {len(plan.arms)} arms, {len(plan.seeds)} seeds")
    show_plan(plan, workers, read(slabs), as_json=False)
