"""Python values to and from native slots, as spelled by codes: the definition, and what the ctypes fallback runs.

In: Python objects, codes. Out: codes of arguments, native slots, Python objects. A code is `i` (int of 64 bits), `f`
(float), `b` (bool), `p` (address), `n` (None, no slot), or a parenthesised run of codes (a tuple). `csrc/marshal.h` is
the same in C.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import index
from typing import Protocol, TypeAlias

CodeTree: TypeAlias = str | tuple["CodeTree", ...]

_SCALAR_CODES = "ifbp"
_CODE_OF_TYPE = {int: "i", float: "f", bool: "b"}
_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1
_ADDRESS_MASK = (1 << 64) - 1


class Slot(Protocol):
    """One native value: `i`, `f` and `p` share its memory."""

    i: int
    f: float
    p: int | None


def codes_of_arguments(arguments: Sequence[object]) -> str | None:
    """The codes that exactly fit the arguments; None where one cannot travel (another type, an int too large)."""
    codes = [_code_of(argument) for argument in arguments]
    return None if None in codes else "".join(code for code in codes if code is not None)


def _code_of(argument: object) -> str | None:
    code = _CODE_OF_TYPE.get(type(argument))
    if code == "i" and isinstance(argument, int) and not _INT_MIN <= argument <= _INT_MAX:
        return None
    return code


def parse_codes(codes: str) -> tuple[CodeTree, ...]:
    """The codes of a run, each a letter or a tuple of codes. Raises ValueError where they are malformed."""
    rest = iter(codes)
    return tuple(_parse_run(rest, codes, depth=0))


def _parse_run(rest: Iterator[str], codes: str, depth: int) -> Iterator[CodeTree]:
    for letter in rest:
        if letter == ")" and depth > 0:
            return
        if letter == "(":
            yield tuple(_parse_run(rest, codes, depth + 1))
        elif letter in _SCALAR_CODES or letter == "n":
            yield letter
        else:
            raise ValueError(f"malformed codes: '{codes}'")
    if depth > 0:
        raise ValueError(f"malformed codes: '{codes}'")


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


def decode(tree: CodeTree, slots: Iterator[Slot]) -> object:
    """The Python object that a code and its slots spell."""
    if isinstance(tree, tuple):
        return tuple(decode(code, slots) for code in tree)
    if tree == "n":
        return None
    slot = next(slots)
    if tree == "i":
        return slot.i
    if tree == "f":
        return slot.f
    return bool(slot.i) if tree == "b" else (slot.p or 0)
