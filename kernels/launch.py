"""One scalar body becomes a compiled CPU loop, a CUDA kernel and a plain Python loop: compiled when first used, launched.

The loop of a kernel is written out as a small module of its own (``kernels/source.py``). Its file is named by the hash of
that text, so numba's cache of it is never stale.
"""

import contextlib
import functools
import hashlib
import importlib.util
import inspect
import os
import re
import sys
import threading
import types
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np

from kernels.device import Machine
from kernels.gpu import Launcher, Series, default_stream, laid_out, open_launcher
from kernels.source import LOOPS, row_loop, write
from kernels.spans import Spans
from kernels.vectors import widen

GRIDS, SPANS = ("grid", "relay"), ("spans", "rows")
REGISTRY: dict[str, "Kernel"] = {}
THREADS_PER_BLOCK, WARP, MOST_BLOCKS = 128, 32, 65535
AT_ONCE = 2**18  # threads: about as many as a large GPU runs at once
_F32, _DOUBLES = np.float32, frozenset((float, np.float64))
FEWEST_PER_THREAD = 2**15  # items: below this a hand-over to another thread costs more than it saves
ROWS_WEIGH = 4  # a table of rows is as much work for an item as so many items of other kernels

# Called with a kernel's name when it is compiled for the first time on this machine.
on_compile: Callable[[str], None] | None = None


