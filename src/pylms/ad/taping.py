"""What a forward block leaves on the tape for its reverse block, and how either gets at the tape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from ..ir.node import Atom, AttributeValue, Block, Node, Sym
from ..ir.ops.tapes import TAPE_POP, TAPE_PUSH
from ..loc import Loc
from .recompute import Recomputation
from .rename import free_symbols, renamed_block
from .sweep import Sweep


def leave(sweep: Sweep, tape: Sym, values: Sequence[Atom]) -> None:
    """Emit a push of a record of these values."""
    sweep.builder.emit(TAPE_PUSH, [tape, *values], loc=sweep.loc)


def take(sweep: Sweep, tape: Sym, values: Sequence[Atom]) -> tuple[Sym, ...]:
    """Emit a pop of the record of those values; symbols for them, in order."""
    types = cast("AttributeValue", tuple([value.type for value in values]))
    names = [value.name if isinstance(value, Sym) else "" for value in values]
    return sweep.builder.emit(TAPE_POP, [tape], loc=sweep.loc, attrs={"results": types}, names=names)


def keep_on_tape(
    sweep: Sweep, params: Sequence[Sym], forward: Sequence[Node], reverse: Block, known: Mapping[Sym, Atom], loc: Loc
) -> tuple[list[Node], Block]:
    """The forward nodes with a push of what `reverse` needs of them, and `reverse` with a pop of it.

    `params`: those of the forward block. `known`: what stands in the reverse block for some of the forward symbols.
    What follows from that, from what is outside and from what is kept is computed again.
    """
    sweep.loc = loc
    inside = {*params, *[result for node in forward for result in node.results]}
    needed = [symbol for symbol in free_symbols(reverse) if symbol in inside]
    plan = Recomputation(forward, inside, known, sweep.context.unstable)
    kept = plan.to_keep(needed)
    found = dict(known)
    with sweep.builder.block() as end:
        if kept:
            leave(sweep, sweep.context.own_tape(loc), kept)
    with sweep.builder.block() as start:
        if kept:
            found.update(zip(kept, take(sweep, sweep.context.own_tape(loc), kept), strict=True))
        plan.recompute(sweep.builder, needed, found)
    renamed = renamed_block(reverse, found)
    return [*forward, *end.nodes], Block(reverse.params, (*start.nodes, *renamed.nodes), renamed.results)
