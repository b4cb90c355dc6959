"""Pictures: what is drawn is what the run holds, where it is and in its colour."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import rgb_to_hsv, to_rgb

from abm.config import load
from experiments import palette
from experiments.labels import arm_names
from experiments.panels import Series
from experiments.render import view_of
from experiments.scene import Scene, block_means
from experiments.view import EDGE
from tests.cli.painted import SIDE, VOXEL, PaintedRun, hole

MAP_TOP, MAP_PIXELS = 122, 846  # of the view "lesion"
SMALL_DPI = 50
SOLID = ["grid.size=[400, 400, 200]", "tissue.venules.positions.central={x: 200, y: 200, z: 100}"]


def film(run, dpi=SMALL_DPI, pace=1):
    """The view ``lesion`` of a film that shows ``pace`` days in a second."""
    return view_of([run], "lesion", dpi, pace)


def pixel(view, day, x, y):
    """The colour at a place of the tissue in the map of the view ``lesion``, 0 to 1."""
    picture = view.frame(day)
    left, right, low, high = view.scene.window
    scale = picture.shape[1] / 1920
    column = EDGE + (x - left) / (right - left) * MAP_PIXELS
    row = MAP_TOP + (high - y) / (high - low) * MAP_PIXELS
    return picture[int(row * scale), int(column * scale), :3] / 255


# --- what is drawn ------------------------------------------------------------------------------------------------------


def test_myelin_lost_turns_dark_and_new_myelin_has_its_own_colour():
    new = lambda day: (day >= 8) * 1.0  # noqa: E731
    gone = lambda day: 1.0 if day in (0, 8) else hole(day)  # noqa: E731
    view = film(PaintedRun([0, 5, 8], {"myelin": gone, "remyelinated": new}))
    assert pixel(view, 0, 200, 200) == pytest.approx(to_rgb(palette.MYELIN), abs=0.02)
    assert pixel(view, 5, 200, 200) == pytest.approx(to_rgb(palette.LOST), abs=0.02)
    assert pixel(view, 5, 600, 200) == pytest.approx(to_rgb(palette.MYELIN), abs=0.02)
    assert pixel(view, 8, 200, 200) == pytest.approx(to_rgb(palette.REMYELINATED), abs=0.02)


# What a person without green cones sees, in linear light: Machado, Oliveira and Fernandes 2009.
WITHOUT_GREEN = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


def lab(colour, vision):
    """A colour in CIE L*a*b* as somebody sees it."""
    given = np.array(to_rgb(colour))
    light = np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.array(to_xyz) @ np.clip(vision @ light, 0, 1) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", [np.eye(3), WITHOUT_GREEN], ids=["full colour", "no green cones"])
@pytest.mark.parametrize(
    ("colours", "apart"),
    [
        ((palette.MYELIN, palette.REMYELINATED, palette.LOST, palette.DEBRIS), 25),
        ((palette.M1_LIKE, palette.M2_LIKE, palette.MYELIN, palette.LOST), 35),
    ],
    ids=["tissue", "macrophages on tissue"],
)
def test_colours_are_told_apart_by_everybody(vision, colours, apart):
    seen = [lab(colour, vision) for colour in colours]
    distances = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[i + 1 :]]
    assert min(distances) > apart


def test_new_myelin_shows_as_its_share_of_the_sheaths_there():
    half = palette.tissue_colours(*(np.array(value, np.float32) for value in (0.5, 0.5, 0)))
    expected = (np.array(to_rgb(palette.REMYELINATED)) + np.array(to_rgb(palette.LOST))) / 2
    assert half / 255 == pytest.approx(expected, abs=0.01)


def test_a_cell_is_drawn_at_its_place_in_its_colour_and_only_then():
    cells = lambda day: [("macrophage", 650, 150, 0, 0, 0)] if day == 5 else []  # noqa: E731
    view = film(PaintedRun([0, 5], {"myelin": hole}, cells), dpi=100)
    colour = to_rgb(view.runs[0].config.cells["macrophage"].colour)
    assert pixel(view, 5, 650, 150) == pytest.approx(colour, abs=0.05)
    assert pixel(view, 5, 650, 650) == pytest.approx(to_rgb(palette.MYELIN), abs=0.02)
    assert pixel(view, 0, 650, 150) == pytest.approx(to_rgb(palette.MYELIN), abs=0.02)
    assert view.pieces[3].lines[0].at(5) == 0.05


def test_macrophages_have_the_colour_of_their_score_and_resting_microglia_are_faint():
    cells = lambda day: [  # noqa: E731
        ("macrophage", 500, 200, 0, 0, 0, 0.9),
        ("macrophage", 600, 200, 0, 0, 0, 0.2),
        ("microglia", 700, 200, 0, 0, 0, 0),
        ("microglia", 700, 600, 0, 0, 1, 1),
    ]
    run = PaintedRun([0], {"myelin": hole}, cells)
    view = film(run, dpi=100)
    assert pixel(view, 0, 500, 200) == pytest.approx(to_rgb(palette.M1_LIKE), abs=0.05)
    assert pixel(view, 0, 600, 200) == pytest.approx(to_rgb(palette.M2_LIKE), abs=0.05)
    resting, active = (view.scene.groups[f"microglia.{state}"] for state in ("resting", "active"))
    assert resting.pixels < active.pixels and resting.opacity < active.opacity == 1
    assert pixel(view, 0, 700, 600) == pytest.approx(to_rgb(active.colour), abs=0.05)
    assert next(iter(view.scene.groups)) == "microglia.resting"
    assert active.label == "Microglia, active"


def test_cells_stay_a_moment_and_fade_over_so_that_as_many_are_seen_at_any_time():
    cells = lambda day: [("macrophage", 100 + 10 * i + day, 400, 0, 0, 0, 1) for i in range(40)]  # noqa: E731
    run = PaintedRun(np.arange(13), {"myelin": hole}, cells)
    view = film(run, pace=12)
    assert view.scene.hold(run) == 4
    for day in (4, 5.5, 6.25):
        places, opacity = view.scene.cells(run, day)["macrophage.m1"]
        assert opacity.sum() == pytest.approx(40)
        late = day - (places[:, 0] % 10)
        assert late.max() <= 4 and late.min() >= -4
    still = view_of([run], dpi=SMALL_DPI)
    places, opacity = still.scene.cells(run, 5)["macrophage.m1"]
    assert (places[:, 0] % 10 == 5).all() and (opacity == 1).all()


def test_sessile_glia_and_axons_are_not_drawn():
    cells = lambda day: [(kind, 600, 600, 0, 0, 0) for kind in ("oligodendrocyte", "opc", "neuron")]  # noqa: E731
    assert film(PaintedRun([0], {"myelin": hole}, cells)).scene.groups == {}


def test_a_venule_fills_as_its_barrier_opens():
    cells = lambda day: [("venule", 600, 600, 0, day / 5, 0)]  # noqa: E731
    view = film(PaintedRun([0, 5], {"myelin": hole}, cells), dpi=100)
    assert pixel(view, 0, 600, 600) == pytest.approx(to_rgb(palette.MYELIN), abs=0.02)
    hue, saturation, _ = rgb_to_hsv(pixel(view, 5, 600, 600))
    assert hue == pytest.approx(rgb_to_hsv(to_rgb(palette.LEAK))[0], abs=0.02)
    assert saturation > 0.4
    assert [view.scene.venules_that(view.runs[0], day, leak=True) for day in (0, 0.4, 0.6, 5)] == [0, 0, 1, 1]


def test_the_clock_the_doses_and_the_treatment_are_written():
    dose = {"day": 7.0, "kind": "dose", "text": "10 MSC placed in the tissue, local route"}
    treated = ["therapy.msc.dose=1000 cells/mm^3", "therapy.msc.day=7", "therapy.msc.route=local"]
    view = film(PaintedRun([0, 7, 40], {"myelin": hole}, overrides=treated, events=[dose]))
    view.frame(7)
    written = {text.get_text() for axes in view.page.figure.axes for text in axes.texts}
    assert {"day 7", "10 MSC placed in the tissue", "1000 MSC/mm³ local, day 7", "trigger", "100 µm"} <= written


def test_the_clock_of_a_long_day_does_not_cover_the_words_beside_it():
    view = view_of(
        [PaintedRun([0, 13.125], overrides=["therapy.msc.dose=1000 cells/mm^3", "therapy.msc.route=local"])],
        dpi=SMALL_DPI,
    )
    assert clock(view, 13.125) == "day 13.125"
    left = view.clock.get_window_extent().x0
    beside = [text for text in view.page.sheet.texts if text.get_position()[1] in (46, 86)]
    assert len(beside) == 2 and all(text.get_window_extent().x1 < left for text in beside)


def clock(view, day):
    view.frame(day)
    return view.clock.get_text()


def test_the_clock_of_a_still_is_exact():
    days = [0, 0.05, 1 / 24, 0.25, 14.25, 15]
    view = view_of([PaintedRun(sorted(days))], dpi=SMALL_DPI)
    assert [clock(view, day) for day in days] == [
        "day 0", "day 0.05", "day 0.042", "day 0.25", "day 14.25", "day 15",
    ]  # fmt: skip


def test_the_clock_of_a_film_is_as_exact_as_its_frames_and_whole_in_a_long_one():
    assert [clock(film(PaintedRun([0, 0.25, 0.5])), day) for day in (0, 0.125, 0.25)] == [
        "day 0.00", "day 0.12", "day 0.25",
    ]  # fmt: skip
    assert clock(film(PaintedRun([0, 0.5, 1])), 0.5) == "day 0.5"
    assert clock(film(PaintedRun([0, 1, 2])), 0.9) == "day 0.9"
    assert clock(film(PaintedRun([0, 0.25, 20])), 9.75) == "day 9"


def test_words_of_doses_close_together_do_not_overlap():
    doses = [{"day": day, "kind": "dose", "text": "10 MSC placed in the tissue"} for day in (0, 7, 8, 24, 39.5)]
    view = film(PaintedRun([0, 40], {"myelin": hole}, events=doses))
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


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        (["seed=2"], ["untreated, seed 1", "untreated, seed 2"]),
        (["therapy.msc.dose=1000 cells/mm^3", "therapy.msc.route=local"], ["untreated", "1000 MSC/mm³ local, day 7"]),
        (["fields.tnf.half_life=30 min"], ["untreated, tnf half life 60 min", "untreated, tnf half life 30 min"]),
    ],
)
def test_arms_are_named_by_what_differs(overrides, names):
    runs = [PaintedRun([0], folder="a"), PaintedRun([0], folder="b", overrides=overrides)]
    assert arm_names(runs) == names


def test_an_arm_that_ended_keeps_its_last_frame_and_says_so():
    arms = [PaintedRun([0, 5], {"myelin": hole}, folder="short"), PaintedRun([0, 9], {"myelin": hole}, folder="long")]
    view = view_of(arms, dpi=SMALL_DPI)
    view.frame(9)
    assert [map_.note.get_text() for map_ in view.pieces[:2]] == ["ended on day 5", ""]
    assert view.scene.plane(arms[0], "myelin", 9, 1).mean() == 0.5


def test_a_solid_is_shown_by_its_middle_plane():
    layers = {"tnf": lambda day: np.arange(10.0)[:, None, None]}
    cells = lambda day: [("macrophage", 50, 50, 100, 0, 0), ("macrophage", 60, 60, 150, 0, 0)]  # noqa: E731
    run = PaintedRun([0], layers, cells, overrides=SOLID)
    view = film(run)
    view.frame(0)
    assert np.unique(view.scene.plane(run, "tnf", 0, 0)) == 5
    assert view.scene.cells(run, 0)["macrophage.m1"][0].tolist() == [[50, 50]]
    assert "middle plane, z = 100 µm" in view.pieces[0].note.get_text()


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], {"0.8 × 0.8 mm of tissue", "mm² without myelin", "Area, mm²", "Lesion area, mm²"}),
        (SOLID, {"0.4 × 0.4 × 0.2 mm of tissue", "mm³ without myelin", "Volume, mm³", "Lesion volume, mm³"}),
    ],
    ids=["slab", "solid"],
)
def test_what_is_an_area_in_a_slab_is_a_volume_in_a_solid(overrides, expected):
    runs = [PaintedRun([0, 5], folder=name, overrides=overrides) for name in ("a", "b")]
    views = view_of(runs[:1], dpi=SMALL_DPI), film(runs[0]), view_of(runs, dpi=SMALL_DPI)
    written = {part for view in views for text in view.page.sheet.texts for part in text.get_text().split("; ")}
    assert expected <= written
    assert ("mm²" in " ".join(written)) != ("mm³" in " ".join(written))


def test_a_small_lesion_is_not_written_as_zero():
    run = PaintedRun([0, 1, 2, 3])
    run.measures["lesion_area_mm2"] = [0, 0.00012, 0.0123, 1.234]
    for view in (view_of([run], dpi=SMALL_DPI), film(run)):
        for day, number in enumerate(("0", "0.0001", "0.012", "1.23")):
            view.frame(day)
            assert number in {text.get_text() for text in view.page.sheet.texts}


def test_a_field_keeps_one_scale_over_all_days():
    rising = lambda day: np.linspace(0, day, SIDE // VOXEL)[None, :]  # noqa: E731
    kept = lambda day: 60 + rising(day)  # noqa: E731
    layers = {"tnf": rising, "tgfb": kept, "ifng": lambda day: 0, "ngf": lambda day: 10, "myelin": hole}
    view = view_of([PaintedRun([1, 2, 37], layers)], "fields", dpi=SMALL_DPI)
    maps = {piece.name: piece for piece in view.pieces if hasattr(piece, "image")}
    limits = set()
    for day in (1, 2, 37):
        view.frame(day)
        limits.add(maps["tnf"].image.get_clim())
    assert limits == {(0, 40)}
    assert maps["tgfb"].image.get_clim() == (60, 100)
    assert maps["ngf"].image.get_clim() == (0, 40)
    assert maps["ifng"].image is None
    assert "none in this run" in {text.get_text() for text in view.page.sheet.texts}


def test_between_two_frames_tissue_passes_from_one_to_the_next():
    run = PaintedRun([0, 4, 8], {"myelin": lambda day: 1 - day / 8})
    scene = Scene([run], 100)
    assert [float(scene.plane(run, "myelin", day, 1)[0, 0]) for day in (0, 1, 4, 7, 8, 9)] == [
        1,
        0.875,
        0.5,
        0.125,
        0,
        0,
    ]


def test_single_bare_voxels_do_not_widen_the_window():
    lost = np.ones((200, 200))
    lost[80:120, 80:120] = 0
    lost[3, 3] = lost[190, 195] = 0
    run = PaintedRun([0], {"myelin": lambda day: lost}, overrides=["grid.size=[4000, 4000]"])
    left, right, low, high = Scene([run], 100).window
    assert (left + right) / 2 == (low + high) / 2 == 2000
    assert 800 < right - left < 1500
    assert block_means(np.eye(4), 2).tolist() == [[0.5, 0], [0, 0.5]]


def painted_dish(scenario, layers, cells=None, folder="a"):
    run = PaintedRun([0, 0.25], layers, cells, folder)
    run.config = load(scenario)
    run.measures = run.measures.drop(columns="lesion_area_mm2").assign(
        **{"count.cd8": [550, 500], "mean.tracer": [0, 9]}
    )
    run.measures["count.b_cell"], run.measures["m1_m2"] = 0, np.nan
    return run


def test_a_dish_has_neither_tissue_nor_numbers_of_it():
    placed = lambda day: [("cd8", 500, 500, 500, 0, 0)]  # noqa: E731
    runs = [painted_dish("coculture", {}, placed, folder) for folder in ("a", "b")]
    views = view_of(runs[:1], dpi=100), film(runs[0], dpi=100), view_of(runs, dpi=100)
    for view in views:
        picture = view.frame(0.25)
        said = " ".join(text.get_text() for axes in view.page.figure.axes for text in axes.texts)
        assert "1 × 1 × 1 mm" in said and "CD8 T cells" in said and "middle plane" in said
        assert not [word for word in ("Myelin", "myelin was", "issue", "enule", "M1", "B cells") if word in said]
        assert not (picture[..., :3] == np.round(255 * np.array(to_rgb(palette.MYELIN)))).all(axis=2).any()
    assert pixel(views[1], 0.25, 200, 200) == pytest.approx(to_rgb(palette.PANEL), abs=0.01)
    assert next(piece for piece in views[2].pieces if isinstance(piece, Series)).lines[0].at(0.25) == 500


def test_a_single_field_has_its_mean_beside_it():
    view = view_of([painted_dish("diffusion", {"tracer": lambda day: day})], dpi=SMALL_DPI)
    view.frame(0.25)
    (chart,) = (piece for piece in view.pieces if isinstance(piece, Series))
    assert chart.values[0].get_text() == "9.00 pg/mL"
    assert {"Tracer, mean", "2 × 2 mm", "day 0.25"} <= {
        part for text in view.page.sheet.texts for part in text.get_text().split("; ")
    }
    assert overlaps(view) == []


@pytest.mark.parametrize("layers", [{}, {"myelin": hole}, {"tnf": lambda day: np.nan}])
def test_what_a_run_does_not_have_is_left_out(layers):
    run = PaintedRun([2.0], layers)
    run.measures = run.measures[:0]
    for view in (film(run), view_of([run], "lesion", dpi=SMALL_DPI)):
        view.frame(2.0)


def every_kind(day):
    """A cell of every group that is drawn."""
    kinds = [kind for kind in load("demo").cells if kind not in ("neuron", "oligodendrocyte")]
    return [(kind, 400, 400, 0, 0, active, m1) for kind in kinds for active, m1 in ((0, 0), (1, 1))]


def overlaps(view):
    """The pairs of texts on the page that lie over each other."""
    boxes = [text.get_window_extent() for text in view.page.sheet.texts if text.get_text()]
    return [(a, b) for a, b in combinations(boxes, 2) if a.overlaps(b.padded(-1))]


def test_the_legend_of_arms_is_readable_with_every_kind_of_cell():
    view = view_of([PaintedRun([0, 10], {"myelin": hole}, every_kind, name) for name in ("a", "b")], dpi=100)
    labels = {look.label for look in view.scene.groups.values()}
    sizes = [text.get_fontsize() for text in view.page.sheet.texts if text.get_text() in labels]
    assert len(sizes) >= 14 and min(sizes) >= palette.SMALL  # 16 px
    assert overlaps(view) == []


def test_curves_end_at_the_day_that_a_film_shows():
    view = film(PaintedRun([0, 5, 10], {"myelin": hole}))
    chart = view.pieces[3]
    for day, value in ((0, 0), (4, 0.04), (5, 0.05), (10, 0.1), (12, 0.1)):
        view.frame(day)
        for line in (chart.dots[0], chart.bright[0]):
            x, y = line.get_data()
            assert (x[-1], y[-1]) == (min(day, 10), pytest.approx(value))
    view.frame(4)
    assert chart.values[0].get_text() == "0.040"


def test_a_poster_of_every_kind_with_a_long_name_has_room_for_its_chart_and_its_feet():
    run = PaintedRun([0, 10], cells=every_kind)
    run.name = "a_scenario_of_my_own_with_quite_a_long_name_that_says_all_of_it"
    run.info = {"code_version": "0.1.0+0123456789ab"}
    view = view_of([run], dpi=SMALL_DPI)
    view.frame(10)
    (chart,) = (piece for piece in view.pieces if isinstance(piece, Series))
    assert len(view.scene.roster(run)[0]) >= 14
    assert chart.axes.get_position().height * 1080 > 140
    assert overlaps(view) == []


def test_the_difference_of_two_arms_has_numbers_on_its_scale():
    view = view_of([PaintedRun([0, 10], {"myelin": hole}, folder=name) for name in ("one", "two")], "arms", SMALL_DPI)
    scales = [[label.get_text() for label in axes.get_xticklabels()] for axes in view.page.figure.axes]
    assert ["−1, less", "0", "+1, more"] in scales


def test_frames_leave_no_memory_behind():
    cells = lambda day: [("macrophage", x, x, 0, 0, 0) for x in np.linspace(0, SIDE, 2000)]  # noqa: E731
    run = PaintedRun(np.linspace(0, 10, 41), {"myelin": hole}, cells)
    view = film(run, dpi=100)

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

    for day in run.frame_days[:10]:
        view.frame(day)
    before = resident()
    for day in run.frame_days[10:]:
        view.frame(day)
    assert resident() - before < 18  # MB in 31 frames: 60 MB in 100
