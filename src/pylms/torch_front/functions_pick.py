"""Choosing elements by integer tensors: `one_hot`, `gather`, `index_select`, `scatter`, `index_add`, ..."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError, TorchFeatureError
from ..ir.node import Atom
from ..ir.ops.arithmetic import ADD, MUL, SELECT
from ..ir.ops.tensor_gathers import SCATTER_ADD, SCATTER_ADD_ALONG, TAKE, TAKE_ALONG
from ..ir.ops.tensor_regions import PLACE, SLICE
from ..ir.ops.tensors import ONE_HOT
from ..ir.types import BOOL, INT64
from ..loc import caller_loc
from .context import Operand, TorchContext, normalised_axis
from .positions import checked_positions, last_along, require_positions
from .table import functions, methods, refuse_options
from .view_steps import tensor_type


def _flat_positions(context: TorchContext, source: Operand, depth: int, message: str) -> Atom:
    type_ = context.type_of(source)
    positions = context.reshape(context.atom(source), (type_.size,))
    require_positions(context, positions, source, depth, message)
    return positions


@functions.define(F.one_hot)
def _one_hot(context: TorchContext, input: Operand, num_classes: int = -1) -> object:
    type_ = context.type_of(input)
    if num_classes < 1:
        raise TorchFeatureError(
            "one_hot() cannot be staged without the number of classes",
            loc=caller_loc(),
            hint="give it: F.one_hot(y, num_classes=10)",
        )
    if type_.dtype != INT64:
        raise StagedTypeError(f"one_hot() takes int64 classes, not {type_.dtype}", loc=caller_loc())
    message = f"one_hot() of a class that is not one of {num_classes}"
    classes = _flat_positions(context, input, num_classes, message)
    made = context.emit(ONE_HOT, classes, depth=num_classes, dtype=INT64)
    return context.wrap(context.reshape(made, (*type_.shape, num_classes)))


def _fitting(context: TorchContext, input: Operand, dim: int, index: Operand, name: str) -> tuple[Atom, int]:
    """The input cut to the index's shape but for one dimension, and that dimension."""
    shape, index_type = context.type_of(input).shape, context.type_of(index)
    axis = normalised_axis(dim, len(shape))
    cut = tuple(shape[axis] if each == axis else extent for each, extent in enumerate(index_type.shape))
    if index_type.dtype.is_float or index_type.dtype == BOOL:
        raise StagedTypeError(f"{name}() takes integer positions, not {index_type.dtype}", loc=caller_loc())
    if len(cut) != len(shape) or any(size > extent for size, extent in zip(cut, shape, strict=True)):
        raise StagedTypeError(
            f"{name}() along dimension {axis} of {list(shape)} with an index of shape {list(index_type.shape)}",
            loc=caller_loc(),
        )
    atom = context.atom(input)
    if cut != shape:
        atom = context.emit(SLICE, atom, starts=(0,) * len(cut), sizes=cut, steps=(1,) * len(cut))
    return atom, axis


def _positions(context: TorchContext, index: Operand, depth: int, name: str) -> Atom:
    atom = context.convert(context.atom(index), INT64)
    require_positions(context, atom, index, depth, f"{name}(): a position is not one of {depth}")
    return atom


@functions.define(*methods("gather"))
def _gather(context: TorchContext, input: Operand, dim: int, index: Operand, *, sparse_grad: bool = False) -> object:
    refuse_options("gather", sparse_grad=(sparse_grad, False))
    if not context.type_of(input).shape:
        return context.wrap(context.atom(input))
    atom, axis = _fitting(context, input, dim, index, "gather")
    depth = context.type_of(input).shape[axis]
    return context.wrap(context.emit(TAKE_ALONG, atom, _positions(context, index, depth, "gather"), axis=axis))


@functions.define(*methods("take_along_dim"))
def _take_along_dim(context: TorchContext, input: Operand, indices: Operand, dim: int | None = None) -> object:
    """`gather` with the two broadcast to each other; a flat one where no dimension is given."""
    if dim is None:
        flat = [context.dispatch_staged(torch.Tensor.reshape, (each, -1), {}) for each in (input, indices)]
        return _gather(context, flat[0], 0, flat[1])
    shape, wanted = context.type_of(input).shape, context.type_of(indices).shape
    axis = normalised_axis(dim, len(shape))
    common = list(context.broadcast_shapes(_with(shape, axis, 1), _with(wanted, axis, 1)))
    spread = [
        context.dispatch_staged(torch.Tensor.expand, (each, _with(tuple(common), axis, own[axis])), {})
        for each, own in ((input, shape), (indices, wanted))
    ]
    return _gather(context, spread[0], axis, spread[1])


def _with(shape: tuple[int, ...], axis: int, extent: int) -> tuple[int, ...]:
    return (*shape[:axis], extent, *shape[axis + 1 :])


@functions.define(*methods("index_select"))
def _index_select(context: TorchContext, input: Operand, dim: int, index: Operand) -> object:
    shape = context.type_of(input).shape
    if context.type_of(index).dtype.is_float or len(context.type_of(index).shape) > 1:
        raise StagedTypeError("index_select() takes a vector of integer positions", loc=caller_loc())
    axis = normalised_axis(dim, len(shape))
    positions = context.reshape(_positions(context, index, shape[axis], "index_select"), (context.type_of(index).size,))
    return context.wrap(context.emit(TAKE, context.atom(input), positions, axis=axis))


