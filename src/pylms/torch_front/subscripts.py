"""Subscripts of tensors, `x[0, 1:, None, i, mask]`: what they select.

Ints, slices, `None` and `...` select a part whose shape is known, which is a view. A staged int selects one element of
a dimension, with Python's rules: from the end where it is negative, and an IndexError where there is none. A slice that
the run moves (see `moving_slices`) is read from where it starts. Integer
tensors gather elements, and bool tensors are masks, which can be written through but not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch

from ..errors import StagedTypeError, TorchFeatureError
from ..ir.node import Atom, Const
from ..ir.ops.arrays import IN_BOUNDS, NORMALIZE_INDEX
from ..ir.ops.control import CHECK
from ..ir.types import INT
from ..loc import caller_loc
from ..staging.arrays import as_int
from ..staging.rep import Rep
from .context import TorchContext
from .moving_slices import moves, moving_slice
from .view_steps import Reshaped, Shape, Sliced, Step, Taken, View, Window

_Part: TypeAlias = "int | slice | Rep | torch.Tensor | None"


@dataclass(frozen=True, slots=True)
class Selection:
    """view: what ints, slices and `None` select. gathered: of its dimensions, those that integer tensors index."""

    view: View
    shape: Shape
    gathered: tuple[tuple[int, torch.Tensor], ...]


def selected(context: TorchContext, shape: Shape, index: object) -> Selection:
    """What a subscript without masks selects of a tensor of that shape."""
    parts = _parts(index, len(shape))
    starts, sizes, steps = [], [], []
    kept: list[tuple[int, _Part]] = []
    axis = 0
    for part in parts:
        if part is None:
            kept.append((1, None))
            continue
        extent = shape[axis]
        if isinstance(part, slice) and moves(part):
            start, size, step = 0, extent, 1
            kept.append((extent, part))
        elif isinstance(part, slice):
            start, size, step = _slice(part, extent)
            kept.append((size, None))
        elif isinstance(part, int):
            start, size, step = _position(part, extent, axis), 1, 1
        else:
            start, size, step = 0, extent, 1
            kept.append((extent, part))
        starts.append(start)
        sizes.append(size)
        steps.append(step)
        axis += 1
    found: list[Step] = []
    if tuple(sizes) != shape or any(step != 1 for step in steps):
        found.append(Sliced(shape, tuple(starts), tuple(sizes), tuple(steps)))
    if tuple(extent for extent, _ in kept) != tuple(sizes):
        found.append(Reshaped(tuple(extent for extent, _ in kept)))
    for place in reversed(range(len(kept))):
        extent, kept_part = kept[place]
        if isinstance(kept_part, Rep):
            found.append(Taken(place, _checked_position(context, kept_part, extent, _source_axis(parts, kept_part))))
            del kept[place]
        elif isinstance(kept_part, slice):
            first, size = moving_slice(context, kept_part, extent, _source_axis(parts, kept_part))
            found.append(Window(place, first, size))
            kept[place] = (size, None)
    gathered = tuple((place, part) for place, (_, part) in enumerate(kept) if isinstance(part, torch.Tensor))
    return Selection(View(tuple(found)), tuple(extent for extent, _ in kept), gathered)


def is_mask(part: object) -> bool:
    """Whether a part of a subscript selects by truth."""
    return isinstance(part, torch.Tensor) and part.dtype is torch.bool


def _parts(index: object, rank: int) -> list[_Part]:
    """One part for each dimension of the tensor, and `None` for each new one."""
    listed = list(index) if isinstance(index, tuple) else [index]
    count = sum(1 for part in listed if part is not None and part is not Ellipsis)
    if count > rank or sum(1 for part in listed if part is Ellipsis) > 1:
        raise StagedTypeError(f"too many indices for a tensor of {rank} dimensions: {count}", loc=caller_loc())
    if not any(part is Ellipsis for part in listed):
        listed.append(Ellipsis)
    parts: list[_Part] = []
    for part in listed:
        if part is Ellipsis:
            parts.extend([slice(None)] * (rank - count))
        else:
            parts.append(_part(part))
    return parts


def _part(part: object) -> _Part:
    if isinstance(part, (bool, str)) or is_mask(part):
        raise TorchFeatureError(
            "a tensor that is indexed by a mask cannot be staged: how many elements it has depends on the run",
            loc=caller_loc(),
            hint="use torch.where(mask, x, 0), x.masked_fill(mask, value), or assign: x[mask] = value",
        )
    if part is None or isinstance(part, (slice, Rep, torch.Tensor)):
        return _as_positions(part) if isinstance(part, torch.Tensor) else part
    if isinstance(part, (list, tuple)):
        return _as_positions(torch.tensor(part))
    if hasattr(part, "__index__"):
        return int(part)
    raise StagedTypeError(f"a tensor is not indexed by {type(part).__name__}", loc=caller_loc())


def _as_positions(index: torch.Tensor) -> torch.Tensor:
    if index.dtype.is_floating_point or index.dtype is torch.uint8:
        raise StagedTypeError(
            f"tensors used as indices are of int64, int32 or bool, not {index.dtype}",
            loc=caller_loc(),
            hint="convert it with .long()",
        )
    return index


def _slice(part: slice, extent: int) -> tuple[int, int, int]:
    """Start, size and step."""
    if part.step is not None and part.step <= 0:
        raise StagedTypeError("the step of a tensor's slice must be positive, as in PyTorch", loc=caller_loc())
    start, stop, step = part.indices(extent)
    return start, len(range(start, stop, step)), step


def _position(index: int, extent: int, axis: int) -> int:
    if not -extent <= index < extent:
        raise StagedTypeError(
            f"index {index} is out of bounds for dimension {axis} with size {extent}", loc=caller_loc()
        )
    return index % extent


def _checked_position(context: TorchContext, index: Rep, extent: int, axis: int) -> Atom:
    """The position that a staged int stands for; IndexError when the code runs if there is none."""
    position, size = as_int(context.trace, index, "a tensor's index"), Const(extent, INT)
    inside = context.emit(IN_BOUNDS, position, size)
    message = f"index is out of bounds for dimension {axis} with size {extent}"
    context.trace.emit(CHECK, [inside], attrs={"error": "IndexError", "message": message})
    return context.emit(NORMALIZE_INDEX, position, size)


def _source_axis(parts: Sequence[_Part], wanted: _Part) -> int:
    before = parts[: next(place for place, part in enumerate(parts) if part is wanted)]
    return sum(1 for part in before if part is not None)
