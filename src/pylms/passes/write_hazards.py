"""Whether a buffer may be written between a read of it and a use of what was read (DESIGN D8).

In: a function; a node that borrows from buffers, and the nodes that use the borrowed tensor, anywhere after it. A
use that comes after a write must not look at the buffer any more.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..ir.effects import Place
from ..ir.node import Block, Function, Node
from ..ir.ops.functions import CALL


class WriteHazards:
    """Answers for one function, whose nodes keep their places meanwhile."""

    def __init__(self, function: Function) -> None:
        self._home: dict[Node, Block] = {}
        self._parent: dict[Block, Node] = {}
        self._index: dict[Node, int] = {}
        self._writes: dict[Place, list[Node]] = {}
        self._note(function.body)

    def _note(self, block: Block) -> None:
        for index, node in enumerate(block.nodes):
            self._home[node], self._index[node] = block, index
            for place in node.effect.writes:
                self._writes.setdefault(place, []).append(node)
            for inner in node.blocks:
                self._parent[inner] = node
                self._note(inner)

    def any_before(self, read: Node, uses: Iterable[Node | Block]) -> bool:
        """Whether a buffer that `read` borrows from may be written before one of `uses` (a block: its end) is done."""
        block, start = self._home[read], self._index[read]
        writes = [
            node for place in read.effect.reads for node in self._writes.get(place, ()) if self._home[node] is block
        ]
        if not writes:
            return False
        return any(
            start < self._index[write] < self._end(block, use) or self._within(block, write, use)
            for use in uses
            for write in writes
        )

    def _end(self, block: Block, use: Node | Block) -> int:
        """Where, in `block`, the use comes."""
        node = self._ancestor(block, use)
        return len(block.nodes) if node is None else self._index[node]

    def _within(self, block: Block, write: Node, use: Node | Block) -> bool:
        """Whether the use stands in a block, or the callee, of `write`, which writes at some point."""
        return self._ancestor(block, use) is write and (use is not write or write.primitive is CALL)

    def _ancestor(self, block: Block, use: Node | Block) -> Node | None:
        """The node of `block` that the use is or stands in; None for the end of `block` itself."""
        if isinstance(use, Block):
            if use is block:
                return None
            use = self._parent[use]
        while self._home[use] is not block:
            use = self._parent[self._home[use]]
        return use
