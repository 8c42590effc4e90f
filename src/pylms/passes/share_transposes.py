"""Let several products with one transposed matrix transpose it once (the weights of unrolled steps).

In: a function, before fusion. Out: an equal one in which a matrix that products of one block read transposed, on the
right, is transposed before the first of them and read as it then lies. Kernels want rows on the right: each product
would otherwise rearrange the matrix for itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from ..ir.builder import Builder
from ..ir.node import Block, Function, Node, Sym
from ..ir.ops.tensors import MATMUL, TRANSPOSE
from ..ir.types import TensorType
from .rewrite import with_blocks, with_body, with_nodes, with_results

FEWEST_ROWS = 4
"""With fewer rows on the left, a transposed matrix is taken row by row, as it lies."""


@dataclass(frozen=True)
class ShareTransposes:
    """One transpose for all products of a block that read the same matrix transposed."""

    name: str = "share_transposes"

    def run(self, function: Function) -> Function:
        return with_body(function, _block(function.body, Builder.after(function)))


def _block(block: Block, builder: Builder) -> Block:
    counts: defaultdict[Sym, int] = defaultdict(int)
    for node in block.nodes:
        if _is_candidate(node):
            counts[_right(node)] += 1
    turned: dict[Sym, Sym] = {}
    with builder.block() as scope:
        for node in block.nodes:
            if node.blocks:
                scope.nodes.append(with_blocks(node, node.args, [_block(inner, builder) for inner in node.blocks]))
                continue
            if not _is_candidate(node) or counts[_right(node)] < 2:
                scope.nodes.append(node)
                continue
            matrix = _right(node)
            if matrix not in turned:
                (turned[matrix],) = builder.emit(TRANSPOSE, (matrix,), loc=node.loc, attrs={"permutation": (1, 0)})
            attrs = {"transpose_a": node.attr("transpose_a"), "transpose_b": False}
            product = builder.node(MATMUL, (node.args[0], turned[matrix]), loc=node.loc, attrs=attrs)
            scope.nodes.append(with_results(product, node.results, product.args, ()))
    return with_nodes(block, scope.nodes, block.results)


def _is_candidate(node: Node) -> bool:
    if node.primitive is not MATMUL or not node.attr("transpose_b") or not isinstance(node.args[1], Sym):
        return False
    result = node.results[0].type
    return isinstance(result, TensorType) and result.shape[0] >= FEWEST_ROWS


def _right(node: Node) -> Sym:
    right = node.args[1]
    assert isinstance(right, Sym)
    return right
