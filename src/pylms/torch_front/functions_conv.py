"""Convolutions and transposed ones: `conv1d`, `conv2d`, `conv_transpose1d`, `conv_transpose2d`."""

from __future__ import annotations

from typing import NoReturn

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError
from ..ir.ops.arithmetic import ADD
from ..ir.ops.tensors import BROADCAST
from ..ir.ops.windows import CONV, CONV_INPUT_GRADIENT
from ..ir.types import TensorType
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
    _require_one_float_type(name, x, kernel, *others)
    fits = kernel.rank == rank + 2 and kernel.size > 0 and x.rank in (rank + 1, rank + 2)
    fits = fits and groups > 0 and kernel.shape[0] % groups == 0 and x.shape[-rank - 1] == kernel.shape[1] * groups
    if not fits or any(other.shape != kernel.shape[:1] for other in others):
        _refuse_shapes(name, groups, x, kernel, *others)


def _require_one_float_type(name: str, *types: TensorType) -> None:
    if any(type_.dtype != types[0].dtype for type_ in types) or not types[0].dtype.is_float:
        dtypes = ", ".join(str(type_.dtype) for type_ in types)
        raise StagedTypeError(f"{name}() of tensors of {dtypes}: they must be of one float type", loc=caller_loc())


def _refuse_shapes(name: str, groups: int, *types: TensorType) -> NoReturn:
    shapes = ", ".join(str(list(type_.shape)) for type_ in types)
    raise StagedTypeError(f"{name}() with groups={groups} of tensors of shapes {shapes}", loc=caller_loc())


def _define_transposed(name: str, rank: int) -> None:
    @functions.define(getattr(F, name), getattr(torch, name))
    def transposed(
        context: TorchContext,
        input: Operand,
        weight: Operand,
        bias: Operand | None = None,
        stride: object = 1,
        padding: object = 0,
        output_padding: object = 0,
        groups: int = 1,
        dilation: object = 1,
    ) -> object:
        """The adjoint of a convolution with that weight [input channels, output channels / groups, kernel..]."""
        _require_transposable(context, name, input, weight, bias, rank=rank, groups=groups)
        u, is_batch = with_batch(context, name, input, rank)
        counts, kernel = context.type_of(input).shape[-rank:], context.type_of(weight).shape[2:]
        strides = per_dimension(name, "stride", stride, rank, least=1)
        spacing = per_dimension(name, "dilation", dilation, rank, least=1)
        before = per_dimension(name, "padding", padding, rank)
        behind = per_dimension(name, "output_padding", output_padding, rank)
        if any(more >= max(step, space) for more, step, space in zip(behind, strides, spacing, strict=True)):
            message = f"`output_padding` of {name}() must be less than `stride` or `dilation`"
            raise StagedTypeError(message, loc=caller_loc())
        spans = [space * (size - 1) + 1 for space, size in zip(spacing, kernel, strict=True)]
        numbers = zip(counts, strides, before, behind, spans, strict=True)
        extents = tuple((count - 1) * step - 2 * pad + more + span for count, step, pad, more, span in numbers)
        require_room(name, "padding", extents, counts)
        windows = {"strides": strides, "padding": before, "dilation": spacing, "extents": extents}
        result = context.emit(CONV_INPUT_GRADIENT, u, context.atom(weight), groups=groups, **windows)
        if bias is not None:
            assert isinstance(result.type, TensorType)
            spread = context.emit(BROADCAST, context.atom(bias), shape=result.type.shape, axes=(1,))
            result = context.emit(ADD, result, spread)
        return without_batch(context, result, is_batch)


def _require_transposable(
    context: TorchContext, name: str, input: Operand, weight: Operand, bias: Operand | None, *, rank: int, groups: int
) -> None:
    """Located errors for operands that PyTorch refuses."""
    u, kernel = context.type_of(input), context.type_of(weight)
    others = [context.type_of(bias)] if bias is not None else []
    _require_one_float_type(name, u, kernel, *others)
    fits = kernel.rank == rank + 2 and kernel.size > 0 and u.rank in (rank + 1, rank + 2)
    fits = fits and groups > 0 and kernel.shape[0] % groups == 0 and u.shape[-rank - 1] == kernel.shape[0]
    if not fits or any(other.shape != (kernel.shape[1] * groups,) for other in others):
        _refuse_shapes(name, groups, u, kernel, *others)


for _rank in (1, 2):
    _define_convolution(f"conv{_rank}d", _rank)
    _define_transposed(f"conv_transpose{_rank}d", _rank)
