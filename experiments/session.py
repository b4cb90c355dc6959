"""A run under way: its folder, and the slab of a model that computes it."""

import contextlib
import logging
import math
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from experiments import checkpoints, folders, provenance
from experiments.budget import budgets, doubts, lines
from experiments.failures import Failure, Refused, Stopped, failure_of, reason
from experiments.progress import Silent
from experiments.schedule import Schedule
from experiments.store import CHECKPOINTS, FRAMES, Frames, Layer, Store, bytes_needed, lacking, write_json

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


def result_of(info: dict, **changes) -> dict:
    """Return the result of a run in the form that ``--json`` prints: every name, null where it is not known."""
    known = {**info, **changes}
    return {name: known.get(name) for name in RESULT}


@dataclass(frozen=True)
class Origin:
    """Where a new run comes from: from nothing, unless it is a branch.

    past        the configs that hold before its own does
    given       text of config.yaml, in place of that of the config
    info        what run.json says of it
    hand_over   fills the folder of a session as a run leaves it that stopped; says whether it did
    """

    past: Sequence[folders.Past] = ()
    given: str | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    hand_over: Callable[["Session"], bool] = lambda session: False


class Session:
    """A run between being taken up and being let go.

    info      content of run.json so far
    past      the configs that hold before ``config`` does; of a branch only
    origin    where a new run comes from; None where it goes on from what its folder holds
    counters  of the checkpoint that it goes on from, empty at the beginning; ``state`` is that of its slab there
    failure   what broke it off: a Failure, or a ConfigError
    """

    def __init__(
        self,
        folder: Path,
        config,
        machine,
        reporter: Silent,
        info: dict,
        past: Sequence[folders.Past] = (),
        origin: Origin | None = None,
    ):
        self.folder, self.config, self.past, self.origin = folder, config, past, origin
        self.machine, self.reporter = machine, reporter
        self.log = logging.Logger(str(folder), logging.INFO)
        self.schedule = Schedule(config)
        self.info = info
        self.is_new = origin is not None
        self.counters: dict[str, int] = {}
        self.state: dict[str, np.ndarray] | None = None
        self.latest: dict[str, float] = {}
        self.model: Any = None
        self.slab, self.slabs = 0, 1
        self.store: Any = None
        self.failure: Exception | None = None
        self._count_time()

    def _count_time(self) -> None:
        self.wall_before = self.info.get("wall_s") or 0.0
        self.started = time.monotonic()
        self.part: dict[str, Any] = {
            "begun": datetime.now().astimezone().isoformat(timespec="seconds"),
            "from_step": 0,
            "backend": self.machine.target,
            "threads": self.machine.threads,
            "code_version": provenance.code_version(),
            "command": provenance.command_line(),
        }
        self.info["sessions"] = [*self.info["sessions"], self.part]

    @property
    def is_under_way(self) -> bool:
        """Whether it has neither come to its end nor been broken off."""
        return self.failure is None and self.info["status"] != "done"

    @property
    def stands_at(self) -> int | None:
        """Step of the checkpoint that it goes on from; None at the beginning."""
        return self.counters.get("step")

    def config_at(self, step: int):
        """Return the config that holds for the step after ``step``."""
        return next((past.config for past in self.past if step < past.until), self.config)

    # --- beginning ------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Write what the run is, or read from where it goes on."""
        from abm.doses_in_tissue import dose_lines, never_given

        if self.origin is None:
            self.take_up()
            return
        try:
            folders.write_config(self.folder, self.config, self.past, self.origin.given)
            self.info["resolved_sha256"] = folders.sha256(self.folder)
            self.note()
        except OSError as error:
            advice = "choose another folder with --out"
            raise Refused(f"cannot write to {self.folder}: {reason(error)}; {advice}") from None
        self.tell(dose_lines(self.config))
        for sentence in never_given(self.config):
            self.warn(sentence)

    def take_up(self) -> None:
        """Go on from the newest checkpoint that is whole; from the beginning where there is none."""
        now, then = provenance.code_version(), self.info["code_version"]
        if now == then:
            is_changed = provenance.run_hash(self.config, self.past) != self.info["identity"]
        else:  # another version may read the same file as something else: the file itself must be the same
            is_changed = self.info.get("resolved_sha256", folders.sha256(self.folder)) != folders.sha256(self.folder)
        if is_changed:
            raise Refused(f"{self.folder / folders.RESOLVED} is not what this run was begun with; nothing was changed")
        if now != then:
            self.warn(
                f"the run was begun by version {then} and goes on with {now}: "
                "its digest may differ from that of an uninterrupted run"
            )
        self.origin = None
        self.counters, self.state = checkpoints.read_newest(self.folder / CHECKPOINTS, self.warn) or ({}, None)
        if missing := lacking(self.folder, self.counters):
            advice = "put it back, or begin the run anew"
            raise Refused(
                f"{self.folder} cannot go on from its last checkpoint: {missing}; {advice}; nothing was changed"
            )
        if self.state is None:
            self.warn("there is no whole checkpoint: the run starts again from its beginning")
        self.part["from_step"] = self.stands_at or 0
        self.info.update(status="running", error=None, frames=self.counters.get("frames", 0))

    def take_up_again(self) -> None:
        """Go on from the newest checkpoint, though nothing is wrong with this run: a new stretch of it."""
        self.close()
        self.model = None
        self.note()
        self._count_time()
        self.take_up()

    def join(self, model: Any, slab: int) -> None:
        """Be computed by a slab of a model."""
        self.model, self.slab, self.slabs = model, slab, len(model.seeds)
        self.part["slabs"] = self.slabs

    def arrive(self) -> bool:
        """See whether there is room for a new run; take over what a branch gets. Returns whether it got anything."""
        if self.origin is None:
            return False
        folders.check_room(self.folder, self.bytes_needed())
        if self.origin.hand_over(self):
            self.take_up()
            return True
        return False

    def open(self) -> None:
        """Open the output files where the checkpoint left them."""
        self.state, self.is_new = None, False
        self.store = Store(self.folder, self.counters)
        self.store.frames = self.open_frames()
        self.latest = self.store.measures.latest()
        self.note()

    # --- what is kept ---------------------------------------------------------------------------------------------------

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

    def open_frames(self) -> Frames:
        """Open the arrays of frames, or make them."""
        days = np.array([self.schedule.day(step) for step in sorted(self.schedule.frames)])
        voxel = float(self.config.grid.voxel)
        return Frames(self.folder / FRAMES, self.layers(), days, self.config.shape[::-1], voxel)

    def bytes_needed(self) -> int:
        """Estimate the disk space of this run, and of those beside it, from the state at the start."""
        state = sum(array.nbytes for array in self.model.state().values())
        cells = sum(self.model.counts().values())
        voxels = math.prod(self.config.shape) * self.slabs
        return bytes_needed(len(self.schedule.frames), len(self.layers()), voxels, cells, state)

    def cell_frame(self):
        """Return the cells to keep: those of the kinds named in output.cells, and the venules, which every picture needs."""
        return self.model.cell_table(self.slab, self.kinds_kept())

    def kinds_kept(self) -> list[str]:
        asked = self.config.output.cells
        return [kind for kind in self.model.population if asked == "all" or kind in asked or kind == "venule"]

    def own_columns(self) -> list[str]:
        """Name the columns that only some kinds have, also of kinds that have no cell yet; axon bundles have none."""
        populations = [self.model.population[kind] for kind in self.kinds_kept()]
        return list(dict.fromkeys(name for p in populations for name in getattr(p, "state_names", ())))

    def observe(self) -> None:
        """Keep what is due at this step."""
        step, day = self.model.steps, self.schedule.day(self.model.steps)
        if step in self.schedule.measures:
            self.latest = self.model.measure(self.slab)
            self.store.measures.add(day, self.latest)
        if step in self.schedule.frames:
            self.store.add_frame(day, self._layer, self.cell_frame(), self.own_columns())
            self.store.profiles.add(day, self.model.profile(self.slab))

    def _layer(self, name: str) -> np.ndarray:
        return self.model.field_frame(name, self.slab)

    def checkpoint(self, state: Mapping[str, np.ndarray]) -> None:
        """Keep the state of the slab."""
        self.store.checkpoint(self.model.steps, state)
        self.note(frames=self.store.n_frames)
        self.log.info("checkpoint at step %d, day %.4g", self.model.steps, self.schedule.day(self.model.steps))

    # --- ending ---------------------------------------------------------------------------------------------------------

    def stop(self, signal_name: str, state: Mapping[str, np.ndarray]) -> None:
        """Keep the state of the slab, and raise Stopped."""
        self.checkpoint(state)
        self.store.summarise()
        day = self.schedule.day(self.model.steps)
        raise Stopped(f"stopped by {signal_name} at day {day:.4g}; go on with: remyelin resume {self.folder}")

    def finish(self, digest: str) -> None:
        """Write the tables, and say how the run ended."""
        self.store.summarise()
        self.close()
        checkpoints.keep_newest(self.folder / CHECKPOINTS, 1)
        self.note(status="done", error=None, digest=digest)
        self.log.info("done: digest %s", digest)
        self.reporter.message("\n".join(lines(self.info["budgets"])))
        for doubt in doubts(self.info["budgets"]):
            self.warn(doubt)

    def break_off(self, error: BaseException) -> None:
        """Note why the run does not come to its end; what was refused before it began is taken back."""
        from abm.config import ConfigError
        from abm.model import ModelError

        with contextlib.suppress(OSError):  # of a full disk; it is known by ``error``
            self.close()
        if isinstance(error, (ConfigError, Refused)):
            self.failure = error
            if self.is_new:
                folders.take_back(self.folder)
            return
        self.failure = failure = failure_of(error, self.folder)
        if isinstance(error, Exception) and not isinstance(error, (Failure, ModelError, MemoryError)):
            self.log.error("%s", "".join(traceback.format_exception(error)))
        self.log.error("%s: %s", failure.status, failure)
        self.info.update(status=failure.status, error=str(failure))
        with contextlib.suppress(OSError):  # where even that cannot be written, the folder can still be resumed
            if (self.folder / folders.INFO).exists():
                self.note()
        failure.result = self.result()

    def close(self) -> None:
        """Let go of the output files; what is not settled is dropped at a resume."""
        store, self.store = self.store, None
        if store is not None:
            store.close()

    # --- what is told ---------------------------------------------------------------------------------------------------

    def result(self, **changes) -> dict:
        """Return what is known of the run now."""
        return result_of(self.info, run=str(self.folder), **changes)

    def note(self, **changes) -> None:
        """Bring run.json up to date. Of the time of a batch a run has its share."""
        self.info.update(changes)
        self.part["wall_s"] = round((time.monotonic() - self.started) / self.slabs, 3)
        self.info["wall_s"] = round(self.wall_before + self.part["wall_s"], 3)
        if self.model is not None:
            step = self.model.steps
            self.part["to_step"] = step
            self.info.update(
                steps=step,
                days=self.schedule.day(step),
                cells={kind: int(n) for kind, n in self.model.counts(self.slab).items()},
                phases={phase: round(each / self.slabs, 4) for phase, each in self.model.phase_seconds.items()},
                measures={name: _number(value) for name, value in self.latest.items()},
                budgets=budgets(self.model, self.slab),
            )
        write_json(self.folder / folders.INFO, self.info)

    def tell(self, sentences: Iterable[str]) -> None:
        """Tell of something, here and in the log."""
        for sentence in sentences:
            self.log.info(sentence)
            self.reporter.message(sentence)

    def warn(self, text: str) -> None:
        """Tell of something a person should know, here and in the log."""
        self.log.warning(text)
        self.reporter.message(f"warning: {text}")


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
