"""Runs: claim their folders, compute them, and stop so that they can go on.

``run``, ``resume`` and ``together`` are what the commands of the same names call. The first two return what ``--json``
prints and raise one of ``experiments.failures`` where a run does not come to its end.
"""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import batch, folders, provenance
from experiments.claim import Claim
from experiments.failures import Refused, RunFailed, Stopped, reason
from experiments.progress import Silent
from experiments.session import Origin, Session, result_of
from experiments.sources import citations

if TYPE_CHECKING:
    from abm.config import Config

BACKENDS = ("auto", "cpu", "cuda", "python")  # python is slow, and for tests


def open_machine(backend: str, threads: int | None, *configs: "Config"):
    """Return the machine of a backend for some runs side by side; raises Refused where it cannot be had."""
    from kernels import device

    _refuse_unknown(backend)
    try:
        machine = device.open_machine(backend, threads, sum(math.prod(config.shape) for config in configs))
    except RuntimeError as error:
        raise Refused(str(error)) from None
    if backend == "auto" and (lacking := _lacking(machine, *configs)):
        machine = device.open_machine("cpu", threads)
        machine.why = f"on the GPU there is too little memory: {lacking}"
    return machine


def _refuse_unknown(backend: str) -> None:
    if backend not in BACKENDS:
        raise Refused(f"--backend {backend} is not known; allowed: auto, cpu, cuda")


def refuse_what_does_not_fit(config, machine) -> None:
    """Raise Refused where a run needs more memory than the GPU has free; the memory of the host was looked at by ``load``."""
    if lacking := _lacking(machine, config):
        advice = "make it smaller, enlarge grid.voxel, or use --backend cpu"
        raise Refused(f"grid.size: {math.prod(config.shape):,} voxels need {lacking}; {advice}")


def _lacking(machine, *configs: "Config") -> str:
    """Say how much memory some runs side by side need and a GPU has free; nothing where it is enough."""
    from abm.config.refusals import GIB, MOST_OF_MEMORY, bytes_needed

    free = machine.free_bytes()
    needed = sum(bytes_needed(config.grid, config.fields, config.cells) for config in configs)
    if free is None or needed <= MOST_OF_MEMORY * free:
        return ""
    return f"about {needed / GIB:.3g} GiB, and {free / GIB:.3g} GiB of the GPU are free"


def new_info(config, machine, past: Sequence[folders.Past] = ()) -> dict:
    """Return the first content of run.json: what the run is and what makes it."""
    return {
        "format": 1,
        "status": "running",
        "name": config.name,
        "title": config.title,
        "identity": provenance.run_hash(config, past),
        "seed": int(config.seed),
        "code_version": provenance.code_version(),
        "versions": provenance.versions(),
        "machine": provenance.machine_facts(),
        "backend": machine.target,
        "threads": machine.threads,
        "command": provenance.command_line(),
        "sessions": [],
        "citations": [citation.key for citation in citations(config)],
        "frames": 0,
        "digest": None,
        "error": None,
    }


def run(
    config,
    out: str | os.PathLike | None = None,
    backend: str = "auto",
    threads: int | None = None,
    force_new: bool = False,
    reporter: Silent | None = None,
) -> dict:
    """Compute a run in a folder of its own and return its result: folder, status, digest, read-outs.

    out         folder to make; without it runs/<name>/<hash>, where an identical finished run is found again
    force_new   without ``out``: make another folder beside an identical run
    """
    return start(config, Origin(), out, open_machine(backend, threads, config), force_new, reporter or Silent())


def start(config, origin: Origin, out: str | os.PathLike | None, machine, force_new: bool, reporter: Silent) -> dict:
    """Make the folder of a run, compute the run there, and return its result."""
    made = out is None or not Path(out).exists()
    if out is not None:
        folder, claim = Path(out), folders.claim_new(Path(out))
    else:
        folder, claim = folders.claim_by_hash(config, origin.past, force_new)
    if claim is None:
        if others := _other_outputs(folder, config):
            advice = "--force-new computes it again and keeps what is asked for"
            reporter.message(f"{folder} was asked for other outputs ({', '.join(others)}): {advice}")
        return result_of(folders.read_info(folder), run=str(folder), status="exists")
    with _released(claim, made):
        return _ended(_new(folder, config, machine, reporter, origin), reporter)


def _other_outputs(folder: Path, config: "Config") -> list[str]:
    """Name the keys of the output that a run there was not asked for as a config asks: they are no part of what a run is."""
    from abm.run_folder import Run

    kept = Run.load(folder).config.output
    names = type(kept).model_fields
    return [f"output.{name}" for name in names if getattr(kept, name) != getattr(config.output, name)]


