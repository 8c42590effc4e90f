"""Positions that the run knows: checked, counted from the front, and which of several comes last."""

from __future__ import annotations

import torch

from ..errors import StagedTypeError
from ..ir.node import Atom, Const
from ..ir.ops.arithmetic import ADD, EQ, GE, LOGICAL_OR, LT, SELECT
from ..ir.ops.control import CHECK
from ..ir.ops.tensors import BROADCAST, ELEMENT, ONE_HOT, REDUCE_MAX, TRANSPOSE
from ..ir.types import BOOL, INT64, TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .tensor import StagedTensor
from .view_steps import counted, tensor_type


def require_positions(
    context: TorchContext, positions: Atom, source: Operand, depth: int, message: str, *, lowest: int = 0
) -> None:
    """Check at run time that lowest <= positions < depth, unless it is known: IndexError with that message.

    `positions` are the elements of `source`.
    """
    bounds = source.bounds if isinstance(source, StagedTensor) else None
    if bounds is not None and bounds.low >= lowest and bounds.high < depth:
        return
    positions = context.convert(positions, INT64)
    type_ = tensor_type(positions)
    below = context.emit(LT, positions, context.full(lowest, type_))
    beyond = context.emit(GE, positions, context.full(depth, type_))
    require_none(context, context.emit(LOGICAL_OR, below, beyond), message)


def require_none(context: TorchContext, wrong: Atom, message: str) -> None:
    """IndexError with that message, when the code runs, if an element of the bool tensor is true."""
    axes = tuple(range(tensor_type(wrong).rank))
    any_wrong = context.emit(ELEMENT, context.emit(REDUCE_MAX, context.convert(wrong, INT64), axes=axes))
    fine = context.emit(EQ, any_wrong, Const(0, INT64))
    context.trace.emit(CHECK, [fine], attrs={"error": "IndexError", "message": message})


def checked_positions(context: TorchContext, index: torch.Tensor, extent: int, message: str) -> Atom:
    """An index tensor's elements as positions from 0 on; negative ones count from the end, others are an IndexError."""
    atom = context.convert(context.atom(index), INT64)
    type_ = tensor_type(atom)
    if not extent and type_.size:
        raise StagedTypeError(message, loc=caller_loc())
    require_positions(context, atom, index, extent, message, lowest=-extent)
    bounds = index.bounds if isinstance(index, StagedTensor) else None
    if bounds is not None and bounds.low >= 0:
        return atom
    from_end = context.emit(ADD, atom, context.full(extent, type_))
    return context.emit(SELECT, context.emit(LT, atom, context.full(0, type_)), from_end, atom)


def last_of_each(context: TorchContext, positions: Atom, extent: int) -> tuple[Atom, Atom]:
    """For each of `extent` places, the number of the last of `positions` [N] that is it, and whether there is one."""
    return last_along(context, positions, 0, extent)


def last_along(context: TorchContext, positions: Atom, axis: int, extent: int) -> tuple[Atom, Atom]:
    """As `last_of_each`, for positions along one dimension of a tensor, which has `extent` places in the results."""
    shape = tensor_type(positions).shape
    hits = context.emit(ONE_HOT, positions, depth=extent, dtype=BOOL)
    type_ = TensorType(INT64, (*shape, extent))
    numbers = context.emit(BROADCAST, counted(context, shape[axis]), shape=type_.shape, axes=(axis,))
    found = context.emit(SELECT, hits, numbers, context.full(-1, type_))
    last = context.emit(REDUCE_MAX, found, axes=(axis,))
    # The places are the last dimension so far, and belong where the positions were.
    order = (*range(axis), len(shape) - 1, *range(axis, len(shape) - 1))
    if order != tuple(range(len(order))):
        last = context.emit(TRANSPOSE, last, permutation=order)
    return last, context.emit(GE, last, context.full(0, tensor_type(last)))
