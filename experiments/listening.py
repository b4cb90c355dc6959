"""What a run listens to while it computes, and where it writes what happens: signals that ask it to stop, and its log."""

import contextlib
import logging
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from experiments.progress import Silent


class StopRequest:
    """Set by the first SIGINT, SIGTERM or SIGHUP; a second one interrupts at once."""

    def __init__(self, reporter: Silent):
        self.reporter = reporter
        self.by: str | None = None

    def __call__(self, number: int, frame: object) -> None:
        if self.by is not None:
            raise KeyboardInterrupt
        self.by = signal.Signals(number).name
        self.reporter.message("stopping after this step and writing a checkpoint (again to stop at once)")


@contextlib.contextmanager
def listening(request: StopRequest) -> Iterator[None]:
    """Hand the signals that ask to stop to ``request``; elsewhere than in the main thread Python allows no handlers."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                before[number] = signal.signal(number, request)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def logging_to(path: Path, log: logging.Logger) -> Iterator[None]:
    """Write the messages of a run and the warnings of libraries to its log.txt."""
    handler = logging.FileHandler(path, delay=True)
    handler.handleError = lambda record: None  # type: ignore[method-assign]  # a full disk must not speak in tracebacks
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    loggers = (log, logging.getLogger("py.warnings"))
    logging.captureWarnings(True)
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        logging.captureWarnings(False)
        with contextlib.suppress(OSError):
            handler.close()
