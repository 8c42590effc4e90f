"""PyTorch's functions written out in others of its own: they run as Python while tracing, and what they call is staged.

Each takes what the function of its name takes. What it does not take cannot be staged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import product
from math import floor
from typing import Any

import torch
import torch.nn.functional as F

from .table import methods

Tensor = torch.Tensor
written_out: dict[object, Callable[..., Any]] = {}


def _define(*functions: object) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(written: Callable[..., Any]) -> Callable[..., Any]:
        written_out.update(dict.fromkeys(functions, written))
        return written

    return register


# Channels and places


@_define(torch.pixel_shuffle)
def _pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    *batch, channels, height, width = input.shape
    r = upscale_factor
    parts = input.reshape(*batch, channels // r**2, r, r, height, width)
    first = len(batch)
    order = (*range(first), first, first + 3, first + 1, first + 4, first + 2)
    return parts.permute(order).reshape(*batch, channels // r**2, height * r, width * r)


@_define(torch.pixel_unshuffle)
def _pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    *batch, channels, height, width = input.shape
    r = downscale_factor
    parts = input.reshape(*batch, channels, height // r, r, width // r, r)
    first = len(batch)
    order = (*range(first), first, first + 2, first + 4, first + 1, first + 3)
    return parts.permute(order).reshape(*batch, channels * r**2, height // r, width // r)


@_define(torch.channel_shuffle)
def _channel_shuffle(input: Tensor, groups: int) -> Tensor:
    batch, channels, *rest = input.shape
    return input.reshape(batch, groups, channels // groups, *rest).transpose(1, 2).reshape(input.shape)


def _at(tensor: Tensor, axis: int, positions: object) -> Tensor:
    """The elements of a dimension at a list of positions, or in a slice."""
    index: Any = (*[slice(None)] * axis, positions)
    return tensor[index]


@_define(*methods("unfold"))
def _windows(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    axis = dimension % input.dim()
    starts = range(0, input.shape[axis] - size + 1, step)
    return _at(input, axis, [list(range(start, start + size)) for start in starts]).movedim(axis + 1, -1)


@_define(torch._C._nn.im2col)
def _image_to_columns(
    input: Tensor, kernel_size: Sequence[int], dilation: Sequence[int], padding: Sequence[int], stride: Sequence[int]
) -> Tensor:
    if input.dim() == 3:
        columns: Tensor = _image_to_columns(input[None], kernel_size, dilation, padding, stride)
        return columns[0]
    padded = F.pad(input, (padding[1], padding[1], padding[0], padding[0]))
    spans = [dilated * (size - 1) + 1 for dilated, size in zip(dilation, kernel_size, strict=True)]
    counts = [(extent - span) // step + 1 for extent, span, step in zip(padded.shape[2:], spans, stride, strict=True)]
    parts: list[Tensor] = []
    for place in product(*map(range, kernel_size)):
        index: Any = (..., *map(_positions, place, dilation, counts, stride))
        parts.append(padded[index])
    return torch.stack(parts, 2).reshape(input.shape[0], -1, counts[0] * counts[1])


def _positions(place: int, dilation: int, count: int, step: int) -> slice:
    start = place * dilation
    return slice(start, start + (count - 1) * step + 1, step)


# Images of other sizes


def _output_size(input: Tensor, output_size: Sequence[int] | None, scales: Sequence[float] | None) -> list[int]:
    if output_size is not None:
        return list(output_size)
    assert scales is not None, "PyTorch gives sizes or factors"
    return [floor(extent * scale) for extent, scale in zip(input.shape[2:], scales, strict=True)]


@_define(torch._C._nn.upsample_nearest1d, torch._C._nn.upsample_nearest2d, torch._C._nn.upsample_nearest3d)
def _nearest(input: Tensor, output_size: Sequence[int] | None, scale_factors: Sequence[float] | None) -> Tensor:
    """Which element is nearest is PyTorch's own answer, for one dimension after the other."""
    for number, extent in enumerate(_output_size(input, output_size, scale_factors)):
        old = input.shape[2 + number]
        with torch._C.DisableTorchFunction():
            places = torch.arange(old, dtype=input.dtype).reshape(1, 1, old)
            scales = None if scale_factors is None else [scale_factors[number]]
            size = None if scale_factors is not None else [extent]
            positions = torch._C._nn.upsample_nearest1d(places, size, scales).long().flatten().tolist()
        if positions != list(range(old)):
            input = _at(input, 2 + number, positions)
    return input


