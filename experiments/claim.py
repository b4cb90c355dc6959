"""The right to write a run folder: one process has it at a time, and loses it when it dies.

The lock is the operating system's (flock), so that nothing is stale after a crash. Its file says who holds it. Where a
file system has no such locks, the process named in the file counts as the holder while it lives.
"""

import contextlib
import fcntl
import json
import os
import socket
from datetime import datetime
from pathlib import Path

from experiments.failures import Refused

LOCK = "lock"
TAKEN = "is computing this run"  # words by which a refusal is known to pass


def _alive(holder: dict) -> bool:
    """Whether the holder's process lives; on another machine nobody can know, so it counts as alive."""
    if holder.get("host") != socket.gethostname():
        return True
    try:
        os.kill(int(holder["pid"]), 0)
    except (ProcessLookupError, KeyError, ValueError):
        return False
    except PermissionError:
        pass
    return True


def holder_of(folder: Path) -> dict:
    """Return who wrote the lock file of a folder: pid, host, since; empty where there is none."""
    try:
        return dict(json.loads((folder / LOCK).read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def is_held(folder: Path) -> bool:
    """Whether a process has the right to write a folder now. Nothing is written."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    except OSError:
        return _alive(holder_of(folder))
    finally:
        os.close(handle)


class Claim:
    """The right to write one folder. Raises Refused with who has it where another process has it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.path = folder / LOCK
        self.handle = self._open()
        os.ftruncate(self.handle, 0)
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        os.write(self.handle, json.dumps(owner).encode())

    def _open(self) -> int:
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                raise self._taken() from None
            except OSError:
                if (holder := holder_of(self.folder)) and _alive(holder):
                    os.close(handle)
                    raise self._taken() from None
            # A holder that let go removed its file: what was opened may be that one, and not the one others see.
            if self.path.exists() and os.stat(self.path).st_ino == os.fstat(handle).st_ino:
                return handle
            os.close(handle)

    def _taken(self) -> Refused:
        holder = holder_of(self.folder)
        who = f"process {holder['pid']} on {holder['host']}" if {"pid", "host"} <= set(holder) else "another process"
        since = f" since {holder['since']}" if "since" in holder else ""
        return Refused(f"{self.folder}: {who} {TAKEN}{since}; wait for it, stop it, or use another folder (--out)")

    def release(self) -> None:
        """Give the folder free."""
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self.handle)
