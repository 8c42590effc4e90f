"""What tensor operations mean, in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .evaluate_rules import Array, Value, as_type, dtype_of, evaluate_rules
from .node import Node
from .ops import tensors as ops
from .ops.tensor_calls import TENSOR_CALL
from .types import TensorType, Type

if TYPE_CHECKING:
    from .interpret import Interpreter


def _result_type(node: Node) -> TensorType:
    type_ = node.results[0].type
    assert isinstance(type_, TensorType)
    return type_


@evaluate_rules.define(ops.BROADCAST)
def _evaluate_broadcast(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    type_ = _result_type(node)
    aligned = [1] * type_.rank
    for axis in ops.integers_of(node, "axes"):
        aligned[axis] = type_.shape[axis]
    source = np.asarray(args[0], dtype_of(type_.dtype)).reshape(aligned)
    return (np.broadcast_to(source, type_.shape).copy(),)


@evaluate_rules.define(ops.RESHAPE)
def _evaluate_reshape(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (args[0].reshape(_result_type(node).shape),)


@evaluate_rules.define(ops.TRANSPOSE)
def _evaluate_transpose(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (args[0].transpose(ops.integers_of(node, "permutation")).copy(),)


@evaluate_rules.define(ops.REDUCE_SUM)
def _evaluate_reduce_sum(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (as_type(args[0].sum(axis=ops.integers_of(node, "axes"), dtype=args[0].dtype), node.results[0].type),)


@evaluate_rules.define(ops.REDUCE_MAX)
def _evaluate_reduce_max(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    """An empty maximum is minus infinity, or the least integer."""
    dtype = args[0].dtype
    least = -np.inf if np.issubdtype(dtype, np.floating) else False if dtype == np.bool_ else np.iinfo(dtype).min
    return (as_type(args[0].max(axis=ops.integers_of(node, "axes"), initial=least), node.results[0].type),)


@evaluate_rules.define(ops.MATMUL)
def _evaluate_matmul(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    left: Array = args[0].T if node.attr("transpose_a") else args[0]
    right: Array = args[1].T if node.attr("transpose_b") else args[1]
    with np.errstate(all="ignore"):
        return (as_type(left @ right, node.results[0].type),)


@evaluate_rules.define(ops.BATCH_MATMUL)
def _evaluate_batch_matmul(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    left: Array = args[0].transpose(0, 2, 1) if node.attr("transpose_a") else args[0]
    right: Array = args[1].transpose(0, 2, 1) if node.attr("transpose_b") else args[1]
    with np.errstate(all="ignore"):
        return (as_type(left @ right, node.results[0].type),)


@evaluate_rules.define(ops.PICK)
def _evaluate_pick(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    source, index = args
    return (source[np.arange(len(index)), index],)


@evaluate_rules.define(ops.ONE_HOT)
def _evaluate_one_hot(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    type_ = _result_type(node)
    return (as_type(args[0][..., None] == np.arange(type_.shape[-1]), type_),)


@evaluate_rules.define(ops.ARGMAX)
def _evaluate_argmax(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    axis = node.attr("axis")
    assert isinstance(axis, int)
    return (as_type(np.argmax(args[0], axis=axis), node.results[0].type),)


@evaluate_rules.define(TENSOR_CALL)
def _evaluate_tensor_call(interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    callback = node.attr("callback")
    assert isinstance(callback, int)
    results = [_empty(result.type) for result in node.results]
    inputs = [np.ascontiguousarray(arg) for arg in args]
    interpreter.host.call(callback, tuple(array.ctypes.data for array in (*results, *inputs)))
    return tuple(results)


def _empty(type_: Type) -> Array:
    assert isinstance(type_, TensorType)
    return np.zeros(type_.shape, dtype_of(type_.dtype))


@evaluate_rules.define(ops.ELEMENT)
def _evaluate_element(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (as_type(args[0][()], node.results[0].type),)


@evaluate_rules.define(ops.STOP_GRADIENT)
def _evaluate_stop_gradient(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (args[0],)
