"""What only Python can do: printing through `sys.stdout`, and calling back.

`print(args...) {format}`: writes `format.format(*args)`, newline included where there is one.
`host_call(args...) {callback, results, mutates}`: calls Python callback number `callback` of the staged function;
numbers and strings are passed by value, buffers by address; buffer arguments listed (by position) in `mutates` may be
written. `results` are the scalar types it gives. Buffers listed in `as_here`, if there is that, are written as other
nodes of the function write them: the call does the same for other shapes.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import StagedTypeError
from ..effects import IO, Effect
from ..node import Atom, AttributeValue, Block, Sym
from ..primitive import Primitive
from ..rules import effect_rules, type_rules
from ..types import BufferType, DictType, ListType, ScalarType, TextType, Type
from .lists import shown

PRINT = Primitive("print", "printf")
HOST_CALL = Primitive("host_call")
PRIMITIVES = (PRINT, HOST_CALL)


@type_rules.define(PRINT)
def _print_type(
    args: tuple[Type, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    if not isinstance(attrs["format"], str):
        raise StagedTypeError("print needs a format string")
    for arg in args:
        if not isinstance(arg, (ScalarType, TextType, ListType, DictType)):
            raise StagedTypeError(f"only numbers, strings and containers can be printed from staged code, not {arg}")
    return ()


@type_rules.define(HOST_CALL)
def _host_call_type(
    args: tuple[Type, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    results = attrs["results"]
    assert isinstance(results, tuple)
    types = [result for result in results if isinstance(result, ScalarType)]
    if len(types) != len(results) or not all(isinstance(arg, (ScalarType, TextType, BufferType)) for arg in args):
        raise StagedTypeError("a host call takes numbers, strings and buffers and gives numbers")
    return tuple(types)


@effect_rules.define(PRINT)
def _print_effect(args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    return IO | shown(args)


@effect_rules.define(HOST_CALL)
def _host_call_effect(
    args: tuple[Atom, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> Effect:
    mutates = attrs["mutates"]
    assert isinstance(mutates, tuple)
    buffers = frozenset(arg for arg in args if isinstance(arg, Sym) and isinstance(arg.type, BufferType))
    written = frozenset(arg for index, arg in enumerate(args) if index in mutates and isinstance(arg, Sym))
    return Effect(reads=buffers, writes=written, io=True)
