"""What arithmetic means: Python's on bool, int and float, NumPy's on everything else (DESIGN D7)."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import python_errors as errors
from .evaluate_rules import Array, Value, as_number, as_type, dtype_of, evaluate_rules
from .node import Node
from .ops import arithmetic as ops
from .primitive import Primitive
from .types import INT, INT64, ScalarType, element_type

if TYPE_CHECKING:
    from .interpret import Interpreter

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


def _python_minimum(left: Any, right: Any) -> Any:
    return left if left < right or left != left else right


def _python_maximum(left: Any, right: Any) -> Any:
    return left if left > right or left != left else right


def _python_power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and exponent < 0:
        raise ValueError(errors.NEGATIVE_INT_POWER)
    if isinstance(base, int) and abs(base) > 1 and exponent > 64:
        return _LARGEST + 1  # without computing a number of any length
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError(errors.NEGATIVE_TO_FRACTION)
    return result


def _python_sigmoid(value: float) -> float:
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + float(np.exp(-value)))


def _numpy_minimum(left: Array, right: Array) -> Array:
    return np.where((left < right) | (left != left), left, right)


def _numpy_maximum(left: Array, right: Array) -> Array:
    return np.where((left > right) | (left != left), left, right)


def _numpy_power(base: Array, exponent: Array) -> Array:
    """NumPy's, and for negative integer exponents, which it refuses, the reciprocal rounded towards zero."""
    if not np.issubdtype(base.dtype, np.signedinteger):
        result: Array = np.power(base, exponent)
        return result
    odd = exponent % 2 != 0
    reciprocal = np.where(base == 1, 1, np.where(base == -1, np.where(odd, -1, 1), 0))
    return np.where(exponent < 0, reciprocal, np.power(base, np.maximum(exponent, 0)))


def _numpy_sigmoid(value: Array) -> Array:
    one = value.dtype.type(1)
    result: Array = one / (one + np.exp(-value))
    return result


_PYTHON: dict[Primitive, Callable[..., Any]] = {
    ops.ADD: operator.add,
    ops.SUB: operator.sub,
    ops.MUL: operator.mul,
    ops.TRUEDIV: operator.truediv,
    ops.FLOORDIV: operator.floordiv,
    ops.MOD: operator.mod,
    ops.POW: _python_power,
    ops.MINIMUM: _python_minimum,
    ops.MAXIMUM: _python_maximum,
    ops.NEG: operator.neg,
    ops.ABS: operator.abs,
    ops.EQ: operator.eq,
    ops.NE: operator.ne,
    ops.LT: operator.lt,
    ops.LE: operator.le,
    ops.GT: operator.gt,
    ops.GE: operator.ge,
    ops.LOGICAL_NOT: operator.not_,
    ops.LOGICAL_AND: operator.and_,
    ops.LOGICAL_OR: operator.or_,
    ops.EXP: math.exp,
    ops.LOG: math.log,
    ops.SQRT: math.sqrt,
    ops.SIN: math.sin,
    ops.COS: math.cos,
    ops.TAN: math.tan,
    ops.TANH: math.tanh,
    ops.SIGMOID: _python_sigmoid,
    ops.FLOOR: lambda value: float(np.floor(value)),
    ops.CEIL: lambda value: float(np.ceil(value)),
}

_NUMPY: dict[Primitive, Callable[..., Any]] = {
    ops.ADD: np.add,
    ops.SUB: np.subtract,
    ops.MUL: np.multiply,
    ops.TRUEDIV: np.divide,
    ops.FLOORDIV: np.floor_divide,
    ops.MOD: np.mod,
    ops.POW: _numpy_power,
    ops.MINIMUM: _numpy_minimum,
    ops.MAXIMUM: _numpy_maximum,
    ops.NEG: np.negative,
    ops.ABS: np.abs,
    ops.EQ: np.equal,
    ops.NE: np.not_equal,
    ops.LT: np.less,
    ops.LE: np.less_equal,
    ops.GT: np.greater,
    ops.GE: np.greater_equal,
    ops.LOGICAL_NOT: np.logical_not,
    ops.LOGICAL_AND: np.logical_and,
    ops.LOGICAL_OR: np.logical_or,
    ops.EXP: np.exp,
    ops.LOG: np.log,
    ops.SQRT: np.sqrt,
    ops.SIN: np.sin,
    ops.COS: np.cos,
    ops.TAN: np.tan,
    ops.TANH: np.tanh,
    ops.SIGMOID: _numpy_sigmoid,
    ops.FLOOR: np.floor,
    ops.CEIL: np.ceil,
}


@evaluate_rules.define(*_PYTHON)
def _evaluate_arithmetic(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    type_ = node.args[0].type
    if isinstance(type_, ScalarType) and type_.python:
        result = _PYTHON[node.primitive](*args)
        if node.results[0].type == INT and not _SMALLEST <= result <= _LARGEST:
            if not ops.is_unchecked(node):
                raise OverflowError(errors.integer_overflow(node.primitive))
            result = as_number(result, INT64)
    else:
        with np.errstate(all="ignore"):
            result = _NUMPY[node.primitive](*map(np.asarray, args))
    return (as_type(result, node.results[0].type),)


@evaluate_rules.define(ops.SELECT)
def _evaluate_select(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    condition, left, right = args
    if isinstance(node.results[0].type, ScalarType):
        return (left if condition else right,)
    return (as_type(np.where(condition, left, right), node.results[0].type),)


@evaluate_rules.define(ops.CONVERT)
def _evaluate_convert(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    (value,) = args
    (result,) = node.results
    source, target = element_type(node.args[0].type), element_type(result.type)
    if source.is_float and target == INT:
        for number in np.ravel(value):
            if not _SMALLEST <= int(number) <= _LARGEST:
                raise OverflowError(errors.FLOAT_TO_INT_OVERFLOW)
    if isinstance(result.type, ScalarType) and result.type == INT and source.kind == "uint":
        return (int(as_number(int(value), INT64)),)
    if isinstance(result.type, ScalarType) and result.type.python:
        return (as_number(value, result.type),)
    with np.errstate(all="ignore"):
        return (as_type(np.asarray(value, dtype_of(source)).astype(dtype_of(target)), result.type),)
