"""A study of one diffusing factor, whose runs take a tenth of a second, and a way to compute them in this process."""

import contextlib
import io
from dataclasses import dataclass

import pytest

STUDY = """\
schema: 1
title: Tiny
study:
  base: diffusion
  arms:
    slow:
    fast: {title: quick diffusion, fields: {tracer: {D: 50 um^2/s}}}
  replicates: 2
  measures: [mean.tracer]
time: {days: 0.05}
grid: {size: [400, 400]}
fields: {tracer: {sources: {point: {x: 210, y: 210}}}}
output: {measures_every: 0.4 h, frames_every: 24 h}
"""


class Process:
    """A process that is none: the command runs when it is made."""

    def __init__(self, command, **options):
        from experiments.cli import call

        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            self.returncode = call(command[command.index("experiments.child") + 2 :])
        self.told = out.getvalue(), err.getvalue()

    def communicate(self, timeout):
        return self.told


@dataclass(frozen=True, eq=False)
class Future:
    """The promise of what is there already."""

    outcome: object
    status = "finished"

    def done(self):
        return True

    def result(self):
        return self.outcome


class Client:
    """A Dask client that computes at once."""

    status = "running"

    def nthreads(self):
        return {"here": 1}

    def run(self, function, *arguments, **options):
        function(*arguments)

    def submit(self, function, *arguments, pure):
        return Future(function(*arguments))


@pytest.fixture
def in_process(monkeypatch):
    """Compute the runs of studies in this process, one after the other."""
    from experiments import cluster, ensemble

    monkeypatch.setattr(cluster, "connected", lambda name, workers: contextlib.nullcontext(Client()))
    monkeypatch.setattr(cluster.subprocess, "Popen", Process)
    monkeypatch.setattr(ensemble, "SECONDS_BETWEEN_LOOKS", 0)


@pytest.fixture
def tiny(tmp_path):
    """Write the study, with what a test changes in its text."""

    def write(*changes, name="tiny.yaml"):
        text = STUDY
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / name).write_text(text)
        return name

    return write
