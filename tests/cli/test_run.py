"""A run leaves a folder that says what it was, and is found again; nothing is ever overwritten."""

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tiny_run import DAYS, OVERRIDES, QUICK, STEPS, TINY

from abm import Run, load
from experiments import checkpoints

ANSWER = {
    "run", "status", "seed", "backend", "threads", "steps", "days", "wall_s", "cells", "digest", "measures", "error",
}  # fmt: skip


def test_the_folder_has_the_layout_of_the_contract(finished):
    assert {path.name for path in finished.iterdir()} == {
        "config.yaml", "resolved.yaml", "run.json", "measures.parquet", "measures.csv", "profiles.parquet", "profiles.csv",
        "fields.zarr", "cells", "checkpoints", "events.jsonl", "log.txt",
    }  # fmt: skip
    assert (finished / "config.yaml").read_text() == load("demo").source_text
    assert not list(finished.rglob(".*"))


@pytest.mark.parametrize(
    ("plan", "what"),
    [
        ("therapy.msc.doses.late.day=0.3", "dose late begins on day 0.3"),
        ("therapy.natalizumab.day=2", "natalizumab begins on day 2"),
    ],
)
def test_what_begins_after_the_end_is_warned_of_and_changes_nothing_else(remyelin, plan, what):
    """As with other warnings: a line on standard error and in the log; the run itself is done as ever."""
    answer = remyelin("run", "demo", *TINY, "--set", plan, "--set", "output.frames_every=7 h", "--json")
    sentence = (
        f"{what}, and the run ends on day 0.3: it is never given; make the run longer (--days), or let it begin earlier"
    )
    assert (answer.code, answer.json["status"]) == (0, "done")
    assert f"warning: {sentence}" in answer.err.splitlines()
    assert sentence in (answer.folder / "log.txt").read_text()


def test_what_begins_in_the_last_step_is_not_warned_of():
    from abm.doses_in_tissue import never_given

    last = "therapy.msc.doses.late.day=0.2958"  # the last step of 6 min begins on day 0.29583
    assert never_given(load("demo", [*OVERRIDES, last], days=DAYS)) == []


def test_run_json_says_what_made_the_run(finished):
    info = json.loads((finished / "run.json").read_text())
    assert info["status"] == "done" and info["error"] is None
    assert info["steps"] == STEPS and info["days"] == pytest.approx(DAYS) and info["frames"] == 5
    assert re.fullmatch("[0-9a-f]{64}", info["digest"])
    assert re.fullmatch("[0-9a-f]{12}", info["identity"])
    assert {"numpy", "numba", "mesa", "python"} <= set(info["versions"])
    assert info["citations"] and set(info["citations"]) <= set(load("demo").references)
    assert {"sense", "act", "diffuse"} <= set(info["phases"])
    assert [part["to_step"] for part in info["sessions"]] == [STEPS]


def test_the_digest_is_that_of_the_model_stepped_by_hand(finished):
    from abm import LesionModel

    run = Run.load(finished)
    model = LesionModel(run.config)
    for _ in range(STEPS):
        model.step()
    assert model.digest() == run.info["digest"]
    assert run.measures.iloc[-1]["count.opc"] == model.counts()["opc"]


def test_a_run_reads_back(finished):
    run = Run.load(finished)
    assert run.config.identity() == load("demo", OVERRIDES, days=DAYS).identity()
    np.testing.assert_allclose(run.frame_days * 24, [0, 2, 4, 6, 7.2])
    np.testing.assert_allclose(run.measures["day"] * 24, [*range(8), 7.2])
    assert run.measures.equals(pd.read_parquet(finished / "measures.parquet"))
    tnf = run.field("tnf", 0.26)
    assert tnf.dims == ("y", "x") and tnf.shape == (10, 10) and tnf.attrs["unit"] == "pg/mL"
    assert float(tnf.day) == pytest.approx(0.25)
    np.testing.assert_array_equal(tnf.x, np.arange(10) * 20.0 + 10)
    assert {"tnf", "myelin", "axons"} <= set(run.layers)
    cells = run.cells(DAYS)
    assert list(cells)[:6] == ["uid", "kind", "state", "x", "y", "z"]
    counts = cells["kind"].astype(str).value_counts()
    assert counts["opc"] == run.measures.iloc[-1]["count.opc"]
    assert cells[["x", "y"]].to_numpy().min() >= 0 and cells[["x", "y"]].to_numpy().max() <= 200


def test_the_mean_of_a_stored_field_is_the_read_out(finished):
    run = Run.load(finished)
    with xr.open_zarr(finished / "fields.zarr") as stored:
        means = stored["ccl2"].astype(float).mean(("x", "y")).to_numpy()
    np.testing.assert_allclose(means, run.measures["mean.ccl2"].to_numpy()[[0, 2, 4, 6, 8]], rtol=1e-6)


