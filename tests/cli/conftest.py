"""What tests of commands share: calling a command in this process, in an empty folder, and reading what it printed."""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tiny_run import DAYS, OVERRIDES, assert_same_outputs
from tiny_study import in_process, tiny  # noqa: F401 (fixtures)


@dataclass
class Answer:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out.splitlines()[-1])

    @property
    def folder(self) -> Path:
        return Path(self.json["run"]).absolute()


@pytest.fixture
def remyelin(tmp_path, capfd):
    """Call ``remyelin`` with arguments, in a folder of its own."""
    from experiments.cli import call

    def command(*arguments: object) -> Answer:
        code = call([str(argument) for argument in arguments])
        printed = capfd.readouterr()
        return Answer(code, printed.out, printed.err)

    with pytest.MonkeyPatch.context() as place:
        place.chdir(tmp_path)
        yield command


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A tiny lesion that was run to its end. Tests read it and leave it as it is."""
    from abm.config import load
    from experiments.run import run

    folder = tmp_path_factory.mktemp("finished") / "run"
    run(load("demo", overrides=OVERRIDES, days=DAYS), folder, threads=1)
    return folder


@pytest.fixture
def after_step(monkeypatch):
    """Let something happen to the model after one of its steps."""
    from abm.model import LesionModel

    untouched = LesionModel.step

    def happen(step, what):
        def stepped(model):
            untouched(model)
            if model.steps == step:
                what(model)

        monkeypatch.setattr(LesionModel, "step", stepped)

    return happen


@pytest.fixture
def go_on(remyelin, finished, monkeypatch):
    """Resume a stopped run where nothing is patched any more, and check that it ends as if it had never stopped."""

    def resume(folder):
        monkeypatch.undo()
        resumed = remyelin("resume", folder, "--json", "--threads", 1, "--quiet")
        assert (resumed.code, resumed.json["status"]) == (0, "done")
        assert_same_outputs(finished, folder)
        return resumed

    return resume


@pytest.fixture
def broken(remyelin, finished):
    """Copy the finished run to ``broken`` without some of its files, named with spaces between."""

    def lose(names):
        shutil.copytree(finished, "broken")
        for name in names.split():
            gone = Path("broken") / name
            shutil.rmtree(gone) if gone.is_dir() else gone.unlink()

    return lose


@pytest.fixture
def no_film(monkeypatch):
    """Let no film be made: the package that would is not there."""
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)


@pytest.fixture
def no_stills(monkeypatch):
    """Leave the stills of reports out, where a test is about words and numbers."""
    monkeypatch.setattr("experiments.report.page.stills", lambda runs: [])