@_define(torch._C._nn.upsample_linear1d, torch._C._nn.upsample_bilinear2d, torch._C._nn.upsample_trilinear3d)
def _linear(
    input: Tensor, output_size: Sequence[int] | None, align_corners: bool, scale_factors: Sequence[float] | None
) -> Tensor:
    for number, extent in enumerate(_output_size(input, output_size, scale_factors)):
        old = input.shape[2 + number]
        scale = 1 / scale_factors[number] if scale_factors is not None else old / extent
        if align_corners:
            scale = (old - 1) / (extent - 1) if extent > 1 else 0.0
        sources = [scale * place if align_corners else max(scale * (place + 0.5) - 0.5, 0.0) for place in range(extent)]
        before = [min(int(source), old - 1) for source in sources]
        after = [min(place + 1, old - 1) for place in before]
        shape = (extent, *[1] * (input.dim() - 3 - number))
        weights = input.new_tensor([source - place for source, place in zip(sources, before, strict=True)]).reshape(
            shape
        )
        left, right = _at(input, 2 + number, before), _at(input, 2 + number, after)
        input = left * (1 - weights) + right * weights
    return input


# Several tensors


@_define(torch.functional.broadcast_tensors)
def _broadcast_tensors(*tensors: Any) -> list[Tensor]:
    listed = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    shape = torch.broadcast_shapes(*[tuple(tensor.shape) for tensor in listed])  # type: ignore[no-untyped-call]
    return [tensor.expand(shape).contiguous() for tensor in listed]


@_define(torch.functional.meshgrid)
def _meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    listed = list(tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors)
    shape = [tensor.numel() for tensor in listed]
    grids = [
        tensor.reshape([-1 if place == number else 1 for place in range(len(listed))]).expand(shape)
        for number, tensor in enumerate(listed)
    ]
    return tuple([grid.transpose(0, 1) for grid in grids] if indexing == "xy" else grids)


@_define(torch.functional.cdist)
def _cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    distances: Tensor = (x1.unsqueeze(-2) - x2.unsqueeze(-3)).norm(p=p, dim=-1)
    return distances


@_define(torch.linalg.multi_dot)
def _multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    return reduce(torch.matmul, tensors)


@_define(*methods("cross"), torch.linalg.cross)
def _cross(input: Tensor, other: Tensor, dim: int = -1) -> Tensor:
    left, right = (torch.stack(each.unbind(dim)) for each in (input, other))
    return torch.stack(
        [left[(k + 1) % 3] * right[(k + 2) % 3] - left[(k + 2) % 3] * right[(k + 1) % 3] for k in range(3)], dim
    )


@_define(*methods("fmax"))
def _fmax(input: Tensor, other: Tensor) -> Tensor:
    return torch.where((input >= other) | other.isnan(), input, other)


@_define(*methods("fmin"))
def _fmin(input: Tensor, other: Tensor) -> Tensor:
    return torch.where((input <= other) | other.isnan(), input, other)


@_define(*methods("index_put"))
def _index_put(input: Tensor, indices: tuple[Tensor, ...], values: Tensor) -> Tensor:
    result = input.clone()
    result[indices] = values
    return result


# Along dimensions


@_define(*methods("diff"))
def _diff(input: Tensor, n: int = 1, dim: int = -1) -> Tensor:
    axis = dim % input.dim()
    for _ in range(n):
        input = _at(input, axis, slice(1, None)) - _at(input, axis, slice(None, -1))
    return input


@_define(*methods("nansum"))
def _nansum(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return torch.where(input.isnan(), 0.0, input).sum(dim, keepdim)


@_define(*methods("nanmean"))
def _nanmean(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    total: Tensor = _nansum(input, dim, keepdim)
    return total / (~input.isnan()).sum(dim, keepdim)


@_define(*methods("rot90"))
def _rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    for _ in range(k % 4):
        input = input.transpose(*dims).flip(dims[0])
    return input


@_define(torch.Tensor.new_tensor)
def _new_tensor(input: Tensor, data: Any, dtype: torch.dtype | None = None, device: object = None) -> Tensor:
    return torch.tensor(data, dtype=dtype or input.dtype)
