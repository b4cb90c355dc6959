"""A whole run where memory is not the host's: with arrays as strict as those of a GPU, and in the CUDA simulator."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from abm.config import load
from abm.model import LesionModel
from kernels import device
from kernels.contraction import contracts
from kernels.device import Machine
from tests.pretended_gpu import pretended_gpu
from tests.strict_arrays import DeviceModule, waits

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("grid.size=[400, 400]", "tissue.venules.positions.central={x: 200, y: 200}")
INTRAVENOUS = ("therapy.msc.dose=1e6", "therapy.msc.route=intravenous", "therapy.msc.day=0")
RUNS = {  # scenario: overrides and steps, so that all kinds, routes, comparators and old plaques have their turn
    "acute": ((*SMALL, *INTRAVENOUS, "therapy.dimethyl_fumarate.day=0"), 100),
    "eae": (("therapy.msc.dose=1e6", "therapy.msc.route=intrathecal", "therapy.msc.day=0", "therapy.ahsct.day=1"), 260),
    "human_chronic": (("therapy.anti_cd20.day=0", "therapy.natalizumab.day=0.1"), 20),
    "lpc": (("therapy.msc.dose=3000 cells/mm^3", "therapy.msc.route=local", "therapy.msc.day=0"), 20),
    "coculture": ((), 60),
}
TINY = ("grid.size=[60, 60]", "tissue.oligodendrocyte_reach=60 um", "tissue.venules.positions.central={x: 30, y: 30}")
TINY_MSC = ("therapy.msc.dose=20000 cells/mm^3", "therapy.msc.route=local", "therapy.msc.day=0")
TINY_STEPS = 2


def run(machine, scenario, overrides, steps):
    model = LesionModel(load(scenario, overrides=overrides), machine)
    for _ in range(steps):
        model.step()
    return model


@pytest.mark.parametrize("scenario", RUNS)
def test_arrays_of_the_device_and_of_the_host_never_meet(scenario, monkeypatch):
    """Everything a run does works with arrays that refuse each other, also what its kernels are given; with the CPU's digest."""
    overrides, steps = RUNS[scenario]
    model = run(pretended_gpu(monkeypatch), scenario, overrides, steps)
    model.check()
    model.cell_table()
    model.profile()
    for name in model.layer_names:
        model.field_frame(name)
    digest = model.digest()
    assert digest == run(Machine(), scenario, overrides, steps).digest()
    model.restore(model.state())
    assert model.digest() == digest


def test_the_host_waits_for_the_device_a_few_times_a_step(monkeypatch):
    """For fates, arrivals, sums of fields and lost sheaths; not for elements that truths pick."""
    overrides, steps = RUNS["acute"][0], 40
    model = run(pretended_gpu(monkeypatch), "acute", overrides, 60)
    with waits() as counted:
        for _ in range(steps):
            model.step()
    assert set(counted) <= {"get", "pick"}
    assert 1 * steps <= counted["pick"] <= 2 * steps  # cells that do not stay, voxels that lost sheaths
    assert counted["get"] <= 12 * steps  # those of tables too, where fields that come up are put together anew


def test_the_strict_arrays_refuse_what_a_gpu_refuses():
    there, here = DeviceModule().zeros(3, np.float32), np.ones(3, np.float32)
    attempts = (
        lambda: there + here,
        lambda: here * there,
        lambda: np.flatnonzero(there),
        lambda: there.__getitem__(here.astype(bool)),
        lambda: there.__setitem__(slice(None), here),
    )
    for attempt in attempts:
        with pytest.raises(TypeError, match="device"):
            attempt()
    assert isinstance(there + np.float32(1), type(there)) and type(there.get()) is np.ndarray


def test_a_run_in_the_simulator_is_the_run_of_the_cpu():
    """The model on the CUDA target, every loop a CUDA kernel; in a process of its own: the simulator replaces numba.cuda."""
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, __file__], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == run(Machine(), "demo", (*TINY, *TINY_MSC), TINY_STEPS).digest()


def test_a_fused_multiply_add_is_seen(monkeypatch):
    assert not contracts(Machine())

    def fused(machine, n, a, b, c, out):
        out[:] = (a.astype(np.float64) * b + c).astype(np.float32)

    monkeypatch.setattr("kernels.contraction.multiply_add", fused)
    assert contracts(Machine())


def test_auto_takes_a_gpu_where_it_pays_and_says_why(monkeypatch):
    monkeypatch.setattr(device, "find_gpu", lambda: (None, "no CUDA device was found on this machine"))
    assert (found := device.open_machine("auto", 3, 10**9)).target == "cpu" and found.threads == 3
    assert found.why == "no CUDA device was found on this machine"
    monkeypatch.setattr(device, "find_gpu", lambda: ("a GPU", ""))
    monkeypatch.setattr(device, "_open_gpu", lambda: Machine("cuda"))
    small = device.open_machine("auto", 3, 57_600)
    assert small.target == "cpu" and small.why.startswith("57,600 voxels are too few for a GPU to pay (from 262,144 on")
    large = device.open_machine("auto", 3, 10**6)
    assert large.target == "cuda" and large.why == "a GPU pays with 1,000,000 voxels"

    def broken():
        raise RuntimeError("backend cuda: it contracts; install another, or use --backend cpu")

    monkeypatch.setattr(device, "_open_gpu", broken)
    fallen = device.open_machine("auto", 3, 10**6)
    assert fallen.target == "cpu" and fallen.why == "backend cuda: it contracts; install another"
    assert not device.open_machine("cpu").why


def test_a_gpu_that_cannot_be_had_is_told(monkeypatch):
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(RuntimeError, match=r'is not installed; pip install "remyelin\[gpu13\]"'):
        device.open_machine("cuda")
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace())
    monkeypatch.setattr(device, "find_gpu", lambda: (None, "no CUDA device was found on this machine"))
    with pytest.raises(RuntimeError, match="no CUDA device was found on this machine; use --backend cpu"):
        device.open_machine("cuda")


@pytest.mark.parametrize(
    ("status", "driver", "why"),
    [
        (35, True, r'too old for the packages installed: pip install "remyelin\[gpu12\]"'),
        (35, False, "no CUDA device was found on this machine$"),
        (100, True, r"no CUDA device was found on this machine \(cudaError 100\)"),
    ],
)
def test_cuda_says_too_old_where_there_is_no_driver_too(monkeypatch, status, driver, why):
    class CUDARuntimeError(RuntimeError):
        pass

    def refuse(number):
        error = CUDARuntimeError(f"cudaError {status}")
        error.status = status
        raise error

    runtime = SimpleNamespace(getDeviceProperties=refuse, CUDARuntimeError=CUDARuntimeError)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=SimpleNamespace(runtime=runtime)))
    monkeypatch.setattr(device, "has_driver", lambda: driver)
    name, told = device.find_gpu()
    assert name is None and re.search(why, told)


if __name__ == "__main__":
    print(run(device.open_machine("cuda"), "demo", (*TINY, *TINY_MSC), TINY_STEPS).digest())
