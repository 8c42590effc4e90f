"""Tensors that a staged function is given: values, which it cannot change for its caller.

In: the parameter of the function that a tensor is. Out: the staged tensor that stands for it while tracing.
"""

from __future__ import annotations

from typing import NoReturn

from ..errors import TorchFeatureError
from ..ir.node import Sym
from ..loc import caller_loc
from .context import TorchContext
from .tensor import Place, StagedTensor


def argument_of(context: TorchContext, symbol: Sym, *, requires_grad: bool) -> StagedTensor:
    """The argument that is this parameter. `requires_grad`: whether PyTorch would give it a `.grad`."""
    if requires_grad:
        context.gradients.note_argument(symbol)
    return StagedTensor(symbol, context, tracks_gradient=requires_grad, place=_PLACE)


def is_argument(tensor: StagedTensor) -> bool:
    """Whether it is the caller's, and not made by the program."""
    return tensor.place is _PLACE


def _refuse(_new: StagedTensor) -> NoReturn:
    raise TorchFeatureError(
        "a tensor that is an argument of the staged function is changed in place",
        loc=caller_loc(),
        hint="return the changed one (x = x + y for x += y), or use a tensor from around the function",
    )


_PLACE = Place(_refuse)
