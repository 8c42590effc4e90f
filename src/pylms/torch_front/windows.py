"""What PyTorch's arguments of convolutions and pooling say about windows, and how tensors get the batch they need."""

from __future__ import annotations

from ..errors import StagedTypeError, StagingError
from ..ir.node import Atom
from ..loc import caller_loc
from ..staging.rep import Rep
from .context import Operand, TorchContext
from .tensor import StagedTensor

Shape = tuple[int, ...]


def per_dimension(function: str, name: str, value: object, rank: int, *, least: int = 0) -> Shape:
    """An argument that is one int, or one for each dimension that windows move along. Located errors for others."""
    listed = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if any(isinstance(each, Rep) for each in listed):
        raise StagingError(f"`{name}` of {function}() must be known while staging", loc=caller_loc())
    numbers = tuple(each for each in listed if isinstance(each, int))
    if len(numbers) != len(listed) or len(listed) not in (1, rank) or min(numbers) < least:
        wanted = f"an int from {least} on" + (f", or {rank} of them" if rank > 1 else "")
        raise StagedTypeError(f"`{name}` of {function}() must be {wanted}, not {value!r}", loc=caller_loc())
    return numbers if len(numbers) == rank else numbers * rank


def with_batch(context: TorchContext, function: str, input: Operand, rank: int) -> tuple[Atom, bool]:
    """The tensor as [batch, channels, ..], and whether it has a batch of its own."""
    shape = context.type_of(input).shape
    if len(shape) not in (rank + 1, rank + 2):
        wanted = "[N, C, H, W] or [C, H, W]" if rank == 2 else "[N, C, L] or [C, L]"
        raise StagedTypeError(f"{function}() takes a tensor {wanted}, not one of shape {list(shape)}", loc=caller_loc())
    is_batch = len(shape) == rank + 2
    atom = context.atom(input)
    return (atom if is_batch else context.reshape(atom, (1, *shape))), is_batch


def without_batch(context: TorchContext, atom: Atom, is_batch: bool) -> StagedTensor:
    """The result of what was given `with_batch`."""
    shape = context.wrap(atom).shape
    return context.wrap(atom if is_batch else context.reshape(atom, tuple(shape[1:])))


def require_room(function: str, name: str, counts: Shape, extents: Shape) -> None:
    """A located error where not a single window fits."""
    if min(counts) < 1:
        raise StagedTypeError(
            f"the windows of {function}() are larger than what they move along, which is {list(extents)} with `{name}`",
            loc=caller_loc(),
        )
