"""A run under way: its model, its folder, and the steps at which it is observed."""

import contextlib
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from experiments import checkpoints, folders, provenance
from experiments.budget import budgets, doubts, lines
from experiments.failures import Stopped
from experiments.listening import StopRequest, log
from experiments.progress import Silent
from experiments.store import FRAMES, Frames, Layer, Store, bytes_needed, write_json

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
TREATMENT = "therapy/"  # what a model remembers of doses: those that its past did not plan are not given yet


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

    def until(self, step: int) -> tuple[list[int], list[int]]:
        """Return the steps up to ``step`` that have read-outs, and those that have frames."""
        return sorted(s for s in self.measures if s <= step), sorted(s for s in self.frames if s <= step)

    def day(self, step: int) -> float:
        """Return the day of a step, as it is written beside read-outs and frames."""
        return step * self.step_hours / 24.0


class Session:
    """A model, its folder and the time between taking up a run and letting it go.

    info   content of run.json so far
    past   the configs that hold before ``config`` does; of a branch only
    """

    def __init__(self, folder: Path, config, machine, reporter: Silent, info: dict, past: Sequence[folders.Past] = ()):
        self.folder = folder
        self.config = config
        self.past = past
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

    def config_at(self, step: int):
        """Return the config that holds for the step after ``step``."""
        return next((past.config for past in self.past if step < past.until), self.config)

    def build(self, state: Mapping[str, np.ndarray] | None = None) -> None:
        """Make the model: at its beginning, or in a state from which it goes on with the config that holds there."""
        from abm.model import LesionModel

        self.model = None  # never two at a time: one may fill half the memory
        self.model = LesionModel(self.config_at(0 if state is None else int(state["steps"][0])), self.machine)
        if state is not None:
            never = {name: array for name, array in self.model.state().items() if name.startswith(TREATMENT)}
            self.model.restore({**never, **state})

    def change(self) -> None:
        """Go on with the config that holds from now on."""
        state, phases = self.model.state(), self.model.phase_seconds
        self.build(state)
        self.model.phase_seconds = phases

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

    def open_frames(self) -> Frames:
        """Open the arrays of frames, or make them."""
        days = np.array([self.schedule.day(step) for step in sorted(self.schedule.frames)])
        voxel = float(self.config.grid.voxel)
        return Frames(self.folder / FRAMES, self.layers(), days, self.config.shape[::-1], voxel)

    def open_store(self, counters: dict) -> Store:
        """Open the output files where a checkpoint left them; ``counters`` is empty at the beginning."""
        store = Store(self.folder, counters)
        store.frames = self.open_frames()
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
            if self.model.config is not self.config_at(self.model.steps):
                self.change()
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
        for doubt in doubts(self.info["budgets"]):
            self.warn(doubt)
        return self.result()

    def tell(self, sentences: Iterable[str]) -> None:
        """Tell of something, here and in the log."""
        for sentence in sentences:
            log.info(sentence)
            self.reporter.message(sentence)

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


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
