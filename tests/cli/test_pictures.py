"""Pictures: what is drawn is what the run holds, where it is and in its colour; films have the frames they should."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray
from matplotlib.colors import rgb_to_hsv, to_rgb

from abm.config import load
from experiments import frames, palette, pictures
from experiments.failures import Refused
from experiments.render import EDGE, view_of

SIDE, VOXEL = 800, 20  # um
MAP_TOP, MAP_PIXELS = 122, 830  # of the view "lesion"
SMALL_DPI = 50


class PaintedRun:
    """A run whose tissue, cells and read-outs a test paints, with the interface of ``abm.run_folder.Run``."""

    def __init__(self, days, layers=None, cells=None, folder="painted", overrides=(), events=()):
        small = [f"grid.size=[{SIDE}, {SIDE}]", "tissue.venules.positions.central.x=400"]
        self.config = load("demo", overrides=[*small, "tissue.venules.positions.central.y=400", *overrides])
        self.name, self.folder = "painted", Path(folder)
        self.frame_days = np.asarray(days, float)
        self.painted = layers or {}
        self.layers = sorted(self.painted)
        self.placed = cells or (lambda day: [])
        self.events = list(events)
        self.info = {}
        self.measures = pd.DataFrame({"day": self.frame_days, "lesion_area_mm2": self.frame_days / 100})

    def nearest(self, day):
        return float(self.frame_days[np.abs(self.frame_days - day).argmin()])

    def field(self, name, day):
        shape = tuple(int(size / VOXEL) for size in reversed(self.config.grid.size))
        values = np.broadcast_to(np.asarray(self.painted[name](self.nearest(day)), np.float32), shape)
        return xarray.DataArray(values, dims=("z", "y", "x")[-len(shape) :])

    def cells(self, day):
        columns = ["kind", "x", "y", "z", "bbb", "active"]
        table = pd.DataFrame(self.placed(self.nearest(day)), columns=columns)
        return table.astype(dict.fromkeys(columns[1:], float)).assign(uid=np.arange(len(table)), state="")


def pixel(view, day, x, y):
    """The colour at a place of the tissue in the map of the view ``lesion``, 0 to 1."""
    picture = view.frame(day)
    left, right, low, high = view.scene.window
    scale = picture.shape[1] / 1920
    column = EDGE + (x - left) / (right - left) * MAP_PIXELS
    row = MAP_TOP + (high - y) / (high - low) * MAP_PIXELS
    return picture[int(row * scale), int(column * scale), :3] / 255


def hole(day):
    """Myelin that is gone in the left half from day 5 on."""
    myelin = np.ones((SIDE // VOXEL, SIDE // VOXEL))
    if day >= 5:
        myelin[:, : SIDE // VOXEL // 2] = 0
    return myelin


# --- what is drawn ------------------------------------------------------------------------------------------------------


def test_myelin_lost_turns_dark_and_new_myelin_has_its_own_colour():
    new = lambda day: (day >= 8) * 1.0  # noqa: E731
    gone = lambda day: 1.0 if day in (0, 8) else hole(day)  # noqa: E731
    view = view_of([PaintedRun([0, 5, 8], {"myelin": gone, "remyelinated": new})], dpi=SMALL_DPI)
    assert pixel(view, 0, 200, 200) == pytest.approx(to_rgb(palette.MYELIN), abs=0.02)
    assert pixel(view, 5, 200, 200) == pytest.approx(to_rgb(palette.LOST), abs=0.02)
    assert pixel(view, 5, 600, 200) == pytest.approx(to_rgb(palette.MYELIN), abs=0.02)
    assert pixel(view, 8, 200, 200) == pytest.approx(to_rgb(palette.REMYELINATED), abs=0.02)


def test_tissue_colours_are_told_apart_by_lightness_alone():
    lightness = [np.dot(to_rgb(colour), (0.21, 0.72, 0.07)) for colour in (palette.MYELIN, palette.REMYELINATED)]
    lost = np.dot(to_rgb(palette.LOST), (0.21, 0.72, 0.07))
    assert lightness[0] > lightness[1] + 0.2 > lost + 0.4


def test_a_cell_is_drawn_at_its_place_in_its_colour_and_only_then():
    cells = lambda day: [("macrophage", 650, 150, 0, 0, 0)] if day == 5 else []  # noqa: E731
    view = view_of([PaintedRun([0, 5], {"myelin": hole}, cells)], dpi=100)
    colour = to_rgb(view.runs[0].config.cells["macrophage"].colour)
    assert pixel(view, 5, 650, 150) == pytest.approx(colour, abs=0.05)
    assert pixel(view, 5, 650, 650) == pytest.approx(to_rgb(palette.MYELIN), abs=0.02)
    assert pixel(view, 0, 650, 150) == pytest.approx(to_rgb(palette.MYELIN), abs=0.02)
    assert view.pieces[-1].lines[0].at(5) == 0.05


def test_resting_microglia_sessile_glia_and_axons_are_not_drawn():
    cells = lambda day: [(kind, 600, 600, 0, 0, 0) for kind in ("oligodendrocyte", "opc", "neuron")]  # noqa: E731
    view = view_of([PaintedRun([0], {"myelin": hole}, cells)], dpi=SMALL_DPI)
    assert view.scene.kinds == {}


def test_a_venule_fills_as_its_barrier_opens():
    cells = lambda day: [("venule", 600, 600, 0, day / 5, 0)]  # noqa: E731
    view = view_of([PaintedRun([0, 5], {"myelin": hole}, cells)], dpi=100)
    assert pixel(view, 0, 600, 600) == pytest.approx(to_rgb(palette.MYELIN), abs=0.02)
    hue, saturation, _ = rgb_to_hsv(pixel(view, 5, 600, 600))
    assert hue == pytest.approx(rgb_to_hsv(to_rgb(palette.LEAK))[0], abs=0.02)
    assert saturation > 0.4


def test_the_clock_the_doses_and_the_treatment_are_written():
    dose = {"day": 7.0, "kind": "dose", "text": "10 MSC placed in the tissue, local route"}
    treated = ["therapy.msc.dose=1000 cells/mm^3", "therapy.msc.day=7", "therapy.msc.route=local"]
    view = view_of([PaintedRun([0, 7, 40], {"myelin": hole}, overrides=treated, events=[dose])], dpi=SMALL_DPI)
    view.frame(7)
    written = {text.get_text() for axes in view.page.figure.axes for text in axes.texts}
    assert {"day 7.0", "10 MSC placed in the tissue", "1000 MSC/mm³, day 7", "trigger", "200 µm"} <= written


def test_words_of_doses_close_together_do_not_overlap():
    doses = [{"day": day, "kind": "dose", "text": "10 MSC placed in the tissue"} for day in (0, 7, 8, 24, 39.5)]
    view = view_of([PaintedRun([0, 40], {"myelin": hole}, events=doses)], dpi=SMALL_DPI)
    strip = view.pieces[1].axes
    places = sorted(words.get_window_extent().intervalx.tolist() for words in strip.texts)
    assert len(places) >= 2
    assert all(end <= start for (_, end), (start, _) in zip(places, places[1:]))
    assert strip.bbox.x0 <= places[0][0] and places[-1][1] <= strip.bbox.x1


# --- several runs, planes, scales -----------------------------------------------------------------------------------------


def test_equal_runs_look_equal_side_by_side():
    cells = lambda day: [("macrophage", 650, 150, 0, 0, 0), ("venule", 400, 400, 0, day / 5, 0)]  # noqa: E731
    arms = [PaintedRun([0, 5], {"myelin": hole}, cells, folder) for folder in ("a", "b")]
    view = view_of(arms, dpi=100)
    picture = view.frame(5)
    first, second = (picture[170:720, left + 4 : left + 550] for left in (EDGE, EDGE + 640))
    assert (first == second).mean() > 0.995  # the maps lie at different fractions of a pixel
    assert view.names == ["untreated (a)", "untreated (b)"]


def test_an_arm_that_ended_keeps_its_last_frame_and_says_so():
    arms = [PaintedRun([0, 5], {"myelin": hole}, folder="short"), PaintedRun([0, 9], {"myelin": hole}, folder="long")]
    view = view_of(arms, dpi=SMALL_DPI)
    view.frame(9)
    assert [map_.note.get_text() for map_ in view.pieces[:2]] == ["ended on day 5.0", ""]
    assert view.scene.plane(arms[0], "myelin", 9, 1).mean() == 0.5


def test_a_solid_is_shown_by_its_middle_plane():
    solid = ["grid.size=[400, 400, 200]", "tissue.venules.positions.central={x: 200, y: 200, z: 100}"]
    layers = {"tnf": lambda day: np.arange(10.0)[:, None, None]}
    cells = lambda day: [("macrophage", 50, 50, 100, 0, 0), ("macrophage", 60, 60, 150, 0, 0)]  # noqa: E731
    run = PaintedRun([0], layers, cells, overrides=solid)
    view = view_of([run], "lesion", dpi=SMALL_DPI)
    view.frame(0)
    assert np.unique(view.scene.plane(run, "tnf", 0, 0)) == 5
    assert view.scene.cells(run, 0)["macrophage"].tolist() == [[50, 50]]
    assert "middle plane, z = 100 µm" in view.pieces[0].note.get_text()


def test_a_field_keeps_one_scale_from_zero_over_all_days():
    rising = lambda day: np.linspace(0, day, SIDE // VOXEL)[None, :]  # noqa: E731
    view = view_of([PaintedRun([1, 2, 37], {"tnf": rising, "myelin": hole})], "fields", dpi=SMALL_DPI)
    limits = set()
    for day in (1, 2, 37):
        view.frame(day)
        limits.add(view.pieces[0].image.get_clim())
    assert limits == {(0, 40)}


@pytest.mark.parametrize("layers", [{}, {"myelin": hole}, {"tnf": lambda day: np.nan}])
def test_what_a_run_does_not_have_is_left_out(layers):
    run = PaintedRun([2.0], layers)
    run.measures = run.measures[:0]
    view_of([run], "lesion", dpi=SMALL_DPI).frame(2.0)


# --- films and files ------------------------------------------------------------------------------------------------------


def test_a_film_shows_stored_days_only_at_a_watchable_speed():
    stored = np.linspace(0, 60, 241)
    plan = frames.clock([stored, stored[:100]], ".mp4")
    assert plan.days.tolist() == stored.tolist()
    assert 15 <= plan.seconds <= 25
    dense = frames.clock([np.linspace(0, 60, 5000)], ".mp4")
    assert len(dense.days) == 480 and 15 <= dense.seconds <= 25
    asked = frames.clock([stored], ".mp4", fps=10, seconds=3)
    assert len(asked.days) == 30 and asked.seconds == 3 and set(asked.days) <= set(stored)
    assert len(frames.clock([stored[:1]], ".mp4").days) == 1


@pytest.fixture
def run(monkeypatch):
    """A painted run, given for any folder that a command asks for."""
    painted = PaintedRun([0, 2, 4, 6], {"myelin": hole})
    monkeypatch.setattr("abm.run_folder.Run.load", lambda folder: painted)
    return painted


def test_an_mp4_has_its_frames_and_size(run, tmp_path):
    import imageio_ffmpeg

    film = tmp_path / "lesion.mp4"
    pictures.animate([Path("a")], film)
    decode = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(film)]
    raw = subprocess.run([*decode, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    first, _, _, last = np.frombuffer(raw, np.uint8).reshape(-1, 1080, 1920, 3)
    spot = np.s_[500:520, 200:220]
    assert first[spot].mean() > 150 > 50 > last[spot].mean()
    assert list(tmp_path.iterdir()) == [film]


def test_a_gif_has_its_frames_and_loops(run, tmp_path):
    from PIL import Image

    pictures.animate([Path("a")], tmp_path / "lesion.gif")
    with Image.open(tmp_path / "lesion.gif") as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (4, (960, 540), 0)


def test_a_poster_shows_the_nearest_day_at_twice_the_size(run, tmp_path):
    from PIL import Image

    pictures.picture([Path("a")], 4.9, tmp_path / "poster.png")
    with Image.open(tmp_path / "poster.png") as poster:
        assert poster.size == (3840, 2160)
        assert poster.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_without_the_encoder_the_sentence_says_what_to_do(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(Refused, match=r"pip install .*gif works without it"):
        pictures.animate([Path("a")], tmp_path / "lesion.mp4")
    pictures.animate([Path("a")], tmp_path / "lesion.gif")


def test_a_film_that_fails_leaves_no_file(run, tmp_path):
    def broken(day):
        raise ValueError(day)

    with pytest.raises(ValueError, match="0"):
        frames.write_film(tmp_path / "film.mp4", [0.0], 8, broken)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("runs", "view", "out", "words"),
    [
        (1, "lesoin", "a.gif", "did you mean 'lesion'"),
        (2, "fields", "a.gif", "--view arms"),
        (5, None, "a.gif", "2 to 4 runs"),
        (1, None, "a.avi", r"\.mp4 or \.gif"),
        (1, None, "nowhere/a.gif", "there is no folder"),
        (1, None, ".gif", "must end in"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_a_sentence(run, tmp_path, runs, view, out, words):
    with pytest.raises(Refused, match=words):
        pictures.animate([Path("a")] * runs, tmp_path / out, view)
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_frames_is_refused(run, tmp_path):
    run.frame_days = np.zeros(0)
    with pytest.raises(Refused, match="no frames yet"):
        pictures.animate([Path("a")], tmp_path / "a.gif")
    with pytest.raises(Refused, match="no frames yet"):
        pictures.picture([Path("a")], 3, tmp_path / "a.png")


def test_frames_leave_no_memory_behind():
    cells = lambda day: [("macrophage", x, x, 0, 0, 0) for x in np.linspace(0, SIDE, 2000)]  # noqa: E731
    run = PaintedRun(np.linspace(0, 10, 41), {"myelin": hole}, cells)
    view = view_of([run], dpi=100)

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

    for day in run.frame_days[:10]:
        view.frame(day)
    before = resident()
    for day in run.frame_days[10:]:
        view.frame(day)
    assert resident() - before < 18  # MB in 31 frames: 60 MB in 100
