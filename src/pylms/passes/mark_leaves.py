"""Set the values apart that a `backward` differentiates by, so that no later pass takes others for them.

In: a function after `promote_variables`. Out: the same, in which each such value is the result of a `leaf`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from ..ir.builder import Builder
from ..ir.node import Block, Function, Node, Sym, walk
from ..ir.ops.differentiation import BACKWARD, LEAF
from ..ir.types import TensorType
from ..loc import Loc
from .rewrite import with_blocks, with_body, with_results


@dataclass(frozen=True)
class MarkLeaves:
    """A `leaf` after each computed value by which a `backward` differentiates; it has the value's symbol."""

    name: str = "mark_leaves"

    def run(self, function: Function) -> Function:
        nodes = list(walk(function.body))
        variables = {arg for node in nodes if node.primitive is BACKWARD for arg in node.args[1:]}
        marked = {result for node in nodes if node.primitive is LEAF for result in node.results}
        wanted = {each for each in variables - marked if isinstance(each, Sym) and isinstance(each.type, TensorType)}
        if not wanted:
            return function
        return with_body(function, _Marker(Builder.after(function), wanted).block(function.body))


class _Marker:
    def __init__(self, builder: Builder, wanted: Collection[Sym]) -> None:
        self._builder = builder
        self._wanted = wanted

    def block(self, block: Block) -> Block:
        """The block with a leaf for each wanted value that is made in it."""
        nodes: list[Node] = []
        params = [self._set_apart(param, block.nodes[0].loc, nodes) for param in block.params if block.nodes]
        for node in block.nodes:
            leaves: list[Node] = []
            results = [self._set_apart(result, node.loc, leaves) for result in node.results]
            inner = with_blocks(node, node.args, [self.block(each) for each in node.blocks])
            nodes += [with_results(inner, results, inner.args, inner.blocks) if leaves else inner, *leaves]
        return Block(tuple(params or block.params), tuple(nodes), block.results)

    def _set_apart(self, symbol: Sym, loc: Loc, leaves: list[Node]) -> Sym:
        """What a value is called before it is a leaf; the node that makes it one is added to `leaves`."""
        if symbol not in self._wanted:
            return symbol
        value = self._builder.fresh(symbol.type, symbol.name)
        leaf = self._builder.node(LEAF, [value], loc=loc, attrs={"number": self._builder.symbols_made})
        leaves.append(replace(leaf, results=(symbol,)))
        return value
