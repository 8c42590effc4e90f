"""What follows where a condition holds, or does not.

In: a condition, its truth, and the nodes that conditions are results of. Out: facts. A branch that gave True although
one side never does has taken the other side, whose nodes then are looked at again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..ir.node import Atom, Block, Const, Node, Sym
from ..ir.ops import arithmetic as ops
from ..ir.ops.arrays import IN_BOUNDS
from ..ir.ops.control import IF
from ..ir.primitive import Primitive
from ..ir.types import BOOL
from .ranges_facts import FURTHEST, Facts, is_integer
from .ranges_polynomials import difference, state_not_positive

_NEGATED = {
    ops.EQ: ops.NE,
    ops.NE: ops.EQ,
    ops.LT: ops.GE,
    ops.GE: ops.LT,
    ops.GT: ops.LE,
    ops.LE: ops.GT,
}


class Conditions(ABC):
    """The part of an analysis that conditions are about: the facts, and what defines the values met so far."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.definitions: dict[Sym, Node] = {}

    @abstractmethod
    def again(self, block: Block) -> None:
        """Learn anew what a block that has run just now tells."""

    def defining(self, atom: Atom, primitive: Primitive) -> Node | None:
        """The node that an atom is the result of, if it is of that primitive."""
        node = self.definitions.get(atom) if isinstance(atom, Sym) else None
        return node if node is not None and node.primitive is primitive else None

    def is_true(self, condition: Atom) -> bool | None:
        """The truth of a condition, where it is known."""
        if isinstance(condition, Const):
            return bool(condition.value)
        truth: bool | None = self.facts.noted(("truth", condition))
        return truth

    def assume(self, condition: Atom, truth: bool) -> None:
        """From here on the condition has that truth."""
        pending = [(condition, truth)]
        while pending:
            condition, truth = pending.pop()
            known = self.is_true(condition)
            if known is None:
                self.facts.note(("truth", condition), truth)
                node = self.definitions.get(condition) if isinstance(condition, Sym) else None
                if node is not None:
                    pending.extend(reversed(self._implied(node, condition, truth)))
            elif known != truth:
                self.facts.die()

    def _implied(self, node: Node, condition: Atom, truth: bool) -> list[tuple[Atom, bool]]:
        """The truths of other conditions that follow; what follows about integers is learnt at once."""
        if node.primitive is ops.LOGICAL_NOT:
            return [(node.args[0], not truth)]
        if node.primitive in (ops.LOGICAL_AND, ops.LOGICAL_OR):
            return [(arg, truth) for arg in node.args] if truth == (node.primitive is ops.LOGICAL_AND) else []
        if node.primitive in _NEGATED and is_integer(node.args[0]):
            self._compare(node.primitive if truth else _NEGATED[node.primitive], *node.args)
        elif node.primitive is IN_BOUNDS and truth:
            self._is_in_bounds(*node.args)
        elif node.primitive is IF:
            return self._choice_was(node, condition, truth)
        elif node.primitive is ops.SELECT and node.args[0].type == BOOL:
            return _selection_was(node, truth)
        return []

    def _compare(self, primitive: Primitive, left: Atom, right: Atom) -> None:
        if primitive in (ops.GT, ops.GE):
            left, right = right, left
        if primitive is ops.NE:
            self._differ(left, right)
            return
        self._at_most(left, right, -1 if primitive in (ops.LT, ops.GT) else 0)
        if primitive is ops.EQ:
            self._at_most(right, left, 0)

    def _at_most(self, left: Atom, right: Atom, bound: int) -> None:
        """left - right <= bound, also of the sums and products they are."""
        facts = self.facts
        facts.relate(left, right, bound)
        state_not_positive(difference(left, right, bound, facts), facts)

    def _differ(self, left: Atom, right: Atom) -> None:
        for one, other in ((left, right), (right, left)):
            low, high = self.facts.interval(other)
            one_low, one_high = self.facts.interval(one)
            if low == high and low in (one_low, one_high):
                self.facts.restrict(one, one_low + (low == one_low), one_high - (low == one_high))
                return
            if self.facts.distance(one, other) == 0:
                self.facts.relate(one, other, -1)

    def _is_in_bounds(self, index: Atom, extent: Atom) -> None:
        facts = self.facts
        facts.note(("in bounds", index, extent), True)
        facts.restrict(extent, 1, FURTHEST * 2)
        self._at_most(index, extent, -1)
        facts.restrict(index, -facts.interval(extent)[1], FURTHEST * 2)

    def _choice_was(self, node: Node, condition: Atom, truth: bool) -> list[tuple[Atom, bool]]:
        """A branch gave `truth`: where one side never does, the other one ran, and what it computed holds."""
        position = next(position for position, result in enumerate(node.results) if result is condition)
        for side, block in enumerate(node.blocks):
            other = node.blocks[1 - side].results[position]
            if isinstance(other, Const) and bool(other.value) != truth:
                self.assume(node.args[0], side == 0)
                self.again(block)
                return [(block.results[position], truth)]
        return []


def _selection_was(node: Node, truth: bool) -> list[tuple[Atom, bool]]:
    """What follows where a selection between bools gave `truth` and one of them never does."""
    condition, chosen, otherwise = node.args
    for is_chosen, value, other in ((True, chosen, otherwise), (False, otherwise, chosen)):
        if isinstance(other, Const) and bool(other.value) != truth:
            return [(condition, is_chosen), (value, truth)]
    return []
