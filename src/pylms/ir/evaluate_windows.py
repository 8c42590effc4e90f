"""What convolutions and pooling mean, in NumPy: one element of the window at a time, at all its places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from .evaluate_rules import Array, Value, as_type, dtype_of, evaluate_rules
from .node import Node
from .ops import windows as ops
from .ops.tensors import integers_of
from .types import TensorType, Type, element_type

if TYPE_CHECKING:
    from .interpret import Interpreter

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Windows:
    """Where windows lie: see `ops.windows`."""

    kernel: Shape
    strides: Shape
    padding: Shape
    dilation: Shape
    counts: Shape
    extents: Shape

    @staticmethod
    def of(node: Node, *, kernel: Shape, counts: Shape, extents: Shape) -> _Windows:
        strides, padding, dilation = (integers_of(node, name) for name in ("strides", "padding", "dilation"))
        return _Windows(kernel, strides, padding, dilation, counts, extents)

    def elements(self) -> Iterator[tuple[Any, Any, Any]]:
        """Each element of the window: its index, the places at which it lies in the tensor, and where it lies there."""
        for index in product(*map(range, self.kernel)):
            spans = [self._span(axis, k) for axis, k in enumerate(index)]
            if all(last > first for first, last, _ in spans):
                places = tuple(slice(first, last) for first, last, _ in spans)
                steps = zip(spans, self.strides, strict=True)
                seen = tuple(slice(at, at + (last - first - 1) * step + 1, step) for (first, last, at), step in steps)
                yield (..., *index), (..., *places), (..., *seen)

    def _span(self, axis: int, k: int) -> tuple[int, int, int]:
        """The first place, and the one after the last, at which the element lies in the tensor, and where at first."""
        offset, stride = k * self.dilation[axis] - self.padding[axis], self.strides[axis]
        first = max(0, -(offset // stride))
        last = min(self.counts[axis], (self.extents[axis] - 1 - offset) // stride + 1)
        return first, last, first * stride + offset


def _shape(type_: Type) -> Shape:
    assert isinstance(type_, TensorType)
    return type_.shape


def _zeros(node: Node) -> Array:
    type_ = node.results[0].type
    return np.zeros(_shape(type_), dtype_of(element_type(type_)))


def _by_group(array: Array, axis: int, groups: int) -> Array:
    """The channels, which are dimension `axis`, in groups: that becomes two dimensions."""
    shape = (*array.shape[:axis], groups, array.shape[axis] // groups, *array.shape[axis + 1 :])
    return array.reshape(shape)


@evaluate_rules.define(ops.CONV)
def _evaluate_conv(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    x, weight, *bias = args
    groups, result = ops.groups_of(dict(node.attrs)), _zeros(node)
    windows = _Windows.of(node, kernel=weight.shape[2:], counts=result.shape[2:], extents=x.shape[2:])
    total, inputs, weights = _by_group(result, 1, groups), _by_group(x, 1, groups), _by_group(weight, 0, groups)
    with np.errstate(all="ignore"):
        for index, places, seen in windows.elements():
            factor, part = weights[index], inputs[seen]
            total[places] += np.einsum("goc,ngc...->ngo...", factor, part)
        if bias:
            result += bias[0].reshape(-1, *[1] * len(windows.kernel))
    return (as_type(result, node.results[0].type),)


@evaluate_rules.define(ops.CONV_INPUT_GRADIENT)
def _evaluate_conv_input_gradient(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    u, weight = args
    groups, result = ops.groups_of(dict(node.attrs)), _zeros(node)
    windows = _Windows.of(node, kernel=weight.shape[2:], counts=u.shape[2:], extents=result.shape[2:])
    total, outputs, weights = _by_group(result, 1, groups), _by_group(u, 1, groups), _by_group(weight, 0, groups)
    with np.errstate(all="ignore"):
        for index, places, seen in windows.elements():
            factor, part = weights[index], outputs[places]
            total[seen] += np.einsum("goc,ngo...->ngc...", factor, part)
    return (as_type(result, node.results[0].type),)


@evaluate_rules.define(ops.CONV_WEIGHT_GRADIENT)
def _evaluate_conv_weight_gradient(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    x, u = args
    groups, result = ops.groups_of(dict(node.attrs)), _zeros(node)
    windows = _Windows.of(node, kernel=result.shape[2:], counts=u.shape[2:], extents=x.shape[2:])
    total, inputs, outputs = _by_group(result, 0, groups), _by_group(x, 1, groups), _by_group(u, 1, groups)
    with np.errstate(all="ignore"):
        for index, places, seen in windows.elements():
            part, factor = inputs[seen], outputs[places]
            total[index] += _summed(np.einsum("ngc...,ngo...->goc...", part, factor))
    return (as_type(result, node.results[0].type),)


def _summed(array: Array) -> Array:
    """The sum over the dimensions after the first three."""
    total: Array = array.sum(axis=tuple(range(3, array.ndim)), dtype=array.dtype)
    return total


def _pooling(node: Node, extents: Shape) -> _Windows:
    kernel, counts = integers_of(node, "kernel"), integers_of(node, "counts")
    return _Windows.of(node, kernel=kernel, counts=counts, extents=extents)


def _where_largest(x: Array, windows: _Windows) -> tuple[Array, Array]:
    """The largest elements of the windows, and which elements of x they are, counted in the dimensions of windows.

    A window that sees nothing has minus infinity for its maximum, and -1 for its position.
    """
    shape = (*x.shape[:2], *windows.counts)
    best, at = np.full(shape, -np.inf, x.dtype), np.full(shape, -1)
    numbers = np.broadcast_to(np.arange(np.prod(windows.extents, dtype=int)).reshape(windows.extents), x.shape)
    for _, places, seen in windows.elements():
        old, new, known = best[places], x[seen], at[places]
        better = (new > old) | np.isnan(new) | (known < 0)
        best[places] = np.where(better, new, old)
        at[places] = np.where(better, numbers[seen], known)
    return best, at


@evaluate_rules.define(ops.MAX_POOL)
def _evaluate_max_pool(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (as_type(_where_largest(args[0], _pooling(node, args[0].shape[2:]))[0], node.results[0].type),)


@evaluate_rules.define(ops.MAX_POOL_PICK)
def _evaluate_max_pool_pick(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    """A window that sees nothing picks zero."""
    x, v = args
    _, at = _where_largest(x, _pooling(node, x.shape[2:]))
    lines, positions = v.reshape(*x.shape[:2], -1), at.reshape(*x.shape[:2], -1)
    padded = np.concatenate([lines, np.zeros((*x.shape[:2], 1), v.dtype)], axis=2)
    return (as_type(np.take_along_axis(padded, positions, 2).reshape(at.shape), node.results[0].type),)


@evaluate_rules.define(ops.MAX_POOL_PLACE)
def _evaluate_max_pool_place(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    x, u = args
    _, at = _where_largest(x, _pooling(node, x.shape[2:]))
    result = _zeros(node)
    lines = result.reshape(-1, int(np.prod(x.shape[2:], dtype=int)))
    positions, values = at.reshape(len(lines), -1), u.reshape(len(lines), -1)
    rows, columns = np.nonzero(positions >= 0)
    np.add.at(lines, (rows, positions[rows, columns]), values[rows, columns])
    return (result,)


@evaluate_rules.define(ops.WINDOW_SUM)
def _evaluate_window_sum(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    result = _zeros(node)
    with np.errstate(all="ignore"):
        for _, places, seen in _pooling(node, args[0].shape[2:]).elements():
            result[places] += args[0][seen]
    return (result,)


@evaluate_rules.define(ops.WINDOW_SPREAD)
def _evaluate_window_spread(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    result = _zeros(node)
    kernel, extents = integers_of(node, "kernel"), integers_of(node, "extents")
    windows = _Windows.of(node, kernel=kernel, counts=args[0].shape[2:], extents=extents)
    with np.errstate(all="ignore"):
        for _, places, seen in windows.elements():
            result[seen] += args[0][places]
    return (result,)
