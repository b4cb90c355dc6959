"""Read-outs: numbers that a study compares. Computed on the host, at their own cadence; they change nothing."""

import math
from typing import Any

import numpy as np

from abm.places import lesion_site, near
from abm.snapshot import WHOLE, Snapshot
from abm.tissue import DEMYELINATED_BELOW

VISIBLE_BELOW = 0.8  # of normal myelin: where the T2-like proxy counts a voxel as lesion
REFERENCE_DIAMETER = 1.0  # um: the axon for which the configuration's velocity of healthy conduction holds
T_CELLS = ("th1", "th17", "cd8", "treg")


def measure(model: Any, slab: int = 0) -> dict[str, float]:
    """Return all read-outs of one slab now. Names and units are those of the contract and of docs/readouts.md."""
    now = Snapshot(model, slab)
    return {
        **_tissue(now),
        **_cells(now),
        **_conduction(now),
        **_fields(now),
        **model.periphery_of(slab).readouts(slab),
        **_own(now),
    }


def _ratio(a: float, b: float) -> float:
    return a / b if b else math.nan


def _mean(values: np.ndarray, otherwise: float = math.nan) -> float:
    return float(values.mean(dtype=float)) if values.size else otherwise


def _tissue(s: Snapshot) -> dict[str, float]:
    if not s.layers:
        return {}
    myelin, new, axons = (s.layers[name] for name in ("myelin", "remyelinated", "axons"))
    face = s.grid.h**2 * 1e-6 if s.grid.dims == 2 else s.volume
    region = s.region(s.config.region)
    readouts = {
        "lesion_area_mm2": float((myelin < DEMYELINATED_BELOW).sum()) * face,
        "demyelinated_fraction": float(np.clip(axons - myelin, 0, None).sum() / max(float(axons.sum()), 1e-9)),
        "remyelinated_area_mm2": float(((new > 0.5 * myelin) & (myelin > 0)).sum()) * face,
        "mean.myelin": _mean(myelin),
        "core.myelin": _mean(myelin[region]),
        "axon_loss": 1 - _mean(axons[region], otherwise=1.0),
        "axon_swollen": _mean(s.layers["swollen"][region], otherwise=0.0),
        "transected_per_mm3": _visible_ends(s, region) / s.volume_of(s.config.region) if region.any() else 0.0,
        "region_mm3": s.volume_of(s.config.region),
        "t2_volume_mm3": float((myelin < VISIBLE_BELOW).sum()) * s.volume,
    }
    if s.model.venules is not None and s.model.venules.n:
        bbb = s.cells("venule").state("bbb")
        readouts["bbb_leak"], readouts["bbb_max"] = _leak(s, region), float(bbb.max())
    return readouts


def _leak(s: Snapshot, region: np.ndarray) -> float:
    """Return the mean permeability of the venules that serve a region, each by the tissue that it serves there.

    While there is no region: of the venule at the lesion's site, or of all where a configuration puts it nowhere.
    """
    territory = s.model.venules.territory
    site = lesion_site(s.config, s.grid)
    if not region.any() and site is not None:
        region = near(s.grid, site, 0.0)
    serving = territory[region if region.any() else s.region(WHOLE)]
    venules = s.cells("venule")
    by_number = np.zeros(len(venules))
    by_number[venules.uid - 1] = venules.state("bbb")
    return _mean(by_number[serving[serving >= 0]], otherwise=0.0)


def _visible_ends(s: Snapshot, region: np.ndarray) -> float:
    """Count the axons with a visible end in a region.

    An axon is cut once on its way along x, so that of a bundle the highest share counts, as it does for conduction. A sum
    over voxels would count an axon again in each: many times too much, and the more the smaller the voxel.
    """
    share = np.where(region, s.layers["ovoids"], 0).max(axis=-1)
    across = s.volume / (s.grid.h * 1e-3)  # mm2 of a voxel, seen along x
    return float(share.sum(dtype=float)) * float(s.config.tissue.axon_density) * across


