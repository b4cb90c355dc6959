"""An array as CuPy has it, as far as launches look at it."""

from types import SimpleNamespace

import numpy as np


class GpuArray:
    """An array that pretends to be on a GPU."""

    def __init__(self, array: np.ndarray):
        self.ndim, self.dtype, self.size, self.itemsize = array.ndim, array.dtype, array.size, array.itemsize
        self.shape, self.strides = array.shape, array.strides
        self.data = SimpleNamespace(ptr=array.ctypes.data)
