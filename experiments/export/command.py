"""The command ``export``: what a run left, in the files of other tools."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.failures import Refused, reason
from experiments.pictures import SAME_DAY, check_frames

if TYPE_CHECKING:
    from abm.run_folder import Run

EXPORTS = "export"  # in the folder of the run


@dataclass(frozen=True)
class Format:
    """What a tool takes.

    module    of this folder: its ``write(run, days, path)`` makes what ``path`` names
    name      of what is made in the folder of the run, and how another name must end
    """

    module: str
    name: str
    ending: str = ""


FORMATS = {
    "csv": Format("csv_tables", "csv"),
    "vtkhdf": Format("vtkhdf", "vtkhdf"),
    "ome-zarr": Format("ome_image", "fields.ome.zarr", ".zarr"),
    "simularium": Format("simularium", "cells.simularium", ".simularium"),
}


def register(app: typer.Typer) -> None:
    """Add the command of this file to the program."""
    app.command()(export)


def export(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    to: Annotated[str, typer.Option("--to", metavar="|".join(FORMATS), help="For which tool.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="PATH", help="What to make; by default in RUN/export.")
    ] = None,
    days: Annotated[
        list[float] | None,
        typer.Option("--day", metavar="D", help="Only the stored frame nearest to this day; repeatable."),
    ] = None,
) -> None:
    """Write a run for other tools:  remyelin export runs/acute --to vtkhdf   (ParaView; csv, ome-zarr, simularium)"""
    from rich.console import Console

    from abm.run_folder import Run

    if to not in FORMATS:
        raise Refused(f"--to {to} is no format; it is one of {', '.join(FORMATS)}")
    run = Run.load(folder)
    chosen = chosen_days(run, days or [])
    if to != "csv":
        check_frames([run])
    path = out or run.folder / EXPORTS / FORMATS[to].name
    write = writer(to)
    with (
        made_aside(path, FORMATS[to].ending, own=out is None) as aside,
        Console(stderr=True).status(f"writing {path}, {len(chosen)} frames"),
    ):
        write(run, chosen, aside)
    typer.echo(str(path))


def chosen_days(run: "Run", wanted: Sequence[float]) -> list[float]:
    """Return the days of the frames to write: all, or those nearest to the days wanted. Raises Refused where there is none.

    A run that goes on has its cells up to the last checkpoint only: later frames are left out.
    """
    stored = [float(day) for day in run.frame_days]
    if run.info["status"] == "running" and run.cell_groups:
        stored = [day for day in stored if day <= max(run.cell_groups)]
    for day in wanted:
        if not stored or not stored[0] - SAME_DAY <= day <= stored[-1] + SAME_DAY:
            there = f"go from day {stored[0]:g} to day {stored[-1]:g}" if stored else "are none yet"
            raise Refused(f"--day {day:g} is outside the run: its frames {there}")
    return sorted({min(stored, key=lambda each: abs(each - day)) for day in wanted}) if wanted else stored


def writer(to: str) -> Callable[["Run", Sequence[float], Path], None]:
    """Return what writes a format. Raises Refused with the remedy where its package is not installed."""
    try:
        return import_module(f"experiments.export.{FORMATS[to].module}").write
    except ImportError as error:
        raise Refused(f'--to {to} needs the package {error.name}: pip install "remyelin[export]"') from None


@contextmanager
def made_aside(path: Path, ending: str, own: bool) -> Iterator[Path]:
    """Give a name to write to, renamed to ``path`` when all went well and removed when not.

    own   the place in the folder of the run, which is made; another folder must be there
    """
    if not path.name.endswith(ending):
        raise Refused(f"{path}: the name must end in {ending}")
    if path.exists():
        raise Refused(f"{path} is there already; remove it, or give another name with --out")
    aside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        if own:
            path.parent.mkdir(exist_ok=True)
        elif not path.parent.is_dir():
            raise Refused(f"{path}: there is no folder {path.parent}; make it first")
        yield aside
        os.replace(aside, path)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {reason(error)}") from None
    finally:
        shutil.rmtree(aside) if aside.is_dir() else aside.unlink(missing_ok=True)
