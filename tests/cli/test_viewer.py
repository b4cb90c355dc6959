"""The page in the browser: it shows what the runs hold, on one clock and one scale, and asks nothing of a network."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from types import SimpleNamespace

import numpy as np
import panel
import pytest

from abm import Run
from experiments.palette import tissue_colours
from experiments.scene import Scene
from experiments.viewer import server
from experiments.viewer.field_map import FieldMap, bar_of, scale_of, shared_mapper
from experiments.viewer.ground import MOST_VOXELS, fewer, smooth
from experiments.viewer.lesion_view import LesionView
from experiments.viewer.page import Page
from experiments.viewer.server import content, server_of
from experiments.viewer.shelf import Shelf
from experiments.viewer.side_by_side import Window
from experiments.viewer.tissue_map import TissueMap
from tests.cli.painted import SIDE, VOXEL, PaintedRun, hole

LARGE = ("grid.size=[2000, 2000]",)
EVIL = "<img src=http://elsewhere.example/x>"


def drawn(image):
    """The colours in the middles of voxels, of an image as it goes to the canvas."""
    pixels = np.asarray(image.data["image"][0])
    times = len(pixels) // (SIDE // VOXEL)
    middles = pixels[times // 2 :: times, times // 2 :: times]
    return np.ascontiguousarray(middles).view(np.uint8).reshape(*middles.shape, 4)


def spot(day):
    """Myelin of a large grid that is gone in its middle from day 8 on."""
    myelin = np.ones((100, 100))
    if day >= 8:
        myelin[45:55, 45:55] = 0
    return myelin


def window_of(scene):
    window = Window(scene)
    return window.x, window.y


@pytest.fixture
def page(finished):
    def open_page(*folders, **asked):
        shelf = Shelf(folders or (finished,))
        return Page(shelf, shelf.first, asked)

    return open_page


@pytest.fixture
def growing(finished, tmp_path):
    """A run folder with as many frames as a test says, as a run leaves it that goes on."""
    info, folder = Run.load(finished).info, tmp_path / "growing"
    folder.mkdir()
    for name in ("resolved.yaml", "profiles.csv", "events.jsonl", "fields.zarr", "cells"):
        (folder / name).symlink_to(finished / name)
    rows = (finished / "measures.csv").read_text().split("\n")

    def grow(frames, status="running"):
        (folder / "measures.csv").write_text("\n".join(rows[: 2 + 2 * frames]) + "\n")
        (folder / "run.json").write_text(json.dumps({**info, "frames": frames, "status": status}))
        return folder

    return grow


# --- what is shown ------------------------------------------------------------------------------------------------------


def test_tissue_is_mixed_as_in_the_pictures():
    layers = {"myelin": hole, "remyelinated": lambda day: 0.4 * hole(day), "debris": lambda day: 0.5}
    run = PaintedRun([0, 5], layers)
    scene = Scene([run], 600)
    tissue = TissueMap(scene, *window_of(scene))
    tissue.show(scene, run, 5, set())
    ones = np.ones((SIDE // VOXEL, SIDE // VOXEL))
    expected = tissue_colours(hole(5), 0.4 * hole(5), 0.5 * ones)
    np.testing.assert_array_equal(drawn(tissue.image)[..., :3], expected)
    assert (drawn(tissue.image)[..., 3] == 255).all()
    assert tissue.image.data["width"] == [SIDE] == tissue.image.data["height"]


def test_cells_stand_in_their_place_and_tell_about_themselves(finished):
    run = Run.load(finished)
    scene = Scene([run], 600)
    tissue = TissueMap(scene, *window_of(scene))
    day = float(run.frame_days[2])
    tissue.show(scene, run, day, {"msc"})
    cells = run.cells(day).set_index("uid")
    cells = cells[cells["kind"] == "microglia"]
    shown = tissue.sources["microglia.resting"].data
    there = cells.loc[shown["uid"]]
    assert len(there) == int((cells["active"] <= 0.5).sum()) > 0
    np.testing.assert_array_equal(shown["x"], there["x"].to_numpy(float))
    np.testing.assert_array_equal(shown["age"], there["age"].to_numpy(float))
    assert shown["state"] == there["state"].tolist()
    assert tissue.points["microglia.resting"].glyph.fill_color == run.config.cells["microglia"].colour
    assert not tissue.points["msc"].visible and tissue.points["microglia.resting"].visible
    tips = next(tool.tooltips for tool in tissue.figure.hover if tissue.points["msc"] in tool.renderers)
    assert tips[:3] == [("Stem cells (MSC)", "@state"), ("uid", "@uid"), ("age, h", "@age{0.00}")]


def test_the_legend_counts_and_hides_cells(finished):
    run = Run.load(finished)
    scene = Scene([run], 600)
    view = LesionView(scene, ["untreated"], Window(scene))
    view.show(float(run.frame_days[1]))
    number = int((run.cells(run.frame_days[1])["kind"] == "msc").sum())
    assert view.key.choice.options["Stem cells (MSC)"] == "msc" and f">{number:,}</td>" in view.key.counts.object
    view.key.choice.value = [name for name in view.key.choice.value if name != "msc"]
    assert not view.maps[0].points["msc"].visible
    view.key.choice.value = [*view.key.choice.value, "msc"]
    assert view.maps[0].points["msc"].visible


def test_a_field_keeps_its_scale_on_all_days_and_in_all_runs():
    weak, strong = (
        PaintedRun(
            [0, 5], {"tnf": lambda day, most=most: np.linspace(0, most * (day + 1), SIDE // VOXEL)}, folder=str(most)
        )
        for most in (10, 100)
    )
    scene, mapper = Scene([weak, strong], 600), shared_mapper()
    mapper.low, mapper.high = scale_of(scene, "tnf")
    assert (mapper.low, mapper.high) == (0, 600)
    for run in scene.runs:
        field = FieldMap(scene, mapper, *window_of(scene))
        field.show(scene, run, 5, "tnf")
        image = field.image.data["image"][0]
        assert image[:, 0] == pytest.approx(0) and image[:, -1] == pytest.approx(run.painted["tnf"](5)[-1])
    assert "TNF-α, pg/mL" in bar_of(mapper.low, mapper.high, "TNF-α", "pg/mL", outlined=True)


def test_large_grids_are_averaged_and_small_ones_drawn_finer():
    large = np.zeros((MOST_VOXELS + 6, 2 * MOST_VOXELS + 6), np.float32)
    small, (width, height) = fewer(large)
    assert max(small.shape) <= MOST_VOXELS and 0.99 < width <= 1 and 0.99 < height <= 1
    coarse = np.arange(12, dtype=np.float32).reshape(3, 4)
    fine = smooth(coarse)
    times = fine.shape[0] // 3
    assert fine.shape == (3 * times, 4 * times) and times % 2
    np.testing.assert_allclose(fine[times // 2 :: times, times // 2 :: times], coarse, rtol=1e-6)


def test_the_clock_moves_map_charts_and_address(page, finished):
    shown = page(day="0.1")
    assert shown.clock.day == pytest.approx(1 / 12) and "day 0.083" in shown.clock.text.object
    lesion = shown.view
    first = lesion.maps[0].sources["msc"].data["x"]
    shown.clock.player.value = 3
    assert shown.clock.day == 0.25 == shown.clock.cursor.location
    assert [chart.cursor.location for chart in lesion.charts.charts] == [0.25] * len(lesion.charts.charts)
    assert lesion.charts.charts[0].past[0].data["x"][-1] == 0.25
    assert not np.array_equal(first, lesion.maps[0].sources["msc"].data["x"])
    assert shown.address.value == "?run=run&view=lesion&day=0.25"
    shown.choice.value = "series"
    assert shown.address.value == "?run=run&view=series&day=0.25"
    again = page(day="0.25", view="series")
    assert again.clock.day == 0.25 and again.choice.value == "series"
    assert page(day="never", view="nothing").choice.value == "lesion"


def test_read_outs_are_chosen_by_name_and_have_units(page):
    shown = page(view="series")
    options = shown.view.choice.options
    assert options["TNF-α, mean"] == "mean.tnf" and options["Axon loss"] == "axon_loss"
    shown.view.choice.value = ["mean.tnf"]
    assert shown.view.charts.charts[-1].figure.title.text.text.startswith("TNF-α, mean, pg/mL:  ")
    doses = [line for line in shown.view.charts.charts[-1].figure.center if getattr(line, "line_dash", []) == [2, 4]]
    assert [line.location for line in doses] == [day for day, _ in shown.scene.marks(shown.runs[0])]


def test_runs_side_by_side_share_clock_and_zoom(page, finished, growing):
    shown = page(finished, growing(3, "done"))
    one, other = shown.view.maps
    assert one.figure.x_range is other.figure.x_range and one.figure.y_range is other.figure.y_range
    assert shown.clock.day == float(shown.runs[0].frame_days[-1]) > float(shown.runs[1].frame_days[-1])
    assert ["ended on day 0.167" in note.object for note in shown.view.notes] == [False, True]
    assert [len(chart.whole) for chart in shown.view.charts.charts] == [2] * len(shown.view.charts.charts)
    assert len(re.findall('class="number"', shown.view.key.counts.object)) == 2 * len(shown.view.key.names)
    shown.choice.value = "fields"
    assert shown.view.maps[0].figure.x_range is one.figure.x_range and shown.view.mapper.low == 0


# --- runs that go on ----------------------------------------------------------------------------------------------------


def test_a_page_follows_a_run_that_goes_on(page, growing, finished):
    folder = growing(2)
    shown = page(folder)
    assert shown.clock.player.end == 1 == shown.clock.player.value
    assert "stopped" in shown.states.object and "remyelin resume" in shown.states.object
    growing(4)
    shown.follow()
    assert shown.clock.player.end == 3 == shown.clock.player.value  # it stood on the last day, and still does
    assert shown.clock.day == 0.25 == shown.view.charts.charts[0].cursor.location
    assert "cells of day" not in shown.view.notes[0].object
    (folder / "cells").unlink()
    (folder / "cells").mkdir()
    (folder / "cells" / "part-000000.parquet").symlink_to(finished / "cells" / "part-000000.parquet")
    (folder / "measures.csv").touch()
    shown.follow()
    assert "cells of day 0.083, the last checkpoint" in shown.view.notes[0].object
    shown.clock.player.value = 1
    (folder / "measures.csv").touch()
    shown.follow()
    assert shown.clock.player.value == 1
    growing(4, "done")
    shown.follow()
    assert shown.states.object == ""
    (folder / "run.json").unlink()
    shown.follow()
    assert "is no run folder" in shown.states.object


def test_maps_go_to_the_lesion_unless_somebody_has_moved_them():
    early, late = (Scene([PaintedRun(days, {"myelin": spot}, overrides=LARGE)], 600) for days in ([0, 4], [0, 4, 8]))
    assert early.window != late.window
    window = Window(early)
    window.load(late)
    assert window.place == late.window and window.days.end == 8
    window.x.start += 10
    moved = window.place
    window.load(early)
    assert window.place == moved


def test_a_run_without_frames_is_waited_for(growing):
    shown = content(Shelf([growing(0)]), {})
    assert "has no frames yet" in shown.object


# --- what is served -----------------------------------------------------------------------------------------------------


def test_everything_comes_from_this_computer(finished):
    shelf = Shelf([finished])
    serving = server_of(shelf, None)
    try:
        assert serving._http and all(sock.getsockname()[0] == "127.0.0.1" for sock in serving._http._sockets.values())
        serving.start()
        text = fetched(serving, f"http://127.0.0.1:{serving.port}/")
    finally:
        serving.stop()
    sources = re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)""", text)
    assert sources and not [source for source in sources if "//" in source]
    assert not re.search(r"https?://(?!127\.0\.0\.1)", text)


