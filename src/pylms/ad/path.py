"""Sweeping back from one point of a function, through the blocks around it."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.node import Node
from ..ir.ops.tapes import TAPE_NEW
from .older_arrays import shadows_of_older_arrays
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
            nodes[:0] = shadows_of_older_arrays(sweep, nodes)
            _begin_tape(sweep, nodes)
            sweep.context.refuse_tape(
                "the loss depends on a loop or a native function, and the block in which backward() is called begins "
                "after it, which is not supported yet"
            )
    sweep.loc = loc


def _begin_tape(sweep: Sweep, nodes: list[Node]) -> None:
    """The tape begins empty before all that leaves something on it."""
    tape = sweep.context.tape
    if tape is None:
        return
    made = sweep.builder.node(TAPE_NEW, (), loc=nodes[0].loc)
    nodes.insert(0, Node((tape,), made.primitive, made.args, made.attrs, made.blocks, made.effect, made.loc))
