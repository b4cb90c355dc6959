"""Signals: the rows in which laws find what they read, of voxels and of cells.

A signal is a field, a state of the tissue or system, a sum of such, a density smoothed over a radius, a state of the cell
itself, or a contact. What this model leaves out reads as zero.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from abm.cell_laws import Shape, cell_rows
from abm.config.vocabulary import TISSUE_KINDS
from abm.rows import ONE, ZERO, Rows

TISSUE_SIGNALS = ("myelin", "axons", "need", "demyelinated", "ol_fraction", "deficit")


@dataclass
class Smoothed:
    """A sum per voxel and the row of its density within a radius."""

    amount: int
    smooth: int
    radius: float
    heaviest: float


class Signals:
    """The rows of the voxels and of each kind of cell, with what laws read in them; see ``LawTables`` for the arguments.

    voxels, before   operations on voxels: all, and those before densities are smoothed
    cells            the rows of each kind of cell
    smoothed         densities;  centres   the row of what one cell adds to one where it stands, by radius
    """

    def __init__(
        self,
        config: Any,
        voxel_volume: float,
        shapes: Mapping[str, Shape],
        tissue_states: Iterable[str],
        drugs: Iterable[str],
    ):
        self.config = config
        self.volume = voxel_volume
        self.fields = list(config.fields)
        self.kinds = [kind for kind in config.cells if kind in shapes]
        system = ["trigger", *(f"entry.{kind}" for kind in self.kinds), *(f"drug.{name}" for name in drugs)]
        names = [f"{what}.{name}" for what in ("field", "source", "uptake") for name in self.fields]
        names += [f"tissue.{name}" for name in TISSUE_SIGNALS]
        names += [*tissue_states, *(f"system.{name}" for name in system), "count.astrocytes"]
        self.voxels = Rows(names)
        self.before = Rows(index=self.voxels.index)
        self.cells = {kind: cell_rows(shapes[kind]) for kind in [*self.kinds, "venule"] if kind in shapes}
        self.smoothed: list[Smoothed] = []
        self.centres: dict[float, int] = {}
        self._signals: dict[tuple, int] = {}
        self._densities: dict[tuple, int] = {}

    def _is_off(self, mechanism: str | None) -> bool:
        return mechanism is not None and not self.config.therapy.msc.mechanisms.get(mechanism, True)

    def _effective(self, kind: str, factors: Mapping[str, Any], per_cell: bool):
        """The row of each factor as (is of the cell's own, row); as (None, number) where a mechanism is off.

        per_cell   whether the rows are to be those of cells; then a cell does not count itself in a density
        """
        for factor in factors.values():
            without_msc = self._is_off(factor.mechanism)
            if without_msc and "pge2_msc" not in self._parts(factor.signal):
                yield None, float(factor.from_)
                continue
            if self._is_silent(factor):
                yield None, at_zero(factor)
            elif factor.signal.startswith("self.") or factor.signal == "bbb":
                state = factor.signal if factor.signal.startswith("self.") else "self.bbb"
                if kind in TISSUE_KINDS:
                    row = self.voxels[f"{kind}.{state.removeprefix('self.')}"]
                    yield False, self.voxels.factor(row, factor)
                else:
                    own = self.cells[kind].own
                    yield True, own.factor(own[state], factor)
            elif factor.signal.startswith("contact."):
                yield True, self._contact(kind, factor)
            elif per_cell:
                itself = self._own_part(kind, factor)
                read = self._read(kind, factor, self._signal(factor, without_msc), itself)
                yield bool(itself), self.cells[kind].late.factor(read, factor)
            else:
                yield False, self.voxels.factor(self._signal(factor, without_msc), factor)

    def _is_silent(self, factor) -> bool:
        """Whether a signal is zero everywhere and always: it comes from kinds and fields that this model leaves out."""
        if factor.signal.startswith("self.") or factor.signal == "bbb":
            return False
        return all(self._is_absent(name) for name in self._parts(factor.signal))

    def _is_absent(self, name: str) -> bool:
        what, _, rest = name.partition(".")
        if what in ("density", "contact"):
            return rest.split(".")[0] not in self.cells
        return self._plain_signal(name) == self.voxels[ZERO] or (name in self.fields and not self._is_made(name))

    def _is_made(self, name: str) -> bool:
        """Whether a field is there at the start, or something here gives it off."""
        spec, laws = self.config.fields[name], self.config.laws.values()
        if float(spec.baseline) or spec.sources or name == "debris":  # debris is what lost sheaths leave
            return True
        return any(f"{verb}_{name}" in laws_of_kind for laws_of_kind in laws for verb in ("secrete", "release"))

    def _parts(self, signal: str) -> Mapping[str, float]:
        derived = self.config.signals.get(signal)
        return derived.sum if derived is not None else {signal: 1.0}

    def _contact(self, kind: str, factor) -> int:
        cells = self.cells[kind]
        other = factor.signal.removeprefix("contact.")
        key = (other, float(factor.range))
        if key not in cells.contacts:
            cells.contacts[key] = cells.own.add(f"contact.{other}.{key[1]:g}")
        return cells.own.factor(cells.contacts[key], factor)

    def _radius(self, factor) -> float | None:
        derived = self.config.signals.get(factor.signal)
        radius = derived.radius if derived is not None else factor.range
        return None if radius is None else float(radius)

    def _own_part(self, kind: str, factor) -> list[tuple[float, str]]:
        """What one cell of ``kind`` adds to a density that this factor reads: weights and states."""
        parts = []
        for name, weight in self._parts(factor.signal).items():
            words = name.split(".")
            if words[0] == "density" and words[1] == kind:
                parts.append((float(weight), words[2] if len(words) > 2 else ONE))
        return parts

    def _read(self, kind: str, factor, signal: int, itself: list[tuple[float, str]]) -> int:
        """The row in which a cell reads a signal of its voxel, less its own share in a density."""
        cells = self.cells[kind]
        key = (kind, signal, tuple(itself))
        if key not in self._signals:
            own = []
            for weight, state in itself:
                row = cells.own[ONE] if state == ONE else cells.own[f"self.{state}"]
                own.append((row, self._centre(self._radius(factor) or 0.0), -weight))
            self._signals[key] = cells.late.read(factor.signal, signal, own)
            cells.read.update([signal, *(centre for _, centre, _ in own)])
        return self._signals[key]

    def _centre(self, radius: float) -> int:
        if radius not in self.centres:
            self.centres[radius] = self.voxels.add(f"centre.{radius:g}")
        return self.centres[radius]

    def _signal(self, factor, without_msc: bool) -> int:
        """The voxel row of a signal: a field, a state of the tissue or system, a derived sum, a smoothed density."""
        radius = self._radius(factor)
        parts = dict(self._parts(factor.signal))
        if without_msc:
            parts.pop("pge2_msc", None)
        if radius is None and factor.signal not in self.config.signals:
            return self._plain_signal(factor.signal)
        key = (tuple(parts.items()), radius)
        if key not in self._signals:
            self._signals[key] = self._smooth_sum(parts, radius) if radius is not None else self._plain_sum(parts)
        return self._signals[key]

    def _plain_signal(self, name: str) -> int:
        if name.startswith("drug.") and name.removeprefix("drug.") not in self.config.therapy.comparators:
            return self.voxels[ZERO]
        for row in (f"field.{name}", f"tissue.{name}", f"astrocytes.{name}", f"system.{name}"):
            if row in self.voxels:
                return self.voxels[row]
        return self.voxels[ZERO]

    def _plain_sum(self, parts: Mapping[str, float]) -> int:
        one = self.voxels[ONE]
        target = self.voxels.add(f"signal#{len(self.voxels.index)}")
        self.before.sum_into(target, [(weight, self._plain_signal(name), one) for name, weight in parts.items()])
        return target

    def _smooth_sum(self, parts: Mapping[str, float], radius: float) -> int:
        one = self.voxels[ONE]
        heaviest = max((abs(weight) for weight in parts.values()), default=1.0) or 1.0
        amounts = []
        for name, given in parts.items():
            words, weight = name.split("."), given / heaviest
            if words[0] == "density":
                if words[1] in self.cells:
                    state = f"self.{words[2]}" if len(words) > 2 else ONE
                    amounts.append((weight, self._sum_row(words[1], self.cells[words[1]].own[state]), one))
            else:
                amounts.append((weight * self.volume * 1e-9, self._plain_signal(name), one))
        amounts = [part for part in amounts if part[1] != self.voxels[ZERO]]
        key = (tuple(amounts), radius, heaviest)
        if key not in self._densities:
            if len(amounts) == 1 and amounts[0][0] == 1.0:
                amount = amounts[0][1]
            else:
                amount = self.voxels.add(f"amount#{len(self.voxels.index)}")
                self.before.sum_into(amount, amounts)
            smooth = self.voxels.add(f"density#{len(self.voxels.index)}")
            self.smoothed.append(Smoothed(amount, smooth, radius, heaviest))
            self._densities[key] = smooth
        return self._densities[key]

    def _sum_row(self, kind: str, own_row: int) -> int:
        name = f"sum.{kind}.{own_row}"
        if name not in self.voxels:
            self.cells[kind].sums.append((own_row, self.voxels.add(name)))
        return self.voxels[name]

    def count_row(self, kind: str) -> int:
        """Return the row of the number of cells of a kind per voxel."""
        return self._sum_row(kind, self.cells[kind].own[ONE])


def at_zero(factor) -> float:
    """Return what a factor is where its signal is zero."""
    start, end = float(factor.from_), float(factor.to)
    if factor.linear is not None:
        low, high = (float(bound) for bound in factor.linear)
        return start + (end - start) * min(max((0.0 - low) / (high - low), 0.0), 1.0)
    x = max(0.0, float(factor.offset or 0.0)) ** float(factor.hill)
    return start + (end - start) * x / (float(factor.half) ** float(factor.hill) + x)
