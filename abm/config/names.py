"""Which names laws and signals may use, and in which unit each signal is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from abm.config.errors import hint
from abm.config.units import same_dimension
from abm.config.vocabulary import COMPARATORS, PLACES, TISSUE_KINDS, TISSUE_STATES, own_states, summed_states

DENSITY_UNIT = "1/mm^3"
BARRIER = "bbb"
BUNDLES = "{key} = {value}: a bundle of axons crosses the whole tissue and is in no voxel; read axons"


@dataclass
class Names:
    """The names of one config.

    fields          name -> unit of every field that is there (None: its unit could not be read)
    kinds           the kinds of cells that are there
    known_fields, known_kinds   these and those that were left out: they read as zero
    signals         name -> unit of each derived signal (None: could not be told)
    elsewhere       gives the names that the biology folder defines for ``fields`` or ``cells``; asked when a name is strange
    """

    fields: dict[str, str | None] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    known_fields: set[str] = field(default_factory=set)
    known_kinds: set[str] = field(default_factory=set)
    signals: dict[str, str | None] = field(default_factory=dict)
    elsewhere: Callable[[str], set[str]] = lambda section: set()

    def knows_field(self, name: str) -> bool:
        """Say whether a field is there or was left out."""
        if name not in self.known_fields:
            self.known_fields |= self.elsewhere("fields") & {name}
        return name in self.known_fields

    def knows_kind(self, name: str) -> bool:
        """Say whether a kind of cell is there or was left out."""
        if name not in self.known_kinds:
            self.known_kinds |= self.elsewhere("cells") & {name}
        return name in self.known_kinds

    def signal_unit(self, name: str) -> str | None:
        """Give the unit in which a signal is read; None when it cannot be told."""
        first, _, rest = name.partition(".")
        if name in self.signals:
            return self.signals[name]
        if first == "density":
            return DENSITY_UNIT
        if first == "self":
            return next((unit for owner in (*self.known_kinds, *PLACES) if (unit := own_states(owner).get(rest))), None)
        if first in ("contact", "entry", "drug") or name in TISSUE_STATES:
            return "1"
        return self.fields.get(name)

    def signal_finding(self, name: str, owner: str) -> str | None:
        """Say what is wrong with a signal in a law of ``owner``; None if it may be read."""
        first, _, rest = name.partition(".")
        if first == "self" and rest:
            states = own_states(owner)
            if not states:
                return f"{{key}} = {{value}}: {owner} has no states of its own"
            return (
                None
                if rest in states
                else f"{{key}} = {{value}}: {owner} has no such state; {hint(rest, states, 'self.')}"
            )
        if first == "contact" and rest:
            if owner in TISSUE_KINDS:
                return f"{{key}} = {{value}}: laws of {owner} are of voxels, which touch no cell; read density.{rest}"
            if rest == "neuron":
                return BUNDLES
            return None if self.knows_kind(rest) else self._no_kind(rest, "contact.")
        if first == "entry" and rest:
            return None if self.knows_kind(rest) else self._no_kind(rest, "entry.")
        if first == "drug" and rest:
            known = rest in COMPARATORS
            return None if known else f"{{key}} = {{value}}: there is no such drug; {hint(rest, COMPARATORS, 'drug.')}"
        if name in self.signals or (name == BARRIER and owner == "venule"):
            return None
        return self.part_finding(name, {*(f"self.{state}" for state in own_states(owner)), *self.signals})

    def part_finding(self, name: str, also: set[str]) -> str | None:
        """Say what is wrong with a field, density or tissue state; ``also`` are other names worth offering."""
        first, _, rest = name.partition(".")
        if first == "density" and rest:
            kind, _, state = rest.partition(".")
            if kind == "neuron":
                return BUNDLES
            if not self.knows_kind(kind):
                return self._no_kind(kind, "density.")
            if state and state not in summed_states(kind):
                advice = hint(state, summed_states(kind), f"density.{kind}.")
                return f"{{key}} = {{value}}: {kind} has no state to sum of this name; {advice}"
            return None
        if name == BARRIER:
            return "{key} = {value}: how open the barrier is belongs to each venule; only laws of the venule read it, and no sum"
        if name in TISSUE_STATES or self.knows_field(name):
            return None
        offered = {*self.known_fields, *TISSUE_STATES, *also, *(f"density.{kind}" for kind in self.known_kinds)}
        return f"{{key}} = {{value}} is no signal; {hint(name, offered)}"

    def _no_kind(self, name: str, prefix: str) -> str:
        return f"{{key}} = {{value}}: no config defines the kind '{name}'; {hint(name, self.known_kinds, prefix)}"


def sum_unit(parts: Mapping[str, float], names: Names) -> str | None:
    """Give the common unit of the parts of a sum; None if they differ or cannot be told."""
    units = [names.signal_unit(name) for name in parts]
    first = units[0] if units else None
    if first is None or any(unit is None or not same_dimension(first, unit) for unit in units):
        return None
    return first
