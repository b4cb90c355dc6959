"""What a kind of cell does, read from the configuration once: its laws, its walk, and what its cells need of chance."""

import math
from typing import Any

from abm.fields import concentration_of_one
from abm.population import KEY_OF_KIND
from tests.twin.laws import RATES, CellLaw

ROOM = 2**20  # units in which the room of a voxel is counted
REACH = 20.0  # um to either side over which a cell compares


class Behaviour:
    """The laws and numbers of one kind.

    rates       by name, for the cell alone: hazards, levels, speed, entry
    gives       (amounts by voxel, weight, law): what it secretes and takes up
    constants   (amounts by voxel, number): the same where the law depends on nothing
    fates       (law, what it leads to): "die", "divide", or the kind that the cell becomes
    """

    def __init__(self, model: Any, kind: str, cls: Any):
        self.kind, self.number = kind, model.kind_numbers[kind]
        self.seed = model.seed + self.number * KEY_OF_KIND
        spec, laws = model.config.cells.get(kind), model.config.laws.get(kind, {})
        self.rates: dict[str, CellLaw] = {}
        self.gives: list[tuple[list[float], float, CellLaw]] = []
        self.constants: list[tuple[list[float], float]] = []
        self.bias: CellLaw | None = None
        for name, given in laws.items():
            law = CellLaw(given, model.signals, kind)
            if given.type in RATES:
                self.rates[name] = law
            elif given.type == "bias":
                self.bias, self.bias_at_most = law, float(given.at_most)
            elif (exchange := exchanged(model, name, given)) is not None:
                amounts, weight = exchange
                if law.constant is None:
                    self.gives.append((amounts, weight, law))
                else:
                    self.constants.append((amounts, weight * law.constant))
        self.levels = {name: _relaxation(model, law) for name, law in laws.items() if law.type == "level"}
        becomes = cls.changes | {name: name.removeprefix("become_") for name in laws if name.startswith("become_")}
        fates = [*((name, "die") for name in cls.deaths), ("divide", "divide"), *becomes.items()]
        self.fates = [(name, fate) for name, fate in fates if name in self.rates]
        self.walks = "speed" in self.rates
        streams = ["activate"] * bool(cls.switches) + ["fate"] * bool(self.fates)
        self.streams = [*streams, *["walk", "walk_y"] * self.walks, *cls.streams]
        if spec is not None:
            self.diameter, self.takes_room = float(spec.diameter), self.walks and spec.motile
            self.volume = max(1, round(math.pi / 6 * self.diameter**3 / model.voxel_volume * ROOM))
        if self.walks:
            self.walk = walk_numbers(model.step_hours, float(spec.persistence))


def exchanged(model: Any, name: str, law: Any) -> tuple[list[float], float] | None:
    """Return the source or uptake by voxel that a law feeds, and the factor from its unit to the field's per h."""
    what, _, field = name.partition("_")
    if law.type not in ("secretion", "uptake") or field not in model.config.fields:
        return None
    if what == "uptake":
        return model.uptake[field], 1.0 / model.voxel_volume
    if what != "secrete":
        return None
    spec = model.config.fields[field]
    molar = "uM" in str(law.unit)
    return model.source[field], 1.0 if molar else concentration_of_one(spec.unit, spec.molar_mass, model.voxel_volume)


def _relaxation(model: Any, law: Any) -> tuple[float, float]:
    """Return which share of the way a level goes in a step, rising and falling."""
    rising, falling = (-math.expm1(-model.step_hours / float(time)) for time in (law.rise, law.fall))
    return rising, falling


def walk_numbers(step: float, persistence: float) -> tuple[float, float, float, float, float]:
    """Return (keep, glide, kick, drag, jitter) of a step of an Ornstein-Uhlenbeck velocity of unit rms speed in 2D."""
    ratio, a = step / persistence, math.exp(-step / persistence)
    gone = -math.expm1(-ratio)
    kick = math.sqrt(gone * (2 - gone) / 2)
    drag = persistence * gone**2 / 2 / kick
    variance = persistence**2 * (2 * ratio - 3 + 4 * a - a * a) / 2
    return a, persistence * gone, kick, drag, math.sqrt(max(variance - drag**2, 0.0))
