"""Reductions: `sum`, `mean`, `max`, `argmax`, `amax`, and those that give the least."""

from __future__ import annotations

from collections import namedtuple

import torch

from ..errors import StagedTypeError
from ..ir.node import Atom
from ..ir.ops.arithmetic import NEG, TRUEDIV
from ..ir.ops.tensor_gathers import TAKE_ALONG
from ..ir.ops.tensors import ARGMAX, PICK, REDUCE_MAX, REDUCE_SUM
from ..ir.types import BOOL, INT64, ScalarType, TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext, normalised_axes, normalised_axis
from .dtypes import scalar_type
from .table import functions, methods
from .tensor import StagedTensor

# What `x.max(dim)` and `x.min(dim)` give; PyTorch's own type cannot be made from Python.
ValuesAndIndices = namedtuple("ValuesAndIndices", ["values", "indices"])


def _sum_atom(context: TorchContext, atom: Atom, axes: tuple[int, ...], keepdim: bool) -> Atom:
    assert isinstance(atom.type, TensorType)
    if not axes:
        return atom
    total = context.emit(REDUCE_SUM, atom, axes=axes)
    return context.reshape(total, kept_shape(atom.type.shape, axes)) if keepdim else total


def kept_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with the reduced dimensions kept as 1."""
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape))


def _sum_dtype(dtype: object, source: ScalarType) -> ScalarType:
    if isinstance(dtype, torch.dtype):
        return scalar_type(dtype)
    return source if source.is_float else INT64


@functions.define(*methods("sum"))
def _sum(
    context: TorchContext, input: Operand, dim: object = None, keepdim: bool = False, *, dtype: object = None
) -> object:
    type_ = context.type_of(input)
    atom = context.convert(context.atom(input), _sum_dtype(dtype, type_.dtype))
    return context.wrap(_sum_atom(context, atom, normalised_axes(dim, type_.rank), keepdim))


@functions.define(*methods("mean"))
def _mean(
    context: TorchContext, input: Operand, dim: object = None, keepdim: bool = False, *, dtype: object = None
) -> object:
    type_ = context.type_of(input)
    target = scalar_type(dtype) if isinstance(dtype, torch.dtype) else type_.dtype
    if not target.is_float:
        raise StagedTypeError(f"mean() of a tensor of {type_.dtype}: convert it to floats first", loc=caller_loc())
    axes = normalised_axes(dim, type_.rank)
    total = _sum_atom(context, context.convert(context.atom(input), target), axes, keepdim)
    return context.wrap(divided(context, total, count(type_, axes)))


def count(type_: TensorType, axes: tuple[int, ...]) -> int:
    """How many elements go into each element of a reduction over `axes`."""
    total = 1
    for axis in axes:
        total *= type_.shape[axis]
    return total


def divided(context: TorchContext, atom: Atom, number: float) -> Atom:
    """The tensor divided by a plain number."""
    assert isinstance(atom.type, TensorType)
    return context.emit(TRUEDIV, atom, context.full(number, atom.type))


@functions.define(*methods("argmax"))
def _argmax(context: TorchContext, input: Operand, dim: int | None = None, keepdim: bool = False) -> object:
    return _positions(context, context.atom(input), dim, keepdim)


@functions.define(*methods("argmin"))
def _argmin(context: TorchContext, input: Operand, dim: int | None = None, keepdim: bool = False) -> object:
    return _positions(context, context.emit(NEG, context.atom(input)), dim, keepdim)


def _positions(context: TorchContext, atom: Atom, dim: int | None, keepdim: bool) -> StagedTensor:
    assert isinstance(atom.type, TensorType)
    shape = atom.type.shape
    if atom.type.dtype == BOOL:
        raise StagedTypeError("argmax() of a bool tensor: convert it first", loc=caller_loc())
    if dim is None:
        return context.wrap(context.emit(ARGMAX, context.reshape(atom, (atom.type.size,)), axis=0))
    if not shape:
        return context.wrap(context.full(0, TensorType(INT64, ())))
    axis = normalised_axis(dim, len(shape))
    found = context.emit(ARGMAX, atom, axis=axis)
    return context.wrap(context.reshape(found, kept_shape(shape, (axis,))) if keepdim else found)


@functions.define(*methods("max"))
def _max(context: TorchContext, input: Operand, dim: object = None, keepdim: bool = False) -> object:
    """`x.max()`, `x.max(dim)`: values and positions; `torch.max(x, y)`: elementwise."""
    if isinstance(dim, torch.Tensor):
        return context.dispatch(torch.maximum, (input, dim), {})
    atom = context.atom(input)
    type_ = context.type_of(input)
    if dim is None:
        return context.wrap(context.emit(REDUCE_MAX, atom, axes=tuple(range(type_.rank))))
    axis = normalised_axis(dim, type_.rank)
    positions = _argmax(context, input, axis, False)
    assert isinstance(positions, StagedTensor)
    values = _taken(context, atom, positions.atom, axis)
    if keepdim:
        shape = kept_shape(type_.shape, (axis,))
        values, kept = context.reshape(values, shape), context.reshape(positions.atom, shape)
        return ValuesAndIndices(context.wrap(values), StagedTensor(kept, context))
    return ValuesAndIndices(context.wrap(values), positions)


@functions.define(*methods("min"))
def _min(context: TorchContext, input: Operand, dim: object = None, keepdim: bool = False) -> object:
    """As `max`, of the negated tensor."""
    if isinstance(dim, torch.Tensor):
        return context.dispatch(torch.minimum, (input, dim), {})
    found = _max(context, context.dispatch(torch.neg, (input,), {}), dim, keepdim)
    if isinstance(found, ValuesAndIndices):
        return ValuesAndIndices(context.dispatch(torch.neg, (found.values,), {}), found.indices)
    return context.dispatch(torch.neg, (found,), {})


def _taken(context: TorchContext, atom: Atom, positions: Atom, axis: int) -> Atom:
    """The elements at `positions` along one dimension; the derivative goes to those alone."""
    assert isinstance(atom.type, TensorType) and isinstance(positions.type, TensorType)
    if not atom.type.rank:
        return atom
    if atom.type.rank == 2 and axis == 1:
        return context.emit(PICK, atom, positions)
    kept = context.reshape(positions, kept_shape(atom.type.shape, (axis,)))
    return context.reshape(context.emit(TAKE_ALONG, atom, kept, axis=axis), positions.type.shape)


@functions.define(*methods("amax"))
def _amax(context: TorchContext, input: Operand, dim: object = (), keepdim: bool = False) -> object:
    atom = context.atom(input)
    type_ = context.type_of(input)
    axes = normalised_axes(dim, type_.rank)
    found: Atom = context.emit(REDUCE_MAX, atom, axes=axes)
    return context.wrap(context.reshape(found, kept_shape(type_.shape, axes)) if keepdim else found)


@functions.define(*methods("amin"))
def _amin(context: TorchContext, input: Operand, dim: object = (), keepdim: bool = False) -> object:
    negated = context.dispatch(torch.neg, (input,), {})
    return context.dispatch(torch.neg, (_amax(context, negated, dim, keepdim),), {})
