"""The benchmarks compute what they time, and ``bench`` tells it."""

import json
import sys
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from abm.config import load
from abm.model import LesionModel
from experiments.bench import (
    acute,
    agents,
    cells,
    cells_reference,
    diffusion,
    lesion,
    scale,
    solution,
    tiles,
    workloads,
    yardstick,
)
from experiments.bench.figures import Figure
from experiments.bench.peer_mesa import Wanderers
from experiments.bench.result import ratios, read_result, verdict
from experiments.cli import call
from experiments.failures import FAILED, INVALID, Refused, RunFailed

# --- correctness before timing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape, threads", [((16, 12, 1), 1), ((8, 8, 8), 2)])
def test_a_stage_is_checked_before_it_is_timed(monkeypatch, shape, threads):
    monkeypatch.setattr(diffusion, "REPEATED", 1.0)
    assert diffusion.stage_seconds(shape, 2, threads) > 0
    monkeypatch.setattr(diffusion, "_exact_stage", lambda grid, *arrays: np.zeros(shape[::-1]))
    with pytest.raises(RunFailed, match="W-DIFF: a stage differs from its float64 computation"):
        diffusion.stage_seconds(shape, 2, threads)


def test_an_hour_with_too_large_an_error_is_not_timed(monkeypatch):
    monkeypatch.setattr(solution, "largest_error", lambda *arguments: 0.02)
    with pytest.raises(RunFailed, match=r"W-X: the error is 2.00%, more than 1%"):
        list(solution.hour("W-X", True, 1, None, 1.0, 1e9))


def test_agents_are_where_numpy_has_them():
    """They climb to a corner, where many a step would leave the field; both states occur."""
    at = np.arange(20, dtype=np.float32)
    flock = agents.Agents(np.add.outer(at, -at), 500)
    flock.check(steps=40)
    assert 0 < flock.state.sum() < 500 and flock.bytes_each == 9
    assert flock.row.max() == 19 and flock.column.min() == 0
    assert np.mean((flock.row == 19) & (flock.column == 0)) > 0.5


def test_agents_that_are_elsewhere_are_noticed(monkeypatch):
    monkeypatch.setattr(agents, "wander", lambda *arguments: None)
    with pytest.raises(RunFailed, match="of 300 agents differ from their computation by numpy"):
        agents.Agents(agents.field(20), 300).check()


def test_agents_climb_and_go_to_each_neighbour_alike():
    """On a cone all climb unless they step at random: three in ten, to the eight neighbours alike."""
    at = np.arange(64)
    cone = -np.hypot(at[:, None] - 31.5, at[None, :] - 31.5).astype(np.float32)
    flock = agents.Agents(cone + 100, 80_000)
    inside = (np.minimum(flock.row, flock.column) > 0) & (np.maximum(flock.row, flock.column) < 63)
    before, height = (flock.row.copy(), flock.column.copy()), cone[flock.row, flock.column]
    flock.step()
    climbed = (cone[flock.row, flock.column] > height)[inside].mean()
    assert 0.7 < climbed < 0.7 + 0.3 / 2
    seen = Counter(zip((flock.row - before[0])[inside], (flock.column - before[1])[inside]))
    assert set(seen) >= set(agents.NEIGHBOURS[1:])


def test_mesas_agents_do_the_same():
    """After the same number of steps as many are on, and they stand as high."""
    bumps = agents.field(64)
    ours, theirs = agents.Agents(bumps, 4000), Wanderers(bumps, 4000)
    for _ in range(12):
        ours.step()
        theirs.step()
    assert np.mean([bumps[one.row, one.column] for one in theirs.agents]) == pytest.approx(
        bumps[ours.row, ours.column].mean(), rel=0.02
    )
    assert np.mean([one.on for one in theirs.agents]) == pytest.approx(ours.state.mean(), rel=0.2)


def test_cells_exchange_what_they_should(monkeypatch):
    """The model of W-CELLS on 24 x 24 voxels against the float64 computation along the paths of its cells."""
    monkeypatch.setattr(cells_reference, "EDGE", 24)
    monkeypatch.setattr(cells_reference, "SIDE", 480.0)
    model = cells.cells(600)
    assert model.counts() == {"a": 300, "b": 300}
    assert cells.follow(model, 600) < cells.MOST_WRONG
    levels = [model.field_frame(f"s{s}").mean() for s in range(10)]
    assert np.ptp(levels[:5]) == np.ptp(levels[5:]) == 0.0  # five substances alike
    assert min(levels) > 3.0 and levels[0] == pytest.approx(levels[5], rel=0.1)


