"""Dicts, which keep the order in which keys were inserted (ADR 10). A value is a reference, as of a list.

A dict's entries have positions, which grow in the order of insertion; deleting leaves gaps.

`dict_new() {type}`. `dict_length(d)`.
`dict_find(d, k...)`: the position of a key, or -1. `dict_key(d, p)`, `dict_value(d, p)`: of an entry that is there.
`dict_next(d, p)`: the first position of an entry from p on, or -1.
`dict_get(d, k...)`: the value; KeyError. `dict_set(d, k..., v...)`: ValueError for a NaN in a key, which Python
would know by its identity. `dict_delete(d, k...)`: KeyError. `dict_clear(d)`.
`dict_update(d, e)`, `dict_copy(d)`, `dict_equal(d, e)`; `dict_keys(d)`, `dict_values(d)`: new lists.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import StagedTypeError
from ..effects import Effect, reads
from ..node import Atom, AttributeValue, Block
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import (
    BOOL,
    INT,
    DictType,
    ElementType,
    Heap,
    ListType,
    RecordType,
    ScalarType,
    TextType,
    Type,
    UnknownType,
    leaves_of,
)
from .lists import heaps_within, require_types

DICT_NEW = Primitive("dict_new")
DICT_LENGTH = Primitive("dict_length", "len")
DICT_FIND = Primitive("dict_find")
DICT_KEY = Primitive("dict_key")
DICT_VALUE = Primitive("dict_value")
DICT_NEXT = Primitive("dict_next")
DICT_GET = Primitive("dict_get")
DICT_SET = Primitive("dict_set")
DICT_DELETE = Primitive("dict_delete")
DICT_CLEAR = Primitive("dict_clear")
DICT_UPDATE = Primitive("dict_update")
DICT_COPY = Primitive("dict_copy")
DICT_EQUAL = Primitive("dict_equal")
DICT_KEYS = Primitive("dict_keys")
DICT_VALUES = Primitive("dict_values")
NEW_FROM_DICTS = (DICT_NEW, DICT_COPY, DICT_KEYS, DICT_VALUES)
_LOOKING = (DICT_LENGTH, DICT_FIND, DICT_NEXT)
_AT_POSITION = (DICT_KEY, DICT_VALUE)
_CHANGING = (DICT_CLEAR, DICT_UPDATE)
CHANGING_DICTS = (DICT_SET, DICT_DELETE, *_CHANGING)
"""Those that change their first argument."""
PRIMITIVES = (
    *(*NEW_FROM_DICTS, *_LOOKING, *_AT_POSITION, *_CHANGING),
    *(DICT_GET, DICT_SET, DICT_DELETE, DICT_EQUAL),
)

_Attrs = Mapping[str, AttributeValue]


def dict_type(type_: Type) -> DictType:
    """The type, which must be a dict's."""
    if isinstance(type_, DictType):
        return type_
    raise StagedTypeError(f"a dict is needed here, not {type_}")


def is_hashable(key: ElementType) -> bool:
    """Whether keys may have this type."""
    if isinstance(key, RecordType):
        return all(map(is_hashable, key.items))
    return isinstance(key, (ScalarType, TextType, UnknownType))


@type_rules.define(DICT_NEW)
def _new_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    require_types(args, (), "a new dict")
    type_ = attrs["type"]
    if not isinstance(type_, DictType) or not is_hashable(type_.key):
        raise StagedTypeError(f"not the type of a dict: {type_}")
    return (type_,)


def _method_type(primitive: Primitive, takes: str, gives: str) -> None:
    """`takes` and `gives` are letters: k and v for the leaves of a key or value, i and b for numbers, d for a dict."""

    @type_rules.define(primitive)
    def _type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
        type_ = dict_type(args[0])
        spelled: dict[str, tuple[Type, ...]] = {
            "k": leaves_of(type_.key),
            "v": leaves_of(type_.value),
            "i": (INT,),
            "b": (BOOL,),
            "d": (type_,),
            "K": (ListType(type_.key),),
            "V": (ListType(type_.value),),
        }
        expected = [each for letter in takes for each in spelled[letter]]
        require_types(args[1:], expected, f"`{primitive}` of a {type_}")
        return tuple(each for letter in gives for each in spelled[letter])


_METHODS: dict[Primitive, tuple[str, str]] = {
    DICT_LENGTH: ("", "i"),
    DICT_FIND: ("k", "i"),
    DICT_KEY: ("i", "k"),
    DICT_VALUE: ("i", "v"),
    DICT_NEXT: ("i", "i"),
    DICT_GET: ("k", "v"),
    DICT_SET: ("kv", ""),
    DICT_DELETE: ("k", ""),
    DICT_CLEAR: ("", ""),
    DICT_UPDATE: ("d", ""),
    DICT_COPY: ("", "d"),
    DICT_EQUAL: ("d", "b"),
    DICT_KEYS: ("", "K"),
    DICT_VALUES: ("", "V"),
}
for _primitive, (_takes, _gives) in _METHODS.items():
    _method_type(_primitive, _takes, _gives)


effect_rules.define(DICT_NEW)(pure)


@effect_rules.define(*_LOOKING, DICT_COPY, DICT_KEYS, DICT_VALUES)
def _look_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return reads(Heap(dict_type(args[0].type)))


@effect_rules.define(DICT_EQUAL)
def _equal_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return reads(*heaps_within(dict_type(args[0].type)))


@effect_rules.define(DICT_GET)
def _get_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return Effect(reads=frozenset({Heap(dict_type(args[0].type))}), raises=True, keep=True)


@effect_rules.define(*_AT_POSITION)
def _position_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    """Reading at a position stands after what has found it, and must stay there."""
    return Effect(reads=frozenset({Heap(dict_type(args[0].type))}), raises=True)


@effect_rules.define(*_CHANGING)
def _change_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    heap = frozenset({Heap(dict_type(args[0].type))})
    return Effect(reads=heap, writes=heap)


@effect_rules.define(DICT_SET, DICT_DELETE)
def _checked_change_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    heap = frozenset({Heap(dict_type(args[0].type))})
    return Effect(reads=heap, writes=heap, raises=True, keep=True)
