"""`backward(loss, buffer...)`: gradients of a rank-0 loss with respect to buffers, as of the loads before it.

One result a buffer, of the buffer's tensor type; zero where the loss does not depend on it. The differentiate
pass replaces it with the reverse sweep; nothing later in the pipeline knows it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import StagedTypeError
from ..effects import Effect
from ..node import Atom, AttributeValue, Block, Sym
from ..primitive import Primitive
from ..rules import effect_rules, type_rules
from ..types import BufferType, TensorType, Type

BACKWARD = Primitive("backward")
PRIMITIVES = (BACKWARD,)


@type_rules.define(BACKWARD)
def _backward_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    loss, *buffers = args
    if not isinstance(loss, TensorType) or loss.shape != () or not loss.dtype.is_float:
        raise StagedTypeError(f"backward needs a floating-point tensor of one element, not {loss}")
    gradients = [buffer.tensor for buffer in buffers if isinstance(buffer, BufferType)]
    if len(gradients) != len(buffers):
        raise StagedTypeError("backward differentiates with respect to buffers")
    return tuple(gradients)


@effect_rules.define(BACKWARD)
def _backward_effect(
    args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> Effect:
    return Effect(reads=frozenset(arg for arg in args[1:] if isinstance(arg, Sym)))
