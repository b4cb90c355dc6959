"""Readings of courses made by hand, and of frames made by hand."""

import math

import numpy as np
import pandas as pd
import pytest
import xarray

from experiments import targets_frames
from experiments.targets_readings import Course

DAYS = np.arange(0, 61, 1.0)


def course(**columns):
    return Course(pd.DataFrame({"day": DAYS, **columns}))


def test_days_of_a_hump():
    hump = course(area=np.interp(DAYS, [0, 12, 40, 60], [0, 2, 1, 0]))
    assert hump.read(["day_highest", "area"]) == 12 and hump.read(["highest", "area"]) == 2
    assert hump.read(["halfway_up", "area"]) == 6
    assert hump.read(["at", "area", 40]) == 1 and hump.read(["at", "area", 12.5]) == pytest.approx(2 - 0.5 / 28)
    assert hump.read(["mean", "area", 39, 41]) == pytest.approx((1 + 1 / 28 + 1 + 0.95) / 3)
    assert hump.read(["integral", "area", 0, 12]) == pytest.approx(12) and hump.read(["last", "area"]) == 0


def test_falling_below_counts_from_the_peak_and_staying_below_to_the_end():
    bbb = np.interp(DAYS, [0, 4, 20, 25, 26, 60], [0, 1, 0.05, 0.05, 0.5, 0])
    opened_again = course(bbb=bbb)
    assert opened_again.read(["first_below", "bbb", 0.1]) == 20  # not day 0, when it was shut as well
    again = float(DAYS[np.flatnonzero(bbb >= 0.1)[-1] + 1])
    assert opened_again.read(["stays_below", "bbb", 0.1]) == again > 50


@pytest.mark.parametrize("reading", [["first_below", "v", 1], ["stays_below", "v", 1]])
def test_what_never_fell_or_never_rose_has_no_day(reading):
    assert math.isnan(course(v=np.full(61, 2.0)).read(reading)) and math.isnan(course(v=np.full(61, 0.5)).read(reading))


def test_a_level_is_reached_on_its_first_day():
    rising = course(v=np.linspace(0, 1, 61))
    assert rising.read(["reaches", "v", 0.5]) == DAYS[30] and math.isnan(rising.read(["reaches", "v", 1.5]))


def test_values_that_do_not_exist_are_passed_over_and_none_are_made_up():
    ratio = course(v=np.where(DAYS < 3, np.nan, np.where(DAYS < 12, 3.0, 0.5)), none=np.full(61, np.nan))
    assert ratio.read(["first_below", "v", 1]) == 12
    for outside in (
        ["at", "v", 2],
        ["at", "v", 61],
        ["mean", "v", 50, 70],
        ["integral", "v", 50, 70],
        ["highest", "none"],
    ):
        assert math.isnan(ratio.read(outside))


def test_a_column_that_no_run_has_is_named():
    with pytest.raises(KeyError, match=r"csf\.hgf"):
        course().read(["mean", "csf.hgf", 1, 2])


def test_stray_and_lag():
    both = course(a=np.interp(DAYS, [0, 10, 60], [100, 97, 101]), b=np.interp(DAYS, [0, 25, 60], [0, 3, 1]))
    assert both.read(["stray", "a"]) == pytest.approx(0.03)
    assert both.read(["lag", "a", "b"]) == 15


def test_derived_columns():
    c = course(
        lesion_area_mm2=np.interp(DAYS, [0, 10, 60], [0, 0.4, 0.1]),
        amplitude=np.interp(DAYS, [0, 10, 60], [1, 0.8, 0.95]),
        latency_ms=np.interp(DAYS, [0, 20, 60], [100, 104, 101]),
        axon_loss=np.full(61, 0.2),
        **{"core.myelin": np.full(61, 0.6)},
        **{f"{kind}_divided": np.full(61, 3.0) for kind in ("th1", "th17", "cd8")},
        **{f"count.{kind}": np.full(61, 6.0) for kind in ("th1", "th17", "cd8")},
    )
    assert c.read(["last", "recovered"]) == pytest.approx(0.75) and np.isnan(c["recovered"][:10]).all()
    assert c.read(["last", "amplitude_regained"]) == pytest.approx(0.75)
    assert c.read(["last", "delay_left"]) == pytest.approx(0.25)
    assert c.read(["last", "sheathed"]) == pytest.approx(0.75)
    assert c.read(["highest", "score"]) == pytest.approx(1.0)
    assert c.read(["last", "divided_share"]) == pytest.approx(0.5)


def test_nothing_lost_is_nothing_recovered():
    assert math.isnan(course(lesion_area_mm2=np.zeros(61)).read(["last", "recovered"]))


