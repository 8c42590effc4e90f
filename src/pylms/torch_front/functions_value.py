"""What asks a tensor about itself: `item`, `detach`, `data`, `grad`, `requires_grad`, `backward`."""

from __future__ import annotations

import torch

from ..errors import StagedTypeError, StagingError
from ..ir.ops.arithmetic import CONVERT
from ..ir.ops.tensors import ELEMENT
from ..ir.types import BOOL, FLOAT, INT, ScalarType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .table import accessor, functions, methods, refuse_options
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


@functions.define(accessor("requires_grad"))
def _requires_grad(context: TorchContext, input: Operand) -> object:
    return isinstance(input, StagedTensor) and bool(context.gradients.leaves(input))


@functions.define(accessor("grad_fn"), accessor("grad"))
def _nothing(context: TorchContext, input: Operand) -> object:
    """There is no graph behind a staged tensor, and only leaves keep gradients."""
    return None


@functions.define(accessor("is_leaf"))
def _is_leaf(context: TorchContext, input: Operand) -> object:
    return not _requires_grad(context, input)


@functions.define(torch.Tensor.requires_grad_, torch.Tensor.retain_grad)
def _become_leaf(context: TorchContext, input: Operand, requires_grad: bool = True) -> object:
    if not requires_grad:
        return input
    raise StagingError(
        "gradients with respect to a computed tensor cannot be staged yet",
        loc=caller_loc(),
        hint="take gradients with respect to parameters",
    )


@functions.define(torch.Tensor.backward, torch.autograd.backward)
def _backward(
    context: TorchContext,
    tensor: Operand,
    gradient: object = None,
    retain_graph: object = None,
    create_graph: bool = False,
    inputs: object = None,
) -> None:
    """With a `gradient`: that of the sum of the tensor's elements, each times what stands in its place there."""
    refuse_options("backward", create_graph=(create_graph, False), inputs=(inputs, None))
    if not isinstance(tensor, StagedTensor):
        assert isinstance(tensor, torch.Tensor)
        with context.tracking([tensor]):
            tensor = context.wrap(context.atom(tensor))
    if gradient is not None:
        tensor = _weighted_sum(context, tensor, gradient)
    context.gradients.backward(tensor)


def _weighted_sum(context: TorchContext, tensor: StagedTensor, weights: object) -> StagedTensor:
    if not isinstance(weights, torch.Tensor) or tuple(weights.shape) != tuple(tensor.shape):
        found = list(weights.shape) if isinstance(weights, torch.Tensor) else type(weights).__name__
        raise StagedTypeError(
            f"backward() of a tensor of shape {list(tensor.shape)} was given a gradient of shape {found}",
            loc=caller_loc(),
        )
    fixed = StagedTensor(context.without_gradient(weights), context)
    total = context.dispatch_staged(torch.sum, (tensor * fixed,), {})
    assert isinstance(total, StagedTensor)
    return total
