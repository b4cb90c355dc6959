"""Arrays that behave as those of a GPU do: they never meet host arrays but by ``put`` and ``get``.

A stand-in for CuPy where there is no GPU: same calls, the memory of the host, and an error where CuPy would raise one
(but numpy lets nobody refuse ``np.asarray`` of a subclass).
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

MOVES = "an array of the host meets one of the device: machine.put or machine.get is missing"


_waits: Counter | None = None  # what a GPU is waited for, where somebody counts


@contextmanager
def waits() -> Iterator[Counter]:
    """Count what the host waits for meanwhile: copies to it (get), truths (bool), elements found or picked by truths (pick)."""
    global _waits
    _waits = counted = Counter()
    try:
        yield counted
    finally:
        _waits = None


def _wait(what: str) -> None:
    if _waits is not None:
        _waits[what] += 1


def _picks(key: Any) -> bool:
    """Whether a key is of truths: CuPy counts them on the host."""
    return any(getattr(each, "dtype", None) == np.bool_ for each in (key if isinstance(key, tuple) else (key,)))


class DeviceArray(np.ndarray):
    """An array that numpy functions, host arrays and implicit copies may not touch."""

    @property
    def data(self) -> Any:  # type: ignore[override]
        """Where it lies: what launches ask for."""
        return SimpleNamespace(ptr=self.ctypes.data)

    def get(self) -> np.ndarray:
        """Return a copy on the host."""
        _wait("get")
        return np.array(self.view(np.ndarray))

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        result = getattr(ufunc, method)(*_inside(inputs), out=_inside(out) or None, **options)
        return out[0] if out else _outside(result)

    def __array_function__(self, function, types, arguments, options):
        raise TypeError(
            f"numpy.{function.__name__} of an array of the device: use machine.xp, or machine.get before it"
        )

    def __bool__(self) -> bool:
        _wait("bool")
        return bool(self.view(np.ndarray))

    def __getitem__(self, key):
        if _picks(key):
            _wait("pick")
        return _outside(self.view(np.ndarray)[_inside(key)])

    def __setitem__(self, key, value):
        if _picks(key):
            _wait("pick")
        self.view(np.ndarray)[_inside(key)] = _inside(value)

    def __array_wrap__(self, array, *context):
        return _outside(array)

    def __iter__(self):
        return (self[i] for i in range(len(self)))


def _inside(value: Any) -> Any:
    """What lies in the memory of the device, as numpy computes with it."""
    if isinstance(value, DeviceArray):
        return value.view(np.ndarray)
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError(MOVES)
    return tuple(_inside(part) for part in value) if isinstance(value, tuple) else value


def _outside(value: Any) -> Any:
    return value.view(DeviceArray) if isinstance(value, np.ndarray) else value


class DeviceModule:
    """The functions of numpy that CuPy has by the same names, on ``DeviceArray`` alone."""

    def __getattr__(self, name: str):
        function = getattr(np, name)

        def call(*arguments, **options):
            if name == "flatnonzero":
                _wait("pick")
            given = {key: _inside(value) for key, value in options.items()}
            result = function(*(_inside(_listed(each)) for each in arguments), **given)
            return options["out"] if options.get("out") is not None else _outside(result)

        return call

    @staticmethod
    def asarray(array, order: str = "K") -> DeviceArray:
        """Copy an array of the host to the device: with ``array``, the only way there."""
        return np.array(array if not isinstance(array, DeviceArray) else array.get(), order=order).view(DeviceArray)


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
