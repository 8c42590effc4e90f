"""Normalisation: over the batch (with running statistics), over the last dimensions, over groups of channels.

Sources: Ioffe and Szegedy, 2015 (batch); Ba, Kiros and Hinton, 2016 (layer); Wu and He, 2018 (group); Ulyanov, Vedaldi
and Lempitsky, 2016 (instance); Zhang and Sennrich, 2019 (root mean square). Variances are those of the elements at
hand; the running ones are corrected for having been estimated (n - 1), as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError
from ..loc import caller_loc
from .context import Operand, TorchContext
from .functions_shape import reshaped
from .table import functions, refuse_options
from .tensor import StagedTensor, detached

Axes = tuple[int, ...]


def _called(context: TorchContext, function: object, *args: object) -> StagedTensor:
    result = context.dispatch_staged(function, args, {})
    assert isinstance(result, StagedTensor)
    return result


def _floats(context: TorchContext, input: Operand, what: str) -> StagedTensor:
    """The operand as a staged tensor."""
    assert isinstance(input, torch.Tensor)
    if not input.is_floating_point():
        raise StagedTypeError(f"{what}() of a tensor of {input.dtype}: convert it to floats first", loc=caller_loc())
    return context.wrap(context.atom(input))


def _moments(context: TorchContext, x: StagedTensor, axes: Axes) -> tuple[StagedTensor, StagedTensor]:
    """The mean, and the mean of the squares of what is left without it; the reduced dimensions stay, as 1."""
    mean = _called(context, torch.mean, x, axes, True)
    centered = x - mean
    return mean, _called(context, torch.mean, centered * centered, axes, True)


def _scaled(
    context: TorchContext, x: StagedTensor, mean: StagedTensor, variance: StagedTensor, eps: float
) -> StagedTensor:
    scaled: StagedTensor = (x - mean) * (1 / _called(context, torch.sqrt, variance + eps))
    return scaled


def _affine(
    context: TorchContext, x: StagedTensor, weight: Operand | None, bias: Operand | None, shape: tuple[int, ...]
) -> StagedTensor:
    """x * weight + bias, which are given that shape first."""
    if weight is not None:
        x = x * reshaped(context, weight, shape)
    return x if bias is None else x + reshaped(context, bias, shape)


# Over the batch


def _of_channels(rank: int, channels: int) -> tuple[int, ...]:
    return (1, channels, *[1] * (rank - 2))


@functions.define(F.batch_norm)
def _batch_norm(
    context: TorchContext,
    input: Operand,
    running_mean: Operand | None,
    running_var: Operand | None,
    weight: Operand | None = None,
    bias: Operand | None = None,
    training: bool = False,
    momentum: Operand = 0.1,
    eps: float = 1e-5,
) -> object:
    """Where `training`, by the moments of the batch, which the running ones take in."""
    x = _floats(context, input, "batch_norm")
    if x.dim() < 2:
        raise StagedTypeError(
            f"batch_norm() of a tensor of shape {list(x.shape)}: it has no channels", loc=caller_loc()
        )
    shape = _of_channels(x.dim(), x.shape[1])
    if training:
        axes = tuple(axis for axis in range(x.dim()) if axis != 1)
        mean, variance = _batch_moments(context, x, axes, running_mean, running_var, momentum)
    elif running_mean is None or running_var is None:
        raise StagedTypeError("batch_norm() without training needs running statistics", loc=caller_loc())
    else:
        mean, variance = (reshaped(context, each, shape) for each in (running_mean, running_var))
    return _affine(context, _scaled(context, x, mean, variance, eps), weight, bias, shape)


def _batch_moments(
    context: TorchContext,
    x: StagedTensor,
    axes: Axes,
    running_mean: Operand | None,
    running_var: Operand | None,
    momentum: Operand,
) -> tuple[StagedTensor, StagedTensor]:
    count = prod(x.shape[axis] for axis in axes)
    if count <= 1:
        raise StagedTypeError(
            f"batch_norm() of a tensor of shape {list(x.shape)} while training: it needs more than 1 value per channel",
            loc=caller_loc(),
            hint="use larger batches (drop_last=True leaves out a last one of 1), or call .eval()",
        )
    mean, variance = _moments(context, x, axes)
    with torch.no_grad():
        _take_in(context, running_mean, mean, momentum)
        _take_in(context, running_var, variance * (count / (count - 1)), momentum)
    return mean, variance


def _take_in(context: TorchContext, running: Operand | None, moment: StagedTensor, momentum: Operand) -> None:
    """Move running statistics towards those of a batch."""
    if running is None:
        return
    assert isinstance(running, torch.Tensor)
    found = reshaped(context, detached(moment), tuple(running.shape))
    before = context.wrap(context.atom(running))
    moved: StagedTensor = found * momentum + before * (1 - momentum)  # type: ignore[operator] # a number, staged or not
    context.write(running, moved.atom)


@functions.define(F.instance_norm)
def _instance_norm(
    context: TorchContext,
    input: Operand,
    running_mean: Operand | None = None,
    running_var: Operand | None = None,
    weight: Operand | None = None,
    bias: Operand | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> object:
    """Each channel of each sample by itself."""
    if not use_input_stats:
        return _batch_norm(context, input, running_mean, running_var, weight, bias, False, momentum, eps)
    refuse_options("instance_norm", running_mean=(running_mean, None), running_var=(running_var, None))
    x = _floats(context, input, "instance_norm")
    mean, variance = _moments(context, x, tuple(range(2, x.dim())))
    shape = _of_channels(x.dim(), x.shape[1])
    return _affine(context, _scaled(context, x, mean, variance, eps), weight, bias, shape)


# Within a sample


def _last_axes(x: StagedTensor, normalized_shape: Sequence[int], what: str) -> Axes:
    expected = tuple(normalized_shape)
    if not expected or tuple(x.shape[-len(expected) :]) != expected:
        raise StagedTypeError(
            f"{what}() over {list(expected)} was given a tensor of shape {list(x.shape)}", loc=caller_loc()
        )
    return tuple(range(x.dim() - len(expected), x.dim()))


@functions.define(F.layer_norm)
def _layer_norm(
    context: TorchContext,
    input: Operand,
    normalized_shape: Sequence[int],
    weight: Operand | None = None,
    bias: Operand | None = None,
    eps: float = 1e-5,
) -> object:
    x = _floats(context, input, "layer_norm")
    mean, variance = _moments(context, x, _last_axes(x, normalized_shape, "layer_norm"))
    return _affine(context, _scaled(context, x, mean, variance, eps), weight, bias, tuple(normalized_shape))


@functions.define(F.rms_norm)
def _rms_norm(
    context: TorchContext,
    input: Operand,
    normalized_shape: Sequence[int],
    weight: Operand | None = None,
    eps: float | None = None,
) -> object:
    x = _floats(context, input, "rms_norm")
    square = _called(context, torch.mean, x * x, _last_axes(x, normalized_shape, "rms_norm"), True)
    added = torch.finfo(x.dtype).eps if eps is None else eps
    scaled = x * (1 / _called(context, torch.sqrt, square + added))
    return _affine(context, scaled, weight, None, tuple(normalized_shape))


@functions.define(F.group_norm)
def _group_norm(
    context: TorchContext,
    input: Operand,
    num_groups: int,
    weight: Operand | None = None,
    bias: Operand | None = None,
    eps: float = 1e-5,
) -> object:
    """The channels in `num_groups` runs."""
    x = _floats(context, input, "group_norm")
    shape = tuple(x.shape)
    if x.dim() < 2 or shape[1] % num_groups:
        raise StagedTypeError(
            f"group_norm() of a tensor of shape {list(shape)}: its channels do not make {num_groups} groups",
            loc=caller_loc(),
        )
    grouped = reshaped(context, x, (shape[0], num_groups, prod(shape[1:]) // num_groups))
    mean, variance = _moments(context, grouped, (2,))
    whole = reshaped(context, _scaled(context, grouped, mean, variance, eps), shape)
    return _affine(context, whole, weight, bias, _of_channels(len(shape), shape[1]))
