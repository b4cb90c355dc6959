"""W-AGENT as one writes it in Mesa: an agent is an object with a place of its own, the field a list of lists."""

from collections.abc import Iterator

import mesa
import numpy as np

from experiments.bench.agents import HIGH, P_ANY, P_OFF, P_ON, SIZES, field
from experiments.bench.figures import Figure, timed

MOST = 100_000
STEPS = 5
DIRECTIONS = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
RATIO_TARGET, AT_SIZE = 50.0, "100k"


class Wanderer(mesa.Agent):
    """Climbs the field, steps at random now and then, and is on or off."""

    def __init__(self, model: "Wanderers", row: int, column: int):
        super().__init__(model)
        self.row, self.column, self.on = row, column, False

    def step(self) -> None:
        """Look around, move, switch."""
        random, values, last = self.model.random.random, self.model.field, self.model.edge - 1
        row, column = self.row, self.column
        if random() < P_ANY:
            down, right = DIRECTIONS[int(random() * len(DIRECTIONS))]
            row, column = min(max(row + down, 0), last), min(max(column + right, 0), last)
        else:
            best = values[row][column]
            rows = range(row - 1 if row else 0, row + 2 if row < last else row + 1)
            columns = range(column - 1 if column else 0, column + 2 if column < last else column + 1)
            for i in rows:
                of_row = values[i]
                for j in columns:
                    value = of_row[j]
                    if value > best:
                        best, row, column = value, i, j
        self.row, self.column = row, column
        if self.on:
            self.on = random() >= P_OFF
        elif values[row][column] > HIGH:
            self.on = random() < P_ON


class Wanderers(mesa.Model):
    """Agents at random voxels of a field."""

    def __init__(self, values: np.ndarray, n: int):
        super().__init__(rng=1)
        self.field, self.edge = values.tolist(), len(values)
        Wanderer.create_agents(self, n, *self.rng.integers(0, self.edge, (2, n)).tolist())

    def step(self) -> None:
        """Let every agent step, in random order."""
        self.agents.shuffle_do("step")


def figures(ours: dict[str, float]) -> Iterator[Figure]:
    """Measure Mesa's step at every size but the largest, and how many times ours it is."""
    bumps = field()
    for name, n in SIZES.items():
        if n > MOST:
            continue
        model = Wanderers(bumps, n)
        model.step()
        each = min(timed(model.step) for _ in range(STEPS)) / n * 1e9
        yield Figure(f"Mesa, {name}: an agent's step", each, "ns", timed=True)
        ratio = each / ours[f"{name}: an agent's step"]
        yield Figure(f"Mesa / ours, {name}", ratio, "x", at_least=RATIO_TARGET if name == AT_SIZE else None)
