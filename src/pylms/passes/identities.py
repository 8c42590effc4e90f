"""Algebraic identities that hold exactly for the type at hand, as rules by primitive.

In: a node whose operands are simplified already. Out: the atom its result equals, or a better node for the same result,
or None. Elementwise identities serve tensors too, where a constant is the broadcast of one.

Exact means bit for bit, -0.0 and NaN included, for floats; for Python ints, the same value whenever 64 bits hold what
is computed: an identity may lose an OverflowError, which Python does not have, and never adds one. The one exception is
the square of a fixed-width float, which is multiplied as NumPy's arrays and PyTorch do: a power function may round it
less well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Protocol

from ..ir.node import Atom, AttributeValue, Const, Node, Sym
from ..ir.ops import arithmetic as ops
from ..ir.primitive import Primitive, RuleTable
from ..ir.types import BOOL, ScalarType, element_type


class Facts(Protocol):
    """What rules may ask and do."""

    def definition(self, atom: Atom, *primitives: Primitive) -> Node | None:
        """The node that defines `atom`, if it is one of these primitives."""

    def constant(self, atom: Atom) -> Const | None:
        """The constant that `atom`, or every element of it, is."""

    def emit(self, primitive: Primitive, args: tuple[Atom, ...], like: Node) -> Sym:
        """The result of a new node just before `like`."""

    def instead(
        self, node: Node, primitive: Primitive, args: tuple[Atom, ...], attrs: Mapping[str, AttributeValue] = ...
    ) -> Node:
        """A node of another primitive that defines the results of `node`."""


IdentityRule = Callable[[Facts, Node], "Atom | Node | None"]

identity_rules: RuleTable[IdentityRule] = RuleTable("identity")

_INVERSES = {
    ops.EQ: ops.NE,
    ops.NE: ops.EQ,
    ops.LT: ops.GE,
    ops.GE: ops.LT,
    ops.GT: ops.LE,
    ops.LE: ops.GT,
}
# Written as multiplications up to here; beyond, a call of the power function is no slower.
_LARGEST_EXPANDED_EXPONENT = 8


def _dtype(node: Node) -> ScalarType:
    return element_type(node.args[0].type)


def _value(facts: Facts, atom: Atom) -> bool | int | float | None:
    constant = facts.constant(atom)
    return None if constant is None else constant.value


def _is_zero(value: float | None, *, negative: bool = False) -> bool:
    """Whether a constant is a zero of this sign; ints have only the positive one."""
    return value is not None and value == 0 and (math.copysign(1, value) < 0) == negative


def _scalar(node: Node, value: bool | int | float) -> Const | None:
    """The constant result of a scalar node; None for a tensor, which would need another node."""
    type_ = node.results[0].type
    return Const(value, type_) if isinstance(type_, ScalarType) else None


def _in_either_order(node: Node) -> tuple[tuple[Atom, Atom], tuple[Atom, Atom]]:
    left, right = node.args
    return (left, right), (right, left)


@identity_rules.define(ops.ADD)
def _add(facts: Facts, node: Node) -> Atom | Node | None:
    is_float = _dtype(node).is_float
    for kept, other in _in_either_order(node):
        # x + 0.0 turns -0.0 into 0.0; x + -0.0 does not.
        if _is_zero(_value(facts, other), negative=is_float):
            return kept
        negated = facts.definition(other, ops.NEG)
        if negated is not None and (is_float or not _dtype(node).python):
            return facts.instead(node, ops.SUB, (kept, negated.args[0]))
    return None


@identity_rules.define(ops.SUB)
def _sub(facts: Facts, node: Node) -> Atom | Node | None:
    left, right = node.args
    dtype = _dtype(node)
    if _is_zero(_value(facts, right)):
        return left
    if left == right and dtype.is_integer:
        return _scalar(node, 0)
    if _is_zero(_value(facts, left), negative=dtype.is_float):
        return facts.instead(node, ops.NEG, (right,), dict(node.attrs))
    negated = facts.definition(right, ops.NEG)
    if negated is not None and (dtype.is_float or not dtype.python):
        return facts.instead(node, ops.ADD, (left, negated.args[0]))
    return None


@identity_rules.define(ops.MUL)
def _mul(facts: Facts, node: Node) -> Atom | Node | None:
    for kept, other in _in_either_order(node):
        value = _value(facts, other)
        if value == 1:
            return kept
        if value == -1:
            return facts.instead(node, ops.NEG, (kept,), dict(node.attrs))
        if value == 0 and _dtype(node).is_integer:
            return other
    return None


@identity_rules.define(ops.TRUEDIV)
def _truediv(facts: Facts, node: Node) -> Atom | Node | None:
    """Division by a power of two is multiplication by its reciprocal: both round the same real number."""
    left, right = node.args
    constant = facts.constant(right)
    if constant is None or not constant.type.is_float:
        return None
    if constant.value == 1:
        return left
    if constant.value == -1:
        return facts.instead(node, ops.NEG, (left,))
    if isinstance(right, Const) and _has_exact_reciprocal(float(constant.value), constant.type):
        return facts.instead(node, ops.MUL, (left, Const(1.0 / constant.value, constant.type)))
    return None


def _has_exact_reciprocal(value: float, type_: ScalarType) -> bool:
    if value == 0 or not math.isfinite(value):
        return False
    mantissa, exponent = math.frexp(value)
    return abs(mantissa) == 0.5 and abs(exponent) < (1000 if type_.bits == 64 else 120)


@identity_rules.define(ops.FLOORDIV)
def _floordiv(facts: Facts, node: Node) -> Atom | Node | None:
    left, right = node.args
    return left if _dtype(node).is_integer and _value(facts, right) == 1 else None


@identity_rules.define(ops.MOD)
def _mod(facts: Facts, node: Node) -> Atom | Node | None:
    return _scalar(node, 0) if _dtype(node).is_integer and _value(facts, node.args[1]) == 1 else None


@identity_rules.define(ops.POW)
def _pow(facts: Facts, node: Node) -> Atom | Node | None:
    """Powers of integers, and squares of fixed-width floats, are products. (On Python's, `**` raises on overflow.)"""
    base, dtype = node.args[0], _dtype(node)
    exponent = _value(facts, node.args[1])
    if exponent is None:
        return None
    if exponent == 0:
        return _scalar(node, 1.0 if dtype.is_float else 1)
    if exponent == 1:
        return base
    if exponent == 2 and not (dtype.is_float and dtype.python):
        return facts.instead(node, ops.MUL, (base, base))
    if not dtype.is_integer or not 2 < exponent <= _LARGEST_EXPANDED_EXPONENT:
        return None
    return _power_by_squaring(facts, node, base, int(exponent))


def _power_by_squaring(facts: Facts, node: Node, base: Atom, exponent: int) -> Node:
    """No intermediate product is larger than the result, so overflow comes exactly when the power overflows."""
    square = facts.emit(ops.MUL, (base, base), node)
    if exponent == 3:
        return facts.instead(node, ops.MUL, (square, base))
    half, odd = divmod(exponent, 2)
    power: Atom = square
    if half == 3:
        power = facts.emit(ops.MUL, (square, base), node)
    elif half == 4:
        power = facts.emit(ops.MUL, (square, square), node)
    if not odd:
        return facts.instead(node, ops.MUL, (power, power))
    return facts.instead(node, ops.MUL, (facts.emit(ops.MUL, (power, power), node), base))


@identity_rules.define(ops.NEG)
def _neg(facts: Facts, node: Node) -> Atom | Node | None:
    inner = facts.definition(node.args[0], ops.NEG)
    return None if inner is None else inner.args[0]


@identity_rules.define(ops.ABS)
def _abs(facts: Facts, node: Node) -> Atom | Node | None:
    if facts.definition(node.args[0], ops.ABS) is not None:
        return node.args[0]
    negated = facts.definition(node.args[0], ops.NEG)
    if negated is not None and _dtype(node).kind != "uint":
        return facts.instead(node, ops.ABS, (negated.args[0],))
    return None


@identity_rules.define(ops.MINIMUM, ops.MAXIMUM)
def _extreme(_facts: Facts, node: Node) -> Atom | Node | None:
    return node.args[0] if node.args[0] == node.args[1] else None


@identity_rules.define(*ops.COMPARISONS)
def _comparison(facts: Facts, node: Node) -> Atom | Node | None:
    left, right = node.args
    primitive, is_float = node.primitive, _dtype(node).is_float
    if left == right and primitive in (ops.LT, ops.GT):
        return _scalar(node, False)
    if left == right and not is_float:
        return _scalar(node, primitive is not ops.NE)
    if _dtype(node) != BOOL or primitive not in (ops.EQ, ops.NE):
        return None
    for kept, other in _in_either_order(node):
        value = _value(facts, other)
        if value is not None:
            return kept if value == (primitive is ops.EQ) else facts.instead(node, ops.LOGICAL_NOT, (kept,))
    return None


@identity_rules.define(ops.LOGICAL_NOT)
def _not(facts: Facts, node: Node) -> Atom | Node | None:
    (operand,) = node.args
    inner = facts.definition(operand, ops.LOGICAL_NOT, *ops.COMPARISONS)
    if inner is None:
        return None
    if inner.primitive is ops.LOGICAL_NOT:
        return inner.args[0]
    # With NaN, not (a < b) is not a >= b; but not (a == b) is a != b.
    if _dtype(inner).is_float and inner.primitive not in (ops.EQ, ops.NE):
        return None
    return facts.instead(node, _INVERSES[inner.primitive], inner.args)


@identity_rules.define(ops.LOGICAL_AND, ops.LOGICAL_OR)
def _and_or(facts: Facts, node: Node) -> Atom | Node | None:
    if node.args[0] == node.args[1]:
        return node.args[0]
    neutral = node.primitive is ops.LOGICAL_AND
    for kept, other in _in_either_order(node):
        value = _value(facts, other)
        if value is not None:
            return kept if value == neutral else other
    return None


@identity_rules.define(ops.SELECT)
def _select(facts: Facts, node: Node) -> Atom | Node | None:
    condition, chosen, otherwise = node.args
    if chosen == otherwise:
        return chosen
    if condition.type == node.results[0].type:
        values = _value(facts, chosen), _value(facts, otherwise)
        if values == (True, False):
            return condition
        if values == (False, True):
            return facts.instead(node, ops.LOGICAL_NOT, (condition,))
    negated = facts.definition(condition, ops.LOGICAL_NOT)
    if negated is not None:
        return facts.instead(node, ops.SELECT, (negated.args[0], otherwise, chosen))
    return None


@identity_rules.define(ops.CONVERT)
def _convert(facts: Facts, node: Node) -> Atom | Node | None:
    operand, target = node.args[0], element_type(node.results[0].type)
    source = _dtype(node)
    if source == target:
        return operand
    inner = facts.definition(operand, ops.CONVERT)
    if inner is None:
        return None
    origin = _dtype(inner)
    # A float on the way to an integer has rules of its own for what does not fit: only where everything fits.
    through_float = source.is_float and target.is_integer
    if not is_lossless(origin, source) or (through_float and not is_lossless(origin, target)):
        return None
    if origin == target:
        return inner.args[0]
    return facts.instead(node, ops.CONVERT, inner.args, {"dtype": target})


def is_lossless(source: ScalarType, target: ScalarType) -> bool:
    """Whether every value of `source` is one of `target`, so that nothing is lost on the way."""
    if source.kind == "bool":
        return True
    if target.kind == "bool":
        return False
    if source.is_float:
        return target.is_float and target.bits >= source.bits
    if target.is_float:
        return source.bits <= (32 if target.bits == 64 else 16)
    if source.kind == target.kind:
        return target.bits >= source.bits
    return source.kind == "uint" and target.bits > source.bits
