"""Signatures: what the arguments of a call are to the compiled code.

In: parameters with their annotations, Python arguments. Out: a type for each, by which specialisations are told apart,
or a located ArgumentError. NumPy's values are recognised without importing NumPy.

Each array of a signature has a region of its own, numbered from 1; where a written array overlaps another in memory,
all are of the shared one (`overlapping`).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, count
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeGuard, get_origin

from ..errors import ArgumentError
from ..ir.types import BOOL, FLOAT, INT, SCALAR_TYPES, SHARED_REGION, TEXT, ArrayType, Region, ScalarType, TextType
from ..late import late_module
from ..loc import caller_loc
from .kinds import is_tensor
from .parameters import (
    NONE,
    ArrayParameter,
    ContainerParameter,
    ParameterType,
    Signature,
    TupleParameter,
    container_type,
    item_names,
    items_of,
    parts_of,
)
from .values import INT_MAX, INT_MIN, describe_static

if TYPE_CHECKING:
    from . import tensor_arguments
    from .containers import arguments
else:
    tensor_arguments = late_module("pylms.staging.tensor_arguments")
    arguments = late_module("pylms.staging.containers.arguments")

if TYPE_CHECKING:
    import numpy

    Array: TypeAlias = numpy.ndarray[Any, Any]

LARGEST_RANK = 32
_PYTHON_TYPES: dict[object, ScalarType | TextType] = {bool: BOOL, int: INT, float: FLOAT, str: TEXT}
_ANNOTATIONS: dict[object, ScalarType | TextType] = {
    **_PYTHON_TYPES,
    "bool": BOOL,
    "int": INT,
    "float": FLOAT,
    "str": TEXT,
}
_ARRAY_ANNOTATIONS = ("numpy.ndarray", "np.ndarray", "ndarray")

_DTYPES = {f"{type_.kind[0]}{type_.itemsize}": type_ for type_ in SCALAR_TYPES.values() if type_ not in (INT, FLOAT)}

_ARGUMENT_HINT = (
    "pass a bool, an int, a float, a str, a NumPy number or array, a tensor, None, or a tuple, list or dict of them; "
    "`.py_func` is the Python function itself"
)
_SELF_HINT = "stage a function inside the method instead: it may use `self` from around it"
_DTYPES_HINT = "convert it with `.astype`; bool, float32, float64 and the ints of 8 to 64 bits can be passed"


VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
"""The kinds of parameters that take any number of arguments."""

Declared: TypeAlias = ScalarType | TextType | Literal["an array"]


def declared_type(parameter: inspect.Parameter) -> Declared | None:
    """What the annotation says, if it is one that means something here."""
    annotation = parameter.annotation
    if _is_array_annotation(annotation):
        return "an array"
    try:
        return _ANNOTATIONS.get(annotation)
    except TypeError:  # it cannot be hashed
        return None


def _is_array_annotation(annotation: object) -> bool:
    if isinstance(annotation, str):
        return annotation in _ARRAY_ANNOTATIONS
    numpy = sys.modules.get("numpy")
    return numpy is not None and numpy.ndarray in (annotation, get_origin(annotation))


def declared_signature(function: str, parameters: Sequence[inspect.Parameter]) -> Signature:
    """The signature that annotations declare; undeclared parameters are ints, and there are no further arguments.

    ArgumentError where one is an array.
    """
    types: list[ParameterType] = []
    for parameter in parameters:
        if parameter.kind in VARIADIC:
            types.append(TupleParameter(tuple, ()))
            continue
        declared = declared_type(parameter) or INT
        if declared == "an array":
            raise ArgumentError(
                f"`{parameter.name}` of {function} is an array of no known dtype and rank",
                loc=caller_loc(),
                hint="call the function first, or say which of its `.signatures` is meant",
            )
        types.append(declared)
    return tuple(types)


def signature_of(function: str, arguments: Sequence[tuple[inspect.Parameter, object]]) -> Signature:
    """The signature of arguments whose arrays, if any, do not overlap. `function` is the name that errors tell."""
    found = [_argument_type(function, parameter, value) for parameter, value in arguments]
    numbers = count(1)
    return _with_regions(found, lambda: Region(next(numbers)))


def overlapping(signature: Signature) -> Signature:
    """The same for arrays that may overlap."""
    return _with_regions(signature, lambda: SHARED_REGION)


def _with_regions(signature: Sequence[ParameterType], next_region: Callable[[], Region]) -> Signature:
    return tuple([_with_region(type_, next_region) for type_ in signature])


def _with_region(type_: ParameterType, next_region: Callable[[], Region]) -> ParameterType:
    match type_:
        case ArrayParameter(array, _):
            return replace(type_, type=replace(array, region=next_region()))
        case TupleParameter(kind, items):
            return TupleParameter(kind, _with_regions(items, next_region))
        case ContainerParameter(container, columns):
            leaves: Any = _with_regions(columns, next_region)
            return ContainerParameter(container, leaves)
        case _:
            return type_


def arrays_overlap(leaves: Sequence[object], written: Sequence[bool]) -> bool:
    """Whether an array that is written lies, from its first byte to its last, across another one."""
    arrays = [(value, is_written) for value, is_written in zip(leaves, written, strict=True) if is_array(value)]
    return any(
        (left_written or right_written) and _bounds_overlap(left, right)
        for (left, left_written), (right, right_written) in combinations(arrays, 2)
    )


def _bounds_overlap(left: Array, right: Array) -> bool:
    import numpy

    return numpy.may_share_memory(left, right)


def is_array(value: object) -> TypeGuard[Array]:
    """Whether it is a NumPy array, of a subclass or not."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def numpy_scalar_type(value: object) -> ScalarType | None:
    """The type of a NumPy number; None for anything else."""
    kind = type(value)
    return SCALAR_TYPES.get(kind.__name__.replace("bool_", "bool")) if kind.__module__ == "numpy" else None


