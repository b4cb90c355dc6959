"""Exports: what other tools read from them is what the run holds."""

import json
import sys

import h5py
import numpy as np
import pandas as pd
import pytest
import zarr
from ome_zarr_models.v05.image import Image
from simulariumio import InputFileData
from simulariumio.readers import SimulariumBinaryReader

from abm import Run

MANY = 3  # days that tests look at


@pytest.fixture
def exported(remyelin, finished, tmp_path):
    """Export the tiny run into a folder of the test, and return where to."""

    def export(to, name, *arguments):
        answer = remyelin("export", finished, "--to", to, "--out", tmp_path / name, *arguments)
        assert answer.code == 0, answer.err
        assert answer.out.splitlines() == [str(tmp_path / name)]
        assert [path.name for path in tmp_path.iterdir()] == [name]
        return tmp_path / name

    return export


@pytest.fixture
def run(finished):
    return Run.load(finished)


def test_tables_hold_every_number_of_the_run(exported, run):
    folder = exported("csv", "tables")
    for name in ("measures", "profiles"):
        pd.testing.assert_frame_equal(pd.read_csv(folder / f"{name}.csv"), getattr(run, name), check_dtype=False)
    cells = pd.read_csv(folder / "cells.csv")
    assert cells["day"].unique().tolist() == run.frame_days.tolist()
    for day in run.frame_days[:MANY]:
        there, kept = cells[cells["day"] == day], run.cells(day)
        assert there["kind"].tolist() == kept["kind"].tolist() and there["uid"].tolist() == kept["uid"].tolist()
        for name in ("x", "y", "m1", "held"):
            np.testing.assert_array_equal(there[name].to_numpy(np.float32), kept[name])
    assert pd.read_csv(folder / "events.csv")["text"].tolist() == [event["text"] for event in run.events]


def test_a_table_of_voxels_says_where_each_is(exported, run):
    folder, day = exported("csv", "tables"), float(run.frame_days[2])
    assert len(list((folder / "fields").iterdir())) == len(run.frame_days)
    table, tnf = pd.read_csv(folder / "fields" / f"day_{day:08.3f}.csv"), run.field("tnf", day)
    there = table.set_index(["y", "x"])["tnf"]
    for y, x in ((10, 10), (30, 110), (190, 70)):
        assert np.float32(there[y, x]) == tnf.sel(y=y, x=x)
    assert len(table) == tnf.size


def test_every_column_has_its_unit(exported, run):
    folder = exported("csv", "tables")
    units = pd.read_csv(folder / "columns.csv").set_index(["table", "column"])["unit"]
    for file in ("measures", "profiles", "cells"):
        assert set(pd.read_csv(folder / f"{file}.csv", nrows=1)) == set(units[file].index)
    asked = [
        ("measures", "lesion_area_mm2"),
        ("measures", "mean.tnf"),
        ("cells", "age"),
        ("cells", "x"),
        ("fields", "ros"),
    ]
    assert [units[each] for each in asked] == ["mm^2", "pg/mL", "h", "um", run.config.fields["ros"].unit]


def test_vtk_finds_fields_and_cells_in_the_same_place(exported, run):
    folder, days = exported("vtkhdf", "vtk"), run.frame_days
    with h5py.File(folder / "fields.vtkhdf") as file:
        root = file["VTKHDF"]
        assert root.attrs["Type"] == b"ImageData" and root.attrs["WholeExtent"].tolist() == [0, 10, 0, 10, 0, 1]
        assert root.attrs["Spacing"].tolist() == [20, 20, 20] and root.attrs["Origin"].tolist() == [0, 0, -20]
        assert root["Steps/Values"][:].tolist() == days.tolist() and root["Steps"].attrs["NSteps"] == len(days)
        assert set(root["CellData"]) == set(run.layers)
        for step in range(MANY):
            assert root["Steps/CellDataOffsets/tnf"][step] == step
            np.testing.assert_array_equal(root["CellData/tnf"][step, 0], run.field("tnf", days[step]))
    with h5py.File(folder / "cells.vtkhdf") as file:
        root = file["VTKHDF"]
        names = [name.decode() for name in root["FieldData/kinds"][:]]
        for step in range(MANY):
            cells, begin = run.cells(days[step]), root["Steps/PointOffsets"][step]
            own = slice(begin, begin + root["NumberOfPoints"][step])
            np.testing.assert_array_equal(root["Points"][own], cells[["x", "y", "z"]])
            np.testing.assert_array_equal(root["PointData/uid"][own], cells["uid"])
            assert [names[kind] for kind in root["PointData/kind"][own]] == cells["kind"].tolist()
            first = cells["kind"].tolist().index("oligodendrocyte")
            assert root["PointData/diameter"][own][first] == float(run.config.cells["oligodendrocyte"].diameter)


