"""The command ``report``."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.failures import Refused, reason
from experiments.pictures import Folders, check_frames

NAME = "report.html"
HEAD = 500  # bytes of a page, within which it says what wrote it


def register(app: typer.Typer) -> None:
    """Add the command of this file to the program."""
    app.command()(report)


def report(
    folders: Folders,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE.html", help=f"The page to write; default {NAME} in the first run."),
    ] = None,
) -> None:
    """Write one HTML page about a run, or two to four side by side:  remyelin report runs/untreated runs/msc -o arms.html"""
    from rich.console import Console

    from abm.run_folder import Run
    from experiments.frames import check_name, written_aside
    from experiments.report.page import page_of

    runs = [Run.load(folder) for folder in folders]
    path = out if out is not None else folders[0] / NAME
    check_name(path, (".html",))
    check_replaceable(path)
    check_frames(runs)
    with Console(stderr=True).status("drawing, which takes half a minute"):
        text = page_of(runs)
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8", errors="replace")  # half a letter, in a damaged run
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB", err=True)


def check_replaceable(path: Path) -> None:
    """Refuse a file that is there already, unless it is a page that this command wrote: that one is renewed."""
    from experiments.report.page import GENERATOR

    try:
        with path.open("rb") as file:
            ours = GENERATOR.encode() in file.read(HEAD)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Refused(f"{path} is there already and cannot be read: {reason(error)}; choose another with -o") from None
    if not ours:
        raise Refused(f"{path} is there already and is no report of remyelin; choose another name with -o")