def test_profiles_are_kept_with_every_frame(finished):
    run = Run.load(finished)
    profiles = run.profiles
    np.testing.assert_allclose(np.unique(profiles["day"]), run.frame_days)
    assert list(profiles)[:3] == ["day", "r_um", "volume_mm3"] and {"myelin", "mean.tnf", "density.opc"} <= set(
        profiles
    )
    whole = profiles[profiles["day"] == profiles["day"].max()]
    mean = (whole["mean.ccl2"] * whole["volume_mm3"]).sum() / whole["volume_mm3"].sum()
    np.testing.assert_allclose(mean, run.measures["mean.ccl2"].iloc[-1], rtol=1e-5)


def test_each_dose_is_one_event(finished):
    events = Run.load(finished).events
    assert [(event["kind"], event["day"], event["cells"]) for event in events] == [
        ("dose", 0.05, 20),
        ("dose", 0.25, 10),
    ]


def test_a_run_that_is_not_finished_reads_as_far_as_it_came(remyelin, after_step, finished):
    def look(model):
        run = Run.load("mine")
        assert run.info["status"] == "running" and run.info["steps"] == 50  # the last checkpoint
        assert len(run.measures) == 7 and len(run.frame_days) == 3
        assert len(run.cells(0.25)) == len(whole.cells(4 / 24))
        assert float(run.field("tnf", 9).day) == pytest.approx(4 / 24) and np.isfinite(run.field("tnf", 9)).all()

    whole = Run.load(finished)
    after_step(63, look)
    assert remyelin("run", "demo", *TINY, "--out", "mine", "--quiet").code == 0


def test_a_missing_field_is_named(finished):
    with pytest.raises(Exception, match="did you mean 'tnf'"):
        Run.load(finished).field("tmf", 0)


def test_only_the_last_checkpoint_of_a_finished_run_is_kept_and_is_its_end(finished):
    (path,) = checkpoints.newest_first(finished / "checkpoints")
    counters, state = checkpoints.read(path)
    assert counters["step"] == STEPS == int(state["steps"][0])


def test_an_identical_run_is_found_again_and_force_new_makes_another(remyelin):
    first = remyelin(*QUICK, "--quiet", "--json")
    assert (first.code, first.err) == (0, "") and len(first.out.splitlines()) == 1
    assert set(first.json) == ANSWER
    assert first.json["status"] == "done" and first.json["measures"]["mean.tracer"] > 0
    again = remyelin(*QUICK, "--json", "--set", "output.frames_every=1 h")
    assert again.json == {**first.json, "status": "exists"}
    other = remyelin(*QUICK, "--json", "--force-new").json
    assert other["status"] == "done" and other["digest"] == first.json["digest"]
    assert other["run"] == first.json["run"] + "-2"
    seed = remyelin(*QUICK, "--json", "--seed", 2).json
    assert seed["run"].rpartition("/")[0] == first.json["run"].rpartition("/")[0]
    assert seed["digest"] != first.json["digest"] and seed["seed"] == 2


def test_output_options_and_threads_change_neither_the_name_nor_the_digest(remyelin, finished):
    other = remyelin(
        "run", "demo", *TINY, "--threads", 2, "--set", "output.frames_every=12 h", "--set", "output.fields=[tnf]",
        "--set", "output.cells=[opc]", "--set", "output.measures_every=3 h", "--out", "mine/run", "--json",
    )  # fmt: skip
    assert other.code == 0 and other.json["run"] == "mine/run" and other.json["threads"] == 2
    run = Run.load("mine/run")
    assert run.info["digest"] == Run.load(finished).info["digest"]
    assert run.info["identity"] == Run.load(finished).info["identity"]
    assert "tnf" in run.layers and "myelin" in run.layers and "ccl2" not in run.layers
    assert set(run.cells(DAYS)["kind"]) == {"opc", "venule"} and len(run.frame_days) == 2


def test_without_json_people_get_the_folder_and_the_numbers(remyelin, finished):
    told = remyelin(*QUICK)
    assert told.code == 0
    assert told.out.startswith("done: 0.05 days in ") and "runs/diffusion/" in told.out.splitlines()[-1]


def test_two_starts_of_one_run_give_one_run(tmp_path):
    command = [sys.executable, "-m", "experiments", *QUICK, "--json"]
    both = [subprocess.Popen(command, cwd=tmp_path, stdout=-1, stderr=-1, text=True) for _ in range(2)]
    ends = [(*process.communicate(), process.returncode) for process in both]
    assert sorted(code for _, _, code in ends) in ([0, 0], [0, 2]), ends
    for out, err, code in ends:
        answer = json.loads(out.splitlines()[-1])
        if code == 2:
            assert "is computing this run since" in err and answer["status"] == "invalid"
        else:
            assert answer["status"] in ("done", "exists")
    assert len(list((tmp_path / "runs" / "diffusion").iterdir())) == 1
