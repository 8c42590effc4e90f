"""Whether two traces of one body came to the same: what they do, with which values of before, in which order."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.node import Atom, Block, Node, Sym
from ..ir.ops.host import HOST_CALL
from ..ir.ops.tensor_calls import TENSOR_CALL


def same_code(left: Block, right: Block, symbols_before: int) -> bool:
    """Whether two blocks do the same. Symbols whose ids are below `symbols_before` must be the same ones, others
    correspond; so do the numbers of functions that they call in Python.
    """
    return _Comparison(symbols_before).blocks(left, right)


class _Comparison:
    """Which symbol of the one corresponds to which of the other."""

    def __init__(self, symbols_before: int) -> None:
        self._symbols_before = symbols_before
        self._partners: dict[Sym, Sym] = {}

    def blocks(self, left: Block, right: Block) -> bool:
        return (
            len(left.nodes) == len(right.nodes)
            and self._atoms(left.params, right.params)
            and all(self._nodes(mine, other) for mine, other in zip(left.nodes, right.nodes, strict=True))
            and self._atoms(left.results, right.results)
        )

    def _nodes(self, left: Node, right: Node) -> bool:
        return (
            left.primitive is right.primitive
            and _attributes(left) == _attributes(right)
            and self._atoms(left.args, right.args)
            and self._atoms(left.results, right.results)
            and len(left.blocks) == len(right.blocks)
            and all(self.blocks(mine, other) for mine, other in zip(left.blocks, right.blocks, strict=True))
        )

    def _atoms(self, left: Sequence[Atom], right: Sequence[Atom]) -> bool:
        return len(left) == len(right) and all(map(self._atom, left, right))

    def _atom(self, left: Atom, right: Atom) -> bool:
        if not isinstance(left, Sym) or not isinstance(right, Sym):
            return left == right
        if min(left.id, right.id) < self._symbols_before:
            return left == right
        return left.type == right.type and self._partners.setdefault(left, right) == right


_FUNCTION_NUMBERS = {HOST_CALL: ("callback",), TENSOR_CALL: ("callback", "reverse")}


def _attributes(node: Node) -> list[tuple[str, object]]:
    numbers = _FUNCTION_NUMBERS.get(node.primitive, ())
    return [(name, value) for name, value in node.attrs if name not in numbers]
