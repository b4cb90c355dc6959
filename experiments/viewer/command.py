"""The command ``view``: what it is given, and what it refuses before anything is served."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.failures import Refused


def register(app: typer.Typer) -> None:
    """Add the command of this file to the program."""
    app.command()(view)


def view(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN|FOLDER...", help="Run folders, shown side by side, or folders of runs to choose from."
        ),
    ],
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port of the page; by default 5006, or another if that is taken."),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
) -> None:
    """Look at runs in the browser, also at those still running:  remyelin view runs/untreated runs/msc"""
    from experiments.viewer.shelf import Shelf

    shelf = Shelf(folders)
    server = needed("server")
    server.serve(shelf, port, browser, typer.echo)


def needed(module: str) -> Any:
    """Import a module of this folder. Raises Refused with the remedy where the packages it needs are not installed."""
    try:
        return import_module(f"experiments.viewer.{module}")
    except ModuleNotFoundError as error:
        raise Refused(f'view needs the package {error.name}: pip install "remyelin[viewer]"') from None
