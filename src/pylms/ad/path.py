"""Sweeping back from one point of a function, through the blocks around it."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import NotSupportedYetError
from ..ir.node import Block, Node
from ..ir.ops.tapes import TAPE_NEW
from ..ir.types import ArrayType
from .rename import free_symbols
from .sweep import Sweep


def sweep_back(sweep: Sweep, path: Sequence[list[Node]]) -> None:
    """Sweep over node lists, outermost first, of which the innermost is where the builder appends.

    Forward nodes that must give more are replaced in the lists.
    """
    loc = sweep.loc
    for nodes in reversed(path):
        # The sweep's own nodes go to the innermost list: it must not visit those.
        count = len(nodes)
        nodes[:count] = sweep.run(list(nodes))
        if nodes is path[-1]:
            nodes[:0] = _shadows_from_before(sweep, nodes)
            _begin_tape(sweep, nodes)
            sweep.context.refuse_tape(
                "the loss depends on a loop or a native function, and the block in which backward() is called begins "
                "after it, which is not supported yet"
            )
    sweep.loc = loc


def _shadows_from_before(sweep: Sweep, nodes: Sequence[Node]) -> list[Node]:
    """The shadows of arrays that are older than the nodes: what they hold so far has no adjoints."""
    shadows = sweep.context.shadows
    missing = set(free_symbols(Block((), tuple(nodes), ())))
    older = [array for array in shadows if shadows.of(array) in missing and not shadows.are_shared(array)]
    types = [shadows.of(array).type for array in older]
    regions = [type_.region for type_ in types if isinstance(type_, ArrayType)]
    for array, region in zip(older, regions, strict=True):
        if regions.count(region) > 1:
            raise NotSupportedYetError(
                f"the derivative goes through memory that has several names here, as `{array.name}` has, which is not "
                "supported yet",
                loc=sweep.loc,
                hint="make the arrays and views within the function that is differentiated",
            )
    return [node for array in older for node in shadows.zeros(array, sweep.loc)]


def _begin_tape(sweep: Sweep, nodes: list[Node]) -> None:
    """The tape begins empty before all that leaves something on it."""
    tape = sweep.context.tape
    if tape is None:
        return
    made = sweep.builder.node(TAPE_NEW, (), loc=nodes[0].loc)
    nodes.insert(0, Node((tape,), made.primitive, made.args, made.attrs, made.blocks, made.effect, made.loc))
