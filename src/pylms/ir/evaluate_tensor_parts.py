"""What regions of tensors, gathers and scatters mean, in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .evaluate_rules import Array, Value, as_type, dtype_of, evaluate_rules
from .node import Node
from .ops.fusion import SCATTER_UPDATE
from .ops.one_hot_products import ONE_HOT_PRODUCT, ONE_HOT_SUMS
from .ops.tensor_gathers import ORDER, SCATTER_ADD, SCATTER_ADD_ALONG, TAKE, TAKE_ALONG
from .ops.tensor_regions import CONCAT, PLACE, SLICE
from .ops.tensors import integers_of
from .types import TensorType

if TYPE_CHECKING:
    from .interpret import Interpreter


def _region(node: Node, sizes: tuple[int, ...]) -> tuple[Array, ...]:
    """The positions along each dimension, to index with."""
    starts, steps = (integers_of(node, name) for name in ("starts", "steps"))
    return np.ix_(*(start + np.arange(size) * step for start, size, step in zip(starts, sizes, steps, strict=True)))


def _axis(node: Node) -> int:
    axis = node.attr("axis")
    assert isinstance(axis, int)
    return axis


def _zeros(node: Node) -> Array:
    type_ = node.results[0].type
    assert isinstance(type_, TensorType)
    return np.zeros(type_.shape, dtype_of(type_.dtype))


@evaluate_rules.define(SLICE)
def _evaluate_slice(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (as_type(args[0][_region(node, integers_of(node, "sizes"))], node.results[0].type),)


@evaluate_rules.define(PLACE)
def _evaluate_place(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    result = _zeros(node)
    result[_region(node, args[0].shape)] = args[0]
    return (result,)


@evaluate_rules.define(CONCAT)
def _evaluate_concat(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (np.concatenate(args, axis=_axis(node)),)


@evaluate_rules.define(TAKE)
def _evaluate_take(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    source, index = args
    positions = _in_range(index, source.shape[_axis(node)])
    return (as_type(np.take(source, positions, axis=_axis(node)), node.results[0].type),)


@evaluate_rules.define(SCATTER_ADD)
def _evaluate_scatter_add(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    index, updates = args
    result, axis = _zeros(node), _axis(node)
    places: Any = (*[slice(None)] * axis, _in_range(index, result.shape[axis]))
    np.add.at(result, places, updates)
    return (result,)


@evaluate_rules.define(SCATTER_UPDATE)
def _evaluate_scatter_update(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    buffer, alpha, index, updates = args
    axis = _axis(node)
    places: Any = (*[slice(None)] * axis, _in_range(index, buffer.shape[axis]))
    np.add.at(buffer, places, np.asarray(alpha, buffer.dtype) * updates)
    return ()


@evaluate_rules.define(TAKE_ALONG)
def _evaluate_take_along(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    source, index = args
    positions = _in_range(index, source.shape[_axis(node)])
    return (as_type(np.take_along_axis(source, positions, axis=_axis(node)), node.results[0].type),)


@evaluate_rules.define(SCATTER_ADD_ALONG)
def _evaluate_scatter_add_along(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    index, updates = args
    result, axis = _zeros(node), _axis(node)
    places = list(np.indices(index.shape, sparse=True))
    places[axis] = _in_range(index, result.shape[axis])
    np.add.at(result, tuple(places), updates)
    return (result,)


def _in_range(index: Array, extent: int) -> Array:
    return np.clip(index.astype(np.int64), 0, max(extent - 1, 0))


@evaluate_rules.define(ORDER)
def _evaluate_order(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    (values,) = args
    if not node.attr("descending"):
        return (np.argsort(values, axis=-1, kind="stable"),)
    # Backwards twice: what is equal keeps its order.
    order = np.argsort(values[..., ::-1], axis=-1, kind="stable")
    return (values.shape[-1] - 1 - order[..., ::-1],)


@evaluate_rules.define(ONE_HOT_PRODUCT)
def _evaluate_one_hot_product(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    index, matrix = args
    with np.errstate(all="ignore"):
        return (as_type(_one_hot(index, matrix.shape[0], matrix.dtype) @ matrix, node.results[0].type),)


@evaluate_rules.define(ONE_HOT_SUMS)
def _evaluate_one_hot_sums(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    index, matrix = args
    depth = node.attr("depth")
    assert isinstance(depth, int)
    with np.errstate(all="ignore"):
        return (as_type(_one_hot(index, depth, matrix.dtype).T @ matrix, node.results[0].type),)


def _one_hot(index: Array, depth: int, dtype: np.dtype[Any]) -> Array:
    hot: Array = (index[:, None] == np.arange(depth)).astype(dtype)
    return hot
