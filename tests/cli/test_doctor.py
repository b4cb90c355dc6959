"""What doctor says, and that nothing is written but the run folder and the kernel cache."""

import itertools
import os
import subprocess
import sys

import pytest

from experiments import doctor
from kernels.launch import cache_folder


def test_doctor_says_what_this_machine_is(remyelin):
    answer = remyelin("doctor", "--json")
    assert answer.code == 0 and len(answer.out.splitlines()) == 1
    found = answer.json
    assert found["status"] == "done" and found["threads"] >= 1 and found["machine"]["memory_gib"] > 0.5
    assert found["cache"]["folder"] == str(cache_folder()) and found["cache"]["writable"]
    assert found["versions"]["python"].startswith("3.")
    told = remyelin("doctor").out
    assert "REMYELIN_CACHE" in told and str(cache_folder()) in told and "GPU: " in told


def test_an_unwritable_cache_is_told(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REMYELIN_CACHE", str(tmp_path / "file" / "cache"))
    found = doctor.examine()
    assert not found["cache"]["writable"]
    assert any("every run compiles its kernels anew" in sentence for sentence in doctor.sentences(found))


@pytest.mark.parametrize(
    ("gpu", "sentence"),
    [
        (
            {"usable": True, "device": "H200", "driver": True, "missing_packages": []},
            "H200; runs of 262,144 voxels and more use it",
        ),
        ({"usable": False, "device": None, "driver": False, "missing_packages": ["cupy"]}, "runs use the CPU"),
        ({"usable": False, "device": None, "driver": True, "missing_packages": ["cupy"]}, "cupy is not installed: pip"),
        (
            {
                "usable": False,
                "device": None,
                "driver": True,
                "missing_packages": [],
                "why_not": "the driver is too old",
            },
            "the driver is too old; is one given to this process (CUDA_VISIBLE_DEVICES)?",
        ),
    ],
)
def test_each_state_of_a_gpu_has_its_sentence(gpu, sentence):
    found = {**doctor.examine(), "gpu": gpu}
    assert any(sentence in told for told in doctor.sentences(found))


def test_parity_compares_every_target(remyelin):
    answer = remyelin("doctor", "--parity", "--json")
    tiny, small = answer.json["parity"]["lesions"]
    assert answer.code == 0 and tiny["agree"] and small["agree"]
    assert {"cpu, 1 thread", "cpu, 2 threads", "plain python"} <= set(tiny["digests"])
    assert small["steps"] > tiny["steps"] and small["cells"] > tiny["cells"]


def test_targets_that_differ_fail(remyelin, monkeypatch):
    """The digest of the device is another: the command says so and fails."""
    digests = itertools.count()
    monkeypatch.setattr("abm.model.LesionModel.digest", lambda model: str(next(digests)))
    answer = remyelin("doctor", "--parity", "--json")
    assert answer.code == 1 and answer.json["status"] == "failed"
    assert "DO NOT AGREE" in remyelin("doctor", "--parity").out


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from experiments.cli import call; call(['--help']);"
        "heavy = {'numpy', 'numba', 'mesa', 'pandas', 'zarr', 'pyarrow', 'matplotlib', 'pydantic'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    for command in ("run", "resume", "doctor", "scenarios", "validate", "animate", "picture", "bench"):
        assert f" {command} " in shown.stdout


def test_nothing_is_written_but_the_run_folder_and_the_kernel_cache(tmp_path, finished):
    places = {name: tmp_path / name for name in ("home", "temporary", "work")}
    for place in places.values():
        place.mkdir()
    environment = {
        **os.environ, "HOME": str(places["home"]), "TMPDIR": str(places["temporary"]), "REMYELIN_CACHE": str(cache_folder()),
    }  # fmt: skip
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR"):
        environment.pop(name, None)
    for arguments in (["run", "diffusion", "--days", "0.02"], ["picture", finished, "--day", 0, "-o", "a.png"]):
        command = [sys.executable, "-m", "experiments", *map(str, arguments)]
        subprocess.run(command, cwd=places["work"], env=environment, check=True, capture_output=True)
    assert list(places["home"].iterdir()) == [] and list(places["temporary"].iterdir()) == []
    assert sorted(path.name for path in places["work"].iterdir()) == ["a.png", "runs"]
