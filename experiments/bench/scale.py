"""W-SCALE: what a step costs against the number of fields, of threads, and of slabs; the same bits are seen to before timing."""

from collections.abc import Iterator

from abm.model import LesionModel
from experiments.bench.diffusion import stage_seconds
from experiments.bench.figures import Figure
from experiments.bench.lesion import cells_of, least_seconds
from experiments.bench.tiles import peak_lesion, size, tile
from experiments.failures import RunFailed
from kernels.device import Machine, usable_threads

FIELDS = (1, 2, 5, 10, 20)
GRID = (256, 256, 1)
CELLS = 1e5
SLABS = (1, 2, 4, 8, 16, 32)


def figures(speed: float) -> Iterator[Figure]:
    """Measure fields, then slabs, then threads."""
    for n in FIELDS:
        name = f"{n} field{'s' * (n > 1)}: a stage of one"
        yield Figure(name, stage_seconds(GRID, n) * 1e9, "ns/voxel", timed=True)
    lesion = peak_lesion()
    yield from of_slabs(lesion)
    yield from of_threads(lesion)


def of_slabs(lesion: LesionModel, numbers: tuple[int, ...] = SLABS) -> Iterator[Figure]:
    """Measure a step of a small lesion among others like it, on one thread; each must stay what it is alone."""
    from abm.config import load

    state = lesion.state()
    alone: str | None = None
    for n in numbers:
        model = LesionModel(load("acute", overrides=size(1)), seeds=[int(lesion.seeds[0])] * n)
        model.restore(*[state] * n)
        best = least_seconds(model)["whole step"]
        digests = {model.digest(slab) for slab in range(n)}
        alone = alone or min(digests)
        if digests != {alone}:
            raise RunFailed(f"W-SCALE: of {n} lesions side by side some differ from the lesion alone")
        yield Figure(
            f"{n} slab{'s' * (n > 1)} of {cells_of(lesion)} cells: a step of one", best / n * 1e3, "ms", timed=True
        )


def of_threads(lesion: LesionModel, cells: float = CELLS) -> Iterator[Figure]:
    """Measure a step of the tiled lesion on more and more threads; all must do the same."""
    n = round((cells / cells_of(lesion)) ** 0.5)
    digest: str | None = None
    for threads in sorted({2**k for k in range(usable_threads().bit_length())} | {usable_threads()}):
        if threads > usable_threads():
            continue
        model = tile(lesion, n, Machine("cpu", threads))
        best = least_seconds(model)
        digest = digest or model.digest()
        if model.digest() != digest:
            raise RunFailed(f"W-SCALE: a step on {threads} threads differs from that on one")
        name = f"{threads} thread{'s' * (threads > 1)}, {cells_of(model)} cells"
        yield Figure(f"{name}: a step", best["whole step"] * 1e3, "ms", timed=True)
