"""One run: claim a folder, step the model, keep what it shows, and stop so that it can go on.

``run`` and ``resume`` are what the commands of the same names call; they return what ``--json`` prints and raise one
of ``experiments.failures`` where a run does not come to its end.
"""

import contextlib
import math
import os
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from experiments import checkpoints, folders, provenance
from experiments.budget import budgets, lines
from experiments.claim import Claim
from experiments.failures import Failure, Refused, RunFailed, Stopped, is_disk_full, reason
from experiments.listening import StopRequest, listening, log, logging_to
from experiments.progress import Silent
from experiments.sources import citations
from experiments.store import CHECKPOINTS, Frames, Layer, Store, bytes_needed, write_json

RESULT = (
    "run",
    "status",
    "seed",
    "backend",
    "threads",
    "steps",
    "days",
    "wall_s",
    "cells",
    "digest",
    "measures",
    "error",
)
BACKENDS = ("auto", "cpu", "cuda", "python")  # python is slow, and for tests


def result_of(info: dict, **changes) -> dict:
    """Return the result of a run in the form that ``--json`` prints: every name, null where it is not known."""
    known = {**info, **changes}
    return {name: known.get(name) for name in RESULT}


class Schedule:
    """The steps at which a run is observed: read-outs, frames, checkpoints; the first and the last always are."""

    def __init__(self, config):
        self.step_hours = config.step_hours
        self.n_steps = config.n_steps
        self.measures = self._every(config.output.measures_every)
        self.frames = self._every(config.output.frames_every)
        self.checkpoints = self._every(config.output.checkpoint_every)

    def _every(self, hours) -> set[int]:
        stride = max(1, round(float(hours) / self.step_hours))
        return {*range(0, self.n_steps, stride), self.n_steps}

    def day(self, step: int) -> float:
        """Return the day of a step, as it is written beside read-outs and frames."""
        return step * self.step_hours / 24.0


class Session:
    """A model, its folder and the time between taking up a run and letting it go.

    info   content of run.json so far
    """

    def __init__(self, folder: Path, config, machine, reporter: Silent, info: dict):
        self.folder = folder
        self.config = config
        self.machine = machine
        self.reporter = reporter
        self.schedule = Schedule(config)
        self.info = info
        self.wall_before = info.get("wall_s") or 0.0
        self.part: dict[str, Any] = {
            "begun": _now(),
            "from_step": 0,
            "backend": machine.target,
            "threads": machine.threads,
            "code_version": provenance.code_version(),
            "command": provenance.command_line(),
        }
        info["sessions"] = [*info["sessions"], self.part]
        self.started = time.monotonic()
        self.latest: dict[str, float] = {}
        self.model: Any = None

    def build(self) -> None:
        """Make the model at its beginning."""
        from abm.model import LesionModel

        self.model = LesionModel(self.config, self.machine)

    def result(self, **changes) -> dict:
        """Return what is known of the run now."""
        return result_of(self.info, run=str(self.folder), **changes)

    def note(self, **changes) -> None:
        """Bring run.json up to date."""
        self.info.update(changes)
        self.part["wall_s"] = round(time.monotonic() - self.started, 3)
        self.info["wall_s"] = round(self.wall_before + self.part["wall_s"], 3)
        if self.model is not None:
            step = self.model.steps
            self.part["to_step"] = step
            self.info.update(
                steps=step,
                days=self.schedule.day(step),
                cells={kind: int(n) for kind, n in self.model.counts().items()},
                phases={phase: round(seconds, 4) for phase, seconds in self.model.phase_seconds.items()},
                measures={name: _number(value) for name, value in self.latest.items()},
                budgets=budgets(self.model),
            )
        write_json(self.folder / folders.INFO, self.info)

    def layers(self) -> dict[str, Layer]:
        """Return the layers to keep: those named in output.fields, and all of the tissue."""
        fields, asked = self.config.fields, self.config.output.fields
        kept = {}
        for name in self.model.layer_names:
            if name not in fields:
                kept[name] = Layer("1", name)
            elif asked == "all" or name in asked:
                kept[name] = Layer(fields[name].unit, fields[name].label)
        return kept

    def open_store(self, counters: dict) -> Store:
        """Open the output files where a checkpoint left them; ``counters`` is empty at the beginning."""
        days = np.array([self.schedule.day(step) for step in sorted(self.schedule.frames)])
        store = Store(self.folder, counters)
        voxel = float(self.config.grid.voxel)
        store.frames = Frames(self.folder / "fields.zarr", self.layers(), days, self.config.shape[::-1], voxel)
        self.latest = store.measures.latest()
        return store

    def bytes_needed(self) -> int:
        """Estimate the disk space of this run from its state at the start."""
        state = sum(array.nbytes for array in self.model.state().values())
        cells = sum(self.model.counts().values())
        return bytes_needed(len(self.schedule.frames), len(self.layers()), math.prod(self.config.shape), cells, state)

    def cell_frame(self):
        """Return the cells to keep: those of the kinds named in output.cells, and the venules, which every picture needs."""
        cells = self.model.cell_table()
        return cells[cells["kind"].isin(self.kinds_kept())]

    def kinds_kept(self) -> list[str]:
        asked = self.config.output.cells
        return [kind for kind in self.model.population if asked == "all" or kind in asked or kind == "venule"]

    def own_columns(self) -> list[str]:
        """Name the columns that only some kinds have, also of kinds that have no cell yet; axon bundles have none."""
        populations = [self.model.population[kind] for kind in self.kinds_kept()]
        return list(dict.fromkeys(name for p in populations for name in getattr(p, "state_names", ())))

    def observe(self, store: Store) -> None:
        """Keep what is due at this step."""
        step = self.model.steps
        day = self.schedule.day(step)
        store.add_events(self.model.events)
        self.model.events.clear()
        if step in self.schedule.measures:
            self.model.check()
            self.latest = self.model.measure()
            store.measures.add(day, self.latest)
        if step in self.schedule.frames:
            self.model.check()
            store.add_frame(day, self.model.field_frame, self.cell_frame(), self.own_columns())
            store.profiles.add(day, self.model.profile())

    def checkpoint(self, store: Store) -> None:
        """Check the state, then keep it: a checkpoint never holds a non-finite number."""
        self.model.check()
        store.checkpoint(self.model.steps, self.model.state())
        self.note(frames=store.n_frames)
        log.info("checkpoint at step %d, day %.4g", self.model.steps, self.schedule.day(self.model.steps))

    def advance(self, store: Store, stop: StopRequest) -> None:
        """Step the model to the end of the run. Raises Stopped after a signal."""
        days = self.schedule.day(self.schedule.n_steps)
        if store.n_frames == 0:
            self.observe(store)
        self.reporter.begin(days, self.schedule.day(self.model.steps))
        while self.model.steps < self.schedule.n_steps:
            if stop.by is not None:
                self._stop(store, stop.by)
            self.model.step()
            self.observe(store)
            if self.model.steps in self.schedule.checkpoints:
                self.checkpoint(store)
            self.reporter.advance(self.schedule.day(self.model.steps), self.latest)

    def _stop(self, store: Store, signal_name: str) -> None:
        self.checkpoint(store)
        store.summarise()
        day = self.schedule.day(self.model.steps)
        raise Stopped(f"stopped by {signal_name} at day {day:.4g}; go on with: remyelin resume {self.folder}")

    def go(self, counters: dict, stop: StopRequest) -> dict:
        """Run to the end from where ``counters`` say, write the tables, and return the result."""
        store = self.open_store(counters)
        try:
            self.advance(store, stop)
            store.summarise()
        finally:
            store.close()
        checkpoints.keep_newest(store.checkpoint_folder, 1)
        self.note(status="done", error=None, digest=self.model.digest(), frames=store.n_frames)
        log.info("done: digest %s", self.info["digest"])
        self.reporter.message("\n".join(lines(self.info["budgets"])))
        return self.result()

    def warn(self, text: str) -> None:
        """Tell of something a person should know, here and in the log."""
        log.warning(text)
        self.reporter.message(f"warning: {text}")

    def close_with(self, status: str, sentence: str) -> None:
        """Record how the run ended; where even that cannot be written, the folder can still be resumed."""
        log.error("%s: %s", status, sentence)
        self.info.update(status=status, error=sentence)
        with contextlib.suppress(OSError):
            if (self.folder / folders.INFO).exists():
                self.note()


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


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


