"""Pooling: `max_pool1d/2d`, `avg_pool1d/2d`, `adaptive_avg_pool1d/2d`, `adaptive_max_pool1d/2d`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError, TorchFeatureError
from ..ir.node import Atom, AttributeValue
from ..ir.ops.arithmetic import TRUEDIV
from ..ir.ops.tensor_regions import CONCAT, SLICE
from ..ir.ops.windows import MAX_POOL, MAX_POOL_PICK, WINDOW_SUM
from ..ir.types import TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .table import functions, refuse_options
from .windows import Shape, per_dimension, require_room, with_batch, without_batch

# Windows of several sizes that are staged one by one.
_MOST_WINDOWS = 256


@dataclass(frozen=True, slots=True)
class _Windows:
    """Where the windows of a pooling lie."""

    extents: Shape
    kernel: Shape
    strides: Shape
    padding: Shape
    dilation: Shape
    counts: Shape

    @staticmethod
    def of(
        name: str, extents: Shape, kernel: object, stride: object, padding: object, dilation: object, ceil_mode: bool
    ) -> _Windows:
        """By PyTorch's arguments; a stride that is missing or empty is the kernel's size."""
        rank = len(extents)
        kernels = per_dimension(name, "kernel_size", kernel, rank, least=1)
        unset = stride is None or (isinstance(stride, Sequence) and not stride)
        strides = kernels if unset else per_dimension(name, "stride", stride, rank, least=1)
        before = per_dimension(name, "padding", padding, rank)
        spacing = per_dimension(name, "dilation", dilation, rank, least=1)
        if any(2 * pad > size for pad, size in zip(before, kernels, strict=True)):
            raise StagedTypeError(f"`padding` of {name}() must be at most half of `kernel_size`", loc=caller_loc())
        numbers = zip(extents, kernels, strides, before, spacing, strict=True)
        counts = tuple(_places(*each, ceil_mode=ceil_mode) for each in numbers)
        require_room(name, "padding", counts, extents)
        return _Windows(extents, kernels, strides, before, spacing, counts)

    @property
    def attributes(self) -> dict[str, AttributeValue]:
        return {
            "kernel": self.kernel,
            "strides": self.strides,
            "padding": self.padding,
            "dilation": self.dilation,
            "counts": self.counts,
        }

    @property
    def are_whole(self) -> bool:
        """Whether every window lies in the tensor as a whole."""
        numbers = zip(self.extents, self.kernel, self.strides, self.padding, self.counts, strict=True)
        return all(pad == 0 and (count - 1) * step + size <= n for n, size, step, pad, count in numbers)


def _places(extent: int, kernel: int, stride: int, padding: int, dilation: int, *, ceil_mode: bool) -> int:
    """How many windows there are; with `ceil_mode` the last may reach over the end, if it does not start there."""
    room = extent + 2 * padding - dilation * (kernel - 1) - 1 + (stride - 1 if ceil_mode else 0)
    count = room // stride + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= extent + padding else count


def _require_float(context: TorchContext, name: str, input: Operand) -> None:
    dtype = context.type_of(input).dtype
    if not dtype.is_float:
        raise StagedTypeError(f"{name}() of a tensor of {dtype}: convert it to floats first", loc=caller_loc())


def _define_max_pool(name: str, rank: int) -> None:
    @functions.define(getattr(F, name), getattr(torch, name))
    def max_pool(
        context: TorchContext,
        input: Operand,
        kernel_size: object,
        stride: object = None,
        padding: object = 0,
        dilation: object = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> object:
        _require_float(context, name, input)
        x, is_batch = with_batch(context, name, input, rank)
        extents = context.type_of(input).shape[-rank:]
        windows = _Windows.of(name, extents, kernel_size, stride, padding, dilation, ceil_mode)
        largest = without_batch(context, context.emit(MAX_POOL, x, **windows.attributes), is_batch)
        if not return_indices:
            return largest
        at = context.emit(MAX_POOL_PICK, x, _positions(context, x), **windows.attributes)
        return largest, without_batch(context, at, is_batch)

    @functions.define(getattr(F, f"{name}_with_indices"))
    def with_indices(
        context: TorchContext,
        input: Operand,
        kernel_size: object,
        stride: object = None,
        padding: object = 0,
        dilation: object = 1,
        ceil_mode: bool = False,
        return_indices: bool = True,
    ) -> object:
        return max_pool(context, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)


def _positions(context: TorchContext, x: Atom) -> Atom:
    """Each element's position in its plane."""
    assert isinstance(x.type, TensorType)
    extents = x.type.shape[2:]
    numbers = context.reshape(context.constant_tensor(torch.arange(prod(extents))), (1, 1, *extents))
    return context.broadcast(numbers, x.type.shape)


