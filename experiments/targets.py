"""The command ``targets``: the face-validity table. It makes the runs that are missing, reads them and judges each row.

Rows that are out are results: the command fails only where a run does.
"""

import json
from typing import Annotated

import typer

from experiments.failures import RunFailed, Stopped


def register(app: typer.Typer) -> None:
    """Add the command of this file to the program."""
    app.command()(targets)


def targets(
    quick: Annotated[
        bool, typer.Option("--quick", help="Ten minutes on two cores: what a small domain tells.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object, the last line of the output.")
    ] = False,
) -> None:
    """Hold the model against what is known of lesions:  remyelin targets --quick"""
    from experiments.targets_plan import read_plan
    from experiments.targets_run import compute, judged
    from experiments.targets_words import show

    plan = read_plan()
    outcomes = compute(plan, quick)
    found = judged(plan, outcomes)
    if not as_json:
        show(found["rows"])
    result = {
        "status": "done",
        **{name: [each.as_json() for each in every] for name, every in found.items()},
        "error": None,
    }
    if left := [outcome for outcome in outcomes if outcome.status in ("stopped", "left")]:
        raise Stopped(
            f"stopped, {len(left)} of {len(outcomes)} runs are left; the same command goes on from here", result
        )
    if failed := [outcome for outcome in outcomes if not outcome.is_done]:
        first = f"{failed[0].job.name}: {failed[0].error}"
        raise RunFailed(f"{len(failed)} of {len(outcomes)} runs failed; {first}", result)
    if as_json:
        typer.echo(json.dumps(result))
