"""What a running simulation tells a person: a live bar on a terminal, plain lines in a log, or nothing."""

import sys
import time

SECONDS_BETWEEN_LINES = 15.0

# Read-outs shown while a run goes on, most telling first; the first four that a run has are taken.
KEY_NUMBERS = (
    ("lesion_area_mm2", "lesion {:.3g} {extent}"),
    ("remyelinated_area_mm2", "remyelinated {:.3g} {extent}"),
    ("bbb_leak", "BBB leak {:.2f}"),
    ("msc_density", "MSC {:.0f}/mm3"),
    ("debris_mean", "debris {:.3f}"),
)
SHOWN = 4


def key_numbers(measures: dict[str, float], solid: bool = False) -> str:
    """Write three or four telling read-outs in one line; what is an area in a slab is a volume in a ``solid``."""
    extent = "mm3" if solid else "mm2"
    shown = [text.format(measures[name], extent=extent) for name, text in KEY_NUMBERS if name in measures]
    if not shown:
        shown = [f"{name[5:]} {value:.3g}" for name, value in measures.items() if name.startswith("mean.")]
    cells = sum(value for name, value in measures.items() if name.startswith("count."))
    return ", ".join([f"{cells:.0f} cells", *shown][:SHOWN])


def duration(seconds: float) -> str:
    """Write a time span as people read it: 42 s, 3 min 10 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Silent:
    """Tells nothing. Also the interface of the others."""

    def message(self, text: str) -> None:
        """Tell something once."""

    def compiling(self, name: str) -> None:
        """Tell that a kernel is being compiled for the first time on this machine."""

    def begin(self, days: float, start_day: float, solid: bool = False) -> None:
        """Take up a run of ``days`` at ``start_day``, of a ``solid`` or a slab."""

    def advance(self, day: float, measures: dict[str, float]) -> None:
        """Tell how far the run is; ``measures`` are its latest read-outs."""

    def end(self) -> None:
        """Take the progress off the screen."""


class Lines(Silent):
    """Plain lines for a log: one at the start of each thing, then one every ``every`` seconds."""

    def __init__(self, stream=None, every: float = SECONDS_BETWEEN_LINES):
        self.stream = stream or sys.stderr
        self.every = every
        self.compiled = 0
        self.days = self.start_day = 0.0
        self.solid = False
        self.started = self.last_line = self.compile_start = time.monotonic()

    def message(self, text: str) -> None:
        print(text, file=self.stream, flush=True)

    def compiling(self, name: str) -> None:
        if not self.compiled:
            self.message("compiling kernels for this machine (once, about 20 s)")
            self.compile_start = time.monotonic()
        self.compiled += 1

    def begin(self, days: float, start_day: float, solid: bool = False) -> None:
        self.days, self.start_day, self.solid = days, start_day, solid
        self.started = self.last_line = time.monotonic()

    def advance(self, day: float, measures: dict[str, float]) -> None:
        now = time.monotonic()
        if self.compiled:
            self.message(f"compiled {self.compiled} kernels in {duration(now - self.compile_start)}")
            self.compiled = 0
        if now - self.last_line < self.every:
            return
        self.last_line = now
        done = day - self.start_day
        left = (now - self.started) / done * (self.days - day) if done > 0 else 0.0
        self.message(f"day {day:.2f} of {self.days:g}, {duration(left)} left: {key_numbers(measures, self.solid)}")


class Live(Silent):
    """A bar with the time left and the key numbers, redrawn in place on a terminal."""

    def __init__(self):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        self.console = Console(stderr=True, highlight=False)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[numbers]}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
            expand=True,  # the numbers yield where a terminal is narrow
            console=self.console,
            transient=True,
            refresh_per_second=4,
        )
        self.days = 0.0
        self.solid = False
        self.compiled = 0
        self.task = self.bar.add_task("starting", total=None, numbers="")

    def message(self, text: str) -> None:
        self.console.print(text, markup=False)

    def compiling(self, name: str) -> None:
        self.compiled += 1
        self.bar.update(self.task, description=f"compiling kernels for this machine (once): {self.compiled} {name}")
        self.bar.start()

    def begin(self, days: float, start_day: float, solid: bool = False) -> None:
        self.days, self.solid = days, solid
        self.bar.reset(self.task, total=days, completed=start_day, description=f"day {start_day:.2f} of {days:g}")
        self.bar.start()

    def advance(self, day: float, measures: dict[str, float]) -> None:
        text = f"day {day:.2f} of {self.days:g}"
        self.bar.update(self.task, completed=day, description=text, numbers=key_numbers(measures, self.solid))

    def end(self) -> None:
        self.bar.stop()


def reporter(quiet: bool = False) -> Silent:
    """Return what suits the place: nothing when quiet, a bar on a terminal, lines elsewhere. All on standard error."""
    if quiet:
        return Silent()
    return Live() if sys.stderr.isatty() else Lines()
