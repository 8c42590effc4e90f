"""Lists and dicts as arguments: they travel as columns of numbers, and are the run's lists and dicts inside.

In: Python's lists and dicts. Out: their types, the columns that they are taken apart into, the IR that makes lists and
dicts of columns; and afterwards, of what the function has changed, the same change of the caller's objects.

The columns of so many values of one type follow each other: numbers are one array; strings one array of lengths and
one string of all; tuples the columns of each item; lists and dicts one array of lengths, and the columns of all that is
in them. An argument is the only value of its columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from ...errors import ArgumentError, NotSupportedYetError
from ...ir.node import Atom, Block, Const, Node, walk
from ...ir.ops.arithmetic import ADD, CONVERT
from ...ir.ops.arrays import ARRAY_LOAD
from ...ir.ops.control import FOR
from ...ir.ops.dicts import CHANGING_DICTS, DICT_NEW, DICT_SET
from ...ir.ops.lists import CHANGING_LISTS, LIST_APPEND, LIST_NEW
from ...ir.ops.texts import TEXT_SLICE
from ...ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from ...ir.types import (
    BOOL,
    FLOAT,
    FLOAT64,
    INT,
    INT64,
    SHARED_REGION,
    TEXT,
    ArrayType,
    ContainerType,
    DictType,
    ElementType,
    ListType,
    RecordType,
    ScalarType,
    TextType,
    UnknownType,
)
from ...loc import Loc, caller_loc
from ..parameters import ArrayParameter, ContainerParameter, LeafType
from ..values import INT_MAX, INT_MIN, describe_static
from .dicts import StagedDict
from .lists import StagedList
from .sites import holds_unknown

if TYPE_CHECKING:
    from ..context import Trace
    from ..rep import StagedValue

_NUMBERS: dict[ElementType, ScalarType] = {BOOL: BOOL, INT: INT64, FLOAT: FLOAT64}
_TYPES: dict[type, ElementType] = {bool: BOOL, int: INT, float: FLOAT, str: TEXT}
_UNKNOWN = UnknownType(-1)
_HINT = "pass bools, ints, floats, strs, and tuples, lists and dicts of them, all of one type"


# Types


def container_parameter(what: str, value: Any) -> ContainerParameter:
    """What a list or dict is as an argument. ArgumentError where what it holds has no one type; `what` is its name."""
    type_ = _type_of(what, [value])
    assert isinstance(type_, (ListType, DictType))
    if not value:
        return ContainerParameter(type_, ())
    if holds_unknown(type_):
        raise _cannot_take(what, "holds nothing but empty lists or dicts", "leave it out, or put a value into one")
    return ContainerParameter(type_, tuple(_columns(type_)))


def _type_of(what: str, values: Sequence[object]) -> ElementType:
    """The type that all these values have."""
    kinds = list(dict.fromkeys(map(type, values)))
    if not kinds:
        return _UNKNOWN
    if len(kinds) > 1:
        named = " and ".join(describe_static(next(each for each in values if type(each) is kind)) for kind in kinds[:2])
        raise _cannot_take(what, f"holds {named}", _HINT)
    (kind,) = kinds
    if kind is list:
        return ListType(_type_of(what, _chained(values)))
    if kind is dict:
        return DictType(_type_of(what, _chained(values)), _type_of(what, _chained(_contents(values))))
    if kind is tuple:
        lengths = {len(cast("tuple[object, ...]", each)) for each in values}
        if len(lengths) > 1:
            raise _cannot_take(what, "holds tuples of different lengths", _HINT)
        if lengths == {0}:
            raise _cannot_take(what, "holds empty tuples", _HINT)
        return RecordType(tuple([_type_of(what, items) for items in zip(*cast(Any, values), strict=True)]))
    found = _TYPES.get(kind)
    if found is None:
        raise _cannot_take(what, f"holds {describe_static(values[0])}", _HINT)
    if found == INT and not all(INT_MIN <= cast(int, each) <= INT_MAX for each in values):
        raise _cannot_take(what, "holds an int that does not fit 64 bits", "pass floats")
    return found


def _cannot_take(what: str, fault: str, hint: str) -> ArgumentError:
    return ArgumentError(f"{what} {fault}, which compiled code cannot take", loc=caller_loc(), hint=hint)


def _chained(containers: Iterable[Any]) -> list[object]:
    return [item for container in containers for item in container]


def _contents(dicts: Iterable[Any]) -> Iterator[list[object]]:
    return (list(each.values()) for each in dicts)


def _columns(type_: ElementType) -> Iterator[LeafType]:
    """The types of the columns of values of that type."""
    match type_:
        case RecordType(items):
            for item in items:
                yield from _columns(item)
        case ListType(element):
            yield _column(INT)
            yield from _columns(element)
        case DictType(key, value):
            yield _column(INT)
            yield from _columns(key)
            yield from _columns(value)
        case TextType():
            yield _column(INT)
            yield TEXT
        case _:
            yield _column(type_)


def _column(type_: ElementType) -> LeafType:
    return ArrayParameter(ArrayType(_NUMBERS[type_], 1, True, SHARED_REGION), is_writeable=False)


# Into columns


def taken_apart(type_: ElementType, values: Sequence[Any]) -> Iterator[object]:
    """The columns of values of that type."""
    match type_:
        case RecordType(items):
            for place, item in enumerate(items):
                yield from taken_apart(item, [value[place] for value in values])
        case ListType(element):
            yield _numbers(INT, list(map(len, values)))
            yield from taken_apart(element, _chained(values))
        case DictType(key, content):
            yield _numbers(INT, list(map(len, values)))
            yield from taken_apart(key, _chained(values))
            yield from taken_apart(content, _chained(_contents(values)))
        case TextType():
            yield _numbers(INT, list(map(len, values)))
            yield "".join(values)
        case _:
            yield _numbers(type_, values)


def _numbers(type_: ElementType, values: Sequence[object]) -> object:
    import numpy

    return numpy.array(values, str(_NUMBERS[type_]))


# Out of columns


def put_together(trace: Trace, parameter: ContainerParameter, leaves: Iterator[StagedValue], loc: Loc) -> object:
    """The list or dict of the run over the next leaves; of an empty one it is found out what it comes to hold."""
    type_ = parameter.type
    if not parameter.columns:
        number = len(trace.builder.scope.nodes)
        if isinstance(type_, ListType):
            type_ = ListType(trace.sites.element(loc, f"element of argument {number}"))
        else:
            type_ = DictType(*[trace.sites.element(loc, f"{role} of argument {number}") for role in ("key", "value")])
        (atom,) = trace.emit(LIST_NEW if isinstance(type_, ListType) else DICT_NEW, [], attrs={"type": type_}, loc=loc)
    else:
        columns = iter([next(leaves).atom for _ in parameter.columns])
        (made,) = _reader(trace, type_, columns, loc)()
        return StagedList(made, trace) if isinstance(type_, ListType) else StagedDict(made, trace)
    return StagedList(atom, trace) if isinstance(type_, ListType) else StagedDict(atom, trace)


Read = Callable[[], list[Atom]]


def _reader(trace: Trace, type_: ElementType, columns: Iterator[Atom], loc: Loc) -> Read:
    """What emits the reading of the next value of that type from its columns, and gives its leaves."""
    match type_:
        case RecordType(items):
            readers = [_reader(trace, item, columns, loc) for item in items]
            return lambda: [atom for read in readers for atom in read()]
        case ListType(element):
            return _container_reader(trace, type_, columns, [element], loc)
        case DictType(key, value):
            return _container_reader(trace, type_, columns, [key, value], loc)
        case TextType():
            lengths = _number_reader(trace, INT, next(columns), loc)
            return _text_reader(trace, lengths, next(columns), loc)
        case _:
            return _number_reader(trace, type_, next(columns), loc)


def _container_reader(
    trace: Trace, type_: ContainerType, columns: Iterator[Atom], parts: Sequence[ElementType], loc: Loc
) -> Read:
    lengths = _number_reader(trace, INT, next(columns), loc)
    readers = [_reader(trace, part, columns, loc) for part in parts]
    is_list = isinstance(type_, ListType)

    def read() -> list[Atom]:
        (length,) = lengths()
        (made,) = trace.emit(LIST_NEW if is_list else DICT_NEW, [], attrs={"type": type_}, loc=loc)
        with trace.builder.block([trace.builder.fresh(INT, "i")]) as body:
            leaves = [atom for read_part in readers for atom in read_part()]
            trace.emit(LIST_APPEND if is_list else DICT_SET, [made, *leaves], loc=loc)
        trace.emit(FOR, [Const(0, INT), length, Const(1, INT)], blocks=[body.finish([])], loc=loc)
        return [made]

    return read


def _number_reader(trace: Trace, type_: ElementType, column: Atom, loc: Loc) -> Read:
    (next_place,) = trace.emit(VAR_NEW, [Const(0, INT)], names=["next"], loc=loc)

    def read() -> list[Atom]:
        (place,) = trace.emit(VAR_GET, [next_place], loc=loc)
        (number,) = trace.emit(ARRAY_LOAD, [column, place], loc=loc)
        (following,) = trace.emit(ADD, [place, Const(1, INT)], loc=loc)
        trace.emit(VAR_SET, [next_place, following], loc=loc)
        if number.type == type_:
            return [number]
        assert isinstance(type_, ScalarType)
        return list(trace.emit(CONVERT, [number], attrs={"dtype": type_}, loc=loc))

    return read


def _text_reader(trace: Trace, lengths: Read, texts: Atom, loc: Loc) -> Read:
    (next_start,) = trace.emit(VAR_NEW, [Const(0, INT)], names=["next"], loc=loc)

    def read() -> list[Atom]:
        (start,) = trace.emit(VAR_GET, [next_start], loc=loc)
        (length,) = lengths()
        (end,) = trace.emit(ADD, [start, length], loc=loc)
        trace.emit(VAR_SET, [next_start, end], loc=loc)
        return list(trace.emit(TEXT_SLICE, [texts, start, end], attrs={"step": 1}, loc=loc))

    return read


# Changes


def changed_types(nodes: Iterable[Node], functions: Iterable[Block]) -> set[ContainerType]:
    """The types of the lists and dicts that a program, but for what made its arguments, may change."""
    found: set[ContainerType] = set()
    for block in (Block((), tuple(nodes), ()), *functions):
        for node in walk(block):
            if node.primitive in CHANGING_LISTS or node.primitive in CHANGING_DICTS:
                assert isinstance(node.args[0].type, (ListType, DictType))
                found.add(node.args[0].type)
    return found


def is_changed(type_: ElementType, changed: set[ContainerType], loc: Loc) -> bool:
    """Whether an argument of that type, or what it holds, may be among these.

    A located error where lists or dicts come and go: which is which of the caller's is not known then.
    """
    parts: tuple[ElementType, ...]
    match type_:
        case RecordType(items):
            parts = items
        case ListType(element):
            parts = (element,)
        case DictType(key, value):
            parts = (key, value)
        case _:
            return False
    is_within = any(is_changed(part, changed, loc) for part in parts)
    if isinstance(type_, RecordType) or type_ not in changed:
        return is_within
    if any(map(_holds_containers, parts)):
        raise NotSupportedYetError(
            f"a {type_} may be changed that is an argument: which of the lists in it are the caller's is lost",
            loc=loc,
            hint="build a new one and return it; changing the lists in it is possible",
        )
    return True


def _holds_containers(type_: ElementType) -> bool:
    match type_:
        case RecordType(items):
            return any(map(_holds_containers, items))
        case _:
            return isinstance(type_, (ListType, DictType))


def change_like(type_: ElementType, changed: set[ContainerType], own: Any, new: Any) -> None:
    """Make a list or dict of the caller's equal to a new one, and so what it holds."""
    match type_:
        case ListType() if type_ in changed:
            own[:] = new
        case DictType() if type_ in changed:
            own.clear()
            own.update(new)
        case ListType(element):
            for one, other in zip(own, new, strict=True):
                change_like(element, changed, one, other)
        case DictType(_, value):
            for key, one in own.items():
                change_like(value, changed, one, new[key])
        case RecordType(items):
            for item, one, other in zip(items, own, new, strict=True):
                change_like(item, changed, one, other)
