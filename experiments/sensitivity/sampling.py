"""Which values a study tries in place of a grid: the section ``sensitivity`` of its file.

sensitivity:
  method: morris            # elementary effects, as SALib has them; or sobol: shares of the variance
  size: 8                   # trajectories; of sobol base samples, a power of 2
  parameters:
    fields.tnf.half_life:   # between the low and high that the value states
    laws.tissue.strip_myelin.terms.m1.base: {low: 0.1 1/day, high: 1 1/day}
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, PlainValidator

from abm.config.expected import refuse
from abm.config.model import Part, one_of
from experiments.parameters import Parameter, Range

METHODS = MORRIS, SOBOL = "morris", "sobol"
LEVELS = 4  # of a trajectory, SALib's own choice
SEED = 1  # of the sample: the same file is the same runs
MOST = 4096


def _size(raw: Any) -> int:
    """Read how large a sample is."""
    if isinstance(raw, bool) or not isinstance(raw, int) or not 2 <= raw <= MOST:
        raise refuse(((), f"{{key}} = {{value}} must be a whole number from 2 to {MOST}"))
    return raw


class Section(Part):
    """What stands under ``sensitivity:``."""

    method: Annotated[str, BeforeValidator(one_of(*METHODS))] = MORRIS
    size: Annotated[int, PlainValidator(_size)] = 8
    parameters: dict[str, Range]


@dataclass(frozen=True)
class Sample:
    """What is tried. shares  float64[points, parameters], 0 to 1 of the range of each"""

    method: str
    parameters: tuple[Parameter, ...]
    shares: np.ndarray

    @property
    def points(self) -> list[tuple[tuple[str, Any], ...]]:
        """The value of every parameter at every point."""
        return [tuple((each.key, each.at(share)) for each, share in zip(self.parameters, row)) for row in self.shares]

    @property
    def ends(self) -> "Sample":
        """All parameters at their lowest, and all at their highest."""
        return replace(self, shares=np.repeat([[0.0], [1.0]], len(self.parameters), axis=1))

    @property
    def problem(self) -> dict[str, Any]:
        """The parameters as SALib takes them."""
        n = len(self.parameters)
        return {"num_vars": n, "names": [each.key for each in self.parameters], "bounds": [[0.0, 1.0]] * n}


def untried(parameters: Sequence[Parameter], method: str = "") -> Sample:
    """Return a sample without points."""
    return Sample(method, tuple(parameters), np.zeros((0, len(parameters))))


def sample(method: str, size: int, parameters: Sequence[Parameter]) -> Sample:
    """Choose the points to try, the same for the same parameters.

    Raises ValueError where the size does not fit the method, and ImportError where SALib is not installed.
    """
    if method == SOBOL and size & (size - 1):
        raise ValueError("must be a power of 2 with sobol")
    import SALib.sample.morris
    import SALib.sample.sobol

    empty = untried(parameters, method)
    if method == MORRIS:
        shares = SALib.sample.morris.sample(empty.problem, size, num_levels=LEVELS, seed=SEED)
    else:
        shares = SALib.sample.sobol.sample(empty.problem, size, calc_second_order=False, seed=SEED)
    return replace(empty, shares=np.asarray(shares, float))
