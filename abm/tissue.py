"""Tissue: the grid, what voxels hold besides fields (sheaths, axons, astrocyte state), and room for cells."""

from functools import cached_property
from typing import Any

import numpy as np

from abm.signals import TISSUE_SIGNALS
from kernels import axons, motion, sheaths
from kernels.events import befall
from kernels.grid import Grid
from kernels.laws import relax_row
from kernels.random import STREAMS

ASTROCYTE_STATES = ("astrocytes.reactivity", "astrocytes.reactive_days", "astrocytes.scar")
DEMYELINATED_BELOW = 0.5  # of normal myelin: the definition of a lesion's area


def make_grid(config: Any, slabs: int = 1) -> Grid:
    """Return the padded grid of a configuration."""
    nx, ny, nz = (*config.shape, 1)[:3]
    return Grid(nx, ny, nz, float(config.grid.voxel), len(config.grid.size), slabs)


def voxel_volume(config: Any) -> float:
    """Return the volume of tissue in a voxel, um^3: in 2D its thickness is that of the slab of tissue."""
    h = float(config.grid.voxel)
    return h**3 if len(config.grid.size) == 3 else h * h * float(config.grid.thickness)


class Tissue:
    """What the voxels hold. All arrays have one entry per padded voxel of every slab.

    units                      int32[4 * n]   sheaths: original, remyelinated, and those of dead cells, twice
    intact, swollen, ovoids    float32        fractions of the axons once there
    axons_lost                 float32        in the last step: the sheaths on them go in the next
    adapted                    float32        share of the axons that is bare and conducts again: the others bare are blocked
    occupied, incoming, best   of this step   volume of motile cells, volume that wants in, the winner's bid
    seed, number               int64          the seed of a voxel's slab, and which voxel of it it is: keys of its draws
    """

    states = ("units", "intact", "swollen", "ovoids", "axons_lost", "ever_bare", "adapted", "ol_healthy")

    def __init__(self, model):
        self.model, self.machine, self.grid = model, model.machine, model.grid
        config, zeros, size = model.config, model.machine.zeros, model.grid.size
        self.spec = config.tissue
        self.wraps = [int(config.grid.faces[axis] == "periodic") for axis in "xyz"]
        self.inside = np.zeros(size, np.float32)
        self.grid.inner(self.inside)[:] = 1.0
        self.units = zeros(4 * size, np.int32)
        self.intact, self.swollen, self.ovoids, self.axons_lost = (zeros(size, np.float32) for _ in range(4))
        self.ever_bare, self.adapted, self.ol_healthy = (zeros(size, np.float32) for _ in range(3))
        self.sheath_hazard = zeros(size, np.float32)
        self.bare, self.stripped, self.occupied, self.incoming = (zeros(size, np.int32) for _ in range(4))
        self.best = zeros(size, np.int64)
        self.capacity = zeros(size, np.float32)  # units of a full voxel
        self.room = int(motion.ROOM_UNITS)  # without tissue all of a voxel is free
        if self.spec is not None:
            volume = model.voxel_volume * 1e-9
            self.capacity[:] = self.machine.put(self.inside * round(float(self.spec.sheath_density) * volume))
            self._full = self.machine.xp.maximum(self.capacity, 1)
            slab, number = np.divmod(np.arange(size), self.grid.whole)
            self.seed, self.number = self.machine.put(model.seeds[slab]), self.machine.put(number)
            self.chance, self.struck = zeros(size, np.float32), zeros(size, np.int32)
            self.intact[:] = self.machine.put(self.inside)
            block = float(self.spec.conduction.block)
            self._adapting = np.float32(-np.expm1(-model.step_hours / block) if block else 1.0)
            self.room = int(float(self.spec.motile_fill) * motion.ROOM_UNITS)

    def connect(self, laws) -> None:
        """Take the rows of the laws that hold the state of the tissue."""
        self.laws = laws
        if self.spec is None:
            return
        density = float(self.spec.astrocyte_density) * self.model.voxel_volume * 1e-9
        laws.row("count.astrocytes")[:] = self.machine.put(self.inside * np.float32(density))
        self._ol_near = self.machine.zeros(self.grid.size, np.float32)
        rows = laws.tissue["astrocytes"]
        law = self.model.config.laws.get("astrocytes", {}).get("reactivity")
        if law is not None:
            speeds = [[-np.expm1(-self.model.step_hours / float(tau))] for tau in (law.rise, law.fall)]
            both = [[laws.place_of(slot)] for slot in (laws.slot("astrocytes.reactivity"), rows["reactivity"])]
            self._relaxing = relax_row.pack(self.machine, [[*both, *speeds]])

    @cached_property
    def _near(self):
        """The smoothing of the number of oligodendrocytes over their reach."""
        count = self.laws.place_of_count("oligodendrocyte")
        return self.laws.smoothing([float(self.spec.oligodendrocyte_reach)], [count], [0], [1.0])

    def begin_healthy(self) -> None:
        """Sheath every axon."""
        if self.spec is not None and "oligodendrocyte" in self.model.population:
            self.model.population["oligodendrocyte"].myelinate_in_health()

    def remember_health(self) -> None:
        """Note how many oligodendrocytes are around each voxel, less is a deficit; what is bare in health conducts."""
        if self.spec is not None:
            self.ol_healthy[:] = self._ol_near
            self.adapted[:] = self.laws.row("tissue.demyelinated")

    def read(self) -> None:
        """Read the state of the tissue that laws depend on."""
        if self.spec is None:
            return
        if "oligodendrocyte" in self.model.population and self.model.population["oligodendrocyte"].renewed:
            self.laws.smooth(self._near, self._ol_near)
        axons.read_tissue(
            self.machine, self.grid.size, self.units, self.grid.size, self.capacity, self.intact, self.swollen,
            self._ol_near, self.ol_healthy, *(self.laws.row(f"tissue.{name}") for name in TISSUE_SIGNALS),
            self.ever_bare, DEMYELINATED_BELOW,
        )  # fmt: skip

    def open_moves(self) -> None:
        """Begin the contest for room: nobody stands or asks anywhere yet."""
        for array in (self.occupied, self.incoming, self.best):
            array[:] = 0

    def count_bare(self) -> None:
        """Count the bare stretches of axon of each voxel, and open their contest."""
        sheaths.count_bare(
            self.machine, self.grid.size, self.intact + self.swollen, self.capacity, self.units, self.grid.size,
            self.bare, self.best,
        )  # fmt: skip

    def expect_losses(self) -> None:
        """Compute how likely a sheath is to be lost in this step: stripped, or gone with its axon."""
        self.stripped[:] = 0
        if self.spec is not None:
            self.machine.xp.multiply(self._law("tissue", "strip_myelin"), self.model.dt, out=self.sheath_hazard)
            self.sheath_hazard += self.axons_lost

    @property
    def highest_hazard(self):
        """The highest hazard of a sheath in each slab, float32[slabs]."""
        return self.sheath_hazard.reshape(self.grid.slabs, -1).max(axis=1)

    def _law(self, kind: str, name: str):
        rows = self.laws.tissue[kind]
        return self.laws.channel(rows[name]) if name in rows else self.laws.row("zero")

    def act(self) -> None:
        """Shed the sheaths of dead cells, turn lost sheaths into debris, let bare axons adapt, advance the astrocytes."""
        if self.spec is None:
            return
        machine, size, dt = self.machine, self.grid.size, self.model.dt
        hazards, step = (self.sheath_hazard, self._law("tissue", "shed_dead_myelin"), dt), self.model.steps
        sheaths.chance_of_shedding(machine, size, *hazards, self.units, size, self.chance)
        befall(machine, size, self.seed, step, STREAMS["sheath"], self.number, self.chance, self.struck)
        sheaths.shed_orphans(
            machine, size, self.struck, self.model.tissue_seeds, step, STREAMS["sheath"], self.grid.whole, *hazards,
            self.units, size, self.stripped,
        )  # fmt: skip
        if "debris" in self.model.config.fields:
            source, lost = self.laws.row("source.debris"), self.machine.xp.flatnonzero(self.stripped != 0)
            source[lost] += self.stripped[lost] / (self._full[lost] * dt)
            self.laws.row("uptake.debris")[:] += self._law("tissue", "clear_debris")
        if hasattr(self, "_relaxing"):
            relax_row(machine, size, *self._relaxing, self.laws.flat)
        reactivity, days, scar = (self.laws.row(name) for name in ASTROCYTE_STATES)
        axons.mature_lesion(
            machine, size, self.laws.row("tissue.demyelinated"), self.adapted, self._adapting, reactivity,
            float(self.spec.astrocytes_reactive_above), days, scar, self._law("astrocytes", "scar"), dt,
        )  # fmt: skip

    def state(self) -> dict[str, np.ndarray]:
        """Return all that the tissue remembers, on the host."""
        arrays = {name: getattr(self, name) for name in self.states}
        arrays |= {name: self.laws.row(name) for name in ASTROCYTE_STATES}
        return {name: self.machine.get(array).copy() for name, array in arrays.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take back what ``state()`` gave."""
        for name in self.states:
            getattr(self, name)[:] = self.machine.put(state[name])
        for name in ASTROCYTE_STATES:
            self.laws.row(name)[:] = self.machine.put(state[name])

    def layers(self) -> dict[str, np.ndarray]:
        """Return what can be shown of the tissue, per voxel on the host: fractions of the healthy state."""
        if self.spec is None:
            return {}
        get, size = self.machine.get, self.grid.size
        units = get(self.units).reshape(4, size).astype(np.float32)
        full = np.maximum(get(self.capacity), 1)
        new = units[1] + units[3]
        return {
            "myelin": units.sum(axis=0) / full,
            "remyelinated": new / full,
            "axons": get(self.intact) + get(self.swollen),
            "swollen": get(self.swollen),
            "ovoids": get(self.ovoids),
            "reactivity": get(self.laws.row("astrocytes.reactivity")),
        }
