"""Reading what a run left in its folder, finished or not: days in days, places in um."""

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.config import Config, ConfigError, load

if TYPE_CHECKING:
    import pandas
    import xarray

INFO, CONFIG, RESOLVED, MEASURES, PROFILES = "run.json", "config.yaml", "resolved.yaml", "measures", "profiles"
FRAMES, EVENTS = "fields.zarr", "events.jsonl"


def read_table(path: Path) -> "pandas.DataFrame":
    """Read a table of numbers over days to the last bit; a last row that is half written is left out."""
    import pandas

    rows = path.read_text().split("\n")[:-1]
    if not rows:
        return pandas.DataFrame({"day": np.zeros(0)})
    values = np.loadtxt(rows[1:], delimiter=",", ndmin=2) if rows[1:] else np.zeros((0, rows[0].count(",") + 1))
    return pandas.DataFrame(values, columns=rows[0].split(","))


class Run:
    """A run folder. What was read is kept: load the folder again to see a running run go on."""

    def __init__(self, folder: Path, info: dict[str, Any]):
        self.folder = folder
        self.info = info

    @classmethod
    def load(cls, folder: str | Path) -> "Run":
        """Open a run folder. Raises ConfigError with one sentence where it is none."""
        folder = Path(folder)
        try:
            info = json.loads((folder / INFO).read_text())
        except FileNotFoundError:
            raise ConfigError([f"{folder} is no run folder: it has no {INFO}"]) from None
        except (OSError, ValueError) as error:
            raise ConfigError([f"{folder / INFO} cannot be read: {error}"]) from None
        if not isinstance(info, dict) or not {"status", "name", "frames", "code_version"} <= set(info):
            raise ConfigError([f"{folder / INFO} was not written by remyelin, or is damaged"])
        if not isinstance(info["frames"], int) or info["frames"] < 0:
            given = f"frames is {json.dumps(info['frames'])}, but must be a whole number"
            raise ConfigError([f"{folder / INFO} is damaged: {given}; copy the whole run folder again"])
        return cls(folder, info)

    def _incomplete(self, name: str) -> ConfigError:
        return ConfigError(
            [f"{self.folder} is not whole: it has no readable {name}; copy the whole run folder again, or run it anew"]
        )

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return self.info["name"]

    @cached_property
    def config(self) -> Config:
        """The config of the run, every value as it was used."""
        return load(self.folder / RESOLVED)

    @cached_property
    def measures(self) -> "pandas.DataFrame":
        """Read-outs over time: the column day, then one column each."""
        return self._table(MEASURES)

    @cached_property
    def profiles(self) -> "pandas.DataFrame":
        """Radial profiles of the days of frames: the columns day and r_um, then one each; see abm/profiles.py."""
        return self._table(PROFILES)

    def _table(self, name: str) -> "pandas.DataFrame":
        import pandas

        whole = self.folder / f"{name}.parquet"
        try:
            return pandas.read_parquet(whole) if whole.exists() else read_table(self.folder / f"{name}.csv")
        except FileNotFoundError:
            raise self._incomplete(f"{name}.csv") from None

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """Doses, relapses and warnings, in order."""
        try:
            lines = (self.folder / EVENTS).read_text().split("\n")
        except FileNotFoundError:
            raise self._incomplete(EVENTS) from None
        try:
            return [json.loads(line) for line in lines[:-1]]
        except ValueError:
            raise self._incomplete(EVENTS) from None

    # --- frames ---------------------------------------------------------------------------------------------------------

    @cached_property
    def _group(self) -> Any:
        import zarr

        try:
            return zarr.open_group(self.folder / FRAMES, mode="r")
        except FileNotFoundError:
            raise self._incomplete(FRAMES) from None

    @cached_property
    def frame_days(self) -> np.ndarray:
        """Days of the frames that are written."""
        return np.asarray(self._group["day"][: self.info["frames"]])

    @cached_property
    def layers(self) -> list[str]:
        """Names of the fields and tissue layers that were kept."""
        return sorted(name for name, array in self._group.arrays() if array.ndim > 1)

    def frame(self, day: float) -> int:
        """Return the number of the frame nearest to a day. Raises ConfigError where there is none yet."""
        if not len(self.frame_days):
            raise ConfigError([f"{self.folder} has no frame yet"])
        return int(np.argmin(np.abs(self.frame_days - day)))

    def field(self, name: str, day: float) -> "xarray.DataArray":
        """Return a field or tissue layer of the frame nearest to ``day``, (y, x) or (z, y, x), with its unit."""
        import xarray

        from abm.config.errors import hint

        if name not in self.layers:
            raise ConfigError([f"{self.folder} keeps no field '{name}'; {hint(name, self.layers)}"])
        array = self._group[name]
        axes = array.metadata.dimension_names[1:]
        k = self.frame(day)
        coordinates = {axis: self._axes[axis] for axis in axes} | {"day": self.frame_days[k]}
        attributes = {"unit": array.attrs["units"], "label": array.attrs["long_name"]}
        return xarray.DataArray(array[k], coords=coordinates, dims=axes, name=name, attrs=attributes)

    @cached_property
    def _axes(self) -> dict[str, np.ndarray]:
        return {axis: np.asarray(self._group[axis][:]) for axis in "xyz" if axis in self._group}

    def cells(self, day: float) -> "pandas.DataFrame":
        """Return the cells of the frame nearest to ``day``: uid, kind, state, x, y, z in um, and own columns.

        A run that is not finished has its cells up to the last checkpoint.
        """
        import pandas
        import pyarrow.parquet

        day = float(self.frame_days[self.frame(day)])
        if day not in self.cell_groups and self.info["status"] == "running" and self.cell_groups:
            day = min(self.cell_groups, key=lambda known: abs(known - day))
        groups = [pyarrow.parquet.ParquetFile(path).read_row_group(i) for path, i in self.cell_groups.get(day, [])]
        tables = [group.to_pandas().drop(columns="day") for group in groups]
        return pandas.concat(tables, ignore_index=True) if tables else self._no_cells()

    @cached_property
    def cell_groups(self) -> dict[float, list[tuple[Path, int]]]:
        """The row groups of each frame that has cells."""
        import pyarrow.parquet

        groups: dict[float, list[tuple[Path, int]]] = {}
        for path in sorted((self.folder / "cells").glob("part-*.parquet")):
            metadata = pyarrow.parquet.read_metadata(path)
            for i in range(metadata.num_row_groups):
                if metadata.row_group(i).num_rows:
                    groups.setdefault(metadata.row_group(i).column(0).statistics.min, []).append((path, i))
        return groups

    def _no_cells(self) -> "pandas.DataFrame":
        import pandas
        import pyarrow.parquet

        for path in (self.folder / "cells").glob("part-*.parquet"):
            return pyarrow.parquet.read_schema(path).empty_table().to_pandas().drop(columns="day")
        return pandas.DataFrame({name: [] for name in ("uid", "kind", "state", "x", "y", "z")})
