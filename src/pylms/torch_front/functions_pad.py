"""`F.pad`: a border of zeros, of a number, or of elements from inside."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError
from ..ir.node import Atom
from ..ir.ops.arithmetic import SELECT
from ..ir.ops.tensor_gathers import TAKE
from ..ir.ops.tensor_regions import PLACE, SLICE
from ..ir.types import BOOL, TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .functions_shape import sizes
from .table import functions
from .view_steps import tensor_type

_MODES = ("constant", "reflect", "replicate", "circular")


@functions.define(F.pad)
def _pad(
    context: TorchContext, input: Operand, pad: object, mode: str = "constant", value: float | None = None
) -> object:
    """So many elements before and after, from the last dimension on; negative numbers cut elements off."""
    shape, amounts = context.type_of(input).shape, sizes((pad,))
    if len(amounts) % 2 or len(amounts) > 2 * len(shape) or mode not in _MODES:
        raise StagedTypeError(
            f"pad() of a tensor of shape {list(shape)} by {list(amounts)} in mode {mode!r}", loc=caller_loc()
        )
    borders = [(0, 0)] * len(shape)
    for number in range(len(amounts) // 2):
        borders[len(shape) - 1 - number] = (amounts[2 * number], amounts[2 * number + 1])
    if any(before + extent + after < 0 for extent, (before, after) in zip(shape, borders, strict=True)):
        raise StagedTypeError(f"pad() leaves nothing of a tensor of shape {list(shape)}", loc=caller_loc())
    atom = context.atom(input)
    if mode == "constant":
        return context.wrap(_with_border(context, atom, borders, value or 0))
    for axis, border in enumerate(borders):
        if border != (0, 0):
            positions = _positions(shape[axis], border, mode)
            atom = context.emit(TAKE, atom, context.constant_tensor(torch.tensor(positions)), axis=axis)
    return context.wrap(atom)


def _with_border(context: TorchContext, atom: Atom, borders: list[tuple[int, int]], value: float) -> Atom:
    shape = tensor_type(atom).shape
    cut = [(max(0, -before), max(0, -after)) for before, after in borders]
    kept = tuple(extent - sum(each) for extent, each in zip(shape, cut, strict=True))
    if kept != shape:
        atom = context.emit(SLICE, atom, starts=tuple(first for first, _ in cut), sizes=kept, steps=(1,) * len(kept))
    added = [(max(0, before), max(0, after)) for before, after in borders]
    whole = tuple(extent + sum(each) for extent, each in zip(kept, added, strict=True))
    if whole == kept:
        return atom
    region = {"shape": whole, "starts": tuple(first for first, _ in added), "steps": (1,) * len(whole)}
    placed = context.emit(PLACE, atom, **region)
    if not value:
        return placed
    inside = context.emit(PLACE, context.full(True, TensorType(BOOL, kept)), **region)
    return context.emit(SELECT, inside, placed, context.full(value, tensor_type(placed)))


def _positions(extent: int, border: tuple[int, int], mode: str) -> list[int]:
    """Where each element of a padded dimension comes from."""
    widest = {"reflect": extent - 1, "circular": extent}.get(mode)
    if widest is not None and max(border) > widest:
        raise StagedTypeError(f"pad() by {max(border)} in mode {mode!r} of {extent} elements", loc=caller_loc())
    indices = range(-border[0], extent + border[1])
    if mode == "replicate":
        return [min(max(index, 0), extent - 1) for index in indices]
    if mode == "circular":
        return [index % extent for index in indices]
    return [extent - 1 - abs(extent - 1 - abs(index)) for index in indices]
