"""Which values of a native function can be made where its caller wants a result, so that nothing is copied there.

In: a legalised function. Out: for such values the position of the result. Nobody but the function looks at that memory
before it returns, so all that counts is that one value lies there on each way through the function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...ir.node import Atom, Block, Function, Node, Sym
from ...ir.ops.control import FOR, IF, WHILE
from ...ir.ops.tensors import RESHAPE
from .memory_plan import MAKES_MEMORY


class ResultPlaces:
    """The places of the `written` results of one function, given by their positions.

    by_symbol: for a value, the position of the result in whose memory it is made. complete: the results that are in
    their memory on all ways through the function.
    """

    def __init__(self, function: Function, written: Iterable[int], is_split: Callable[[Block], bool]) -> None:
        """`is_split`: whether a block is written as several C++ functions, which do not know where results go."""
        self.by_symbol: dict[Sym, int] = {}
        self._is_split = is_split
        results = function.body.results
        self.complete = {index for index in written if self._place(function.body, results[index], index)}

    def _place(self, block: Block, atom: Atom, index: int) -> bool:
        """Place what a block gives; whether that could be done on all ways through it."""
        node = next((node for node in block.nodes if atom in node.results), None)
        if node is None or not isinstance(atom, Sym) or atom in self.by_symbol or self._is_split(block):
            return False
        if node.primitive is IF:
            position = node.results.index(atom)
            sides = [self._place(inner, inner.results[position], index) for inner in node.blocks]
            return all(sides)
        if node.primitive is RESHAPE:
            return self._place(block, node.args[0], index)
        if not _makes(node):
            return False
        self.by_symbol[atom] = index
        return True


def _makes(node: Node) -> bool:
    return node.primitive in MAKES_MEMORY or node.primitive in (FOR, WHILE)
