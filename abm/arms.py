"""Arms: the slabs of a model that follow one config."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Arm:
    """Slabs that follow one config, one after the other: from ``first`` to before ``stop``."""

    config: Any
    first: int
    stop: int

    @property
    def slabs(self) -> slice:
        """The slabs of this arm, to look them up in arrays of all."""
        return slice(self.first, self.stop)

    def __len__(self) -> int:
        return self.stop - self.first


def arms_of(configs: Sequence[Any]) -> list[Arm]:
    """Return the arms of a model, given the config of each slab: neighbours with one and the same are an arm."""
    begins = [n for n, config in enumerate(configs) if n == 0 or config is not configs[n - 1]]
    return [Arm(configs[first], first, stop) for first, stop in zip(begins, [*begins[1:], len(configs)])]


def drugs_of(configs: Iterable[Any]) -> list[str]:
    """Return the names of the comparators that any of some configs gives."""
    return list(dict.fromkeys(name for config in configs for name in config.therapy.comparators))
