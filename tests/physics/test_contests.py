"""Contests have exactly one winner, drawn fairly; a crowded voxel never takes more than it holds."""

import math

import numpy as np
import pytest
from scipy import stats

from kernels.binning import Sorting, locate
from kernels.contest import bid, contest_key, wins
from kernels.device import Machine
from kernels.grid import Grid
from kernels.launch import kernel
from kernels.motion import NO_BIAS, ROOM_UNITS, Walk, ask_room, bid_for_room, occupy, room_units, take_room
from kernels.spans import Spans

U = np.uint64
STREAM = U(9)
VOXEL = 8000.0  # um3, of 20 um
HALF = ROOM_UNITS // 2


@kernel
def compete(i, seed, uid, kind, step, thing, best):
    bid(best, thing[i], contest_key(seed, STREAM, step[i], uid[i], kind[i]))


@kernel
def award(i, seed, uid, kind, step, thing, best, won):
    won[i] = 1 if wins(best, thing[i], contest_key(seed, STREAM, step[i], uid[i], kind[i])) else 0


def contest(uid, kind, step, thing, n_things, threads=1):
    """Who wins: one entry per candidate."""
    machine, n = Machine("cpu", threads), len(uid)
    columns = [np.asarray(column, np.int64) for column in (uid, kind, step, thing)]
    best, won = np.zeros(n_things, np.int64), np.zeros(n, np.int8)
    compete(machine, n, 5, *columns, best)
    award(machine, n, 5, *columns, best, won)
    return won


@pytest.mark.parametrize("threads", [1, 2])
def test_every_thing_has_exactly_one_winner(threads):
    """Whatever the number of candidates, also with the same uids in several kinds, on any number of threads."""
    random = np.random.default_rng(0)
    n = 60_000
    thing = random.integers(0, 9000, n)
    kind = random.integers(0, 32, n)
    uid = random.permutation(n) // 8  # each uid in eight rows: told apart by kind, or else in another contest
    _, first = np.unique(np.stack([thing, kind, uid]), axis=1, return_index=True)
    won = contest(uid[first], kind[first], np.zeros(len(first)), thing[first], 9000, threads)
    winners = np.bincount(thing[first], weights=won, minlength=9000)
    np.testing.assert_array_equal(winners, np.bincount(thing[first], minlength=9000) > 0)
    np.testing.assert_array_equal(won, contest(uid[first], kind[first], np.zeros(len(first)), thing[first], 9000))


def test_bids_that_draw_alike_still_differ():
    """Below the random bits stand 27 bits of the uid and the kind: a tie has one winner too."""
    bidders = [(uid, kind) for uid in (0, 1, 2, 2**27 - 1) for kind in (0, 1, 31)]
    keys = [int(contest_key(U(1), STREAM, U(2), U(uid), U(kind))) for uid, kind in bidders]
    assert min(keys) > 0
    assert [(key - 1) & 0xFFFFFFFF for key in keys] == [uid * 32 + kind for uid, kind in bidders]


@pytest.mark.parametrize("candidates", [2, 3, 8])
@pytest.mark.parametrize("by", ["uid", "kind"])
def test_each_candidate_wins_equally_often(candidates, by):
    """Over many steps, and neither a low uid nor the order of kinds is an advantage."""
    steps = 30_000
    step = np.repeat(np.arange(steps), candidates)
    who = np.tile(np.arange(candidates), steps)
    uid, kind = (who + 1000, 0 * who) if by == "uid" else (0 * who + 1000, who)
    won = contest(uid, kind, step, step, steps)
    assert won.sum() == steps
    assert stats.chisquare(np.bincount(who, weights=won)).pvalue > 1e-5


def test_winners_of_successive_steps_are_independent():
    steps = 30_000
    won = contest(
        np.tile([3, 4], steps),
        np.zeros(2 * steps),
        np.repeat(np.arange(steps), 2),
        np.repeat(np.arange(steps), 2),
        steps,
    )
    first = won[::2].astype(float)
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 5 / np.sqrt(steps)


