"""Reading and writing parts of tensors: `x[i]`, `x[:, 1:]`, `x[index]`, `x[i] = v`, `x[mask] = v`."""

from __future__ import annotations

import math

import torch

from ..errors import StagedTypeError, TorchFeatureError
from ..ir.node import Atom, Const
from ..ir.ops.arithmetic import ADD, MUL, SELECT
from ..ir.ops.tensor_gathers import TAKE
from ..ir.ops.tensors import TRANSPOSE
from ..ir.types import INT, INT64, TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .functions_in_place import require_fitting
from .positions import checked_positions, last_of_each
from .subscripts import Selection, is_mask, selected
from .table import functions
from .view_steps import Shape, Sliced, Taken, tensor_type


@functions.define(torch.Tensor.__getitem__)
def _get(context: TorchContext, input: Operand, index: object) -> object:
    selection = selected(context, context.type_of(input).shape, index)
    view = context.view(input, *selection.view.steps)
    if not selection.gathered:
        return view
    gathered = _Gathered(context, selection)
    return context.wrap(context.emit(TAKE, gathered.arranged(view.atom), gathered.positions, axis=gathered.axis))


class _Gathered:
    """Dimensions that integer tensors index together, as one dimension that one tensor of positions indexes."""

    def __init__(self, context: TorchContext, selection: Selection) -> None:
        self._context = context
        axes = [axis for axis, _ in selection.gathered]
        adjacent = axes == list(range(axes[0], axes[0] + len(axes)))
        shape = context.result_shape(*[index for _, index in selection.gathered])
        extents = [selection.shape[axis] for axis in axes]
        self.axis = axes[0] if adjacent else 0
        self.extent = math.prod(extents)
        rest = [axis for axis in range(len(selection.shape)) if axis not in axes]
        self._order = (*rest[: self.axis], *axes, *rest[self.axis :])
        kept = [selection.shape[axis] for axis in rest]
        self._apart = tuple(selection.shape[axis] for axis in self._order)
        self._together = (*kept[: self.axis], self.extent, *kept[self.axis :])
        total: Atom | None = None
        for (axis, index), extent in zip(selection.gathered, extents, strict=True):
            message = f"index is out of bounds for dimension {axis} with size {extent}"
            position = context.broadcast(checked_positions(context, index, extent, message), shape)
            if total is None:
                total = position
            else:
                scale = context.full(extent, TensorType(INT64, shape))
                total = context.emit(ADD, context.emit(MUL, total, scale), position)
        assert total is not None
        self.positions = total

    def arranged(self, atom: Atom) -> Atom:
        """The selected part with the indexed dimensions side by side and as one."""
        if self._order != tuple(range(len(self._order))):
            atom = self._context.emit(TRANSPOSE, atom, permutation=self._order)
        return self._context.reshape(atom, self._together)

    def put_back(self, atom: Atom) -> Atom:
        """What `arranged` gave, changed, in the part's own shape."""
        atom = self._context.reshape(atom, self._apart)
        if self._order == tuple(range(len(self._order))):
            return atom
        inverse = tuple(self._order.index(axis) for axis in range(len(self._order)))
        return self._context.emit(TRANSPOSE, atom, permutation=inverse)


@functions.define(torch.Tensor.__setitem__)
def _set(context: TorchContext, target: Operand, index: object, value: Operand) -> None:
    assert isinstance(target, torch.Tensor)
    require_fitting(context, target, value)
    if is_mask(index):
        _set_masked(context, target, index, value)
        return
    type_ = context.type_of(target)
    selection = selected(context, type_.shape, index)
    if not selection.gathered and _set_rows(context, target, selection, value):
        return
    view = context.view(target, *selection.view.steps)
    if not selection.gathered:
        context.write(view, _fitted(context, value, type_, selection.shape))
        return
    gathered = _Gathered(context, selection)
    part = gathered.arranged(view.atom)
    shape = tensor_type(part).shape
    positions = tensor_type(gathered.positions).shape
    new = _fitted(context, value, type_, (*shape[: gathered.axis], *positions, *shape[gathered.axis + 1 :]))
    context.write(view, gathered.put_back(_replaced(context, part, gathered, new)))


def _replaced(context: TorchContext, part: Atom, gathered: _Gathered, new: Atom) -> Atom:
    """The part with new elements at the positions; of several for one place the last counts."""
    shape, axis = tensor_type(part).shape, gathered.axis
    count = tensor_type(gathered.positions).size
    new = context.reshape(new, (*shape[:axis], count, *shape[axis + 1 :]))
    positions = context.reshape(gathered.positions, (count,))
    last, is_there = last_of_each(context, positions, gathered.extent)
    mask = context.emit_broadcast(is_there, shape, (axis,))
    return context.emit(SELECT, mask, context.emit(TAKE, new, last, axis=axis), part) if count else part


def _set_rows(context: TorchContext, target: torch.Tensor, selection: Selection, value: Operand) -> bool:
    """Write only the rows that change, where these are rows of memory as it was captured; False where they are not."""
    type_ = context.type_of(target)
    if not context.is_memory(target) or context.buffers.capture(target).type.shape != type_.shape:
        return False
    match selection.view.steps:
        case [Sliced(source, (start, *_), sizes, (1, *_)), *rest] if sizes[1:] == source[1:] and len(rest) < 2:
            first: Atom = Const(start, INT)
        case [Taken(axis=0, position=first)]:
            sizes = (1, *type_.shape[1:])
        case _:
            return False
    rows = context.reshape(_fitted(context, value, type_, selection.shape), sizes)
    context.write_rows(target, rows, first)
    return True


def _set_masked(context: TorchContext, target: torch.Tensor, mask: object, value: Operand) -> None:
    """`x[mask] = v`, where v has one element, or one for each place within the dimensions that the mask leaves."""
    assert isinstance(mask, torch.Tensor)
    type_, mask_shape = context.type_of(target), tuple(mask.shape)
    if type_.shape[: len(mask_shape)] != mask_shape:
        raise StagedTypeError(
            f"a mask of shape {list(mask_shape)} does not fit a tensor of shape {list(type_.shape)}", loc=caller_loc()
        )
    rest = type_.shape[len(mask_shape) :]
    if isinstance(value, torch.Tensor) and value.numel() != 1 and value.dim() > len(rest):
        raise TorchFeatureError(
            "assigning several elements through a mask cannot be staged: which goes where depends on the run",
            loc=caller_loc(),
            hint="use torch.where(mask, value, x) with a value of the shape of x",
        )
    new = context.broadcast(_fitted(context, value, type_, rest), type_.shape)
    chosen = context.emit_broadcast(context.atom(mask), type_.shape, tuple(range(len(mask_shape))))
    context.write(target, context.emit(SELECT, chosen, new, context.atom(target)))


def _fitted(context: TorchContext, value: Operand, type_: TensorType, shape: Shape) -> Atom:
    """A value to assign, in the dtype of the target and the shape of the part; leading dimensions of 1 may be there."""
    if isinstance(value, torch.Tensor):
        given = tuple(value.shape)
        while len(given) > len(shape) and given[0] == 1:
            given = given[1:]
        fits = len(given) <= len(shape) and all(
            n in (1, m) for n, m in zip(reversed(given), reversed(shape), strict=False)
        )
        if not fits:
            raise StagedTypeError(
                f"a tensor of shape {list(value.shape)} is assigned to a part of shape {list(shape)}", loc=caller_loc()
            )
        atom = context.convert(context.reshape(context.atom(value), given), type_.dtype)
        return context.broadcast(atom, shape)
    return context.operand(value, type_.dtype, shape)