def _cells(s: Snapshot) -> dict[str, float]:
    readouts: dict[str, float] = {}
    region = s.volume_of(s.config.region)
    counts = {kind: len(s.cells(kind)) for kind in s.model.population if kind != "venule"}
    for kind, count in counts.items():
        readouts[f"count.{kind}"] = count
        if kind != "neuron":
            readouts[f"density.{kind}"] = s.count(kind, s.config.region) / region if region else 0.0
    phagocytes, m1 = _phagocytes(s)
    readouts["m1_m2"], readouts["m2_m1"] = _ratio(m1, phagocytes - m1), _ratio(phagocytes - m1, m1)
    readouts["m1_mean"], readouts["phagocytes"] = _ratio(m1, phagocytes), phagocytes
    if "treg" in counts:
        readouts["treg_fraction"] = _ratio(counts["treg"], sum(counts.get(kind, 0) for kind in T_CELLS))
    if s.config.tissue is not None and s.config.tissue.venules is not None:
        readouts |= _infiltrate(s)
    if "msc" in counts:
        readouts["msc_density"] = counts["msc"] / s.volume_of(WHOLE)
    return readouts


def _phagocytes(s: Snapshot, where: np.ndarray | None = None) -> tuple[float, float]:
    """Return how many macrophages and active microglia there are, and the sum of their M1 scores.

    where   counts only those in these voxels, bool in the order of ``Cells.voxel``
    """
    number = m1 = 0.0
    for kind in s.model.population:
        cells = s.cells(kind)
        if "m1" not in cells.states:
            continue
        active = cells.active if where is None else cells.active * where[cells.voxel]
        number += float(active.sum(dtype=float))
        m1 += float((cells.state("m1") * active).sum(dtype=float))
    return number, m1


def _infiltrate(s: Snapshot) -> dict[str, float]:
    """What the infiltrate is made of, in the tissue that a venule at the centre of the lesion serves."""
    served = s.padded(s.distance() <= float(s.config.tissue.venules.radius), False)
    cd8, th1, th17 = (
        float(served[s.cells(kind).voxel].sum()) if kind in s.model.population else 0.0
        for kind in ("cd8", "th1", "th17")
    )
    return {
        "macrophage_t_ratio": _ratio(_phagocytes(s, served)[0], cd8 + th1 + th17),
        "cd8_cd4": _ratio(cd8, th1 + th17),
    }


def velocity(
    g_ratio: float, internode: float, diameter: float, healthy: float, healthy_g: float, healthy_internode: float
):
    """Return the velocity (m/s) of a myelinated axon: ``v d sqrt(-ln g) / sqrt(-ln g0) min(1, (L / L0)^0.4)``.

    diameter in um; ``healthy`` is the velocity at 1 um, g0 and the internode L0. Hursh and Rushton scaling.
    """
    shape = math.sqrt(-math.log(g_ratio)) / math.sqrt(-math.log(healthy_g))
    return healthy * diameter / REFERENCE_DIAMETER * shape * min(1.0, (internode / healthy_internode) ** 0.4)


def _along(shares: np.ndarray, length: int) -> np.ndarray:
    """Return means over ``length`` neighbouring voxels along x (all, where there are fewer).

    An axon is bare by whole internodes: the least of single voxels would be the noise of their few sheaths.
    """
    length = min(max(length, 1), shares.shape[-1])
    sums = np.cumsum(np.pad(shares, ((0, 0), (0, 0), (1, 0))), axis=-1, dtype=float)
    return (sums[..., length:] - sums[..., :-length]) / length


