"""In-place functions: `add_`, `mul_`, `copy_`, `zero_`, ...: the function's result, written where the tensor lives."""

from __future__ import annotations

import torch

from ..errors import StagedTypeError, TorchFeatureError
from ..ir.types import TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .table import accessor, functions, methods, refuse_options
from .tensor import StagedTensor

_FROM_FUNCTIONS = (
    "addcmul",
    "addcdiv",
    "lerp",
    "square",
    "floor",
    "ceil",
    "round",
    "clip",
    "clamp_min",
    "clamp_max",
    "reciprocal",
    "rsqrt",
    "scatter",
    "scatter_add",
    "index_add",
    "index_fill",
    "index_copy",
    "tril",
    "triu",
    "remainder",
    "floor_divide",
    "logical_and",
    "logical_or",
    "logical_not",
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
    "masked_fill",
)


def _define_in_place(name: str) -> None:
    function = getattr(torch.Tensor, name)

    @functions.define(*methods(f"{name}_"))
    def in_place(context: TorchContext, target: Operand, *args: object, **kwargs: object) -> object:
        result = context.dispatch_staged(function, (target, *args), kwargs)
        assert isinstance(result, StagedTensor)
        kinds = context.type_of(target).dtype, context.type_of(result).dtype
        if kinds[1].is_float and not kinds[0].is_float:
            raise StagedTypeError(
                f"`{name}_` of a tensor of {kinds[0]} gives {kinds[1]}, which it cannot hold", loc=caller_loc()
            )
        return _written(context, target, result)


for _name in _FROM_FUNCTIONS:
    _define_in_place(_name)


def _written(context: TorchContext, target: Operand, value: Operand) -> object:
    """Write a value over a tensor, in the tensor's own dtype and shape."""
    type_: TensorType = context.type_of(target)
    require_fitting(context, target, value)
    shape = context.result_shape(target, value)
    if shape != type_.shape:
        raise StagedTypeError(
            f"a tensor of shape {list(type_.shape)} is changed in place to one of shape {list(shape)}", loc=caller_loc()
        )
    context.write(target, context.operand(value, type_.dtype, type_.shape))
    return target


def require_fitting(context: TorchContext, target: Operand, value: Operand) -> None:
    """Located errors where a real tensor, which leads to no gradient, is given one that does."""
    leads_on = context.may_need_gradient(value) and torch.is_grad_enabled()
    if isinstance(target, StagedTensor) and target.content.seen is not None:
        target = target.content.seen.tensor
    if leads_on and not isinstance(target, StagedTensor) and not context.may_need_gradient(target):
        raise TorchFeatureError(
            "a tensor that was made outside the staged loop or branch is changed to one that leads to a gradient",
            loc=caller_loc(),
            hint="make it inside, or torch.stack a list of the parts; .detach() them if no gradient is needed",
        )


@functions.define(torch.Tensor.copy_)
def _copy(context: TorchContext, target: Operand, source: Operand, non_blocking: bool = False) -> object:
    return _written(context, target, source)


@functions.define(*methods("zero_"))
def _zero(context: TorchContext, target: Operand) -> object:
    return _written(context, target, 0)


@functions.define(*methods("fill_"))
def _fill(context: TorchContext, target: Operand, value: Operand) -> object:
    return _written(context, target, value)


@functions.define(accessor("data", "set"))
def _set_data(context: TorchContext, target: Operand, value: Operand) -> None:
    assert isinstance(value, torch.Tensor) and isinstance(target, torch.Tensor)
    refuse_options("data", shape=(tuple(value.shape) == tuple(target.shape), True))
    with torch.no_grad():
        _written(context, target, value)
