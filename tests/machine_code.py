"""What a GPU is given of a kernel, compiled without one just as for a launch; and which instructions are in it."""

import struct
import types
import warnings
from collections import Counter

import numba
import pytest
from numba.cuda import codegen, dispatcher

# Of Volta and later: the lowest 12 bits of an instruction of 128. Each takes registers, constants or numbers of its own.
MULTIPLY_ADD = {0x223, 0x423, 0x623, 0x823, 0xA23, 0xC23, 0xE23}
MULTIPLY = {0x220, 0x420, 0x620, 0x820, 0xA20, 0xC20, 0xE20}


def machine_code(kernel, arguments, capability: tuple[int, int], lto: bool | None = None) -> tuple[str, bytes]:
    """Return the PTX of a kernel for such arguments, and what the driver gets of it. lto  linked late, if not as launched"""
    arch = (*capability, "a" if capability >= (9, 0) else "")
    loop, signature = kernel.loop("cuda"), tuple(numba.typeof(argument) for argument in arguments)
    options = loop.targetoptions | ({} if lto is None else {"lto": lto})
    with pytest.MonkeyPatch.context() as device, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"numba\.cuda")
        device.setattr(dispatcher, "get_current_device", lambda: types.SimpleNamespace(compute_capability=capability))
        device.setattr(codegen.CUDACodeLibrary, "_ensure_cc", lambda library, cc: arch)
        library = dispatcher._Kernel(loop.py_func, signature, **options)._codelibrary
        return library.get_asm_str(), library.get_cubin().code


def instructions(elf: bytes) -> Counter:
    """Count the kinds of instructions in the code sections of an ELF file."""
    (table,), (each, count, names) = struct.unpack_from("<Q", elf, 0x28), struct.unpack_from("<HHH", elf, 0x3A)
    sections = [struct.unpack_from("<IIQQQQ", elf, table + each * number) for number in range(count)]
    found: Counter = Counter()
    for name, _, _, _, begin, size in sections:
        if elf[sections[names][4] + name :].startswith(b".text."):
            found.update(struct.unpack_from("<Q", elf, place)[0] & 0xFFF for place in range(begin, begin + size, 16))
    return found
