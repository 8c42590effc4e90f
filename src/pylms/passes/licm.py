"""Computing before a loop what does not change in it.

In: a function. Out: the same with invariant nodes moved before their loops, inner loops first, so that they may travel
further. What moves: pure nodes, whole branches and counted loops that are pure among them; loads of buffers that the
loop does not write (where nothing awaits differentiation, which goes by loads); and, from the start of a loop that
surely runs, nodes that may raise, as long as nothing that stays and could be told apart comes before them. What is
inside a branch stays with it: it may never be taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..ir.effects import Effect, Place
from ..ir.node import Block, Function, Node, Sym
from ..ir.ops.control import FOR, WHILE
from .rewrite import (
    awaits_differentiation,
    makes_memory,
    reads_at_index,
    symbols_used,
    trip_count,
    with_blocks,
    with_body,
    with_nodes,
)


@dataclass(frozen=True)
class HoistLoopInvariants:
    """Loop-invariant code motion."""

    name: ClassVar[str] = "licm"

    def run(self, function: Function) -> Function:
        return with_body(function, _Hoister(moves_loads=not awaits_differentiation(function)).block(function.body))


@dataclass(frozen=True)
class _Hoister:
    """`moves_loads`: whether reads of buffers may move."""

    moves_loads: bool

    def block(self, block: Block) -> Block:
        """The block with the loops in it relieved of what does not change."""
        nodes: list[Node] = []
        changed = False
        for node in block.nodes:
            if node.blocks:
                relieved = with_blocks(node, node.args, [self.block(inner) for inner in node.blocks])
                if relieved.primitive in (WHILE, FOR):
                    relieved = self._relieve(relieved, nodes)
                changed = changed or relieved is not node
                node = relieved
            nodes.append(node)
        return Block(block.params, tuple(nodes), block.results) if changed else block

    def _relieve(self, loop: Node, before: list[Node]) -> Node:
        """The loop without its invariant nodes, which are appended to `before`."""
        inside: set[Sym] = set()
        written = loop.effect.writes
        # Whether the node looked at runs for sure, and before anything that stays and could be told apart from it.
        is_first = loop.primitive is WHILE or bool(trip_count(loop.args))
        blocks: list[Block] = []
        for block in loop.blocks:
            inside.update(block.params)
            kept: list[Node] = []
            for node in block.nodes:
                if self._may_move(node, inside, written, is_first=is_first):
                    before.append(node)
                    continue
                kept.append(node)
                inside.update(node.results)
                is_first = is_first and not _shows(node.effect)
            blocks.append(with_nodes(block, kept, block.results))
            # Only the first block runs for sure: the condition of a `while`, or the body of a `for`.
            is_first = False
        return with_blocks(loop, loop.args, blocks)

    def _may_move(self, node: Node, inside: set[Sym], written: frozenset[Place], *, is_first: bool) -> bool:
        effect = node.effect
        if effect.writes or effect.io or makes_memory(node) or effect.reads & written:
            return False
        if not node.results and effect.is_pure:
            return False  # an emptied loop, of no use anywhere: where it stands it may never run
        if effect.reads and not self.moves_loads:
            return False
        if not node.blocks:
            if any(arg in inside for arg in node.args if isinstance(arg, Sym)):
                return False
        elif _may_go_on(node) or any(symbol in inside for symbol in symbols_used(node)):
            return False
        return is_first or not (effect.raises or effect.keep or reads_at_index(node))


def _may_go_on(node: Node) -> bool:
    """Whether the node may run for ever."""
    return node.primitive is WHILE or any(_may_go_on(inner) for block in node.blocks for inner in block.nodes)


def _shows(effect: Effect) -> bool:
    """Whether it could be seen that something runs before, or instead of, an error raised later."""
    return bool(effect.writes or effect.io or effect.raises or effect.keep)
