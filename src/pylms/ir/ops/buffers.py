"""Buffers: mutable memory of static shape (DESIGN D8).

`buffer_new() {dtype, shape, waiting}`: zeroed memory from the context's arena, for the length of the call.
`settle(buffer)`: adds the products that wait to be added. What is read of a buffer with such counts only after that;
adding to it does not need it.
`load(buffer)`: the whole content as a tensor value. It borrows: nothing is copied unless a write comes before its
last use.
`store(buffer, tensor)`: replaces the whole content.
`load_element(buffer, i...)`: one element as a scalar; indices must be in range (a `check` goes before where they may
not be).
`store_element(buffer, value, i...)`: writes one element.
`slice_rows(buffer, start) {count}`: rows start .. start+count-1 along the first dimension, as a tensor (borrowed).
`store_rows(buffer, tensor, start)`: replaces as many rows as the tensor has, from start on; they must be in range.
`gather_rows(buffer, order, start) {count}`: the rows whose numbers stand at order[start .. start+count-1] (int64), as a
tensor.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import StagedTypeError
from ..effects import Effect
from ..node import Atom, AttributeValue, Block, Sym
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import INT, INT64, BufferType, ScalarType, TensorType, Type
from .tensors import integers

BUFFER_NEW = Primitive("buffer_new")
SETTLE = Primitive("settle")
LOAD = Primitive("load")
STORE = Primitive("store")
LOAD_ELEMENT = Primitive("load_element")
STORE_ELEMENT = Primitive("store_element")
SLICE_ROWS = Primitive("slice_rows")
STORE_ROWS = Primitive("store_rows")
GATHER_ROWS = Primitive("gather_rows")
PRIMITIVES = (BUFFER_NEW, SETTLE, LOAD, STORE, LOAD_ELEMENT, STORE_ELEMENT, SLICE_ROWS, STORE_ROWS, GATHER_ROWS)

_Attrs = Mapping[str, AttributeValue]


def _buffer(type_: Type) -> BufferType:
    if isinstance(type_, BufferType):
        return type_
    raise StagedTypeError(f"a buffer is needed here, not {type_}")


@type_rules.define(BUFFER_NEW)
def _buffer_new_type(_args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    dtype, shape, waiting = attrs["dtype"], integers(attrs, "shape"), attrs.get("waiting", 0)
    assert isinstance(dtype, ScalarType) and isinstance(waiting, int)
    if waiting and len(shape) != 2:
        raise StagedTypeError("only matrices let products wait")
    return (BufferType(dtype, shape, waiting),)


@type_rules.define(SETTLE)
def _settle_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    _buffer(args[0])
    return ()


@type_rules.define(LOAD)
def _load_type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    return (_buffer(args[0]).tensor,)


@type_rules.define(STORE)
def _store_type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    buffer = _buffer(args[0])
    if args[1] != buffer.tensor:
        raise StagedTypeError(f"{args[1]} does not fit into {buffer}")
    return ()


def _require_indices(buffer: BufferType, indices: tuple[Type, ...]) -> None:
    if len(indices) != len(buffer.shape) or any(index != INT for index in indices):
        raise StagedTypeError(f"{buffer} needs {len(buffer.shape)} int indices")


@type_rules.define(LOAD_ELEMENT)
def _load_element_type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    buffer = _buffer(args[0])
    _require_indices(buffer, args[1:])
    return (buffer.dtype,)


@type_rules.define(STORE_ELEMENT)
def _store_element_type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    buffer = _buffer(args[0])
    _require_indices(buffer, args[2:])
    if args[1] != buffer.dtype:
        raise StagedTypeError(f"{args[1]} does not fit into {buffer}")
    return ()


@type_rules.define(SLICE_ROWS)
def _slice_rows_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    buffer, start = _buffer(args[0]), args[1]
    count = attrs["count"]
    if start != INT or not isinstance(count, int) or not 0 <= count <= buffer.shape[0]:
        raise StagedTypeError(f"{count} rows cannot be read from {buffer}")
    return (TensorType(buffer.dtype, (count, *buffer.shape[1:])),)


@type_rules.define(STORE_ROWS)
def _store_rows_type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    buffer, rows, start = _buffer(args[0]), args[1], args[2]
    if not isinstance(rows, TensorType) or (rows.dtype, rows.shape[1:]) != (buffer.dtype, buffer.shape[1:]):
        raise StagedTypeError(f"{rows} does not fit into rows of {buffer}")
    if start != INT or rows.shape[0] > buffer.shape[0]:
        raise StagedTypeError(f"{rows} cannot be written into rows of {buffer}")
    return ()


@type_rules.define(GATHER_ROWS)
def _gather_rows_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    buffer, order, start = _buffer(args[0]), _buffer(args[1]), args[2]
    count = attrs["count"]
    if order.dtype != INT64 or len(order.shape) != 1 or start != INT or not isinstance(count, int):
        raise StagedTypeError(f"{order} does not number the rows of {buffer}")
    return (TensorType(buffer.dtype, (count, *buffer.shape[1:])),)


effect_rules.define(BUFFER_NEW)(pure)


def _buffers_among(args: tuple[Atom, ...]) -> frozenset[Sym]:
    return frozenset(arg for arg in args if isinstance(arg, Sym) and isinstance(arg.type, BufferType))


@effect_rules.define(LOAD, LOAD_ELEMENT, SLICE_ROWS, GATHER_ROWS)
def _read_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return Effect(reads=_buffers_among(args))


@effect_rules.define(SETTLE)
def _settle_effect(args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    return Effect(reads=_buffers_among(args), writes=_buffers_among(args))


@effect_rules.define(STORE, STORE_ELEMENT, STORE_ROWS)
def _write_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return Effect(writes=_buffers_among(args[:1]))
