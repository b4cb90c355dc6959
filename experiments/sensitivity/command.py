"""The command ``sensitivity``."""

from typing import Annotated

import typer

from experiments.failures import Refused

SHOWN = 3  # parameters of each number on a terminal; the table holds all


def register(app: typer.Typer) -> None:
    """Add the command of this file to the program."""
    app.command()(sensitivity)


def sensitivity(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A study with a section sensitivity: a name or a file.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs, and measure what they will take.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at a time; default: one a processor.")] = None,
    cluster: Annotated[
        str, typer.Option(metavar="local|slurm|ADDRESS", help="Where to compute: Dask workers.")
    ] = "local",
    slabs: Annotated[str, typer.Option(metavar="auto|N", help="Runs that one process computes side by side.")] = "1",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Go on with runs that failed before.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Tell nothing but errors and the table.")] = False,
) -> None:
    """Find which values decide the outcome, by Morris or Sobol:  remyelin sensitivity lesion_values --slabs auto"""
    from experiments.study_plan import read_study

    plan = read_study(file)
    if plan.sample is None:
        raise Refused(f"{file} has no section 'sensitivity' (method, size, parameters): see docs/studies.md")
    if not dry_run:
        from experiments.sensitivity.analysis import analysed, told
        from experiments.study_commands import make_runs
        from experiments.tables import print_table

        make_runs(plan, workers, cluster, slabs, retry_failed, quiet)
        analysis = analysed(plan)
        print_table(*analysis.shown(SHOWN))
        for line in told(analysis):
            typer.echo(line)
        return
    from experiments.side_by_side import read
    from experiments.study_commands import show_plan
    from experiments.tables import print_table

    rows = [(each.key, str(each.at(0.0)), str(each.at(1.0))) for each in plan.sample.parameters]
    print_table(("value", "from", "to"), rows)
    typer.echo(f"{len(plan.sample.shares)} points, {len(plan.arms)} arms, {len(plan.seeds)} seeds")
    show_plan(plan, workers, read(slabs), as_json=False)
