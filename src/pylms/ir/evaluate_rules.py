"""The table of evaluation rules, and the values they work on.

bool, int, float, str, lists and dicts are Python's; fixed-width numbers are NumPy scalars; tensors are arrays that
nobody writes to; buffers are arrays that are written in place; a variable is a list of one value. Every value an
evaluation rule gives has exactly its symbol's type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .node import Const, Node
from .primitive import RuleTable
from .types import (
    ArrayType,
    BufferType,
    ContentType,
    DictType,
    ListType,
    ScalarType,
    TapeType,
    TensorType,
    TextType,
    Type,
    VarType,
)

if TYPE_CHECKING:
    from .interpret import Interpreter

Array = npt.NDArray[Any]
Number = bool | int | float | np.generic
Value = Number | Array | str | list[Any] | dict[Any, Any]
EvaluateRule = Callable[["Interpreter", Node, list[Any]], tuple[Value, ...]]

evaluate_rules: RuleTable[EvaluateRule] = RuleTable("evaluation")

_PYTHON_DTYPES = {"bool": np.dtype(np.bool_), "int": np.dtype(np.int64), "float": np.dtype(np.float64)}


def dtype_of(type_: ScalarType) -> np.dtype[Any]:
    """The NumPy type of such elements."""
    return _PYTHON_DTYPES.get(type_.name) or np.dtype(type_.name)


def as_type(value: Any, type_: Type) -> Value:
    """A value brought to exactly this type: its width, or the elements' width. A buffer is not copied."""
    match type_:
        case ScalarType():
            return as_number(value, type_)
        case TensorType(dtype, shape):
            return np.asarray(value, dtype_of(dtype)).reshape(shape)
        case BufferType() | ArrayType() | VarType() | TextType() | ListType() | DictType() | TapeType():
            return value  # type: ignore[no-any-return]


def as_number(value: Any, type_: ScalarType) -> Number:
    """A number of this type. Integers that do not fit a fixed width wrap."""
    if type_.name == "bool":
        return bool(value)
    if type_.name == "int":
        return int(value)
    if type_.name == "float":
        return float(value)
    if type_.is_integer and isinstance(value, int):
        value = value % 2**type_.bits
        if type_.kind == "int" and value >= 2 ** (type_.bits - 1):
            value -= 2**type_.bits
    number: np.generic = dtype_of(type_).type(value)
    return number


def constant_value(constant: Const) -> Number:
    """The value of a constant."""
    return as_number(constant.value, constant.type)


def zero_of(type_: ContentType) -> Value:
    """What a variable holds before it is set."""
    match type_:
        case ScalarType():
            return as_number(0, type_)
        case ArrayType(dtype, rank):
            return np.zeros((0,) * rank, dtype_of(dtype))
        case TensorType(dtype, shape):
            return np.zeros(shape, dtype_of(dtype))
        case TextType():
            return ""
        case ListType():
            return []
        case DictType():
            return {}
