"""The values of bit operations, exact integer operations, and the further functions of `math` on constants.

In and out as in `fold_rules`. Functions of fixed-width floats are left to the running program: NumPy's answer depends
on its build.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from ..ir.node import AttributeValue, Const
from ..ir.ops import elementary, integers
from ..ir.primitive import Primitive
from ..ir.types import BOOL, FLOAT, INT
from .fold_rules import FoldRule, exactly, fold_rules

_BITWISE: dict[Primitive, Callable[..., int]] = {
    integers.BIT_AND: operator.and_,
    integers.BIT_OR: operator.or_,
    integers.BIT_XOR: operator.xor,
    integers.INVERT: operator.invert,
}
_OF_INTS: dict[Primitive, Callable[..., Any]] = {
    integers.SHIFT_LEFT: lambda value, count: value << min(count, 64),
    integers.SHIFT_RIGHT: operator.rshift,
    integers.INT_TRUEDIV: operator.truediv,
    integers.ISQRT: math.isqrt,
    integers.GCD: math.gcd,
    integers.MODULAR_POWER: pow,
    integers.INT_EQ_FLOAT: operator.eq,
    integers.INT_NE_FLOAT: operator.ne,
    integers.INT_LT_FLOAT: operator.lt,
    integers.INT_LE_FLOAT: operator.le,
    integers.INT_GT_FLOAT: operator.gt,
    integers.INT_GE_FLOAT: operator.ge,
}
_BITS: dict[Primitive, Callable[[int], int]] = {
    integers.BIT_LENGTH: int.bit_length,
    integers.BIT_COUNT: int.bit_count,
}
_OF_FLOATS: dict[Primitive, Callable[..., float]] = {
    elementary.ASIN: math.asin,
    elementary.ACOS: math.acos,
    elementary.ATAN: math.atan,
    elementary.SINH: math.sinh,
    elementary.COSH: math.cosh,
    elementary.ASINH: math.asinh,
    elementary.ACOSH: math.acosh,
    elementary.ATANH: math.atanh,
    elementary.EXPM1: math.expm1,
    elementary.LOG1P: math.log1p,
    elementary.LOG2: math.log2,
    elementary.LOG10: math.log10,
    elementary.ERF: math.erf,
    elementary.ERFC: math.erfc,
    elementary.ATAN2: math.atan2,
    elementary.COPYSIGN: math.copysign,
    elementary.FMOD: math.fmod,
    elementary.REMAINDER: math.remainder,
    elementary.MATH_POW: math.pow,
}


def _bitwise_rule(function: Callable[..., int]) -> FoldRule:
    def fold(args: tuple[Const, ...], _attrs: Mapping[str, AttributeValue]) -> Const | None:
        return exactly(function(*(int(arg.value) for arg in args)), args[0].type)

    return fold


def _python_rule(function: Callable[..., Any]) -> FoldRule:
    """Of Python's own numbers, by Python; what raises is left to the run."""

    def fold(args: tuple[Const, ...], _attrs: Mapping[str, AttributeValue]) -> Const | None:
        if not args[0].type.python:
            return None
        try:
            value = function(*(arg.value for arg in args))
        except (ArithmeticError, ValueError):
            return None
        return exactly(value, {bool: BOOL, int: INT, float: FLOAT}[type(value)])

    return fold


def _bits_rule(function: Callable[[int], int]) -> FoldRule:
    def fold(args: tuple[Const, ...], _attrs: Mapping[str, AttributeValue]) -> Const | None:
        return Const(function(int(args[0].value)), INT)

    return fold


for _primitive, _bitwise in _BITWISE.items():
    fold_rules.define(_primitive)(_bitwise_rule(_bitwise))
for _primitive, _function in (_OF_INTS | _OF_FLOATS).items():
    fold_rules.define(_primitive)(_python_rule(_function))
for _primitive, _bits in _BITS.items():
    fold_rules.define(_primitive)(_bits_rule(_bits))
