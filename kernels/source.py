"""The text of a kernel's module: the constants, device functions and bodies that it reaches, and the loop of a target.

Five shapes of loop (flat, spans, grid, rows, relay) for three targets (cpu, cuda, python).
"""

import ast
import functools
import inspect
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

LINE = 16  # numbers of a cache line
# Voxels whose sweeps follow each other closely, since some arrays of them fit in a cache, and voxels that a sweep does at a
# time: for the first cache, where it takes so many sweeps as to pay, and the second.
FIRST_CACHE, SECOND_CACHE = (2**13, 2**11), (2**17, 2**14)
PAYS_FROM = 16  # sweeps
BLOCK = 512  # items that a table of rows works on at a time: their rows stay in the second-level cache

# Without _nrt=False numba counts references to every array for every item, with atomics: ten times slower.
CPU_OPTIONS = 'error_model="numpy", _nrt=False'

HEADER = """\
import math
import numpy as np
U = np.uint64
"""


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


def _reached(function) -> dict[str, object]:
    """Names that a function's code uses from its module or closure, with their values."""
    code = function.__code__
    cells = dict(zip(code.co_freevars, (c.cell_contents for c in function.__closure__ or ())))
    scope = {**function.__globals__, **cells}
    return {name: scope[name] for name in (*code.co_names, *code.co_freevars) if name in scope}


def plain_source(function) -> tuple[str, list[str]]:
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
                source = plain_source(value.function)[0]
                functions[name] = value, source.replace(f"def {value.function.__name__}(", f"def {name}(", 1)
            if functions[name][0] is not value:
                raise TypeError(f"two functions that kernels call have the name {name}; rename one")
        elif isinstance(value, type) and issubclass(value, np.generic):
            constants[name] = f"np.{value.__name__}"
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            raise TypeError(f"kernel constant {name} = {value!r} must be a np.float32 or a NumPy integer")
        elif isinstance(value, np.generic) and constants.setdefault(name, repr(value)) != repr(value):
            raise TypeError(f"two kernel constants are called {name}: {constants[name]} and {value!r}; rename one")


def write(bodies, target: str, loop: str, alone: bool = False) -> str:
    """Write the module of one kernel for one target: its loop calls its bodies ``body``, ``body1``, ``body2``...

    alone   on the CPU, for one thread at a time: atomics are then plain reads and writes, and several times faster
    """
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
            kind = "plain" if alone else "atomic"
            names = (f"{name.replace('atomic', kind)} as {name}" for name in sorted(atomics))
            parts.append(f"from kernels.atomics import {', '.join(names)}\n")
    if target == "cuda":
        parts.append("from numba import cuda\n")
        for name in sorted(atomics):
            parts.append(f"{mark}def {name}(array, index, value):\n")
            parts.append(f"    return cuda.atomic.{ATOMICS[name]}(array, index, value)\n")
    if target == "python":
        for name in sorted(atomics):
            parts.append(f"from kernels.source import {name}\n")
    parts += [f"{name} = {value}\n" for name, value in sorted(constants.items()) if name != "U"]
    parts += [f"{mark}{source}\n" for _, source in functions.values()]
    for number, function in enumerate(bodies):
        body = plain_source(function)[0].replace(f"def {function.__name__}(", f"def {_body(number)}(", 1)
        parts.append(f"{mark}{body}\n")
    return "".join([*parts, loop])


def _body(number: int) -> str:
    return f"body{number}" if number else "body"


# --- the loops ----------------------------------------------------------------------------------------------------------
# Their own variables begin with an underscore: the names of a body's arguments cannot meet them.

_CPU_LOOP = f"@njit(nogil=True, cache=True, {CPU_OPTIONS})\n"
_CUDA_LOOP = "@cuda.jit(cache=True)\n"
_CUDA_INDEX = "    _i = U(cuda.grid(1))\n    _step = U(cuda.gridsize(1))\n"

# The first inner voxel of a line along x; ``_layers`` holds the distance, number and first index of the layers in z.
_LINE_START = (
    "(_plane // U(_layers[1])) * U(_whole) + (_plane % U(_layers[1]) + U(_layers[2])) * U(_layers[0])"
    " + (_line % U(_ny) + U(1)) * U(_sy) + U(1)"
)

# A GPU is laid over the grid: x, y and planes. A quotient costs it as much as a voxel: none is taken for x and y, and those
# for a plane are of 32 bits.
_CUDA_PLANES = """\
    _x, _y = cuda.grid(2)
    _high = U(cuda.gridsize(2)[1])
    _plane = U(cuda.blockIdx.z)
    while _x < _nx and _plane < U(_planes):
        _slab = np.uint32(_plane) // np.uint32(_layers[1])
        _z = np.uint32(_plane) - _slab * np.uint32(_layers[1])
        _first = U(_slab) * U(_whole) + (U(_z) + U(_layers[2])) * U(_layers[0]) + U(_sy) + U(_x + 1)
"""
_CUDA_LINES = """\
        _line = U(_y)
        while _line < U(_ny):
            _v = _first + _line * U(_sy)
"""
_CUDA_NEXT = """\
            _line += _high
        _plane += U(cuda.gridDim.z)
"""