def _conduction(s: Snapshot) -> dict[str, float]:
    """Conduction of the bundles that run along x, over the voxels they cross."""
    if not s.layers or "neuron" not in s.model.population:
        return {}
    spec = s.config.tissue
    metres_per_second = 1e6 * 3600
    fast, slow = (
        float(v) / metres_per_second
        for v in (spec.conduction.myelinated_velocity, spec.conduction.demyelinated_velocity)
    )
    geometry = (float(spec.axon_diameter), fast, float(spec.g_ratio), float(spec.internode))
    old_v = velocity(float(spec.g_ratio), float(spec.internode), *geometry)
    new_v = velocity(float(spec.remyelinated_g_ratio), float(spec.remyelinated_internode), *geometry)
    myelin, new, axons = (s.layers[name] for name in ("myelin", "remyelinated", "axons"))
    surviving = np.maximum(axons, 1e-6)
    sheathed = np.clip(myelin / surviving, 0, 1)
    new_share = np.clip(new / np.maximum(myelin, 1e-6), 0, 1) * sheathed
    naked = np.minimum(s.inner(s.model.machine.get(s.model.tissue.adapted)), 1 - sheathed)  # the others are blocked
    conducting = sheathed + naked
    conducts = np.clip(axons, 0, 1) * conducting
    slowness = (sheathed - new_share) / old_v + new_share / new_v + naked / slow
    slowness = np.where(conducting > 0, slowness / np.maximum(conducting, 1e-6), 1 / old_v)
    delay = s.grid.h * 1e-3 * (slowness - 1 / old_v).sum(axis=-1)  # ms: um / (m/s) = 1e-3 ms
    amplitude = _along(conducts, round(float(spec.internode) / s.grid.h)).min(axis=-1)
    carried = float(amplitude.sum())
    length = s.grid.nx * s.grid.h * 1e-6
    mean_delay = float((delay * amplitude).sum()) / carried if carried > 0 else math.nan
    region = s.region(s.config.region)
    sheaths = float(myelin[region].sum())
    share = float(new[region].sum()) / sheaths if sheaths else 0.0
    return {
        "g_ratio": float(spec.g_ratio) * (1 - share) + float(spec.remyelinated_g_ratio) * share,
        "velocity_m_s": length / (length / old_v + mean_delay * 1e-3),
        "latency_ms": float(spec.conduction.base_latency) * 3.6e6 + mean_delay,
        "amplitude": float(amplitude.mean()),
    }


def _fields(s: Snapshot) -> dict[str, float]:
    readouts, region = {}, s.region(s.config.region)
    for name in s.config.fields:
        concentration = s.field(name)
        readouts[f"mean.{name}"] = _mean(concentration)
        readouts[f"core.{name}"] = _mean(concentration[region])
        readouts[f"mass_error.{name}"] = float(s.model.fields.mass_error(name, s.slab))
        readouts[f"clamped_mass.{name}"] = float(s.model.fields.clamped_mass(name, s.slab))
    if "debris" in s.config.fields:
        readouts["debris_mean"] = readouts["core.debris"] if region.any() else 0.0
    if "nets" in s.config.fields:
        readouts["net_load"] = readouts["mean.nets"]
    return readouts


def _own(s: Snapshot) -> dict[str, float]:
    """The read-outs that the configuration defines. Means of a region without voxels have no value."""
    return {name: _reduced(s, spec, spec.region or s.config.region) for name, spec in s.config.readouts.items()}


def _reduced(s: Snapshot, spec: Any, region: str) -> float:
    source, _, name = spec.of.partition(".")
    if source == "density":
        total = s.count(name.partition(".")[0], region, name.partition(".")[2])
        return total if spec.reduce == "sum" else _ratio(total, s.volume_of(region))
    there = s.layers if source == "tissue" else s.config.fields
    if name not in there:  # left out of the scenario
        return 0.0
    values = (s.layers[name] if source == "tissue" else s.field(name))[s.region(region)]
    if spec.reduce == "sum":
        return float(values.sum(dtype=float)) * s.volume
    if spec.reduce == "mean":
        return _mean(values)
    return float(getattr(values, spec.reduce)()) if values.size else math.nan
