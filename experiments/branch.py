"""An arm that leaves a run on a past day: the past of the run, and a changed config from that day on.

Where the changed config alone has the same past, as with a dose that is given later, the branch is simply the run of
that config. Elsewhere its folder also holds the config before, and until which step.
"""

import math
from collections.abc import Iterable
from pathlib import Path

from abm.config import Config, ConfigError, load
from abm.run_folder import Run
from experiments import changes, folders, handover
from experiments.failures import Refused
from experiments.progress import Silent
from experiments.run import open_machine, start
from experiments.session import Origin, Session

WHOLE = 1e-3  # steps, by which a day may miss a whole step: days are typed with few digits


def branch(
    folder: str | Path,
    at: float,
    overrides: Iterable[str] = (),
    out: str | Path | None = None,
    days: float | None = None,
    backend: str = "auto",
    threads: int | None = None,
    reporter: Silent | None = None,
) -> dict:
    """Compute the run that is the one in ``folder`` until day ``at`` and goes on changed; return its result.

    overrides, days   the changes, as for ``load``
    out               folder to make; without it runs/<name>/<hash>, where an identical finished run is found again

    The folder of the run is only read. Raises ConfigError or Refused where there can be no such branch.
    """
    run, reporter = Run.load(folder), reporter or Silent()
    then, now = run.config, load(run.folder / folders.RESOLVED, overrides, days)
    machine = open_machine(backend, threads, now)
    step = _step(run, at, now)
    hours = step * then.step_hours
    if found := list(changes.hindrances(then, now, hours)):
        raise ConfigError(found)
    past = folders.read_past(run.folder)
    if past and step < past[-1].until:
        since = past[-1].until * then.step_hours / 24
        raise Refused(f"--at {at:g}: {folder} is itself a branch from day {since:.6g}; branch at that day or later")
    if step and (past or not changes.has_same_past(then, now, hours)):
        before = then.model_copy(update={"output": now.output})
        past = [*past, folders.Past(step, before)] if not past or step > past[-1].until else past

    def hand_over(session: Session) -> bool:
        begun = handover.hand_over(run, then, step, session)
        if begun < step:
            days_again = f"days {session.schedule.day(begun):.6g} to {session.schedule.day(step):.6g}"
            reporter.message(f"no checkpoint of {folder} is nearer: simulating {days_again} again")
        return begun > 0

    parent = {"run": str(run.folder.resolve()), "identity": run.info["identity"], "day": hours / 24}
    given = (run.folder / folders.CONFIG).read_text()
    return start(now, Origin(past, given, {"branched_from": parent}, hand_over), out, machine, False, reporter)


def _step(run: Run, at: float, now: Config) -> int:
    """Return the step after which a branch leaves its run. Raises Refused where the run has none on that day."""
    hours = run.config.step_hours
    reached = int(run.info.get("steps") or 0)
    last, day = run.config.n_steps, reached * hours / 24
    if not 0 <= at * 24 <= last * hours + WHOLE * hours:
        raise Refused(f"--at {at:g} is outside the run, which is days 0 to {last * hours / 24:.6g}")
    step = round(at * 24 / hours)
    if not math.isclose(at * 24 / hours, step, rel_tol=0, abs_tol=WHOLE):
        raise Refused(
            f"--at {at:g} is no whole step of {run.config.time.step.text}; the nearest is day {step * hours / 24:.10g}"
        )
    if step > reached:
        raise Refused(
            f"{run.folder} is {run.info['status']} at day {day:.6g}, before day {at:g}; wait until it is there, "
            f"or go on with: remyelin resume {run.folder}"
        )
    if step >= now.n_steps:
        raise Refused(
            f"--at {at:g}: nothing is left to simulate until day {float(now.hours) / 24:.6g}; give more --days"
        )
    return step
