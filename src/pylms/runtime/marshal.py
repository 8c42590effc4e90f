"""Results of native code, and what it hands to callbacks and takes from them: Python objects and native slots.

In: codes, slots, Python objects. Out: Python objects, slots. A code is `i` (int of 64 bits), `f` (float), `b` (bool),
`p` (address), `n` (None, no slot), `s` (a string), a list, a dict or one of NumPy's (see `containers` and `arrays`; no
callback gives those), `x` (no slot: what a callback gives is raised), or a parenthesised run of codes (a tuple).
`csrc/marshal.h` is the same in C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import index
from typing import Protocol, TypeAlias

from .arrays import ArrayCode, NumberCode, array_of_result, number_of_result, scan_numpy
from .containers import DictCode, ListCode, TextMemory, decode_container, decode_text

CodeTree: TypeAlias = str | ArrayCode | NumberCode | ListCode | DictCode | tuple["CodeTree", ...]

_SINGLE_CODES = "ifbpsnx"
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
    if letter in _SINGLE_CODES:
        return letter, position + 1
    if letter in _CLOSING:
        return _parse_container(codes, position, depth)
    found = scan_numpy(codes, position, is_argument=False)
    if found is None:
        raise ValueError(f"malformed codes: '{codes}'")
    return found


_CLOSING = {"<": ">", "{": "}"}


def _parse_container(codes: str, position: int, depth: int) -> tuple[CodeTree, int]:
    """The code of a list or dict that begins there, and where it ends."""
    parts: list[CodeTree] = []
    end = position + 1
    for _ in range(1 if codes[position] == "<" else 2):
        part, end = _parse_code(codes, end, depth + 1) if end < len(codes) else ("", end)
        parts.append(part)
    if codes[end : end + 1] != _CLOSING[codes[position]]:
        raise ValueError(f"malformed codes: '{codes}'")
    return ListCode(*parts) if codes[position] == "<" else DictCode(*parts), end + 1


def parse_result(codes: str) -> CodeTree | None:
    """The code of a result; None for no result. ValueError where there are several outside parentheses."""
    trees = parse_codes(codes)
    if len(trees) > 1:
        raise ValueError(f"several results must be in parentheses: '{codes}'")
    return trees[0] if trees else None


def slot_count(tree: CodeTree) -> int:
    """How many native slots a code takes."""
    match tree:
        case ListCode() | DictCode():
            return 1
        case ArrayCode() | NumberCode():
            return tree.slots
        case tuple():
            return sum(map(slot_count, tree))
        case _:
            return {"n": 0, "x": 0, "s": 2}.get(tree, 1)


def encode(tree: CodeTree, value: object, slots: Iterator[Slot], keep: Callable[[object], None]) -> None:
    """Store what a callback returned. Raises TypeError or OverflowError where it does not fit its code.

    `keep` is given what must live as long as the call.
    """
    if isinstance(tree, tuple):
        items: tuple[object, ...] = tuple(value)  # type: ignore[arg-type]  # not iterable: Python's own TypeError
        if len(items) != len(tree):
            raise TypeError(f"the callback returned a tuple of the wrong length ({len(items)})")
        for code, item in zip(tree, items, strict=True):
            encode(code, item, slots, keep)
    elif tree == "x":
        assert isinstance(value, BaseException)
        raise value
    elif tree == "s":
        if not isinstance(value, str):
            raise TypeError(f"a str is needed here, not {type(value).__name__}")
        memory = TextMemory(value)
        keep(memory)
        next(slots).p, next(slots).i = memory.address, memory.length
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
    """The Python object that a code and its slots spell.

    Arrays in the memory of an argument are views of it; a container met twice is one object.
    """
    return _decode(tree, slots, arguments=arguments, seen={})


def decode_run(trees: Sequence[CodeTree], slots: Iterator[Slot]) -> list[object]:
    """The same for what a callback is given: copies."""
    seen: dict[int, object] = {}
    return [_decode(tree, slots, arguments=(), seen=seen) for tree in trees]


def _decode(tree: CodeTree, slots: Iterator[Slot], *, arguments: Sequence[object], seen: dict[int, object]) -> object:
    match tree:
        case ListCode() | DictCode():
            decode_within = partial(_decode, arguments=arguments, seen=seen)
            return decode_container(tree, slots, decode_within, slot_count, seen)
        case ArrayCode():
            return array_of_result(tree, slots, arguments)
        case NumberCode():
            return number_of_result(tree, next(slots))
        case tuple():
            return tuple([_decode(code, slots, arguments=arguments, seen=seen) for code in tree])
        case "n":
            return None
        case "s":
            return decode_text(slots)
    slot = next(slots)
    if tree == "i":
        return slot.i
    if tree == "f":
        return slot.f
    return bool(slot.i) if tree == "b" else (slot.p or 0)
