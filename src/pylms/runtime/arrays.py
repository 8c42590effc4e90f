"""NumPy arrays: which ones fit a code, their slots, and new ones made of results. `csrc/arrays.h` is the same in C.

In: codes, arrays, slots. Out: slots, arrays. The code of a result is `[<kind><itemsize>,<rank>]`, that of an argument
`[<kind><itemsize>,<rank>,<C|S>,<r|w>]`: C for C-contiguous, S for any other layout, w where the function writes into
it. The slots of an array: its address, the extents, and with S the strides, counted in elements.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

LARGEST_RANK = 32
_CODE = re.compile(r"\[(b1|[iu][1248]|f[48]),(\d+)(?:,([CS]),([rw]))?\]")


@dataclass(frozen=True, slots=True)
class ArrayCode:
    """What the code of an array says. `is_strided` and `is_written` are False of results."""

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


def scan_array(codes: str, start: int, *, is_argument: bool) -> tuple[ArrayCode, int] | None:
    """The code that begins there and where it ends; None where it is malformed."""
    found = _CODE.match(codes, start)
    if found is None or (found[3] is not None) != is_argument or int(found[2]) > LARGEST_RANK:
        return None
    return ArrayCode(found[1], int(found[2]), found[3] == "S", found[4] == "w"), found.end()


def is_array(value: object) -> bool:
    """Whether it is a NumPy array, of no subclass. Imports nothing: where NumPy is not loaded there are none."""
    loaded = sys.modules.get("numpy")
    return loaded is not None and type(value) is getattr(loaded, "ndarray", None)


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
    slots = [array.ctypes.data, *array.shape]
    return [*slots, *strides] if (strides := _strides(code, array)) is not None else None


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


def array_of_result(code: ArrayCode, slots: Iterator[Any]) -> numpy.ndarray[Any, Any]:
    """A new array of the result that the slots tell of."""
    import numpy

    address = next(slots).p
    shape = tuple([next(slots).i for _ in range(code.rank)])
    array = numpy.empty(shape, code.dtype)
    if array.nbytes:
        ctypes.memmove(array.ctypes.data, address, array.nbytes)
    return array
