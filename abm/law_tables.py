"""Law tables: from the configuration to rows, the operations that fill them, and what depends on what.

A law is ``min(at_most, (sum over terms of base x factors) x shared factors)``. Laws of a cell are computed for the cells
there are: a cell reads the signals of its voxel. What cells secrete and take up is summed per voxel: a law of the place,
computed for every voxel, times the sum over its cells of their own factors.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from abm.cell_laws import Shape
from abm.config.vocabulary import TISSUE_KINDS
from abm.rows import ONE, first_known
from abm.signals import Signals

CLEARED = ("uptake.debris",)  # what the tissue adds to, voxel by voxel
AVOGADRO = 6.02214076e23
PER_CELL_TYPES = ("rate", "level", "speed")


class LawTables(Signals):
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
        super().__init__(config, voxel_volume, shapes, tissue_states, drugs)
        self.grid = grid
        self._names = list(self.voxels.index)
        self.tissue: dict[str, dict[str, int]] = {kind: {} for kind in TISSUE_KINDS}
        self.even: set[int] = set()  # laws of the tissue that are the same in all voxels of a slab
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
            if all(self._is_even(name) for each in factors for name in self._parts(each.signal)):
                self.even.add(self.tissue[kind][name])

    def _is_even(self, signal: str) -> bool:
        """Whether a signal is the same all over a slab, as what blood and drugs do; a trigger may be that of one venule."""
        return f"system.{signal}" in self.voxels and signal != "trigger"

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
