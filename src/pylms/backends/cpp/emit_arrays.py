"""C++ for arrays of run-time shape: structs of an address, extents, and strides where they are not dense (arrays.h)."""

from __future__ import annotations

from ...ir.node import Const, Node
from ...ir.ops.arrays import (
    ARRAY_AS_STRIDED,
    ARRAY_DIM,
    ARRAY_EXPAND,
    ARRAY_LOAD,
    ARRAY_NEW,
    ARRAY_OF_BUFFER,
    ARRAY_PERMUTE,
    ARRAY_PICK,
    ARRAY_RESHAPE,
    ARRAY_SLICE,
    ARRAY_STORE,
    IN_BOUNDS,
    NORMALIZE_INDEX,
)
from ...ir.ops.tensors import integers_of
from ...ir.types import ArrayType, BufferType
from .array_memory import write_new_array
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import ARRAYS_HEADER, Binding, c_type


@emit_rules.define(ARRAY_NEW)
def _emit_new(emitter: Emitter, node: Node) -> None:
    (result,) = node.results
    write_new_array(emitter, result, [emitter.inline(arg) for arg in node.args], zeroed=node.attr("zeroed") is True)


@emit_rules.define(ARRAY_DIM)
def _emit_dim(emitter: Emitter, node: Node) -> None:
    text = f"{emitter.expression(node.args[0])}.n[{node.attr('axis')}]"
    emitter.define_pure(node.results[0], text, Binding.POSTFIX)


@emit_rules.define(IN_BOUNDS)
def _emit_in_bounds(emitter: Emitter, node: Node) -> None:
    position = node.args[0]
    if isinstance(position, Const):
        # The least extent that has such an element.
        needed = int(position.value) + 1 if position.value >= 0 else -int(position.value)
        text = f"{emitter.inline(node.args[1], Binding.RELATIONAL)} >= {needed}"
        emitter.define_pure(node.results[0], text, Binding.RELATIONAL)
        return
    index, extent = (emitter.expression(arg) for arg in node.args)
    text = f"{index} >= -{extent} && {index} < {extent}"
    emitter.define_pure(node.results[0], text, Binding.AND)


@emit_rules.define(NORMALIZE_INDEX)
def _emit_normalize(emitter: Emitter, node: Node) -> None:
    index, extent = (emitter.expression(arg) for arg in node.args)
    emitter.define_pure(node.results[0], f"{index} < 0 ? {index} + {extent} : {index}", Binding.CONDITIONAL)


@emit_rules.define(ARRAY_LOAD)
def _emit_load(emitter: Emitter, node: Node) -> None:
    array, *indices = node.args
    position = ", ".join([emitter.inline(index) for index in indices])
    emitter.define(node.results[0], f"{emitter.expression(array)}({position})")


@emit_rules.define(ARRAY_STORE)
def _emit_store(emitter: Emitter, node: Node) -> None:
    array, value, *indices = node.args
    position = ", ".join([emitter.inline(index) for index in indices])
    emitter.line(f"{emitter.expression(array)}({position}) = {emitter.inline(value)};")


@emit_rules.define(ARRAY_PICK)
def _emit_pick(emitter: Emitter, node: Node) -> None:
    array, index = emitter.expression(node.args[0]), emitter.inline(node.args[1])
    (result,) = node.results
    assert isinstance(result.type, ArrayType)
    how = "pick_first" if result.type.is_dense else f"pick<{node.attr('axis')}>"
    emitter.define(result, f"pylms::{how}({array}, {index})")


@emit_rules.define(ARRAY_SLICE)
def _emit_slice(emitter: Emitter, node: Node) -> None:
    array = emitter.expression(node.args[0])
    start, length, step = (emitter.inline(arg) for arg in node.args[1:])
    (result,) = node.results
    assert isinstance(result.type, ArrayType)
    if result.type.is_dense:
        emitter.define(result, f"pylms::slice_first({array}, {start}, {length})")
    else:
        emitter.define(result, f"pylms::slice<{node.attr('axis')}>({array}, {start}, {length}, {step})")


@emit_rules.define(ARRAY_PERMUTE)
def _emit_permute(emitter: Emitter, node: Node) -> None:
    (result,) = node.results
    assert isinstance(result.type, ArrayType)
    array = emitter.expression(node.args[0])
    permutation = integers_of(node, "permutation")
    axes = ", ".join(map(str, permutation))
    is_same = result.type == node.args[0].type and list(permutation) == sorted(permutation)
    emitter.define(result, array if is_same else f"pylms::permute<{axes}>({array})")


@emit_rules.define(ARRAY_EXPAND)
def _emit_expand(emitter: Emitter, node: Node) -> None:
    emitter.define(node.results[0], f"pylms::expand<{node.attr('axis')}>({emitter.expression(node.args[0])})")


@emit_rules.define(ARRAY_RESHAPE)
def _emit_reshape(emitter: Emitter, node: Node) -> None:
    (result,) = node.results
    array = emitter.expression(node.args[0])
    extents = ", ".join([emitter.inline(arg) for arg in node.args[1:]])
    emitter.define(result, f"{c_type(result.type)}{{{array}.data, {{{extents}}}}}")


@emit_rules.define(ARRAY_AS_STRIDED)
def _emit_as_strided(emitter: Emitter, node: Node) -> None:
    emitter.define(node.results[0], f"pylms::as_strided({emitter.expression(node.args[0])})")


@emit_rules.define(ARRAY_OF_BUFFER)
def _emit_of_buffer(emitter: Emitter, node: Node) -> None:
    (buffer,), (result,) = node.args, node.results
    assert isinstance(buffer.type, BufferType)
    emitter.include(ARRAYS_HEADER)
    parts = [buffer.type.shape, integers_of(node, "strides")]
    texts = ["{" + ", ".join(map(str, part)) + "}" for part in parts if part]
    emitter.define(result, f"{c_type(result.type)}{{{', '.join([emitter.expression(buffer), *texts])}}}")
