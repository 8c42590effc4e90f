"""Results of native code, and what it hands to callbacks and takes from them: Python objects and native slots.

In: codes, slots, Python objects. Out: Python objects, slots. A code is `i` (int of 64 bits), `f` (float), `b` (bool),
`p` (address), `n` (None, no slot), one of NumPy's (see `arrays`; no callback gives those), or a parenthesised run of
codes (a tuple). `csrc/marshal.h` is the same in C.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import index
from typing import Protocol, TypeAlias

from .arrays import ArrayCode, NumberCode, array_of_result, number_of_result, scan_numpy

CodeTree: TypeAlias = str | ArrayCode | NumberCode | tuple["CodeTree", ...]

_SCALAR_CODES = "ifbp"
_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1
_ADDRESS_MASK = (1 << 64) - 1


class Slot(Protocol):
    """One native value: `i`, `f` and `p` share its memory."""

    i: int
    f: float
    p: int | None


def parse_codes(codes: str) -> tuple[CodeTree, ...]:
    """The codes of a run, each a letter, one of NumPy's or a tuple of codes. ValueError where they are malformed."""
    run, end = _parse_run(codes, 0, depth=0)
    if end < len(codes):
        raise ValueError(f"malformed codes: '{codes}'")
    return run


def _parse_run(codes: str, position: int, depth: int) -> tuple[tuple[CodeTree, ...], int]:
    """The codes from there to the end of the run, and where that is: at its parenthesis, or after all."""
    run: list[CodeTree] = []
    while position < len(codes) and codes[position] != ")":
        code, position = _parse_code(codes, position, depth)
        run.append(code)
    if depth > 0 and position == len(codes):
        raise ValueError(f"malformed codes: '{codes}'")
    return tuple(run), position


def _parse_code(codes: str, position: int, depth: int) -> tuple[CodeTree, int]:
    letter = codes[position]
    if letter == "(":
        run, end = _parse_run(codes, position + 1, depth + 1)
        return run, end + 1
    if letter in _SCALAR_CODES or letter == "n":
        return letter, position + 1
    found = scan_numpy(codes, position, is_argument=False)
    if found is None:
        raise ValueError(f"malformed codes: '{codes}'")
    return found


def parse_result(codes: str) -> CodeTree | None:
    """The code of a result; None for no result. ValueError where there are several outside parentheses."""
    trees = parse_codes(codes)
    if len(trees) > 1:
        raise ValueError(f"several results must be in parentheses: '{codes}'")
    return trees[0] if trees else None


def slot_count(tree: CodeTree) -> int:
    """How many native slots a code takes."""
    if isinstance(tree, tuple):
        return sum(map(slot_count, tree))
    if isinstance(tree, (ArrayCode, NumberCode)):
        return tree.slots
    return int(tree != "n")


def encode(tree: CodeTree, value: object, slots: Iterator[Slot]) -> None:
    """Store what a callback returned. Raises TypeError or OverflowError where it does not fit its code."""
    if isinstance(tree, tuple):
        items: tuple[object, ...] = tuple(value)  # type: ignore[arg-type]  # not iterable: Python's own TypeError
        if len(items) != len(tree):
            raise TypeError(f"the callback returned a tuple of the wrong length ({len(items)})")
        for code, item in zip(tree, items, strict=True):
            encode(code, item, slots)
    elif tree == "i":
        number = index(value)  # type: ignore[arg-type]  # as above
        if not _INT_MIN <= number <= _INT_MAX:
            raise OverflowError("Python int too large to convert to C long long")
        next(slots).i = number
    elif tree == "f":
        next(slots).f = value  # type: ignore[assignment]  # as above; float() would take text as well
    elif tree == "b":
        next(slots).i = int(bool(value))
    elif tree == "p":
        next(slots).p = index(value) & _ADDRESS_MASK  # type: ignore[arg-type]  # as above


def decode(tree: CodeTree, slots: Iterator[Slot], arguments: Sequence[object] = ()) -> object:
    """The Python object that a code and its slots spell; arrays in the memory of an argument are views of it."""
    if isinstance(tree, tuple):
        return tuple([decode(code, slots, arguments) for code in tree])
    if isinstance(tree, ArrayCode):
        return array_of_result(tree, slots, arguments)
    if isinstance(tree, NumberCode):
        return number_of_result(tree, next(slots))
    if tree == "n":
        return None
    slot = next(slots)
    if tree == "i":
        return slot.i
    if tree == "f":
        return slot.f
    return bool(slot.i) if tree == "b" else (slot.p or 0)
