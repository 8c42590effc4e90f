"""Which variables' values are still wanted, at the ends of structured control flow.

In: a block whose variables are IR variables. Out: for each `if`, `while` and `for` in it, the variables that may be
read after the node before they are set again, and for loops also those wanted at the start of an iteration.

Two walks, each linear: summaries of blocks from the inside out (what a block reads before setting, what it surely
sets), then wanted sets from the outside in. A loop needs no iteration to a fixpoint: what is wanted before a block is
`reads | (wanted after - sets)`, for which once around is enough. Nests over arrays have no variables.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InternalError
from ..ir.node import Block, Function, Node, Sym
from ..ir.ops.array_nests import NESTS
from ..ir.ops.control import FOR, IF, WHILE
from ..ir.ops.differentiation import CUSTOM_GRADIENT
from ..ir.ops.variables import VAR_GET, VAR_SET

_Variables = frozenset[Sym]


@dataclass(frozen=True, slots=True)
class _Summary:
    """`reads`: variables whose value on entry may be read; `sets`: those set on every way through."""

    reads: _Variables
    sets: _Variables


class Liveness:
    """The variables wanted after each control node of a function, and at each loop's iterations."""

    def __init__(self, function: Function) -> None:
        self.after: dict[Node, _Variables] = {}
        self.at_iteration: dict[Node, _Variables] = {}
        self._summaries: dict[Block, _Summary] = {}
        self._summarise(function.body)
        self._place(function.body, frozenset())

    def _summarise(self, block: Block) -> _Summary:
        reads: set[Sym] = set()
        sets: set[Sym] = set()
        for node in reversed(block.nodes):
            if node.primitive is VAR_GET:
                reads.add(_variable(node))
            elif node.primitive is VAR_SET:
                reads.discard(_variable(node))
                sets.add(_variable(node))
            elif node.blocks and node.primitive not in NESTS:
                inner = self._summarise_node(node)
                reads -= inner.sets
                reads |= inner.reads
                sets |= inner.sets
        summary = self._summaries[block] = _Summary(frozenset(reads), frozenset(sets))
        return summary

    def _summarise_node(self, node: Node) -> _Summary:
        parts = [self._summarise(block) for block in node.blocks]
        if node.primitive is IF:
            then, otherwise = parts
            return _Summary(then.reads | otherwise.reads, then.sets & otherwise.sets)
        if node.primitive is WHILE:
            condition, body = parts
            return _Summary(condition.reads | (body.reads - condition.sets), condition.sets)
        if node.primitive in (FOR, CUSTOM_GRADIENT):
            return _Summary(parts[0].reads, frozenset())
        raise InternalError(f"promote_variables does not know the blocks of `{node.primitive}`", loc=node.loc)

    def _place(self, block: Block, wanted_after: _Variables) -> None:
        wanted = set(wanted_after)
        for node in reversed(block.nodes):
            if node.primitive is VAR_GET:
                wanted.add(_variable(node))
            elif node.primitive is VAR_SET:
                wanted.discard(_variable(node))
            elif node.blocks and node.primitive not in NESTS:
                wanted = set(self._place_node(node, frozenset(wanted)))

    def _place_node(self, node: Node, after: _Variables) -> _Variables:
        """Record what is wanted after and within a node; what is wanted before it."""
        self.after[node] = after
        if node.primitive is IF:
            for block in node.blocks:
                self._place(block, after)
            return self._before(node.blocks[0], after) | self._before(node.blocks[1], after)
        if node.primitive is CUSTOM_GRADIENT:
            self._place(node.blocks[0], after)
            return self._before(node.blocks[0], frozenset()) | after
        if node.primitive is FOR:
            (body,) = node.blocks
            start = after | self._summaries[body].reads
            self.at_iteration[node] = start
            self._place(body, start)
            return start
        condition, body = node.blocks
        after_condition = after | self._summaries[body].reads
        start = self._before(condition, after_condition)
        # What the next iteration wants passes through the body unless the body sets it; the condition wants it again.
        after_condition |= self._before(body, start)
        self.at_iteration[node] = start
        self._place(body, start)
        self._place(condition, after_condition)
        return start

    def _before(self, block: Block, wanted_after: _Variables) -> _Variables:
        summary = self._summaries[block]
        return summary.reads | (wanted_after - summary.sets)


def _variable(node: Node) -> Sym:
    variable = node.args[0]
    assert isinstance(variable, Sym), "verified: a variable is a symbol"
    return variable
