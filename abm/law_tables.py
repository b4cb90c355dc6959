"""Law tables: from the configuration to rows, the operations that fill them, and what depends on what.

A law is ``min(at_most, (sum over terms of base x factors) x shared factors)``. Laws of a cell are computed for the cells
there are: a cell reads the signals of its voxel. What cells secrete and take up is summed per voxel: a law of the place,
computed for every voxel, times the sum over its cells of their own factors.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from abm.rows import ONE, ZERO, Rows, first_known

TISSUE_KINDS = ("astrocytes", "tissue", "neuron")
TISSUE_SIGNALS = ("myelin", "axons", "need", "demyelinated", "ol_fraction", "deficit")
CLEARED = ("uptake.debris",)  # what the tissue adds to, voxel by voxel
AVOGADRO = 6.02214076e23
PER_CELL_TYPES = ("rate", "level", "speed")


@dataclass(frozen=True)
class Shape:
    """What laws must know of a kind of cell: its states, and states derived from them as (state, value at 0, at 1)."""

    states: tuple[str, ...]
    derived: Mapping[str, tuple[str, float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Ramp:
    """A linear factor that stands in no file: a derived state."""

    from_: float
    to: float
    linear: tuple[float, float] = (0.0, 1.0)


@dataclass
class CellLaws:
    """The rows of one kind of cell: own states and contacts, factors, the value of each law.

    own      factors of own states and contacts;  late  those of what a cell reads of its voxel, and the laws
    sums     (own row, voxel row): what is summed over the cells of a voxel
    read     rows of the voxels that cells read
    """

    states: tuple[str, ...]
    own: Rows
    late: Rows
    contacts: dict[tuple[str, float], int] = field(default_factory=dict)
    sums: list[tuple[int, int]] = field(default_factory=list)
    read: set[int] = field(default_factory=set)
    laws: dict[str, int] = field(default_factory=dict)
    bias: int | None = None
    bias_at_most: float = 0.0

    def known(self) -> list[tuple[Any, int]]:
        """Return by what others than the operations know a row, with its index: constants and states come first."""
        names = [ONE, ZERO, *(f"self.{state}" for state in self.states), *(f"law.{name}" for name in self.laws)]
        named = [(name, self.own[name]) for name in names]
        return [*named, *self.contacts.items(), *((number, own) for number, (own, _) in enumerate(self.sums))]

    def passing(self) -> set[int]:
        """Return the rows that only rows filled with them read: nobody needs them later."""
        filled = (self.own.targets() - self.late.operands()) | self.late.targets()
        return filled - {row for _, row in self.known()}


@dataclass
class Smoothed:
    """A sum per voxel and the row of its density within a radius."""

    amount: int
    smooth: int
    radius: float
    heaviest: float


class LawTables:
    """All laws of a model as tables over voxels and over the cells of each kind.

    grid            voxels;  ``voxel_volume`` in um^3
    shapes          kind of cell -> Shape
    tissue_states   names of rows that the tissue keeps, e.g. ``astrocytes.scar``
    drugs           that have a row: those given here, and others where tables are to be alike
    """

    def __init__(
        self,
        config: Any,
        grid,
        voxel_volume: float,
        shapes: Mapping[str, Shape],
        tissue_states: Iterable[str],
        drugs: Iterable[str],
    ):
        self.config = config
        self.grid = grid
        self.volume = voxel_volume
        self.shapes = shapes
        self.fields = list(config.fields)
        self.kinds = [kind for kind in config.cells if kind in shapes]
        self.system = ["trigger", *(f"entry.{kind}" for kind in self.kinds), *(f"drug.{name}" for name in drugs)]
        names = [f"{what}.{name}" for what in ("field", "source", "uptake") for name in self.fields]
        names += [f"tissue.{name}" for name in TISSUE_SIGNALS]
        names += [*tissue_states, *(f"system.{name}" for name in self.system), "count.astrocytes"]
        self.voxels = Rows(names)
        self._names = list(self.voxels.index)
        self.before = Rows(index=self.voxels.index)
        self.cells = {kind: self._cell_rows(shapes[kind]) for kind in [*self.kinds, "venule"] if kind in shapes}
        self.tissue: dict[str, dict[str, int]] = {kind: {} for kind in TISSUE_KINDS}
        self.even: set[int] = set()  # laws of the tissue that are the same in all voxels of a slab
        self.smoothed: list[Smoothed] = []
        self._signals: dict[tuple, int] = {}
        self.centres: dict[float, int] = {}
        self._densities: dict[tuple, int] = {}
        self._uptakes: dict[tuple, int] = {}
        self._exchange: dict[str, list[tuple[float, int, int]]] = defaultdict(list)
        for kind, laws in config.laws.items():
            for name, law in laws.items():
                if kind in TISSUE_KINDS:
                    self._tissue_law(kind, name, law)
                elif kind in self.cells:
                    self._cell_law(kind, name, law)
        for name in self.fields:
            self.voxels.sum_into(self.voxels[f"source.{name}"], self._gathered(self._exchange[f"source.{name}"]))
            self._add_uptake(f"uptake.{name}")

    def _add_uptake(self, row: str) -> None:
        """Sum what is taken up of a field; fields that are taken up alike share a row, but for those the tissue adds to."""
        parts = tuple(self._gathered(self._exchange[row]))
        if row in CLEARED:
            self.voxels.sum_into(self.voxels[row], parts)
        elif parts in self._uptakes:
            self.voxels.index[row] = self._uptakes[parts]
        else:
            self._uptakes[parts] = self.voxels[row]
            if parts:
                self.voxels.sum_into(self.voxels[row], parts)

    def _gathered(self, parts: list[tuple[float, int, int]]) -> list[tuple[float, int, int]]:
        """Join what cells of several kinds exchange by the same law: the law times the sum of their numbers."""
        joined: dict[tuple[float, int], list[int]] = defaultdict(list)
        for weight, channel, amount in parts:
            joined[(weight, channel)].append(amount)
        return [(weight, channel, self.voxels.total(amounts)) for (weight, channel), amounts in joined.items()]

    def _cell_rows(self, shape: Shape) -> CellLaws:
        own = Rows(f"self.{state}" for state in shape.states)
        for name, (state, at_zero, at_one) in shape.derived.items():
            own.index[f"self.{name}"] = own.factor(own[f"self.{state}"], _Ramp(at_zero, at_one))
        return CellLaws(shape.states, own, Rows(index=own.index))

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

    def _split(self, kind: str, law, per_cell: bool = False):
        """The terms of a law as (base, rows of the place, rows of the cell's own, window), and the shared rows of the place."""

        def rows(factors):
            of_place, of_cell, constant = [], [], 1.0
            for is_own, row in self._effective(kind, factors, per_cell):
                if is_own is None:
                    constant *= row
                else:
                    (of_cell if is_own else of_place).append(row)
            return tuple(of_place), tuple(of_cell), constant

        shared_place, shared_cell, shared_constant = rows(law.times)
        terms = []
        for term in law.terms.values():
            if self._is_off(term.mechanism):
                continue
            of_place, of_cell, constant = rows(term.times)
            base = float(term.base) * constant * shared_constant
            if base != 0.0:
                terms.append((base, of_place, of_cell + shared_cell, term.during))
        return terms, shared_place

    def _tissue_law(self, kind: str, name: str, law) -> None:
        split, shared = self._split(kind, law)
        terms = [(base, rows, window) for base, rows, _, window in split]
        targets = list(self._exchange_targets(name, law))
        for target, weight in targets:
            per_voxel = self.voxels[ONE] if kind == "tissue" else self.voxels[f"count.{kind}"]
            self._add_exchange(target, weight, terms, shared, per_voxel)
        if not targets:
            self.tissue[kind][name] = self.voxels.law(terms, shared, law.at_most)
            factors = [*law.times.values(), *(factor for term in law.terms.values() for factor in term.times.values())]
            if all(f"system.{name}" in self.voxels for each in factors for name in self._parts(each.signal)):
                self.even.add(self.tissue[kind][name])

    def _add_exchange(self, target: str, weight: float, terms: list, shared: tuple[int, ...], amount: int) -> None:
        """Note what a law adds to a source or uptake: weight x law x amount per voxel. A constant law needs no row."""
        constant = self._constant(terms, shared)
        if constant is None:
            self._exchange[target].append((weight, self.voxels.law(terms, shared), amount))
        elif constant != 0.0:
            self._exchange[target].append((weight * constant, self.voxels[ONE], amount))

    @staticmethod
    def _constant(terms: list, shared: tuple[int, ...]) -> float | None:
        """Return the value of a law that depends on nothing, or None."""
        if shared or any(rows or window is not None for _, rows, window in terms):
            return None
        return sum(base for base, _, _ in terms)

    def _exchange_targets(self, name: str, law):
        """The source or uptake row that a law feeds, with the factor from its unit to the field's per h."""
        if law.type not in ("secretion", "uptake") or "_" not in name:
            return
        what, field_name = name.split("_", 1)
        if field_name not in self.fields or what not in ("secrete", "uptake"):
            return
        if what == "uptake":
            yield f"uptake.{field_name}", 1.0 / self.volume
            return
        spec = self.config.fields[field_name]
        if "uM" in str(law.unit):
            yield f"source.{field_name}", 1.0
            return
        litre = self.volume * 1e-15
        if spec.unit == "uM":
            yield f"source.{field_name}", 1e6 / AVOGADRO / litre
        else:
            picogram = float(spec.molar_mass) * 1e3 / AVOGADRO * 1e12
            yield f"source.{field_name}", picogram / (litre * 1e3)

    def _cell_law(self, kind: str, name: str, law) -> None:
        per_cell = law.type in PER_CELL_TYPES or name.startswith("enter_")
        terms, shared = self._split(kind, law, per_cell)
        groups: dict[tuple[int, ...], list] = defaultdict(list)
        for base, of_place, of_cell, window in terms:
            groups[tuple(sorted(of_cell))].append((base, of_place, window))
        cells = self.cells[kind]
        if law.type == "bias":
            cells.bias = self.voxels.law(groups[()], shared)
            cells.bias_at_most = float(law.at_most)
        elif per_cell:
            late, sums = cells.late, []
            for own, parts in groups.items():
                constant = self._constant(parts, shared)
                place, weight = (late.law(parts, shared), 1.0) if constant is None else (late[ONE], constant)
                sums.append((weight, place, late.product(own)))
            cells.laws[name] = late.add(f"law.{name}")
            late.sum_into(cells.laws[name], sums)
            if law.at_most is not None:
                late.cap(cells.laws[name], float(law.at_most))
        else:
            for target_row, weight in self._exchange_targets(name, law):
                for own, parts in groups.items():
                    self._add_exchange(target_row, weight, parts, shared, self._sum_row(kind, cells.own.product(own)))

    def set_time(self, hours: float) -> None:
        """Switch terms that hold only during a window on or off."""
        for rows in (self.voxels, *(cells.late for cells in self.cells.values())):
            rows.set_time(hours)

    def uptake_caps(self) -> dict[str, float]:
        """Return the fastest uptake of each field that a voxel can hold, 1/h: the solver's steps depend on it.

        Motile cells fill a part of the voxel (all of it where there is no tissue), so the greediest of them counts;
        sessile glia come on top.
        """
        tissue, caps = self.config.tissue, {}
        fill, glia = (float(tissue.motile_fill), float(tissue.glia_capacity)) if tissue is not None else (1.0, 0.0)
        for name in self.fields:
            motile, others = 0.0, 0.0
            for kind, laws in self.config.laws.items():
                law = laws.get(f"uptake_{name}")
                if law is None:
                    continue
                most, spec = law.highest / self.volume, self.config.cells.get(kind)
                if spec is not None and spec.motile:
                    room = fill * self.volume / (math.pi / 6 * float(spec.diameter) ** 3)
                    motile = max(motile, most * max(1, int(room)))
                else:
                    others += most * max(1.0, glia * self.volume * 1e-9)
            caps[name] = motile + others
        clearing = self.config.laws.get("tissue", {}).get("clear_debris")
        if clearing is not None and "debris" in caps:
            caps["debris"] += clearing.highest
        return caps

    def count_row(self, kind: str) -> int:
        """Return the row of the number of cells of a kind per voxel."""
        return self._sum_row(kind, self.cells[kind].own[ONE])

    # --- several tables of one model --------------------------------------------------------------------------------------

    def known(self) -> list[tuple[Any, int]]:
        """Return by what others than the operations on voxels know a row, with its index: named ones come first."""
        found: list[tuple[Any, int]] = [(name, self.voxels[name]) for name in self._names]
        for kind, laws in self.tissue.items():
            found += [((kind, name, row in self.even), row) for name, row in laws.items()]
        found += [((radius, "centre"), row) for radius, row in self.centres.items()]
        for number, part in enumerate(self.smoothed):
            density = (number, part.radius, part.heaviest)
            found += [((*density, "amount"), part.amount), ((*density, "density"), part.smooth)]
        for kind, cells in self.cells.items():
            found += [((kind, number), row) for number, (_, row) in enumerate(cells.sums)]
            found += [((kind, cells.bias_at_most), cells.bias)] if cells.bias is not None else []
        return found

    def outline(self) -> tuple:
        """Return all that a model takes from its laws but their values: equal where laws can fill one matrix together.

        Of their numbers it holds those that populations compute with: rise, fall, and what is released. Of drugs it says
        nothing: a model has a row for each that any of its slabs is given.
        """
        cells = [(kind, first_known(cells.known())) for kind, cells in self.cells.items()]
        used = [
            (kind, name, law.rise, law.fall, law.highest if name.startswith("release_") else None)
            for kind, laws in self.config.laws.items()
            for name, law in laws.items()
        ]
        known = [(name, row) for name, row in self.known() if not str(name).startswith("system.drug.")]
        return first_known(known), cells, used

    def same_as(self, other: "LawTables") -> bool:
        """Whether the tables are the same, their values included."""
        pairs = [(self.voxels, other.voxels), (self.before, other.before)]
        for mine, theirs in zip(self.cells.values(), other.cells.values()):
            pairs += [(mine.own, theirs.own), (mine.late, theirs.late)]
        return self.known() == other.known() and all(one.same_as(another) for one, another in pairs)


def at_zero(factor) -> float:
    """Return what a factor is where its signal is zero."""
    start, end = float(factor.from_), float(factor.to)
    if factor.linear is not None:
        low, high = (float(bound) for bound in factor.linear)
        return start + (end - start) * min(max((0.0 - low) / (high - low), 0.0), 1.0)
    x = max(0.0, float(factor.offset or 0.0)) ** float(factor.hill)
    return start + (end - start) * x / (float(factor.half) ** float(factor.hill) + x)
