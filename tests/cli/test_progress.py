"""What a run tells people: lines in a log, key numbers, time spans."""

import io

from experiments.progress import Lines, Live, Silent, duration, key_numbers, reporter


def test_key_numbers_are_at_most_four_and_the_telling_ones():
    measures = {
        "bbb_leak": 0.25, "count.th1": 30.0, "count.msc": 12.0, "lesion_area_mm2": 0.4567,
        "mean.tnf": 3.0, "remyelinated_area_mm2": 0.1, "msc_density": 7.0,
    }  # fmt: skip
    assert key_numbers(measures) == "42 cells, lesion 0.457 mm2, remyelinated 0.1 mm2, BBB leak 0.25"


def test_a_small_lesion_is_not_zero_and_that_of_a_solid_is_a_volume():
    assert key_numbers({"lesion_area_mm2": 0.00012}) == "0 cells, lesion 0.00012 mm2"
    assert key_numbers({"lesion_area_mm2": 0.00012}, solid=True) == "0 cells, lesion 0.00012 mm3"
    stream = io.StringIO()
    lines = Lines(stream, every=0)
    lines.begin(40.0, 0.0, solid=True)
    lines.advance(1.0, {"lesion_area_mm2": 0.5})
    assert "lesion 0.5 mm3" in stream.getvalue()


def test_a_dish_without_tissue_shows_its_fields():
    assert key_numbers({"count.msc": 2, "mean.tnf": 12.345}) == "2 cells, tnf 12.3"


def test_durations_read_as_people_say_them():
    assert [duration(s) for s in (0.4, 59, 61, 3599.7, 7500)] == [
        "0 s",
        "59 s",
        "1 min 01 s",
        "1 h 00 min",
        "2 h 05 min",
    ]


def test_a_log_gets_a_line_every_so_often_with_the_time_left(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("experiments.progress.time.monotonic", lambda: clock[0])
    stream = io.StringIO()
    lines = Lines(stream, every=10)
    for name in ("bin", "sense"):
        lines.compiling(name)
    lines.begin(40.0, 10.0)
    for day in range(11, 17):
        clock[0] += 4
        lines.advance(float(day), {"lesion_area_mm2": 0.5})
    told = stream.getvalue().splitlines()
    assert told[0].startswith("compiling kernels for this machine (once")
    assert told[1:] == [
        "compiled 2 kernels in 4 s",
        "day 13.00 of 40, 1 min 48 s left: 0 cells, lesion 0.5 mm2",
        "day 16.00 of 40, 1 min 36 s left: 0 cells, lesion 0.5 mm2",
    ]


def test_a_terminal_gets_a_bar_and_a_log_gets_lines(monkeypatch, capsys):
    assert type(reporter(quiet=True)) is Silent
    assert type(reporter()) is Lines
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    bar = reporter()
    assert type(bar) is Live
    bar.compiling("sense")
    bar.begin(40.0, 0.0)
    bar.advance(12.5, {"lesion_area_mm2": 0.5})
    bar.bar.refresh()
    bar.end()
    shown = capsys.readouterr().err
    assert "compiling kernels for this machine (once): 1 sense" in shown
    assert "day 12.50 of 40" in shown and "lesion 0.5 mm2" in shown


def test_on_a_narrow_terminal_the_numbers_yield_and_the_day_stays(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    bar = reporter()
    bar.begin(40.0, 0.0)
    bar.advance(12.5, {"count.th1": 123456, "lesion_area_mm2": 0.5, "remyelinated_area_mm2": 0.1, "bbb_leak": 0.25})
    bar.bar.refresh()
    bar.end()
    shown = capsys.readouterr().err
    assert "day 12.50 of 40" in shown and "--:--" in shown and "123456 cells" in shown and "…" in shown
    assert "BBB" not in shown
