"""Take the maxima of windows before what is below zero is cut off, not after: there are fewer of them.

In: a function, before differentiation. Out: an equal one in which `max_pool(relu(x))` has become `relu(max_pool(x))`,
where nothing else uses `relu(x)`. Values are the same, NaN among them, as cutting off keeps the order. So are
derivatives: where the maximum is above zero, the first such element is the same one; where not, nothing passes at all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..ir.builder import Builder
from ..ir.node import Atom, Block, Const, Function, Node, Sym
from ..ir.ops.arithmetic import LE, SELECT
from ..ir.ops.tensors import BROADCAST
from ..ir.ops.windows import MAX_POOL
from ..ir.types import TensorType
from .rewrite import with_body, with_nodes, with_results
from .tensor_rewriter import count_uses


@dataclass(frozen=True)
class PoolFirst:
    """The pass; what it leaves unused stays for `dce` to drop."""

    name: str = "pool_first"

    def run(self, function: Function) -> Function:
        mover = _Mover(Builder.after(function), count_uses(function))
        return with_body(function, mover.block(function.body))


class _Mover:
    def __init__(self, builder: Builder, uses: Counter[Sym]) -> None:
        self._builder = builder
        self._uses = uses
        self._definitions: dict[Sym, Node] = {}

    def block(self, block: Block) -> Block:
        nodes: list[Node] = []
        for node in block.nodes:
            if node.blocks:
                node = with_results(node, node.results, node.args, [self.block(inner) for inner in node.blocks])
            self._definitions.update((symbol, node) for symbol in node.results)
            rectified = self._rectified(node.args[0]) if node.primitive is MAX_POOL else None
            nodes.extend([node] if rectified is None else self._pooled_first(node, rectified))
        return with_nodes(block, nodes, block.results)

    def _rectified(self, atom: Atom) -> Atom | None:
        """x, where the atom is 0 if x <= 0 else x, for this one use."""
        node = self._definition(atom)
        if node is None or node.primitive is not SELECT or self._uses[node.results[0]] != 1:
            return None
        condition, zero, x = node.args
        test = self._definition(condition)
        is_test = test is not None and test.primitive is LE and test.args[0] is x and self._is_zero(test.args[1])
        return x if is_test and self._is_zero(zero) else None

    def _definition(self, atom: Atom) -> Node | None:
        return self._definitions.get(atom) if isinstance(atom, Sym) else None

    def _is_zero(self, atom: Atom) -> bool:
        node = self._definition(atom)
        return node is not None and node.primitive is BROADCAST and _is_number_zero(node.args[0])

    def _pooled_first(self, pool: Node, x: Atom) -> list[Node]:
        (result,) = pool.results
        assert isinstance(result.type, TensorType)
        type_ = result.type
        with self._builder.block() as scope:
            (pooled,) = self._builder.emit(MAX_POOL, (x,), loc=pool.loc, attrs=dict(pool.attrs))
            filled = {"shape": type_.shape, "axes": ()}
            (zero,) = self._builder.emit(BROADCAST, (Const(0.0, type_.dtype),), loc=pool.loc, attrs=filled)
            (is_below,) = self._builder.emit(LE, (pooled, zero), loc=pool.loc)
            chosen = self._builder.node(SELECT, (is_below, zero, pooled), loc=pool.loc)
            self._builder.append(with_results(chosen, (result,), chosen.args, ()))
        return scope.nodes


def _is_number_zero(atom: Atom) -> bool:
    return isinstance(atom, Const) and atom.value == 0