def resume(
    folder: str | os.PathLike,
    backend: str = "auto",
    threads: int | None = None,
    reporter: Silent | None = None,
) -> dict:
    """Go on with a stopped run from its newest whole checkpoint, and return its result; a finished run is left alone.

    Raises Refused where another process is computing it, or its files are not what was written.
    """
    from abm.run_folder import Run

    folder, reporter = Path(folder), reporter or Silent()
    _refuse_unknown(backend)
    stored = Run.load(folder)
    if stored.info["status"] == "done":
        return result_of(folders.read_info(folder), run=str(folder), status="exists")
    machine = open_machine(backend, threads, stored.config)
    try:
        claim = Claim(folder)
    except OSError as error:
        raise Refused(f"cannot write to {folder}: {reason(error)}") from None
    with _released(claim):
        session = _stored(folder, machine, reporter)
        return session if isinstance(session, dict) else _ended(session, reporter)


def together(
    runs: Sequence[tuple["Config", str | os.PathLike | None]],
    backend: str = "auto",
    threads: int | None = None,
    reporter: Silent | None = None,
) -> list[dict]:
    """Compute runs in one process, those side by side that can be, each in a folder named by its hash; return their results.

    runs   the config of each, and where its folder is; without that in runs/<name>

    One that is done is left alone, one that was stopped goes on. What breaks one off or is refused is in its result, and
    the others go on.
    """
    from abm.config import ConfigError

    machine, reporter = open_machine(backend, threads, *(config for config, _ in runs)), reporter or Silent()
    found: list[Session | dict] = []
    with contextlib.ExitStack() as claims:
        for config, place in runs:
            folder = Path(place or Path(folders.RUNS) / config.name) / provenance.run_hash(config)
            try:
                found.append(_taken(folder, config, machine, reporter, claims))
            except (ConfigError, Refused) as error:
                found.append(_refused(folder, config, error))
        batch.compute([session for session in found if isinstance(session, Session)], reporter)
    return [_result(each) if isinstance(each, Session) else each for each in found]


def _taken(folder: Path, config, machine, reporter: Silent, claims: contextlib.ExitStack) -> Session | dict:
    """Claim the folder of a run, begun or not; or return the result of a run that is done."""
    info = folders.read_info(folder)
    if info.get("status") == "done":
        return result_of(info, run=str(folder), status="exists")
    claims.enter_context(_released(folders.claim_folder(folder), made=True))
    if folders.read_info(folder):  # again: another process may have been at it until now
        return _stored(folder, machine, reporter)
    folders.take_back(folder)
    return _new(folder, config, machine, reporter, Origin())


def _new(folder: Path, config, machine, reporter: Silent, origin: Origin) -> Session:
    refuse_what_does_not_fit(config, machine)
    info = {**new_info(config, machine, origin.past), **origin.info}
    return Session(folder, config, machine, reporter, info, origin.past, origin)


def _stored(folder: Path, machine, reporter: Silent) -> Session | dict:
    """Return the session of a run that its folder holds, or the result of one that is done."""
    from abm.run_folder import Run

    stored = Run.load(folder)
    if stored.info["status"] == "done":
        return result_of(stored.info, run=str(folder), status="exists")
    refuse_what_does_not_fit(stored.config, machine)
    info = {**stored.info, "backend": machine.target, "threads": machine.threads}
    return Session(folder, stored.config, machine, reporter, info, folders.read_past(folder))


@contextlib.contextmanager
def _released(claim: Claim, made: bool = False) -> Iterator[None]:
    """Give a folder free in the end; one that was made goes where nothing was begun in it."""
    try:
        yield
    finally:
        claim.release()
        if made:
            with contextlib.suppress(OSError):
                claim.folder.rmdir()  # not where it holds anything


def _ended(session: Session, reporter: Silent) -> dict:
    """Compute one run and return its result; raises what broke it off."""
    batch.compute([session], reporter)
    if session.failure is not None:
        raise session.failure from None
    return session.result()


def _result(session: Session) -> dict:
    if isinstance(session.failure, RunFailed | Stopped):
        return {**session.failure.result, "status": session.failure.status, "error": str(session.failure)}
    return session.result() if session.failure is None else _refused(session.folder, session.config, session.failure)


def _refused(folder: Path, config, error: Exception) -> dict:
    return result_of({}, run=str(folder), seed=int(config.seed), status=Refused.status, error=str(error))
