"""Simplification of what only moves or sums elements: broadcasts, reshapes, transposes, reductions, matrix products."""

from __future__ import annotations

from math import prod

from ..ir.node import Atom, Const, Node
from ..ir.ops.arithmetic import ELEMENTWISE, MUL, NEG
from ..ir.ops.tensors import (
    BROADCAST,
    MATMUL,
    ONE_HOT,
    REDUCE_MAX,
    REDUCE_SUM,
    RESHAPE,
    STOP_GRADIENT,
    TRANSPOSE,
    integers_of,
)
from ..ir.types import ScalarType, element_type
from .tensor_rewriter import TensorRewriter, shape_of, simplify_rules

Shape = tuple[int, ...]


@simplify_rules.define(STOP_GRADIENT)
def _stop_gradient(_rewriter: TensorRewriter, node: Node) -> Atom | None:
    """After differentiation it is the identity."""
    return node.args[0]


@simplify_rules.define(BROADCAST)
def _broadcast(rewriter: TensorRewriter, node: Node) -> Atom | None:
    source = node.args[0]
    shape, axes = integers_of(node, "shape"), integers_of(node, "axes")
    if source.type == node.results[0].type:
        return source
    inner = rewriter.definition(source, BROADCAST)
    if inner is not None:
        inner_axes = tuple(axes[axis] for axis in integers_of(inner, "axes"))
        return rewriter.broadcast(inner.args[0], shape, inner_axes, node.loc)
    if shape_of(source) != shape and prod(shape) == prod(shape_of(source)) and not isinstance(source.type, ScalarType):
        return rewriter.emit(RESHAPE, (source,), node.loc, shape=shape)
    return None


@simplify_rules.define(RESHAPE)
def _reshape(rewriter: TensorRewriter, node: Node) -> Atom | None:
    source = node.args[0]
    shape = integers_of(node, "shape")
    if shape_of(source) == shape:
        return source
    inner = rewriter.definition(source, RESHAPE)
    if inner is not None:
        return rewriter.emit(RESHAPE, (inner.args[0],), node.loc, shape=shape)
    scalar = rewriter.scalar_of(source)
    if scalar is not None:
        return rewriter.broadcast(scalar, shape, (), node.loc)
    return None


@simplify_rules.define(TRANSPOSE)
def _transpose(rewriter: TensorRewriter, node: Node) -> Atom | None:
    source = node.args[0]
    permutation = integers_of(node, "permutation")
    shape = shape_of(source)
    long_axes = [axis for axis in permutation if shape[axis] != 1]
    if long_axes == sorted(long_axes):
        return rewriter.emit(RESHAPE, (source,), node.loc, shape=shape_of(node.results[0]))
    inner = rewriter.definition(source, TRANSPOSE)
    if inner is not None:
        first = integers_of(inner, "permutation")
        composed = tuple(first[axis] for axis in permutation)
        return rewriter.emit(TRANSPOSE, (inner.args[0],), node.loc, permutation=composed)
    inner = rewriter.definition(source, BROADCAST)
    if inner is not None:
        return _transpose_of_broadcast(rewriter, node, inner)
    inner = rewriter.definition(source, MATMUL)
    if inner is not None and rewriter.used_once(source):
        left, right = inner.args
        flags = {"transpose_a": not inner.attr("transpose_b"), "transpose_b": not inner.attr("transpose_a")}
        return rewriter.emit(MATMUL, (right, left), node.loc, **flags)
    inner = rewriter.definition(source, *ELEMENTWISE)
    if inner is not None and rewriter.used_once(source) and _takes_transposes(rewriter, inner):
        moved = [rewriter.emit(TRANSPOSE, (arg,), node.loc, permutation=permutation) for arg in inner.args]
        return rewriter.emit(inner.primitive, moved, node.loc, **dict(inner.attrs))
    return None


