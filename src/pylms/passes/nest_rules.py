"""How a loop nest reads the result of each tensor operation that it computes itself."""

from __future__ import annotations

import math

from ..ir.node import Atom, Const, Node
from ..ir.ops import elementary
from ..ir.ops.arithmetic import ADD, CONVERT, ELEMENTWISE, EQ
from ..ir.ops.buffers import GATHER_ROWS, LOAD, SLICE_ROWS
from ..ir.ops.tensors import (
    BROADCAST,
    ONE_HOT,
    PICK,
    REDUCE_MAX,
    REDUCE_SUM,
    RESHAPE,
    STOP_GRADIENT,
    TRANSPOSE,
    integers_of,
)
from ..ir.types import INT64, BufferType, ScalarType
from .nest_builder import ZERO, Indices, NestBuilder, Shape, plain, read_rules, tensor_type


@read_rules.define(*(ELEMENTWISE - {CONVERT}), *elementary.ELEMENTWISE)
def _elementwise(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    return nest.emit(node.primitive, [nest.read(arg, shape, indices) for arg in node.args])


@read_rules.define(CONVERT)
def _convert(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    return nest.convert(nest.read(node.args[0], shape, indices), plain(tensor_type(node.results[0]).dtype))


@read_rules.define(STOP_GRADIENT, RESHAPE)
def _same_memory(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    return nest.read(node.args[0], shape, indices)


@read_rules.define(BROADCAST)
def _broadcast(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    source = node.args[0]
    if isinstance(source.type, ScalarType) or tensor_type(source).shape == ():
        return nest.read(source, (), ())
    indices = nest.regroup(shape, indices, integers_of(node, "shape"))
    return nest.read(source, tensor_type(source).shape, tuple(indices[axis] for axis in integers_of(node, "axes")))


@read_rules.define(TRANSPOSE)
def _transpose(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    indices = nest.regroup(shape, indices, tensor_type(node.results[0]).shape)
    permutation = integers_of(node, "permutation")
    moved = tuple(indices[permutation.index(axis)] for axis in range(len(permutation)))
    return nest.read(node.args[0], tensor_type(node.args[0]).shape, moved)


@read_rules.define(REDUCE_SUM, REDUCE_MAX)
def _reduce(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    source, axes = node.args[0], sorted(integers_of(node, "axes"))
    result, source_shape = tensor_type(node.results[0]), tensor_type(source).shape
    outer = nest.regroup(shape, indices, result.shape)

    def element(inner: Indices) -> Atom:
        kept, reduced = iter(outer), iter(inner)
        mixed = tuple(next(reduced) if axis in axes else next(kept) for axis in range(len(source_shape)))
        return nest.read(source, source_shape, mixed)

    kind = "sum" if node.primitive is REDUCE_SUM else "max"
    return nest.reduce(kind, tuple(source_shape[axis] for axis in axes), element)


@read_rules.define(PICK)
def _pick(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    source, positions = node.args
    count = tensor_type(positions).shape
    (row,) = nest.regroup(shape, indices, count)
    column = nest.convert(nest.read(positions, count, (row,)), INT64)
    return nest.read(source, tensor_type(source).shape, (row, column))


@read_rules.define(ONE_HOT)
def _one_hot(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    positions = node.args[0]
    *rows, column = nest.regroup(shape, indices, tensor_type(node.results[0]).shape)
    position = nest.read(positions, tensor_type(positions).shape, tuple(rows))
    is_there = nest.emit(EQ, (nest.convert(position, INT64), column))
    return nest.convert(is_there, plain(tensor_type(node.results[0]).dtype))


@read_rules.define(LOAD)
def _load(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    return nest.element(node.args[0], shape, indices)


@read_rules.define(SLICE_ROWS)
def _slice_rows(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    buffer, start = node.args
    row, rest_shape, rest = _row_and_rest(nest, node, shape, indices)
    return _element_of_row(nest, buffer, _add(nest, start, row), rest_shape, rest)


@read_rules.define(GATHER_ROWS)
def _gather_rows(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    buffer, order, start = node.args
    assert isinstance(order.type, BufferType)
    row, rest_shape, rest = _row_and_rest(nest, node, shape, indices)
    number = nest.element(order, order.type.shape, (_add(nest, start, row),))
    return _element_of_row(nest, buffer, number, rest_shape, rest)


def _row_and_rest(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> tuple[Atom, Shape, Indices]:
    """Which of the rows, and the shape and indices to read within it."""
    own = tensor_type(node.results[0]).shape
    if own[0] == 1 and math.prod(shape) == math.prod(own):
        return ZERO, shape, indices
    if not shape or shape[0] != own[0]:
        shape, indices = own, nest.regroup(shape, indices, own)
    return indices[0], shape[1:], indices[1:]


def _add(nest: NestBuilder, start: Atom, row: Atom) -> Atom:
    if row == ZERO:
        return start
    start = Const(start.value, INT64) if isinstance(start, Const) else nest.convert(start, INT64)
    return nest.emit(ADD, (start, row))


def _element_of_row(nest: NestBuilder, buffer: Atom, row: Atom, shape: Shape, indices: Indices) -> Atom:
    assert isinstance(buffer.type, BufferType)
    return nest.element(buffer, (buffer.type.shape[0], *shape), (row, *indices))
