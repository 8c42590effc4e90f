"""Growable lists (ADR 10). A value is a reference: lists of one type may be the same one.

An element is a number, a string, a reference, or a tuple of such; a tuple's leaves are passed and given one by one
(`x...` below).

`list_new(x...) {type}`: a new list of those elements. `list_length(l)`.
`list_get(l, i)`, `list_set(l, i, x...)`: by Python's index; IndexError. `list_item(l, i)`: an index that is in range.
`list_append(l, x...)`, `list_insert(l, i, x...)`, `list_extend(l, m)`, `list_clear(l)`, `list_reverse(l)`.
`list_pop(l, i)`: the element, which is taken out; IndexError. `list_sort(l) {reverse}`: stable.
`list_find(l, x...)`: where the first equal element is, or -1. `list_index(l, x...)`: the same; ValueError.
`list_count(l, x...)`. `list_equal(l, m)`.
`list_slice(l, start, stop) {step}`: a new list; bounds left out are the furthest ints. `list_concat(l, m)`,
`list_repeat(l, n)`: new lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import StagedTypeError
from ..effects import Effect, reads
from ..node import Atom, AttributeValue, Block
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import BOOL, INT, ContainerType, DictType, ElementType, Heap, ListType, RecordType, Type, leaves_of

LIST_NEW = Primitive("list_new")
LIST_LENGTH = Primitive("list_length", "len")
LIST_GET = Primitive("list_get")
LIST_ITEM = Primitive("list_item")
LIST_SET = Primitive("list_set")
LIST_APPEND = Primitive("list_append")
LIST_POP = Primitive("list_pop")
LIST_INSERT = Primitive("list_insert")
LIST_EXTEND = Primitive("list_extend")
LIST_CLEAR = Primitive("list_clear")
LIST_REVERSE = Primitive("list_reverse")
LIST_SORT = Primitive("list_sort")
LIST_FIND = Primitive("list_find")
LIST_INDEX = Primitive("list_index")
LIST_COUNT = Primitive("list_count")
LIST_EQUAL = Primitive("list_equal")
LIST_SLICE = Primitive("list_slice")
LIST_CONCAT = Primitive("list_concat")
LIST_REPEAT = Primitive("list_repeat")
NEW_LISTS = (LIST_NEW, LIST_SLICE, LIST_CONCAT, LIST_REPEAT)
_CHANGING = (LIST_APPEND, LIST_INSERT, LIST_EXTEND, LIST_CLEAR, LIST_REVERSE, LIST_SORT)
CHANGING_LISTS = (LIST_SET, LIST_POP, *_CHANGING)
"""Those that change their first argument."""
_SEARCHING = (LIST_FIND, LIST_COUNT, LIST_EQUAL)
PRIMITIVES = (*NEW_LISTS, LIST_LENGTH, LIST_GET, LIST_ITEM, LIST_SET, LIST_POP, LIST_INDEX, *_CHANGING, *_SEARCHING)

_Attrs = Mapping[str, AttributeValue]


def list_type(type_: Type) -> ListType:
    """The type, which must be a list's."""
    if isinstance(type_, ListType):
        return type_
    raise StagedTypeError(f"a list is needed here, not {type_}")


def require_types(found: Sequence[Type], expected: Sequence[Type], what: str) -> None:
    """A StagedTypeError where arguments are not of these types."""
    if tuple(found) != tuple(expected):
        left, right = ", ".join(map(str, found)), ", ".join(map(str, expected))
        raise StagedTypeError(f"{what} takes ({right}), not ({left})")


