"""Small launches of the kernels of laws, lifecycle, sheaths and axons: for parity, the simulator and PTX."""

import numpy as np

from kernels import events
from kernels import laws as kernels
from kernels.device import Machine
from kernels.grid import Grid
from kernels.spans import Spans

f4, i4, i8 = np.float32, np.int32, np.int64
GRID = Grid(6, 5, h=20.0, slabs=2)
SIZE = GRID.size
N = 24
ROWS = 6
HOST = Machine()
TWO_KINDS = Spans(HOST, [(2, 9), (12, N)])  # with rows between them that are of none


def values(rng, columns=N):
    matrix = rng.random((ROWS, columns)).astype(f4)
    matrix[0] = 1
    return matrix.reshape(-1)


def rows(*numbers):
    return np.array(numbers, i4)


def cells(rng):
    """Seeds, step, stream and the columns uid and voxel of some cells."""
    inner = GRID.inner(np.arange(SIZE)).reshape(-1)
    voxel = np.sort(rng.choice(inner, N)).astype(i4)
    return np.array([7, 8], i8), 5, 3, GRID.whole, np.arange(1, N + 1), voxel


def places(*numbers):
    """Places of rows in the values of N cells."""
    return np.array(numbers, i8) * N


def places_of_voxels(*numbers):
    return np.array(numbers, i8) * SIZE


def each(*numbers):
    """One entry for each kind."""
    return np.array(numbers, i8)


def fill_table():
    return [places(1, 2), np.array([0.5, -1], f4)]


def hill_table():
    numbers = [np.array([a, b], f4) for a, b in ((0, -0.1), (1, 0), (-0.5, 1), (0.25, 0.125))]
    return [places(1, 2), places(3, 4), [4, 3], *numbers]


def ramp_table():
    numbers = [np.array([a, b], f4) for a, b in ((0.2, 0), (0.5, 1), (1, 0), (-2, 1))]
    return [places(1, 2), places(3, 4), *numbers]


def product_table():
    weights, constants = np.array([[0.5, 2, 1], [0.25, 0, 7]], f4)
    return [places(1, 3, 3), places(2, 4, 4), places(3, 5, 5), [0, 0, 1], weights, constants]


def cap_table():
    return [places(1, 2), np.array([0.5, 0.1], f4)]


def fill_row(rng):
    return N, [*kernels.fill_row.pack(HOST, [fill_table()]), values(rng)]


def hill_row(rng):
    return N, [*kernels.hill_row.pack(HOST, [hill_table()]), values(rng)]


def ramp_row(rng):
    return N, [*kernels.ramp_row.pack(HOST, [ramp_table()]), values(rng)]


def product_row(rng):
    return N, [*kernels.product_row.pack(HOST, [product_table()]), values(rng)]


def cap_row(rng):
    return N, [*kernels.cap_row.pack(HOST, [cap_table()]), values(rng)]


def near(rng):
    """The voxels of the cells, and the values there."""
    return cells(rng)[-1], values(rng, SIZE)


def read_row(rng):
    return N, [*kernels.read_row.pack(HOST, [read_table()]), values(rng), *near(rng)]


def share_row(rng):
    return N, [*kernels.share_row.pack(HOST, [share_table()]), values(rng), *near(rng)]


def read_table():
    return [places(1, 2), np.array([0, SIZE], i8)]


def share_table():
    return [places(0, 3), places(1, 2), np.array([SIZE, 0], i8), np.array([-0.5, 2], f4)]


def run_rows(rng):
    tables = (read_table(), share_table(), fill_table(), hill_table(), ramp_table(), product_table(), cap_table())
    whole = [column for table in tables for column in table]
    half = [column[:1] for column in whole]
    return TWO_KINDS, [*kernels.run_rows.pack(HOST, [whole, half]), values(rng), *near(rng)]


def clear_cells(rng):
    return TWO_KINDS, [each(0, 1), each(1, 2), places_of_voxels(1, 3), cells(rng)[-1], values(rng, SIZE)]


def sum_cells(rng):
    first, stop = each(*TWO_KINDS.first), each(*TWO_KINDS.stop)
    rows = [each(0, 1), each(1, 3), places(0, 3, 2), places_of_voxels(1, 2, 3)]
    return TWO_KINDS, [first, stop, *rows, cells(rng)[-1], values(rng), values(rng, SIZE)]


