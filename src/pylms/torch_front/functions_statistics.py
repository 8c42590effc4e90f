"""Reductions that are made of others: `prod`, `var`, `std`, `logsumexp`, `any`, `all`, and running sums."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ..errors import StagedTypeError
from ..ir.node import Atom
from ..ir.ops.arithmetic import ABS, ADD, EQ, EXP, LOG, MUL, SELECT, SQRT, SUB
from ..ir.ops.tensor_regions import CONCAT
from ..ir.ops.tensors import REDUCE_MAX, REDUCE_SUM, STOP_GRADIENT
from ..ir.primitive import Primitive
from ..ir.types import INT64, ScalarType, TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext, normalised_axes, normalised_axis
from .dtypes import scalar_type
from .functions_arithmetic import truths
from .functions_join import region
from .functions_reduce import count, divided, kept_shape
from .table import functions, methods, refuse_options
from .view_steps import tensor_type


def _reduced(context: TorchContext, primitive: Primitive, atom: Atom, axes: tuple[int, ...], keepdim: bool) -> Atom:
    shape = tensor_type(atom).shape
    found = context.emit(primitive, atom, axes=axes) if shape else atom
    return context.reshape(found, kept_shape(shape, axes)) if keepdim else found


def _floats(context: TorchContext, input: Operand, name: str, dtype: object = None) -> Atom:
    atom = context.atom(input)
    if isinstance(dtype, torch.dtype):
        atom = context.convert(atom, scalar_type(dtype))
    if not tensor_type(atom).dtype.is_float:
        raise StagedTypeError(f"{name}() of a tensor of {tensor_type(atom).dtype}: convert it first", loc=caller_loc())
    return atom


def _whole_dtype(dtype: object, source: ScalarType) -> ScalarType:
    """What sums and products of integers are computed in."""
    if isinstance(dtype, torch.dtype):
        return scalar_type(dtype)
    return source if source.is_float else INT64


def _spread(context: TorchContext, reduced: Atom, type_: TensorType, axes: Sequence[int]) -> Atom:
    """A reduction repeated along the reduced dimensions."""
    return context.emit_broadcast(reduced, type_.shape, tuple(axis for axis in range(type_.rank) if axis not in axes))


# ---- variance


def _variance(context: TorchContext, atom: Atom, axes: tuple[int, ...], correction: float, keepdim: bool) -> Atom:
    type_ = tensor_type(atom)
    mean = divided(context, _reduced(context, REDUCE_SUM, atom, axes, False), count(type_, axes))
    difference = context.emit(SUB, atom, _spread(context, mean, type_, axes))
    total = _reduced(context, REDUCE_SUM, context.emit(MUL, difference, difference), axes, keepdim)
    return divided(context, total, max(0, count(type_, axes) - correction))


def _correction(dim: object, unbiased: object, correction: object) -> tuple[object, float]:
    """The dimensions and the correction, from either way to ask for it: `var(unbiased)` has no dimensions."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if isinstance(correction, (int, float)):
        return dim, correction
    return dim, 1.0 if unbiased in (None, True) else 0.0


@functions.define(*methods("var"))
def _var(
    context: TorchContext,
    input: Operand,
    dim: object = None,
    unbiased: object = None,
    keepdim: bool = False,
    *,
    correction: object = None,
) -> object:
    dim, less = _correction(dim, unbiased, correction)
    atom = _floats(context, input, "var")
    axes = normalised_axes(dim, tensor_type(atom).rank)
    return context.wrap(_variance(context, atom, axes, less, keepdim))


@functions.define(*methods("std"))
def _std(
    context: TorchContext,
    input: Operand,
    dim: object = None,
    unbiased: object = None,
    keepdim: bool = False,
    *,
    correction: object = None,
) -> object:
    dim, less = _correction(dim, unbiased, correction)
    atom = _floats(context, input, "std")
    axes = normalised_axes(dim, tensor_type(atom).rank)
    return context.wrap(_root(context, _variance(context, atom, axes, less, keepdim)))


def _root(context: TorchContext, squares: Atom) -> Atom:
    """The square root, whose derivative at 0 is 0 here, as where PyTorch divides by a length of 0."""
    type_ = tensor_type(squares)
    is_zero = context.emit(EQ, squares, context.full(0, type_))
    safe = context.emit(SELECT, is_zero, context.full(1, type_), squares)
    return context.emit(SELECT, is_zero, context.full(0, type_), context.emit(SQRT, safe))


def _define_with_mean(name: str, function: object) -> None:
    @functions.define(*methods(name))
    def with_mean(
        context: TorchContext,
        input: Operand,
        dim: object = None,
        unbiased: object = None,
        keepdim: bool = False,
        *,
        correction: object = None,
    ) -> object:
        dim, less = _correction(dim, unbiased, correction)
        spread = context.dispatch_staged(function, (input, dim), {"correction": less, "keepdim": keepdim})
        return spread, context.dispatch_staged(torch.mean, (input, dim, keepdim), {})


_define_with_mean("var_mean", torch.var)
_define_with_mean("std_mean", torch.std)


# ---- logarithms of sums