class Kind:
    """Cells of one size, the same ones in every slab."""

    def __init__(self, number, grid, place, diameter, speed):
        each = place.shape[1]
        random = np.random.default_rng(number)
        velocity = random.standard_normal(place.shape) / np.sqrt(len(place))
        self.number, self.n = number, each * grid.slabs
        self.place = np.tile(place, grid.slabs).astype(np.float32)
        self.velocity = np.tile(velocity, grid.slabs).astype(np.float32)
        self.uid = np.tile(np.arange(each), grid.slabs)
        self.voxel = np.repeat(np.arange(grid.slabs) * grid.whole, each).astype(np.int32)
        locate(Machine(), self.n, *self.place[:2], self.place[-1], self.voxel, self.voxel, *grid.box)
        self.speed = np.full(self.n, speed, np.float32)
        self.volume = room_units(math.pi / 6 * diameter**3, VOXEL)
        self.columns = np.array([self.volume]), np.array([number])
        self.to_place, self.to_voxel = np.zeros_like(self.place), np.zeros_like(self.voxel)

    def seeds(self, seeds, grid):
        """The seed of each cell."""
        return (seeds + np.uint64(1000 * self.number))[self.voxel // grid.whole]


def volumes(grid, kinds):
    """Volume and number of cells in each voxel."""
    volume = sum(np.bincount(kind.voxel, minlength=grid.size) * kind.volume for kind in kinds)
    return volume, sum(np.bincount(kind.voxel, minlength=grid.size) for kind in kinds)


def advance(machine, grid, kinds, seeds, step):
    """Move all kinds by one step of 0.1 h, with room."""
    occupied, incoming, best = (np.zeros(grid.size, dtype) for dtype in (np.int32, np.int32, np.int64))
    for kind in kinds:
        order = np.zeros(kind.n, np.int32)
        Sorting(machine, grid.size).sort(Spans(machine, [(0, kind.n)]), [0], kind.voxel, kind.uid, order)
        for column in (kind.place, kind.velocity, kind.uid, kind.voxel):
            column[..., : kind.n] = column[..., order]
        occupy(machine, kind.n, np.array([kind.volume]), kind.voxel, occupied)
    for kind in kinds:
        seed = kind.seeds(seeds, grid)
        Walk(machine, grid, 0.1, [0.05]).propose(
            kind.n, seed, step, kind.uid, kind.voxel, kind.place, kind.velocity, kind.speed, kind.to_place, kind.to_voxel,
            np.zeros((3, kind.n), np.float32), np.array([NO_BIAS]), np.zeros(1, np.float32), np.zeros(1, np.float32),
        )  # fmt: skip
        ask_room(machine, kind.n, np.array([kind.volume]), kind.voxel, kind.to_voxel, incoming)
    for kind in kinds:
        wanted = kind.uid, kind.seeds(seeds, grid), kind.voxel, kind.to_voxel, occupied, incoming, best
        bid_for_room(machine, kind.n, *kind.columns, *wanted, step, HALF)
    for kind in kinds:
        places = *kind.place[:2], kind.place[-1]
        to_places = kind.to_voxel, *kind.to_place[:2], kind.to_place[-1]
        own = kind.uid, kind.seeds(seeds, grid), kind.voxel, *places, *to_places
        take_room(machine, kind.n, *kind.columns, *own, occupied, incoming, best, step, HALF, grid.sz)


def crowd(grid, lymphocytes, macrophages, stem_cells):
    """A tissue with cells of three sizes that has room for all: the large ones alone in their voxels."""
    random = np.random.default_rng(7)
    inner = np.array([grid.nx, grid.ny, grid.nz])[: grid.dims]
    voxels = random.permutation(inner.prod())
    large = macrophages + stem_cells
    free = voxels[large:]
    chosen = np.concatenate([voxels[:large], free[np.arange(lymphocytes) % len(free)]])
    place = (np.stack(np.unravel_index(chosen, inner)) + 0.5) * grid.h
    stem, macrophage, lymphocyte = np.split(place, [stem_cells, large], axis=1)
    sizes = [(lymphocyte, 8.0, 540.0), (macrophage, 15.0, 120.0), (stem, 20.0, 90.0)]
    return [Kind(number, grid, *size) for number, size in enumerate(sizes)]


@pytest.mark.parametrize("grid", [Grid(30, 20, 1, 20.0, 2), Grid(9, 8, 7, 20.0, 3)], ids=str)
def test_room_is_never_exceeded(grid):
    """Volumes fill at most half of a voxel, or there is one cell in it."""
    kinds = crowd(grid, 2000, 300, 40)
    moved = 0
    for step in range(60):
        before = [(kind.uid.copy(), kind.voxel.copy()) for kind in kinds]
        advance(Machine(), grid, kinds, np.array([3], U), step)
        volume, number = volumes(grid, kinds)
        assert ((volume <= HALF) | (number == 1)).all()
        assert number.sum() == 2340
        moved += sum(
            (kind.voxel[np.argsort(kind.uid)] != v[np.argsort(u)]).sum() for kind, (u, v) in zip(kinds, before)
        )
    assert moved > 60 * 500  # crowded, not jammed
    stem = kinds[2]
    assert len(np.unique(stem.voxel)) == stem.n  # each fills its voxel alone
    assert number[stem.voxel].max() == 1


def test_a_refused_cell_stays_where_it_is():
    grid = Grid(30, 20, 1, 20.0, 2)
    kinds = crowd(grid, 2000, 300, 40)
    for step in range(5):
        before = [dict(zip(kind.uid, zip(*kind.place, kind.voxel))) for kind in kinds]
        advance(Machine(), grid, kinds, np.array([3], U), step)
        refused = 0
        for kind, old in zip(kinds, before):
            goes = kind.voxel == kind.to_voxel
            for row in np.flatnonzero(~goes):
                assert old[kind.uid[row]] == (*kind.place[:, row], kind.voxel[row])
            np.testing.assert_array_equal(kind.place[:, goes], kind.to_place[:, goes])
            refused += (~goes).sum()
        assert refused > 0


def rush(diameter, candidates, occupant=0.0, seed=1):
    """Let cells of one size in voxels of their own all want into the same voxel, and return how many get in."""
    grid = Grid(40, 3, 1, 20.0, 2)
    place = np.stack([np.arange(candidates) * 20.0 + 30.0, np.full(candidates, 10.0)])
    kind = Kind(0, grid, place, diameter, 0.0)
    target = 2 * grid.sy + 1
    kind.to_voxel[:], kind.to_place[:] = target, [[10.0], [30.0]]
    occupied, incoming, best = (np.zeros(grid.size, dtype) for dtype in (np.int32, np.int32, np.int64))
    occupied[target] = room_units(occupant, VOXEL) if occupant else 0
    ask_room(Machine(), candidates, np.array([kind.volume]), kind.voxel, kind.to_voxel, incoming)
    own = kind.uid, np.full(candidates, seed, U), kind.voxel
    bid_for_room(Machine(), candidates, *kind.columns, *own, kind.to_voxel, occupied, incoming, best, 0, HALF)
    take_room(
        Machine(), candidates, *kind.columns, *own, *kind.place, kind.place[1], kind.to_voxel, *kind.to_place,
        kind.to_place[1], occupied, incoming, best, 0, HALF, grid.sz,
    )  # fmt: skip
    return (kind.voxel == target).sum()


@pytest.mark.parametrize(
    ("diameter", "candidates", "occupant", "enter"),
    [
        (8.0, 14, 0.0, 14),  # all fit: 14 x 268 of 4000 um3
        (8.0, 15, 0.0, 1),  # not all: one by lot
        (15.0, 2, 0.0, 2),
        (15.0, 3, 0.0, 1),
        (20.0, 5, 0.0, 1),  # larger than the room, and the voxel is empty
        (20.0, 1, 1.0, 0),  # not empty
        (15.0, 3, 2200.0, 1),
        (15.0, 1, 2300.0, 0),
        (8.0, 6, 4000.0, 0),
    ],
)
def test_who_gets_into_a_voxel(diameter, candidates, occupant, enter):
    assert rush(diameter, candidates, occupant) == enter


def state(kinds, slab, whole):
    """Everything of the cells of one slab, in the order of their uids."""
    parts = []
    for kind in kinds:
        here = np.flatnonzero(kind.voxel // whole == slab)
        here = here[np.argsort(kind.uid[here])]
        parts += [kind.uid[here], kind.voxel[here] - slab * whole, kind.place[:, here], kind.velocity[:, here]]
    return parts


def run(slabs, seeds, threads=1, steps=6):
    grid = Grid(60, 50, 1, 20.0, 2, slabs)
    kinds = crowd(grid, 18_000, 900, 100)
    for step in range(steps):
        advance(Machine("cpu", threads), grid, kinds, np.array(seeds, U), step)
    return [state(kinds, slab, grid.whole) for slab in range(slabs)]


def test_threads_and_other_slabs_change_no_bit():
    alone = run(1, [11])[0]
    for same in (run(1, [11], threads=2)[0], run(3, [5, 11, 7])[1], run(2, [11, 11], threads=2)[1]):
        for a, b in zip(alone, same):
            np.testing.assert_array_equal(a, b)
    other = run(1, [12])[0]
    assert not np.array_equal(alone[2], other[2])
