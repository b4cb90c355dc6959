"""One run: claim a folder, step the model, keep what it shows, and stop so that it can go on.

``run`` and ``resume`` are what the commands of the same names call; they return what ``--json`` prints and raise one
of ``experiments.failures`` where a run does not come to its end.
"""

import contextlib
import os
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments import checkpoints, folders, provenance
from experiments.claim import Claim
from experiments.failures import Failure, Refused, RunFailed, Stopped, is_disk_full, reason
from experiments.listening import StopRequest, listening, log, logging_to
from experiments.progress import Silent
from experiments.session import Session, result_of
from experiments.sources import citations
from experiments.store import CHECKPOINTS

BACKENDS = ("auto", "cpu", "cuda", "python")  # python is slow, and for tests


def _compute(session: Session, begin: Callable[[Session], dict]) -> dict:
    """Run a session to its end, and turn every way it can break off into one sentence and a status.

    begin   builds the model and brings it to where the session starts; returns the counters of that checkpoint
    """
    from abm.config import ConfigError
    from abm.model import ModelError

    stop = StopRequest(session.reporter)
    resumable = f"go on with: remyelin resume {session.folder}"
    failure: Failure
    with logging_to(session.folder / folders.LOG):
        log.info("%(command)s, on %(backend)s with %(threads)d threads", session.part)
        try:
            with listening(stop), _telling_of_kernels(session.reporter):
                return session.go(begin(session), stop)
        except (ConfigError, Refused):
            raise
        except Stopped as stopped:
            failure = stopped
        except KeyboardInterrupt:
            failure = Stopped(f"stopped at once; {resumable}")
        except ModelError as error:
            failure = RunFailed(f"{error}; what was kept until then is in {session.folder}")
        except MemoryError:
            failure = RunFailed(
                f"out of memory; take a smaller grid or fewer cells, or a larger machine, and {resumable}"
            )
        except Exception as error:
            log.error("%s", traceback.format_exc())
            if is_disk_full(error):
                failure = Stopped(f"the disk is full ({session.folder}); make room and {resumable}")
            elif isinstance(error, OSError):
                failure = Stopped(
                    f"{session.folder} can no longer be written: {reason(error)}; mend that and {resumable}"
                )
            else:
                failure = RunFailed(
                    f"internal error, please report it: {type(error).__name__}: {error}; "
                    f"the traceback is in {session.folder / folders.LOG}"
                )
        finally:
            session.reporter.end()
        session.close_with(failure.status, str(failure))
    failure.result = session.result()
    raise failure from None


@contextlib.contextmanager
def _telling_of_kernels(reporter: Silent) -> Iterator[None]:
    from kernels import launch

    launch.on_compile = reporter.compiling
    try:
        yield
    finally:
        launch.on_compile = None


def open_machine(backend: str, threads: int | None):
    """Return the machine of a backend; raises Refused where it cannot be had."""
    from kernels import device

    if backend not in BACKENDS:
        raise Refused(f"--backend {backend} is not known; allowed: auto, cpu, cuda")
    try:
        return device.open_machine(backend, threads)
    except RuntimeError as error:
        raise Refused(str(error)) from None


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
    return start(config, Origin(), out, open_machine(backend, threads), force_new, reporter or Silent())


@dataclass(frozen=True)
class Origin:
    """Where a run comes from: from nothing, unless it is a branch.

    past        the configs that hold before its own does
    given       text of config.yaml, in place of that of the config
    info        what run.json says of it
    hand_over   fills the folder of a session as a run leaves it that stopped; says whether it did
    """

    past: Sequence[folders.Past] = ()
    given: str | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    hand_over: Callable[[Session], bool] = lambda session: False


def start(config, origin: Origin, out: str | os.PathLike | None, machine, force_new: bool, reporter: Silent) -> dict:
    """Make the folder of a run, compute the run there, and return its result."""
    from abm.config import ConfigError

    made = out is None or not Path(out).exists()
    if out is not None:
        folder, claim = Path(out), folders.claim_new(Path(out))
    else:
        folder, claim = folders.claim_by_hash(config, origin.past, force_new)
    if claim is None:
        return result_of(folders.read_info(folder), run=str(folder), status="exists")

    def begin(session: Session) -> dict:
        from abm.doses_in_tissue import dose_lines

        try:
            folders.write_config(folder, config, origin.past, origin.given)
            session.note()
        except OSError as error:
            raise Refused(f"cannot write to {folder}: {reason(error)}; choose another folder with --out") from None
        session.tell(dose_lines(config))
        session.build()
        folders.check_room(folder, session.bytes_needed())
        return _take_up(session) if origin.hand_over(session) else {}

    info = {**new_info(config, machine, origin.past), **origin.info}
    try:
        return _compute(Session(folder, config, machine, reporter, info, origin.past), begin)
    except (ConfigError, Refused):
        folders.take_back(folder)
        raise
    finally:
        claim.release()
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only where nothing was begun: it is empty


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
    machine = open_machine(backend, threads)
    if Run.load(folder).info["status"] == "done":
        return result_of(folders.read_info(folder), run=str(folder), status="exists")
    try:
        claim = Claim(folder)
    except OSError as error:
        raise Refused(f"cannot write to {folder}: {reason(error)}") from None

    try:
        stored = Run.load(folder)  # again: another process may have been at it until now
        if stored.info["status"] == "done":
            return result_of(stored.info, run=str(folder), status="exists")
        info = {**stored.info, "backend": machine.target, "threads": machine.threads}
        session = Session(folder, stored.config, machine, reporter, info, folders.read_past(folder))
        return _compute(session, _take_up)
    finally:
        claim.release()


def _take_up(session: Session) -> dict:
    """Bring a session to the newest checkpoint that is whole, and return the counters of that; empty if there is none."""
    now, then = provenance.code_version(), session.info["code_version"]
    if now != then:
        session.warn(
            f"the run was begun by version {then} and goes on with {now}: "
            "its digest may differ from that of an uninterrupted run"
        )
    elif provenance.run_hash(session.config, session.past) != session.info["identity"]:
        raise Refused(f"{session.folder / folders.RESOLVED} is not what this run was begun with; nothing was changed")
    newest = checkpoints.read_newest(session.folder / CHECKPOINTS, session.warn)
    counters, state = newest or ({}, None)
    if state is None:
        session.warn("there is no whole checkpoint: the run starts again from its beginning")
    session.build(state)
    session.part["from_step"] = counters.get("step", 0)
    session.note(status="running", error=None, frames=counters.get("frames", 0))
    return counters
