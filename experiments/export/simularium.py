"""Simularium: the cells over time as spheres, with curves of read-outs beside them (simularium.allencell.org)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas
from simulariumio import (
    DISPLAY_TYPE,
    AgentData,
    DisplayData,
    MetaData,
    ModelMetaData,
    ScatterPlotData,
    TrajectoryConverter,
    TrajectoryData,
    UnitData,
)
from simulariumio.constants import BINARY_SETTINGS, VIEWER_DIMENSION_RANGE, VIZ_TYPE

from abm.config import Config
from abm.run_folder import Run
from experiments.export.sizes import diameters
from experiments.failures import Refused
from experiments.palette import CLOSED
from experiments.study_plan import measure_units
from experiments.words import plain

BYTES_EACH = 44  # of a cell in a frame
CURVES = ("lesion_area_mm2", "remyelinated_area_mm2", "axon_loss", "m1_mean")


class Sphere(NamedTuple):
    """How a kind is shown. radius  um"""

    label: str
    colour: str
    radius: float


def write(run: Run, days: Sequence[float], path: Path) -> None:
    """Make a file in Simularium's binary format. The viewer's origin is the middle of the tissue; its scale bar is in um."""
    frames = [run.cells(day) for day in days]
    many = sum(map(len, frames))
    if not many:
        raise Refused(f"{run.folder} keeps no cells on these days; see output.cells")
    if many * BYTES_EACH > BINARY_SETTINGS.MAX_BYTES:
        raise Refused(f"{many:,} cells over {len(days)} frames are too many for one file; choose some days with --day")
    spheres = spheres_of(run.config)
    edges = [float(edge) for edge in run.config.grid.size]
    size = np.array([*edges, float(run.config.grid.voxel)][:3])
    middle = np.array([*edges, 0.0][:3]) / 2
    scale = VIEWER_DIMENSION_RANGE.MAX / size.max()
    shape = len(days), max(map(len, frames))
    ids, radii, places = np.zeros(shape), np.zeros(shape), np.zeros((*shape, 3))
    for t, (cells, own) in enumerate(zip(frames, numbers(frames))):
        kinds = [spheres[kind].radius for kind in cells["kind"].cat.categories]
        ids[t, : len(cells)] = own
        radii[t, : len(cells)] = np.array(kinds)[cells["kind"].cat.codes] * scale
        places[t, : len(cells)] = (cells[["x", "y", "z"]].to_numpy() - middle) * scale
    agents = AgentData(
        times=np.array(days),
        n_agents=np.array([len(cells) for cells in frames]),
        viz_types=np.full(shape, VIZ_TYPE.DEFAULT),
        unique_ids=ids,
        types=[[spheres[kind].label for kind in cells["kind"]] for cells in frames],
        positions=places,
        radii=radii,
        display_data={
            each.label: DisplayData(each.label, DISPLAY_TYPE.SPHERE, color=each.colour) for each in spheres.values()
        },
    )
    about = ModelMetaData(title=run.config.title or run.name, description=run.config.purpose or "")
    data = TrajectoryData(
        MetaData(size * scale, trajectory_title=run.config.title or run.name, model_meta_data=about),
        agents,
        UnitData("d"),
        UnitData("um", 1 / scale),
        plots=[],
    )
    converter = TrajectoryConverter(data)
    with redirect_stdout(StringIO()):  # it tells what it does there
        for curve in curves(run):
            converter.add_plot(curve, "scatter")
        converter.save(str(path.with_suffix("")), binary=True)


def spheres_of(config: Config) -> Mapping[str, Sphere]:
    """Return how each kind is shown."""
    radii = {kind: diameter / 2 for kind, diameter in diameters(config).items()}
    shown = {kind: Sphere(cell.label, cell.colour, radii[kind]) for kind, cell in config.cells.items()}
    return shown | {"venule": Sphere("Venule", CLOSED, radii["venule"])}


def numbers(frames: Sequence[pandas.DataFrame]) -> list[np.ndarray]:
    """Return a number for each cell of each frame, the same for as long as it lives: uids are unique within a kind only."""
    whole = pandas.concat([cells[["kind", "uid"]] for cells in frames])
    each = whole.groupby(["kind", "uid"], observed=True, sort=False).ngroup().to_numpy()
    return np.split(each, np.cumsum([len(cells) for cells in frames])[:-1])


def curves(run: Run) -> Iterator[ScatterPlotData]:
    """Give the read-outs that tell most, those that the run has."""
    units, measures = measure_units(run.config), run.measures
    for name in CURVES:
        if name in measures:
            there = measures[["day", name]].dropna()
            title = f"{name.rsplit('_mm2')[0].replace('_', ' ')}"
            yield ScatterPlotData(
                title=title,
                xaxis_title="day",
                yaxis_title=f"{title} [{plain(units[name])}]",
                xtrace=there["day"].to_numpy(),
                ytraces={title: there[name].to_numpy()},
                render_mode="lines",
            )
