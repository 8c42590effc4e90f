"""What each operation on integers tells about its result, and what is then known of the operation itself.

In: a node, and the facts before it. Out: facts about its result added, and a decision: a value that its result surely
is, attributes that may be added to it, or None. A check is decided when it surely passes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..ir.node import Atom, Attributes, Const, Node, Sym
from ..ir.ops import arithmetic as ops
from ..ir.ops.control import CHECK
from ..ir.primitive import Primitive, RuleTable
from ..ir.types import BOOL, INT, ScalarType
from .ranges_facts import Facts, Interval, interval_of_type, is_integer
from .ranges_polynomials import define, equate, is_exact

Decision = Atom | Attributes

# A difference known only to lie in a wider interval than this is not worth remembering.
_WIDEST_DIFFERENCE = 1 << 40
_UNCHECKED: Attributes = (ops.UNCHECKED,)
_NATURAL: Attributes = (ops.NATURAL,)
_TRUE, _FALSE = Const(True, BOOL), Const(False, BOOL)


class Point(Protocol):
    """The place in a program that a rule is asked about."""

    @property
    def facts(self) -> Facts:
        """What is known there."""

    def assume(self, condition: Atom, truth: bool) -> None:
        """From here on the condition has that truth."""

    def is_true(self, condition: Atom) -> bool | None:
        """The truth of a condition, where it is known."""

    def choose(self, result: Sym, condition: Atom, arms: tuple[Atom, Atom]) -> None:
        """The result is one of two values."""

    def defining(self, atom: Atom, primitive: Primitive) -> Node | None:
        """The node that an atom is the result of, if it is of that primitive."""


RangeRule = Callable[[Point, Node], Decision | None]

range_rules: RuleTable[RangeRule] = RuleTable("range")


# ---- sums and products


def _settle(point: Point, node: Node, low: int, high: int) -> tuple[bool, Decision | None]:
    """State the interval of a result that lies in [low, high] unless it wraps or raises.

    Whether it is exact from here on, and the decision.
    """
    facts, result = point.facts, node.results[0]
    type_low, type_high = interval_of_type(result.type)
    fits = type_low <= low and high <= type_high
    raises = result.type == INT and not ops.is_unchecked(node)
    if fits or raises:
        facts.restrict(result, low, high)
    return fits or raises, _UNCHECKED if fits and raises else None


def _relate_sum(facts: Facts, total: Sym, part: Atom, change: Interval) -> None:
    """total - part lies in the interval."""
    low, high = change
    if high < _WIDEST_DIFFERENCE:
        facts.relate(total, part, high)
    if low > -_WIDEST_DIFFERENCE:
        facts.relate(part, total, -low)


@range_rules.define(ops.ADD)
def _add(point: Point, node: Node) -> Decision | None:
    if not is_integer(node.results[0]):
        return None
    (left, right), (result,), facts = node.args, node.results, point.facts
    (left_low, left_high), (right_low, right_high) = facts.interval(left), facts.interval(right)
    exact, decision = _settle(point, node, left_low + right_low, left_high + right_high)
    if exact:
        define(result, node, facts)
        _relate_sum(facts, result, left, (right_low, right_high))
        _relate_sum(facts, result, right, (left_low, left_high))
    return decision


@range_rules.define(ops.SUB)
def _sub(point: Point, node: Node) -> Decision | None:
    if not is_integer(node.results[0]):
        return None
    (left, right), (result,), facts = node.args, node.results, point.facts
    left_low, left_high = facts.interval(left)
    right_low, right_high = facts.interval(right)
    most, least = facts.distance(left, right), facts.distance(right, left)
    high = left_high - right_low if most is None else most
    low = left_low - right_high if least is None else -least
    exact, decision = _settle(point, node, low, high)
    if exact:
        define(result, node, facts)
        _relate_sum(facts, result, left, (-right_high, -right_low))
    return decision


@range_rules.define(ops.MUL)
def _mul(point: Point, node: Node) -> Decision | None:
    if not is_integer(node.results[0]):
        return None
    (left, right), (result,), facts = node.args, node.results, point.facts
    low, high = _product(facts.interval(left), facts.interval(right))
    if left == right:
        low = max(low, 0)
    exact, decision = _settle(point, node, low, high)
    if exact:
        define(result, node, facts)
        for factor, other in ((left, right), (right, left)):
            # A positive number times a number that is not negative is no less than the latter.
            if facts.interval(factor)[0] >= 1 and facts.interval(other)[0] >= 0:
                facts.relate(other, result, 0)
    return decision


def _product(left: Interval, right: Interval) -> Interval:
    corners = [one * other for one in left for other in right]
    return min(corners), max(corners)


@range_rules.define(ops.NEG)
def _neg(point: Point, node: Node) -> Decision | None:
    if not is_integer(node.results[0]):
        return None
    low, high = point.facts.interval(node.args[0])
    exact, decision = _settle(point, node, -high, -low)
    if exact:
        define(node.results[0], node, point.facts)
    return decision


@range_rules.define(ops.ABS)
def _abs(point: Point, node: Node) -> Decision | None:
    if not is_integer(node.results[0]):
        return None
    low, high = point.facts.interval(node.args[0])
    _exact, decision = _settle(point, node, max(low, -high, 0), max(-low, high))
    if low < 0:
        return decision
    equate(node.results[0], node.args[0], point.facts)
    return node.args[0]


# ---- divisions


@range_rules.define(ops.FLOORDIV)
def _floordiv(point: Point, node: Node) -> Decision | None:
    if not is_integer(node.results[0]):
        return None
    (left, right), (result,), facts = node.args, node.results, point.facts
    dividend, divisor = facts.interval(left), facts.interval(right)
    nonzero = _nonzero(node, divisor)
    if nonzero is None:
        return None
    corners = [one // other for one in dividend for other in nonzero]
    fits = max(corners) <= interval_of_type(result.type)[1]
    if (fits or result.type == INT) and nonzero[0] > 0:
        facts.restrict(result, min(corners), max(corners))
        if dividend[0] >= 0:
            facts.relate(result, left, 0)
        _relate_midpoint(point, node)
    return _division_decision(node, dividend, divisor, fits=fits)


def _nonzero(node: Node, divisor: Interval) -> Interval | None:
    """The interval of a divisor where zero is not within; Python's division has raised for a zero at an end."""
    low, high = divisor
    if node.results[0].type == INT:
        low, high = low or 1, high or -1
    return (low, high) if 0 < low <= high or low <= high < 0 else None