def _transpose_of_broadcast(rewriter: TensorRewriter, node: Node, inner: Node) -> Atom | None:
    """Broadcast straight to the transposed shape, where the source's dimensions stay in order."""
    permutation = integers_of(node, "permutation")
    axes = [permutation.index(axis) for axis in integers_of(inner, "axes")]
    if axes != sorted(axes):
        return None
    return rewriter.broadcast(inner.args[0], shape_of(node.results[0]), tuple(axes), node.loc)


def _takes_transposes(rewriter: TensorRewriter, node: Node) -> bool:
    """Whether transposing the operands costs nothing, so that transposing the result is not needed."""
    return all(shape_of(arg) != () and rewriter.definition(arg, BROADCAST, TRANSPOSE) is not None for arg in node.args)


@simplify_rules.define(MATMUL)
def _matmul(rewriter: TensorRewriter, node: Node) -> Atom | None:
    args, flags = list(node.args), [bool(node.attr("transpose_a")), bool(node.attr("transpose_b"))]
    folded = False
    for side in range(2):
        transposed = rewriter.definition(args[side], TRANSPOSE)
        if transposed is not None:
            args[side], flags[side] = transposed.args[0], not flags[side]
            folded = True
    if folded:
        return rewriter.emit(MATMUL, args, node.loc, transpose_a=flags[0], transpose_b=flags[1])
    inner_size = shape_of(args[0])[0 if flags[0] else 1]
    if inner_size == 1:
        return _outer_product(rewriter, node)
    return _factor_out(rewriter, node)


def _outer_product(rewriter: TensorRewriter, node: Node) -> Atom:
    """A product along an axis of one element."""
    shape = shape_of(node.results[0])
    factors = []
    for axis, arg in enumerate(node.args):
        vector = rewriter.emit(RESHAPE, (arg,), node.loc, shape=(shape[axis],))
        factors.append(rewriter.broadcast(vector, shape, (axis,), node.loc))
    return rewriter.emit(MUL, factors, node.loc)


def _factor_out(rewriter: TensorRewriter, node: Node) -> Atom | None:
    """(c a) b = c (a b), where the product is smaller than the factor it comes from, and signs in any case."""
    for side, arg in enumerate(node.args):
        inner = rewriter.definition(arg, MUL, NEG)
        if inner is None or not rewriter.used_once(arg):
            continue
        args = list(node.args)
        if inner.primitive is NEG:
            args[side] = inner.args[0]
            return rewriter.emit(NEG, (rewriter.emit(MATMUL, args, node.loc, **dict(node.attrs)),), node.loc)
        factor = rewriter.scalar_of(inner.args[0])
        shape = shape_of(node.results[0])
        if factor is not None and prod(shape) < prod(shape_of(arg)):
            args[side] = inner.args[1]
            product = rewriter.emit(MATMUL, args, node.loc, **dict(node.attrs))
            return rewriter.emit(MUL, (rewriter.broadcast(factor, shape, (), node.loc), product), node.loc)
    return None


@simplify_rules.define(REDUCE_SUM, REDUCE_MAX)
def _reduce(rewriter: TensorRewriter, node: Node) -> Atom | None:
    source = node.args[0]
    axes, shape = integers_of(node, "axes"), shape_of(source)
    kept = tuple(axis for axis in axes if shape[axis] != 1)
    if not kept:
        return rewriter.emit(RESHAPE, (source,), node.loc, shape=shape_of(node.results[0]))
    if len(kept) < len(axes):
        return _reduce_long_axes(rewriter, node, kept)
    inner = rewriter.definition(source, node.primitive)
    if inner is not None and rewriter.used_once(source):
        outer = _axes_before_reduction(shape_of(inner.args[0]), integers_of(inner, "axes"), axes)
        merged = tuple(sorted((*outer, *integers_of(inner, "axes"))))
        return rewriter.emit(node.primitive, inner.args, node.loc, axes=merged)
    inner = rewriter.definition(source, BROADCAST)
    if inner is not None:
        return _reduce_broadcast(rewriter, node, inner)
    if node.primitive is REDUCE_SUM:
        return _factor_out_of_sum(rewriter, node)
    return None


