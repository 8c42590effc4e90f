"""NumPy arrays and numbers: which ones fit a code, their slots, and those made of results.

In: codes, arrays, numbers, slots. Out: slots, arrays, numbers. The code of a number is `[<kind><itemsize>]`, that of an
array in a result `[<kind><itemsize>,<rank>,<C|S>]`, of one in the arguments `[<kind><itemsize>,<rank>,<C|S>,<r|w>]`;
C: C-contiguous, S: any other layout, w: the function writes into it. A number has one slot. Those of an array: its
address, the extents, and with S the strides, counted in elements.

`csrc/arrays.h` and `csrc/results.h` are the same in C; here every result is copied that lies in no argument's memory.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy

    Array: TypeAlias = numpy.ndarray[Any, Any]

LARGEST_RANK = 32
_CODE = re.compile(r"\[(b1|[iu][1248]|f[48])(?:,(\d+),([CS])(?:,([rw]))?)?\]")
_SIGNED = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class NumberCode:
    """A NumPy number of that kind and size."""

    dtype: str
    slots = 1


@dataclass(frozen=True, slots=True)
class ArrayCode:
    """What the code of an array says. `is_written` is False of results."""

    dtype: str
    rank: int
    is_strided: bool = False
    is_written: bool = False

    @property
    def itemsize(self) -> int:
        return int(self.dtype[1:])

    @property
    def slots(self) -> int:
        return 1 + self.rank * (2 if self.is_strided else 1)


def scan_numpy(codes: str, start: int, *, is_argument: bool) -> tuple[ArrayCode | NumberCode, int] | None:
    """The code that begins there and where it ends; None where it is malformed."""
    found = _CODE.match(codes, start)
    if found is None:
        return None
    if found[2] is None:
        return NumberCode(found[1]), found.end()
    if (found[4] is not None) != is_argument or int(found[2]) > LARGEST_RANK:
        return None
    return ArrayCode(found[1], int(found[2]), found[3] == "S", found[4] == "w"), found.end()


def is_array(value: object) -> bool:
    """Whether it is a NumPy array, of no subclass. Imports nothing: where NumPy is not loaded there are none."""
    loaded = sys.modules.get("numpy")
    return loaded is not None and type(value) is getattr(loaded, "ndarray", None)


def slot_of_number(code: NumberCode, value: Any) -> int | float | None:
    """What goes into the slot of a number; None where it is not of NumPy's type that the code says."""
    import numpy

    if type(value) is not numpy.dtype(code.dtype).type:
        return None
    number: int | float = value.item()
    return number - (1 << 64) if number > _SIGNED and code.dtype == "u8" else number


def slots_of_array(code: ArrayCode, array: Any) -> list[int] | None:
    """The slots of an array; None where it is not exactly what the code says."""
    dtype, flags = array.dtype, array.flags
    if (
        array.ndim != code.rank
        or f"{dtype.kind}{dtype.itemsize}" != code.dtype
        or not (dtype.isnative and flags.aligned)
        or code.is_strided == flags.c_contiguous
        or (code.is_written and not flags.writeable)
    ):
        return None
    strides = _strides(code, array)
    return None if strides is None else [array.ctypes.data, *array.shape, *strides]


def _strides(code: ArrayCode, array: Any) -> list[int] | None:
    if not code.is_strided:
        return []
    # Where there is at most one element, NumPy lets the stride be anything.
    strides = [stride if extent > 1 else 0 for extent, stride in zip(array.shape, array.strides, strict=True)]
    if any(stride % code.itemsize for stride in strides):
        return None
    return [stride // code.itemsize for stride in strides]


def bounds_overlap(left: Any, right: Any) -> bool:
    """Whether two arrays, each from its first byte to its last, have memory in common."""
    import numpy

    return numpy.may_share_memory(left, right)


def number_of_result(code: NumberCode, slot: Any) -> object:
    """The NumPy number in a slot."""
    import numpy

    type_ = numpy.dtype(code.dtype).type
    return type_(slot.f) if code.dtype[0] == "f" else type_(slot.i % (1 << 64) if code.dtype == "u8" else slot.i)


def array_of_result(code: ArrayCode, slots: Iterator[Any], arguments: Sequence[Any]) -> Array:
    """The array that the slots tell of: a view of the argument whose memory it lies in, or a new one."""
    import numpy

    address = next(slots).p
    shape = [next(slots).i for _ in range(code.rank)]
    strides = [next(slots).i * code.itemsize for _ in range(code.rank)] if code.is_strided else None
    if 0 in shape:
        return numpy.empty(shape, code.dtype)
    memory: Any = (ctypes.c_char * code.itemsize).from_address(address)
    element = numpy.ndarray((), code.dtype, memory)
    around = [argument for argument in arguments if is_array(argument) and bounds_overlap(argument, element)]
    memory.owner = around
    is_writeable = not around or any(array.flags.writeable for array in around)
    strides = strides or _dense_strides(code, shape)
    view = numpy.lib.stride_tricks.as_strided(element, shape, strides, writeable=is_writeable)
    return view if around else view.copy("K")


def _dense_strides(code: ArrayCode, shape: Sequence[int]) -> list[int]:
    strides = [code.itemsize]
    for extent in reversed(shape[1:]):
        strides.append(strides[-1] * extent)
    return strides[::-1][: code.rank] if shape else []