def relax_row(rng):
    tables = [[places(1), places(2), [0.3], [0.1]], [places(3), places(4), [0.2], [0.4]]]
    return TWO_KINDS, [*kernels.relax_row.pack(HOST, tables), values(rng)]


def chance_of_switch(rng):
    amounts = values(rng).reshape(ROWS, N)
    amounts[1:3] = amounts[1:3] < 0.5
    return TWO_KINDS, [places(1, 2), places(3, 4), places(4, 3), 5 * N, amounts.reshape(-1), 0.1]


def switch(rng):
    amounts = (rng.random(2 * N) < 0.5).astype(f4)
    return TWO_KINDS, [places(0, 1), rng.integers(0, 2, N).astype(i4), amounts]


def add_rate_row(rng):
    return N, [*events.add_rate_row.pack(HOST, [rate_table()]), values(rng), 0.5]


def chance_row(rng):
    return N, [*events.chance_row.pack(HOST, [[places(1)]]), values(rng), 0.5]


def rate_table():
    return [places(1, 2), places(5, 5), [0, 1]]


def chance_of_rates(rng):
    tables = [[*rate_table(), places(5)], [places(3), places(5), [0], places(5)]]
    return TWO_KINDS, [*events.chance_of_rates.pack(HOST, tables), values(rng), 0.5]


def polarise(rng):
    return N, [*rng.random((3, N)).astype(f4), 0.1]


def open_barrier(rng):
    return N, [*rng.random((3, N)).astype(f4), 3.0]


def forget_antigen(rng):
    return N, [rng.random(N).astype(f4), (rng.random(N) < 0.5).astype(f4), 0.1]


def score_active(rng):
    switched, active = rng.integers(0, 2, (2, N))
    return N, [switched.astype(i4), active.astype(f4), *rng.random((2, N)).astype(f4)]