@type_rules.define(LIST_NEW)
def _new_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    type_ = attrs["type"]
    if not isinstance(type_, ListType):
        raise StagedTypeError(f"not the type of a list: {type_}")
    leaves = leaves_of(type_.element)
    require_types(args, leaves * (len(args) // max(len(leaves), 1)), "a new list")
    return (type_,)


def _method_type(primitive: Primitive, before: tuple[Type, ...], gives: str) -> None:
    """`primitive(list, before..., x...)`; gives nothing, an int, a bool, an element's leaves or a list."""

    @type_rules.define(primitive)
    def _type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
        type_ = list_type(args[0])
        leaves = leaves_of(type_.element)
        extra = leaves if primitive in _TAKES_ELEMENT else (type_,) if primitive in _TAKES_LIST else ()
        require_types(args[1:], (*before, *extra), f"`{primitive}` of a {type_}")
        results: dict[str, tuple[Type, ...]] = {"int": (INT,), "bool": (BOOL,), "element": leaves, "list": (type_,)}
        return results.get(gives, ())


_TAKES_ELEMENT = frozenset({LIST_SET, LIST_APPEND, LIST_INSERT, LIST_FIND, LIST_INDEX, LIST_COUNT})
_TAKES_LIST = frozenset({LIST_EXTEND, LIST_EQUAL, LIST_CONCAT})
_METHODS: dict[Primitive, tuple[tuple[Type, ...], str]] = {
    LIST_LENGTH: ((), "int"),
    LIST_GET: ((INT,), "element"),
    LIST_ITEM: ((INT,), "element"),
    LIST_SET: ((INT,), ""),
    LIST_APPEND: ((), ""),
    LIST_POP: ((INT,), "element"),
    LIST_INSERT: ((INT,), ""),
    LIST_EXTEND: ((), ""),
    LIST_CLEAR: ((), ""),
    LIST_REVERSE: ((), ""),
    LIST_SORT: ((), ""),
    LIST_FIND: ((), "int"),
    LIST_INDEX: ((), "int"),
    LIST_COUNT: ((), "int"),
    LIST_EQUAL: ((), "bool"),
    LIST_SLICE: ((INT, INT), "list"),
    LIST_CONCAT: ((), "list"),
    LIST_REPEAT: ((INT,), "list"),
}
for _primitive, (_before, _gives) in _METHODS.items():
    _method_type(_primitive, _before, _gives)


def heaps_within(element: ElementType) -> frozenset[Heap]:
    """Where a value lies, and all that can be reached from it: what comparing or showing it reads."""
    match element:
        case ListType(inner):
            return frozenset({Heap(element)}) | heaps_within(inner)
        case DictType(key, value):
            return frozenset({Heap(element)}) | heaps_within(key) | heaps_within(value)
        case RecordType(items):
            return frozenset(heap for item in items for heap in heaps_within(item))
        case _:
            return frozenset()


def shown(args: tuple[Atom, ...]) -> Effect:
    """The effect of turning values into text: a container is shown with all that it holds."""
    return reads(*[heap for arg in args if isinstance(arg.type, ContainerType) for heap in heaps_within(arg.type)])


# Nobody else has a new list: making it touches none that there is.
effect_rules.define(LIST_NEW)(pure)


@effect_rules.define(LIST_LENGTH, LIST_SLICE, LIST_CONCAT, LIST_REPEAT)
def _read_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return reads(Heap(list_type(args[0].type)))


@effect_rules.define(LIST_GET)
def _get_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return Effect(reads=frozenset({Heap(list_type(args[0].type))}), raises=True, keep=True)


@effect_rules.define(LIST_ITEM)
def _item_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    """It stands after what has shown that its index is in range, and must stay there."""
    return Effect(reads=frozenset({Heap(list_type(args[0].type))}), raises=True)


@effect_rules.define(*_SEARCHING)
def _search_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return reads(*heaps_within(list_type(args[0].type)))


@effect_rules.define(LIST_INDEX)
def _index_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return Effect(reads=heaps_within(list_type(args[0].type)), raises=True, keep=True)


@effect_rules.define(*_CHANGING)
def _change_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    type_ = list_type(args[0].type)
    return Effect(reads=heaps_within(type_), writes=frozenset({Heap(type_)}))


@effect_rules.define(LIST_SET, LIST_POP)
def _checked_change_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    heap = frozenset({Heap(list_type(args[0].type))})
    return Effect(reads=heap, writes=heap, raises=True, keep=True)
