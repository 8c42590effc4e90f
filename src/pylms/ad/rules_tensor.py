"""Derivatives of tensor operations, and of reading buffers."""

from __future__ import annotations

from ..errors import NotSupportedYetError
from ..ir.node import Node, Sym
from ..ir.ops.arithmetic import ADD, CONVERT, EQ, MUL, TRUEDIV
from ..ir.ops.buffers import GATHER_ROWS, LOAD, LOAD_ELEMENT, SLICE_ROWS, STORE
from ..ir.ops.tensors import (
    BATCH_MATMUL,
    BROADCAST,
    ELEMENT,
    MATMUL,
    ONE_HOT,
    PICK,
    REDUCE_MAX,
    REDUCE_SUM,
    RESHAPE,
    TRANSPOSE,
    integers_of,
)
from ..ir.types import TensorType
from .sweep import Sweep, derivative_rules


def _shape(symbol_type: object) -> tuple[int, ...]:
    return symbol_type.shape if isinstance(symbol_type, TensorType) else ()


def _kept_axes(node: Node) -> tuple[int, ...]:
    """The dimensions that a reduction keeps."""
    reduced = integers_of(node, "axes")
    return tuple(axis for axis in range(len(_shape(node.args[0].type))) if axis not in reduced)


@derivative_rules.define(BROADCAST)
def _broadcast(sweep: Sweep, node: Node) -> None:
    (source,) = node.args
    adjoint = sweep.adjoint(node.results[0])
    shape, axes = integers_of(node, "shape"), integers_of(node, "axes")
    repeated = tuple(axis for axis in range(len(shape)) if axis not in axes)
    if repeated:
        adjoint = sweep.emit(REDUCE_SUM, adjoint, axes=repeated)
    if not isinstance(source.type, TensorType):
        adjoint = sweep.emit(ELEMENT, adjoint)
    sweep.accumulate(source, adjoint)


@derivative_rules.define(RESHAPE)
def _reshape(sweep: Sweep, node: Node) -> None:
    (source,) = node.args
    adjoint = sweep.adjoint(node.results[0])
    sweep.accumulate(source, sweep.emit(RESHAPE, adjoint, shape=_shape(source.type)))


@derivative_rules.define(TRANSPOSE)
def _transpose(sweep: Sweep, node: Node) -> None:
    permutation = integers_of(node, "permutation")
    inverse = tuple(permutation.index(axis) for axis in range(len(permutation)))
    sweep.accumulate(node.args[0], sweep.emit(TRANSPOSE, sweep.adjoint(node.results[0]), permutation=inverse))


@derivative_rules.define(REDUCE_SUM)
def _reduce_sum(sweep: Sweep, node: Node) -> None:
    (source,) = node.args
    adjoint = sweep.adjoint(node.results[0])
    sweep.accumulate(source, sweep.emit(BROADCAST, adjoint, shape=_shape(source.type), axes=_kept_axes(node)))


@derivative_rules.define(REDUCE_MAX)
def _reduce_max(sweep: Sweep, node: Node) -> None:
    """Elements that tie for the maximum share the derivative evenly, as in PyTorch's `amax`."""
    (source,) = node.args
    maximum = node.results[0]
    assert isinstance(source.type, TensorType)
    shape, kept = source.type.shape, _kept_axes(node)
    reduced = integers_of(node, "axes")
    is_maximum = sweep.emit(EQ, source, sweep.emit(BROADCAST, maximum, shape=shape, axes=kept))
    mask = sweep.emit(CONVERT, is_maximum, dtype=source.type.dtype)
    count = sweep.emit(REDUCE_SUM, mask, axes=reduced)
    share = sweep.emit(TRUEDIV, sweep.adjoint(maximum), count)
    sweep.accumulate(source, sweep.emit(MUL, mask, sweep.emit(BROADCAST, share, shape=shape, axes=kept)))


@derivative_rules.define(MATMUL, BATCH_MATMUL)
def _matmul(sweep: Sweep, node: Node) -> None:
    left, right = node.args
    product = node.primitive
    adjoint = sweep.adjoint(node.results[0])
    transpose_left, transpose_right = bool(node.attr("transpose_a")), bool(node.attr("transpose_b"))
    if sweep.wants(left):
        if transpose_left:
            gradient = sweep.emit(product, right, adjoint, transpose_a=transpose_right, transpose_b=True)
        else:
            gradient = sweep.emit(product, adjoint, right, transpose_a=False, transpose_b=not transpose_right)
        sweep.accumulate(left, gradient)
    if sweep.wants(right):
        if transpose_right:
            gradient = sweep.emit(product, adjoint, left, transpose_a=True, transpose_b=transpose_left)
        else:
            gradient = sweep.emit(product, left, adjoint, transpose_a=not transpose_left, transpose_b=False)
        sweep.accumulate(right, gradient)


@derivative_rules.define(PICK)
def _pick(sweep: Sweep, node: Node) -> None:
    source, index = node.args
    assert isinstance(source.type, TensorType)
    shape = source.type.shape
    places = sweep.emit(ONE_HOT, index, depth=shape[1], dtype=source.type.dtype)
    spread = sweep.emit(BROADCAST, sweep.adjoint(node.results[0]), shape=shape, axes=(0,))
    sweep.accumulate(source, sweep.emit(MUL, places, spread))


@derivative_rules.define(ELEMENT)
def _element(sweep: Sweep, node: Node) -> None:
    sweep.accumulate(node.args[0], sweep.emit(BROADCAST, sweep.adjoint(node.results[0]), shape=(), axes=()))


@derivative_rules.define(LOAD)
def _load(sweep: Sweep, node: Node) -> None:
    """A load of a variable is where its gradient ends up: under the buffer's own symbol.

    Memory that was made within the range has memory for adjoints.
    """
    (buffer,) = node.args
    adjoints = sweep.context.adjoints_of(buffer) if isinstance(buffer, Sym) else None
    if adjoints is not None:
        total = sweep.emit(ADD, sweep.emit(LOAD, adjoints), sweep.adjoint(node.results[0]))
        sweep.builder.emit(STORE, [adjoints, total], loc=node.loc)
        return
    if not isinstance(buffer, Sym) or buffer not in sweep.sources:
        raise NotSupportedYetError(
            "the loss depends on a value that was written into memory and read back, "
            "and derivatives do not follow values through memory yet",
            loc=node.loc,
            hint="use the computed tensor itself, or .detach() it before it is written",
        )
    sweep.accumulate(buffer, sweep.adjoint(node.results[0]))


@derivative_rules.define(STORE)
def _store(sweep: Sweep, node: Node) -> None:
    """What the buffer held before has no part in what is read afterwards."""
    buffer, value = node.args
    adjoints = sweep.context.adjoints_of(buffer) if isinstance(buffer, Sym) else None
    assert adjoints is not None, "only buffers with adjoints matter to a sweep"
    sweep.accumulate(value, sweep.emit(LOAD, adjoints))
    sweep.builder.emit(STORE, [adjoints, sweep.constant(value.type, 0)], loc=node.loc)


@derivative_rules.define(LOAD_ELEMENT, SLICE_ROWS, GATHER_ROWS)
def _partial_load(_sweep: Sweep, node: Node) -> None:
    raise NotSupportedYetError(
        "the derivative of reading a part of a parameter is not supported yet",
        loc=node.loc,
        hint="compute with the whole tensor, or read it under torch.no_grad() if no gradient is needed",
    )
