"""Lists, dicts and strings of native code, as Python objects; strings the other way, too.

A string has two slots, the address of its code points and how many they are. A list or dict has one, the address of
two others: the address of the elements, and how many they are. The slots of elements follow each other; before each
key of a dict is one more, zero where there is no entry. `csrc/containers.h` is the same in C.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_ENCODING = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
_POINT_BYTES = 4
_SLOT_BYTES = 8


class ListCode(NamedTuple):
    """`<` code `>`"""

    element: Any


class DictCode(NamedTuple):
    """`{` code code `}`"""

    key: Any
    value: Any


class TextMemory:
    """A string's code points where native code can read them; they are there as long as this is."""

    def __init__(self, text: str) -> None:
        self.length = len(text)
        self._memory = ctypes.create_string_buffer(text.encode(_ENCODING, "surrogatepass"))

    @property
    def address(self) -> int:
        return ctypes.addressof(self._memory)


class Slots:
    """Slots from an address on, one after the other, as `decode` takes them."""

    def __init__(self, address: int | None) -> None:
        self._address = address or 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def skip(self, count: int) -> None:
        """Go past so many."""
        self._address += count * _SLOT_BYTES

    def __next__(self) -> Any:
        slot = _Slot.from_address(self._address)
        self._address += _SLOT_BYTES
        return slot


class _Slot(ctypes.Union):
    _fields_ = (("i", ctypes.c_longlong), ("f", ctypes.c_double), ("p", ctypes.c_void_p))


Decode = Callable[[Any, Iterator[Any]], object]
SlotCount = Callable[[Any], int]


def decode_text(slots: Iterator[Any]) -> str:
    """The string whose slots come next."""
    address, length = next(slots).p, next(slots).i
    return ctypes.string_at(address or 0, length * _POINT_BYTES).decode(_ENCODING, "surrogatepass") if length else ""


def decode_container(
    code: ListCode | DictCode, slots: Iterator[Any], decode: Decode, slot_count: SlotCount, seen: dict[int, object]
) -> object:
    """The list or dict whose slot comes next; the same one for the same address in `seen`."""
    address = next(slots).p
    if address in seen:
        return seen[address]
    body = Slots(address)
    elements, count = Slots(next(body).p), next(body).i
    if isinstance(code, ListCode):
        made: object = [decode(code.element, elements) for _ in range(count)]
    else:
        made = dict(_entries(code, elements, count, decode, slot_count))
    seen[address] = made
    return made


def _entries(
    code: DictCode, slots: Slots, count: int, decode: Decode, slot_count: SlotCount
) -> Iterator[tuple[object, object]]:
    width = slot_count(code.key) + slot_count(code.value)
    for _ in range(count):
        if next(slots).i != 0:
            yield decode(code.key, slots), decode(code.value, slots)
        else:
            slots.skip(width)