def config(**changes):
    """A config of 1 x 1 mm: two venules, a lesion at the first."""
    return _thing(
        grid=_thing(size=(1000, 1000), thickness=20, voxel=100),
        tissue=_thing(
            axon_density=2e5,
            conduction=_thing(base_latency=100 / 3.6e6),
            venules=_thing(positions={"a": _thing(x=250, y=500), "b": _thing(x=750, y=500)}),
            trigger=_thing(windows={"onset": _thing(from_=0, venule="a")}),
            plaques={},
        ),
        **changes,
    )


def _thing(**names):
    return type("Thing", (), names)()


def test_the_delay_is_told_per_mm_of_lesion_and_the_area_that_came_back():
    table = pd.DataFrame({"day": DAYS, "latency_ms": 101.0, "region_mm3": 0.005, "lesion_area_mm2": 0.1})
    c = Course(table, config=config)
    # 0.25 mm2 were ever bare on a tissue 1 mm across: 0.25 mm on the way of the mean axon
    assert c.read(["last", "delay_per_mm"]) == pytest.approx(4)
    assert c.read(["last", "remyelinated_share"]) == pytest.approx(0.6)


class Frames:
    """A run of 11 frames on 10 x 10 voxels of 100 um: bare discs, axons left, cut ones, and how open two venules are."""

    frame_days = np.arange(0.0, 110, 10)

    def __init__(self, bare, bbb, ovoids=0.0, axons=1.0):
        self.bare, self.bbb, self.ovoids, self.axons = bare, bbb, ovoids, axons
        area = [
            float(self.field("myelin", day).to_numpy().size - self.field("myelin", day).sum())
            for day in self.frame_days
        ]
        self.measures = pd.DataFrame({"day": self.frame_days, "lesion_area_mm2": area})

    def field(self, name, day):
        places = (np.arange(10) + 0.5) * 100
        values = np.full((10, 10), self.ovoids if name == "ovoids" else self.axons)  # myelin: all that are left have it
        for rows, columns in self.bare(day) if name == "myelin" else []:
            values[rows, columns] = 0
        return xarray.DataArray(values, coords={"y": places, "x": places}, dims=("y", "x"))

    def cells(self, day):
        b = self.bbb(day)
        return pd.DataFrame({"uid": [2, 1], "kind": "venule", "x": [750, 250], "y": [500, 500], "bbb": [b[1], b[0]]})


def left(day):
    """A disc at the first venule, half of which mends on day 60."""
    return [(slice(4, 6), slice(1, 3 if day < 60 else 2))] if day >= 20 else []


@pytest.fixture
def frames():
    return Frames(
        left, lambda day: (0.8 if 10 <= day <= 30 or day == 80 else 0.0, 0.9 if day >= 50 else 0.1), ovoids=0.01
    )


def test_the_lesion_near_its_venule_is_read_from_the_frame(frames):
    assert targets_frames.share_within(frames, config(), 200) == 1
    scattered = Frames(lambda day: [*left(day), (0, slice(6, 10))] if day == 50 else [], frames.bbb)
    assert targets_frames.share_within(scattered, config(), 200) == pytest.approx(0.5)


def test_the_barrier_of_the_trigger_venule_is_read_from_the_cells(frames):
    days, values = Course(pd.DataFrame(), frames, config).series("trigger_bbb")
    assert list(days) == list(frames.frame_days) and values[1] == 0.8 and values[5] == 0


def test_what_was_bare_and_is_mended(frames):
    assert targets_frames.mended(frames, config(), 30, 70) == 0.5
    assert math.isnan(targets_frames.mended(frames, config(), 0, 70))  # nothing was bare
    assert math.isnan(targets_frames.mended(frames, config(), 30, 200))  # the run does not reach so far
    assert targets_frames.mended(Frames(left, frames.bbb, axons=0.4), config(), 30, 70) == 0.5  # of the axons left


def test_cut_ends_are_counted_once_along_an_axon(frames):
    # rows 3 to 6 of the ring hold 1 % of 2e5 axons per mm2 each; their volume is that of the ring's voxels
    ring = np.hypot(*np.meshgrid((np.arange(10) + 0.5) * 100 - 250, (np.arange(10) + 0.5) * 100 - 500)) < 200
    rows, volume = int(ring.any(axis=1).sum()), ring.sum() * 0.1 * 0.1 * 0.02
    found = targets_frames.cut_ends(frames, config(), 0, 200, 10, 18)
    assert found == pytest.approx(rows * 0.01 * 2e5 * 0.1 * 0.02 / volume)


def test_openings_are_counted_as_they_rise_and_lesions_where_myelin_goes(frames):
    assert targets_frames.openings(frames, config(), 0, 100) == 3
    assert targets_frames.openings(frames, config(), 0, 40) == 1
    assert targets_frames.new_lesions(frames, config(), 0, 100) == 1  # the second venule opens over sound myelin
    assert math.isnan(targets_frames.openings(frames, config(), 0, 200))