def new_info(config, machine) -> dict:
    """Return the first content of run.json: what the run is and what makes it."""
    return {
        "format": 1,
        "status": "running",
        "name": config.name,
        "title": config.title,
        "identity": provenance.run_hash(config),
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


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


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
    from abm.config import ConfigError

    reporter = reporter or Silent()
    machine = open_machine(backend, threads)
    made = out is None or not Path(out).exists()
    if out is not None:
        folder, claim = Path(out), folders.claim_new(Path(out))
    else:
        folder, claim = folders.claim_by_hash(config, force_new)
    if claim is None:
        return result_of(folders.read_info(folder), run=str(folder), status="exists")

    def begin(session: Session) -> dict:
        try:
            folders.write_config(folder, config)
            session.note()
        except OSError as error:
            raise Refused(f"cannot write to {folder}: {reason(error)}; choose another folder with --out") from None
        session.build()
        folders.check_room(folder, session.bytes_needed())
        return {}

    try:
        return _compute(Session(folder, config, machine, reporter, new_info(config, machine)), begin)
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

    def begin(session: Session) -> dict:
        session.build()
        counters = _take_up(session)
        session.note(status="running", error=None, frames=counters.get("frames", 0))
        return counters

    try:
        stored = Run.load(folder)  # again: another process may have been at it until now
        if stored.info["status"] == "done":
            return result_of(stored.info, run=str(folder), status="exists")
        info = {**stored.info, "backend": machine.target, "threads": machine.threads}
        return _compute(Session(folder, stored.config, machine, reporter, info), begin)
    finally:
        claim.release()


def _take_up(session: Session) -> dict:
    """Bring a model to the newest checkpoint that is whole, and return the counters of that; empty if there is none."""
    now, then = provenance.code_version(), session.info["code_version"]
    if now != then:
        session.warn(
            f"the run was begun by version {then} and goes on with {now}: "
            "its digest may differ from that of an uninterrupted run"
        )
    elif provenance.run_hash(session.config) != session.info["identity"]:
        raise Refused(f"{session.folder / folders.RESOLVED} is not what this run was begun with; nothing was changed")
    newest = checkpoints.read_newest(session.folder / CHECKPOINTS, session.warn)
    if newest is None:
        session.warn("there is no whole checkpoint: the run starts again from its beginning")
        return {}
    counters, state = newest
    session.model.restore(state)
    session.part["from_step"] = counters["step"]
    return counters
