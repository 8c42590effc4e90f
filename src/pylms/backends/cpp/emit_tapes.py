"""C++ for tapes (tape.h): each record is laid out here, every value at a multiple of its element's size."""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.node import Atom, Node
from ...ir.ops.tapes import TAPE_NEW, TAPE_POP, TAPE_PUSH
from ...ir.types import FLOAT, TAPE, ArrayType, ScalarType, TensorType, Type, element_type
from .emit_rules import emit_rules
from .emit_variables import array_bytes
from .emitter import Emitter
from .literals import c_type, is_in_register

_TAPE_BYTES = 16
_WORD = 8


@emit_rules.define(TAPE_NEW)
def _emit_new(emitter: Emitter, node: Node) -> None:
    emitter.include_for(TAPE)
    emitter.define(node.results[0], f"pylms::new_tape({emitter.scratch(FLOAT, _TAPE_BYTES)})")


@emit_rules.define(TAPE_PUSH)
def _emit_push(emitter: Emitter, node: Node) -> None:
    tape, *values = node.args
    offsets, size = _layout(values)
    if not size:
        return
    record = emitter.fresh_name("record")
    emitter.line(f"char *{record} = pylms::push({emitter.context()}, {emitter.expression(tape)}, {size});")
    emitter.line(f"if (!{record}) {emitter.leave('-1')}")
    for value, offset in zip(values, offsets, strict=True):
        text = emitter.expression(value)
        if is_in_register(value.type):
            emitter.line(f"pylms::put<{c_type(value.type)}>({record} + {offset}, {text});")
        else:
            assert isinstance(value.type, TensorType)
            emitter.line(f"__builtin_memcpy({record} + {offset}, {text}, {array_bytes(value.type)});")


@emit_rules.define(TAPE_POP)
def _emit_pop(emitter: Emitter, node: Node) -> None:
    tape = emitter.expression(node.args[0])
    offsets, size = _layout(node.results)
    if not size:
        return
    record = emitter.fresh_name("record")
    emitter.line(f"const char *{record} = pylms::pop({tape}, {size});")
    for result, offset in zip(node.results, offsets, strict=True):
        emitter.include_for(result.type)
        if is_in_register(result.type):
            emitter.define(result, f"pylms::get<{c_type(result.type)}>({record} + {offset})")
            continue
        assert isinstance(result.type, TensorType)
        emitter.define(result, emitter.allocate(result, array_bytes(result.type)))
        emitter.line(f"__builtin_memcpy({emitter.name_of(result)}, {record} + {offset}, {array_bytes(result.type)});")
    emitter.line(f"pylms::popped({emitter.context()}, {tape});")


def _layout(values: Sequence[Atom]) -> tuple[list[int], int]:
    """Where in a record each value lies, and how many bytes the record takes."""
    offsets: list[int] = []
    end = 0
    for value in values:
        alignment = _WORD if isinstance(value.type, ArrayType) else element_type(value.type).itemsize
        start = -(-end // alignment) * alignment
        offsets.append(start)
        end = start + _size(value.type)
    return offsets, -(-end // _WORD) * _WORD


def _size(type_: Type) -> int:
    match type_:
        case ScalarType():
            return type_.itemsize
        case TensorType():
            return array_bytes(type_)
        case ArrayType(rank=rank, is_dense=is_dense):
            return _WORD * (1 + max(rank, 1) * (1 if is_dense else 2))
    raise AssertionError(f"a tape does not hold {type_}")
