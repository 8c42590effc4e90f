"""The body of a reduction as a C++ lambda on vectors, for the kernels of reduce.h.

In: the loops of a reduction. Out: lines of a lambda of `at`, by which it reads memory at the place of the innermost
loop where the kernel is; or nothing, where the body does what the vector types do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...ir.node import Node, Sym
from ...ir.ops import arithmetic as ops
from ...ir.ops.fusion import ELEMENT_AT
from ...ir.primitive import Primitive
from .emitter import Emitter
from .loop_writer import LoopWriter
from .nest_shape import Access
from .scalar_text import ZERO, position

_FORMS: Mapping[Primitive, str] = {
    ops.ADD: "{} + {}",
    ops.SUB: "{} - {}",
    ops.MUL: "{} * {}",
    ops.TRUEDIV: "{} / {}",
    ops.NEG: "-{}",
    ops.ABS: "pylms::abs({})",
    ops.EXP: "pylms::exp({})",
    ops.LOG: "pylms::log({})",
    ops.TANH: "pylms::tanh({})",
    ops.SIGMOID: "pylms::logistic({})",
}
_ELEMENTARY = frozenset({ops.EXP, ops.LOG, ops.TANH, ops.SIGMOID})


def has_vector_body(writer: LoopWriter, node: Node) -> bool:
    """Whether the innermost loop's part of a reduction can be computed on vectors of the result's type."""
    moving = writer.nodes_at(writer.depth)
    made = {result for each in moving for result in each.results}
    is_known = all(each.primitive in _FORMS or _reads_along(writer, each) for each in moving)
    is_of_one_type = all(result.type == node.results[0].type for result in made)
    return node.blocks[0].results[0] in made and is_known and is_of_one_type


def _reads_along(writer: LoopWriter, node: Node) -> bool:
    """Whether the innermost loop walks along memory here, and the index is used in no other way."""
    if node.primitive is not ELEMENT_AT:
        return False
    axes = Access.of(node).long_axes()
    walked = [index for index, _ in axes if index in writer.innermost]
    return bool(walked) and [index for index, _ in axes[len(axes) - len(walked) :]] == walked


def vector_body(writer: LoopWriter, node: Node) -> list[str]:
    """The lines between the braces of the lambda."""
    emitter = writer.emitter
    moving = writer.nodes_at(writer.depth)
    if any(each.primitive in _ELEMENTARY for each in moving):
        emitter.include("elementary.h")
    *before, last = moving
    value = node.blocks[0].results[0]
    lines = [f"const auto {emitter.name_of(each.results[0])} = {_text(writer, each)};" for each in before]
    if value is last.results[0]:
        return [*lines, f"return {_text(writer, last)};"]
    assert isinstance(value, Sym)
    return [*lines, f"return {emitter.name_of(value)};"]


def _text(writer: LoopWriter, node: Node) -> str:
    if node.primitive is ELEMENT_AT:
        return f"at({_start(writer, node)})"
    return _FORMS[node.primitive].format(*map(writer.emitter.expression, node.args))


def _start(writer: LoopWriter, read: Node) -> str:
    """The address of the first of the elements that the innermost loop walks along."""
    emitter = writer.emitter
    access = Access.of(read)
    walked = writer.innermost
    outer = Access(access.source, access.shape, tuple(ZERO if index in walked else index for index in access.indices))
    start = position(emitter, outer)
    source = emitter.expression(access.source)
    return source if start == "0" else f"{source} + {start}"


def write_lambda(emitter: Emitter, head: str, body: Sequence[str], tail: str = ")") -> None:
    """A statement with the lambda between `head` and `tail`."""
    if len(body) == 1:
        emitter.line(f"{head}[&](auto at) {{ {body[0]} }}{tail};")
        return
    with emitter.braces(f"{head}[&](auto at)", tail=f"{tail};"):
        for line in body:
            emitter.line(line)
