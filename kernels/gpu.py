"""Launches on a GPU: what numba compiled, given to the driver with its arguments laid out as the kernel expects them.

numba looks anew at every array of CuPy that it is given, for tens of microseconds each, at every launch. Here the types of
the arguments are looked up by a key, and an array becomes the numbers that stand for it in a kernel. A series of launches
that comes again is recorded as a graph of the driver: then it costs the host one launch.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

WHOLE = (int, np.int64, np.uint64)
Size = int | tuple[int, int, int]  # along x, or along each axis


class Bound(NamedTuple):
    """A compiled kernel and the numbers that it is launched with, in the order of its parameters.

    arguments   what the numbers stand for: arrays that must be there for as long as it is launched
    """

    kernel: Any
    numbers: list[Any]
    arguments: Sequence[Any]


_gathered: list[tuple[Bound, Size, Size]] | None = None  # what is launched meanwhile, where a series is to be recorded


class Launcher:
    """The compiled versions of one CUDA loop. loop  a dispatcher of numba;  stream  where launches follow each other"""

    def __init__(self, loop: Any, stream: Any):
        self.loop, self.stream = loop, stream
        self._compiled: dict[tuple, Any] = {}

    def bind(self, arguments: Sequence[Any]) -> Bound:
        """Compile the loop for such arguments, where that was not done yet, and lay them out."""
        key = tuple([(each.dtype, each.ndim) if getattr(each, "ndim", 0) else type(each) for each in arguments])
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = self._compile(arguments)
        return Bound(compiled, laid_out(arguments), arguments)

    def run(self, bound: Bound, blocks: Size, threads: Size) -> None:
        """Launch so many blocks of so many threads, or note it for the series that is gathered."""
        if _gathered is None:
            _launch(self.stream, bound, blocks, threads)
        else:
            _gathered.append((bound._replace(numbers=[*bound.numbers]), blocks, threads))

    def _compile(self, arguments: Sequence[Any]) -> Any:
        from numba import typeof

        signature = tuple(typeof(alike(argument)) for argument in arguments)
        return self.loop.compile(signature)._codelibrary.get_cufunc().kernel


class Series:
    """Launches that come again and again, of the same kernels with the same arguments: from the second time on one graph.

    stream   where they follow each other
    """

    def __init__(self, stream: Any):
        self.stream = stream
        self._launches: list[tuple[Bound, Size, Size]] = []  # of the graph: they keep alive what it works on
        self._graph: Any = None
        self._came, self._records = False, True

    def run(self, work: Callable[[], None]) -> None:
        """Do ``work``, which launches kernels and does nothing else that must happen every time."""
        if self._came and self._graph is None and self._records:
            try:
                self._launches = gathered(work)
                self._graph = recorded(self._launches)
            except Exception:  # of whatever kind: a driver or a device that does not record
                self._records = False
        self._came = True
        if self._graph is None:
            work()
        else:
            self._graph.launch(self.stream)


def gathered(work: Callable[[], None]) -> list[tuple[Bound, Size, Size]]:
    """Return what ``work`` launches, without launching it."""
    global _gathered
    _gathered = found = []
    try:
        work()
    finally:
        _gathered = None
    return found


def recorded(launches: Sequence[tuple[Bound, Size, Size]]) -> Any:
    """Return a graph of launches that follow each other."""
    from cuda.core import Device

    device = Device()
    device.set_current()
    builder = device.create_graph_builder().begin_building()
    for launch in launches:
        _launch(builder, *launch)
    return builder.end_building().complete()


@functools.cache
def _config(blocks: Size, threads: Size) -> Any:
    from cuda.core import LaunchConfig

    return LaunchConfig(grid=blocks, block=threads)


def _launch(where: Any, bound: Bound, blocks: Size, threads: Size) -> None:
    from cuda.core import launch

    launch(where, _config(blocks, threads), bound.kernel, *bound.numbers)


def open_launcher(loop: Any) -> Launcher:
    """Return the launcher of a loop, on the stream that CuPy uses too."""
    return Launcher(loop, default_stream())


@functools.cache
def default_stream() -> Any:
    """The stream that CuPy uses too."""
    from cuda.core import Stream

    return Stream.from_handle(0)


def alike(argument: Any) -> Any:
    """Return what has the type of an argument on the host: an array of the GPU is known by its dtype."""
    return np.empty((0,) * argument.ndim, argument.dtype) if _is_array(argument) else argument


def laid_out(arguments: Sequence[Any]) -> list[Any]:
    """Return the numbers that stand for arguments in a kernel of numba.

    Of an array these are two that the host alone needs, its size, that of an item, where it is, its shape and strides. Raises
    TypeError for what a kernel cannot take, as an array of the host, or one with gaps.
    """
    numbers: list[Any] = []  # an int takes 64 bits there
    for argument in arguments:
        if _is_array(argument):
            shape, strides = argument.shape, argument.strides
            if argument.size and not argument.flags.c_contiguous:
                raise TypeError(f"a kernel on the GPU was given an array with gaps: {strides} bytes apart")
            numbers += (0, 0, argument.size, argument.itemsize, argument.data.ptr, *shape, *strides)
        elif isinstance(argument, WHOLE):
            numbers.append(int(argument))
        elif isinstance(argument, np.float32):
            numbers.append(argument)
        elif isinstance(argument, tuple):
            numbers += laid_out(argument)
        else:
            raise TypeError(f"a kernel on the GPU was given {type(argument).__name__}: {argument!r}")
    return numbers


def _is_array(argument: Any) -> bool:
    return getattr(argument, "ndim", 0) > 0 and hasattr(argument.data, "ptr")
