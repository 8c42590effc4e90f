"""C++ for what legalisation leaves of tensors and buffers: names of memory, new memory, copies, searches."""

from __future__ import annotations

from math import prod

from ...ir.node import Node
from ...ir.ops.buffers import BUFFER_NEW, LOAD, SLICE_ROWS, STORE, STORE_ROWS
from ...ir.ops.tensors import ARGMAX, ELEMENT, RESHAPE, STOP_GRADIENT
from ...ir.types import BufferType, TensorType
from .emit_rules import emit_rules
from .emit_variables import array_bytes
from .emit_waiting import buffer_bytes, start_waiting
from .emitter import Emitter
from .literals import Binding, is_in_register, scalar_c_type


@emit_rules.define(LOAD, RESHAPE, STOP_GRADIENT)
def _emit_same_memory(emitter: Emitter, node: Node) -> None:
    """Another name for what lies there. Legalisation has seen to it that it is not written meanwhile."""
    (source,), (result,) = node.args, node.results
    text = emitter.expression(source)
    if not is_in_register(result.type):
        emitter.alias(result, text)
    elif is_in_register(source.type):
        emitter.define(result, text)
    else:
        emitter.define(result, f"{text}[0]")


@emit_rules.define(SLICE_ROWS)
def _emit_slice_rows(emitter: Emitter, node: Node) -> None:
    buffer, start = node.args
    assert isinstance(buffer.type, BufferType)
    row = prod(buffer.type.shape[1:])
    offset = emitter.expression(start) + (f" * {row}" if row != 1 else "")
    emitter.define(node.results[0], f"{emitter.expression(buffer)} + {offset}")


@emit_rules.define(STORE_ROWS)
def _emit_store_rows(emitter: Emitter, node: Node) -> None:
    buffer, rows, start = node.args
    assert isinstance(buffer.type, BufferType) and isinstance(rows.type, TensorType)
    row = prod(buffer.type.shape[1:])
    offset = emitter.expression(start) + (f" * {row}" if row != 1 else "")
    target = f"{emitter.expression(buffer)} + {offset}"
    emitter.line(f"__builtin_memmove({target}, {emitter.expression(rows)}, {array_bytes(rows.type)});")


@emit_rules.define(ELEMENT)
def _emit_element(emitter: Emitter, node: Node) -> None:
    emitter.define_pure(node.results[0], emitter.expression(node.args[0]), Binding.POSTFIX)


@emit_rules.define(BUFFER_NEW)
def _emit_buffer_new(emitter: Emitter, node: Node) -> None:
    (buffer,) = node.results
    assert isinstance(buffer.type, BufferType)
    emitter.define(buffer, emitter.allocate(buffer, buffer_bytes(buffer.type)))
    emitter.line(f"__builtin_memset({emitter.name_of(buffer)}, 0, {array_bytes(buffer.type)});")
    start_waiting(emitter, buffer)


@emit_rules.define(STORE)
def _emit_store(emitter: Emitter, node: Node) -> None:
    buffer, value = node.args
    assert isinstance(buffer.type, BufferType)
    target, source = emitter.expression(buffer), emitter.expression(value)
    if is_in_register(value.type):
        emitter.line(f"{target}[0] = {source};")
    else:
        emitter.line(f"__builtin_memmove({target}, {source}, {array_bytes(buffer.type)});")


@emit_rules.define(ARGMAX)
def _emit_argmax(emitter: Emitter, node: Node) -> None:
    """The first maximum along one axis; a NaN is greater than any number, as in NumPy and PyTorch."""
    (source,), (result,) = node.args, node.results
    assert isinstance(source.type, TensorType) and isinstance(result.type, TensorType)
    axis = node.attr("axis")
    assert isinstance(axis, int)
    shape = source.type.shape
    count, stride, extent = prod(shape[:axis]), prod(shape[axis + 1 :]), shape[axis]
    element, values = scalar_c_type(source.type.dtype), emitter.expression(source)
    target = emitter.name_of(result)
    if is_in_register(result.type):
        emitter.line(f"long long {target} = 0;")
    else:
        emitter.define(result, emitter.allocate(result, array_bytes(result.type)))
    row, column, k = (emitter.fresh_name(hint) for hint in ("row", "column", "k"))
    with (
        emitter.braces(f"for (long long {row} = 0; {row} < {count}; ++{row})"),
        emitter.braces(f"for (long long {column} = 0; {column} < {stride}; ++{column})"),
    ):
        line, best = emitter.fresh_name("line"), emitter.fresh_name("best")
        emitter.line(f"const {element} *{line} = {values} + {row} * {extent * stride} + {column};")
        emitter.line(f"long long {best} = 0;")
        with emitter.braces(f"for (long long {k} = 1; {k} < {extent}; ++{k})"):
            new, old = f"{line}[{k} * {stride}]", f"{line}[{best} * {stride}]"
            emitter.line(f"if ({new} > {old} || ({new} != {new} && {old} == {old})) {best} = {k};")
        emitter.line(f"{target if is_in_register(result.type) else f'{target}[{row} * {stride} + {column}]'} = {best};")
