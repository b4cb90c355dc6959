"""A command as the child of a worker: it stops with a checkpoint when its parent is gone.

    python -m experiments.child PARENT run acute --seed 7 ...

The parent is watched rather than bound by the operating system, which has a way of its own for that on every platform.
"""

import os
import signal
import sys
import threading
import time

SECONDS_BETWEEN_LOOKS = 0.5


def watch(parent: int) -> None:
    """Send this process SIGTERM once ``parent`` is not its parent any more."""
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run the command that follows the number of the parent."""
    from experiments import cli

    parent = int(sys.argv.pop(1))
    threading.Thread(target=watch, args=(parent,), daemon=True).start()
    cli.main()


if __name__ == "__main__":
    main()
