"""Convolutions: `conv1d`, `conv2d`, and the modules made of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError
from ..ir.ops.windows import CONV
from ..loc import caller_loc
from .context import Operand, TorchContext
from .table import functions
from .windows import Shape, per_dimension, require_room, with_batch, without_batch


def _define_convolution(name: str, rank: int) -> None:
    @functions.define(getattr(F, name), getattr(torch, name))
    def convolution(
        context: TorchContext,
        input: Operand,
        weight: Operand,
        bias: Operand | None = None,
        stride: object = 1,
        padding: object = 0,
        dilation: object = 1,
        groups: int = 1,
    ) -> object:
        _require_fitting(context, name, input, weight, bias, rank=rank, groups=groups)
        x, is_batch = with_batch(context, name, input, rank)
        extents, kernel = context.type_of(input).shape[-rank:], context.type_of(weight).shape[2:]
        strides = per_dimension(name, "stride", stride, rank, least=1)
        spacing = per_dimension(name, "dilation", dilation, rank, least=1)
        spans = tuple(step * (size - 1) for step, size in zip(spacing, kernel, strict=True))
        before, around = _padding(name, padding, strides, spans)
        room = [size + more - span for size, more, span in zip(extents, around, spans, strict=True)]
        counts = tuple((size - 1) // stride + 1 for size, stride in zip(room, strides, strict=True))
        require_room(name, "padding", counts, extents)
        operands = [context.atom(weight), *([] if bias is None else [context.atom(bias)])]
        result = context.emit(
            CONV, x, *operands, strides=strides, padding=before, dilation=spacing, groups=groups, counts=counts
        )
        return without_batch(context, result, is_batch)


def _padding(name: str, padding: object, strides: Shape, spans: Shape) -> tuple[Shape, Shape]:
    """How many elements stand before the tensor in each dimension, and how many around it in all.

    With "same" there is one more behind than before where their number is odd.
    """
    if padding == "valid":
        return (0,) * len(spans), (0,) * len(spans)
    if padding == "same":
        if any(stride != 1 for stride in strides):
            raise StagedTypeError(f"padding='same' of {name}() needs a stride of 1", loc=caller_loc())
        return tuple(span // 2 for span in spans), spans
    before = per_dimension(name, "padding", padding, len(spans))
    return before, tuple(2 * each for each in before)


def _require_fitting(
    context: TorchContext, name: str, input: Operand, weight: Operand, bias: Operand | None, *, rank: int, groups: int
) -> None:
    """Located errors for operands that PyTorch refuses."""
    x, kernel = context.type_of(input), context.type_of(weight)
    others = [context.type_of(bias)] if bias is not None else []
    if any(other.dtype != x.dtype for other in (kernel, *others)) or not x.dtype.is_float:
        dtypes = ", ".join(str(each.dtype) for each in (x, kernel, *others))
        raise StagedTypeError(f"{name}() of tensors of {dtypes}: they must be of one float type", loc=caller_loc())
    fits = kernel.rank == rank + 2 and kernel.size > 0 and x.rank in (rank + 1, rank + 2)
    fits = fits and groups > 0 and kernel.shape[0] % groups == 0 and x.shape[-rank - 1] == kernel.shape[1] * groups
    if not fits or any(other.shape != kernel.shape[:1] for other in others):
        shapes = ", ".join(str(list(each.shape)) for each in (x, kernel, *others))
        raise StagedTypeError(f"{name}() with groups={groups} of tensors of shapes {shapes}", loc=caller_loc())


_define_convolution("conv1d", 1)
_define_convolution("conv2d", 2)
