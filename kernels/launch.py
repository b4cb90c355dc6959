"""One scalar body becomes a compiled CPU loop, a CUDA kernel and a plain Python loop; the only file that knows the targets.

The loop of a kernel is written out as a small module of its own: the constants, the device functions and the body that
it reaches, and the loop around them. Its file is named by the hash of that text, so numba's cache of it is never stale.
"""

import ast
import functools
import hashlib
import importlib.util
import inspect
import os
import sys
import textwrap
import threading
import types
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

REGISTRY: dict[str, "Kernel"] = {}
THREADS_PER_BLOCK = 128
BLOCK = 512  # items that a table of rows works on at a time: their rows stay in the second-level cache
FEWEST_PER_THREAD = 8192  # below this a hand-over to another thread costs more than it saves

# Without _nrt=False numba counts references to every array for every item, with atomics: ten times slower.
CPU_OPTIONS = 'error_model="numpy", _nrt=False'

HEADER = """\
import math
import numpy as np
U = np.uint64
"""

# Called with a kernel's name when it is compiled for the first time on this machine.
on_compile: Callable[[str], None] | None = None


class Device:
    """A function that kernels call by its name; each target gets a version of its own."""

    def __init__(self, function):
        self.function = function
        functools.update_wrapper(self, function)

    def __call__(self, *arguments):
        return self.function(*arguments)


device = Device


@device
def atomic_add(array, index, value):
    """Add to an integer array element and return what stood there before."""
    before = array[index]
    array[index] = before + value
    return before


@device
def atomic_max(array, index, value):
    """Raise an integer array element to at least ``value`` and return what stood there before."""
    before = array[index]
    array[index] = max(before, value)
    return before


ATOMICS = {"atomic_add": "add", "atomic_max": "max"}


