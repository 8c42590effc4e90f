"""Loops over all indices of an array, one in the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ir.builder import Builder
from ..ir.node import Atom, Block, Const, Sym
from ..ir.ops.control import FOR
from ..ir.types import INT
from ..loc import Loc

_ZERO, _ONE = Const(0, INT), Const(1, INT)


def emit_loops(
    builder: Builder,
    extents: Sequence[Atom],
    initial: Sequence[Atom],
    body: Callable[[Sequence[Atom], Sequence[Atom]], Sequence[Atom]],
    loc: Loc,
) -> Sequence[Atom]:
    """Emit loops that carry values from round to round; the values in the end.

    `body` emits a round, from the indices and the values carried, and gives the next ones.
    """
    return _emit_level(builder, extents, [], initial, body, loc)


def _emit_level(
    builder: Builder,
    extents: Sequence[Atom],
    outer: list[Sym],
    carried: Sequence[Atom],
    body: Callable[[Sequence[Atom], Sequence[Atom]], Sequence[Atom]],
    loc: Loc,
) -> Sequence[Atom]:
    if not extents:
        return body(outer, carried)
    index = builder.fresh(INT)
    params = [builder.fresh(value.type, value.name if isinstance(value, Sym) else "") for value in carried]
    with builder.block((index, *params)) as scope:
        results = _emit_level(builder, extents[1:], [*outer, index], params, body, loc)
    block: Block = scope.finish(results)
    return builder.emit(FOR, [_ZERO, extents[0], _ONE, *carried], loc=loc, blocks=[block])