def fetched(serving, address):
    """Ask for a page while the server runs in this thread."""
    from tornado.httpclient import AsyncHTTPClient

    answer = serving.io_loop.run_sync(lambda: AsyncHTTPClient().fetch(address, request_timeout=60))
    return answer.body.decode()


def test_texts_of_folders_are_no_html(finished, tmp_path):
    folder = tmp_path / "runs" / EVIL.replace("/", "_")
    folder.mkdir(parents=True)
    info = Run.load(finished).info
    (folder / "run.json").write_text(json.dumps({**info, "name": EVIL, "status": "failed", "error": EVIL}))
    (tmp_path / "runs" / "other").symlink_to(finished)
    listed = content(Shelf([tmp_path / "runs"]), {}).object
    assert EVIL not in listed and "&lt;img" in listed and "<img" not in listed


def test_only_runs_of_the_folders_named_can_be_asked_for(finished, tmp_path):
    shelf = Shelf([finished])
    assert shelf.chosen(["../../etc", "elsewhere"]) == ["run"]


def test_the_page_says_what_it_is(page):
    shown = page()
    texts = " ".join(str(pane.object) for pane in shown.box.select(panel.pane.HTML))
    for words in (
        "Demonstration",
        "not for clinical use",
        "day 0.3",
        "20 MSC local, day 0.05 and 1 more",
        "0.2 × 0.2 mm",
    ):
        assert words in texts
    assert {"Lesion", "Fields", "Series"} == set(shown.choice.options)


