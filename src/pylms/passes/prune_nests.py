"""Drop what nobody uses from loop nests: results, and the operations that only led to them.

In: a function with `fused` nodes. Out: an equal one in which every result of a nest has a user, and every
operation in a nest leads to a result or a destination.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.builder import Builder
from ..ir.node import Block, Function, Node, Sym
from ..ir.ops.fusion import FUSED
from ..ir.ops.tensors import integers_of
from .rewrite import symbols_used, with_body, with_results


@dataclass(frozen=True)
class PruneNests:
    """What no one uses is not computed."""

    name: str = "prune_nests"

    def run(self, function: Function) -> Function:
        body = _Pruner(Builder.after(function)).block(function.body)
        return with_body(function, body)


class _Pruner:
    """Walks backwards, so that every use of a value is seen before the value."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._used: set[Sym] = set()

    def block(self, block: Block) -> Block:
        kept: list[Node] = []
        self._used.update(result for result in block.results if isinstance(result, Sym))
        for node in reversed(block.nodes):
            pruned = self._node(node)
            if pruned is not None:
                self._used.update(symbols_used(pruned))
                kept.append(pruned)
        return Block(block.params, tuple(reversed(kept)), block.results)

    def _node(self, node: Node) -> Node | None:
        if node.primitive is FUSED:
            return self._nest(node)
        if not node.blocks:
            return node
        return with_results(node, node.results, node.args, [self.block(block) for block in node.blocks])

    def _nest(self, nest: Node) -> Node | None:
        (block,) = nest.blocks
        stored = len(nest.args)
        kept = [k for k in range(len(block.results)) if k < stored or nest.results[k - stored] in self._used]
        if not kept:
            return None
        body = _without_unused(Block(block.params, block.nodes, tuple(block.results[k] for k in kept)))
        if len(kept) == len(block.results) and len(body.nodes) == len(block.nodes):
            return nest
        ranks = integers_of(nest, "ranks")
        attrs = {"shape": nest.attr("shape"), "ranks": tuple(ranks[k] for k in kept)}
        made = self._builder.node(FUSED, nest.args, loc=nest.loc, attrs=attrs, blocks=(body,))
        results = [nest.results[k - stored] for k in kept if k >= stored]
        return with_results(made, results, made.args, made.blocks)


def _without_unused(block: Block) -> Block:
    """The block of a nest, which has no effects of its own, without what leads to no result."""
    used = {result for result in block.results if isinstance(result, Sym)}
    nodes: list[Node] = []
    for node in reversed(block.nodes):
        if used.isdisjoint(node.results):
            continue
        used.update(symbols_used(node))
        nodes.append(node)
    return Block(block.params, tuple(reversed(nodes)), block.results)
