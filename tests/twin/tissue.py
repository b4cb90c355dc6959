"""The tissue of the twin: sheaths, axons and astrocytes, in layers of one number per voxel."""

import math
from collections import defaultdict
from typing import Any

import numpy as np

from tests.twin.behaviour import exchanged
from tests.twin.chance import any_of, first_struck, happens, probability, uniform, words
from tests.twin.laws import LayerLaw

BARE_BELOW = 0.5  # of normal myelin
ROUNDING = 0.001  # of a sheath
MOST = 16.0


def probabilities(hazard: Any) -> Any:
    """Return the probability of an event for each hazard."""
    return -np.expm1(-np.minimum(hazard, MOST))


class Tissue:
    """What voxels hold beside fields.

    owned, orphans   sheaths, original and new, of living and of dead oligodendrocytes
    intact, swollen, ovoids   fractions of the axons once there
    reactivity, reactive_days, scar   of the astrocytes
    """

    def __init__(self, model: Any, state: dict[str, np.ndarray]):
        self.model, spec, size = model, model.config.tissue, model.grid.size
        self.owned, self.orphans = np.array(state["tissue/units"], np.int64).reshape(2, 2, size)
        for name in ("intact", "swollen", "ovoids", "axons_lost", "ever_bare", "ol_healthy"):
            setattr(self, name, state[f"tissue/{name}"].astype(float))
        for name in ("reactivity", "reactive_days", "scar"):
            setattr(self, name, state[f"tissue/astrocytes.{name}"].astype(float))
        self.inside = np.zeros(size)
        model.grid.inner(self.inside)[:] = 1.0
        volume = model.voxel_volume * 1e-9
        self.full = max(1, round(float(spec.sheath_density) * volume))
        self.astrocytes = float(spec.astrocyte_density) * volume
        self.reactive_above = float(spec.astrocytes_reactive_above)
        self.n_slots = int(float(spec.sheaths_per_oligodendrocyte) * float(spec.sheath_surplus))
        reach, h = float(spec.sheath_reach), model.grid.h
        m = range(-int(reach // h), int(reach // h) + 1)
        self.reach = [(x, y) for y in m for x in m if (x * x + y * y) * h * h <= reach**2]
        self.near = float(spec.oligodendrocyte_reach)
        self.bids: dict[int, list] = defaultdict(list)

    def connect(self) -> None:
        """Read the laws of the tissue from the configuration."""
        self.laws: dict[str, LayerLaw] = {}
        self.gives: list[tuple[list[float], float, LayerLaw]] = []
        for owner in ("astrocytes", "tissue", "neuron"):
            each = self.astrocytes if owner == "astrocytes" else 1.0
            for name, given in self.model.config.laws[owner].items():
                law = LayerLaw(given, self.model.signals, owner)
                if (exchange := exchanged(self.model, name, given)) is not None:
                    self.gives.append((exchange[0], exchange[1] * each, law))
                else:
                    self.laws[name] = law
        given = self.model.config.laws["astrocytes"]["reactivity"]
        self.rising, self.falling = (
            -math.expm1(-self.model.step_hours / float(tau)) for tau in (given.rise, given.fall)
        )

    # --- sense ------------------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Work out what laws read of myelin, axons and oligodendrocytes."""
        near = self.model.signals.box(self.near).density(self.model.count("oligodendrocyte"))
        myelin = (self.owned.sum(axis=0) + self.orphans.sum(axis=0)) / self.full
        axons = self.intact + self.swollen
        there, healthy = axons > 0, self.ol_healthy > 0
        self.myelin, self.axons = myelin, axons
        self.need = np.maximum(axons - myelin, 0.0)
        self.demyelinated = np.where(there, np.maximum(1.0 - myelin / np.where(there, axons, 1.0), 0.0), 0.0)
        self.ol_fraction = np.where(healthy, near / np.where(healthy, self.ol_healthy, 1.0), 1.0) * self.inside
        self.deficit = np.maximum(1.0 - self.ol_fraction, 0.0) * self.inside
        self.ever_bare[(myelin < BARE_BELOW) & (self.inside > 0)] = 1.0

    def sense(self) -> None:
        """Evaluate every law, and let astrocytes and tissue secrete and take up."""
        self.rates = {name: law() for name, law in self.laws.items()}
        for amounts, weight, law in self.gives:
            given = weight * law() * self.inside
            amounts[:] = (np.array(amounts) + given).tolist()

    # --- act --------------------------------------------------------------------------------------------------------------

    def expect_losses(self) -> None:
        """Work out how likely a sheath is to be lost: stripped, or gone with its axon."""
        hazard = self.rates["strip_myelin"] * self.model.step_hours + self.axons_lost
        self.hazard = hazard.tolist()
        self.highest = probability(max(self.hazard))
        self.stripped = [0] * len(self.hazard)

    def lose(self, voxel: int, kind: int) -> None:
        """Lose a sheath of a living cell."""
        self.owned[kind][voxel] -= 1
        self.stripped[voxel] += 1

    def orphan(self, voxel: int, kind: int) -> None:
        """Take over a sheath of a dead cell."""
        self.owned[kind][voxel] -= 1
        self.orphans[kind][voxel] += 1

    def open_bids(self) -> None:
        """Count the bare stretches of axon of each voxel."""
        room = ((self.intact + self.swollen) * self.full * self.inside + ROUNDING).astype(int)
        self.bare = (room - self.owned.sum(axis=0) - self.orphans.sum(axis=0)).tolist()
        self.bids.clear()

    def close_bids(self) -> None:
        """Give the highest bidder for each voxel one sheath there."""
        for voxel, bids in self.bids.items():
            max(bids, key=lambda bid: bid[0])[1].wrap(voxel)

    def injure_axons(self) -> None:
        """Axons swell and recover, break or degenerate; their ends are cleared."""
        step, rates, surviving = self.model.step_hours, self.rates, self.intact + self.swollen
        swelling = self.intact * probabilities(rates["swell"] * step)
        failing = (self.intact - swelling) * probabilities(rates["degenerate"] * step)
        out = rates["recover"] + rates["transect"]
        leaving = self.swollen * probabilities(out * step)
        recovering = leaving * rates["recover"] / out
        lost = leaving - recovering + failing
        self.intact += recovering - swelling - failing
        self.swollen += swelling - leaving
        self.ovoids += lost - self.ovoids * probabilities(rates["clear_ovoid"] * step)
        self.axons_lost = np.where(surviving > 0, lost / np.where(surviving > 0, surviving, 1.0), 0.0)

    def shed_orphans(self) -> None:
        """Lose the sheaths of dead cells: stripped as others are, or shed."""
        model, step = self.model, self.model.step_hours
        hazard = np.array(self.hazard) + self.rates["shed_dead_myelin"] * step
        voxels = np.flatnonzero(self.orphans.sum(axis=0)).tolist()
        for voxel, chance in zip(voxels, words(model.seed, "sheath", model.steps, voxels)):
            original = int(self.orphans[0][voxel])
            n = original + int(self.orphans[1][voxel])
            p = probability(float(hazard[voxel]))
            k = stroke = 0
            while k < n:
                any_left = any_of(p, n - k)
                if stroke:
                    chance = words(model.seed, "sheath", model.steps, [voxel], stroke)[0]
                if not happens(chance, any_left):
                    break
                k = first_struck(uniform(chance[2]) * any_left, p, k, n)
                self.orphans[int(k >= original)][voxel] -= 1
                self.stripped[voxel] += 1
                k, stroke = k + 1, stroke + 1

    def leave_debris(self) -> None:
        """Turn lost sheaths into debris, which phagocytes clear."""
        source, each = self.model.source["debris"], 1.0 / (self.full * self.model.step_hours)
        for voxel, lost in enumerate(self.stripped):
            if lost:
                source[voxel] += lost * each
        clearing = np.array(self.model.uptake["debris"]) + self.rates["clear_debris"]
        self.model.uptake["debris"][:] = clearing.tolist()

    def react(self) -> None:
        """Let astrocytes follow their law; where they were reactive for long a scar grows."""
        step, gap = self.model.step_hours, self.rates["reactivity"] - self.reactivity
        self.reactivity += gap * np.where(gap > 0, self.rising, self.falling)
        self.reactive_days += step * (self.reactivity > self.reactive_above)
        self.scar += self.rates["scar"] * step