def _reduce_long_axes(rewriter: TensorRewriter, node: Node, kept: Shape) -> Atom:
    """Axes of one element are dropped by a reshape, which costs nothing."""
    axes, shape = integers_of(node, "axes"), shape_of(node.args[0])
    dropped = [axis for axis in axes if axis not in kept]
    rest = [axis for axis in range(len(shape)) if axis not in dropped]
    reshaped = rewriter.emit(RESHAPE, node.args, node.loc, shape=tuple(shape[axis] for axis in rest))
    return rewriter.emit(node.primitive, (reshaped,), node.loc, axes=tuple(rest.index(axis) for axis in kept))


def _axes_before_reduction(shape: Shape, reduced: Shape, axes: Shape) -> Shape:
    """Where the dimensions `axes` of a reduced tensor stood before the reduction."""
    rest = [axis for axis in range(len(shape)) if axis not in reduced]
    return tuple(rest[axis] for axis in axes)


def _reduce_broadcast(rewriter: TensorRewriter, node: Node, inner: Node) -> Atom | None:
    """Equal elements are summed up by a product, and their maximum is any of them."""
    source, dtype = inner.args[0], element_type(node.results[0].type)
    axes, inner_axes, shape = integers_of(node, "axes"), integers_of(inner, "axes"), integers_of(inner, "shape")
    repeated = [axis for axis in axes if axis not in inner_axes]
    if not repeated or not dtype.is_float or prod(shape) == 0:
        return None
    remaining = [axis for axis in range(len(shape)) if axis not in axes]
    value = source
    own_axes = tuple(position for position, axis in enumerate(inner_axes) if axis in axes)
    if own_axes:
        value = rewriter.emit(node.primitive, (value,), node.loc, axes=own_axes)
    target_axes = tuple(remaining.index(axis) for axis in inner_axes if axis in remaining)
    result_shape = shape_of(node.results[0])
    result = rewriter.broadcast(value, result_shape, target_axes, node.loc)
    if node.primitive is REDUCE_MAX:
        return result
    count = Const(float(prod(shape[axis] for axis in repeated)), dtype)
    return rewriter.emit(MUL, (rewriter.broadcast(count, result_shape, (), node.loc), result), node.loc)


def _factor_out_of_sum(rewriter: TensorRewriter, node: Node) -> Atom | None:
    """The sum of c x is c times the sum of x, where c is the same for all that is summed up."""
    source, axes = node.args[0], integers_of(node, "axes")
    hot = rewriter.definition(source, ONE_HOT)
    if hot is not None and axes == (len(shape_of(source)) - 1,):
        one = Const(1.0 if element_type(source.type).is_float else 1, element_type(source.type))
        return rewriter.broadcast(one, shape_of(node.results[0]), (), node.loc)
    inner = rewriter.definition(source, MUL, NEG)
    if inner is None or not element_type(source.type).is_float:
        return None
    sums_to_one = inner.primitive is MUL and any(rewriter.definition(arg, ONE_HOT) is not None for arg in inner.args)
    if not rewriter.used_once(source) and not sums_to_one:
        return None
    if inner.primitive is NEG:
        total = rewriter.emit(REDUCE_SUM, inner.args, node.loc, axes=axes)
        return rewriter.emit(NEG, (total,), node.loc)
    remaining = [axis for axis in range(len(shape_of(source))) if axis not in axes]
    for side in range(2):
        factor = rewriter.definition(inner.args[side], BROADCAST)
        if factor is None or not set(integers_of(factor, "axes")).isdisjoint(axes):
            continue
        total = rewriter.emit(REDUCE_SUM, (inner.args[1 - side],), node.loc, axes=axes)
        factor_axes = tuple(remaining.index(axis) for axis in integers_of(factor, "axes"))
        spread = rewriter.broadcast(factor.args[0], shape_of(node.results[0]), factor_axes, node.loc)
        return rewriter.emit(MUL, (spread, total), node.loc)
    return None