def test_the_lattice_fills_the_domain_with_both_types_in_turn():
    places, types = cells_reference.lattice(900)
    assert abs(int(types.sum()) - 450) <= 15
    assert places.min() > 0 and places.max() < cells_reference.SIDE
    step = cells_reference.SIDE / 30
    regular = (np.stack([np.arange(900) % 30, np.arange(900) // 30], axis=1) + 0.5) * step
    assert 0.09 * step < np.abs(places - regular).max() <= 0.1 * step


def test_a_tiled_lesion_does_what_the_lesion_does():
    config = load("acute", overrides=tiles.size(2))
    assert len(config.tissue.venules.positions) == 4 and config.tissue.venules.spacing is None
    assert config.tissue.trigger.windows["onset"].venule is None
    one = LesionModel(load("acute", overrides=tiles.size(1)))
    for _ in range(3):
        one.step()
    one.restore(one.state())
    four = tiles.tile(one, 2)
    assert lesion.cells_of(four) == 4 * lesion.cells_of(one)
    lesion.check(one, four, 2)
    four.laws.row("source.ccl2")[:] += 1.0
    with pytest.raises(RunFailed, match=r"source\.ccl2 of a tile differs"):
        lesion.check(one, four, 2)


def test_slabs_and_threads_are_checked_before_they_are_told(monkeypatch):
    one = LesionModel(load("acute", overrides=tiles.size(1)))
    one.step()
    one.restore(one.state())
    told = [*scale.of_slabs(one, (1, 3)), *scale.of_threads(one, 4 * lesion.cells_of(one))]
    assert [figure.name.split(":")[0].split(" of ")[0].split(",")[0] for figure in told][:3] == [
        "1 slab",
        "3 slabs",
        "1 thread",
    ]
    assert all(figure.value > 0 for figure in told)
    digests = iter("abcdefgh")
    monkeypatch.setattr(LesionModel, "digest", lambda self, slab=0: next(digests))
    with pytest.raises(RunFailed, match="of 2 lesions side by side some differ"):
        list(scale.of_slabs(one, (2,)))


def test_the_exponent_is_that_of_a_power_law():
    assert lesion.exponent({n: 3e-7 * n**1.25 for n in (1e5, 1e6, 4e6)}) == pytest.approx(1.25)


def test_a_size_that_does_not_fit_is_not_begun():
    with pytest.raises(RunFailed, match=r"W-STEP: 4e6 cells need 1000000\.0 GB of memory, and .* GB are free"):
        lesion.refuse_if_too_large("4e6", 1e15)
    lesion.refuse_if_too_large("1e5", 1e6)


def test_a_run_is_measured_in_a_process_of_its_own(tmp_path, monkeypatch):
    arguments = ("diffusion", "--days", "0.02", "--threads", "1")
    found = {figure.name: figure.value for figure in acute.run_figures(tmp_path / "run", *arguments)}
    assert found["threads"] == 1 and found["simulated"] == pytest.approx(5 * 6 / 1440)
    assert 0.02 < found["most memory"] < 2.0
    phases = [value for name, value in found.items() if name.startswith("of it ")]
    assert sum(phases) == pytest.approx(found["from the command to its end"])
    monkeypatch.setattr(acute, "MOST_LOST", -1.0)
    with pytest.raises(RunFailed, match="is missing in its budget"):
        list(acute.run_figures(tmp_path / "other", *arguments))


def test_a_run_that_fails_is_told():
    with pytest.raises(RunFailed, match=r"run nowhere .*: ended with 2: .*nowhere"):
        acute.run("unused", "nowhere")


def test_the_peak_of_memory_is_that_since_it_was_forgotten():
    yardstick.forget_peak()
    before = yardstick.peak()
    held = np.ones(8_000_000)
    assert yardstick.peak() >= before + 0.9 * held.nbytes


# --- what is told -------------------------------------------------------------------------------------------------------

STAGE = Figure("stage", 0.6, "ns", timed=True)
RATIO = Figure("ratio", 0.7, "x", at_most=1.2)


@pytest.fixture
def made_up(monkeypatch):
    """Two workloads of which the second computes the wrong thing; the first has a peer."""

    def wrong(speed):
        yield STAGE
        raise RunFailed("W-TWO: all wrong")

    def peer(ours):
        yield Figure("peer / ours", 6.0 / ours["stage"], "x", at_least=5.0)

    monkeypatch.setattr(yardstick, "bandwidth", lambda: 2e10)
    modules = {"one": lambda speed: iter([STAGE, RATIO]), "two": wrong, "peer": peer}
    for name, figures in modules.items():
        monkeypatch.setitem(sys.modules, f"experiments.bench.{name}", SimpleNamespace(figures=figures))
    mesa, missing = workloads.Peer("mesa", "peer"), workloads.Peer("no_such_peer", "peer")
    made = {
        "W-ONE": workloads.Workload("one", "one", mesa),
        "W-TWO": workloads.Workload("two", "two"),
        "W-SIX": workloads.Workload("one again", "one", missing),
    }
    monkeypatch.setattr(workloads, "WORKLOADS", made)
    monkeypatch.setattr("experiments.bench.command.WORKLOADS", made)


def test_figures_are_told_as_a_table(made_up, capsys):
    assert call(["bench", "--workload", "W-ONE"]) == 0
    told, aside = capsys.readouterr()
    assert "20.0 GB/s on one thread" in told and "<= 1.2 met" in told and "peer" not in told
    assert "W-ONE: one ..." in aside


def test_figures_are_told_as_json(made_up, capsys):
    assert call(["bench", "--workload", "W-ONE", "--json"]) == 0
    told, aside = capsys.readouterr()
    result = json.loads(told)
    assert [figure["value"] for figure in result["workloads"]["W-ONE"]] == [0.6, 0.7]
    assert result["status"] == "done" and result["error"] is None and result["bandwidth_gb_s"] == 20.0
    assert "<= 1.2 met" in aside


def test_a_peer_is_run_beside_ours_and_one_that_is_missing_stops_nothing(made_up, capsys):
    assert call(["bench", "--workload", "W-SIX", "--workload", "W-ONE", "--peers", "--json"]) == 0
    told, aside = capsys.readouterr()
    result = json.loads(told)
    assert result["workloads"]["W-ONE"][-1]["value"] == pytest.approx(10.0)
    assert len(result["workloads"]["W-SIX"]) == 2
    missing = 'W-SIX: the peer no_such_peer is not installed; pip install "remyelin[peers]"'
    assert result["left_out"] == [missing] and missing in aside


def test_a_peer_that_fails_is_left_out(made_up, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "experiments.bench.peer", SimpleNamespace(figures=lambda ours: [ours["gone"]]))
    assert call(["bench", "--workload", "W-ONE", "--peers", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == ["W-ONE: the peer mesa failed: KeyError: 'gone'"]


def test_a_workload_that_is_wrong_stops_no_other(made_up, capsys):
    assert call(["bench", "--workload", "W-TWO", "--workload", "W-ONE", "--json"]) == FAILED
    result = json.loads(capsys.readouterr().out)
    assert result["status"] == "failed" and result["error"] == "W-TWO: all wrong"
    assert [len(result["workloads"][name]) for name in ("W-TWO", "W-ONE")] == [1, 2]


def test_a_result_is_set_beside_an_earlier_one(made_up, tmp_path, capsys):
    """A machine half as fast in memory may take twice the time: then nothing changed."""
    old = {"bandwidth_gb_s": 40.0, "workloads": {"W-ONE": [{"name": "stage", "value": 0.3}]}}
    (tmp_path / "old.json").write_text("some progress\n" + json.dumps(old))
    assert call(["bench", "--workload", "W-ONE", "--compare", str(tmp_path / "old.json")]) == 0
    told = capsys.readouterr().out.splitlines()
    assert next(line for line in told if line.startswith("stage")).endswith("1.00")
    now = {"bandwidth_gb_s": 20.0, "workloads": {"W-ONE": [{"name": "stage", "value": 0.9, "timed": True}]}}
    assert ratios(now, read_result(tmp_path / "old.json")) == {"W-ONE stage": pytest.approx(1.5)}


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", '{"bandwidth_gb_s": 1, "workloads": [1]}', '{"bandwidth_gb_s": 1, "workloads": {"W": [1]}}'],
)
def test_a_file_that_is_no_result_is_refused(tmp_path, text):
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(Refused, match=r"odd\.json: not what `remyelin bench --json` printed"):
        read_result(tmp_path / "odd.json")
    with pytest.raises(Refused, match="cannot be read"):
        read_result(tmp_path / "none.json")


def test_an_unknown_workload_is_refused(capsys):
    assert call(["bench", "--workload", "W-NONE"]) == INVALID
    assert "W-NONE: there is no such workload; there are W-DIFF, W-TTS" in capsys.readouterr().err


@pytest.mark.parametrize(
    "least, most, value, words",
    [
        (None, None, 1.0, ""), (None, 2.0, 2.0, "<= 2 met"), (None, 2.0, 2.1, "<= 2 MISSED"), (50.0, None, 49.0, ">= 50 MISSED"),
        (0.95, 1.05, 1.0, "0.95 to 1.05 met"), (0.95, 1.05, 0.9, "0.95 to 1.05 MISSED"),
    ],
)  # fmt: skip
def test_a_figure_is_held_against_its_target(least, most, value, words):
    assert verdict({"at_least": least, "at_most": most, "value": value}) == words
