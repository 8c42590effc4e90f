"""The derivative of a call of Python with tensors: another call."""

from __future__ import annotations

from ..errors import NotSupportedYetError
from ..ir.node import AttributeValue, Node
from ..ir.ops.tensor_calls import TENSOR_CALL
from ..ir.types import TensorType, element_type
from .sweep import Sweep, derivative_rules


@derivative_rules.define(TENSOR_CALL)
def _tensor_call(sweep: Sweep, node: Node) -> None:
    """The adjoints of all floating-point arguments, by the call that gives them."""
    reverse = node.attr("reverse")
    if reverse is None:
        raise NotSupportedYetError(
            "the loss depends on the result of a call into PyTorch, which has no derivative here",
            loc=node.loc,
            hint="use .detach() on what goes in if no gradient should flow through the call",
        )
    given = [result for result in node.results if element_type(result.type).is_float]
    adjoints = [
        sweep.adjoint(result) if result in sweep.adjoints else sweep.constant(result.type, 0) for result in given
    ]
    wanted = [arg for arg in node.args if element_type(arg.type).is_float]
    types = [arg.type for arg in wanted if isinstance(arg.type, TensorType)]
    attrs: dict[str, AttributeValue] = {
        "callback": reverse,
        "reverse": None,
        "dtypes": tuple(type_.dtype for type_ in types),
        "shapes": tuple(type_.shape for type_ in types),
    }
    found = sweep.builder.emit(TENSOR_CALL, (*node.args, *adjoints), loc=sweep.loc, attrs=attrs)
    for arg, adjoint in zip(wanted, found, strict=True):
        sweep.accumulate(arg, adjoint)