# --- the command --------------------------------------------------------------------------------------------------------


def test_what_cannot_be_shown_is_said(remyelin, finished, tmp_path):
    (tmp_path / "empty").mkdir()
    for folders, sentence in (
        (("nowhere",), "nowhere is no folder; name that of a study, of runs, or of one run\n"),
        (("empty",), "there is no run below empty\n"),
        ((finished, "empty"), "there is no run below empty\n"),
    ):
        answer = remyelin("view", *folders, "--no-browser")
        assert (answer.code, answer.err) == (2, sentence)


def test_a_damaged_run_is_refused(remyelin, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    answer = remyelin("view", tmp_path / "run", "--no-browser")
    assert answer.code == 2 and "damaged" in answer.err and len(answer.err.splitlines()) == 1


def test_a_port_in_use_is_said(remyelin, finished):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        answer = remyelin("view", finished, "--port", other.getsockname()[1], "--no-browser")
    assert answer.code == 2 and answer.err.endswith("address already in use; name another with --port, or none\n")


def test_a_package_that_is_missing_is_named(remyelin, finished, monkeypatch):
    monkeypatch.setitem(sys.modules, "panel", None)
    monkeypatch.delitem(sys.modules, "experiments.viewer.server")
    answer = remyelin("view", finished, "--no-browser")
    assert answer.code == 2 and answer.err == 'view needs the package panel: pip install "remyelin[viewer]"\n'


def test_a_browser_is_opened_only_on_a_screen(monkeypatch):
    monkeypatch.setattr(
        server, "os", SimpleNamespace(name="posix", environ={}, uname=lambda: SimpleNamespace(sysname="Linux"))
    )
    assert not server.has_screen()
    server.os.environ["DISPLAY"] = ":0"
    assert server.has_screen()


def test_it_serves_until_it_is_stopped(finished, tmp_path):
    command = [sys.executable, "-m", "experiments", "view", str(finished), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().split()[0]
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert "<title>remyelin</title>" in answer.read().decode()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (0, "ended\n", "")
