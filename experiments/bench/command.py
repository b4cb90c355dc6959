"""The command ``bench``: run workloads one after the other, and show the figures of each when it is done."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.bench.result import COLUMNS, begun, ratios, read_result, rows
from experiments.bench.workloads import WORKLOADS, figures_of, figures_of_peer, known
from experiments.failures import RunFailed

HELP = "\n\n".join(
    (
        "Measure speed against the memory bandwidth of this machine:  remyelin bench --workload W-TTS-U",
        "All workloads take about 7 minutes on two cores, and 8 GB of memory; --peers 4 minutes more. Apart from compiling:",
        *(f"{name}  {workload.about}" for name, workload in WORKLOADS.items()),
    )
)


def register(app: typer.Typer) -> None:
    """Add the command of this file to the program."""
    app.command(help=HELP)(bench)


def bench(
    workload: Annotated[
        list[str] | None, typer.Option(metavar="W", help="A workload by name; repeatable; by default all.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object, the last line of the output.")
    ] = False,
    compare: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The JSON of an earlier bench: print what changed.")
    ] = None,
    peers: Annotated[
        bool, typer.Option("--peers", help="Run pyphysicell, Mesa and py-pde beside it, where they are installed.")
    ] = False,
) -> None:
    """Measure the workloads that were asked for."""
    names = known(workload or list(WORKLOADS))
    before = read_result(compare) if compare is not None else None
    result = measure(names, peers, before, as_json)
    if as_json:
        typer.echo(json.dumps(result))


def measure(names: list[str], peers: bool, before: dict[str, Any] | None, aside: bool) -> dict[str, Any]:
    """Run workloads, show the figures of each when it is done, and return them all.

    before   an earlier result, to tell what changed
    aside    show figures on standard error: standard output is for the result

    A workload that computes the wrong thing does not stop the others; RunFailed is raised at the end.
    """
    from experiments.bench.yardstick import bandwidth

    speed = bandwidth()
    result, failed = begun(speed), []
    machine = result["machine"]
    typer.echo(f"{machine['processor']}, {machine['cores']} cores: {speed / 1e9:.1f} GB/s on one thread", err=aside)

    def leave_out(sentence: str) -> None:
        result["left_out"].append(sentence)
        typer.echo(sentence, err=True)

    for name in names:
        typer.echo(f"{name}: {WORKLOADS[name].about} ...", err=True)
        figures: list[dict[str, Any]] = []
        result["workloads"][name] = figures
        try:
            for figure in figures_of(name, speed):
                figures.append(asdict(figure))
            if peers:
                ours = {figure["name"]: figure["value"] for figure in figures}
                for figure in figures_of_peer(name, ours, leave_out):
                    figures.append(asdict(figure))
        except RunFailed as failure:
            failed.append(str(failure))
            typer.echo(str(failure), err=True)
        if before is not None:
            result["compare"] = ratios(result, before)
        show(name, figures, result.get("compare", {}), aside)
    if failed:
        result["status"] = "failed"
        raise RunFailed("; ".join(failed), result)
    return result


def show(name: str, figures: list[dict[str, Any]], changes: dict[str, float], aside: bool) -> None:
    """Print the figures of one workload."""
    from experiments.tables import plain

    for line in plain((name, *COLUMNS), list(rows(name, figures, changes))):
        typer.echo(line, err=aside)