def _define_average_pool(name: str, rank: int) -> None:
    @functions.define(getattr(F, name))
    def average_pool(
        context: TorchContext,
        input: Operand,
        kernel_size: object,
        stride: object = None,
        padding: object = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> object:
        _require_float(context, name, input)
        if divisor_override == 0:
            raise StagedTypeError(f"`divisor_override` of {name}() must not be 0", loc=caller_loc())
        x, is_batch = with_batch(context, name, input, rank)
        extents = context.type_of(input).shape[-rank:]
        windows = _Windows.of(name, extents, kernel_size, stride, padding, 1, ceil_mode)
        total = context.emit(WINDOW_SUM, x, **windows.attributes)
        divisor = _divisor(context, total, windows, count_include_pad, divisor_override)
        return without_batch(context, context.emit(TRUEDIV, total, divisor), is_batch)


def _divisor(context: TorchContext, total: Atom, windows: _Windows, with_padding: bool, override: int | None) -> Atom:
    """What the sum of each window is divided by: its size, without what lies beyond the tensor (and its padding)."""
    type_ = total.type
    assert isinstance(type_, TensorType)
    if override is not None or windows.are_whole:
        return context.full(prod(windows.kernel) if override is None else override, type_)
    padding = tuple(0 if with_padding else pad for pad in windows.padding)
    counted = zip(windows.extents, windows.padding, padding, strict=True)
    shape = (1, 1, *(extent + 2 * (pad - left) for extent, pad, left in counted))
    ones = context.full(1, TensorType(type_.dtype, shape))
    sizes = context.emit(WINDOW_SUM, ones, **{**windows.attributes, "padding": padding})
    return context.broadcast(sizes, type_.shape)


def _adaptive_windows(
    context: TorchContext, name: str, input: Operand, output_size: object, rank: int
) -> list[list[tuple[int, int]]]:
    """First position and size of each window in each dimension, which they divide evenly but for overlaps.

    None keeps a dimension as it is.
    """
    extents = context.type_of(input).shape[-rank:]
    listed = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * rank
    wanted = [extent if size is None else size for size, extent in zip(listed, extents, strict=False)]
    counts = per_dimension(name, "output_size", wanted, rank, least=1)
    found = [
        [(i * extent // count, -(-(i + 1) * extent // count) - i * extent // count) for i in range(count)]
        for extent, count in zip(extents, counts, strict=True)
    ]
    are_alike = all(extent % count == 0 for extent, count in zip(extents, counts, strict=True))
    if not are_alike and prod(counts) > _MOST_WINDOWS:
        raise TorchFeatureError(
            f"{name}() of {list(extents)} to {list(counts)} cannot be staged yet: too many windows of two sizes",
            loc=caller_loc(),
            hint="sizes that divide evenly can be",
        )
    return found


def _pooled_adaptively(
    context: TorchContext, x: Atom, windows: Sequence[Sequence[tuple[int, int]]], pool: Callable[[Atom, _Windows], Atom]
) -> Atom:
    """The pools of such windows: all at once where they are alike, else one after the other."""
    assert isinstance(x.type, TensorType)
    extents, rank = x.type.shape[2:], len(windows)
    kernel = tuple(each[0][1] for each in windows)
    if all(extent == len(each) * size for extent, each, size in zip(extents, windows, kernel, strict=True)):
        return pool(x, _Windows.of("", extents, kernel, None, 0, 1, False))

    def along(axis: int, part: Atom) -> Atom:
        assert isinstance(part.type, TensorType)
        if axis == rank:
            return pool(part, _Windows.of("", part.type.shape[2:], part.type.shape[2:], None, 0, 1, False))
        shape = part.type.shape
        places = []
        for start, size in windows[axis]:
            starts = tuple(start if dimension == axis + 2 else 0 for dimension in range(len(shape)))
            sizes = (*shape[: axis + 2], size, *shape[axis + 3 :])
            seen = context.emit(SLICE, part, starts=starts, sizes=sizes, steps=(1,) * len(shape))
            places.append(along(axis + 1, seen))
        return context.emit(CONCAT, *places, axis=axis + 2) if len(places) > 1 else places[0]

    return along(0, x)


def _define_adaptive_pools(average: str, largest: str, rank: int) -> None:
    @functions.define(*{getattr(owner, average) for owner in (F, torch) if hasattr(owner, average)})
    def average_pool(context: TorchContext, input: Operand, output_size: object) -> object:
        _require_float(context, average, input)
        x, is_batch = with_batch(context, average, input, rank)

        def mean(part: Atom, windows: _Windows) -> Atom:
            total = context.emit(WINDOW_SUM, part, **windows.attributes)
            return context.emit(TRUEDIV, total, _divisor(context, total, windows, True, None))

        windows = _adaptive_windows(context, average, input, output_size, rank)
        return without_batch(context, _pooled_adaptively(context, x, windows, mean), is_batch)

    @functions.define(getattr(F, largest))
    def max_pool(context: TorchContext, input: Operand, output_size: object, return_indices: bool = False) -> object:
        refuse_options(largest, return_indices=(return_indices, False))
        _require_float(context, largest, input)
        x, is_batch = with_batch(context, largest, input, rank)
        windows = _adaptive_windows(context, largest, input, output_size, rank)

        def greatest(part: Atom, windows: _Windows) -> Atom:
            return context.emit(MAX_POOL, part, **windows.attributes)

        return without_batch(context, _pooled_adaptively(context, x, windows, greatest), is_batch)

    @functions.define(getattr(F, f"{largest}_with_indices"))
    def with_indices(context: TorchContext, input: Operand, output_size: object, return_indices: bool = True) -> object:
        return max_pool(context, input, output_size, return_indices=True)


for _rank in (1, 2):
    _define_max_pool(f"max_pool{_rank}d", _rank)
    _define_average_pool(f"avg_pool{_rank}d", _rank)
    _define_adaptive_pools(f"adaptive_avg_pool{_rank}d", f"adaptive_max_pool{_rank}d", _rank)
