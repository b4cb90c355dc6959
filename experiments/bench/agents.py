"""W-AGENT: agents that climb a field, now and then step at random, and switch a state; one thread."""

from collections.abc import Iterator

import numpy as np

from experiments.bench.figures import Figure, best_time
from experiments.bench.kernels import WALK, wander
from experiments.failures import RunFailed
from kernels.device import Machine
from kernels.random import draw, uniform

EDGE = 256
BUMPS, WIDTH = 30, 15.0  # Gaussians of height 1; their sigma in voxels
SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000, "1M": 1_000_000}
P_ANY, HIGH, P_ON, P_OFF = 0.3, 1.0, 0.01, 0.005
SEED = 1
STEPS = 20
REPEATED = 2e6  # agents x steps of a measurement, at least
NEIGHBOURS = [(0, 0), (-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


def figures(speed: float) -> Iterator[Figure]:
    """Measure a step at every size, and the bytes of an agent."""
    bumps = field()
    for name, n in SIZES.items():
        agents = Agents(bumps, n)
        agents.check()
        steps = max(STEPS, round(REPEATED / n))
        each = best_time(agents.step, steps) / n
        yield Figure(f"{name}: an agent's step", each * 1e9, "ns", timed=True)
        touched = 2 * agents.bytes_each  # read and written
        yield Figure(f"{name}: over {touched} bytes of memory", each / (touched / speed), "x")
    yield Figure("an agent's columns", agents.bytes_each, "bytes")


def field(edge: int = EDGE) -> np.ndarray:
    """Return the sum of the Gaussians, float32 (row, column)."""
    rng = np.random.default_rng(0)
    at = np.arange(edge)
    total = np.zeros((edge, edge))
    for row, column in rng.random((BUMPS, 2)) * edge:
        total += np.outer(np.exp(-((at - row) ** 2) / (2 * WIDTH**2)), np.exp(-((at - column) ** 2) / (2 * WIDTH**2)))
    return total.astype(np.float32)


class Agents:
    """The columns of all agents, at random voxels at first; several may share one."""

    def __init__(self, field: np.ndarray, n: int):
        rng = np.random.default_rng(2)
        self.machine, self.n, self.steps = Machine("cpu", 1), n, 0
        self.shape = field.shape
        self.field = np.pad(field, 1, constant_values=-1.0)
        self.row, self.column = (rng.integers(0, size, n).astype(np.int32) for size in self.shape)
        self.state = np.zeros(n, np.int8)

    @property
    def bytes_each(self) -> int:
        """Bytes of all columns of one agent."""
        return sum(column.itemsize for column in (self.row, self.column, self.state))

    def step(self) -> None:
        """Let every agent move and switch."""
        self.steps += 1
        wander(
            self.machine, self.n, self.row, self.column, self.state, self.field.reshape(-1), *self.shape,
            SEED, self.steps, P_ANY, HIGH, P_ON, P_OFF,
        )  # fmt: skip

    def check(self, steps: int = 2) -> None:
        """Step, which is the warm-up too, and raise RunFailed where an agent is not where numpy has it."""
        for _ in range(steps):
            row, column, state = self.expected()
            self.step()
            wrong = (self.row != row) | (self.column != column) | (self.state != state)
            if wrong.any():
                raise RunFailed(f"W-AGENT: {wrong.sum()} of {self.n} agents differ from their computation by numpy")

    def expected(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute by numpy where the agents are after the next step."""
        with np.errstate(over="ignore"):  # draws multiply modulo 2^64
            words = draw(np.uint64(SEED), WALK, np.uint64(self.steps + 1), np.arange(self.n, dtype=np.uint64))
        whether, where, switch, _ = words
        y, x = self.row + 1, self.column + 1
        around = np.array([self.field[y + dy, x + dx] for dy, dx in NEIGHBOURS])
        highest = around.argmax(axis=0)
        at_random = uniform(whether) < np.float32(P_ANY)
        chosen = np.where(at_random, 1 + where * 8 // 2**32, highest).astype(int)
        dy, dx = np.array(NEIGHBOURS)[chosen].T
        row, column = (np.clip(a + d, 0, size - 1) for a, d, size in zip((self.row, self.column), (dy, dx), self.shape))
        rises = (self.field[row + 1, column + 1] > HIGH) & (uniform(switch) < np.float32(P_ON))
        stays_on = uniform(switch) >= np.float32(P_OFF)
        return row, column, np.where(self.state == 0, rises, stays_on).astype(np.int8)
