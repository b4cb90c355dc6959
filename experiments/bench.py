"""The command ``bench``: throughput next to the memory bandwidth of the same process; answers are checked before the clock starts.

Each workload is a function that returns figures. Other jobs on the machine only ever make a figure worse: the best of several
runs is told, and the bandwidth is the best of several too.
"""

import functools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import typer

from experiments.failures import Refused, RunFailed

CACHE_BYTES = 256e6  # an array of this size is in no cache
STAGE_BYTES = 20  # of one voxel and stage: two stages, m and loss read, one stage written
STAGE_TARGET = 1.2  # times the memory time of those bytes
SOLUTION_TARGET = 1.1  # s per simulated hour of W-TTS-U
REFERENCE_MARKS = 3  # the error is largest at the first minute marks


@dataclass(frozen=True)
class Figure:
    """One number of a workload; ``target`` is the most it should be, ``timed`` whether it scales with the machine's speed."""

    name: str
    value: float
    unit: str
    target: float | None = None
    timed: bool = False


def register(app: typer.Typer) -> None:
    """Add the command of this file to the program."""
    app.command()(bench)


def bench(
    workload: Annotated[
        list[str] | None, typer.Option(metavar="W", help="A workload by name; repeatable; by default all.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object, the last line of the output.")
    ] = False,
    compare: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The JSON of an earlier bench: print what changed.")
    ] = None,
) -> None:
    """Measure speed against the memory bandwidth of this machine:  remyelin bench --workload W-TTS-U"""
    before = read_result(compare) if compare is not None else None
    result = measure(workload or list(WORKLOADS))
    if before is not None:
        result["compare"] = ratios(result, before)
    if as_json:
        typer.echo(json.dumps(result))
        return
    from experiments.tables import print_table

    typer.echo(f"{result['machine']['processor']}: {result['bandwidth_gb_s']:.1f} GB/s on one thread")
    print_table(("workload", "figure", "value", "target", "now / before"), list(rows(result)))


def measure(names: list[str]) -> dict[str, Any]:
    """Run workloads by name and return their figures, the bandwidth, and what machine this is."""
    from experiments import provenance

    if unknown := [name for name in names if name not in WORKLOADS]:
        raise Refused(f"--workload {unknown[0]}: there is no such workload; there are {', '.join(WORKLOADS)}")
    speed = bandwidth()
    return {
        "status": "done",
        "machine": {"processor": provenance.processor()},
        "code_version": provenance.code_version(),
        "bandwidth_gb_s": speed / 1e9,
        "workloads": {name: [asdict(figure) for figure in WORKLOADS[name](speed)] for name in names},
        "error": None,
    }


