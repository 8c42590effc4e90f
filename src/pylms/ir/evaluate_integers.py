"""What bit operations and the exact operations on integers mean: Python's, on fixed-width types NumPy's."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import python_errors as errors
from .evaluate_rules import Value, as_number, as_type, evaluate_rules
from .node import Node
from .ops import integers as ops
from .ops.arithmetic import is_unchecked
from .primitive import Primitive
from .types import INT, INT64

if TYPE_CHECKING:
    from .interpret import Interpreter


def _shift_left(value: int, count: int) -> int:
    if count < 0:
        raise ValueError(errors.NEGATIVE_SHIFT)
    return value << min(count, 64)  # without computing a number of any length


_PYTHON: dict[Primitive, Callable[..., Any]] = {
    ops.BIT_AND: operator.and_,
    ops.BIT_OR: operator.or_,
    ops.BIT_XOR: operator.xor,
    ops.INVERT: operator.invert,
    ops.SHIFT_LEFT: _shift_left,
    ops.SHIFT_RIGHT: operator.rshift,
    ops.INT_TRUEDIV: operator.truediv,
    ops.INT_EQ_FLOAT: operator.eq,
    ops.INT_NE_FLOAT: operator.ne,
    ops.INT_LT_FLOAT: operator.lt,
    ops.INT_LE_FLOAT: operator.le,
    ops.INT_GT_FLOAT: operator.gt,
    ops.INT_GE_FLOAT: operator.ge,
    ops.ISQRT: math.isqrt,
    ops.GCD: math.gcd,
    ops.MODULAR_POWER: pow,
}

_NUMPY: dict[Primitive, Callable[..., Any]] = {
    ops.BIT_AND: np.bitwise_and,
    ops.BIT_OR: np.bitwise_or,
    ops.BIT_XOR: np.bitwise_xor,
    ops.INVERT: np.invert,
    ops.SHIFT_LEFT: np.left_shift,
    ops.SHIFT_RIGHT: np.right_shift,
}


@evaluate_rules.define(*_PYTHON)
def _evaluate_integers(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    (result_type,) = (result.type for result in node.results)
    if node.args[0].type != INT:
        return (as_type(_NUMPY[node.primitive](*map(np.asarray, args)), result_type),)
    result = _PYTHON[node.primitive](*args)
    if is_unchecked(node):
        return (int(as_number(result, INT64)),)
    if result_type == INT and not -(2**63) <= result < 2**63:
        raise OverflowError(errors.integer_overflow(node.primitive))
    return (result,)


@evaluate_rules.define(ops.BIT_LENGTH)
def _evaluate_bit_length(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (int(args[0]).bit_length(),)


@evaluate_rules.define(ops.BIT_COUNT)
def _evaluate_bit_count(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (int(args[0]).bit_count(),)
