"""CSV: a folder of plain tables, with the unit of each column."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas
import pyarrow
import pyarrow.csv

from abm.config.vocabulary import ANY_STATE
from abm.run_folder import Run
from experiments.study_plan import measure_units

FIELDS = "fields"
PLACE = {"x": "um", "y": "um", "z": "um"}


def write(run: Run, days: Sequence[float], path: Path) -> None:
    """Make a folder of tables.

    measures, profiles, events   of the whole run
    cells                        of the days chosen, one row for each cell and day
    fields/day_<day>             a row for each voxel: its middle, and every field and layer of the tissue that was kept
    columns                      the unit of every column of these tables
    """
    (path / FIELDS).mkdir(parents=True)
    _save(run.measures, path / "measures.csv")
    _save(run.profiles, path / "profiles.csv")
    _save(pandas.DataFrame(run.events, columns=_known(run)), path / "events.csv")
    _save(pandas.DataFrame(units(run, days), columns=["table", "column", "unit"]), path / "columns.csv")
    if days:
        _save(pandas.concat([run.cells(day).assign(day=day) for day in days]), path / "cells.csv")
    for day in days if run.layers else ():
        _save(voxels(run, day), path / FIELDS / f"day_{day:08.3f}.csv")


def _save(table: pandas.DataFrame, path: Path) -> None:
    """Write a table: the day first, every number as short as it can be told from others, nothing where there is none."""
    first = [name for name in ("day",) if name in table]
    ordered = table[[*first, *(name for name in table if name not in first)]]
    options = pyarrow.csv.WriteOptions(quoting_style="needed")
    pyarrow.csv.write_csv(pyarrow.Table.from_pandas(ordered, preserve_index=False), path, options)


def _known(run: Run) -> list[str]:
    """The columns of the events: what all have, then what some have."""
    return list(dict.fromkeys(["day", "kind", *(name for event in run.events for name in event)]))


def voxels(run: Run, day: float) -> pandas.DataFrame:
    """Return the fields of a day, a row for each voxel, x fastest: the middle of the voxel (um), then each field and layer."""
    layers = [run.field(name, day) for name in run.layers]
    axes = [layers[0][axis].to_numpy() for axis in layers[0].dims]
    places = dict(zip(layers[0].dims, np.meshgrid(*axes, indexing="ij")))
    columns = {axis: places[axis].ravel() for axis in "xyz" if axis in places}
    return pandas.DataFrame(columns | {str(layer.name): layer.to_numpy().ravel() for layer in layers})


def units(run: Run, days: Sequence[float]) -> Iterator[tuple[str, str, str]]:
    """Give the unit of each column of each table."""
    known = measure_units(run.config)
    fields = {name: field.unit for name, field in run.config.fields.items()}
    for column in run.measures.columns:
        yield "measures", column, "day" if column == "day" else known.get(column, "1")
    for column in run.profiles.columns:
        own = {"day": "day", "r_um": "um", "volume_mm3": "mm^3"}
        yield "profiles", column, own.get(column) or known.get(column, "1")
    if days:
        for column in ("day", *run.cells(days[0]).columns):
            yield "cells", column, {"day": "day", **PLACE, **ANY_STATE}.get(column, "1")
    if days and run.layers:
        for column in voxels(run, days[0]).columns:
            yield FIELDS, column, PLACE.get(column) or fields.get(column, "1")
