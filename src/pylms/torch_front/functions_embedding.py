"""Embeddings: rows of a weight by integer tensors of any shape."""

from __future__ import annotations

import torch.nn.functional as F

from ..errors import StagedTypeError
from ..ir.ops import arithmetic as op
from ..ir.ops.tensor_gathers import TAKE
from ..ir.ops.tensors import BROADCAST, STOP_GRADIENT
from ..loc import caller_loc
from .context import Operand, TorchContext
from .positions import require_positions
from .table import functions, refuse_options


@functions.define(F.embedding)
def _embedding(
    context: TorchContext,
    input: Operand,
    weight: Operand,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> object:
    """The gradient of the row `padding_idx` is zero. IndexError at run time for rows that are not there."""
    refuse_options(
        "embedding",
        max_norm=(max_norm, None),
        scale_grad_by_freq=(scale_grad_by_freq, False),
        sparse=(sparse, False),
    )
    index_type, (count, width) = context.type_of(input), context.type_of(weight).shape
    if not index_type.dtype.is_integer:
        raise StagedTypeError(f"embedding() takes integers, not {index_type.dtype}", loc=caller_loc())
    index = context.atom(input)
    if index_type.size:
        flat = context.reshape(index, (index_type.size,))
        require_positions(context, flat, input, count, f"embedding() of a number that is not one of {count}")
    rows = context.emit(TAKE, context.atom(weight), index, axis=0)
    if padding_idx is None:
        return context.wrap(rows)
    padding = padding_idx + count if padding_idx < 0 else padding_idx
    is_padding = context.emit(op.EQ, index, context.full(padding, index_type))
    shape = (*index_type.shape, width)
    mask = context.emit(BROADCAST, is_padding, shape=shape, axes=tuple(range(len(index_type.shape))))
    return context.wrap(context.emit(op.SELECT, mask, context.emit(STOP_GRADIENT, rows), rows))
