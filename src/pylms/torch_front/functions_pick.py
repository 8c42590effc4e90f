"""Choosing elements by integer tensors: `one_hot`, and `gather` of one element a row."""

from __future__ import annotations

import torch.nn.functional as F

from ..errors import StagedTypeError, TorchFeatureError
from ..ir.node import Atom
from ..ir.ops.tensors import ONE_HOT, PICK
from ..ir.types import INT64
from ..loc import caller_loc
from .context import Operand, TorchContext, normalised_axis
from .positions import require_positions
from .table import functions, methods, refuse_options


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


@functions.define(*methods("gather"))
def _gather(context: TorchContext, input: Operand, dim: int, index: Operand, *, sparse_grad: bool = False) -> object:
    """One element of each row of a matrix: index [B, 1] along dimension 1."""
    refuse_options("gather", sparse_grad=(sparse_grad, False))
    shape, index_type = context.type_of(input).shape, context.type_of(index)
    if len(shape) != 2 or normalised_axis(dim, 2) != 1 or index_type.shape != (shape[0], 1):
        raise TorchFeatureError(
            f"gather of {list(index_type.shape)} from {list(shape)} along dimension {dim} cannot be staged yet",
            loc=caller_loc(),
            hint="one element a row can be: x.gather(1, index) with x [B, C] and index [B, 1]",
        )
    positions = _flat_positions(context, index, shape[1], f"gather(): a position is not one of {shape[1]}")
    return context.wrap(context.reshape(context.emit(PICK, context.atom(input), positions), index_type.shape))
