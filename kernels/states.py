"""How own states of cells change in a step, beside those that follow a law (``laws.py``)."""

import numpy as np

from kernels.launch import kernel

U = np.uint64
NEXT = U(1)
NOTHING = np.int32(0)
ZERO = np.float32(0.0)
ONE = np.float32(1.0)


@kernel
def open_barrier(i, bbb, opening, closing, dt):
    """Open and close the blood-brain barrier of venule ``i``: ``db/dt = opening - closing b``, kept within 0 and 1.

    bbb               float32[n]   changed;  opening, closing  float32[n], 1/h
    """
    after = bbb[i] + (opening[i] - closing[i] * bbb[i]) * dt
    after = ZERO if after < ZERO else after
    bbb[i] = ONE if after > ONE else after


@kernel
def forget_antigen(i, since, active, dt):
    """Count the hours since T cell ``i`` was last active. since, active  float32[n];  since  changed"""
    since[i] = ZERO if active[i] > ZERO else since[i] + dt


@kernel
def score_active(i, switched, active, m1, m2):
    """Give microglia ``i`` the score of its state: M1 where it has just become active, none where it is not.

    switched  int32[n]     1 where the state has changed in this step
    m1, m2    float32[n]   changed; written: what an active cell is not M1, it is M2
    """
    score = ONE if switched[i] != NOTHING and active[i] > ZERO else m1[i]
    m1[i] = score * active[i]
    m2[i] = active[i] - m1[i]


@kernel
def leave_traps(i, casts, voxel, n, amount, source):
    """Let the voxel of neutrophil ``i`` give off the traps of all that underwent NETosis there, if it is the first of them.

    casts    int32[n]   1 for a cell that underwent NETosis;  voxel  int32[n], in order
    amount   float32    that one cell gives off;  source  float32[voxels], added to
    """
    if casts[i] != NOTHING:
        first = i
        before = NOTHING
        while first > U(0) and voxel[first - NEXT] == voxel[i]:
            first -= NEXT
            before += casts[first]
        if before == NOTHING:
            count = NOTHING
            cell = i
            while cell < U(n) and voxel[cell] == voxel[i]:
                count += casts[cell]
                cell += NEXT
            source[U(voxel[i])] += np.float32(count) * amount
