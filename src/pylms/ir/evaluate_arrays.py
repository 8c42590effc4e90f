"""What the operations on arrays mean: an array is NumPy's, and a view of it is NumPy's view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .evaluate_rules import Value, as_number, dtype_of, evaluate_rules
from .node import Node
from .ops.arrays import (
    ARRAY_AS_STRIDED,
    ARRAY_DIM,
    ARRAY_EXPAND,
    ARRAY_LOAD,
    ARRAY_NEW,
    ARRAY_OF_BUFFER,
    ARRAY_PERMUTE,
    ARRAY_PICK,
    ARRAY_RESHAPE,
    ARRAY_SLICE,
    ARRAY_STORE,
    IN_BOUNDS,
    NORMALIZE_INDEX,
)
from .ops.tensors import integers_of
from .types import ArrayType, element_type

if TYPE_CHECKING:
    from .interpret import Interpreter


@evaluate_rules.define(ARRAY_NEW)
def _evaluate_new(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (np.zeros(tuple(args), dtype_of(element_type(node.results[0].type))),)


@evaluate_rules.define(ARRAY_DIM)
def _evaluate_dim(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (int(args[0].shape[node.attr("axis")]),)


@evaluate_rules.define(IN_BOUNDS)
def _evaluate_in_bounds(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    index, extent = args
    return (-extent <= index < extent,)


@evaluate_rules.define(NORMALIZE_INDEX)
def _evaluate_normalize(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    index, extent = args
    return (index + extent if index < 0 else index,)


@evaluate_rules.define(ARRAY_LOAD)
def _evaluate_load(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    array, *indices = args
    return (as_number(array[tuple(indices)], element_type(node.results[0].type)),)


@evaluate_rules.define(ARRAY_STORE)
def _evaluate_store(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    array, value, *indices = args
    array[tuple(indices)] = value
    return ()


@evaluate_rules.define(ARRAY_PICK)
def _evaluate_pick(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    array, index = args
    axis = node.attr("axis")
    assert isinstance(axis, int)
    if not 0 <= index < array.shape[axis]:
        # It was moved before the check that fails: a view through which nothing is read or written.
        return (np.empty(array.shape[:axis] + array.shape[axis + 1 :], array.dtype),)
    # The ellipsis keeps what has no dimension left an array.
    place = (*[slice(None)] * axis, index, ...)
    return (array[place],)


@evaluate_rules.define(ARRAY_SLICE)
def _evaluate_slice(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    array, start, length, step = args
    axis = node.attr("axis")
    assert isinstance(axis, int)
    stop = start + length * step
    chosen = slice(start, stop if stop >= 0 else None, step) if length else slice(0, 0)
    place = (*[slice(None)] * axis, chosen)
    return (array[place],)


@evaluate_rules.define(ARRAY_PERMUTE)
def _evaluate_permute(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (args[0].transpose(integers_of(node, "permutation")),)


@evaluate_rules.define(ARRAY_EXPAND)
def _evaluate_expand(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    axis = node.attr("axis")
    assert isinstance(axis, int)
    return (np.expand_dims(args[0], axis),)


@evaluate_rules.define(ARRAY_RESHAPE)
def _evaluate_reshape(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    assert isinstance(node.results[0].type, ArrayType)
    array, *extents = args
    reshaped = array.view()
    reshaped.shape = tuple(extents)  # never a copy
    return (reshaped,)


@evaluate_rules.define(ARRAY_AS_STRIDED, ARRAY_OF_BUFFER)
def _evaluate_as_strided(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (args[0],)
