"""Integer atomics for the CPU. Integers only: their sums and maxima do not depend on the order of threads."""

from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

from kernels import source


def _read_modify_write(operation):
    @intrinsic
    def atomic(typing_context, array, index, value):
        signature = array.dtype(array, types.uintp, array.dtype)

        def codegen(context, builder, signature, arguments):
            array_type = signature.args[0]
            struct = context.make_array(array_type)(context, builder, arguments[0])
            pointer = cgutils.get_item_pointer(context, builder, array_type, struct, [arguments[1]], wraparound=False)
            return builder.atomic_rmw(operation, pointer, arguments[2], "monotonic")

        return signature, codegen

    return atomic


_add = _read_modify_write("add")
_max = _read_modify_write("max")


@njit(forceinline=True, _nrt=False)
def atomic_add(array, index, value):
    """Add ``value`` to ``array[index]`` (int32 or int64) and return what stood there before."""
    return _add(array, index, value)


@njit(forceinline=True, _nrt=False)
def atomic_max(array, index, value):
    """Raise ``array[index]`` (int32 or int64) to at least ``value`` and return what stood there before."""
    return _max(array, index, value)


# Where one thread works alone these do the same, several times faster.
plain_add = njit(source.atomic_add.function, forceinline=True, _nrt=False)
plain_max = njit(source.atomic_max.function, forceinline=True, _nrt=False)
