"""The steps at which a run is observed."""

from typing import Any


class Schedule:
    """Read-outs, frames, checkpoints: the steps that have them; the first and the last always do."""

    def __init__(self, config: Any):
        self.step_hours = config.step_hours
        self.n_steps = config.n_steps
        self.measures = self._every(config.output.measures_every)
        self.frames = self._every(config.output.frames_every)
        self.checkpoints = self._every(config.output.checkpoint_every)

    def _every(self, hours) -> set[int]:
        stride = max(1, round(float(hours) / self.step_hours))
        return {*range(0, self.n_steps, stride), self.n_steps}

    def until(self, step: int) -> tuple[list[int], list[int]]:
        """Return the steps up to ``step`` that have read-outs, and those that have frames."""
        return sorted(s for s in self.measures if s <= step), sorted(s for s in self.frames if s <= step)

    def day(self, step: int) -> float:
        """Return the day of a step, as it is written beside read-outs and frames."""
        return step * self.step_hours / 24.0
