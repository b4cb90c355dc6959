"""The commands that make pictures of runs: ``animate`` and ``picture``."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.failures import Refused

FILM_DPI = {".mp4": 100, ".gif": 50}  # 1920 x 1080 and 960 x 540 pixels
POSTER_DPI = 200
SAME_DAY = 0.01

Folders = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders; several are shown side by side.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to the program."""
    app.command()(animate)
    app.command()(picture)


def animate(
    folders: Folders,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The film to write: FILE.mp4 or FILE.gif.")],
    view: Annotated[
        str | None,
        typer.Option(metavar="lesion|fields|arms", help="What to show; by default lesion, or arms for several runs."),
    ] = None,
    fps: Annotated[float | None, typer.Option(min=1, max=60, help="Frames per second.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, max=600, help="How long it plays; by default 20 s.")] = None,
) -> None:
    """Make a film of a run, or of two to four runs side by side:  remyelin animate runs/untreated runs/msc -o arms.mp4"""
    from rich.console import Console
    from rich.progress import track

    from abm.run_folder import Run
    from experiments.frames import check_name, clock, encoder, write_film
    from experiments.render import view_of

    check_name(out, tuple(FILM_DPI))
    kind = out.suffix.lower()
    if kind == ".mp4":
        encoder()
    runs = [Run.load(folder) for folder in folders]
    check_frames(runs)
    plan = clock([run.frame_days for run in runs], kind, fps, seconds)
    page = view_of(runs, view, FILM_DPI[kind], plan.pace)
    console = Console(stderr=True)
    days = track(plan.days, "drawing", console=console, transient=True, disable=not console.is_terminal)
    write_film(out, days, plan.fps, page.frame)
    typer.echo(f"{out}: {len(plan.days)} frames, {plan.seconds:.1f} s", err=True)


def picture(
    folders: Folders,
    day: Annotated[float, typer.Option(min=0, help="The day to show; the stored frame nearest to it is taken.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.png", help="The picture to write.")],
) -> None:
    """Make a poster of a day, 3840 x 2160 pixels:  remyelin picture runs/acute --day 14 -o lesion.png"""
    import numpy as np

    from abm.run_folder import Run
    from experiments.frames import check_name, write_png
    from experiments.render import view_of
    from experiments.words import written

    check_name(out, (".png",))
    runs = [Run.load(folder) for folder in folders]
    check_frames(runs)
    days = np.unique(np.concatenate([run.frame_days for run in runs]))
    if day > days[-1] + SAME_DAY:
        raise Refused(f"--day {day:g} is outside the run: its frames go from day {days[0]:g} to day {days[-1]:g}")
    page = view_of(runs, dpi=POSTER_DPI)
    shown = float(days[np.argmin(np.abs(days - day))])
    write_png(out, page.frame(shown), POSTER_DPI)
    typer.echo(f"{out}: day {written(shown)}", err=True)


def check_frames(runs: list) -> None:
    """Refuse runs that have nothing to show yet."""
    for run in runs:
        if not len(run.frame_days):
            raise Refused(f"{run.folder} has no frames yet: let it run on, or set output.frames_every")
