"""Runs side by side: one model computes several, each as a slab. A run alone is a batch of one.

What breaks off one run is noted in its folder, and the others go on. Where nobody can know whose fault it is, as with an
error in the middle of a step, each goes on alone from its newest checkpoint.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from abm.slabs import digest
from experiments import folders
from experiments.listening import StopRequest, listening, logging_to
from experiments.progress import Silent
from experiments.session import Session


def compute(sessions: Sequence[Session], reporter: Silent) -> None:
    """Run sessions to their ends; what breaks one off is its ``failure`` afterwards."""
    stop = StopRequest(reporter)
    with contextlib.ExitStack() as logs:
        for session in sessions:
            logs.enter_context(logging_to(session.folder / folders.LOG, session.log))
            session.log.info("%(command)s, on %(backend)s with %(threads)d threads", session.part)
        if sessions and (machine := sessions[0].machine).why:
            sessions[0].tell([f"computing on the {'GPU' if machine.target == 'cuda' else 'CPU'}: {machine.why}"])
        try:
            with listening(stop), _telling_of_kernels(reporter):
                for session in sessions:
                    with _apart(session):
                        session.begin()
                for batch in _alike(session for session in sessions if session.failure is None):
                    Batch(batch, reporter, stop).go()
        except KeyboardInterrupt as error:
            for session in sessions:
                if session.is_under_way:
                    session.break_off(error)
        finally:
            reporter.end()
            for session in sessions:
                session.close()


@contextlib.contextmanager
def _telling_of_kernels(reporter: Silent) -> Iterator[None]:
    from kernels import launch

    launch.on_compile = reporter.compiling
    try:
        yield
    finally:
        launch.on_compile = None


@contextlib.contextmanager
def _apart(session: Session) -> Iterator[None]:
    """Let an error of what is done for one run break off that run."""
    try:
        yield
    except Exception as error:
        session.break_off(error)


def _alike(sessions: Iterable[Session]) -> list[list[Session]]:
    """Put those together that can be slabs of one model and stand at the same step, replicates beside each other.

    A branch, whose config changes, is alone.
    """
    from abm.alike import replicates, shared

    arms: list[tuple[Any, Any]] = []  # the config of each, and what its slabs have in common with others
    groups: list[tuple[Any, list[Session]]] = []
    for session in sessions:
        common = next((known for config, known in arms if replicates(config, session.config)), None)
        if common is None:
            common = shared(session.config)
            arms.append((session.config, common))
        what = session.stands_at, session.folder if session.past else None, common
        group = next((group for known, group in groups if known == what), None)
        if group is None:
            groups.append((what, [session]))
            continue
        beside = [place for place, other in enumerate(group, 1) if replicates(session.config, other.config)]
        group.insert(beside[-1] if beside else len(group), session)
    return [group for _, group in groups]


class Batch:
    """Sessions at the same step of runs that go together, and the model that computes them, each by a slab."""

    def __init__(self, sessions: Sequence[Session], reporter: Silent, stop: StopRequest):
        self.sessions, self.reporter, self.stop = list(sessions), reporter, stop
        self.schedule = self.sessions[0].schedule
        self.model: Any = None

    def go(self) -> None:
        """Step all to their ends."""
        try:
            self._open()
            self._advance()
            self._finish()
            return
        except Exception as error:  # not of what is kept of one run: nobody knows whose fault it is
            if len(self.sessions) == 1:
                self.sessions[0].break_off(error)
                return
            for session in self.sessions:
                session.warn(
                    f"{type(error).__name__} among {len(self.sessions)} runs side by side: {error}; going on alone"
                )
            self.model = None
        for session in self.sessions:
            with _apart(session):
                session.take_up_again()
                Batch([session], self.reporter, self.stop).go()

    # --- the model ------------------------------------------------------------------------------------------------------

    def _build(self, states: Sequence[Mapping[str, np.ndarray] | None]) -> None:
        """Make the model: at its beginning, or in the states from which its slabs go on with the config that holds there."""
        from abm.alike import replicates
        from abm.model import LesionModel

        phases = self.model.phase_seconds if self.model is not None else {}
        known = [state for state in states if state is not None]
        for session in self.sessions:
            session.model = None
        self.model = None  # never two at a time: one may fill half the memory
        step = int(known[0]["steps"][0]) if known else 0
        configs = [session.config_at(step) for session in self.sessions]
        arms = [next(known for known in configs if replicates(known, config)) for config in configs]
        seeds = [int(session.config.seed) for session in self.sessions]
        self.model = LesionModel(arms, self.sessions[0].machine, seeds)
        if known:
            self.model.restore(*known)
        self.model.phase_seconds = phases
        for slab, session in enumerate(self.sessions):
            session.join(self.model, slab)

    def _rebuild(self) -> None:
        """Go on with those that are under way, and with the config that holds from now on."""
        self.sessions = [session for session in self.sessions if session.is_under_way]
        if self.sessions:
            states = self.model.states()
            self._build([states[session.slab] for session in self.sessions])

    def _each(self, act: Callable[[Session], None]) -> None:
        """Do something for each run. Those that this breaks off are left out from then on."""
        for session in self.sessions:
            with _apart(session):
                act(session)
        if not all(session.is_under_way for session in self.sessions):
            self._rebuild()

    # --- the run --------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Build the model, and open the files of each run where its checkpoint left them."""
        self._build([session.state for session in self.sessions])
        handed_over = [session.arrive() for session in self.sessions]
        if any(handed_over):
            self._build([session.state for session in self.sessions])
        self._each(Session.open)

    def _advance(self) -> None:
        """Step the model to the end, and keep of each run what is due."""
        day = self.schedule.day
        if self.sessions and self.sessions[0].store.n_frames == 0:
            self._keep()
        solid = len(self.model.config.grid.size) == 3
        self.reporter.begin(day(self.schedule.n_steps), day(self.model.steps), solid)
        while self.sessions and self.model.steps < self.schedule.n_steps:
            if self.stop.by is not None:
                self._halt(self.stop.by)
                break
            if self.model.config is not self.sessions[0].config_at(self.model.steps):
                self._rebuild()
            self.model.step()
            self._keep()
            if self.sessions:
                self.reporter.advance(day(self.model.steps), self.sessions[0].latest)

    def _keep(self) -> None:
        """Keep what is due at this step; never a number that is not finite."""
        step, events, self.model.events = self.model.steps, self.model.events, []
        saves = step > 0 and step in self.schedule.checkpoints
        looks = saves or step in self.schedule.measures or step in self.schedule.frames
        faults = self.model.faults() if looks else {}
        states = self.model.states() if saves else []

        def keep(session: Session) -> None:
            slab = session.slab
            session.store.add_events([{**event, "slab": 0} for event in events if event["slab"] == slab])
            _stop_at(faults.get(slab))
            session.observe()
            if saves:
                session.checkpoint(states[slab])

        self._each(keep)

    def _halt(self, signal_name: str) -> None:
        """Stop all at a checkpoint."""
        faults, states = self.model.faults(), self.model.states()

        def halt(session: Session) -> None:
            _stop_at(faults.get(session.slab))
            session.stop(signal_name, states[session.slab])

        self._each(halt)

    def _finish(self) -> None:
        """Close the runs that came to their end."""
        if self.sessions:
            states = self.model.states()
            self._each(lambda session: session.finish(digest(states[session.slab], self.model.config.fields)))


def _stop_at(fault: str | None) -> None:
    from abm.model import ModelError

    if fault is not None:
        raise ModelError(fault)
