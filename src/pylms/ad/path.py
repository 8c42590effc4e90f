"""Sweeping back from one point of a function, through the blocks around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
        if nodes is path[-1]:
            sweep_range(sweep, nodes, 0, len(nodes), begin=0)
            sweep.context.refuse_tape(
                "the loss depends on a loop or a native function, and the block in which backward() is called begins "
                "after it, which is not supported yet"
            )
        else:
            nodes[:] = sweep.run(nodes)
    sweep.loc = loc


def sweep_range(sweep: Sweep, nodes: list[Node], start: int, stop: int, *, begin: int) -> None:
    """Sweep over `nodes[start:stop]` of the list where the builder appends.

    Forward nodes that must give more are replaced in the list; what all of them need is put at `begin`.
    """
    loc = sweep.loc
    nodes[start:stop] = sweep.run(nodes[start:stop])
    sweep.loc = loc
    nodes[begin:begin] = [*_begin_tape(sweep), *shadows_of_older_arrays(sweep, nodes[start:])]


def _begin_tape(sweep: Sweep) -> list[Node]:
    """The tape begins empty before all that leaves something on it."""
    tape = sweep.context.tape
    if tape is None:
        return []
    return [replace(sweep.builder.node(TAPE_NEW, (), loc=sweep.loc), results=(tape,))]
