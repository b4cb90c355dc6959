"""Films and stills as files: they have the frames and the size they should, and what cannot be drawn leaves none."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments import frames, pictures
from experiments.failures import Refused
from tests.cli.painted import PaintedRun, hole


def test_a_film_runs_evenly_through_all_days_at_a_watchable_speed():
    stored = np.linspace(0, 60, 241)
    plan = frames.clock([stored, stored[:100]], ".mp4")
    assert (plan.fps, plan.seconds, plan.days[0], plan.days[-1]) == (24, 20, 0, 60)
    assert np.ptp(np.diff(plan.days)) < 1e-9
    assert plan.pace == pytest.approx(3)
    assert frames.clock([stored], ".gif").seconds == 16
    assert frames.clock([stored[:41]], ".mp4").seconds == pytest.approx(5, abs=0.2)
    asked = frames.clock([stored], ".mp4", fps=10, seconds=3)
    assert len(asked.days) == 30 and asked.seconds == 3
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
    shown = np.frombuffer(raw, np.uint8).reshape(-1, 1080, 1920, 3)
    assert len(shown) == 48
    first, last = shown[0], shown[-1]
    spot = np.s_[500:520, 200:220]
    assert first[spot].mean() > 80 > 30 > last[spot].mean()
    assert list(tmp_path.iterdir()) == [film]


def test_a_gif_has_its_frames_and_loops(run, tmp_path):
    from PIL import Image

    pictures.animate([Path("a")], tmp_path / "lesion.gif")
    with Image.open(tmp_path / "lesion.gif") as shown:
        assert (shown.n_frames, shown.size, shown.info["loop"], shown.info["duration"]) == (25, (960, 540), 0, 80)
        spot = (100, 250)
        first = np.array(shown.convert("RGB"))[spot[1], spot[0]]
        shown.seek(24)
        last = np.array(shown.convert("RGB"))
    assert first.mean() > 80 > 30 > last[spot[1], spot[0]].mean()


def test_a_gif_shows_each_frame_as_it_was_drawn(tmp_path):
    from PIL import Image

    def draw(day):
        frame = np.zeros((40, 60, 4), np.uint8)
        frame[5:15, int(day) : int(day) + 10] = (200, 100, 40, 255)
        return frame

    frames.write_gif(tmp_path / "a.gif", [0.0, 20.0, 20.0, 45.0], 12.5, draw)
    with Image.open(tmp_path / "a.gif") as shown:
        for k, day in enumerate((0, 20, 20, 45)):
            shown.seek(k)
            seen = np.array(shown.convert("RGB"), int)
            assert np.abs(seen - draw(day)[..., :3]).max() < 20


def test_a_poster_shows_the_nearest_day_at_twice_the_size(run, tmp_path):
    from PIL import Image

    pictures.picture([Path("a")], 4.9, tmp_path / "poster.png")
    with Image.open(tmp_path / "poster.png") as poster:
        assert poster.size == (3840, 2160)
        assert poster.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_the_day_of_a_poster_is_told_exactly(run, tmp_path, capsys):
    run.frame_days = np.array([0, 0.25])
    pictures.picture([Path("a")], 0.2, tmp_path / "poster.png")
    assert capsys.readouterr().err.endswith("poster.png: day 0.25\n")


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


def test_a_day_outside_the_run_is_refused(run, tmp_path):
    with pytest.raises(Refused, match=r"day 6\.5 is outside the run: its frames go from day 0 to day 6"):
        pictures.picture([Path("a")], 6.5, tmp_path / "a.png")


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (["grid.size=[1000, 1000]"], "1000 × 1000 µm in voxels of 20 µm"),
        (["grid.size=[800, 800, 200]", "tissue.venules.positions.central.z=100"], "800 × 800 × 200 µm in voxels"),
        (["grid.voxel=10"], "800 × 800 µm in voxels of 10 µm"),
    ],
)
def test_runs_on_different_grids_are_not_shown_side_by_side(monkeypatch, tmp_path, grid, words):
    runs = {"a": PaintedRun([0, 1], folder="a"), "b": PaintedRun([0, 1], folder="b", overrides=grid)}
    monkeypatch.setattr("abm.run_folder.Run.load", lambda folder: runs[str(folder)])
    with pytest.raises(Refused, match=rf"a has 800 × 800 µm in voxels of 20 µm and b has {words}"):
        pictures.animate([Path("a"), Path("b")], tmp_path / "a.gif")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", ["[]", "[neuron]"])
def test_a_run_that_kept_no_cells_is_refused_where_cells_are_shown(monkeypatch, tmp_path, kept):
    bare = PaintedRun([0, 1], {"myelin": hole, "tnf": lambda day: day}, overrides=[f"output.cells={kept}"])
    monkeypatch.setattr("abm.run_folder.Run.load", lambda folder: bare)
    with pytest.raises(Refused, match=r"kept no cells.*output\.cells.*--view fields"):
        pictures.animate([Path("a")], tmp_path / "a.gif")
    with pytest.raises(Refused, match="kept no cells"):
        pictures.picture([Path("a")], 1, tmp_path / "a.png")
    pictures.animate([Path("a")], tmp_path / "a.gif", "fields")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


@pytest.mark.parametrize("missing", ["fields.zarr", "events.jsonl", "measures.parquet measures.csv"])
def test_a_run_folder_that_is_not_whole_is_refused_with_a_sentence(remyelin, broken, missing):
    broken(missing)
    for command in (["picture", "broken", "--day", 0, "-o", "a.png"], ["animate", "broken", "-o", "a.gif"]):
        answer = remyelin(*command)
        assert answer.code == 2
        assert answer.err.startswith(f"broken is not whole: it has no readable {missing.split()[-1]}; copy the whole")
        assert answer.err.count("\n") == 1


def test_a_number_of_frames_that_is_none_is_refused_with_a_sentence(remyelin, finished):
    shutil.copytree(finished, "broken")
    info = json.loads(Path("broken/run.json").read_text())
    Path("broken/run.json").write_text(json.dumps({**info, "frames": "x"}))
    answer = remyelin("picture", "broken", "--day", 0, "-o", "a.png")
    assert (answer.code, answer.err) == (
        2,
        'broken/run.json is damaged: frames is "x", but must be a whole number; copy the whole run folder again\n',
    )
