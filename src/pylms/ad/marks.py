"""What only differentiation needs in the IR, and how it goes when it is not needed any more."""

from __future__ import annotations

from collections.abc import Collection

from ..ir.builder import rebuild
from ..ir.node import Atom, Block, Node, Sym, walk
from ..ir.ops.differentiation import CHECKPOINT_BEGIN, CHECKPOINT_END, CUSTOM_GRADIENT, INDEPENDENT, LEAF
from ..ir.ops.tensors import STOP_GRADIENT
from ..ir.primitive import Primitive
from .rename import renamed_block, resolved

MARKS = (INDEPENDENT, LEAF, STOP_GRADIENT, CUSTOM_GRADIENT, CHECKPOINT_BEGIN, CHECKPOINT_END)
"""Nodes that give what they are given, and mean something to sweeps only."""


def without_marks(block: Block, marks: Collection[Primitive]) -> Block:
    """The block without those of `marks`: their results are their arguments."""
    values: dict[Sym, Atom] = {}
    nodes = [node for node in walk(block) if node.primitive in marks]
    for node in nodes:
        values.update(zip(node.results, _values(node), strict=False))
    return _without_nodes(renamed_block(block, resolved(values)), marks) if nodes else block


def _values(node: Node) -> tuple[Atom, ...]:
    return node.args[1:] if node.primitive is CHECKPOINT_END else node.args


def _without_nodes(block: Block, marks: Collection[Primitive]) -> Block:
    nodes: list[Node] = []
    for node in block.nodes:
        if node.primitive not in marks:
            inner = [_without_nodes(nested, marks) for nested in node.blocks]
            nodes.append(rebuild(node, node.args, inner) if inner else node)
    return Block(block.params, tuple(nodes), block.results)