def rows(result: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Give the figures of a result as lines of a table."""
    changes = result.get("compare", {})
    for workload, figures in result["workloads"].items():
        for figure in figures:
            target = figure["target"]
            verdict = "" if target is None else f"{target:g} {'met' if figure['value'] <= target else 'MISSED'}"
            change = changes.get(f"{workload} {figure['name']}")
            value = f"{figure['value']:.4g} {figure['unit']}".rstrip()
            yield workload, figure["name"], value, verdict, "" if change is None else f"{change:.2f}"


def read_result(path: Path) -> dict[str, Any]:
    """Read what ``bench --json`` once printed."""
    try:
        lines = path.read_text().strip().splitlines()
        result = json.loads(lines[-1])
        return {"bandwidth_gb_s": float(result["bandwidth_gb_s"]), "workloads": dict(result["workloads"])}
    except OSError as error:
        raise Refused(f"--compare {path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, IndexError, TypeError):
        raise Refused(f"--compare {path}: not what `remyelin bench --json` printed") from None


def ratios(now: dict[str, Any], before: dict[str, Any]) -> dict[str, float]:
    """Return each figure over the earlier one; times are first taken at the same memory bandwidth."""
    faster = now["bandwidth_gb_s"] / before["bandwidth_gb_s"]
    old = {(w, figure["name"]): figure["value"] for w, figures in before["workloads"].items() for figure in figures}
    return {
        f"{w} {figure['name']}": figure["value"] * (faster if figure["timed"] else 1.0) / old[w, figure["name"]]
        for w, figures in now["workloads"].items()
        for figure in figures
        if old.get((w, figure["name"]))
    }


# --- the yardstick ------------------------------------------------------------------------------------------------------


def best_time(run: Callable[[], object], repeats: int) -> float:
    """Return the least seconds of ``repeats`` runs, after one that does not count."""
    run()
    return min(timed(run) for _ in range(repeats))


def timed(run: Callable[[], object]) -> float:
    """Return the seconds that ``run`` takes."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


@functools.cache
def bandwidth() -> float:
    """Return the bytes per second of a = b + s c on one thread, for arrays larger than any cache, 12 bytes an element."""
    import numpy as np

    from kernels.device import Machine
    from kernels.launch import kernel

    @kernel
    def triad(i, a, b, c, s):
        a[i] = b[i] + s * c[i]

    n = int(CACHE_BYTES / 4)
    a, b, c = (np.full(n, 1.0, np.float32) for _ in range(3))
    return 12 * n / best_time(lambda: triad(Machine("cpu", 1), n, a, b, c, 0.5), 20)


# --- W-DIFF: one stage of the solver ------------------------------------------------------------------------------------


def diffusion_stage(speed: float) -> list[Figure]:
    """Measure one stage at 256 x 256 x 10 fields, and in 3D at 64^3 x 2: every field with arrays of its own."""
    figures = []
    for label, shape, n_fields in (("256^2 x 10", (256, 256, 1), 10), ("64^3 x 2", (64, 64, 64), 2)):
        each = stage_seconds(shape, n_fields)
        floor = STAGE_BYTES / speed
        figures += [
            Figure(f"{label} stage", each * 1e9, "ns/voxel", timed=True),
            Figure(
                f"{label} stage over 20 bytes of memory", each / floor, "x", STAGE_TARGET if n_fields == 10 else None
            ),
        ]
    return figures


STAGES = 12  # of a substep: about what a cytokine takes


def stage_seconds(shape: tuple[int, int, int], n_fields: int) -> float:
    """Return the seconds per voxel of one stage of one field on one thread, launches included."""
    import numpy as np

    from kernels.device import Machine
    from kernels.diffusion import advance_2d, advance_3d
    from kernels.grid import Grid

    dims = 3 if shape[2] > 1 else 2
    grid, machine = Grid(*shape, h=20.0, dims=dims), Machine("cpu", 1)
    advance = advance_3d if dims == 3 else advance_2d
    rng = np.random.default_rng(0)
    numbers = [np.full(1, x, np.float32) for x in (1.2, 0.02, -0.4, 0.3, 0.1)]
    fields = [[rng.random(grid.size, dtype=np.float32) for _ in range(4)] for _ in range(n_fields)]

    last, before, m, loss = (array.astype(np.float64).reshape(grid.padded_shape) for array in fields[0])
    keep, lose, recall, spread, drive = (float(number[0]) for number in numbers)
    around = sum(np.roll(last, shift, axis) for axis in range(3 - dims + 1, 4) for shift in (1, -1))
    exact = (keep - lose * loss) * last + recall * before + spread * around + drive * m
    last32, before32, m32, loss32 = fields[0]
    advance(machine, grid, before32, last32, *numbers, m32, loss32)
    wrong = np.abs(grid.inner(before32) - grid.inner(exact.ravel())).max()
    if wrong > 1e-5:
        raise RunFailed(f"W-DIFF: a stage differs from its float64 computation by {wrong:.1e}")

    tables = [np.full(STAGES, number[0] * 0.1, np.float32) for number in numbers]  # small: nothing may overflow

    def sweep() -> None:
        for last, before, m, loss in fields:
            advance(machine, grid, before, last, *tables, m, loss)

    return best_time(sweep, 20) / (shape[0] * shape[1] * shape[2] * n_fields * STAGES)


# --- W-TTS-U: time to solution with moving sources and uptake -----------------------------------------------------------

EDGE = 256
PER_MINUTE = 60.0  # 1/min in 1/h
DIFFUSIVITIES = (600, 1000, 1500, 2000, 3000, 4000, 5000, 6000, 8000, 10000)  # um^2/min
DECAYS = (0.02, 0.05, 0.1, 0.1, 0.1, 0.2, 0.2, 0.3, 0.5, 1.0)  # 1/min
VOXEL = 20.0


def wanderers(minutes: int):
    """Give for every minute the source of each substance and the uptake of all (1/min): cells that wander and switch."""
    import numpy as np

    rng = np.random.default_rng(1)
    sources, sinks = (rng.integers(0, EDGE, (n, 2)) for n in (2000, 4000))
    group = np.arange(2000) % 4
    for _ in range(minutes):
        for cells in (sources, sinks):
            moving = rng.random(len(cells)) < 0.5
            cells += moving[:, None] * rng.integers(-1, 2, cells.shape)
            np.clip(cells, 0, EDGE - 1, out=cells)
        on = rng.random(2000) < 0.5
        source = np.zeros((4, EDGE, EDGE), np.float32)
        np.add.at(source, (group[on], *sources[on].T), 1.0)
        uptake = np.zeros((EDGE, EDGE), np.float32)
        np.add.at(uptake, tuple(sinks.T), 1.0)
        yield [source[-s % 4] for s in range(10)], uptake  # source c acts on substance s if (c + s) mod 4 = 0


def solution_fields(uptake_cap: float):
    """Return the ten substances of W-TTS-U as Fields on one thread, at an accuracy of 1 %."""
    import numpy as np

    from abm.fields import Fields
    from kernels.device import Machine
    from kernels.grid import Grid

    names = [f"s{s}" for s in range(10)]
    about = {"unit": "1", "baseline": 0.0, "molar_mass": None, "faces": None, "value": None, "quasi_steady": False}
    config = SimpleNamespace(
        fields={
            name: SimpleNamespace(D=d * PER_MINUTE, half_life=np.log(2) / (k * PER_MINUTE), sources={}, **about)
            for name, d, k in zip(names, DIFFUSIVITIES, DECAYS)
        },
        grid=SimpleNamespace(
            voxel=VOXEL, size=[EDGE * VOXEL] * 2, thickness=VOXEL, faces=dict.fromkeys("xyz", "no_flux")
        ),
        time=SimpleNamespace(step=1 / PER_MINUTE),
        accuracy=0.01,
    )
    grid = Grid(EDGE, EDGE, h=VOXEL)
    concentration, source, uptake = (np.zeros((10, grid.size), np.float32) for _ in range(3))
    caps = dict.fromkeys(names, uptake_cap)
    return Fields(config, grid, Machine("cpu", 1), concentration, source, uptake, caps)


def solution_seconds(uptake_cap: float, minutes: int, at_mark: Callable[[int, Any], None] | None = None) -> list[float]:
    """Return the seconds that each minute takes from an empty field on, budgets included; what the cells do is not timed."""
    fields = solution_fields(uptake_cap)
    seconds = []
    for minute, (sources, uptake) in enumerate(wanderers(minutes)):
        for row, source in enumerate(sources):
            fields.grid.inner(fields.source[row])[0, 0] = source * PER_MINUTE
            fields.grid.inner(fields.uptake[row])[0, 0] = uptake * PER_MINUTE
        seconds.append(timed(lambda: fields.diffuse(1 / PER_MINUTE)))
        if at_mark is not None:
            at_mark(minute, fields)
    return seconds


def runge_kutta_minute(u, source, uptake, diffusivity: float, decay: float):
    """Advance by a minute in float64 with the classical Runge-Kutta scheme, at 1.5 over the fastest rate: good to 1e-5."""
    import numpy as np

    exchange = diffusivity / VOXEL**2
    loss = decay + uptake.astype(float)

    def change(u):
        rate = source - loss * u
        for axis in (0, 1):
            flow = exchange * np.diff(u, axis=axis)
            near, far = np.moveaxis(rate, axis, 0)[:-1], np.moveaxis(rate, axis, 0)[1:]
            near += np.moveaxis(flow, axis, 0)
            far -= np.moveaxis(flow, axis, 0)
        return rate

    steps = int(np.ceil((8 * exchange + loss.max()) / 1.5))
    h = 1 / steps
    for _ in range(steps):
        a = change(u)
        b = change(u + h / 2 * a)
        c = change(u + h / 2 * b)
        d = change(u + h * c)
        u = u + h / 6 * (a + 2 * b + 2 * c + d)
    return u


def time_to_solution(speed: float) -> list[Figure]:
    """Measure W-TTS-U: ten substances on 256^2, an hour of sources and uptake that move every minute, error at most 1 %."""
    import numpy as np

    cap = PER_MINUTE * max(float(uptake.max()) for _, uptake in wanderers(60))
    exact = [np.zeros((EDGE, EDGE)) for _ in range(10)]
    cells = list(wanderers(REFERENCE_MARKS))
    errors: list[float] = []

    def check(minute: int, fields) -> None:
        sources, uptake = cells[minute]
        for s, (d, k) in enumerate(zip(DIFFUSIVITIES, DECAYS)):
            exact[s] = runge_kutta_minute(exact[s], sources[s], uptake, d, k)
            errors.append(float(np.linalg.norm(fields.frame(f"s{s}") - exact[s]) / np.linalg.norm(exact[s])))

    solution_seconds(cap, REFERENCE_MARKS, check)
    error = max(errors)
    if error > 0.01:
        raise RunFailed(f"W-TTS-U: the largest error is {error:.2%}, more than 1 %: its time means nothing")
    seconds = sum(map(min, zip(*(solution_seconds(cap, 60) for _ in range(5)))))  # each minute's best of five
    evaluations = sum(plan.evaluations for plan in solution_fields(cap).plans.values())
    floor = STAGE_BYTES / speed * EDGE**2 * 60 * evaluations
    return [
        Figure("largest error at a minute mark", error * 100, "%", 1.0),
        Figure("stages a minute, ten substances", evaluations, ""),
        Figure("one simulated hour", seconds, "s", SOLUTION_TARGET, timed=True),
        Figure("one simulated hour over 20 bytes a stage", seconds / floor, "x"),
    ]


def lesion_step(speed: float) -> list[Figure]:
    """Measure W-STEP: what a step of the lesion costs per cell."""
    from experiments.bench_lesion import step_cost

    return step_cost(speed)


WORKLOADS: dict[str, Callable[[float], list[Figure]]] = {
    "W-DIFF": diffusion_stage,
    "W-TTS-U": time_to_solution,
    "W-STEP": lesion_step,
}