@functions.define(*methods("take"))
def _take(context: TorchContext, input: Operand, index: Operand) -> object:
    """Elements of the flattened tensor; negative positions count from the end."""
    assert isinstance(index, torch.Tensor)
    size = context.type_of(input).size
    flat = context.reshape(context.atom(input), (size,))
    positions = checked_positions(context, index, size, f"take(): index is out of range for {size} elements")
    return context.wrap(context.emit(TAKE, flat, positions, axis=0))


def _source(context: TorchContext, input: Operand, index: Operand, src: Operand) -> Atom:
    """What to scatter, in the dtype of the target and the shape of the index."""
    type_, shape = context.type_of(input), context.type_of(index).shape
    if not isinstance(src, torch.Tensor):
        return context.operand(src, type_.dtype, shape)
    given = context.type_of(src)
    if given.dtype != type_.dtype:
        raise StagedTypeError(f"scatter() of {given.dtype} into a tensor of {type_.dtype}", loc=caller_loc())
    if len(given.shape) != len(shape) or any(n > m for n, m in zip(shape, given.shape, strict=True)):
        raise StagedTypeError(
            f"scatter() of a source of shape {list(given.shape)} with an index of shape {list(shape)}", loc=caller_loc()
        )
    atom = context.atom(src)
    if given.shape == shape:
        return atom
    return context.emit(SLICE, atom, starts=(0,) * len(shape), sizes=shape, steps=(1,) * len(shape))


def _placed(context: TorchContext, atom: Atom, shape: tuple[int, ...]) -> Atom:
    """The tensor in the corner of zeros of that shape."""
    if tensor_type(atom).shape == shape:
        return atom
    return context.emit(PLACE, atom, shape=shape, starts=(0,) * len(shape), steps=(1,) * len(shape))


@functions.define(*methods("scatter_add"))
def _scatter_add(context: TorchContext, input: Operand, dim: int, index: Operand, src: Operand) -> object:
    _, axis = _fitting(context, input, dim, index, "scatter_add")
    shape = context.type_of(input).shape
    positions = _positions(context, index, shape[axis], "scatter_add")
    sums = context.emit(SCATTER_ADD_ALONG, positions, _source(context, input, index, src), axis=axis, size=shape[axis])
    return context.wrap(context.emit(ADD, context.atom(input), _placed(context, sums, shape)))


@functions.define(*methods("scatter"))
def _scatter(
    context: TorchContext,
    input: Operand,
    dim: int,
    index: Operand,
    src: Operand = None,
    *,
    value: Operand = None,
    reduce: object = None,
) -> object:
    """Of several elements for one place the last counts."""
    if reduce == "add":
        return _scatter_add(context, input, dim, index, value if src is None else src)
    refuse_options("scatter", reduce=(reduce, None))
    _, axis = _fitting(context, input, dim, index, "scatter")
    shape = context.type_of(input).shape
    positions = _positions(context, index, shape[axis], "scatter")
    source = _source(context, input, index, value if src is None else src)
    last, is_there = last_along(context, positions, axis, shape[axis])
    if not tensor_type(source).size:
        return context.wrap(context.atom(input))
    found = _placed(context, context.emit(TAKE_ALONG, source, last, axis=axis), shape)
    return context.wrap(context.emit(SELECT, _placed(context, is_there, shape), found, context.atom(input)))


@functions.define(*methods("index_add"))
def _index_add(
    context: TorchContext, input: Operand, dim: int, index: Operand, source: Operand, *, alpha: Operand = 1
) -> object:
    shape, type_ = context.type_of(input).shape, context.type_of(input)
    axis, count = normalised_axis(dim, len(shape)), context.type_of(index).size
    if context.type_of(source).shape != _with(shape, axis, count):
        raise StagedTypeError(
            f"index_add() of {count} positions along dimension {axis} of {list(shape)} adds "
            f"{list(_with(shape, axis, count))}, not {list(context.type_of(source).shape)}",
            loc=caller_loc(),
        )
    positions = context.reshape(_positions(context, index, shape[axis], "index_add"), (count,))
    added = context.operand(source, type_.dtype, context.type_of(source).shape)
    if not (isinstance(alpha, (int, float)) and alpha == 1):
        added = context.emit(MUL, added, context.operand(alpha, type_.dtype, tensor_type(added).shape))
    sums = context.emit(SCATTER_ADD, positions, added, axis=axis, size=shape[axis])
    return context.wrap(context.emit(ADD, context.atom(input), sums))


def _define_index_assignment(name: str) -> None:
    @functions.define(*methods(name))
    def assigned(context: TorchContext, input: Operand, dim: int, index: Operand, value: Operand) -> object:
        result = context.dispatch_staged(torch.clone, (input,), {})
        axis = normalised_axis(dim, len(context.type_of(input).shape))
        subscript = (*[slice(None)] * axis, index)
        context.dispatch_staged(torch.Tensor.__setitem__, (result, subscript, value), {})
        return result


_define_index_assignment("index_fill")
_define_index_assignment("index_copy")


@functions.define(*methods("masked_select"))
def _masked_select(context: TorchContext, input: Operand, mask: Operand) -> object:
    return context.dispatch_staged(torch.Tensor.__getitem__, (input, mask), {})
