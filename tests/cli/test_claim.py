"""One process at a time writes a run folder, and a dead one never blocks it."""

import fcntl
import json
import os
import socket
import subprocess
import sys

import pytest

from experiments.claim import LOCK, Claim, holder_of
from experiments.failures import Refused

HOLD = "import sys; from pathlib import Path; from experiments.claim import Claim; Claim(Path(sys.argv[1]));"


def test_a_second_claim_says_who_has_it(tmp_path):
    claim = Claim(tmp_path)
    with pytest.raises(Refused, match=f"process {os.getpid()} on {socket.gethostname()}"):
        Claim(tmp_path)
    claim.release()
    assert list(tmp_path.iterdir()) == []
    Claim(tmp_path).release()


def test_another_living_process_keeps_it_and_a_killed_one_does_not(tmp_path):
    code = HOLD + "print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Refused, match=f"process {other.pid}"):
            Claim(tmp_path)
        other.kill()
        other.wait()
    assert holder_of(tmp_path)["pid"] == other.pid
    Claim(tmp_path).release()


@pytest.mark.parametrize("holder", ["", "no json", '{"pid": 1}', "[1]"])
def test_a_torn_lock_file_does_not_block(tmp_path, holder):
    (tmp_path / LOCK).write_text(holder)
    Claim(tmp_path).release()


@pytest.mark.parametrize(
    ("pid", "host", "taken"),
    [(os.getppid(), None, True), (2**22 + 1, None, False), (1, "another-machine", True)],
)
def test_without_locks_of_the_file_system_the_named_process_counts(tmp_path, monkeypatch, pid, host, taken):
    def no_locks(handle, how):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    (tmp_path / LOCK).write_text(json.dumps({"pid": pid, "host": host or socket.gethostname()}))
    if taken:
        with pytest.raises(Refused):
            Claim(tmp_path)
    else:
        Claim(tmp_path).release()
