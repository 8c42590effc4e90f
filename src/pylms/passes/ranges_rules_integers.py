"""What bit operations tell, and lengths of texts and containers.

In: a node, and the facts before it. Out: as `ranges_rules` says, whose table this fills.
"""

from __future__ import annotations

from ..ir.node import Node
from ..ir.ops import arithmetic
from ..ir.ops import integers as ops
from ..ir.ops.dicts import DICT_LENGTH
from ..ir.ops.lists import LIST_LENGTH
from ..ir.ops.texts import TEXT_LENGTH, TEXT_ORD
from ..ir.types import INT
from .ranges_facts import LARGEST, Facts, Interval, interval_of_type
from .ranges_rules import Decision, Point, range_rules

_LONGEST_SHIFT = 64
_LAST_CODE_POINT = 0x10FFFF
# More elements than this no memory holds.
_LONGEST = LARGEST >> 3


@range_rules.define(ops.BIT_AND)
def _and(point: Point, node: Node) -> Decision | None:
    facts, (result,) = point.facts, node.results
    naturals = [arg for arg in node.args if facts.interval(arg)[0] >= 0]
    if not naturals:
        facts.restrict(result, *_same_width(node, facts))
    for arg in naturals:
        facts.restrict(result, 0, facts.interval(arg)[1])
        facts.relate(result, arg, 0)
    return None


@range_rules.define(ops.BIT_OR, ops.BIT_XOR)
def _or(point: Point, node: Node) -> Decision | None:
    low, high = _same_width(node, point.facts)
    lows = [point.facts.interval(arg)[0] for arg in node.args]
    if min(lows) >= 0:
        low = max(lows) if node.primitive is ops.BIT_OR else 0
    point.facts.restrict(node.results[0], low, high)
    return None


def _same_width(node: Node, facts: Facts) -> Interval:
    """The numbers of no more bits than the operands have."""
    bits = max((bound if bound >= 0 else ~bound).bit_length() for arg in node.args for bound in facts.interval(arg))
    return -(1 << bits), (1 << bits) - 1


@range_rules.define(ops.INVERT)
def _invert(point: Point, node: Node) -> Decision | None:
    low, high = point.facts.interval(node.args[0])
    if low >= 0 and interval_of_type(node.results[0].type)[0] == 0:
        return None
    point.facts.restrict(node.results[0], ~high, ~low)
    return None


@range_rules.define(ops.SHIFT_RIGHT)
def _shift_right(point: Point, node: Node) -> Decision | None:
    facts, counts = point.facts, _counts(point, node)
    if counts is None:
        return None
    low, high = facts.interval(node.args[0])
    facts.restrict(node.results[0], min(low >> count for count in counts), max(high >> count for count in counts))
    if low >= 0:
        facts.relate(node.results[0], node.args[0], 0)
    return None


@range_rules.define(ops.SHIFT_LEFT)
def _shift_left(point: Point, node: Node) -> Decision | None:
    facts, counts = point.facts, _counts(point, node)
    if counts is None:
        return None
    low, high = facts.interval(node.args[0])
    low, high = min(low << count for count in counts), max(high << count for count in counts)
    type_low, type_high = interval_of_type(node.results[0].type)
    fits, is_checked = type_low <= low and high <= type_high, node.effect.raises
    if fits or is_checked:
        facts.restrict(node.results[0], low, high)
    surely_counts = facts.interval(node.args[1])[0] >= 0
    return (arithmetic.UNCHECKED,) if fits and is_checked and surely_counts else None


def _counts(point: Point, node: Node) -> Interval | None:
    """What a shift may be by, as far as it matters; None where it may drop what Python would not."""
    low, high = point.facts.interval(node.args[1])
    if node.results[0].type == INT:
        return min(max(low, 0), _LONGEST_SHIFT), min(max(high, 0), _LONGEST_SHIFT)
    return (low, high) if 0 <= low <= high < node.results[0].type.bits else None  # type: ignore[union-attr]


@range_rules.define(ops.BIT_LENGTH, ops.BIT_COUNT)
def _bits(point: Point, node: Node) -> Decision | None:
    point.facts.restrict(node.results[0], 0, 64)
    return None


@range_rules.define(ops.ISQRT)
def _root(point: Point, node: Node) -> Decision | None:
    point.facts.restrict(node.results[0], 0, 1 << 32)
    point.facts.relate(node.results[0], node.args[0], 0)
    return None


@range_rules.define(TEXT_LENGTH, LIST_LENGTH, DICT_LENGTH)
def _length(point: Point, node: Node) -> Decision | None:
    point.facts.restrict(node.results[0], 0, _LONGEST)
    return None


@range_rules.define(TEXT_ORD)
def _code_point(point: Point, node: Node) -> Decision | None:
    point.facts.restrict(node.results[0], 0, _LAST_CODE_POINT)
    return None