def _division_decision(node: Node, dividend: Interval, divisor: Interval, *, fits: bool) -> Decision | None:
    if node.results[0].type != INT:
        return None
    decision: Attributes = ()
    if node.effect.keep and fits and not divisor[0] <= 0 <= divisor[1]:
        decision = _UNCHECKED
    if dividend[0] >= 0 and divisor[0] > 0:
        decision += _NATURAL
    return decision or None


def _relate_midpoint(point: Point, node: Node) -> None:
    """(a + b) // 2 lies between a and b, closer than they are to each other."""
    total, two = node.args
    facts, (middle,) = point.facts, node.results
    definition = point.defining(total, ops.ADD)
    if facts.interval(two) != (2, 2) or definition is None or not is_exact(total, facts):
        return
    one, other = definition.args
    for near, far in ((one, other), (other, one)):
        most, least = facts.distance(far, near), facts.distance(near, far)
        if most is not None:
            facts.relate(middle, near, most // 2)
        if least is not None:
            facts.relate(near, middle, -(-least // 2))


@range_rules.define(ops.MOD)
def _mod(point: Point, node: Node) -> Decision | None:
    if not is_integer(node.results[0]):
        return None
    (left, right), (result,), facts = node.args, node.results, point.facts
    dividend, divisor = facts.interval(left), facts.interval(right)
    nonzero = _nonzero(node, divisor)
    if nonzero is None:
        return None
    if nonzero[0] > 0:
        facts.restrict(result, 0, nonzero[1] - 1)
        facts.relate(result, right, -1)
        if dividend[0] >= 0:
            facts.relate(result, left, 0)
    else:
        facts.restrict(result, nonzero[0] + 1, 0)
    return _division_decision(node, dividend, divisor, fits=True)


# ---- choices


@range_rules.define(ops.MINIMUM, ops.MAXIMUM)
def _extreme(point: Point, node: Node) -> Decision | None:
    if not is_integer(node.results[0]):
        return None
    (left, right), (result,), facts = node.args, node.results, point.facts
    is_minimum = node.primitive is ops.MINIMUM
    for chosen, other in ((left, right), (right, left)):
        lesser, greater = (chosen, other) if is_minimum else (other, chosen)
        if facts.is_at_most(lesser, greater, 0):
            equate(result, chosen, facts)
            return chosen
    (left_low, left_high), (right_low, right_high) = facts.interval(left), facts.interval(right)
    nearest = min if is_minimum else max
    facts.restrict(result, nearest(left_low, right_low), nearest(left_high, right_high))
    for operand in (left, right):
        lesser, greater = (result, operand) if is_minimum else (operand, result)
        facts.relate(lesser, greater, 0)
    # What both are within, the result is.
    table, other_table = (facts.reach(each, upwards=not is_minimum) for each in (left, right))
    for value in [value for value in table if value in other_table][:4]:
        bound = max(table[value], other_table[value])
        facts.relate(*((value, result) if is_minimum else (result, value)), bound)
    return None


@range_rules.define(ops.SELECT)
def _select(point: Point, node: Node) -> Decision | None:
    condition, chosen, otherwise = node.args
    if condition.type != BOOL or not isinstance(node.results[0].type, ScalarType):
        return None
    truth = point.is_true(condition)
    if truth is not None:
        kept = chosen if truth else otherwise
        equate(node.results[0], kept, point.facts)
        return kept
    if is_integer(node.results[0]):
        point.choose(node.results[0], condition, (chosen, otherwise))
    return None


@range_rules.define(ops.CONVERT)
def _convert(point: Point, node: Node) -> Decision | None:
    (operand,), (result,), facts = node.args, node.results, point.facts
    if not is_integer(result):
        return None
    if operand.type == BOOL:
        facts.restrict(result, 0, 1)
    if not is_integer(operand):
        return None
    (low, high), (type_low, type_high) = facts.interval(operand), interval_of_type(result.type)
    if type_low <= low and high <= type_high:
        equate(result, operand, facts)
    return None


# ---- conditions


@range_rules.define(*ops.COMPARISONS)
def _comparison(point: Point, node: Node) -> Decision | None:
    if not is_integer(node.args[0]):
        return None
    truth = _compared(point.facts, node)
    return None if truth is None else known_truth(point, node, truth)


def _compared(facts: Facts, node: Node) -> bool | None:
    """The truth of a comparison of integers, where it is known."""
    left, right = node.args
    primitive = node.primitive
    if primitive in (ops.GT, ops.GE):
        left, right = right, left
    if primitive in (ops.LT, ops.GT):
        return _either(facts.is_at_most(left, right, -1), facts.is_at_most(right, left, 0))
    if primitive in (ops.LE, ops.GE):
        return _either(facts.is_at_most(left, right, 0), facts.is_at_most(right, left, -1))
    differs = facts.is_at_most(left, right, -1) or facts.is_at_most(right, left, -1)
    same = not differs and facts.is_at_most(left, right, 0) and facts.is_at_most(right, left, 0)
    return _either(same, differs) if primitive is ops.EQ else _either(differs, same)


def _either(holds: bool, fails: bool) -> bool | None:
    return True if holds else False if fails else None


def known_truth(point: Point, node: Node, truth: bool) -> Const:
    """The decision that a node gives that truth."""
    value = _TRUE if truth else _FALSE
    point.facts.note(("truth", node.results[0]), truth)
    return value


@range_rules.define(ops.LOGICAL_NOT)
def _not(point: Point, node: Node) -> Decision | None:
    truth = point.is_true(node.args[0]) if node.results[0].type == BOOL else None
    return None if truth is None else known_truth(point, node, not truth)


@range_rules.define(ops.LOGICAL_AND, ops.LOGICAL_OR)
def _connective(point: Point, node: Node) -> Decision | None:
    if node.results[0].type != BOOL:
        return None
    deciding = node.primitive is ops.LOGICAL_OR
    truths = [point.is_true(arg) for arg in node.args]
    if deciding in truths:
        return known_truth(point, node, deciding)
    return known_truth(point, node, not deciding) if None not in truths else None


@range_rules.define(CHECK)
def _check(point: Point, node: Node) -> Decision | None:
    truth = point.is_true(node.args[0])
    point.assume(node.args[0], True)
    return _TRUE if truth else None
