"""What asks a tensor about itself: `item`, `detach`, `data`, and whether all of it is true."""

from __future__ import annotations

import torch

from ..errors import StagedTypeError
from ..ir.node import Const
from ..ir.ops.arithmetic import CONVERT, EQ, LOGICAL_NOT
from ..ir.ops.control import CHECK
from ..ir.ops.tensors import ELEMENT, REDUCE_MAX
from ..ir.types import BOOL, FLOAT, INT, INT64, ScalarType
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


@functions.define(torch._is_all_true)
def _require_all_true(context: TorchContext, input: Operand) -> object:
    """What `torch.distributions` asks of values that it was given: where it is not so, the run ends with ValueError."""
    atom = context.atom(input)
    wrong = context.convert(context.emit(LOGICAL_NOT, atom), INT64)
    type_ = context.type_of(input)
    if type_.size:
        any_wrong = context.emit(ELEMENT, context.emit(REDUCE_MAX, wrong, axes=tuple(range(type_.rank))))
        message = "a parameter or a value of a distribution does not satisfy its constraint"
        fine = context.emit(EQ, any_wrong, Const(0, INT64))
        context.trace.emit(CHECK, [fine], attrs={"error": "ValueError", "message": message})
    return True


def _python_type(dtype: ScalarType) -> ScalarType:
    if dtype == BOOL:
        return BOOL
    return FLOAT if dtype.is_float else INT


@functions.define(*methods("detach"), accessor("data"))
def _detach(context: TorchContext, input: Operand) -> object:
    if isinstance(input, StagedTensor):
        return detached(input)
    return context.view(input, Detached())
