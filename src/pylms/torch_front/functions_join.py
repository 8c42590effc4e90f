"""Joining tensors and taking them apart: `cat`, `stack`, `split`, `chunk`, `unbind`, `narrow`, `roll`, `flip`, ..."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch

from ..errors import StagedTypeError
from ..ir.node import Atom
from ..ir.ops.arithmetic import SELECT
from ..ir.ops.tensor_regions import CONCAT, SLICE
from ..ir.types import TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext, normalised_axis
from .functions_elementary import composed
from .functions_shape import sizes
from .table import functions, methods, refuse_options
from .tensor import StagedTensor
from .view_steps import Permuted, Reshaped, Sliced, Step


def _listed(context: TorchContext, tensors: object, name: str) -> list[torch.Tensor]:
    """The tensors to join, brought to their common dtype."""
    found = [each for each in tensors if isinstance(each, torch.Tensor)] if isinstance(tensors, (tuple, list)) else []
    if not found or not isinstance(tensors, (tuple, list)) or len(found) != len(tensors):
        raise StagedTypeError(f"{name}() joins one or more tensors in a tuple or list", loc=caller_loc())
    return found


def _common(context: TorchContext, tensors: Sequence[torch.Tensor]) -> list[Atom]:
    dtype = context.result_dtype(*tensors[:1])
    for each in tensors[1:]:
        dtype = context.result_dtype(each, torch.empty((), dtype=context.dtype_of(dtype)))
    return [context.convert(context.atom(each), dtype) for each in tensors]


@functions.define(*methods("cat", "concat", "concatenate"))
def _cat(
    context: TorchContext, tensors: object, dim: int = 0, *, axis: int | None = None, out: object = None
) -> object:
    refuse_options("cat", out=(out, None))
    listed = _listed(context, tensors, "cat")
    # PyTorch leaves out what is empty and of one dimension.
    parts = [each for each in listed if tuple(each.shape) != (0,)] or listed[:1]
    rank = parts[0].dim()
    place = normalised_axis(dim if axis is None else axis, rank)
    first = tuple(parts[0].shape)
    for part in parts:
        shape = tuple(part.shape)
        if not rank or len(shape) != rank or any(n != m for d, (n, m) in enumerate(zip(shape, first)) if d != place):  # noqa: B905 - the ranks have been compared
            raise StagedTypeError(
                f"tensors of shapes {list(first)} and {list(shape)} do not join along dimension {place}",
                loc=caller_loc(),
            )
    return context.wrap(context.emit(CONCAT, *_common(context, parts), axis=place))


@functions.define(*methods("stack"))
def _stack(context: TorchContext, tensors: object, dim: int = 0, *, out: object = None) -> object:
    refuse_options("stack", out=(out, None))
    listed = _listed(context, tensors, "stack")
    shape = tuple(listed[0].shape)
    axis = normalised_axis(dim, len(shape) + 1)
    for each in listed:
        if tuple(each.shape) != shape:
            raise StagedTypeError(
                f"stack() needs tensors of one shape, not {list(shape)} and {list(each.shape)}", loc=caller_loc()
            )
    longer = (*shape[:axis], 1, *shape[axis:])
    parts = [context.reshape(atom, longer) for atom in _common(context, listed)]
    return context.wrap(context.emit(CONCAT, *parts, axis=axis))


def _define_stacking(name: str, rank: int, dim: int) -> None:
    @functions.define(*methods(name))
    def stacked(context: TorchContext, tensors: object) -> object:
        listed = [_at_least(context, each, rank, name) for each in _listed(context, tensors, name)]
        return _cat(context, listed, 0 if listed[0].dim() == 1 else dim)


def _at_least(context: TorchContext, tensor: torch.Tensor, rank: int, name: str) -> torch.Tensor:
    """The tensor with leading dimensions of one element, as `hstack` and its kin add them."""
    shape = tuple(tensor.shape)
    if name == "dstack":
        wanted = {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}.get(len(shape), shape)
    elif name == "column_stack":
        wanted = {0: (1, 1), 1: (*shape, 1)}.get(len(shape), shape)
    else:
        wanted = (1,) * (rank - len(shape)) + shape
    return context.view(tensor, Reshaped(wanted)) if wanted != shape else tensor


_define_stacking("hstack", 1, 1)
_define_stacking("vstack", 2, 0)
_define_stacking("row_stack", 2, 0)
_define_stacking("dstack", 3, 2)
_define_stacking("column_stack", 2, 1)


def region(shape: tuple[int, ...], axis: int, start: int, size: int) -> Sliced:
    """Elements start .. start + size - 1 along one dimension, all of the others."""
    starts = tuple(start if each == axis else 0 for each in range(len(shape)))
    taken = tuple(size if each == axis else extent for each, extent in enumerate(shape))
    return Sliced(shape, starts, taken, (1,) * len(shape))


def _along(context: TorchContext, input: Operand, dim: object, name: str) -> tuple[tuple[int, ...], int]:
    shape = context.type_of(input).shape
    if not shape:
        raise StagedTypeError(f"{name}() of a tensor without dimensions", loc=caller_loc())
    return shape, normalised_axis(dim, len(shape))


def _parts(context: TorchContext, input: Operand, axis: int, lengths: Sequence[int]) -> tuple[StagedTensor, ...]:
    shape = context.type_of(input).shape
    starts = [sum(lengths[:number]) for number in range(len(lengths))]
    return tuple(
        context.view(input, region(shape, axis, start, size)) for start, size in zip(starts, lengths, strict=True)
    )


@functions.define(*methods("split", "split_with_sizes"))
def _split(context: TorchContext, tensor: Operand, split_size_or_sections: object, dim: int = 0) -> object:
    shape, axis = _along(context, tensor, dim, "split")
    extent = shape[axis]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size < 1:
            raise StagedTypeError(f"split() into parts of {size} elements", loc=caller_loc())
        lengths = [min(size, extent - start) for start in range(0, extent, size)] or [0]
    else:
        lengths = list(sizes((split_size_or_sections,)))
        if sum(lengths) != extent or min(lengths, default=0) < 0:
            raise StagedTypeError(f"split() of {extent} elements into parts of {lengths}", loc=caller_loc())
    return _parts(context, tensor, axis, lengths)


@functions.define(*methods("chunk"))
def _chunk(context: TorchContext, input: Operand, chunks: int, dim: int = 0) -> object:
    shape, axis = _along(context, input, dim, "chunk")
    if chunks < 1:
        raise StagedTypeError(f"chunk() into {chunks} parts", loc=caller_loc())
    size = max(1, -(-shape[axis] // chunks))
    return _split(context, input, size, axis)


@functions.define(*methods("tensor_split"))
def _tensor_split(context: TorchContext, input: Operand, indices_or_sections: object, dim: int = 0) -> object:
    shape, axis = _along(context, input, dim, "tensor_split")
    extent = shape[axis]
    if isinstance(indices_or_sections, int):
        count = indices_or_sections
        return _parts(context, input, axis, [extent // count + (part < extent % count) for part in range(count)])
    bounds = [0, *[slice(0, end).indices(extent)[1] for end in sizes((indices_or_sections,))], extent]
    return tuple(
        context.view(input, region(shape, axis, min(start, extent), max(0, stop - start)))
        for start, stop in pairwise(bounds)
    )


@functions.define(*methods("unbind"))
def _unbind(context: TorchContext, input: Operand, dim: int = 0) -> object:
    shape, axis = _along(context, input, dim, "unbind")
    return tuple(_selected(context, input, shape, axis, number) for number in range(shape[axis]))


def _selected(context: TorchContext, input: Operand, shape: tuple[int, ...], axis: int, number: int) -> StagedTensor:
    rest = (*shape[:axis], *shape[axis + 1 :])
    return context.view(input, region(shape, axis, number, 1), Reshaped(rest))


@functions.define(*methods("select"))
def _select(context: TorchContext, input: Operand, dim: int, index: object) -> object:
    _, axis = _along(context, input, dim, "select")
    return context.dispatch_staged(torch.Tensor.__getitem__, (input, (*[slice(None)] * axis, index)), {})


@functions.define(*methods("narrow"))
def _narrow(context: TorchContext, input: Operand, dim: int, start: object, length: int) -> object:
    shape, axis = _along(context, input, dim, "narrow")
    (first,) = sizes((start,))
    first += shape[axis] if first < 0 else 0
    if first < 0 or length < 0 or first + length > shape[axis]:
        raise StagedTypeError(f"narrow() to {length} elements from {start} on, of {shape[axis]}", loc=caller_loc())
    return context.view(input, region(shape, axis, first, length))


@functions.define(*methods("flip"))
def _flip(context: TorchContext, input: Operand, *dims: object) -> object:
    shape = context.type_of(input).shape
    axes = {normalised_axis(axis, len(shape)) for axis in sizes(dims)}
    starts = tuple(extent - 1 if axis in axes and extent else 0 for axis, extent in enumerate(shape))
    steps = tuple(-1 if axis in axes else 1 for axis in range(len(shape)))
    if not axes:
        return context.wrap(context.atom(input))
    return context.wrap(context.emit(SLICE, context.atom(input), starts=starts, sizes=shape, steps=steps))


@functions.define(*methods("fliplr"))
def _fliplr(context: TorchContext, input: Operand) -> object:
    return _flip(context, input, 1)


@functions.define(*methods("flipud"))
def _flipud(context: TorchContext, input: Operand) -> object:
    return _flip(context, input, 0)


@functions.define(*methods("roll"))
def _roll(context: TorchContext, input: Operand, shifts: object, dims: object = None) -> object:
    shape = context.type_of(input).shape
    atom = context.atom(input)
    if dims is None:
        (shift,) = sizes((shifts,))
        flat = context.reshape(atom, (context.type_of(input).size,))
        return context.wrap(context.reshape(_rolled(context, flat, 0, shift), shape))
    for shift, axis in zip(sizes((shifts,)), sizes((dims,)), strict=True):
        atom = _rolled(context, atom, normalised_axis(axis, len(shape)), shift)
    return context.wrap(atom)


def _rolled(context: TorchContext, atom: Atom, axis: int, shift: int) -> Atom:
    assert isinstance(atom.type, TensorType)
    shape = atom.type.shape
    last = shift % shape[axis] if shape[axis] else 0
    if not last:
        return atom
    first = shape[axis] - last
    halves = [region(shape, axis, start, size).read(context, atom) for start, size in ((first, last), (0, first))]
    return context.emit(CONCAT, *halves, axis=axis)


@functions.define(*methods("repeat", "tile"))
def _repeat(context: TorchContext, input: Operand, *repeats: object, dims: object = None) -> object:
    """Each dimension so many times, one copy after the other."""
    shape = context.type_of(input).shape
    counts = sizes((dims,) if dims is not None else repeats)
    counts = (1,) * (len(shape) - len(counts)) + counts
    longer = (1,) * (len(counts) - len(shape)) + shape
    apart = tuple(n for count, extent in zip(counts, longer, strict=True) for n in (count, extent))
    spread = context.emit_broadcast(context.reshape(context.atom(input), longer), apart, tuple(range(1, len(apart), 2)))
    return context.wrap(context.reshape(spread, tuple(count * n for count, n in zip(counts, longer, strict=True))))


@functions.define(*methods("repeat_interleave"))
def _repeat_interleave(context: TorchContext, input: Operand, repeats: object, dim: int | None = None) -> object:
    """Each element so many times, one after the other."""
    (count,) = sizes((repeats,))
    if dim is None:
        input, dim = composed(context, torch.Tensor.reshape, input, -1), 0
    shape, axis = _along(context, input, dim, "repeat_interleave")
    apart = (*shape[: axis + 1], count, *shape[axis + 1 :])
    kept = tuple(each for each in range(len(apart)) if each != axis + 1)
    spread = context.emit_broadcast(context.atom(input), apart, kept)
    return context.wrap(context.reshape(spread, (*shape[:axis], shape[axis] * count, *shape[axis + 1 :])))


@functions.define(*methods("movedim", "moveaxis"))
def _movedim(context: TorchContext, input: Operand, source: object, destination: object) -> object:
    rank = len(context.type_of(input).shape)
    sources = [normalised_axis(axis, rank) for axis in sizes((source,))]
    targets = [normalised_axis(axis, rank) for axis in sizes((destination,))]
    rest = iter(axis for axis in range(rank) if axis not in sources)
    order = tuple(sources[targets.index(place)] if place in targets else next(rest) for place in range(rank))
    return context.view(input, Permuted(order))


@functions.define(*methods("unflatten"))
def _unflatten(context: TorchContext, input: Operand, dim: int, sizes_: object) -> object:
    shape, axis = _along(context, input, dim, "unflatten")
    return composed(context, torch.Tensor.reshape, input, (*shape[:axis], *sizes((sizes_,)), *shape[axis + 1 :]))


def _define_triangle(name: str, *, is_lower: bool) -> None:
    @functions.define(*methods(name))
    def triangle(context: TorchContext, input: Operand, diagonal: int = 0) -> object:
        type_ = context.type_of(input)
        if len(type_.shape) < 2:
            raise StagedTypeError(f"{name}() needs a matrix, not {list(type_.shape)}", loc=caller_loc())
        ones = torch.ones(type_.shape[-2:], dtype=torch.bool)
        mask = context.constant_tensor(ones.tril(diagonal) if is_lower else ones.triu(diagonal))
        kept = context.emit_broadcast(mask, type_.shape, (len(type_.shape) - 2, len(type_.shape) - 1))
        return context.wrap(context.emit(SELECT, kept, context.atom(input), context.full(0, type_)))


_define_triangle("tril", is_lower=True)
_define_triangle("triu", is_lower=False)


@functions.define(*methods("diagonal"))
def _diagonal(context: TorchContext, input: Operand, offset: int = 0, dim1: int = 0, dim2: int = 1) -> object:
    """The elements at (k, k + offset), as a dimension of its own at the end."""
    shape = context.type_of(input).shape
    axes = normalised_axis(dim1, len(shape)), normalised_axis(dim2, len(shape))
    rest = tuple(axis for axis in range(len(shape)) if axis not in axes)
    rows, columns = shape[axes[0]], shape[axes[1]]
    above, right = max(0, -offset), max(0, offset)
    count = max(0, min(rows - above, columns - right))
    start = above * columns + right
    kept = tuple(shape[axis] for axis in rest)
    steps: list[Step] = [Permuted((*rest, *axes)), Reshaped((*kept, rows * columns))]
    starts = (0,) * len(kept) + (start if count else 0,)
    by = (1,) * len(kept) + (columns + 1,)
    steps.append(Sliced((*kept, rows * columns), starts, (*kept, count), by))
    return context.view(input, *steps)


@functions.define(*methods("diag"))
def _diag(context: TorchContext, input: Operand, diagonal: int = 0) -> object:
    """The diagonal of a matrix, or a matrix with that diagonal."""
    type_ = context.type_of(input)
    if len(type_.shape) == 2:
        return context.wrap(composed(context, torch.Tensor.diagonal, input, diagonal).atom)
    if len(type_.shape) != 1:
        raise StagedTypeError(f"diag() takes a vector or a matrix, not {list(type_.shape)}", loc=caller_loc())
    extent = type_.shape[0] + abs(diagonal)
    matrix = TensorType(type_.dtype, (extent, extent))
    empty = StagedTensor(context.full(0, matrix), context)
    place = _diagonal(context, empty, diagonal)
    assert isinstance(place, StagedTensor)
    context.write(place, context.atom(input))
    return context.wrap(empty.atom)


@functions.define(*methods("diag_embed"))
def _diag_embed(context: TorchContext, input: Operand, offset: int = 0, dim1: int = -2, dim2: int = -1) -> object:
    refuse_options("diag_embed", offset=(offset, 0), dim1=(dim1, -2), dim2=(dim2, -1))
    type_ = context.type_of(input)
    shape = (*type_.shape, type_.shape[-1])
    eye = context.constant_tensor(torch.eye(type_.shape[-1], dtype=torch.bool))
    mask = context.emit_broadcast(eye, shape, (len(shape) - 2, len(shape) - 1))
    rows = context.emit_broadcast(context.atom(input), shape, tuple(range(len(shape) - 1)))
    return context.wrap(context.emit(SELECT, mask, rows, context.full(0, TensorType(type_.dtype, shape))))


@functions.define(*methods("trace"))
def _trace(context: TorchContext, input: Operand) -> object:
    return composed(context, torch.sum, composed(context, torch.Tensor.diagonal, input))
