"""Functions that rearrange a tensor's elements: `view`, `flatten`, `t`, `permute`, `squeeze`, `expand`, ..."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import StagedTypeError, StagingError
from ..ir.types import TensorType
from ..loc import caller_loc
from ..staging.rep import Rep
from .context import Operand, TorchContext, normalised_axis
from .table import accessor, functions, methods, refuse_options
from .tensor import Bounds, StagedTensor
from .view_steps import Permuted, Repeated, Reshaped


def sizes(arguments: Sequence[object]) -> tuple[int, ...]:
    """A shape given as several ints or as one sequence of them. Located errors for what is not known while staging."""
    listed = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], (tuple, list)) else arguments
    found = []
    for size in listed:
        if isinstance(size, Rep):
            raise StagingError(
                "a tensor's shape must be known while staging",
                loc=caller_loc(),
                hint="compute the shape from plain values such as x.shape",
            )
        if not isinstance(size, int):
            raise StagedTypeError(f"a shape is made of ints, not {type(size).__name__}", loc=caller_loc())
        found.append(size)
    return tuple(found)


def reshaped(context: TorchContext, input: Operand, shape: tuple[int, ...]) -> StagedTensor:
    """The same elements in the same order in another shape: a view, unless they lie in another order in memory."""
    if not _is_dense(input):
        return context.wrap(context.reshape(context.atom(input), shape), bounds=_bounds(input))
    return context.view(input, Reshaped(shape))


def _is_dense(input: Operand) -> bool:
    seen = input.content.seen if isinstance(input, StagedTensor) else None
    return seen is None or seen.view.is_dense


def _bounds(input: Operand) -> Bounds | None:
    return input.bounds if isinstance(input, StagedTensor) else None


def _resolved(type_: TensorType, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape in which at most one size is -1, meaning what is left."""
    if shape.count(-1) == 1:
        known = math.prod(size for size in shape if size != -1)
        if known and type_.size % known == 0:
            shape = tuple(type_.size // known if size == -1 else size for size in shape)
    if math.prod(shape) != type_.size or min(shape, default=0) < 0:
        raise StagedTypeError(
            f"a tensor of shape {list(type_.shape)} has {type_.size} elements and cannot take the shape {list(shape)}",
            loc=caller_loc(),
        )
    return shape


@functions.define(*methods("view", "reshape"))
def _view(context: TorchContext, input: Operand, *arguments: object, shape: object = None) -> object:
    if shape is not None:
        arguments = (shape,)
    return reshaped(context, input, _resolved(context.type_of(input), sizes(arguments)))


@functions.define(*methods("view_as", "reshape_as"))
def _view_as(context: TorchContext, input: Operand, other: Operand) -> object:
    return reshaped(context, input, _resolved(context.type_of(input), context.type_of(other).shape))


@functions.define(*methods("flatten"))
def _flatten(context: TorchContext, input: Operand, start_dim: int = 0, end_dim: int = -1) -> object:
    shape = context.type_of(input).shape
    if not shape:
        return reshaped(context, input, (1,))
    start, end = normalised_axis(start_dim, len(shape)), normalised_axis(end_dim, len(shape))
    if start > end:
        raise StagedTypeError("flatten() has start_dim after end_dim", loc=caller_loc())
    return reshaped(context, input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


@functions.define(*methods("ravel"))
def _ravel(context: TorchContext, input: Operand) -> object:
    return reshaped(context, input, (context.type_of(input).size,))


@functions.define(*methods("squeeze"))
def _squeeze(context: TorchContext, input: Operand, dim: object = None) -> object:
    shape = context.type_of(input).shape
    if dim is None:
        dropped = set(range(len(shape)))
    else:
        dropped = {normalised_axis(axis, len(shape)) for axis in (dim if isinstance(dim, (tuple, list)) else (dim,))}
    return reshaped(context, input, tuple(n for axis, n in enumerate(shape) if n != 1 or axis not in dropped))


@functions.define(*methods("unsqueeze"))
def _unsqueeze(context: TorchContext, input: Operand, dim: int) -> object:
    shape = context.type_of(input).shape
    axis = normalised_axis(dim, len(shape) + 1)
    return reshaped(context, input, (*shape[:axis], 1, *shape[axis:]))


@functions.define(accessor("mT"))
def _transposed_matrices(context: TorchContext, input: Operand) -> object:
    return _transpose(context, input, -2, -1)


@functions.define(*methods("t"), accessor("T"))
def _t(context: TorchContext, input: Operand) -> object:
    rank = len(context.type_of(input).shape)
    if rank > 2:
        raise StagedTypeError(f"the transpose of a tensor of {rank} dimensions: use permute", loc=caller_loc())
    return _permuted(context, input, tuple(reversed(range(rank))))


@functions.define(*methods("transpose", "swapaxes"))
def _transpose(context: TorchContext, input: Operand, dim0: int, dim1: int) -> object:
    rank = len(context.type_of(input).shape)
    first, second = normalised_axis(dim0, rank), normalised_axis(dim1, rank)
    permutation = list(range(rank))
    if rank:
        permutation[first], permutation[second] = second, first
    return _permuted(context, input, tuple(permutation))


@functions.define(*methods("permute"))
def _permute(context: TorchContext, input: Operand, *arguments: object, dims: object = None) -> object:
    if dims is not None:
        arguments = (dims,)
    rank = len(context.type_of(input).shape)
    permutation = tuple(normalised_axis(axis, rank) for axis in sizes(arguments))
    if sorted(permutation) != list(range(rank)):
        raise StagedTypeError(f"{permutation} does not permute {rank} dimensions", loc=caller_loc())
    return _permuted(context, input, permutation)


def _permuted(context: TorchContext, input: Operand, permutation: tuple[int, ...]) -> StagedTensor:
    return context.view(input, Permuted(permutation))


@functions.define(*methods("expand", "broadcast_to"))
def _expand(context: TorchContext, input: Operand, *arguments: object, size: object = None) -> object:
    if size is not None:
        arguments = (size,)
    shape, source = sizes(arguments), context.type_of(input).shape
    offset = len(shape) - len(source)
    resolved = tuple(source[axis - offset] if n == -1 and axis >= offset else n for axis, n in enumerate(shape))
    fits = offset >= 0 and all(n in (1, resolved[axis + offset]) for axis, n in enumerate(source))
    if not fits or min(resolved, default=0) < 0:
        raise StagedTypeError(f"a tensor of shape {list(source)} does not expand to {list(shape)}", loc=caller_loc())
    return context.view(input, Repeated(resolved))


@functions.define(*methods("expand_as"))
def _expand_as(context: TorchContext, input: Operand, other: Operand) -> object:
    return _expand(context, input, context.type_of(other).shape)


@functions.define(*methods("contiguous", "clone", "cpu"))
def _same(context: TorchContext, input: Operand, *, memory_format: object = None) -> object:
    """Tensors are values, dense in memory: a copy is the value itself."""
    refuse_options("clone", memory_format=(memory_format, memory_format))
    return context.wrap(context.atom(input), bounds=_bounds(input))
