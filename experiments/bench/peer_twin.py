"""The acute lesion as ordinary Mesa agents, of the same whole numbers at every step (tests/twin), beside ours."""

from collections.abc import Iterator

from experiments.bench.figures import Figure
from experiments.failures import RunFailed

CELLS = 10_000
ROUNDS = 4
RATIO_TARGET = 100.0


def figures(ours: dict[str, float]) -> Iterator[Figure]:
    """Step a lesion and its twin, and compare what their fastest steps took, with and without the fields."""
    from tests.twin.timing import acute_lesion, time_twin

    found = time_twin(acute_lesion(CELLS), ROUNDS)
    if found["different"]:
        raise RunFailed(f"W-STEP: {found['different']:g} cells or voxels of the twin differ from those of the lesion")
    yield Figure("Mesa twin: cells", found["cells"])
    yield Figure("Mesa twin: a step without fields", found["twin apart"] * 1e3, "ms", timed=True)
    yield Figure("the same by ours", found["lesion apart"] * 1e3, "ms", timed=True)
    yield Figure("Mesa twin / ours without fields", found["ratio apart"], "x", at_least=RATIO_TARGET)
    yield Figure("Mesa twin / ours, a whole step", found["ratio"], "x")