def test_each_cell_is_a_vertex_of_its_own(exported, run):
    """VTK reads the vertices of a step at its offsets: counted from the first point of that step."""
    with h5py.File(exported("vtkhdf", "vtk") / "cells.vtkhdf") as file:
        root, number = file["VTKHDF"], [len(run.cells(day)) for day in run.frame_days]
        before = np.cumsum([0, *number[:-1]])
        assert (
            root["Vertices/NumberOfCells"][:].tolist() == number == root["Vertices/NumberOfConnectivityIds"][:].tolist()
        )
        np.testing.assert_array_equal(root["Steps/CellOffsets"][:, 0], before)
        step = 2
        own = slice(before[step], before[step] + number[step])
        assert root["Vertices/Connectivity"][own].tolist() == list(range(number[step]))
        ends = before[step] + step  # an end more than cells, in every step
        assert root["Vertices/Offsets"][ends : ends + number[step] + 1].tolist() == list(range(number[step] + 1))
        assert root["Polygons/NumberOfCells"][:].tolist() == [0] * len(number)


def test_an_image_over_time_has_a_channel_for_each_field(exported, run):
    group = zarr.open_group(exported("ome-zarr", "image.zarr"), mode="r")
    array, channel = group["0"], run.layers.index("tnf")
    assert array.shape == (len(run.frame_days), len(run.layers), 10, 10)
    for step in range(MANY):
        np.testing.assert_array_equal(array[step, channel], run.field("tnf", run.frame_days[step]))
    described = Image.from_zarr(group).attributes.ome  # held against the format
    assert described.version == "0.5" and described.omero["channels"][channel]["label"] == "TNF-α [pg/mL]"
    (image,) = described.multiscales
    assert [axis.unit for axis in image.axes] == ["day", None, "micrometer", "micrometer"]
    scale, shift = image.datasets[0].coordinateTransformations
    assert scale.scale == [pytest.approx(2 / 24), 1, 20, 20] and shift.translation == [0, 0, 10, 10]
    top = described.omero["channels"][channel]["window"]
    assert top["min"] == 0 and top["max"] == pytest.approx(max(run.field("tnf", day).max() for day in run.frame_days))
    assert group.attrs["remyelin"]["days"] == run.frame_days.tolist()


def test_spheres_stand_where_cells_stand(exported, run):
    data = SimulariumBinaryReader.load_binary(InputFileData(str(exported("simularium", "cells.simularium"))))
    about, frames = data["trajectoryInfo"], data["spatialData"]["bundleData"]
    kinds = {int(number): each["name"] for number, each in about["typeMapping"].items()}
    unit = about["spatialUnits"]["magnitude"]  # um in one of the viewer's
    assert about["spatialUnits"]["name"] == "µm" and about["timeUnits"]["name"] == "d"
    assert [frame["time"] for frame in frames] == pytest.approx(run.frame_days.tolist(), abs=1e-6)
    for step in range(MANY):
        agents, cells = np.reshape(frames[step]["data"], (-1, 11)), run.cells(run.frame_days[step])
        place = cells[["x", "y", "z"]] - [100, 100, 0]
        np.testing.assert_allclose(agents[:, 3:6] * unit, place, atol=0.1)
        labels = [run.config.cells[kind].label if kind in run.config.cells else "Venule" for kind in cells["kind"]]
        assert [kinds[int(number)] for number in agents[:, 2]] == labels
        assert len(set(agents[:, 1])) == len(cells)
    both = [np.reshape(frame["data"], (-1, 11)) for frame in frames[:2]]
    for kind in ("oligodendrocyte", "msc"):  # a cell keeps its number
        first, second = (run.cells(day).reset_index() for day in run.frame_days[:2])
        one, other = first[first["kind"] == kind], second[second["kind"] == kind]
        known = dict(zip(one["uid"], both[0][one.index, 1]))
        assert all(known[uid] == both[1][row, 1] for row, uid in zip(other.index, other["uid"]) if uid in known)


