"""The arguments of a native function: their codes, and the slots of Python objects that fit them exactly.

In: codes, Python objects. Out: what goes into native slots. A code is `i` (int of 64 bits), `f` (float), `b` (bool),
`s` (str) or one of NumPy's (see `arrays`). `csrc/arguments.h` is the same in C.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TypeAlias

from .arrays import ArrayCode, NumberCode, bounds_overlap, is_array, scan_numpy, slot_of_number, slots_of_array
from .containers import TextMemory

ArgumentCode: TypeAlias = str | ArrayCode | NumberCode
SlotValue: TypeAlias = int | float | TextMemory
Slots: TypeAlias = Sequence[SlotValue]

_TYPES: dict[ArgumentCode, type] = {"i": int, "f": float, "b": bool, "s": str}
_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1


def parse_arguments(codes: str) -> tuple[ArgumentCode, ...]:
    """The codes of a run. Raises ValueError where they are malformed."""
    return tuple(_scan(codes))


def _scan(codes: str) -> Iterator[ArgumentCode]:
    position = 0
    while position < len(codes):
        if codes[position] in _TYPES:
            yield codes[position]
            position += 1
            continue
        found = scan_numpy(codes, position, is_argument=True)
        if found is None:
            raise ValueError(f"malformed argument codes: '{codes}'")
        code, position = found
        yield code


def slots_of_arguments(
    codes: Sequence[ArgumentCode], arguments: Sequence[object], *, overlap: bool | None
) -> list[SlotValue] | None:
    """What goes into the slots, in order; None where the arguments are not exactly what the codes say.

    `overlap` says whether an array that is written shares memory with another; None where it does not matter.
    """
    if len(codes) != len(arguments):
        return None
    slots = [_slots_of(code, argument) for code, argument in zip(codes, arguments, strict=True)]
    fitting = [each for each in slots if each is not None]
    if len(fitting) < len(slots):
        return None
    if overlap is not None and written_arrays_overlap(codes, arguments) != overlap:
        return None
    return [value for each in fitting for value in each]


def _slots_of(code: ArgumentCode, argument: object) -> Slots | None:
    if isinstance(code, ArrayCode):
        return slots_of_array(code, argument) if is_array(argument) else None
    if isinstance(code, NumberCode):
        number = slot_of_number(code, argument)
        return None if number is None else (number,)
    if type(argument) is not _TYPES[code]:
        return None
    if isinstance(argument, str):
        memory = TextMemory(argument)
        return (memory, memory.length)
    assert isinstance(argument, (int, float))
    return (argument,) if code != "i" or _INT_MIN <= argument <= _INT_MAX else None


def written_arrays_overlap(codes: Sequence[ArgumentCode], arguments: Sequence[object]) -> bool:
    """Whether an array that is written lies, from its first byte to its last, across another argument."""
    arrays = [(code, array) for code, array in zip(codes, arguments, strict=True) if isinstance(code, ArrayCode)]
    return any(
        (code.is_written or other_code.is_written) and bounds_overlap(array, other)
        for (code, array), (other_code, other) in combinations(arrays, 2)
    )