def _flat_loop(target: str, names: list[str], n_columns: int) -> str:
    arguments = "".join(f", {name}" for name in names[1:])
    if target == "cuda":
        return (
            f"{_CUDA_LOOP}def loop(_n{arguments}):\n{_CUDA_INDEX}"
            f"    while _i < U(_n):\n        body(_i{arguments})\n        _i += _step\n"
        )
    mark, index = (_CPU_LOOP, "U(_j)") if target == "cpu" else ("", "_j")
    return (
        f"{mark}def loop(_start, _stop{arguments}):\n"
        f"    for _j in range(_start, _stop):\n        body({index}{arguments})\n"
    )


# On a CPU each thread takes its part of every span: work that differs by span is shared out evenly.
_THEIR_PART = """\
    for _k in range(_spans.shape[1] - 1):
        _n = _spans[0, _k + 1] - _spans[0, _k]
        _low = _spans[1, _k] + _n * _part // _parts
        _high = _spans[1, _k] + _n * (_part + 1) // _parts
"""
_FIND_SPAN = """\
        _k = 0
        while _i >= U(_spans[0, _k + 1]):
            _k += 1
        _j = _i - U(_spans[0, _k]) + U(_spans[1, _k])
"""


def _span_loop(target: str, names: list[str], n_columns: int) -> str:
    columns, rest = names[1 : 1 + n_columns], names[1 + n_columns :]
    heads = "".join(f", {name}" for name in (*(f"_{name}" for name in columns), *rest))
    row = "".join(f", {name}" for name in (*columns, *rest))
    reads = "".join(f"        {name} = _{name}[_k]\n" for name in columns)
    if target == "cuda":
        return (
            f"{_CUDA_LOOP}def loop(_all, _spans{heads}):\n{_CUDA_INDEX}"
            f"    while _i < U(_all):\n{_FIND_SPAN}{reads}        body(_j{row})\n        _i += _step\n"
        )
    mark, index = (_CPU_LOOP, "U(_j)") if target == "cpu" else ("", "_j")
    return (
        f"{mark}def loop(_part, _parts, _spans{heads}):\n{_THEIR_PART}{reads}"
        f"        for _j in range(_low, _high):\n            body({index}{row})\n"
    )


def _grid_loop(target: str, names: list[str], n_columns: int) -> str:
    arguments = "".join(f", {name}" for name in names[3:])
    if target == "cuda":
        return (
            f"{_CUDA_LOOP}def loop(_planes, _ny, _nx, _sy, _layers, _whole{arguments}):\n{_CUDA_PLANES}{_CUDA_LINES}"
            f"            body(_v, U(_sy), U(_layers[0]){arguments})\n{_CUDA_NEXT}"
        )
    mark = _CPU_LOOP if target == "cpu" else ""
    return (
        f"{mark}def loop(_start, _stop, _ny, _nx, _sy, _layers, _whole{arguments}):\n"
        "    _dy = U(_sy)\n    _dz = U(_layers[0])\n    for _j in range(_start, _stop):\n"
        f"        _line = U(_j)\n        _plane = _line // U(_ny)\n        _first = {_LINE_START}\n"
        f"        for _x in range(U(_nx)):\n            body(_first + U(_x), _dy, _dz{arguments})\n"
    )


def row_loop(target: str, stages: Sequence[Any]) -> str:
    """Run the rows of each stage of a span's table in turn; on the CPU for one block of items after the other."""
    shared = "".join(f", {name}" for name in stages[0].shared)
    pad, text = " " * 16, ""
    for k, stage in enumerate(stages):
        row = "".join(f", {name}" for name in (*stage.columns, *stage.shared))
        text += f"{pad[4:]}for _r in range(_tables[_k, {2 + k}]):\n"
        for array, at, names in (("_whole", "_w", stage.whole), ("_numbers", "_f", stage.numbers)):
            text += "".join(f"{pad}{name} = {array}[{at} + {place}]\n" for place, name in enumerate(names))
            text += f"{pad}{at} += {len(names)}\n" if names else ""
        if target == "cuda":
            text += f"{pad}{_body(k)}(_j{row})\n"
            continue
        for name in stage.whole[: stage.n_places]:
            text += f"{pad}if {name} < 0:\n{pad}    {name} = _scratch - {name} - _block\n"
        index = "U(_j)" if target == "cpu" else "_j"
        text += f"{pad}for _j in range(_block, _end):\n{pad}    {_body(k)}({index}{row})\n"
    begin = f"{pad[4:]}_w = _tables[_k, 0]\n{pad[4:]}_f = _tables[_k, 1]\n"
    heads = f"_spans, _tables, _whole, _numbers{shared}"
    if target == "cuda":
        text = textwrap.indent(textwrap.dedent(begin + text), " " * 8)
        return (
            f"{_CUDA_LOOP}def loop(_all, {heads}):\n{_CUDA_INDEX}"
            f"    while _i < U(_all):\n{_FIND_SPAN}{text}        _i += _step\n"
        )
    mark = _CPU_LOOP if target == "cpu" else ""
    return (
        f"{mark}def loop(_part, _parts, _scratch, {heads}):\n{_THEIR_PART}"
        f"        for _block in range(_low, _high, {BLOCK}):\n            _end = min(_block + {BLOCK}, _high)\n{begin}{text}"
    )


