"""What a run writes can be cut back to a checkpoint and written again, and then reads as if it had never been cut."""

import math

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import xarray as xr

from abm.run_folder import read_table
from experiments.store import Appended, Frames, Layer, Parts, Table, bytes_needed

LAYERS = {"tnf": Layer("pg/mL", "TNF"), "myelin": Layer("1", "myelin")}
DAYS = np.arange(7) / 2


def frame(k):
    return lambda name: np.full((3, 4), 10 * k + len(name), np.float32)


def cells(uids, **own):
    n = len(uids)
    return pd.DataFrame({"uid": uids, "kind": ["th1"] * n, "state": [""] * n, "x": 1.5, "y": 2.5, "z": 0.0, **own})


def test_appended_lines_are_cut_back_to_a_size(tmp_path):
    log = Appended(tmp_path / "a", 0)
    log.write("one\n")
    size = log.settle()
    log.write("two\ntorn")
    log.close()
    log = Appended(tmp_path / "a", size)
    log.write("three\n")
    log.close()
    assert (tmp_path / "a").read_text() == "one\nthree\n"


def test_read_outs_keep_every_bit_and_their_columns(tmp_path):
    rows = [{"a": 0.1 + 0.2, "b": math.nan}, {"a": 1e-300, "b": -0.0}, {"a": 2**-1074, "b": 5e300}]
    size = 0
    for day, row in enumerate(rows):
        table = Table(tmp_path / "m.csv", size)
        table.add(day / 3, row)
        assert repr(table.latest()) == repr(row)
        size = table.settle()
        table.close()
    read = read_table(tmp_path / "m.csv")
    assert list(read) == ["day", "a", "b"]
    for name in ("a", "b"):
        np.testing.assert_array_equal(read[name], [row[name] for row in rows])
    np.testing.assert_array_equal(read["day"], [0, 1 / 3, 2 / 3])


def test_a_read_out_that_comes_or_goes_is_an_error(tmp_path):
    table = Table(tmp_path / "m.csv", 0)
    assert table.latest() == {}
    table.add(0, {"a": 1.0})
    with pytest.raises(KeyError, match=r"columns of m\.csv changed"):
        table.add(1, {"a": 1.0, "b": 2.0})
    table.close()


def test_several_rows_of_a_day_are_cut_back_together(tmp_path):
    ring = np.array([25, 75], np.float32)
    table = Table(tmp_path / "p.csv", 0)
    table.add(0.0, {"r_um": ring, "tnf": np.array([0.1, np.nan], np.float32)})
    size = table.settle()
    table.add(0.5, {"r_um": ring, "tnf": ring})
    table.close()
    table = Table(tmp_path / "p.csv", size)
    with pytest.raises(ValueError):
        table.add(1.0, {"r_um": ring, "tnf": ring[:1]})
    table.add(1.0, {"r_um": ring[:1], "tnf": np.array([1e-30], np.float32)})
    table.close()
    read = read_table(tmp_path / "p.csv").astype(np.float32)
    assert read["day"].tolist() == [0, 0, 1] and read["r_um"].tolist() == [25, 75, 25]
    np.testing.assert_array_equal(read["tnf"], np.array([0.1, np.nan, 1e-30], np.float32))


def test_parts_after_a_checkpoint_are_written_anew(tmp_path):
    folder = tmp_path / "cells"
    parts = Parts(folder, 0)
    parts.add(0.0, cells([1, 2], m1=[0.5, 0.25]), ["m1"])
    parts.settle(1)
    parts.add(0.5, cells([9]), ["m1"])
    parts.settle(2)
    parts.add(1.0, cells([8]), ["m1"])  # never closed: the process dies
    parts = Parts(folder, 1)
    assert [path.name for path in folder.iterdir()] == ["part-000000.parquet"]
    parts.add(0.5, cells([], m1=[]), ["m1"])
    parts.add(1.0, cells([3]), ["m1"])
    parts.settle(3)
    table = pyarrow.parquet.read_table(folder).to_pandas()
    assert table["uid"].tolist() == [1, 2, 3]
    assert table["day"].tolist() == [0.0, 0.0, 1.0]
    assert table["m1"].tolist()[:2] == [0.5, 0.25] and math.isnan(table["m1"][2])
    assert table["kind"].tolist() == ["th1"] * 3


def test_frames_are_known_by_their_place_and_read_by_xarray(tmp_path):
    path = tmp_path / "fields.zarr"
    frames = Frames(path, LAYERS, DAYS, (3, 4), 20.0)
    for k in range(5):
        frames.add(k, frame(k))
    frames.settle()
    frames = Frames(path, LAYERS, DAYS, (3, 4), 20.0)  # taken up again after frame 2
    for k in range(3, 7):
        frames.add(k, frame(k))
    frames.settle()
    with xr.open_zarr(path) as stored:
        assert stored["tnf"].dims == ("day", "y", "x")
        assert stored["tnf"].attrs == {"units": "pg/mL", "long_name": "TNF"}
        np.testing.assert_array_equal(stored["day"], DAYS)
        np.testing.assert_array_equal(stored["x"], [10, 30, 50, 70])
        np.testing.assert_array_equal(stored["tnf"][:, 1, 2], 10 * np.arange(7) + 3)
        assert float(stored["myelin"].sel(day=1.4, method="nearest")[0, 0]) == 36.0


def test_frames_not_yet_written_are_not_numbers_and_torn_writes_are_cleared(tmp_path):
    path = tmp_path / "fields.zarr"
    Frames(path, LAYERS, DAYS, (2, 3, 4), 20.0)
    torn = path / "tnf" / "c" / "0.abc.partial"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"half")
    Frames(path, LAYERS, DAYS, (2, 3, 4), 20.0)
    assert not torn.exists()
    with xr.open_zarr(path) as stored:
        assert stored["tnf"].dims == ("day", "z", "y", "x")
        assert bool(stored["tnf"].isnull().all())


def test_a_group_whose_making_was_cut_off_is_made_again(tmp_path):
    (tmp_path / ".fields.zarr" / "tnf").mkdir(parents=True)
    frames = Frames(tmp_path / "fields.zarr", LAYERS, DAYS, (3, 4), 20.0)
    frames.add(0, frame(0))
    assert [path.name for path in tmp_path.iterdir()] == ["fields.zarr"]


def test_many_frames_make_few_files(tmp_path):
    path = tmp_path / "fields.zarr"
    frames = Frames(path, {"tnf": LAYERS["tnf"]}, np.arange(100.0), (3, 4), 20.0)
    for k in range(100):
        frames.add(k, frame(k))
    frames.settle()
    assert sum(file.is_file() for file in (path / "tnf" / "c").rglob("*")) == 2


def test_the_room_a_run_needs_grows_with_what_it_writes():
    small = bytes_needed(n_frames=10, n_layers=5, voxels=10_000, n_cells=1000, state_bytes=1 << 20)
    assert 3 << 20 < small < 10 << 20
    assert bytes_needed(10_000, 5, 10_000, 1000, 1 << 20) > 100 * small / 5