def leave_traps(rng):
    *_, voxel = cells(rng)
    return N, [rng.integers(0, 2, N).astype(i4), voxel // 3, N, 0.7, rng.random(SIZE).astype(f4)]


def draw_words(rng):
    seed, uid = rng.integers(0, 2**63, (2, N)).astype(np.uint64)
    return N, [seed, 5, 3, uid, np.zeros(4 * N, np.uint64)]


def choose_fate(rng):
    befallen, (_, step, stream, _, uid, _) = (rng.random(N) < 0.5).astype(i4), cells(rng)
    hazards = [places(1, 2, 3, 1), rows(1, 2, 5, 1)]
    drawn = [befallen, rng.integers(0, 2**40, N), step, stream, uid]
    return TWO_KINDS, [each(0, 3), each(3, 4), *drawn, *hazards, values(rng), np.zeros(N, i4)]


def chance_in_step(rng):
    return N, [3 * rng.random(N).astype(f4), 0.5, np.zeros(N, f4)]


def befall(rng):
    seed = rng.integers(0, 2**40, N)
    return N, [seed, 5, 3, np.arange(1, N + 1), rng.random(N).astype(f4), np.zeros(N, i4)]


def place_daughter(rng):
    return N, [*cells(rng), *(100 * rng.random((3, N)).astype(f4)), 9.0, 120.0, 100.0, 20.0, 3.0]


SLOTS = 5


def myelin(rng):
    """Slots of N cells, the sheaths each holds, and the units of every voxel."""
    voxel = cells(rng)[-1]
    slots = np.where(rng.random((N, SLOTS)) < 0.6, 2 * voxel[:, None] + (rng.random((N, SLOTS)) < 0.5), -1).astype(i4)
    units = np.zeros((4, SIZE), i4)
    for slot in slots[slots >= 0]:
        units[slot & 1, slot >> 1] += 1
    units[2:] = 3 * (units[:2] > 0)
    return slots.reshape(-1), (slots >= 0).sum(axis=1).astype(f4), units.reshape(-1)


def strip_sheaths(rng):
    slots, held, units = myelin(rng)
    hazard = rng.random(SIZE).astype(f4)
    most = hazard.reshape(2, -1).max(axis=1)
    return N, [np.ones(N, i4), *cells(rng), slots, SLOTS, held, hazard, most, units, SIZE, np.zeros(SIZE, i4)]


def chance_of_stroke(rng):
    return 2, [np.array([0.2, 0.4], f4), SLOTS, np.zeros(2, f4)]


def chance_of_bid(rng):
    return N, [rng.integers(0, 6, N).astype(f4), 5.0, rng.random(N).astype(f4), 0.5, np.zeros(N, f4)]


def orphan_sheaths(rng):
    slots, _, units = myelin(rng)
    leaving = np.flatnonzero(rng.random(N) < 0.5)
    return len(leaving), [leaving, slots, SLOTS, units, SIZE]


def shed_orphans(rng):
    _, _, units = myelin(rng)
    hazard = rng.random(SIZE).astype(f4)
    shedding = rng.random(SIZE).astype(f4)
    struck, seeds = rng.integers(0, 2, SIZE).astype(i4), np.array([7, 8], i8)
    return SIZE, [struck, seeds, 5, 3, GRID.whole, hazard, shedding, 0.2, units, SIZE, np.zeros(SIZE, i4)]


def chance_of_shedding(rng):
    return SIZE, [*rng.random((2, SIZE)).astype(f4), 0.2, myelin(rng)[2], SIZE, np.zeros(SIZE, f4)]


def count_bare(rng):
    _, _, units = myelin(rng)
    return SIZE, [
        rng.random(SIZE).astype(f4),
        np.full(SIZE, 15, f4),
        units,
        SIZE,
        np.zeros(SIZE, i4),
        np.ones(SIZE, i8),
    ]


def bid_for_axon(rng):
    seeds, step, stream, whole, uid, voxel = cells(rng)
    bids = (rng.random(N) < 0.8).astype(i4)
    reach = np.array([(x, y, 0) for x in (-1, 0, 1) for y in (-1, 0, 1)], i4).reshape(-1)
    bare = (rng.random(SIZE) < 0.4).astype(i4)
    box = (GRID.nx, GRID.ny, GRID.nz, GRID.sy, GRID.sz)
    contest = (bare, np.zeros(SIZE, i8), np.zeros(N, i4))
    return N, [bids, seeds, step, stream, 4, whole, uid, voxel, reach, 9, *box, *contest]


def wrap_axon(rng):
    from kernels import sheaths
    from kernels.device import Machine

    n, arguments = bid_for_axon(rng)
    sheaths.bid_for_axon(Machine("python"), n, *arguments)
    seeds, step, _, key, whole, uid, voxel = arguments[1:8]
    slots, held, units = myelin(rng)
    _, best, target = arguments[-3:]
    return N, [seeds, step, key, whole, uid, voxel, target, best, 1, slots, SLOTS, held, units, SIZE]


def injure_axons(rng):
    axons = np.array([[0.7], [0.2], [0.1]], f4) * rng.random(SIZE).astype(f4)
    return SIZE, [*axons, *(2 * rng.random((5, SIZE)).astype(f4)), 0.1, np.zeros(SIZE, f4)]


def read_tissue(rng):
    _, _, units = myelin(rng)
    state = [*rng.random((2, SIZE)).astype(f4), *(1e4 * rng.random((2, SIZE)).astype(f4))]
    return SIZE, [units, SIZE, np.full(SIZE, 15, f4), *state, *np.zeros((7, SIZE), f4), 0.5]


def mature_lesion(rng):
    bare, adapted, reactivity, days, scar, scarring = rng.random((6, SIZE)).astype(f4)
    return SIZE, [bare, adapted, f4(0.1), reactivity, 0.5, days, scar, scarring, 0.1]


_EXAMPLES = (
    read_row, share_row, fill_row, hill_row, ramp_row, product_row, cap_row, run_rows, clear_cells, sum_cells,
    relax_row, chance_of_switch, switch, polarise, open_barrier, forget_antigen, score_active, leave_traps,
    draw_words, add_rate_row, chance_row, chance_of_rates,
    chance_in_step, befall, choose_fate, place_daughter, chance_of_stroke, strip_sheaths, orphan_sheaths,
    chance_of_shedding, shed_orphans, count_bare, chance_of_bid, bid_for_axon, wrap_axon, injure_axons, read_tissue,
    mature_lesion,
)  # fmt: skip
EXAMPLES = {example.__name__: example for example in _EXAMPLES}
