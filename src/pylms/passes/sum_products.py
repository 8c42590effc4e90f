"""Let matrix products that are added up be added where their sum lies (the weight gradients of unrolled steps).

In: a function, before fusion. Out: an equal one in which a sum of two products or more, none used elsewhere, is a
buffer that `matmul_update` nodes add to, in the order of the sum: one memory for all these products. Neighbours of the
same types are one node.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from ..ir.builder import Builder
from ..ir.node import Atom, AttributeValue, Block, Const, Function, Node, Sym
from ..ir.ops.arithmetic import ADD
from ..ir.ops.buffers import BUFFER_NEW, LOAD
from ..ir.ops.fusion import MATMUL_UPDATE
from ..ir.ops.tensors import MATMUL
from ..ir.types import TensorType, Type
from .rewrite import with_blocks, with_body, with_nodes, with_results
from .tensor_rewriter import count_uses


@dataclass(frozen=True)
class SumProducts:
    """The products of a sum become updates of one buffer."""

    name: str = "sum_products"

    def run(self, function: Function) -> Function:
        return with_body(function, _Summation(function).block(function.body))


class _Summation:
    def __init__(self, function: Function) -> None:
        self._builder = Builder.after(function)
        self._uses = count_uses(function)

    def block(self, block: Block) -> Block:
        # Only of this block: what an outer one computes once must not be computed in every round of a loop.
        definitions = {symbol: node for node in block.nodes for symbol in node.results}
        nodes: list[Node] = []
        taken: set[Node] = set()
        for node in reversed(block.nodes):
            if node in taken:
                continue
            if node.blocks:
                nodes.append(with_blocks(node, node.args, [self.block(inner) for inner in node.blocks]))
                continue
            nodes += reversed(self._summed(node, definitions, taken))
        return with_nodes(block, nodes[::-1], block.results)

    def _summed(self, total: Node, definitions: dict[Sym, Node], taken: set[Node]) -> list[Node]:
        """What a node becomes; the nodes that are part of its sum are `taken`."""
        if not _is_sum(total):
            return [total]
        sums, summands = [total], []
        pending = list(reversed(total.args))
        while pending:
            atom = pending.pop()
            node = definitions.get(atom) if isinstance(atom, Sym) and self._uses[atom] == 1 else None
            if node is not None and _is_sum(node):
                sums.append(node)
                pending += reversed(node.args)
            else:
                summands.append((atom, node if node is not None and node.primitive is MATMUL else None))
        products = [node for _, node in summands if node is not None]
        if len(products) < 2:
            return [total]
        taken.update(sums, products)
        rest = [atom for atom, node in summands if node is None]
        return self._emit(total, products, rest)

    def _emit(self, total: Node, products: list[Node], rest: list[Atom]) -> list[Node]:
        type_ = total.results[0].type
        assert isinstance(type_, TensorType)
        one = Const(1.0, type_.dtype)
        with self._builder.block() as scope:
            memory: dict[str, AttributeValue] = {"dtype": type_.dtype, "shape": type_.shape}
            (buffer,) = self._builder.emit(BUFFER_NEW, (), loc=total.loc, attrs=memory)
            beta = Const(0.0, type_.dtype)
            for (_, attrs), alike in groupby(products, _kind):
                first, *others = alike
                factors = [*first.args, *(arg for product in others for arg in product.args)]
                self._builder.emit(MATMUL_UPDATE, (buffer, one, beta, *factors), loc=first.loc, attrs=dict(attrs))
                beta = one
            (value,) = self._builder.emit(LOAD, (buffer,), loc=total.loc)
            for atom in rest:
                (value,) = self._builder.emit(ADD, (value, atom), loc=total.loc)
        *nodes, last = scope.nodes
        return [*nodes, with_results(last, total.results, last.args, ())]


def _kind(product: Node) -> tuple[tuple[Type, ...], tuple[tuple[str, AttributeValue], ...]]:
    """What products must share to be added at once."""
    return tuple([arg.type for arg in product.args]), product.attrs


def _is_sum(node: Node) -> bool:
    """Whether the node adds tensors of fixed-width floats; Python's own numbers keep their order."""
    type_ = node.results[0].type if node.primitive is ADD else None
    return isinstance(type_, TensorType) and type_.dtype.is_float and not type_.dtype.python