def _argument_type(function: str, parameter: inspect.Parameter, value: object) -> ParameterType:
    stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**" if parameter.kind in VARIADIC else ""
    what = f"argument `{stars}{parameter.name}` of {function}"
    found = _type_of(what, parameter.name, value)
    declared = declared_type(parameter)
    if parameter.kind not in VARIADIC:
        _require_declared(what, declared, found, value)
        return found
    assert isinstance(found, TupleParameter)
    for type_, item in zip(found.items, items_of(value) or (), strict=True):
        _require_declared(what, declared, type_, item)
    return found


def _require_declared(what: str, declared: Declared | None, found: ParameterType, value: object) -> None:
    if declared not in (None, "an array" if isinstance(found, ArrayParameter) else found):
        raise ArgumentError(
            f"{what} is declared {declared}, and {_describe(value)} was passed",
            loc=caller_loc(),
            hint=f"convert it to {declared}, or change the annotation",
        )


def _type_of(what: str, name: str, value: object) -> ParameterType:
    """`what` is how errors call the value, `name` what its parameter or field is called."""
    if value is None:
        return NONE
    if is_array(value):
        return _array_type(what, value)
    if is_tensor(value):
        return tensor_arguments.tensor_parameter(what, value)
    if type(value) in (list, dict) and not _holds_arrays(value):
        return arguments.container_parameter(what, value)
    items = parts_of(value)
    if items is None:
        return _scalar_type(what, name, value)
    kind = container_type(value) if isinstance(value, (list, dict)) else type(value)
    names = item_names(kind, len(items))
    word = "field" if items_of(value) is not None and kind is not tuple else "item"
    types = [_type_of(f"{word} `{each}` of {what}", each, item) for each, item in zip(names, items, strict=True)]
    return TupleParameter(kind, tuple(types))


def _holds_arrays(value: object) -> bool:
    """Whether it is an array or a tensor, or something in it is."""
    parts = parts_of(value)
    return is_array(value) or is_tensor(value) if parts is None else any(map(_holds_arrays, parts))


def _scalar_type(what: str, name: str, value: object) -> ScalarType | TextType:
    found = _PYTHON_TYPES.get(type(value)) or numpy_scalar_type(value)
    if found == INT and isinstance(value, int) and not INT_MIN <= value <= INT_MAX:
        raise ArgumentError(
            f"{what} is {value}, which does not fit 64 bits",
            loc=caller_loc(),
            hint="pass a float, or call the Python function itself, `.py_func`",
        )
    if found is None:
        raise ArgumentError(
            f"{what} is {describe_static(value)}, which compiled code cannot take",
            loc=caller_loc(),
            hint=_SELF_HINT if name == "self" else _ARGUMENT_HINT,
        )
    return found


def _array_type(what: str, array: Array) -> ArrayParameter:
    import numpy

    if type(array) is not numpy.ndarray:
        raise ArgumentError(
            f"{what} is {describe_static(array)}, a kind of array of its own",
            loc=caller_loc(),
            hint="pass `numpy.asarray(...)` of it, which is a plain array on the same memory",
        )
    dtype = _DTYPES.get(f"{array.dtype.kind}{array.dtype.itemsize}")
    if dtype is None:
        raise _cannot_take(what, f"an array of {array.dtype.name}", _DTYPES_HINT)
    if not array.dtype.isnative:
        hint = "convert it: `a.astype(a.dtype.newbyteorder('='))`"
        raise _cannot_take(what, f"an array whose {dtype} have their bytes in the other order", hint)
    if array.ndim > LARGEST_RANK:
        raise _cannot_take(what, f"an array of {array.ndim} dimensions", f"{LARGEST_RANK} are the most it can have")
    if not array.flags.aligned or _has_odd_strides(array):
        raise _cannot_take(what, "an array whose elements do not lie at multiples of their size", "pass a `.copy()`")
    return ArrayParameter(ArrayType(dtype, array.ndim, array.flags.c_contiguous, SHARED_REGION), array.flags.writeable)


def _has_odd_strides(array: Array) -> bool:
    strides = zip(array.strides, array.shape, strict=True)
    return any(extent > 1 and stride % array.itemsize for stride, extent in strides)


def _cannot_take(what: str, described: str, hint: str) -> ArgumentError:
    return ArgumentError(f"{what} is {described}, which compiled code cannot take", loc=caller_loc(), hint=hint)


def _describe(value: object) -> str:
    return f"an array of {value.dtype.name}" if is_array(value) else describe_static(value)
