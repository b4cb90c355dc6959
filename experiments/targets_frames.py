"""What only the frames of a run tell: single venules, and which voxels are bare, mended or full of cut axons."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from abm.tissue import DEMYELINATED_BELOW

OPEN_ABOVE = 0.5  # permeability of a venule that takes up contrast
LESION_WITHIN = 21.0  # days after a venule opened in which myelin must be lost for a new lesion


def site(config: Any) -> tuple[float, float]:
    """Return where the lesion is, um: the venule that is forced open first, else the first plaque."""
    windows = sorted(config.tissue.trigger.windows.values(), key=lambda window: float(window.from_))
    places = [config.tissue.venules.positions[window.venule] for window in windows if window.venule is not None]
    place = [*places, *(plaque.at for plaque in config.tissue.plaques.values())][0]
    return float(place.x), float(place.y)


def trigger_bbb(run: Any, config: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the days of the frames and the permeability of the venule at the lesion's site on each."""
    days, x, y, bbb = venules(run)
    here = np.hypot(x - site(config)[0], y - site(config)[1]).argmin()
    return days, bbb[:, here]


def venules(run: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return days, x and y of the venules, and their permeability as an array (day, venule)."""
    tables = [cells[cells["kind"] == "venule"].sort_values("uid") for cells in map(run.cells, run.frame_days)]
    first = tables[0]
    return run.frame_days, *(first[axis].to_numpy() for axis in "xy"), np.array([t["bbb"].to_numpy() for t in tables])


def distance(layer: Any, x: float, y: float) -> np.ndarray:
    """Return how far each voxel of a layer is from a point, (y, x)."""
    return np.hypot(layer["x"] - x, layer["y"] - y).transpose("y", "x").to_numpy()


def bare(run: Any, day: float) -> np.ndarray:
    """Return which voxels are demyelinated in the frame nearest to a day."""
    return run.field("myelin", day).to_numpy() < DEMYELINATED_BELOW


def unsheathed(run: Any, day: float) -> np.ndarray:
    """Return where fewer than half of the axons that are left have sheaths: of what is lost none can come back."""
    myelin, axons = (run.field(name, day).to_numpy() for name in ("myelin", "axons"))
    return myelin < DEMYELINATED_BELOW * axons


def share_within(run: Any, config: Any, radius: float) -> float:
    """The share of the demyelinated area within a radius (um) of its site, in the frame nearest to its largest."""
    area = run.measures["lesion_area_mm2"]
    if not area.max() > area.iloc[0]:
        return math.nan
    myelin = run.field("myelin", float(run.measures["day"][area.idxmax()]))
    lesion = myelin.to_numpy() < DEMYELINATED_BELOW
    return (
        float((lesion & (distance(myelin, *site(config)) <= radius)).sum() / lesion.sum()) if lesion.any() else math.nan
    )


def mended(run: Any, config: Any, begin: float, end: float) -> float:
    """The share of the lesion of one day, seen by the axons left, that has its sheaths back on another."""
    before, after = unsheathed(run, begin), unsheathed(run, end)
    return float((before & ~after).sum() / before.sum()) if before.any() and run.frame_days[-1] >= end else math.nan


def cut_ends(run: Any, config: Any, inner: float, outer: float, begin: float, end: float) -> float:
    """Visible ends of cut axons per mm3 of a ring around the site, mean over days: counted as ``transected_per_mm3`` is."""
    days = [day for day in run.frame_days if begin <= day <= end]
    densities = [_ends_per_mm3(run.field("ovoids", day), config, inner, outer) for day in days]
    return float(np.mean(densities)) if densities and run.frame_days[-1] >= end else math.nan


def _ends_per_mm3(ovoids: Any, config: Any, inner: float, outer: float) -> float:
    r = distance(ovoids, *site(config))
    ring = (r >= inner) & (r < outer)
    voxel = float(config.grid.voxel) * 1e-3  # mm
    axons = float(config.tissue.axon_density) * voxel * float(config.grid.thickness) * 1e-3  # of a bundle
    volume = ring.sum() * voxel**2 * float(config.grid.thickness) * 1e-3
    share = np.where(ring, ovoids.to_numpy(), 0).max(axis=-1)  # an axon is cut once on its way along x
    return float(share.sum() * axons / volume) if volume else math.nan


# --- openings -------------------------------------------------------------------------------------------------------------


def openings(run: Any, config: Any, begin: float, end: float) -> float:
    """How often a venule opened beyond one half, from one day to another."""
    if run.frame_days[-1] < end:
        return math.nan
    return float(sum(1 for _ in _opened(run, begin, end)))


def new_lesions(run: Any, config: Any, begin: float, end: float) -> float:
    """How many of these openings were followed by new demyelination nearer to that venule than to another."""
    if run.frame_days[-1] < end:
        return math.nan
    _, x, y, _ = venules(run)
    layer = run.field("myelin", 0.0)
    nearest = np.argmin([distance(layer, *place) for place in zip(x, y)], axis=0)
    count = 0
    for day, venule in _opened(run, begin, end):
        intact = ~bare(run, day) & (nearest == venule)
        later = [each for each in run.frame_days if day < each <= day + LESION_WITHIN]
        count += any((intact & bare(run, each)).any() for each in later)
    return float(count)


def _opened(run: Any, begin: float, end: float) -> Iterator[tuple[float, int]]:
    """Give day and number of every venule that rose above one half, from one frame to the next."""
    days, _, _, bbb = venules(run)
    is_open = np.vstack([np.zeros((1, bbb.shape[1]), bool), bbb > OPEN_ABOVE])
    for frame, venule in np.argwhere(is_open[1:] & ~is_open[:-1]):
        if begin <= days[frame] <= end:
            yield float(days[frame]), int(venule)


COLUMNS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {"trigger_bbb": trigger_bbb}
READINGS: dict[str, Callable[..., float]] = {
    "share_within": share_within,
    "mended": mended,
    "cut_ends": cut_ends,
    "openings": openings,
    "new_lesions": new_lesions,
}
