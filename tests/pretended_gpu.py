"""A GPU that is none: arrays that refuse to meet those of the host, and launches that are laid out as for the driver.

What is laid out is then computed by the loop of the CPU: this shows what a launch is given, not what a GPU makes of it.
"""

from types import SimpleNamespace

import numpy as np

from kernels import gpu, launch
from kernels.device import Machine
from kernels.gpu import Bound, Launcher, Size, laid_out
from kernels.launch import SPANS, Kernel
from tests.strict_arrays import DeviceArray, DeviceModule


class _Launcher(Launcher):
    """The launches of one kernel."""

    def __init__(self, kernel: Kernel):
        super().__init__(None, None)
        self.kernel = kernel

    def bind(self, arguments) -> Bound:
        return Bound(self.kernel, laid_out(arguments), list(arguments))


def _computed(stream, bound: Bound, blocks: Size, threads: Size) -> None:
    """Compute what was launched."""
    given = [each.view(np.ndarray) if isinstance(each, DeviceArray) else each for each in bound.arguments]
    loop, shape = bound.kernel.loop("alone"), bound.kernel.shape
    if shape == "relay":
        head, (each, rows), n_columns = given[:6], given[6:8], bound.kernel.n_columns
        planes, sweep = bound.numbers[0], bound.numbers[len(laid_out(given[:8]))]
        size = each // head[4][1] * head[5]
        for number in range(planes // each):
            arrays = bound.kernel._of_grid(number, given[9:], rows, size)
            arrays[2 : 2 + n_columns] = [table[sweep : sweep + 1] for table in arrays[2 : 2 + n_columns]]
            loop(each * head[1], *head[1:], 1, *arrays)
    elif shape in SPANS:
        loop(0, 1, *([0] if shape == "rows" else []), *given[1:])
    elif shape == "grid":
        loop(0, given[0] * given[1], *given[1:])
    else:
        loop(0, *given)


def _recorded(launches) -> SimpleNamespace:
    return SimpleNamespace(launch=lambda stream: [_computed(stream, *each) for each in launches])


def pretended_gpu(monkeypatch) -> Machine:
    """Return such a machine, for as long as ``monkeypatch`` holds."""
    launchers: dict[str, _Launcher] = {}
    monkeypatch.setattr(Kernel, "_launcher", lambda kernel: launchers.setdefault(kernel.name, _Launcher(kernel)))
    monkeypatch.setattr(launch, "default_stream", lambda: None)
    monkeypatch.setattr(gpu, "_launch", _computed)
    monkeypatch.setattr(gpu, "recorded", _recorded)
    return Machine("cuda", 1, xp=DeviceModule())
