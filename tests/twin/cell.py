"""A cell of the twin: an ordinary Mesa agent with its own position, states and fate."""

import math
from typing import Any, ClassVar

import mesa

from tests.twin.chance import happens, lot, normal, probability, uniform, words


class Cell(mesa.Agent):
    """One cell.

    voxel    where it is now;  stood  where it was when it last sensed
    rates    the value of each of its laws in this step
    words    the words of chance of this step, by stream
    fate     None, "die", "divide" or the kind that it becomes
    """

    kind: ClassVar[str]
    states: ClassVar[dict[str, float]] = {}  # own numbers that laws read, as a new cell has them
    switches: ClassVar[dict[str, tuple[str, str | None]]] = {}  # state: (law that switches it on, law that does off)
    deaths: ClassVar[tuple[str, ...]] = ("die",)
    changes: ClassVar[dict[str, str]] = {}  # law: kind that the cell becomes
    streams: ClassVar[tuple[str, ...]] = ()  # of chance, beside those of switches, fate and walk

    def __init__(self, model: Any, uid: int, x: float, y: float, **states: float):
        super().__init__(model)
        self.does = model.behaviour[self.kind]
        self.uid, self.x, self.y = uid, x, y
        self.ux = self.uy = 0.0
        self.voxel = self.stood = model.voxel_at(x, y)
        self.age = 0.0
        self.rates: dict[str, float] = {}
        self.words: dict[str, tuple[int, ...]] = {}
        self.fate: str | None = None
        for name, value in (self.states | states).items():
            setattr(self, name, value)

    # --- sense ------------------------------------------------------------------------------------------------------------

    def sense(self) -> None:
        """Evaluate every law, secrete and take up, and look where to go."""
        does, voxel = self.does, self.voxel
        self.stood = voxel
        self.rates = {name: law(self) for name, law in does.rates.items()}
        for amounts, weight, law in does.gives:
            amounts[voxel] += weight * law(self)
        for amounts, amount in does.constants:
            amounts[voxel] += amount

    def touches(self, kind: str, distance: float) -> float:
        """Whether a cell of a kind is within a distance in um: 1 or 0."""
        here = self.model.here[kind]
        if here:
            for voxel in self.model.around(self.voxel, distance):
                for other in here.get(voxel, ()):
                    dx, dy = other.x - self.x, other.y - self.y
                    if other is not self and dx * dx + dy * dy <= distance * distance:
                        return 1.0
        return 0.0

    # --- act --------------------------------------------------------------------------------------------------------------

    def act(self) -> None:
        """Age, and switch states on and off."""
        step = self.model.step_hours
        self.age += step
        for state, (on, off) in self.switches.items():
            active = getattr(self, state)
            rate = self.rates.get(off if active else on, 0.0)
            if happens(self.words["activate"], probability(rate * step)):
                setattr(self, state, 1 - active)

    def relax(self, level: str) -> None:
        """Let a level follow the law of its name."""
        rising, falling = self.does.levels[level]
        gap = self.rates[level] - getattr(self, level)
        setattr(self, level, getattr(self, level) + gap * (rising if gap > 0.0 else falling))

    # --- move -------------------------------------------------------------------------------------------------------------

    def propose(self) -> None:
        """Walk on: a persistent random walk with a bias; ask for room where it leads."""
        model, does = self.model, self.does
        if not does.walks:
            return
        bx, by = self._bias()
        speed, chance = self.rates["speed"], self.words
        x, self.ux = self._walk(self.x, self.ux, bx, speed, chance["walk"], model.width)
        y, self.uy = self._walk(self.y, self.uy, by, speed, chance["walk_y"], model.height)
        self.proposed = x, y, model.voxel_at(x, y)
        if not does.takes_room:
            self.settle()
            return
        model.occupied[self.voxel] += does.volume
        model.guests[self.proposed[2]].append(self)

    def _walk(self, x: float, u: float, bias: float, speed: float, chance: tuple, length: float) -> tuple[float, float]:
        step, (keep, glide, kick, drag, jitter) = self.model.step_hours, self.does.walk
        a, b, c, d = chance
        g = normal(a, b)
        x += speed * (glide * u + drag * g + jitter * normal(c, d) + bias * step)
        u = keep * u + kick * g
        x -= 2.0 * length * math.floor(x / (2.0 * length))
        return (2.0 * length - x, -u) if x > length else (x, u)

    def _bias(self) -> tuple[float, float]:
        """Return the drift over speed: the difference of the bias law between ahead and behind, bounded."""
        law = self.does.bias
        if law is None:
            return 0.0, 0.0
        left, right, down, up = self.model.ahead_and_behind(self.voxel)
        bx, by = law.at(right) - law.at(left), law.at(up) - law.at(down)
        most, length = self.does.bias_at_most, math.hypot(bx, by)
        return (bx * most / length, by * most / length) if length > most else (bx, by)

    def settle(self) -> None:
        """Go where the walk led."""
        self.x, self.y, self.voxel = self.proposed

    def lot(self) -> tuple[int, int]:
        """Draw a lot for room in a crowded voxel."""
        return lot(self.does.seed, "room", self.model.steps, self.uid, self.does.number)

    # --- die and divide -----------------------------------------------------------------------------------------------------

    def choose(self) -> None:
        """Draw a fate among competing hazards."""
        self.fate = None
        fates = self.does.fates
        if not fates:
            return
        total = sum(self.rates[name] for name, _ in fates)
        chance = self.words["fate"]
        if not happens(chance, probability(total * self.model.step_hours)):
            return
        mark, reached = uniform(chance[2]) * total, 0.0
        for name, fate in fates:
            rate = self.rates[name]
            if rate > 0.0 and (self.fate is None or mark >= reached):
                self.fate = fate
            reached += rate

    def divide(self, uid: int) -> None:
        """Place a daughter beside this cell; it has the states of its mother, but not the age."""
        model, far = self.model, self.does.diameter
        a, b, *_ = words(self.does.seed, "daughter", model.steps, [uid])[0]
        x = min(max(self.x + (2.0 * uniform(a) - 1.0) * far, 0.0), model.width)
        y = min(max(self.y + (2.0 * uniform(b) - 1.0) * far, 0.0), model.height)
        type(self)(model, uid, x, y, **{name: getattr(self, name) for name in self.states})

    def leave(self) -> None:
        """Leave the tissue: dead, or turned into another kind."""
        self.remove()