@functions.define(*methods("logsumexp"), torch.special.logsumexp)
def _logsumexp(context: TorchContext, input: Operand, dim: object, keepdim: bool = False) -> object:
    """Shifted by the maximum, unless that is infinite, so that exp does not overflow."""
    atom = _floats(context, input, "logsumexp")
    type_ = tensor_type(atom)
    axes = normalised_axes(dim, type_.rank)
    greatest = context.emit(STOP_GRADIENT, _reduced(context, REDUCE_MAX, atom, axes, False))
    small = tensor_type(greatest)
    size = context.emit(ABS, greatest)
    is_infinite = context.emit(EQ, size, context.full(math.inf, small))
    shift = context.emit(SELECT, is_infinite, context.full(0, small), greatest)
    powers = context.emit(EXP, context.emit(SUB, atom, _spread(context, shift, type_, axes)))
    total = context.emit(LOG, _reduced(context, REDUCE_SUM, powers, axes, False))
    result = context.emit(ADD, total, shift)
    return context.wrap(context.reshape(result, kept_shape(type_.shape, axes)) if keepdim else result)


# ---- truth


def _any_true(context: TorchContext, truth: Atom, axes: tuple[int, ...], keepdim: bool) -> Atom:
    found = _reduced(context, REDUCE_MAX, context.convert(truth, INT64), axes, keepdim)
    return context.emit(EQ, found, context.full(1, tensor_type(found)))


@functions.define(*methods("any"))
def _any(context: TorchContext, input: Operand, dim: object = None, keepdim: bool = False) -> object:
    shape = context.type_of(input).shape
    truth = truths(context, input, shape)
    return context.wrap(_any_true(context, truth, normalised_axes(dim, len(shape)), keepdim))


@functions.define(*methods("all"))
def _all(context: TorchContext, input: Operand, dim: object = None, keepdim: bool = False) -> object:
    shape = context.type_of(input).shape
    truth = truths(context, input, shape)
    false = context.emit(EQ, truth, context.full(False, tensor_type(truth)))
    found = _any_true(context, false, normalised_axes(dim, len(shape)), keepdim)
    return context.wrap(context.emit(EQ, found, context.full(False, tensor_type(found))))


@functions.define(*methods("count_nonzero"))
def _count_nonzero(context: TorchContext, input: Operand, dim: object = None) -> object:
    shape = context.type_of(input).shape
    numbers = context.convert(truths(context, input, shape), INT64)
    return context.wrap(_reduced(context, REDUCE_SUM, numbers, normalised_axes(dim, len(shape)), False))


@functions.define(*methods("equal"))
def _equal(context: TorchContext, input: Operand, other: Operand) -> object:
    """Whether shapes and all elements are equal: a staged bool."""
    if context.type_of(input).shape != context.type_of(other).shape:
        return False
    same = context.dispatch_staged(torch.eq, (input, other), {})
    return context.dispatch_staged(torch.Tensor.item, (_all(context, same),), {})


@functions.define(torch.allclose, torch.Tensor.allclose)
def _allclose(
    context: TorchContext,
    input: Operand,
    other: Operand,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> object:
    near = context.dispatch_staged(torch.isclose, (input, other, rtol, atol, equal_nan), {})
    return context.dispatch_staged(torch.Tensor.item, (_all(context, near),), {})


# ---- products and running sums


@functions.define(*methods("prod"))
def _prod(
    context: TorchContext, input: Operand, dim: object = None, keepdim: bool = False, *, dtype: object = None
) -> object:
    """Halves times halves, so that a zero among the factors is nothing special to the derivative."""
    type_ = context.type_of(input)
    atom = context.convert(context.atom(input), _whole_dtype(dtype, type_.dtype))
    if dim is None:
        atom, axis = context.reshape(atom, (type_.size,)), 0
    else:
        axis = normalised_axis(dim, type_.rank)
    shape = tensor_type(atom).shape
    if not shape:
        return context.wrap(atom)
    rest = (*shape[:axis], *shape[axis + 1 :])
    product = context.reshape(_product(context, atom, axis), rest)
    return context.wrap(
        context.reshape(product, kept_shape(shape, (axis,))) if keepdim and dim is not None else product
    )


def _product(context: TorchContext, atom: Atom, axis: int) -> Atom:
    """The product along a dimension, of which one element is left."""
    shape = tensor_type(atom).shape
    extent = shape[axis]
    if not extent:
        return context.full(1, TensorType(tensor_type(atom).dtype, kept_shape(shape, (axis,))))
    while extent > 1:
        half = extent // 2
        halves = [region(shape, axis, start, half).read(context, atom) for start in (0, half)]
        product = context.emit(MUL, *halves)
        if extent % 2:
            product = context.emit(CONCAT, product, region(shape, axis, 2 * half, 1).read(context, atom), axis=axis)
        atom, shape = product, tensor_type(product).shape
        extent = shape[axis]
    return atom


def _define_running(name: str, primitive: Primitive) -> None:
    @functions.define(*methods(name))
    def running(context: TorchContext, input: Operand, dim: int, *, dtype: object = None, out: object = None) -> object:
        refuse_options(name, out=(out, None))
        type_ = context.type_of(input)
        atom = context.convert(context.atom(input), _whole_dtype(dtype, type_.dtype))
        if not type_.rank:
            return context.wrap(atom)
        return context.wrap(_scanned(context, primitive, atom, normalised_axis(dim, type_.rank)))


def _scanned(context: TorchContext, primitive: Primitive, atom: Atom, axis: int) -> Atom:
    """Every element with all before it: in each step with what is twice as far away."""
    shape = tensor_type(atom).shape
    distance = 1
    while distance < shape[axis]:
        rest = shape[axis] - distance
        first = region(shape, axis, 0, distance).read(context, atom)
        later, earlier = (region(shape, axis, start, rest).read(context, atom) for start in (distance, 0))
        atom = context.emit(CONCAT, first, context.emit(primitive, earlier, later), axis=axis)
        distance *= 2
    return atom


_define_running("cumsum", ADD)
_define_running("cumprod", MUL)
