"""Parts of tensors, and tensors made of parts. All are pure, and each is the adjoint of one or more of the others.

`slice(x) {starts, sizes, steps}`: result[i] = x[starts + i * steps], for i within `sizes`. Steps are not zero; negative
ones walk back. At least one dimension.
`place(x) {shape, starts, steps}`: a tensor of zeros of that shape, in which result[starts + i * steps] = x[i].
`concat(x...) {axis}`: tensors that differ along one dimension at most, one after the other along it.
"""

from __future__ import annotations

from ...errors import StagedTypeError
from ..node import Block
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import TensorType, Type
from .tensors import Attrs, integers, require_tensor

SLICE = Primitive("slice")
PLACE = Primitive("place")
CONCAT = Primitive("concat")
PRIMITIVES = (SLICE, PLACE, CONCAT)

effect_rules.define(*PRIMITIVES)(pure)


def _require_region(
    shape: tuple[int, ...], starts: tuple[int, ...], sizes: tuple[int, ...], steps: tuple[int, ...]
) -> None:
    """The region lies within the shape, and no two of its elements are the same."""
    fits = 0 < len(shape) == len(starts) == len(sizes) == len(steps) and 0 not in steps
    if not fits or min(sizes, default=0) < 0:
        raise StagedTypeError(f"starts {starts}, sizes {sizes} and steps {steps} are no region of {shape}")
    for extent, start, size, step in zip(shape, starts, sizes, steps, strict=True):
        if size and not (0 <= start < extent and 0 <= start + (size - 1) * step < extent):
            raise StagedTypeError(f"{size} elements from {start} by {step} do not lie in a dimension of {extent}")


@type_rules.define(SLICE)
def _slice_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    source, sizes = require_tensor(args[0]), integers(attrs, "sizes")
    _require_region(source.shape, integers(attrs, "starts"), sizes, integers(attrs, "steps"))
    return (TensorType(source.dtype, sizes),)


@type_rules.define(PLACE)
def _place_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    source, shape = require_tensor(args[0]), integers(attrs, "shape")
    _require_region(shape, integers(attrs, "starts"), source.shape, integers(attrs, "steps"))
    return (TensorType(source.dtype, shape),)


@type_rules.define(CONCAT)
def _concat_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    parts = [require_tensor(arg) for arg in args]
    axis = attrs["axis"]
    if not parts or not isinstance(axis, int) or axis not in range(parts[0].rank):
        raise StagedTypeError(f"concat along dimension {axis} of {len(parts)} tensors")
    first = parts[0]
    rest = (*first.shape[:axis], *first.shape[axis + 1 :])
    for part in parts:
        others = (*part.shape[:axis], *part.shape[axis + 1 :])
        if part.dtype != first.dtype or part.rank != first.rank or others != rest:
            raise StagedTypeError(f"{first} and {part} do not join along dimension {axis}")
    extent = sum(part.shape[axis] for part in parts)
    return (TensorType(first.dtype, (*first.shape[:axis], extent, *first.shape[axis + 1 :])),)
