"""What asks a tensor about itself: `item`, `detach`, `data`."""

from __future__ import annotations

import torch

from ..errors import StagedTypeError
from ..ir.ops.arithmetic import CONVERT
from ..ir.ops.tensors import ELEMENT
from ..ir.types import BOOL, FLOAT, INT, ScalarType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .table import accessor, functions, methods
from .tensor import StagedTensor, detached
from .view_steps import Detached


@functions.define(torch.Tensor.item)
def _item(context: TorchContext, input: Operand) -> object:
    """The only element as a Python number, through which no derivative passes."""
    type_ = context.type_of(input)
    if type_.size != 1:
        raise StagedTypeError(
            f"item() of a tensor of shape {list(type_.shape)}: only one element converts to a number", loc=caller_loc()
        )
    number: object = context.emit(ELEMENT, context.reshape(context.without_gradient(input), ()))
    target = _python_type(type_.dtype)
    if type_.dtype != target:
        number = context.emit(CONVERT, number, dtype=target)  # type: ignore[arg-type]
    return context.trace.wrap(number)  # type: ignore[arg-type]


def _python_type(dtype: ScalarType) -> ScalarType:
    if dtype == BOOL:
        return BOOL
    return FLOAT if dtype.is_float else INT


@functions.define(*methods("detach"), accessor("data"))
def _detach(context: TorchContext, input: Operand) -> object:
    if isinstance(input, StagedTensor):
        return detached(input)
    return context.view(input, Detached())
