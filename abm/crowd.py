"""Crowd: all cells of a lesion, kind after kind, and what all of them do in a step: one launch each, whatever the kinds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from abm.columns import ALIGNED, CHANCE, PLACE, Columns
from abm.population import DIVIDES, STAYS, Population
from abm.rows import Program
from kernels import binning, contact, events, laws, lifecycle, motion
from kernels.random import STREAMS
from kernels.spans import Spans

FEWEST_ROWS = 256
PERMUTED = ("uid", "spare_int64"), ("voxel", "spare_int32"), ("seed", "spare_int64")  # one takes the place of the other
FULL = 2 / 3  # of its room: where one kind gets more room, so do those that are fuller


class Crowd:
    """The columns of all cells, and what each kind does as the others do.

    kinds    in the order of their rows;  columns  see ``Columns``

    Each method is a phase, or a part of one. What a kind does in a way of its own stands in its Population.
    """

    columns: Any

    def __init__(self, model: Any, kinds: Sequence[Population]):
        self.model, self.machine, self.grid, self.laws = model, model.machine, model.grid, model.laws
        self.kinds = list(kinds)
        of_laws = [kind.of_laws for kind in kinds]
        self._own = Program(self.machine, [rows for each in of_laws for rows in each.own])
        self._late = Program(self.machine, [rows for each in of_laws for rows in each.late])
        self._scratch = max((each.scratch for each in of_laws), default=0)
        self._sorting = binning.Sorting(self.machine, self.grid.size)
        self._stood = [0] * len(kinds)  # how many cells of each kind were last summed
        self._spare = self.machine.zeros(0, np.float32)
        self._known: dict[tuple, Spans] = {}
        self._prepare_sums()
        self._prepare_contacts()
        self._prepare_walks()
        self._switching = [kind for kind in kinds if kind.can_switch]
        self._prepare_fates()
        self._lay_out([FEWEST_ROWS] * len(kinds))

    def _prepare_sums(self) -> None:
        """Note which rows of the voxels hold sums of the rows of each kind."""
        sums = [kind.of_laws.sums for kind in self.kinds]
        self._sums = self._lists(map(len, sums))
        self._summed = self._put([self.laws.place_of(slot) for each in sums for _, slot in each])

    def _prepare_contacts(self) -> None:
        """Note which kinds touch which, and within what distance."""
        self._touching = [(kind, *pair) for kind in self.kinds for pair in kind.of_laws.contacts.items()]
        others, distances = ([pair[part] for _, pair, _ in self._touching] for part in (0, 1))
        self._itself = self._put([int(kind.kind == other) for (kind, *_), other in zip(self._touching, others)])
        self._distances = self.machine.put(np.array(distances, np.float32))
        self._reaches = self._put([contact.contact_reach(distance, self.grid.h) for distance in distances])

    def _prepare_walks(self) -> None:
        """Note how each kind walks, and how much room its cells take."""
        model, walking = self.model, [kind for kind in self.kinds if kind.motile]
        periodic = tuple(bool(wraps) for wraps in model.tissue.wraps)
        persistence = [float(kind.spec.persistence) for kind in walking]
        self._walk = motion.Walk(self.machine, self.grid, model.step_hours, persistence, periodic)
        self._biases = self._put([self.laws.place_of(kind.of_laws.bias) for kind in walking])
        self._bias_at_most = self.machine.put(np.array([kind.of_laws.bias_at_most for kind in walking], np.float32))
        self._bodies = [self._put([getattr(kind, name) for kind in walking]) for name in ("volume", "number")]
        self._walking = walking

    def _prepare_fates(self) -> None:
        """Note what befalls the cells of each kind, and what it leads to."""
        self._mortal = [kind for kind in self.kinds if kind.hazards]
        self._hazards = self._lists(len(kind.hazards) for kind in self._mortal)
        self._fates = self.machine.put(np.array([fate for kind in self._mortal for _, fate in kind.hazards], np.int32))

    # --- rows -----------------------------------------------------------------------------------------------------------

    def make_room(self, population: Population, needed: int) -> None:
        """Make room for at least so many cells of a kind, keeping those there are."""
        if needed <= population.room:
            return
        room = [int(kind.room * (1.5 if kind.n > FULL * kind.room else 1)) for kind in self.kinds]
        room[population.index] = max(needed, population.room + population.room // 2)
        self._lay_out(room)

    def _lay_out(self, room: Sequence[int]) -> None:
        room = [-(-each // ALIGNED) * ALIGNED for each in room]
        n_rows, before = [kind.of_laws.n_rows for kind in self.kinds], self.__dict__.get("columns")
        self.columns = Columns(self.machine, room, n_rows, self._scratch * self.machine.threads)
        if before is not None:
            self.columns.take_over(before, [max(kind.n, stood) for kind, stood in zip(self.kinds, self._stood)])
        for index, kind in enumerate(self.kinds):
            kind.settle_in(self, index)
        self._refer()

    def _refer(self) -> None:
        """Note where the rows stand that launches take."""
        machine, kinds = self.machine, self.kinds
        places = [each for kind in kinds for each in kind.of_laws.places(self.columns, kind.index)]
        channels = [each for kind in kinds for each in kind.of_laws.channels]
        self._own.place(places, channels)
        self._late.place(places, channels)
        carried = [self._places(kind, kind.of_laws.carried) for kind in kinds]
        self._most_carried = max(map(len, carried), default=0)
        self._carried = binning.permute_row.pack(machine, [[each, np.arange(len(each))] for each in carried])
        summed = [self._places(kind, [code for code, _ in kind.of_laws.sums]) for kind in kinds]
        self._to_sum = self._put([place for each in summed for place in each])
        self._touched = self._put([self._places(kind, [code])[0] for kind, _, code in self._touching])
        switches = [self._places(kind, kind.switch_codes()) for kind in self._switching]
        self._switches = [self._put(column) for column in np.reshape(np.array(switches, np.int64), (-1, 3)).T]
        rates = [self._places(kind, [code for code, _ in kind.hazards]) for kind in self._mortal]
        self._rates, chance = self._put([place for each in rates for place in each]), [self.columns.place(CHANCE)]
        columns = [[each, chance * len(each), np.arange(len(each)) > 0, chance] for each in rates]
        self._chances = events.chance_of_rates.pack(machine, columns)

    def _put(self, numbers: Any):
        return self.machine.put(np.array(numbers, np.int64))

    def _lists(self, lengths: Iterable[int]) -> list:
        """Where the part of each kind begins and ends in a list of all."""
        ends = np.cumsum([0, *lengths])
        return [self._put(ends[:-1]), self._put(ends[1:])]

    def _places(self, kind: Population, codes: Sequence[int]) -> np.ndarray:
        return self.columns.places(np.array(codes, np.int64), kind.index)

    def spans(self, kinds: Sequence[Population]) -> Spans:
        """Return the rows of some kinds."""
        return self._spans_of(tuple([(kind.begin, kind.begin + kind.n) for kind in kinds]))

    def _spans_of(self, stretches: tuple[tuple[int, int], ...]) -> Spans:
        """Spans as they were made before in this step, if they were: each is a table on the machine."""
        if stretches not in self._known:
            self._known[stretches] = Spans(self.machine, stretches)
        return self._known[stretches]

    def remove(self, leaving: Mapping[Population, np.ndarray]) -> None:
        """Remove some cells of some kinds: int64 on the host, rows of the kind in order. The others keep their order."""
        kinds, columns, ends = list(leaving), self.columns, np.cumsum([0, *map(len, leaving.values())])
        for kind, rows in leaving.items():
            kind.leave(rows)
            kind.n -= len(rows)
            kind.changed = True
        runs = Spans(self.machine, [(0, binning.runs_of(kind.n)) for kind in kinds])
        each = ([kind.begin for kind in kinds], [kind.n for kind in kinds], ends[:-1], ends[1:])
        rows = self._put(np.concatenate([*leaving.values()]))
        binning.order_of_staying(self.machine, runs, *map(self._put, each), rows, columns.order)
        self._put_in_order(kinds)

    def _put_in_order(self, kinds: Sequence[Population]) -> None:
        """Put the cells of some kinds in the order of the column ``order``."""
        columns, machine, spans = self.columns, self.machine, self.spans(kinds)
        others = self._stretches([kind for kind in self.kinds if kind not in kinds])
        for name, spare in PERMUTED if self.grid.slabs > 1 else PERMUTED[:2]:
            before, after = getattr(columns, name), getattr(columns, spare)
            binning.permute(machine, spans, columns.order, before, after)
            for rows in others:
                after[rows] = before[rows]
            setattr(columns, name, after)
            setattr(columns, spare, before)
        size = self._most_carried * columns.capacity
        if len(self._spare) < size:
            self._spare = machine.zeros(size, np.float32)
        heads, *tables = self._carried
        table = heads[self._put([kind.index for kind in kinds])], *tables
        binning.permute_row(machine, spans, *table, columns.order, columns.capacity, columns.flat, self._spare)
        binning.replace_row(machine, spans, *table, columns.capacity, columns.flat, self._spare)
        for kind in kinds:
            kind.put_in_order(columns.order[kind.begin : kind.begin + kind.n])

    def _stretches(self, kinds: Sequence[Population]) -> list[slice]:
        """Return stretches of rows that hold those of some kinds and of no others; neighbours go together."""
        found: list[slice] = []
        for before, kind in zip([None, *kinds], kinds):
            first = found.pop().start if before is not None and before.index == kind.index - 1 else kind.begin
            found.append(slice(first, kind.begin + kind.n))
        return found

    # --- sense ----------------------------------------------------------------------------------------------------------

    def sort(self) -> None:
        """Sort the cells of each kind by (voxel, uid)."""
        self._known.clear()
        unsorted = [kind for kind in self.kinds if kind.unsorted]
        for kind in self.kinds:
            kind.renewed, kind.changed, kind.unsorted = kind.changed, False, False
        if any(kind.renewed for kind in self.kinds):
            columns, touched = self.columns, self.laws.touched  # these by single voxels, to be found there
            kinds = [kind for kind in self.kinds if kind in unsorted or kind.kind in touched]
            shifts = [0 if each.kind in touched else binning.bucket_shift(each.n, self.grid.size) for each in kinds]
            self._sorting.sort(self.spans(kinds), shifts, columns.voxel, columns.uid, columns.order)
            if unsorted:
                self._put_in_order(unsorted)
            buckets = dict(zip([kind.kind for kind in kinds], self._sorting.begins))
            self._others = self._put([buckets[other] for _, (other, _), _ in self._touching])

    def feel(self) -> None:
        """Find contacts; compute the factors of own states and their sums per voxel."""
        columns, machine = self.columns, self.machine
        if self._touching:
            spans = self.spans([kind for kind, *_ in self._touching])
            x, y, z = map(columns.place, PLACE)
            contact.touch(
                machine, spans, self._touched, self._distances, self._reaches, self._others, self._itself, columns.voxel, x, y, z,
                self._sorting.start, columns.flat, *self.grid.box,
            )  # fmt: skip
        self._arms = self._spans_of_arms()
        self._own.run(self._arms, columns.flat, self._scratch)
        self._sum()

    def _spans_of_arms(self) -> Spans:
        """The cells that follow each table of laws, kind after kind."""
        if len(self.laws.tables) == 1:
            return self.spans(self.kinds)
        found: list[tuple[int, int]] = []
        inner = self.machine.put(self.laws.edges[1:-1].astype(np.int32))
        for kind in self.kinds:
            between = self.machine.get(self.machine.xp.searchsorted(kind.voxel[: kind.n], inner)) + kind.begin
            edges = [kind.begin, *between.tolist(), kind.begin + kind.n]
            found += zip(edges, edges[1:])
        return Spans(self.machine, found)

    def _sum(self) -> None:
        """Sum over the cells of each voxel what changed."""
        kinds = [each for each in self.kinds if each.of_laws.sums and (each.renewed or not each.of_laws.only_counted)]
        columns, machine, laws_of_voxels, few = self.columns, self.machine, self.laws.flat, []
        for kind in kinds:
            if self._stood[kind.index] < self.grid.size // 8:
                few.append(kind)
            else:
                for _, slot in kind.of_laws.sums:
                    self.laws.channel(slot)[:] = 0.0
        stood = self._spans_of(tuple([(kind.begin, kind.begin + self._stood[kind.index]) for kind in few]))
        begin, end = self._sums
        some = self._put([kind.index for kind in few])
        laws.clear_cells(machine, stood, begin[some], end[some], self._summed, columns.stood, laws_of_voxels)
        some, spans = self._put([kind.index for kind in kinds]), self.spans(kinds)
        laws.sum_cells(
            machine, spans, self._put(spans.first), self._put(spans.stop), begin[some], end[some], self._to_sum,
            self._summed, columns.voxel, columns.flat, laws_of_voxels,
        )  # fmt: skip
        columns.stood[:] = columns.voxel
        self._stood = [kind.n for kind in self.kinds]

    def sense(self, hours: float) -> None:
        """Compute the value of every law for every cell."""
        self._late.set_time(hours)
        columns = self.columns
        self._late.run(self._arms, columns.flat, self._scratch, columns.voxel, self.laws.flat)

    # --- act ------------------------------------------------------------------------------------------------------------

    def act(self) -> None:
        """Age, and switch states on and off."""
        columns, machine, dt = self.columns, self.machine, self.model.dt
        columns.age += dt
        spans, (state, *rates) = self.spans(self._switching), self._switches
        chance = columns.place(CHANCE)
        laws.chance_of_switch(machine, spans, state, *rates, chance, columns.flat, dt)
        self.befall(spans, "activate", self.model.steps)
        laws.switch(machine, spans, state, columns.befallen, columns.flat)

    def befall(self, spans: Spans, stream: str, step: int) -> None:
        """Draw whether something happens to some cells, with the probabilities in ``chance``, and note it in ``befallen``."""
        columns = self.columns
        drawn = columns.uid, columns.chance, columns.befallen
        events.befall(self.machine, spans, columns.seed, step, STREAMS[stream], *drawn)

    # --- move -----------------------------------------------------------------------------------------------------------

    def move(self) -> None:
        """Propose a place to each cell that can move; it goes there if there is room.

        Where more want into a voxel than fit, the highest bid goes. Sessile glia take no room from motile cells.
        """
        columns, machine, tissue = self.columns, self.machine, self.model.tissue
        spans = self.spans(self._walking)
        place, velocity = (columns.x, columns.y, columns.z), (columns.ux, columns.uy, columns.uz)
        proposed, bias = (columns.px, columns.py, columns.pz), (columns.bx, columns.by, columns.bz)
        self._walk.propose(
            spans, columns.seed, self.model.steps, columns.uid, columns.voxel, place, velocity, columns.speed, proposed,
            columns.to_voxel, bias, self._biases, self._bias_at_most, self.laws.flat,
        )  # fmt: skip
        volume, _ = self._bodies
        motion.occupy(machine, spans, volume, columns.voxel, tissue.occupied)
        motion.ask_room(machine, spans, volume, columns.voxel, columns.to_voxel, tissue.incoming)
        rooms, contest = (tissue.occupied, tissue.incoming, tissue.best), (self.model.steps, tissue.room)
        cells = columns.uid, columns.seed, columns.voxel
        motion.bid_for_room(machine, spans, *self._bodies, *cells, columns.to_voxel, *rooms, *contest)
        motion.take_room(
            machine, spans, *self._bodies, *cells, *place, columns.to_voxel, *proposed, *rooms, *contest, self.grid.sz
        )
        for kind in self._walking:
            kind.changed = kind.unsorted = True

    # --- die and divide -------------------------------------------------------------------------------------------------

    def choose(self) -> None:
        """Draw the fate of each cell."""
        columns, machine, spans = self.columns, self.machine, self.spans(self._mortal)
        columns.fate[:] = STAYS
        events.chance_of_rates(machine, spans, *self._chances, columns.flat, self.model.dt)
        self.befall(spans, "fate", self.model.steps)
        lifecycle.choose_fate(
            machine, spans, *self._hazards, columns.befallen, columns.seed, self.model.steps, STREAMS["fate"], columns.uid,
            self._rates, self._fates, columns.flat, columns.fate,
        )  # fmt: skip

    def read_fates(self) -> None:
        """Note which cells of each kind do not stay as they are, and what becomes of them."""
        machine, fate = self.machine, self.columns.fate
        rows = machine.xp.flatnonzero(fate != STAYS)  # of truths: of numbers numpy is slow to find them
        rows, fates = machine.get(rows), machine.get(fate[rows])
        edges = np.searchsorted(rows, [*(kind.begin for kind in self.kinds), self.columns.capacity])
        for kind, low, high in zip(self.kinds, edges, edges[1:]):
            own, codes = rows[low:high] - kind.begin, fates[low:high]
            kind.fated = {code: own[codes == code] for code in set(codes.tolist())}

    def part(self) -> None:
        """Remove the cells that die or become another kind."""
        leaving = {}
        for kind in self.kinds:
            if gone := [rows for code, rows in kind.fated.items() if code != DIVIDES]:
                leaving[kind] = np.sort(np.concatenate(gone))
        if leaving:
            self.remove(leaving)
