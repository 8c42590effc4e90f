"""Let products with one-hot matrices be rows that are read, or sums at positions: nobody makes the matrix.

In: a function, before fusion. Out: an equal one in which a matrix product with `one_hot(index)`, on either side and
transposed or not, is a `one_hot_product` or `one_hot_sums`: the first layer of a model on one-hot characters, and the
gradient of its weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.builder import Builder
from ..ir.node import Atom, AttributeValue, Block, Function, Node, Sym
from ..ir.ops.arithmetic import CONVERT
from ..ir.ops.one_hot_products import ONE_HOT_PRODUCT, ONE_HOT_SUMS
from ..ir.ops.tensors import MATMUL, ONE_HOT, RESHAPE, TRANSPOSE, integers_of
from ..ir.types import TensorType
from .rewrite import with_blocks, with_body, with_nodes, with_results
from .tensor_rewriter import shape_of

FEWEST_ROWS = 16
"""With fewer rows, transposing what is read may take as long as the product."""


@dataclass(frozen=True)
class OneHotProducts:
    """Products with one-hot matrices without these."""

    name: str = "one_hot_products"

    def run(self, function: Function) -> Function:
        return with_body(function, _Rewriter(Builder.after(function)).block(function.body))


class _Rewriter:
    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._definitions: dict[Sym, Node] = {}

    def block(self, block: Block) -> Block:
        with self._builder.block() as scope:
            for node in block.nodes:
                self._definitions.update((symbol, node) for symbol in node.results)
                if node.blocks:
                    node = with_blocks(node, node.args, [self.block(inner) for inner in node.blocks])
                made = self._rewritten(node) if node.primitive is MATMUL else None
                scope.nodes.append(node if made is None else with_results(made, node.results, made.args, ()))
        return with_nodes(block, scope.nodes, block.results)

    def _rewritten(self, product: Node) -> Node | None:
        """The last node of what gives the product, those before it being emitted; None where no side is one-hot."""
        left, right = product.args
        left_is_turned, right_is_turned = bool(product.attr("transpose_a")), bool(product.attr("transpose_b"))
        if self._is_one_hot(left):
            other = self._turned(right, product) if right_is_turned else right
            return self._node(left, other, product, is_sum=left_is_turned)
        if self._is_one_hot(right):
            # The transposed product has it on the left.
            other = left if left_is_turned else self._turned(left, product)
            inner = self._node(right, other, product, is_sum=not right_is_turned)
            self._builder.append(inner)
            return self._builder.node(TRANSPOSE, inner.results, loc=product.loc, attrs={"permutation": (1, 0)})
        return None

    def _is_one_hot(self, matrix: Atom) -> bool:
        """Whether a matrix of floats with enough rows is made by `one_hot`."""
        type_ = matrix.type
        if not isinstance(type_, TensorType) or not type_.dtype.is_float or type_.dtype.python:
            return False
        return type_.shape[0] >= FEWEST_ROWS and self._has_index(matrix)

    def _has_index(self, tensor: Atom) -> bool:
        """Whether a tensor is `one_hot`, moved about without its last dimension."""
        node = self._definition(tensor)
        if node is None or node.primitive is ONE_HOT:
            return node is not None
        depth, rank = shape_of(tensor)[-1:], len(shape_of(tensor))
        is_moved = node.primitive is RESHAPE and shape_of(node.args[0])[-1:] == depth
        is_turned = node.primitive is TRANSPOSE and integers_of(node, "permutation")[-1] == rank - 1
        return (node.primitive is CONVERT or is_moved or is_turned) and self._has_index(node.args[0])

    def _index(self, tensor: Atom, product: Node) -> Atom:
        """The index that a tensor is the `one_hot` of."""
        node = self._definition(tensor)
        assert node is not None
        if node.primitive is ONE_HOT:
            return node.args[0]
        index = self._index(node.args[0], product)
        if node.primitive is CONVERT:
            return index
        attrs: dict[str, AttributeValue] = {"shape": shape_of(tensor)[:-1]}
        if node.primitive is TRANSPOSE:
            attrs = {"permutation": integers_of(node, "permutation")[:-1]}
        return self._builder.emit(node.primitive, (index,), loc=product.loc, attrs=attrs)[0]

    def _definition(self, atom: Atom) -> Node | None:
        return self._definitions.get(atom) if isinstance(atom, Sym) else None

    def _turned(self, matrix: Atom, product: Node) -> Atom:
        return self._builder.emit(TRANSPOSE, (matrix,), loc=product.loc, attrs={"permutation": (1, 0)})[0]

    def _node(self, hot: Atom, other: Atom, product: Node, *, is_sum: bool) -> Node:
        args = (self._index(hot, product), other)
        if is_sum:
            return self._builder.node(ONE_HOT_SUMS, args, loc=product.loc, attrs={"depth": shape_of(hot)[1]})
        return self._builder.node(ONE_HOT_PRODUCT, args, loc=product.loc)
