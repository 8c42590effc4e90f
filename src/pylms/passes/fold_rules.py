"""The values of scalar operations on constants.

In: the constant operands of a node. Out: the value it has, or None where it is not known exactly: where running it
would raise, where 64 bits do not hold a Python int, and where NumPy's answer depends on its build (elementary functions
and powers of fixed-width floats). `sigmoid` is not folded: no `math` function defines its rounding.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable, Mapping

from ..ir.node import AttributeValue, Const
from ..ir.ops import arithmetic as ops
from ..ir.primitive import Primitive, RuleTable
from ..ir.types import BOOL, ScalarType

Number = bool | int | float
FoldRule = Callable[[tuple[Const, ...], Mapping[str, AttributeValue]], "Const | None"]

fold_rules: RuleTable[FoldRule] = RuleTable("fold")

_LARGEST_FOLDED_EXPONENT = 64


def exactly(value: Number | None, type_: ScalarType) -> Const | None:
    """The constant of `type_` that an exact (integers) or double (floats) result becomes; None where it would raise."""
    if value is None:
        return None
    if type_.is_float:
        return Const(_round_float(float(value), type_), type_)
    if type_ == BOOL:
        return Const(bool(value), BOOL)
    lowest = 0 if type_.kind == "uint" else -(1 << type_.bits - 1)
    integer = int(value)
    if lowest <= integer < lowest + (1 << type_.bits):
        return Const(integer, type_)
    if type_.python:
        return None
    return Const((integer - lowest) % (1 << type_.bits) + lowest, type_)


def _round_float(value: float, type_: ScalarType) -> float:
    """A double rounded to the type, as IEEE 754 does it."""
    if type_.bits == 64:
        return value
    try:
        rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


def _add(left: Number, right: Number, _type: ScalarType) -> Number | None:
    return left + right


def _sub(left: Number, right: Number, _type: ScalarType) -> Number | None:
    return left - right


def _mul(left: Number, right: Number, _type: ScalarType) -> Number | None:
    return left * right


def _truediv(left: Number, right: Number, type_: ScalarType) -> Number | None:
    return None if right == 0 or not type_.is_float else left / right


def _floordiv(left: Number, right: Number, type_: ScalarType) -> Number | None:
    return None if right == 0 or _is_numpy_float(type_) else left // right


def _mod(left: Number, right: Number, type_: ScalarType) -> Number | None:
    return None if right == 0 or _is_numpy_float(type_) else left % right


def _pow(base: Number, exponent: Number, type_: ScalarType) -> Number | None:
    if _is_numpy_float(type_):
        return None
    if type_.is_integer:
        if exponent < 0 or (abs(base) > 1 and exponent >= _LARGEST_FOLDED_EXPONENT):
            return None
        power: int = int(base) ** int(exponent)
        return power
    try:
        result: Number | complex = base**exponent
    except (OverflowError, ZeroDivisionError):
        return None
    return None if isinstance(result, complex) else result


def _minimum(left: Number, right: Number, _type: ScalarType) -> Number | None:
    return _extreme(left, right, left < right)


def _maximum(left: Number, right: Number, _type: ScalarType) -> Number | None:
    return _extreme(left, right, left > right)


def _extreme(left: Number, right: Number, left_wins: bool) -> Number | None:
    """NaN where there is one; unknown between zeros of different sign."""
    if left != left or right != right:
        return math.nan
    if left == right and math.copysign(1, left) != math.copysign(1, right):
        return None
    return left if left_wins else right


def _is_numpy_float(type_: ScalarType) -> bool:
    return type_.is_float and not type_.python


_BinaryFunction = Callable[[Number, Number, ScalarType], "Number | None"]
_BINARY: dict[Primitive, _BinaryFunction] = {
    ops.ADD: _add,
    ops.SUB: _sub,
    ops.MUL: _mul,
    ops.TRUEDIV: _truediv,
    ops.FLOORDIV: _floordiv,
    ops.MOD: _mod,
    ops.POW: _pow,
    ops.MINIMUM: _minimum,
    ops.MAXIMUM: _maximum,
}
_COMPARISONS: dict[Primitive, Callable[[Number, Number], bool]] = {
    ops.EQ: operator.eq,
    ops.NE: operator.ne,
    ops.LT: operator.lt,
    ops.LE: operator.le,
    ops.GT: operator.gt,
    ops.GE: operator.ge,
    ops.LOGICAL_AND: lambda left, right: bool(left and right),
    ops.LOGICAL_OR: lambda left, right: bool(left or right),
}
_ELEMENTARY: dict[Primitive, Callable[[float], float]] = {
    ops.EXP: math.exp,
    ops.LOG: math.log,
    ops.SQRT: math.sqrt,
    ops.SIN: math.sin,
    ops.COS: math.cos,
    ops.TAN: math.tan,
    ops.TANH: math.tanh,
    ops.FLOOR: math.floor,
    ops.CEIL: math.ceil,
}


def _binary_rule(function: _BinaryFunction) -> FoldRule:
    def fold(args: tuple[Const, ...], _attrs: Mapping[str, AttributeValue]) -> Const | None:
        left, right = args
        return exactly(function(left.value, right.value, left.type), left.type)

    return fold


def _comparison_rule(function: Callable[[Number, Number], bool]) -> FoldRule:
    def fold(args: tuple[Const, ...], _attrs: Mapping[str, AttributeValue]) -> Const | None:
        left, right = args
        return Const(function(left.value, right.value), BOOL)

    return fold


def _elementary_rule(function: Callable[[float], float]) -> FoldRule:
    def fold(args: tuple[Const, ...], _attrs: Mapping[str, AttributeValue]) -> Const | None:
        (operand,) = args
        if not operand.type.python:
            return None
        try:
            value = float(function(float(operand.value)))
        except (ValueError, OverflowError):
            return None
        # `floor` and `ceil` give ints, which have no -0.0: leave the sign of zero to the running program.
        unsigned = value == 0 and math.copysign(1, operand.value) < 0
        return None if unsigned else Const(value, operand.type)

    return fold


for _primitive, _binary in _BINARY.items():
    fold_rules.define(_primitive)(_binary_rule(_binary))
for _primitive, _comparison in _COMPARISONS.items():
    fold_rules.define(_primitive)(_comparison_rule(_comparison))
for _primitive, _elementary in _ELEMENTARY.items():
    fold_rules.define(_primitive)(_elementary_rule(_elementary))


@fold_rules.define(ops.NEG)
def _neg(args: tuple[Const, ...], _attrs: Mapping[str, AttributeValue]) -> Const | None:
    return exactly(-args[0].value, args[0].type)


@fold_rules.define(ops.ABS)
def _abs(args: tuple[Const, ...], _attrs: Mapping[str, AttributeValue]) -> Const | None:
    return exactly(abs(args[0].value), args[0].type)


@fold_rules.define(ops.LOGICAL_NOT)
def _not(args: tuple[Const, ...], _attrs: Mapping[str, AttributeValue]) -> Const | None:
    return Const(not args[0].value, BOOL)


@fold_rules.define(ops.CONVERT)
def _convert(args: tuple[Const, ...], attrs: Mapping[str, AttributeValue]) -> Const | None:
    value, target = args[0].value, attrs["dtype"]
    assert isinstance(target, ScalarType)
    if target == BOOL:
        return Const(value != 0, BOOL)
    if not args[0].type.is_float:
        # Rounding an integer to double and then to float32 may round twice.
        twice = target.is_float and target.bits < 64 and abs(value) >= 1 << 53
        return None if twice else exactly(value, target)
    if target.is_float:
        return exactly(value, target)
    if not math.isfinite(value):
        return None
    folded = exactly(math.trunc(value), target)
    # What C++ and NumPy make of a float that the integer type does not hold differs between machines.
    return folded if folded is not None and folded.value == math.trunc(value) else None
