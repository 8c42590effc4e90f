"""In-place functions: `add_`, `mul_`, `copy_`, `zero_`, ...: the function's result, written where the tensor lives."""

from __future__ import annotations

import torch

from ..ir.types import TensorType
from .context import Operand, TorchContext
from .table import accessor, functions, refuse_options
from .tensor import StagedTensor

_FROM_FUNCTIONS = (
    "add",
    "sub",
    "mul",
    "div",
    "neg",
    "abs",
    "exp",
    "log",
    "sqrt",
    "tanh",
    "sigmoid",
    "relu",
    "clamp",
    "pow",
)


def _define_in_place(name: str) -> None:
    function = getattr(torch.Tensor, name)

    @functions.define(getattr(torch.Tensor, f"{name}_"))
    def in_place(context: TorchContext, target: Operand, *args: object, **kwargs: object) -> object:
        result = context.dispatch_staged(function, (target, *args), kwargs)
        assert isinstance(result, StagedTensor)
        return _written(context, target, result)


for _name in _FROM_FUNCTIONS:
    _define_in_place(_name)


def _written(context: TorchContext, target: Operand, value: Operand) -> object:
    """Write a value over a tensor, in the tensor's own dtype and shape."""
    type_: TensorType = context.type_of(target)
    context.write(target, context.operand(value, type_.dtype, type_.shape))
    return target


@functions.define(torch.Tensor.copy_)
def _copy(context: TorchContext, target: Operand, source: Operand, non_blocking: bool = False) -> object:
    return _written(context, target, source)


@functions.define(torch.Tensor.zero_)
def _zero(context: TorchContext, target: Operand) -> object:
    return _written(context, target, 0)


@functions.define(torch.Tensor.fill_)
def _fill(context: TorchContext, target: Operand, value: Operand) -> object:
    return _written(context, target, value)


@functions.define(accessor("data", "set"))
def _set_data(context: TorchContext, target: Operand, value: Operand) -> None:
    assert isinstance(value, torch.Tensor) and isinstance(target, torch.Tensor)
    refuse_options("data", shape=(tuple(value.shape) == tuple(target.shape), True))
    with torch.no_grad():
        _written(context, target, value)
