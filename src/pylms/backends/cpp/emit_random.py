"""C++ for random tensors: calls of the generator in include/random.h."""

from __future__ import annotations

from math import ceil

from ...ir.node import Node
from ...ir.ops.random import RANDOM_BELOW, RANDOM_UNIFORM
from ...ir.types import TensorType
from .emit_rules import emit_rules
from .emit_variables import array_bytes
from .emitter import Emitter
from .literals import is_in_register, scalar_c_type


@emit_rules.define(RANDOM_UNIFORM)
def _emit_uniform(emitter: Emitter, node: Node) -> None:
    _emit_draw(emitter, node, "random_uniform")


@emit_rules.define(RANDOM_BELOW)
def _emit_below(emitter: Emitter, node: Node) -> None:
    probability = node.attr("probability")
    assert isinstance(probability, float)
    # The generator's numbers are multiples of 2**-53: comparing the integers is comparing the floats.
    _emit_draw(emitter, node, "random_below", f", {ceil(probability * 2.0**53)}ull")


def _emit_draw(emitter: Emitter, node: Node, kernel: str, more: str = "") -> None:
    (state,), (result,) = node.args, node.results
    assert isinstance(result.type, TensorType)
    emitter.include("random.h")
    if is_in_register(result.type):
        target = emitter.name_of(result)
        emitter.line(f"{scalar_c_type(result.type.dtype)} {target};")
        target = f"&{target}"
    else:
        emitter.define(result, emitter.allocate(result, array_bytes(result.type)))
        target = emitter.name_of(result)
    emitter.line(f"pylms::{kernel}({target}, {result.type.size}, {emitter.expression(state)}{more});")