def test_days_are_chosen_by_the_nearest_frame(exported, run):
    days = run.frame_days
    folder = exported("csv", "tables", "--day", days[1] + 0.01, "--day", days[3], "--day", days[3] + 0.005)
    assert pd.read_csv(folder / "cells.csv")["day"].unique().tolist() == [days[1], days[3]]


def test_it_stands_in_the_folder_of_the_run_unless_told(remyelin, finished, run, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in (
        "run.json",
        "resolved.yaml",
        "measures.parquet",
        "profiles.parquet",
        "events.jsonl",
        "fields.zarr",
        "cells",
    ):
        (folder / name).symlink_to(finished / name)
    assert remyelin("export", folder, "--to", "csv", "--day", 0.25).code == 0
    assert (folder / "export" / "csv" / "cells.csv").is_file()
    again = remyelin("export", folder, "--to", "csv")
    assert again.code == 2 and "is there already; remove it, or give another name with --out" in again.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--to", "xml"), "--to xml is no format; it is one of csv, vtkhdf, ome-zarr, simularium"),
        (("--to", "csv", "--day", 9), "--day 9 is outside the run: its frames go from day 0 to day 0.3"),
        (("--to", "simularium", "--out", "cells.txt"), "cells.txt: the name must end in .simularium"),
        (("--to", "csv", "--out", "nowhere/tables"), "there is no folder nowhere; make it first"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_left(remyelin, finished, tmp_path, arguments, sentence):
    answer = remyelin("export", finished, *arguments)
    assert answer.code == 2 and sentence in answer.err and len(answer.err.splitlines()) == 1
    assert not list(tmp_path.iterdir()) and not (finished / "export").exists()


def test_damaged_events_are_refused_and_nothing_is_left(remyelin, broken, tmp_path):
    broken("")
    (tmp_path / "broken" / "events.jsonl").write_text("no JSON\n")
    answer = remyelin("export", "broken", "--to", "csv")
    assert answer.code == 2 and "broken is not whole: it has no readable events.jsonl" in answer.err
    assert not list((tmp_path / "broken" / "export").iterdir())


def test_a_package_that_is_missing_is_named(remyelin, finished, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.delitem(sys.modules, "experiments.export.vtkhdf", raising=False)
    answer = remyelin("export", finished, "--to", "vtkhdf")
    assert answer.code == 2 and answer.err == '--to vtkhdf needs the package h5py: pip install "remyelin[export]"\n'


def test_a_run_that_goes_on_gives_the_frames_whose_cells_are_there(remyelin, finished, run, tmp_path):
    """Cells are written at checkpoints, fields sooner."""
    folder = tmp_path / "running"
    folder.mkdir()
    for name in ("resolved.yaml", "measures.csv", "profiles.csv", "events.jsonl", "fields.zarr"):
        (folder / name).symlink_to(finished / name)
    (folder / "cells").mkdir()
    (folder / "cells" / "part-000000.parquet").symlink_to(finished / "cells" / "part-000000.parquet")
    (folder / "run.json").write_text(json.dumps({**run.info, "status": "running"}))
    assert remyelin("export", folder, "--to", "csv").code == 0
    there = pd.read_csv(folder / "export" / "csv" / "cells.csv")["day"].unique().tolist()
    assert there == sorted(Run.load(folder).cell_groups) and 0 < len(there) < len(run.frame_days)


def test_a_run_without_cells_gives_its_fields(remyelin, tmp_path):
    folder = tmp_path / "diffusion"
    assert remyelin("run", "diffusion", "--days", "0.05", "--threads", 1, "--out", folder, "--quiet").code == 0
    for to in ("csv", "vtkhdf", "ome-zarr"):
        assert remyelin("export", folder, "--to", to).code == 0
    assert [path.name for path in (folder / "export" / "vtkhdf").iterdir()] == ["fields.vtkhdf"]
    answer = remyelin("export", folder, "--to", "simularium")
    assert answer.code == 2 and "keeps no cells on these days" in answer.err
