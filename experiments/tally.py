"""How far an ensemble is: a live bar on a terminal, one plain line for each run in a log. All on standard error."""

import sys

from experiments.ensemble import Outcome
from experiments.progress import Silent, duration

ENDS = ("done", "exists", "failed", "stopped", "left")


class Tally(Silent):
    """Counts runs as they begin and end, and tells nothing of it: for ``--quiet``, and the base of the others."""

    def __init__(self) -> None:
        self.total = self.workers = 0
        self.status: dict[str, str] = {}
        self.walls: list[float] = []

    def expect(self, total: int, workers: int) -> None:
        """Say how many runs there are, and how many are computed at a time."""
        self.total, self.workers = total, workers

    def __call__(self, outcome: Outcome) -> None:
        """Take up what became of a run."""
        self.status[str(outcome.folder)] = outcome.status
        if outcome.status in ("done", "exists") and outcome.wall_s:
            self.walls.append(outcome.wall_s)
        self.show(outcome)

    def show(self, outcome: Outcome) -> None:
        """Tell of one run."""

    def count(self, *statuses: str) -> int:
        """Return how many runs have one of these statuses."""
        return sum(status in statuses for status in self.status.values())

    @property
    def seconds_left(self) -> float | None:
        """Time left, from the mean time of the runs that are done; runs under way count half. None before the first."""
        if not self.walls:
            return None
        left = self.total - self.count(*ENDS) - self.count("running") / 2
        return left * sum(self.walls) / len(self.walls) / max(1, self.workers)

    def summary(self) -> str:
        """Write the counts in one line."""
        failed, waiting = self.count("failed"), self.count("busy")
        left = self.total - self.count(*ENDS)
        parts = [f"{self.count('done', 'exists')} of {self.total} done"]
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{left} left"] if left else []
        parts += [f"{waiting} computed by other processes"] if waiting else []
        parts += [f"about {duration(self.seconds_left)} to go"] if left and self.seconds_left is not None else []
        return ", ".join(parts)


class Lines(Tally):
    """A line for each run that ends, with the counts."""

    def message(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def show(self, outcome: Outcome) -> None:
        if outcome.status in ("exists", "running", "left"):
            return
        self.message(f"{self.summary()}: {told(outcome)}")


class Bar(Tally):
    """A bar that is redrawn in place; what goes wrong is a line above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        super().__init__()
        self.console = Console(stderr=True, highlight=False)
        self.bar = Progress(
            BarColumn(bar_width=30), TextColumn("{task.description}"), console=self.console, transient=True
        )
        self.task = self.bar.add_task("starting", total=None)
        self.bar.start()

    def message(self, text: str) -> None:
        self.console.print(text, markup=False)

    def show(self, outcome: Outcome) -> None:
        if outcome.status in ("failed", "stopped", "lost"):
            self.message(told(outcome))
        self.bar.update(self.task, total=self.total, completed=self.count(*ENDS), description=self.summary())

    def end(self) -> None:
        self.bar.stop()


def told(outcome: Outcome) -> str:
    """Say what became of a run."""
    took = f" in {duration(outcome.wall_s)}" if outcome.status == "done" and outcome.wall_s else ""
    why = f": {outcome.error}" if outcome.error and outcome.status != "done" else ""
    words = {"busy": "is computed by another process: waiting for it"}
    return f"{outcome.job.name} {words.get(outcome.status, outcome.status)}{took}{why}"


def tally(quiet: bool) -> Tally:
    """Return what suits the place."""
    if quiet:
        return Tally()
    return Bar() if sys.stderr.isatty() else Lines()
