"""Read-outs: numbers that a study compares. Computed on the host, at their own cadence; they change nothing."""

import math
from typing import Any

import numpy as np

from abm.tissue import DEMYELINATED_BELOW

VISIBLE_BELOW = 0.8  # of normal myelin: where the T2-like proxy counts a voxel as lesion
REFERENCE_DIAMETER = 1.0  # um: the axon for which the configuration's velocity of healthy conduction holds


def measure(model: Any, slab: int = 0) -> dict[str, float]:
    """Return all read-outs of one slab now. Names and units are those of the contract."""
    tissue = _Slab(model, slab)
    return {
        **_tissue(tissue),
        **_cells(tissue),
        **_conduction(tissue),
        **_fields(tissue),
    }


class _Slab:
    """One slab of a model as host arrays without halo, shape (z, y, x)."""

    def __init__(self, model: Any, slab: int):
        self.model, self.slab, self.grid = model, slab, model.grid
        self.volume = model.voxel_volume * 1e-9
        self.layers = {name: self.inner(array) for name, array in model.tissue.layers().items()}
        ever = self.inner(model.machine.get(model.tissue.ever_bare)) > 0
        self.region = ever

    def inner(self, array: np.ndarray) -> np.ndarray:
        return self.grid.inner(array)[self.slab]

    def field(self, name: str) -> np.ndarray:
        return self.inner(self.model.machine.get(self.model.laws.row(f"field.{name}")))

    def cells(self, kind: str) -> dict[str, np.ndarray]:
        columns = self.model.population[kind].columns()
        here = columns["voxel"] // self.grid.whole == self.slab
        return columns if here.all() else {name: column[here] for name, column in columns.items()}

    def in_region(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        flat = np.zeros(self.grid.whole, bool)
        box = flat.reshape(self.grid.padded_shape[1:])
        (box[1:-1, 1:-1, 1:-1] if self.grid.dims == 3 else box[:, 1:-1, 1:-1])[:] = self.region
        return flat[columns["voxel"] - self.slab * self.grid.whole]


def _ratio(a: float, b: float) -> float:
    return a / b if b else math.nan


def _tissue(s: _Slab) -> dict[str, float]:
    if not s.layers:
        return {}
    myelin, new, axons = (s.layers[name] for name in ("myelin", "remyelinated", "axons"))
    face = s.grid.h**2 * 1e-6 if s.grid.dims == 2 else s.volume
    region = int(s.region.sum())
    density = float(s.model.config.tissue.axon_density)
    thickness = s.volume / (s.grid.h**2 * 1e-6)
    bare = myelin < DEMYELINATED_BELOW
    readouts = {
        "lesion_area_mm2": float(bare.sum()) * face,
        "demyelinated_fraction": float(np.clip(axons - myelin, 0, None).sum() / max(float(axons.sum()), 1e-9)),
        "remyelinated_area_mm2": float(((new > 0.5 * myelin) & (myelin > 0)).sum()) * face,
        "axon_loss": 1 - float(axons[s.region].mean()) if region else 0.0,
        "transected_per_mm3": (
            float(s.layers["ovoids"][s.region].mean()) * density * s.grid.h * 1e-3 * thickness / s.volume
            if region
            else 0.0
        ),
        "region_mm3": region * s.volume,
        "t2_volume_mm3": float((myelin < VISIBLE_BELOW).sum()) * s.volume,
    }
    if s.model.venules is not None and s.model.venules.n:
        readouts["bbb_leak"] = float(s.cells("venule")["bbb"].mean())
    return readouts


def _cells(s: _Slab) -> dict[str, float]:
    readouts: dict[str, float] = {}
    region = float(s.region.sum()) * s.volume
    m1 = m2 = 0.0
    t_cells: dict[str, int] = {}
    for kind in s.model.population:
        if kind == "venule":
            continue
        columns = s.cells(kind)
        count = len(columns["uid"])
        readouts[f"count.{kind}"] = count
        if kind != "neuron":
            readouts[f"density.{kind}"] = float(s.in_region(columns).sum()) / region if region else 0.0
        if "m1" in columns:
            active = columns.get("active", np.ones(count))
            m1 += float((columns["m1"] * active).sum(dtype=float))
            m2 += float(((1 - columns["m1"]) * active).sum(dtype=float))
        if kind in ("th1", "th17", "cd8", "treg"):
            t_cells[kind] = count
    readouts["m1_m2"], readouts["m2_m1"] = _ratio(m1, m2), _ratio(m2, m1)
    if "treg" in t_cells:
        readouts["treg_fraction"] = _ratio(t_cells["treg"], sum(t_cells.values()))
    if "msc" in s.model.population:
        total = s.grid.nx * s.grid.ny * s.grid.nz * s.volume
        readouts["msc_density"] = readouts["count.msc"] / total
    return readouts


def velocity(
    g_ratio: float, internode: float, diameter: float, healthy: float, healthy_g: float, healthy_internode: float
):
    """Return the velocity (m/s) of a myelinated axon: ``v d sqrt(-ln g) / sqrt(-ln g0) min(1, (L / L0)^0.4)``.

    diameter in um; ``healthy`` is the velocity at 1 um, g0 and the internode L0. Hursh and Rushton scaling.
    """
    shape = math.sqrt(-math.log(g_ratio)) / math.sqrt(-math.log(healthy_g))
    return healthy * diameter / REFERENCE_DIAMETER * shape * min(1.0, (internode / healthy_internode) ** 0.4)


def _conduction(s: _Slab) -> dict[str, float]:
    """Conduction of the bundles that run along x, over the voxels they cross."""
    if not s.layers or "neuron" not in s.model.population:
        return {}
    spec = s.model.config.tissue
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
    naked = 1 - sheathed
    blocked_hours = float(spec.conduction.block)
    recovering = s.inner(s.model.machine.get(s.model.tissue.bare_hours)) >= blocked_hours
    conducts = np.clip(axons, 0, 1) * (sheathed + naked * recovering)
    slowness = (sheathed - new_share) / old_v + new_share / new_v + naked / slow
    delay = s.grid.h * 1e-3 * (slowness - 1 / old_v).sum(axis=-1)  # ms: um / (m/s) = 1e-3 ms
    amplitude = conducts.min(axis=-1)
    carried = float(amplitude.sum())
    length = s.grid.nx * s.grid.h * 1e-6
    mean_delay = float((delay * amplitude).sum()) / carried if carried > 0 else math.nan
    sheaths = float(myelin[s.region].sum()) if s.region.any() else 0.0
    share = float(new[s.region].sum()) / sheaths if sheaths else 0.0
    return {
        "g_ratio": float(spec.g_ratio) * (1 - share) + float(spec.remyelinated_g_ratio) * share,
        "velocity_m_s": length / (length / old_v + mean_delay * 1e-3),
        "latency_ms": float(spec.conduction.base_latency) * 3.6e6 + mean_delay,
        "amplitude": float(amplitude.mean()),
    }


def _fields(s: _Slab) -> dict[str, float]:
    readouts = {}
    for name in s.model.config.fields:
        concentration = s.field(name)
        readouts[f"mean.{name}"] = float(concentration.mean(dtype=float))
        readouts[f"core.{name}"] = float(concentration[s.region].mean(dtype=float)) if s.region.any() else math.nan
        readouts[f"mass_error.{name}"] = float(s.model.fields.mass_error(name, s.slab))
        readouts[f"clamped_mass.{name}"] = float(s.model.fields.clamped_mass(name, s.slab))
    if "debris" in s.model.config.fields:
        readouts["debris_mean"] = float(s.field("debris")[s.region].mean(dtype=float)) if s.region.any() else 0.0
    if "nets" in s.model.config.fields:
        readouts["net_load"] = readouts["mean.nets"]
    return readouts
