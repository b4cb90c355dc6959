"""The benchmark of the solver: that what it measures against is right, and how it ends."""

import json

import numpy as np
import pytest
import typer
from diffusion_reference import exact_step, operator, points, relative_error
from typer.testing import CliRunner

from experiments import bench
from experiments.failures import Refused

NOW = {
    "bandwidth_gb_s": 20.0,
    "workloads": {
        "W-DIFF": [
            {"name": "stage", "value": 0.6, "unit": "ns", "target": None, "timed": True},
            {"name": "ratio", "value": 0.7, "unit": "x", "target": 1.2, "timed": False},
        ]
    },
}


def test_the_reference_solution_is_exact_enough():
    """Classical Runge-Kutta on 24^2 voxels against the exponential of the matrix."""
    rng = np.random.default_rng(0)
    source, uptake = points((24, 24), 9, rng), points((24, 24), 40, rng)
    matrix, constant = operator(np.ones((24, 24)), 1500.0, 0.1 + uptake, bench.VOXEL, ("no_flux", "no_flux"))
    exact, _ = exact_step(matrix, constant + source.ravel(), np.zeros((24, 24)), 1.0)
    assert relative_error(bench.runge_kutta_minute(np.zeros((24, 24)), source, uptake, 1500.0, 0.1), exact) < 2e-5


def test_the_workload_is_the_one_described():
    """2000 sources, half of them on, each for the substances s with (c + s) mod 4 = 0; 4000 cells take up; steps of a voxel."""
    minutes = list(bench.wanderers(3))
    for sources, uptake in minutes:
        assert uptake.sum() == 4000
        assert 4 * 200 < sum(source.sum() for source in sources[:4]) < 4 * 300
        assert all(np.array_equal(sources[s], sources[s + 4]) for s in range(6))
    assert not np.array_equal(minutes[0][1], minutes[1][1])


def test_the_solver_is_faithful_in_the_workload():
    """One minute of the substance that diffuses least and of the one that diffuses most."""
    (sources, uptake), *_ = bench.wanderers(1)
    frames = {}
    bench.solution_seconds(6 * 60.0, 1, lambda _, fields: frames.update({s: fields.frame(f"s{s}") for s in (0, 9)}))
    for s, frame in frames.items():
        exact = bench.runge_kutta_minute(
            np.zeros(frame.shape), sources[s], uptake, bench.DIFFUSIVITIES[s], bench.DECAYS[s]
        )
        assert relative_error(frame, exact) <= 0.01


def test_changes_are_told_at_the_same_bandwidth(tmp_path):
    """A machine half as fast in memory may take twice the time: then nothing changed."""
    old = {"bandwidth_gb_s": 40.0, "workloads": {"W-DIFF": [{**NOW["workloads"]["W-DIFF"][0], "value": 0.3}]}}
    (tmp_path / "old.json").write_text("some progress\n" + json.dumps(old))
    assert bench.ratios(NOW, bench.read_result(tmp_path / "old.json")) == {"W-DIFF stage": pytest.approx(1.0)}


def test_a_file_that_is_no_result_is_refused(tmp_path):
    (tmp_path / "odd.json").write_text("{}")
    with pytest.raises(Refused, match=r"odd\.json: not what `remyelin bench --json` printed"):
        bench.read_result(tmp_path / "odd.json")
    with pytest.raises(Refused, match="cannot be read"):
        bench.read_result(tmp_path / "none.json")


def test_an_unknown_workload_is_refused():
    with pytest.raises(Refused, match="W-NONE: there is no such workload; there are W-DIFF, W-TTS-U"):
        bench.measure(["W-NONE"])


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_the_command_prints_a_table_or_one_json_object(monkeypatch, arguments):
    monkeypatch.setattr(bench, "bandwidth", lambda: 2e10)
    figures = [bench.Figure(**figure) for figure in NOW["workloads"]["W-DIFF"]]
    monkeypatch.setattr(bench, "WORKLOADS", {"W-DIFF": lambda speed: figures})
    app = typer.Typer()
    bench.register(app)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    if arguments:
        result = json.loads(done.stdout.splitlines()[-1])
        assert result["workloads"] == NOW["workloads"] and result["status"] == "done" and result["error"] is None
    else:
        assert "20.0 GB/s on one thread" in done.stdout and "1.2 met" in done.stdout
