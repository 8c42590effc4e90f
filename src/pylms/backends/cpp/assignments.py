"""Assigning several variables at once: each value is computed before any variable changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...errors import InternalError
from ...ir.types import TensorType, Type
from .emit_variables import array_bytes, copy_array
from .emitter import Emitter
from .literals import Expression, declaration
from .names import identifiers


@dataclass(frozen=True, slots=True)
class Move:
    """A variable and its next value."""

    name: str
    value: Expression
    type: Type

    def reads(self, name: str) -> bool:
        return name in identifiers(self.value.text)


def assign_together(emitter: Emitter, moves: Sequence[Move]) -> None:
    """Give every variable its next value, in an order in which none is overwritten before it is read."""
    left = [move for move in moves if move.name != move.value.text]
    while left:
        move = next((each for each in left if not _is_needed(each, left)), None)
        if move is None:
            left = _break_cycle(emitter, left)
            continue
        left.remove(move)
        emitter.line(f"{move.name} = {move.value.text};")


def _is_needed(move: Move, moves: Sequence[Move]) -> bool:
    """Whether another move reads the variable that this one changes."""
    return any(other is not move and other.reads(move.name) for other in moves)


def _break_cycle(emitter: Emitter, moves: Sequence[Move]) -> list[Move]:
    """The moves after the first variable's present value was kept under another name."""
    first = moves[0]
    old = emitter.fresh_name(f"old_{first.name}")
    emitter.line(f"const {declaration(first.type, old)} = {first.name};")
    mention = re.compile(rf"\b{first.name}\b")
    kept = [
        replace(move, value=Expression(mention.sub(old, move.value.text), move.value.binding)) for move in moves[1:]
    ]
    return [first, *kept]


def copy_arrays_together(emitter: Emitter, moves: Sequence[Move]) -> None:
    """Copy arrays into memory that each variable has of its own; any new value may be a view of any old one."""
    moves = [move for move in moves if move.name != move.value.text]
    types = [move.type for move in moves if isinstance(move.type, TensorType)]
    sources = [move.value.text for move in moves]
    if len(types) != len(moves):
        raise InternalError("a loop can carry numbers and tensors only", loc=emitter.loc)
    if len(moves) > 1:
        copies = [emitter.fresh_name("next") for _ in moves]
        for copy, source, type_ in zip(copies, sources, types, strict=True):
            emitter.line(f"{declaration(type_, copy)} = {emitter.scratch(type_, array_bytes(type_))};")
            copy_array(emitter, copy, source, type_)
        sources = copies
    for move, source, type_ in zip(moves, sources, types, strict=True):
        copy_array(emitter, move.name, source, type_)