def _relay_loop(target: str, names: list[str], n_rows: int) -> str:
    one, other = names[3], names[4]
    tables = names[5 : 5 + n_rows]
    rest = "".join(f", {name}" for name in names[5 + n_rows :])
    heads = "".join(f", _{name}" for name in tables) + rest
    row = "".join(f", {name}" for name in tables) + rest
    if target == "cuda":
        reads = "".join(f"        {name} = _{name}[_row]\n" for name in tables)
        return (
            f"{_CUDA_LOOP}def loop(_planes, _ny, _nx, _sy, _layers, _whole, _each, _rows, _r, {one}, {other}{heads}):\n"
            f"{_CUDA_PLANES}        _row = U(np.uint32(_plane) // np.uint32(_each)) * U(_rows) + U(_r)\n{reads}{_CUDA_LINES}"
            f"            body(_v, U(_sy), U(_layers[0]), {one}, {other}{row})\n{_CUDA_NEXT}"
        )
    pad = " " * 20
    reads = "".join(f"{pad}{name} = _{name}[_r]\n" for name in tables)
    sweeps = "".join(
        f"{pad}{word}:\n{pad}    for _x in range(_low, _high):\n"
        f"{pad}        body(_first + U(_x), _dy, _dz, {a}, {b}{row})\n"
        f"{pad}    _clear_halo({a}, _first, _low, _high, U(_nx), U(_ny), _dy, _dz)\n"
        for word, a, b in (("if _r % 2 == 0", one, other), ("else", other, one))
    )
    loop, helper = (_CPU_LOOP, f"@njit({CPU_OPTIONS})\n") if target == "cpu" else ("", "")
    return (
        f"{helper}{_CLEAR_HALO}"
        f"{loop}def loop(_lines, _ny, _nx, _sy, _layers, _whole, _rows, {one}, {other}{heads}):\n"
        f"{_SWEEPS_TOGETHER}{reads}{sweeps}"
    )


# Sweeps follow each other through the grid, each so far behind the one before that it finds its neighbours done and what it
# writes over no longer needed: a part of the grid that is in the cache takes several of them. Stretches begin at cache lines.
_SWEEPS_TOGETHER = f"""\
    _dy = U(_sy)
    _dz = U(_layers[0])
    _n = (_layers[1] - 1) * _layers[0] + (_ny - 1) * _sy + _nx
    _behind = -(-max(_sy, _layers[0]) // {LINE}) * {LINE}
    _together, _stretch = {FIRST_CACHE[0]} // _behind, {FIRST_CACHE[1]}
    if _together < {PAYS_FROM}:
        _together, _stretch = max({SECOND_CACHE[0]} // _behind, 1), max({SECOND_CACHE[1]}, _behind)
    for _slab in range(_lines // (_ny * _layers[1])):
        _first = U(_slab * _whole + _layers[2] * _layers[0] + _sy + 1)
        for _begin in range(0, _rows, _together):
            _end = min(_begin + _together, _rows)
            for _from in range(0, _n + (_end - _begin - 1) * _behind, _stretch):
                for _r in range(_begin, _end):
                    _back = _from - (_r - _begin) * _behind
                    _low, _high = U(max(_back, 0)), U(max(min(_back + _stretch, _n), 0))
"""

# Voxels from one line to the next are a run, with the halo between the lines: what was written there becomes 0 again.
_CLEAR_HALO = """\
def _clear_halo(_values, _first, _low, _high, _nx, _ny, _dy, _dz):
    for _line in range(_low // _dy, _high // _dy + U(1)):
        _inside = _nx if _dz == U(0) or U(_line) % (_dz // _dy) < _ny else U(0)
        for _x in range(max(U(_line) * _dy + _inside, _low), min(U(_line + 1) * _dy, _high)):
            _values[_first + U(_x)] = 0
"""

LOOPS = {"flat": _flat_loop, "spans": _span_loop, "grid": _grid_loop, "relay": _relay_loop}
