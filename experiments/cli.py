"""The command ``remyelin``: parse, call one function, print. What it prints for programs goes to standard output, for
people to standard error; every way to end has an exit code and one sentence."""

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments import bench, calibration, export, info, pictures, report, sensitivity, study_commands, targets, viewer
from experiments.failures import DONE, FAILED, INVALID, STOPPED, Failure

INTERRUPTED = 130  # what typer makes of Ctrl-C
RESULT_COMMANDS = ("run", "resume", "branch")

app = typer.Typer(
    help="Simulate multiple-sclerosis lesions, cell by cell, and their therapy with mesenchymal stem cells.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=V", help="Change a value, e.g. therapy.msc.dose=5e5; repeatable."),
]
Backend = Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where to compute.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; by default all that this process was given.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Tell nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object, the last line of the output.")]


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Prepare what every command needs."""
    if version:
        from experiments.provenance import code_version

        typer.echo(f"remyelin {code_version()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit
    keep_caches_together()


def keep_caches_together() -> None:
    """Let matplotlib keep its list of fonts in the kernel cache: nothing is written anywhere else."""
    from kernels.launch import cache_folder

    os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(metavar="S", help="A scenario's name, or a YAML file.")],
    overrides: Overrides = None,
    days: Annotated[float | None, typer.Option(help="Length of the run in days.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of chance.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder to make; default runs/<name>/<hash>.")] = None,
    backend: Backend = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force_new: Annotated[bool, typer.Option("--force-new", help="Make another run beside an identical one.")] = False,
) -> None:
    """Run one simulation:  remyelin run acute --set therapy.msc.dose=5e5 --days 28 --seed 7"""
    from abm.config import load
    from experiments.progress import reporter
    from experiments.run import run as compute

    config = load(scenario, overrides=overrides or (), days=days, seed=seed)
    show(compute(config, out, backend, threads, force_new, reporter(quiet)), quiet, as_json)


@app.command()
def resume(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run that was stopped.")],
    backend: Backend = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Go on with a run that was stopped:  remyelin resume runs/acute/4f0c12ab9e77"""
    from experiments.progress import reporter
    from experiments.run import resume as go_on

    show(go_on(folder, backend, threads, reporter(quiet)), quiet, as_json)


@app.command()
def branch(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, finished or under way.")],
    at: Annotated[float, typer.Option(metavar="DAY", help="Day until which the branch is that run.")],
    overrides: Overrides = None,
    days: Annotated[
        float | None, typer.Option(help="Length of the branch, from day 0 on; default: of the run.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder to make; default runs/<name>/<hash>.")] = None,
    backend: Backend = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Change a run from a day on:  remyelin branch runs/mine --at 7 --set therapy.msc.dose=1e6 --set therapy.msc.day=7"""
    from experiments.branch import branch as leave
    from experiments.progress import reporter

    show(leave(folder, at, overrides or (), out, days, backend, threads, reporter(quiet)), quiet, as_json)


@app.command()
def doctor(
    parity: Annotated[
        bool, typer.Option("--parity", help="Compare the digests of a tiny run on every target.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what this machine can do:  remyelin doctor --parity"""
    from experiments.doctor import examine, sentences

    found = examine(parity)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        for sentence in sentences(found):
            typer.echo(sentence)
    if found["status"] == "failed":
        raise typer.Exit(FAILED)


for commands in (info, pictures, viewer, report, export, bench, study_commands, sensitivity, calibration, targets):
    commands.register(app)


def show(result: dict, quiet: bool, as_json: bool) -> None:
    """Print the result of a run: one JSON object, or three lines for people."""
    from abm.run_folder import Run
    from experiments.progress import duration, key_numbers

    if as_json:
        typer.echo(json.dumps(result))
    elif not quiet:
        if result["status"] == "exists":
            typer.echo("this run is there already (--force-new or --out makes another)")
        else:
            typer.echo(f"done: {result['days']:g} days in {duration(result['wall_s'])}")
        numbers = {name: value for name, value in result["measures"].items() if value is not None}
        solid = len(Run.load(result["run"]).config.grid.size) == 3
        typer.echo(f"{key_numbers(numbers, solid)}; digest {result['digest'][:16]}")
        typer.echo(result["run"])


# --- how a command ends -------------------------------------------------------------------------------------------------

UsageError: Any = typer.BadParameter.__mro__[1]


def main() -> None:
    """Run the command of ``sys.argv`` and leave with its exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # where a run does not listen, it stops like Ctrl-C
    sys.exit(call(sys.argv[1:]))


def call(arguments: list[str]) -> int:
    """Run a command and return its exit code; every failure ends in one sentence, never in a traceback."""
    try:
        code = typer.main.get_command(app).main(arguments, prog_name="remyelin", standalone_mode=False) or DONE
        return code if code != INTERRUPTED else end(arguments, STOPPED, "stopped", "stopped")
    except UsageError as error:
        hint = f"; see: {error.ctx.command_path} --help" if error.ctx is not None else ""
        return end(arguments, INVALID, "invalid", error.format_message().rstrip(".") + hint)
    except Failure as failure:
        return end(arguments, failure.exit_code, failure.status, str(failure), failure.result)
    except (KeyboardInterrupt, typer.Abort):
        return end(arguments, STOPPED, "stopped", "stopped")
    except (BrokenPipeError, SystemExit) as left:
        if isinstance(left, SystemExit) and not isinstance(
            left.__context__, BrokenPipeError
        ):  # click makes one of the other
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone: flush into nothing
        return DONE
    except Exception as error:
        from abm.config import ConfigError

        if isinstance(error, ConfigError):
            return end(arguments, INVALID, "invalid", str(error))
        return end(arguments, FAILED, "failed", unexpected(error))


def unexpected(error: Exception) -> str:
    """Say one sentence about an error in the program, and keep its traceback in the cache folder."""
    from kernels.launch import cache_folder

    sentence = f"internal error, please report it: {type(error).__name__}: {error}"
    path = cache_folder() / "log.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)))
    except OSError:
        return sentence
    return f"{sentence}; the traceback is in {path}"


def end(arguments: list[str], code: int, status: str, sentence: str, result: dict | None = None) -> int:
    """Print a failure for people and, where it was asked for, as JSON; return its exit code."""
    print(sentence, file=sys.stderr)
    if "--json" in arguments:
        from experiments.session import RESULT
        from experiments.study import RESULT as STUDY

        names = RESULT if arguments[0] in RESULT_COMMANDS else STUDY if arguments[0] == "study" else ()
        known = {**dict.fromkeys(names), **(result or {}), "status": status, "error": sentence}
        print(json.dumps(known))
    return code
