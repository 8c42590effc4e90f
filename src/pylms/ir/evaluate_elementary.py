"""What the further functions of `math` mean: Python's own on `float`, NumPy's on everything else."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .evaluate_rules import Value, as_type, evaluate_rules
from .node import Node
from .ops import elementary as ops
from .primitive import Primitive
from .types import FLOAT

if TYPE_CHECKING:
    from .interpret import Interpreter


def _exp2(value: float) -> float:
    """`math.exp2`, which Python 3.10 does not have."""
    return math.pow(2.0, value)


def _cbrt(value: float) -> float:
    """`math.cbrt`, which Python 3.10 does not have."""
    return float(np.cbrt(value))


def _trunc(value: float) -> float:
    return float(np.trunc(value))


def _rint(value: float) -> float:
    return float(np.rint(value))


_PYTHON: dict[Primitive, Callable[..., float]] = {
    ops.ASIN: math.asin,
    ops.ACOS: math.acos,
    ops.ATAN: math.atan,
    ops.SINH: math.sinh,
    ops.COSH: math.cosh,
    ops.ASINH: math.asinh,
    ops.ACOSH: math.acosh,
    ops.ATANH: math.atanh,
    ops.EXPM1: math.expm1,
    ops.EXP2: getattr(math, "exp2", _exp2),
    ops.LOG1P: math.log1p,
    ops.LOG2: math.log2,
    ops.LOG10: math.log10,
    ops.CBRT: getattr(math, "cbrt", _cbrt),
    ops.ERF: math.erf,
    ops.ERFC: math.erfc,
    ops.TRUNC: _trunc,
    ops.RINT: _rint,
    ops.ATAN2: math.atan2,
    ops.HYPOT: math.hypot,
    ops.COPYSIGN: math.copysign,
    ops.FMOD: math.fmod,
    ops.REMAINDER: math.remainder,
    ops.MATH_POW: math.pow,
}

_NUMPY: dict[Primitive, Callable[..., Any]] = {
    ops.ASIN: np.arcsin,
    ops.ACOS: np.arccos,
    ops.ATAN: np.arctan,
    ops.SINH: np.sinh,
    ops.COSH: np.cosh,
    ops.ASINH: np.arcsinh,
    ops.ACOSH: np.arccosh,
    ops.ATANH: np.arctanh,
    ops.EXPM1: np.expm1,
    ops.EXP2: np.exp2,
    ops.LOG1P: np.log1p,
    ops.LOG2: np.log2,
    ops.LOG10: np.log10,
    ops.CBRT: np.cbrt,
    ops.TRUNC: np.trunc,
    ops.RINT: np.rint,
    ops.ATAN2: np.arctan2,
    ops.HYPOT: np.hypot,
    ops.COPYSIGN: np.copysign,
    ops.FMOD: np.fmod,
    ops.ERF: np.frompyfunc(math.erf, 1, 1),
    ops.ERFC: np.frompyfunc(math.erfc, 1, 1),
}


@evaluate_rules.define(*_PYTHON)
def _evaluate_elementary(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    if node.args[0].type == FLOAT:
        return (_PYTHON[node.primitive](*args),)
    with np.errstate(all="ignore"):
        result = _NUMPY[node.primitive](*map(np.asarray, args))
    return (as_type(result, node.results[0].type),)