def cache_folder() -> Path:
    """Return the folder of compiled kernels: ``REMYELIN_CACHE``, or ``remyelin`` in the user's cache folder."""
    chosen = os.environ.get("REMYELIN_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "remyelin"


@functools.cache
def _atomics() -> str:
    """What generated modules import of this package. It is not imported here: that alone has numba choose its vectors."""
    return Path(__file__).with_name("atomics.py").read_text()


def _load(name: str, text: str):
    """Load a generated module from the kernel cache, or from memory where the cache cannot be written."""
    widen()
    digest = hashlib.sha256((text + _atomics() + sys.version).encode()).hexdigest()[:16]
    module_name = f"remyelin_{name}_{digest}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    path = cache_folder() / f"{module_name}.py"
    try:
        if not path.exists():
            if on_compile is not None:
                on_compile(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_suffix(f".{os.getpid()}")
            aside.write_text(text)
            os.replace(aside, path)
        specification = importlib.util.spec_from_file_location(module_name, path)
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules[module_name] = module  # numba's cache looks the module up by its name
        specification.loader.exec_module(module)
    except (OSError, RuntimeError):  # numba's where it finds no place for its part of the cache
        module = types.ModuleType(module_name)
        sys.modules[module_name] = module
        exec(compile(re.sub("cache=True,? ?", "", text), f"<{module_name}>", "exec"), module.__dict__)
    return module


_inside = threading.local()
_nothing = contextlib.nullcontext()
_pool: ThreadPoolExecutor | None = None
_pool_size = 0


def _workers(threads: int) -> ThreadPoolExecutor:
    """The threads beside the one that asks, which works too: handing over costs tens of microseconds."""
    global _pool, _pool_size
    if _pool is None or _pool_size != threads:
        _pool, _pool_size = ThreadPoolExecutor(threads - 1), threads
    return _pool


def side_by_side(machine, tasks) -> None:
    """Run independent tasks on the machine's threads, in their order; kernels launched inside a task stay on its thread."""
    tasks = list(tasks)
    if machine.threads == 1 or len(tasks) < 2 or getattr(_inside, "task", False):
        for task in tasks:
            task()
        return
    left = iter(tasks)

    def work():
        _inside.task = True
        try:
            for task in left:
                task()
        finally:
            _inside.task = False

    others = [_workers(machine.threads).submit(work) for _ in range(min(machine.threads, len(tasks)) - 1)]
    try:
        work()
    finally:
        for other in others:
            other.result()


_loading = threading.RLock()


def _plain(arguments: Sequence) -> Sequence:
    """Give Python's floats among the arguments the width that kernels use; its integers are 64 bits wide as they are."""
    if _DOUBLES.isdisjoint(map(type, arguments)):  # mostly, and most launches are small
        return arguments
    return [_F32(a) if isinstance(a, float) else a for a in arguments]


class Kernel:
    """A body and its loops, each written and compiled on first use.

    shape   "flat": ``body(i, ...)`` for i in 0..n;  "grid": ``body(v, sy, sz, ...)`` for every inner voxel of a padded grid;
            "spans": ``body(i, <one entry of each column>, ...)`` for every row i of some spans: the entry of its span
            "rows": ``body(v, <one entry of each column of a table>, ...)`` for every v, row after row of the table of its span
            "relay": ``body(v, sy, sz, a, b, <one entry of each of n_rows tables>, ...)``: a sweep of the grid for every row,
            with a and b exchanged after each; one launch on the CPU, on one thread
    """

    def __init__(self, function, shape="flat", n_columns=0, n_numbers=0, n_places=0, name=""):
        self.function = function
        self.name = name or function.__name__
        self.shape = shape
        self.names = list(inspect.signature(function).parameters)
        self.columns, self.shared = self.names[1 : 1 + n_columns], self.names[1 + n_columns :]
        n_whole = n_columns - n_numbers
        self.whole, self.numbers = self.columns[:n_whole], self.columns[n_whole:]
        self.n_columns, self.n_places = n_columns, n_places
        self.stages: Sequence[Kernel] = (self,)
        self._loops: dict[str, object] = {}
        self._on_gpu: Launcher | None = None
        self._on_grid, self._on_spans = shape in GRIDS, shape in SPANS
        self._weight = ROWS_WEIGH if shape == "rows" else 1
        self._head = (0,) if shape == "rows" else ()  # where the scratch of a thread begins
        if self.name in REGISTRY:
            raise ValueError(f"two kernels are called {self.name}")
        REGISTRY[self.name] = self
        functools.update_wrapper(self, function)

    def text(self, target: str) -> str:
        """Return the source of this kernel's module for ``target``: cpu, alone (one thread of a CPU), cuda or python."""
        rows, alone = self.shape == "rows", target == "alone"
        target = "cpu" if alone else target
        loop = row_loop(target, self.stages) if rows else LOOPS[self.shape](target, self.names, self.n_columns)
        return write([stage.function for stage in self.stages], target, loop, alone)

    def loop(self, target: str):
        """Return the loop of ``target``, written and loaded on first use."""
        if target in self._loops:
            return self._loops[target]
        with _loading:  # threads may ask for one kernel at once
            if target in ("cpu", "alone"):
                self._loops[target] = _load(self.name, self.text(target)).loop
            elif target == "cuda" and not _simulated():
                self._loops[target] = self._loop_of_gpu()
            else:
                scope: dict[str, object] = {}
                exec(compile(self.text(target), f"<{target} {self.name}>", "exec"), scope)
                self._loops[target] = scope["loop"]
            return self._loops[target]

    def _loop_of_gpu(self):
        """Load the loop of a GPU such that no a * b + c is contracted: neither by the compiler, nor by a linker that compiles."""
        _without_fma()
        loop = _load(self.name, f"{self.text('cuda')}# not linked late; numba-cuda {version('numba-cuda')}\n").loop
        loop.targetoptions["lto"] = False  # the late linker contracts, and cannot be told not to
        return loop

    def __call__(self, machine, n, *arguments, scratch=0, sweeps=None):
        """Launch over ``n`` items (flat), over the rows of Spans, or over the voxels of a Grid, given as ``n``.

        scratch   what the scratch of each thread takes, see ``row_kernel``
        sweeps    of a relay over several grids, whose arrays and tables lie one after the other: of each, most first

        A kernel over spans takes a number too: one span of so many rows.
        """
        given = _plain(arguments)
        if self._on_grid:
            if n.lines == 0:
                return
            box = (n.ny, n.nx, n.sy, n.layers, n.whole)
            if self.shape == "relay":
                self._sweep(machine, n, box, given, [len(given[2])] if sweeps is None else sweeps)
            elif machine.target == "cuda":
                self._launch_cuda(machine, _over_planes(machine, n, n.planes), [n.planes, *box, *given])
            else:
                self._run(machine, n.lines, n.nx, [*box, *given])
            return
        if self._on_spans:
            spans = n if isinstance(n, Spans) else Spans(machine, [(0, n)])
            n, given = spans.n, (spans.table, *given)
        if n and n * self._weight < 2 * FEWEST_PER_THREAD and machine.target == "cpu":  # most launches: no more ado
            stop = 1 if self._on_spans else n
            (self._loops.get("alone") or self.loop("alone"))(0, stop, *self._head, *given)
        elif n:
            self._run(machine, n, 1, given, scratch)

    def _run(self, machine, count, per_item, given, scratch=0) -> None:
        """Run ``count`` items, or lines of ``per_item`` voxels, on the machine's threads."""
        if machine.target == "cuda":
            self._launch_cuda(machine, _over_items(machine, count), [count, *given])
            return
        parts = min(machine.threads, count * per_item * self._weight // FEWEST_PER_THREAD, count)
        inside = getattr(_inside, "task", False)  # tasks side by side write to arrays of their own
        alone = parts < 2 or inside or machine.target == "python"
        target = "alone" if alone and machine.target == "cpu" else machine.target
        loop = self._loops.get(target) or self.loop(target)
        if alone:
            with np.errstate(over="ignore") if target == "python" else _nothing:  # draws multiply modulo 2^64
                loop(0, 1 if self._on_spans else count, *self._head, *given)
            return
        edges = [count * part // parts for part in range(parts + 1)]
        of_items, of_spans = zip(edges, edges[1:]), ((part, parts) for part in range(parts))
        heads = [tuple(part * scratch for _ in self._head) for part in range(parts)]
        own, *theirs = [(*share, *head) for share, head in zip(of_spans if self._on_spans else of_items, heads)]
        others = [_workers(machine.threads).submit(loop, *share, *given) for share in theirs]
        loop(*own, *given)
        for other in others:
            other.result()

    def _sweep(self, machine, grid, box, given, sweeps):
        """Run a relay: every row is a sweep of a whole grid that needs the one before."""
        rows = len(given[2]) // len(sweeps)
        if machine.target != "cuda":
            loop = self.loop("alone" if machine.target == "cpu" else machine.target)
            for number, count in enumerate(sweeps):
                own = given if len(sweeps) == 1 else self._of_grid(number, given, rows, grid.size)
                loop(grid.lines, *box, count, *own)
            return
        a, b, *rest = given
        head = [grid.planes, *box, grid.planes, rows]
        both = [[*head, 0, *pair, *rest] for pair in ((a, b), (b, a))]
        active = [sum(count > r for count in sweeps) * grid.planes for r in range(max(sweeps))]  # planes of each sweep
        if not machine.direct:
            for r, planes in enumerate(active):
                both[r % 2][0], both[r % 2][len(head)] = planes, r
                self.loop("cuda")[_over_planes(machine, grid, planes)](*both[r % 2])
            return
        launcher, place = self._launcher(), len(laid_out(head))
        bound = [launcher.bind(arguments) for arguments in both]  # once for all sweeps
        for r, planes in enumerate(active):
            bound[r % 2].numbers[0], bound[r % 2].numbers[place] = planes, r
            launcher.run(bound[r % 2], *_over_planes(machine, grid, planes))

    def _of_grid(self, number, given, rows, size) -> list:
        """What a relay is given for one of several grids."""
        ends = 2 + self.n_columns
        lengths = [size, size, *[rows] * self.n_columns, *[size] * (len(given) - ends)]
        return [each[number * length : (number + 1) * length] for each, length in zip(given, lengths)]

    def _launch_cuda(self, machine, size, prepared):
        if not machine.direct:
            self.loop("cuda")[size](*prepared)
        else:
            launcher = self._launcher()
            launcher.run(launcher.bind(prepared), *size)

    def _launcher(self) -> Launcher:
        if self._on_gpu is None:
            self._on_gpu = open_launcher(self.loop("cuda"))
        return self._on_gpu

    def pack(self, machine, tables: Sequence[Sequence]) -> tuple:
        """Pack the tables of a row kernel, one for each span, for a machine: what a launch takes before the shared arguments.

        tables   of each span: the columns of all stages in turn as their bodies name them, one entry per row
        Returns int64[spans, 2 + stages]: where the whole numbers of a table and its others begin, and the rows of each stage;
        then the whole numbers (int64) and others (float32) of row after row.
        """
        heads, whole, numbers, ends = [], [np.zeros(0, np.int64)], [np.zeros(0, np.float32)], [0, 0]
        for columns in tables:
            left = iter(columns)
            heads.append([*ends])
            for stage in self.stages:
                parts = [[np.asarray(next(left)) for _ in names] for names in (stage.whole, stage.numbers)]
                heads[-1].append(len(parts[0][0]))
                for kind, (packed, part) in enumerate(zip((whole, numbers), parts)):
                    packed += [np.transpose(part).reshape(-1).astype(packed[0].dtype)] if part else []
                    ends[kind] += len(part) * len(parts[0][0])
        packed = (
            np.array(heads, np.int64).reshape(-1, 2 + len(self.stages)),
            np.concatenate(whole),
            np.concatenate(numbers),
        )
        return tuple(machine.put(each) for each in packed)

    def launch_arguments(self, n, arguments) -> list:
        """The arguments of the CUDA loop for a launch: examples of their types."""
        prepared = _plain(arguments)
        if self.shape in GRIDS:
            row = [n.planes, len(prepared[2]), 0] if self.shape == "relay" else []
            return [n.planes, n.ny, n.nx, n.sy, n.layers, n.whole, *row, *prepared]
        if self._on_spans:
            spans = n if isinstance(n, Spans) else Spans(Machine(), [(0, n)])
            return [spans.n, spans.table, *prepared]
        return [int(n), *prepared]


def _over_items(machine, items: int) -> tuple[int, int]:
    """Return how many blocks of how many threads are launched over so many items."""
    threads = min(THREADS_PER_BLOCK, machine.threads_per_block)
    return max(1, min(-(-items // threads), MOST_BLOCKS)), threads


def _over_planes(machine, grid, planes: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Return the blocks and threads of a launch over planes of a grid, along x, y and the planes.

    A thread takes several lines where there are more than threads that run at once: what it does once serves them all.
    """
    threads = min(THREADS_PER_BLOCK, machine.threads_per_block)
    wide = min(threads, WARP)
    high = threads // wide
    across, deep = -(-grid.nx // wide), min(planes, MOST_BLOCKS)
    down = max(1, AT_ONCE // (across * deep * threads))
    return (across, min(down, -(-grid.ny // high), MOST_BLOCKS), deep), (wide, high, 1)


def series(machine) -> Callable[[Callable[[], None]], None]:
    """Return what does, again and again, the same work of nothing but launches with the same arguments: a GPU records it."""
    if machine.target == "cuda" and machine.direct:
        return Series(default_stream()).run
    return lambda work: work()


def kernel(function):
    """Make a kernel over items: ``body(i, ...)``."""
    return Kernel(function)


def span_kernel(n_columns: int = 0):
    """Make a kernel over the rows of spans: ``body(i, <n_columns entries>, ...)``, an entry for each span of the columns given."""
    return functools.partial(Kernel, shape="spans", n_columns=n_columns)


def grid_kernel(function):
    """Make a kernel over the inner voxels of a padded grid: ``body(v, sy, sz, ...)``, neighbours at v +- 1, sy, sz.

    The loop gives sy and sz (uint64); a launch passes the Grid in place of n, and the arguments after sz.
    """
    return Kernel(function, "grid")


def relay_kernel(n_rows: int):
    """Make a kernel that sweeps a grid once for every row of a table, reading one array and writing the other in turn.

    The body is ``body(v, sy, sz, a, b, <n_rows entries of the row>, ...)``; it may write ``a`` at v and read all of ``b``.
    The halo of both holds 0, and does so afterwards; one that is to hold something else is written after every sweep.
    """
    return functools.partial(Kernel, shape="relay", n_columns=n_rows)


def may_use_scratch(machine) -> bool:
    """Whether rows can be scratch on a machine: a GPU takes all items at once, not block by block."""
    return machine.target != "cuda"


def row_kernel(n_whole: int, n_numbers: int = 0, n_places: int = 0):
    """Make a kernel that runs a table of rows over the items of each span: the arguments after the index come from the table.

    These are ``n_whole`` whole numbers (int64), then ``n_numbers`` others (float32); ``Kernel.pack`` makes the tables. The first
    ``n_places`` are places: item v of a row stands at place + v of a buffer. On a CPU a row that nobody needs later may be
    scratch of BLOCK items, over and over again: its place is given as minus where it stands for the first thread, and the body
    gets one that is right for the block at hand.
    """
    return functools.partial(
        Kernel, shape="rows", n_columns=n_whole + n_numbers, n_numbers=n_numbers, n_places=n_places
    )


def row_program(name: str, *stages: Kernel) -> Kernel:
    """Make one kernel of several row kernels: block by block, one after the other.

    A launch passes the table of all stages, then the arguments that they share: those of the first, of which the others may do
    without some.
    """
    program = Kernel(stages[0].function, "rows", name=name)
    program.stages = stages
    return program


def _simulated() -> bool:
    """Whether numba's simulator stands for CUDA in this process."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"


@functools.cache
def _without_fma() -> None:
    """Switch the contraction of a * b + c off for CUDA: there is no public option, and it would break bit parity."""
    from numba.cuda.cudadrv import nvvm

    compile_ir = nvvm.compile_ir
    nvvm.compile_ir = lambda ir, **options: compile_ir(ir, **{"fma": False, **options})
