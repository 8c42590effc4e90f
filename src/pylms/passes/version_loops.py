"""What cannot be proven in a loop but can be tested before it (DESIGN D7).

In: a loop nest in which checks are left, and what is known before it. Out: a `Version`: assumptions about values from
outside the nest under which more of the checks surely pass, as inequalities between polynomials and as limits of size,
and what is decided then. The nest becomes two: a copy for where the assumptions hold, and the checked one as it was, so
that what is written before an error is written as in Python.

An index that lies between bounds which the loops tell gives an inequality between what is known outside; arithmetic
gives limits of the numbers it is made of, and of how often the loops go round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..ir.builder import Builder
from ..ir.node import Atom, Block, Const, Node, Sym, walk
from ..ir.ops import arithmetic as ops
from ..ir.ops.arrays import IN_BOUNDS
from ..ir.ops.control import CHECK, FOR, WHILE
from ..ir.primitive import Primitive
from ..ir.types import INT, ArrayType, ScalarType
from ..loc import Loc
from .ranges import Ranges
from .ranges_facts import LARGEST, Facts
from .ranges_polynomials import (
    Polynomial,
    add,
    constant,
    difference,
    expand,
    is_not_positive,
    largest,
    state_not_positive,
    symbols,
    upper_bound,
)
from .ranges_rules import Decision

# Operations of a nest that is worth a second copy.
_LARGEST_NEST = 150
# Limits of size that are tried, as powers of two, and tests before one loop.
_LIMITS = (31, 28, 20, 15)
_MOST_COMPARISONS = 16

Comparison: TypeAlias = tuple[Polynomial, Polynomial]

_ARITHMETIC = (ops.ADD, ops.SUB, ops.MUL, ops.NEG, ops.ABS)


@dataclass(frozen=True, slots=True)
class Version:
    """Where all the comparisons, left <= right, hold before a loop, these are the decisions about what is in it."""

    comparisons: Sequence[Comparison]
    decisions: Mapping[Node, Decision]
    gain: int
    """How many checks more are gone."""


class Versions:
    """The versions found for the loops of one analysis: none within another."""

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges
        self.found: dict[Node, Version] = {}
        ranges.on_loop = self._consider

    def _consider(self, loop: Node) -> None:
        """Asked at each loop once what holds in it is known, inner ones first."""
        # What an earlier walk found may rest on guesses that did not hold.
        self.found.pop(loop, None)
        if not self._ranges.may_try:
            return
        nodes = _nest(loop)
        if len(nodes) > _LARGEST_NEST or not all(map(_may_be_copied, nodes)):
            return
        left = _count_left(nodes, self._ranges.decisions)
        if not left:
            return
        wishes = _Wishes(self._ranges, loop)
        # A version of the whole nest is better than versions of loops within that rid of as much.
        least = max(1, sum(map(self._gain, loop.blocks)))
        for limit in _LIMITS:
            version = self._version(loop, wishes, 1 << limit, left)
            if version is not None and version.gain >= least:
                self.found[loop] = version
                least = version.gain + 1
            if least > left:
                return

    def _gain(self, block: Block) -> int:
        """How many checks the versions of loops in a block make needless."""
        total = 0
        for node in block.nodes:
            version = self.found.get(node)
            total += sum(map(self._gain, node.blocks)) if version is None else version.gain
        return total

    def _version(self, loop: Node, wishes: _Wishes, limit: int, left: int) -> Version | None:
        """What comes of granting the wishes with that limit of size; None where there is nothing to grant."""
        facts = self._ranges.facts
        mark = facts.mark()
        comparisons: list[Comparison] = []
        for symbol in wishes.limited:
            _limit(symbol, limit, comparisons, facts)
        for polynomial in wishes.inequalities:
            sides = _sides(polynomial, facts)
            if sides is None:
                for symbol in symbols(polynomial):
                    _limit(symbol, limit, comparisons, facts)
                sides = _sides(polynomial, facts)
            if sides is not None:
                comparisons.append(sides)
        facts.undo(mark)
        if not 0 < len(comparisons) <= _MOST_COMPARISONS:
            return None

        def assume() -> None:
            for left, right in comparisons:
                _state(add(left, right, -1), facts)

        decisions = self._ranges.decided_under(loop, assume)
        return Version(comparisons, decisions, left - _count_left(_nest(loop), decisions))


def _nest(loop: Node) -> list[Node]:
    """A loop and all nodes within."""
    return [loop, *(node for block in loop.blocks for node in walk(block))]


def _may_be_copied(node: Node) -> bool:
    """Whether a node is of a kind that numerical loops are made of."""
    return not node.effect.io and all(isinstance(result.type, (ScalarType, ArrayType)) for result in node.results)


def _count_left(nodes: Sequence[Node], decisions: Mapping[Node, Decision]) -> int:
    return sum(1 for node in nodes if _is_wished_away(node) and node not in decisions)


def _is_wished_away(node: Node) -> bool:
    """Whether a node has a check that a test before the loop may replace."""
    if node.primitive is CHECK:
        return node.attr("error") == "IndexError"
    if node.primitive is FOR:
        return isinstance(node.args[2], Sym)
    return node.primitive in _ARITHMETIC and node.effect.raises


def _limit(symbol: Sym, limit: int, comparisons: list[Comparison], facts: Facts) -> None:
    """Assume that a value lies between minus and plus the limit, as far as that is not known."""
    low, high = facts.interval(symbol)
    value: Polynomial = {(symbol,): 1}
    if low < -limit:
        comparisons.append((constant(-limit), value))
    if high > limit:
        comparisons.append((value, constant(limit)))
    facts.restrict(symbol, -limit, limit)


class _Wishes:
    """What one would like to know before a loop.

    `inequalities`: polynomials of values from outside that should not be positive, for the indices within; `limited`:
    the values from outside that arithmetic within depends on.
    """

    def __init__(self, ranges: Ranges, loop: Node) -> None:
        self._ranges = ranges
        self._since = ranges.facts.next_order
        self._inequalities: dict[tuple[Node, int], Polynomial] = {}
        self._depends: dict[Sym, list[Atom]] = {}
        self._wanted: list[Atom] = []
        self._read(loop)
        ranges.once_more(loop, self._look)
        self.limited = self._reached() if self._has_arithmetic else []
        unique: list[Polynomial] = []
        for polynomial in self._inequalities.values():
            if polynomial not in unique and upper_bound(polynomial, ranges.facts) > 0:
                unique.append(polynomial)
        self.inequalities = unique

    def _read(self, loop: Node) -> None:
        """What depends on what in the nest, and what its arithmetic and the number of its iterations depend on."""
        self._has_arithmetic = False
        for node in _nest(loop):
            for result in node.results:
                self._depends[result] = [*node.args, *_given(node)]
            for block in node.blocks:
                carried: Sequence[Sym] = block.params
                initial: Sequence[Atom] = node.args
                if node.primitive is FOR:
                    self._depends[block.params[0]] = list(node.args[:3])
                    carried, initial = block.params[1:], node.args[3:]
                for param, start, following in zip(carried, initial, node.blocks[-1].results, strict=False):
                    self._depends[param] = [start, following]
            if node.primitive is FOR:
                self._wanted.extend(node.args[:3])
            elif node.primitive is WHILE:
                self._wanted.extend(node.blocks[0].results)
            if _is_wished_away(node) and node.primitive is not CHECK and node not in self._ranges.decisions:
                self._has_arithmetic = True
                self._wanted.extend(node.args)

    def _reached(self) -> list[Sym]:
        """The ints from outside that what is wanted is made of."""
        pending, seen = list(self._wanted), set[Sym]()
        found: list[Sym] = []
        while pending:
            atom = pending.pop()
            if not isinstance(atom, Sym) or atom in seen:
                continue
            seen.add(atom)
            if atom in self._depends:
                pending.extend(self._depends[atom])
            elif self._is_invariant(atom):
                found.append(atom)
        return found

    def _is_invariant(self, symbol: Sym) -> bool:
        is_earlier = self._ranges.facts.order(symbol) < self._since
        return is_earlier and symbol.type == INT and self._ranges.is_in_scope(symbol)

    def _look(self, node: Node) -> None:
        """A node of the nest, where what holds in the loops is known."""
        if node.primitive is not CHECK or node in self._ranges.decisions:
            return
        tested = self._ranges.defining(node.args[0], IN_BOUNDS)
        if tested is None:
            return
        index, extent = tested.args
        facts = self._ranges.facts
        wanted = (difference(index, extent, -1, facts), add({}, expand(index, facts), -1))
        for number, polynomial in enumerate(wanted):
            self._inequalities.pop((node, number), None)
            if not is_not_positive(polynomial, facts):
                bound = largest(polynomial, facts, self._is_invariant)
                if bound is not None:
                    self._inequalities[node, number] = bound


def _given(node: Node) -> Iterator[Atom]:
    """What the blocks of a node give."""
    for block in node.blocks:
        yield from block.results


# ---- the assumptions as facts, and as a condition


def _state(polynomial: Polynomial, facts: Facts) -> None:
    """Let it be known that a polynomial is not positive, also where it speaks of one value or two."""
    state_not_positive(polynomial, facts)
    terms = [(monomial[0], coefficient) for monomial, coefficient in polynomial.items() if len(monomial) == 1]
    number = polynomial.get((), 0)
    if len(terms) + (() in polynomial) < len(polynomial):
        return
    if len(terms) == 1:
        ((symbol, coefficient),) = terms
        low, high = facts.interval(symbol)
        if coefficient > 0:
            facts.restrict(symbol, low, -number // coefficient)
        else:
            facts.restrict(symbol, -(-number // -coefficient), high)
    elif len(terms) == 2 and {coefficient for _, coefficient in terms} == {1, -1}:
        (left,) = (symbol for symbol, coefficient in terms if coefficient == 1)
        (right,) = (symbol for symbol, coefficient in terms if coefficient == -1)
        facts.relate(left, right, -number)


def _sides(polynomial: Polynomial, facts: Facts) -> Comparison | None:
    """That a polynomial is not positive, as left <= right, neither of which overflows; None where that is not sure."""
    number = polynomial.get((), 0)
    left = {monomial: coefficient for monomial, coefficient in polynomial.items() if monomial and coefficient > 0}
    right = {monomial: -coefficient for monomial, coefficient in polynomial.items() if monomial and coefficient < 0}
    for sides in ((left, add(right, constant(-number))), (add(left, constant(number)), right)):
        if all(_fits(side, facts) for side in sides):
            return sides
    return None


def _fits(polynomial: Polynomial, facts: Facts) -> bool:
    """Whether no product or sum on the way leaves 64 bits: all that is added up, without signs, does not."""
    if len(polynomial) == 1 and all(len(monomial) == coefficient == 1 for monomial, coefficient in polynomial.items()):
        return True
    total = 0
    for monomial, coefficient in polynomial.items():
        size = abs(coefficient)
        for symbol in monomial:
            size *= max(1, *map(abs, facts.interval(symbol)))
        total += size
    return total <= LARGEST


def test_nodes(version: Version, builder: Builder, loc: Loc) -> list[Node]:
    """Nodes that test whether the assumptions of a version hold; the last one's result says it."""
    nodes: list[Node] = []
    writer = _Writer(builder, loc, nodes)
    holds: Atom | None = None
    for left, right in version.comparisons:
        test = writer.emit(ops.LE, (writer.sum(left), writer.sum(right)))
        holds = test if holds is None else writer.emit(ops.LOGICAL_AND, (holds, test))
    return nodes


@dataclass(frozen=True, slots=True)
class _Writer:
    """Appends nodes."""

    builder: Builder
    loc: Loc
    nodes: list[Node]

    def emit(self, primitive: Primitive, args: Sequence[Atom]) -> Atom:
        attrs = dict((ops.UNCHECKED,)) if primitive in (ops.ADD, ops.MUL) else {}
        node = self.builder.node(primitive, args, loc=self.loc, attrs=attrs)
        self.nodes.append(node)
        return node.results[0]

    def sum(self, polynomial: Polynomial) -> Atom:
        """Its value, where no part of it overflows (or where another test fails)."""
        total: Atom | None = None
        for monomial, coefficient in polynomial.items():
            factors: list[Atom] = list(monomial)
            if coefficient != 1 or not factors:
                factors.append(Const(coefficient, INT))
            term = factors[0]
            for factor in factors[1:]:
                term = self.emit(ops.MUL, (term, factor))
            total = term if total is None else self.emit(ops.ADD, (total, term))
        return Const(0, INT) if total is None else total
