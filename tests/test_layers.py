"""Imports go downwards only: experiments -> abm -> kernels; configs are data; one layer knows the machine."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("abm", "configs", "experiments", "kernels")
FORBIDDEN = {
    "kernels": {"mesa", "abm", "experiments", "configs"},
    "abm": {"numba", "cupy", "experiments", "configs"},
    "experiments": {"configs"},
}
MACHINE = {"numba", "cupy"}
MAY_KNOW_THE_MACHINE = {
    "kernels/vectors.py",
    "kernels/launch.py",
    "kernels/source.py",
    "kernels/device.py",
    "kernels/atomics.py",
    "kernels/gpu.py",
}
FILES = [path.relative_to(ROOT).as_posix() for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]


def imported(source: str) -> set[str]:
    """Return the top-level packages that a file imports anywhere, also inside functions and by name."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} if node.level == 0 else set()
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
    return {str(name).split(".")[0] for name in names}


def test_the_walk_sees_every_way_to_import():
    source = "import a.b, c as d\nfrom e.f import g\nfrom . import h\ndef i():\n    import j\n    importlib.import_module('k.l')\n"
    assert imported(source) == {"a", "c", "e", "j", "k"}


def test_there_is_something_to_walk():
    assert {name.split("/")[0] for name in FILES} == {"abm", "experiments", "kernels"}


@pytest.mark.parametrize("name", FILES)
def test_imports_go_downwards(name):
    assert imported((ROOT / name).read_text()) & FORBIDDEN[name.split("/")[0]] == set()


@pytest.mark.parametrize("name", FILES)
def test_few_files_know_the_machine(name):
    if name not in MAY_KNOW_THE_MACHINE:
        assert imported((ROOT / name).read_text()) & MACHINE == set()


def test_configs_hold_no_code():
    assert list((ROOT / "configs").rglob("*.py")) == []
