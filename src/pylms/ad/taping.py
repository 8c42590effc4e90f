"""Leaving values on a tape, and taking them from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ..ir.node import Atom, AttributeValue, Sym
from ..ir.ops.tapes import TAPE_POP, TAPE_PUSH
from .sweep import Sweep


def leave(sweep: Sweep, tape: Sym, values: Sequence[Atom]) -> None:
    """Emit a push of a record of these values."""
    sweep.builder.emit(TAPE_PUSH, [tape, *values], loc=sweep.loc)


def take(sweep: Sweep, tape: Sym, values: Sequence[Atom]) -> tuple[Sym, ...]:
    """Emit a pop of the record of those values; symbols for them, in order."""
    types = cast("AttributeValue", tuple([value.type for value in values]))
    names = [value.name if isinstance(value, Sym) else "" for value in values]
    return sweep.builder.emit(TAPE_POP, [tape], loc=sweep.loc, attrs={"results": types}, names=names)
