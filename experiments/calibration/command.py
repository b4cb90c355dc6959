"""The command ``calibrate``."""

from typing import Annotated

import typer

from experiments.failures import Refused
from experiments.study_commands import Cluster, Quiet, Slabs, Workers


def register(app: typer.Typer) -> None:
    """Add the command of this file to the program."""
    app.command()(calibrate)


def calibrate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A study with a section calibrate: a name or a file.")],
    workers: Workers = None,
    cluster: Cluster = "local",
    slabs: Slabs = "1",
    quiet: Quiet = False,
) -> None:
    """Look for values with which runs come near to what was measured:  remyelin calibrate lesion_area --slabs auto"""
    from experiments.calibration import result
    from experiments.calibration.search import best, search
    from experiments.study_commands import make_runs
    from experiments.study_plan import read_study
    from experiments.tables import print_table

    plan = read_study(file)
    if plan.calibration is None:
        raise Refused(f"{file} has no section 'calibrate' (trials, parameters, goals): see docs/studies.md")
    trials = search(plan, lambda study: make_runs(study, workers, cluster, slabs, False, quiet))
    found = best(trials)
    table, scenario = result.write(plan, trials, found)
    print_table(("goal", "arm", "read-out", "when", "unit", "wanted", "found"), result.goals(plan, found))
    print_table(("value", "best"), [(key, str(value)) for key, value in found.point])
    typer.echo(
        f"miss {found.miss:.3g} (sum over the goals of squares, in units of within), best of {len(trials)} points"
    )
    typer.echo("fitted to these goals: what it says of others is to be seen on runs that were not used")
    typer.echo(str(table))
    typer.echo(str(scenario))