def cache_folder() -> Path:
    """Return the folder of compiled kernels: ``REMYELIN_CACHE``, or ``remyelin`` in the user's cache folder."""
    chosen = os.environ.get("REMYELIN_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "remyelin"


# --- the text of a kernel's module ------------------------------------------------------------------------------------


def _reached(function) -> dict[str, object]:
    """Names that a function's code uses from its module or closure, with their values."""
    code = function.__code__
    cells = dict(zip(code.co_freevars, (c.cell_contents for c in function.__closure__ or ())))
    scope = {**function.__globals__, **cells}
    return {name: scope[name] for name in (*code.co_names, *code.co_freevars) if name in scope}


def _plain_source(function) -> tuple[str, list[str]]:
    """The function's source without decorators and docstring, and the names of its parameters."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    if ast.get_docstring(definition) is not None:
        definition.body = definition.body[1:] or [ast.Pass()]
    return ast.unparse(definition), [argument.arg for argument in definition.args.args]


def _collect(function, constants: dict[str, str], functions: dict[str, tuple], atomics: set[str]) -> None:
    for name, value in sorted(_reached(function).items()):
        if name in ATOMICS and isinstance(value, Device):
            atomics.add(name)
        elif isinstance(value, Device):
            if name not in functions:
                _collect(value.function, constants, functions, atomics)
                source = _plain_source(value.function)[0]
                functions[name] = value, source.replace(f"def {value.function.__name__}(", f"def {name}(", 1)
            if functions[name][0] is not value:
                raise TypeError(f"two functions that kernels call have the name {name}; rename one")
        elif isinstance(value, type) and issubclass(value, np.generic):
            constants[name] = f"np.{value.__name__}"
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            raise TypeError(f"kernel constant {name} = {value!r} must be a np.float32 or a NumPy integer")
        elif isinstance(value, np.generic) and constants.setdefault(name, repr(value)) != repr(value):
            raise TypeError(f"two kernel constants are called {name}: {constants[name]} and {value!r}; rename one")


def _write(bodies, target: str, loop: str) -> str:
    """Write the module of one kernel for one target: its loop calls its bodies ``body``, ``body1``, ``body2``..."""
    constants: dict[str, str] = {}
    functions: dict[str, tuple] = {}
    atomics: set[str] = set()
    for function in bodies:
        _collect(function, constants, functions, atomics)
    marks = {"cpu": f"@njit(forceinline=True, {CPU_OPTIONS})\n", "cuda": "@cuda.jit(device=True)\n", "python": ""}
    mark = marks[target]
    parts = [HEADER]
    if target == "cpu":
        parts.append("from numba import njit\n")
        if atomics:
            parts.append(f"from kernels.atomics import {', '.join(sorted(atomics))}\n")
    if target == "cuda":
        parts.append("from numba import cuda\n")
        for name in sorted(atomics):
            parts.append(f"{mark}def {name}(array, index, value):\n")
            parts.append(f"    return cuda.atomic.{ATOMICS[name]}(array, index, value)\n")
    if target == "python":
        for name in sorted(atomics):
            parts.append(f"from kernels.launch import {name}\n")
    parts += [f"{name} = {value}\n" for name, value in sorted(constants.items()) if name != "U"]
    parts += [f"{mark}{source}\n" for _, source in functions.values()]
    for number, function in enumerate(bodies):
        body = _plain_source(function)[0].replace(f"def {function.__name__}(", f"def {_body(number)}(", 1)
        parts.append(f"{mark}{body}\n")
    return "".join([*parts, loop])


def _body(number: int) -> str:
    return f"body{number}" if number else "body"


# --- the loops ----------------------------------------------------------------------------------------------------------
# Their own variables begin with an underscore: the names of a body's arguments cannot meet them.

_CPU_LOOP = f"@njit(nogil=True, cache=True, {CPU_OPTIONS})\n"
_CUDA_INDEX = "    _i = U(cuda.grid(1))\n    _step = U(cuda.gridsize(1))\n"

# The first inner voxel of a line along x; ``_layers`` holds the distance, number and first index of the layers in z.
_LINE_START = (
    "(_plane // U(_layers[1])) * U(_whole) + (_plane % U(_layers[1]) + U(_layers[2])) * U(_layers[0])"
    " + (_line % U(_ny) + U(1)) * U(_sy) + U(1)"
)


def _flat_loop(target: str, names: list[str], n_columns: int) -> str:
    arguments = "".join(f", {name}" for name in names[1:])
    if target == "cuda":
        return (
            f"@cuda.jit\ndef loop(_n{arguments}):\n{_CUDA_INDEX}"
            f"    while _i < U(_n):\n        body(_i{arguments})\n        _i += _step\n"
        )
    mark, index = (_CPU_LOOP, "U(_j)") if target == "cpu" else ("", "_j")
    return (
        f"{mark}def loop(_start, _stop{arguments}):\n"
        f"    for _j in range(_start, _stop):\n        body({index}{arguments})\n"
    )


def _grid_loop(target: str, names: list[str], n_columns: int) -> str:
    arguments = "".join(f", {name}" for name in names[3:])
    if target == "cuda":
        return (
            f"@cuda.jit\ndef loop(_lines, _ny, _nx, _sy, _layers, _whole{arguments}):\n{_CUDA_INDEX}"
            "    while _i < U(_lines) * U(_nx):\n        _line = _i // U(_nx)\n        _plane = _line // U(_ny)\n"
            f"        _v = {_LINE_START} + (_i - _line * U(_nx))\n"
            f"        body(_v, U(_sy), U(_layers[0]){arguments})\n        _i += _step\n"
        )
    mark = _CPU_LOOP if target == "cpu" else ""
    return (
        f"{mark}def loop(_start, _stop, _ny, _nx, _sy, _layers, _whole{arguments}):\n"
        "    _dy = U(_sy)\n    _dz = U(_layers[0])\n    for _j in range(_start, _stop):\n"
        f"        _line = U(_j)\n        _plane = _line // U(_ny)\n        _first = {_LINE_START}\n"
        f"        for _x in range(U(_nx)):\n            body(_first + U(_x), _dy, _dz{arguments})\n"
    )


def _row_loop(target: str, stages: Sequence["Kernel"]) -> str:
    """Run the rows of each stage in turn; on the CPU for one block of items after the other."""
    heads = "".join(f", _{k}_{name}" for k, stage in enumerate(stages) for name in stage.columns)
    shared = "".join(f", {name}" for name in stages[0].shared)
    pad, text = " " * 12, ""
    for k, stage in enumerate(stages):
        row = "".join(f", {name}" for name in stage.columns)
        text += f"{pad[4:]}for _r in range(len(_{k}_{stage.columns[0]})):\n"
        text += "".join(f"{pad}{name} = _{k}_{name}[_r]\n" for name in stage.columns)
        if target == "cuda":
            text += f"{pad}{_body(k)}(_i{row}{shared})\n"
            continue
        for name in stage.columns[: stage.n_places]:
            text += f"{pad}if {name} < 0:\n{pad}    {name} = _scratch - {name} - _block\n"
        index = "U(_j)" if target == "cpu" else "_j"
        text += f"{pad}for _j in range(_block, _end):\n{pad}    {_body(k)}({index}{row}{shared})\n"
    if target == "cuda":
        return (
            f"@cuda.jit\ndef loop(_n{heads}{shared}):\n{_CUDA_INDEX}    while _i < U(_n):\n{text}        _i += _step\n"
        )
    mark = _CPU_LOOP if target == "cpu" else ""
    return (
        f"{mark}def loop(_start, _stop, _scratch{heads}{shared}):\n"
        f"    for _block in range(_start, _stop, {BLOCK}):\n        _end = min(_block + {BLOCK}, _stop)\n{text}"
    )


def _relay_loop(target: str, names: list[str], n_rows: int) -> str:
    one, other = names[3], names[4]
    tables = names[5 : 5 + n_rows]
    rest = "".join(f", {name}" for name in names[5 + n_rows :])
    heads = "".join(f", _{name}" for name in tables) + rest
    row = "".join(f", {name}" for name in tables) + rest
    if target == "cuda":
        reads = "".join(f"    {name} = _{name}[_r]\n" for name in tables)
        return (
            f"@cuda.jit\ndef loop(_lines, _ny, _nx, _sy, _layers, _whole, _r, {one}, {other}{heads}):\n{_CUDA_INDEX}{reads}"
            "    while _i < U(_lines) * U(_nx):\n        _line = _i // U(_nx)\n        _plane = _line // U(_ny)\n"
            f"        _v = {_LINE_START} + (_i - _line * U(_nx))\n"
            f"        body(_v, U(_sy), U(_layers[0]), {one}, {other}{row})\n        _i += _step\n"
        )
    reads = "".join(f"        {name} = _{name}[_r]\n" for name in tables)
    sweeps = "".join(
        f"        {word}:\n            for _j in range(_start, _stop):\n                _line = U(_j)\n"
        f"                _plane = _line // U(_ny)\n                _first = {_LINE_START}\n"
        f"                for _x in range(U(_nx)):\n                    body(_first + U(_x), _dy, _dz, {a}, {b}{row})\n"
        for word, a, b in (("if _r % 2 == 0", one, other), ("else", other, one))
    )
    mark = _CPU_LOOP if target == "cpu" else ""
    return (
        f"{mark}def loop(_start, _stop, _ny, _nx, _sy, _layers, _whole, _rows, {one}, {other}{heads}):\n"
        f"    _dy = U(_sy)\n    _dz = U(_layers[0])\n    for _r in range(_rows):\n{reads}{sweeps}"
    )


_LOOPS = {"flat": _flat_loop, "grid": _grid_loop, "relay": _relay_loop}


# --- compiling and launching --------------------------------------------------------------------------------------------


def _load(name: str, text: str):
    """Load a generated module from the kernel cache, or from memory where the cache cannot be written."""
    digest = hashlib.sha256((text + sys.version).encode()).hexdigest()[:16]
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
    except OSError:
        module = types.ModuleType(module_name)
        sys.modules[module_name] = module
        exec(compile(text.replace("cache=True, ", ""), f"<{module_name}>", "exec"), module.__dict__)
    return module


_inside = threading.local()
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


# Python numbers get the width that kernels use.
_WIDTHS = {bool: np.int64, int: np.int64, float: np.float32, np.float64: np.float32}
_loading = threading.RLock()


def _plain(arguments) -> list:
    """Give Python numbers among the arguments the width that kernels use: float32 and int64."""
    return [a if (width := _WIDTHS.get(type(a))) is None else width(a) for a in arguments]


class Kernel:
    """A body and its loops, each written and compiled on first use.

    shape   "flat": ``body(i, ...)`` for i in 0..n;  "grid": ``body(v, sy, sz, ...)`` for every inner voxel of a padded grid;
            "rows": ``body(v, <one entry of each column of a table>, ...)`` for every v, row after row of the table
            "relay": ``body(v, sy, sz, a, b, <one entry of each of n_rows tables>, ...)``: a sweep of the grid for every row,
            with a and b exchanged after each; one launch on the CPU, on one thread
    """

    def __init__(self, function, shape="flat", n_columns=0, n_places=0, name=""):
        self.function = function
        self.name = name or function.__name__
        self.shape = shape
        self.names = list(inspect.signature(function).parameters)
        self.columns, self.shared = self.names[1 : 1 + n_columns], self.names[1 + n_columns :]
        self.n_columns, self.n_places = n_columns, n_places
        self.stages: Sequence[Kernel] = (self,)
        self._loops: dict[str, object] = {}
        if self.name in REGISTRY:
            raise ValueError(f"two kernels are called {self.name}")
        REGISTRY[self.name] = self
        functools.update_wrapper(self, function)

    def text(self, target: str) -> str:
        """Return the source of this kernel's module for ``target``: cpu, cuda or python."""
        rows = self.shape == "rows"
        loop = _row_loop(target, self.stages) if rows else _LOOPS[self.shape](target, self.names, self.n_columns)
        return _write([stage.function for stage in self.stages], target, loop)

    def loop(self, target: str):
        """Return the loop of ``target``, written and loaded on first use."""
        if target in self._loops:
            return self._loops[target]
        with _loading:  # threads may ask for one kernel at once
            if target == "cpu":
                self._loops[target] = _load(self.name, self.text("cpu")).loop
            else:
                if target == "cuda":
                    _without_fma()
                scope: dict[str, object] = {}
                exec(compile(self.text(target), f"<{target} {self.name}>", "exec"), scope)
                self._loops[target] = scope["loop"]
            return self._loops[target]

    def __call__(self, machine, n, *arguments, scratch=0):
        """Launch over ``n`` items (flat, rows), or over the voxels of a grid given as ``n``.

        scratch   what the scratch of each thread takes, see ``row_kernel``
        """
        prepared = _plain(arguments)
        if self.shape in ("grid", "relay"):
            count, per_item, box = n.lines, n.nx, [n.ny, n.nx, n.sy, n.layers, n.whole]
        else:
            count, per_item, box = int(n), 1, []
        if count == 0:
            return
        if self.shape == "relay":
            self._sweep(machine, count, per_item, box, prepared)
            return
        prepared = [*box, *prepared]
        if machine.target == "cuda":
            self._launch_cuda(machine, count * per_item, count, prepared)
            return
        loop = self.loop(machine.target)
        parts = min(machine.threads, count * per_item // FEWEST_PER_THREAD, count)
        if machine.target == "python":
            with np.errstate(over="ignore"):  # draws multiply modulo 2^64
                loop(0, count, *self._scratch(0), *prepared)
            return
        if parts < 2 or getattr(_inside, "task", False):
            loop(0, count, *self._scratch(0), *prepared)
            return
        edges = [count * part // parts for part in range(parts + 1)]
        pool = _workers(machine.threads)
        ranges = [(a, b, *self._scratch(part * scratch)) for part, (a, b) in enumerate(zip(edges, edges[1:]))]
        others = [pool.submit(loop, *each, *prepared) for each in ranges[1:]]
        loop(*ranges[0], *prepared)
        for other in others:
            other.result()

    def _scratch(self, begin: int) -> tuple:
        """What a CPU loop is told of the scratch of its thread: where it begins; only tables of rows have any."""
        return (np.int64(begin),) if self.shape == "rows" else ()

    def _sweep(self, machine, lines, per_line, box, prepared):
        """Run a relay: every row is a sweep of the whole grid that needs the one before."""
        rows = len(prepared[2])
        if machine.target != "cuda":
            self.loop(machine.target)(0, lines, *box, np.int64(rows), *prepared)
            return
        a, b, *rest = prepared
        for r in range(rows):
            self._launch_cuda(
                machine, lines * per_line, lines, [*box, np.int64(r), *((a, b) if r % 2 == 0 else (b, a)), *rest]
            )

    def _launch_cuda(self, machine, items, count, prepared):
        threads = min(THREADS_PER_BLOCK, machine.threads_per_block)
        blocks = max(1, min(-(-items // threads), 65535))
        self.loop("cuda")[blocks, threads, machine.stream](count, *prepared)

    def ptx(self, arguments, capability: tuple[int, int]) -> str:
        """Compile for a CUDA architecture without a GPU and return the PTX. ``arguments`` are examples of a launch."""
        import numba
        from numba import cuda
        from numba.cuda import dispatcher

        _without_fma()
        signature = tuple(numba.typeof(argument) for argument in _plain(arguments))
        scope: dict[str, object] = {}
        text = self.text("cuda")
        head, _, tail = text.rpartition("@cuda.jit\n")
        exec(compile(head + tail, f"<cuda {self.name}>", "exec"), scope)
        before = dispatcher.get_current_device  # device functions ask for the current device: name one
        dispatcher.get_current_device = lambda: types.SimpleNamespace(compute_capability=capability)
        try:
            return cuda.compile_ptx(scope["loop"], signature, cc=capability)[0]
        finally:
            dispatcher.get_current_device = before

    def launch_arguments(self, n, arguments) -> list:
        """The arguments of the CUDA loop for a launch: what ``ptx`` takes its types from."""
        prepared = _plain(arguments)
        if self.shape in ("grid", "relay"):
            row = [np.int64(0)] if self.shape == "relay" else []
            return [n.lines, n.ny, n.nx, n.sy, n.layers, n.whole, *row, *prepared]
        return [int(n), *prepared]


def kernel(function):
    """Make a kernel over items: ``body(i, ...)``."""
    return Kernel(function)


def grid_kernel(function):
    """Make a kernel over the inner voxels of a padded grid: ``body(v, sy, sz, ...)``, neighbours at v +- 1, sy, sz.

    The loop gives sy and sz (uint64); a launch passes the Grid in place of n, and the arguments after sz.
    """
    return Kernel(function, "grid")


def relay_kernel(n_rows: int):
    """Make a kernel that sweeps a grid once for every row of a table, reading one array and writing the other in turn.

    The body is ``body(v, sy, sz, a, b, <n_rows entries of the row>, ...)``; it may write ``a`` at v and read all of ``b``.
    """
    return functools.partial(Kernel, shape="relay", n_columns=n_rows)


def may_use_scratch(machine) -> bool:
    """Whether rows can be scratch on a machine: a GPU takes all items at once, not block by block."""
    return machine.target != "cuda"


def row_kernel(n_columns: int, n_places: int = 0):
    """Make a kernel that runs a table of rows over items; the ``n_columns`` arguments after the index come from the table.

    The first ``n_places`` of them are int64 places: item v of a row stands at place + v of a buffer. On a CPU a row that
    nobody needs later may be scratch of BLOCK items, over and over again: its place is given as minus where it stands for
    the first thread, and the body gets one that is right for the block at hand.
    """
    return functools.partial(Kernel, shape="rows", n_columns=n_columns, n_places=n_places)


def row_program(name: str, *stages: Kernel) -> Kernel:
    """Make one kernel of several row kernels that share their last arguments: block by block, one after the other.

    A launch passes the tables of all stages in order, then the arguments they share.
    """
    program = Kernel(stages[0].function, "rows", name=name)
    program.stages = stages
    return program


@functools.cache
def _without_fma() -> None:
    """Switch the contraction of a * b + c off for CUDA: there is no public option, and it would break bit parity."""
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        return
    from numba.cuda.cudadrv import nvvm

    compile_ir = nvvm.compile_ir
    nvvm.compile_ir = lambda ir, **options: compile_ir(ir, **{"fma": False, **options})
