"""What asks for derivatives: `backward`, `torch.autograd.grad`, and `requires_grad` and `grad` of computed tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import torch

from ..errors import AutogradError, StagedTypeError, TorchFeatureError
from ..ir.node import Sym
from ..loc import caller_loc
from .context import Operand, TorchContext
from .table import accessor, functions, refuse_options
from .tensor import StagedTensor


@functions.define(accessor("requires_grad"))
def _requires_grad(context: TorchContext, input: Operand) -> object:
    return isinstance(input, StagedTensor) and bool(context.gradients.leaves(input))


@functions.define(accessor("grad_fn"))
def _graph(context: TorchContext, input: Operand) -> object:
    """A staged tensor has no graph that could be looked at."""
    return None


@functions.define(accessor("is_leaf"))
def _is_leaf(context: TorchContext, input: Operand) -> object:
    is_marked = isinstance(input, StagedTensor) and context.gradients.computed.symbol_in(input) is not None
    return is_marked or not _requires_grad(context, input)


@functions.define(torch.Tensor.requires_grad_, accessor("requires_grad", "set"))
def _become_leaf(context: TorchContext, input: Operand, requires_grad: bool = True) -> object:
    """Of what follows gradients already it makes a tensor that they can be taken by, and that has no `.grad`."""
    if requires_grad and isinstance(input, StagedTensor):
        context.gradients.computed.mark(input, keeps_gradient=not _requires_grad(context, input))
    return input


@functions.define(torch.Tensor.retain_grad)
def _retain_grad(context: TorchContext, input: Operand) -> None:
    if isinstance(input, StagedTensor):
        context.gradients.computed.mark(input, keeps_gradient=True)


@functions.define(accessor("grad"))
def _gradient(context: TorchContext, input: Operand) -> object:
    return context.gradients.computed.read(input) if isinstance(input, StagedTensor) else None


@functions.define(accessor("grad", "set"))
def _set_gradient(context: TorchContext, input: StagedTensor, value: torch.Tensor | None) -> None:
    if value is not None and context.type_of(value) != context.type_of(input):
        raise StagedTypeError(f"a gradient of {context.type_of(input)} must be like it, or None", loc=caller_loc())
    staged = None if value is None else StagedTensor(context.without_gradient(value), context)
    context.gradients.computed.write(input, staged)


@functions.define(torch.Tensor.backward)
def _backward(
    context: TorchContext,
    tensor: object,
    gradient: object = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: object = None,
) -> None:
    """With a `gradient`: that of the sum of the tensor's elements, each times what stands in its place there."""
    _backward_of_several(context, tensor, gradient, retain_graph, create_graph, inputs=inputs)


@functions.define(torch.autograd.backward)
def _backward_of_several(
    context: TorchContext,
    tensors: object,
    grad_tensors: object = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: object = None,
    inputs: object = None,
) -> None:
    refuse_options("torch.autograd.backward", grad_variables=(grad_variables, None))
    among = None if inputs is None else [_symbol_of(context, each) for each in _listed(inputs)]
    loss = _total(context, _listed(tensors), grad_tensors)
    context.gradients.backward(loss, among=among, retain_graph=bool(retain_graph), create_graph=bool(create_graph))


@functions.define(torch.autograd.grad)
def _grad(
    context: TorchContext,
    outputs: object,
    inputs: object,
    grad_outputs: object = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> object:
    refuse_options("torch.autograd.grad", is_grads_batched=(is_grads_batched, False))
    variables = [(_symbol_of(context, each), each) for each in _listed(inputs)]
    loss = _total(context, _listed(outputs), grad_outputs)
    parts = context.gradients.parts(loss, [symbol for symbol, _ in variables])
    used = {symbol: each for (symbol, each), is_used in zip(variables, parts, strict=True) if is_used}
    if not all(parts) and not allow_unused and not materialize_grads:
        raise AutogradError(
            "one of the tensors that gradients are taken by has no part in what is differentiated",
            loc=caller_loc(),
            hint="leave it out, or say allow_unused=True",
        )
    found: dict[Sym, StagedTensor] = {}
    if used:
        gradients = context.gradients.differentiate(
            loss, used, retain_graph=bool(retain_graph), create_graph=bool(create_graph)
        )
        found = dict(zip(used, gradients, strict=True))
    missing = [context.gradients.zeros(context.type_of(each)) if materialize_grads else None for _, each in variables]
    return tuple([found.get(symbol, other) for (symbol, _), other in zip(variables, missing, strict=True)])


def _listed(tensors: object) -> list[torch.Tensor]:
    return [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)  # type: ignore[call-overload]


def _staged(context: TorchContext, tensor: Operand) -> StagedTensor:
    if isinstance(tensor, StagedTensor):
        return tensor
    assert isinstance(tensor, torch.Tensor)
    with context.tracking([tensor]):
        return context.wrap(context.atom(tensor))


def _symbol_of(context: TorchContext, tensor: torch.Tensor) -> Sym:
    """What stands for a tensor that gradients are taken by. Located errors where they cannot be."""
    if not isinstance(tensor, StagedTensor):
        if not tensor.requires_grad:
            _refuse_variable()
        return context.buffers.capture(tensor).symbol
    symbol = tensor.atom
    if not tensor.tracks_gradient or not isinstance(symbol, Sym):
        _refuse_variable()
    if symbol in context.shared and context.gradients.computed.symbol_in(tensor) is None:
        raise TorchFeatureError(
            "gradients by a tensor that is the same value as another one in the compiled code",
            loc=caller_loc(),
            hint="call x.requires_grad_() on it where it is made, before it is used",
        )
    return symbol


def _refuse_variable() -> NoReturn:
    raise AutogradError(
        "one of the tensors that gradients are taken by does not require a gradient",
        loc=caller_loc(),
        hint="call x.requires_grad_() on it before it is used",
    )


def _total(context: TorchContext, outputs: Sequence[torch.Tensor], weights: object) -> StagedTensor:
    """One number whose gradient is the sum of those of the outputs, each times its weights if there are any."""
    given = [None] * len(outputs) if weights is None else _listed(weights)
    parts = [_weighted_sum(context, output, weight) for output, weight in zip(outputs, given, strict=True)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _weighted_sum(context: TorchContext, output: torch.Tensor, weights: object) -> StagedTensor:
    tensor = _staged(context, output)
    if weights is None:
        if tensor.numel() != 1:
            raise StagedTypeError(
                f"backward() of a tensor of shape {list(tensor.shape)}: only one element has gradients",
                loc=caller_loc(),
                hint="reduce it first: loss.sum().backward()",
            )
        return tensor
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
