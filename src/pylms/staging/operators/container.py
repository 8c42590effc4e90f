"""`__list`, `__dict`, `__in`, and the builtins that make containers and strings or ask about them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, cast

from ...errors import NotSupportedYetError
from ...ir.node import Atom, Const
from ...ir.ops.arithmetic import NE, SELECT
from ...ir.ops.control import CHECK, FOR
from ...ir.ops.lists import LIST_LENGTH
from ...ir.ops.texts import TEXT_CHR
from ...ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from ...ir.python_errors import empty_sequence
from ...ir.types import FLOAT, FLOAT64, INT, INT64, ScalarType
from ...loc import caller_loc
from ..containers.base import describe_operand
from ..containers.dicts import StagedDict, StagedKeys, StagedValues, new_dict
from ..containers.lists import StagedList, as_int, new_list
from ..containers.strings import StagedStr
from ..containers.traced import TracedDict, TracedList, is_staged_key
from ..context import Trace, current_trace
from ..kinds import is_staged_array, is_staged_container
from ..rep import StagedValue
from ..values import is_maybe
from .boolean import run_and, run_or
from .loop import loops_natively, run_each
from .printing import format_text

if TYPE_CHECKING:
    from ..maybe import StagedMaybe

_SEARCHED = (StagedList, StagedDict, StagedStr, StagedKeys, StagedValues)


def make_list(items: list[object]) -> object:
    """A list display: a run-time list where that has been found to be needed, else one of generation time."""
    trace = current_trace()
    if trace is None:
        return items
    site = caller_loc()
    return new_list(trace, items, site) if trace.sites.is_run_time(site) else TracedList(items, trace, site)


def make_dict(items: dict[Any, Any] | tuple[tuple[Any, Any], ...]) -> object:
    """The same for a dict display, or its entries. Where a key is known to the run only, it is a run-time dict."""
    trace = current_trace()
    if trace is None:
        return dict(items)
    site = caller_loc()
    entries = tuple(items.items()) if isinstance(items, dict) else items
    if trace.sites.is_run_time(site):
        return new_dict(trace, entries, site)
    if any(is_staged_key(key) for key, _ in entries):
        trace.sites.make_run_time(site)
    return TracedDict(entries, trace, site)


def staged_container(trace: Trace, value: list[object] | dict[object, object]) -> object:
    """`staged([...])`: the run-time container at once."""
    site = value.site if isinstance(value, (TracedList, TracedDict)) else caller_loc()
    return new_list(trace, value, site) if isinstance(value, list) else new_dict(trace, value.items(), site)


def _maybe_in(value: StagedMaybe, container: Any) -> object:
    """The same for what is None or a value; what the run searches holds no None."""
    if isinstance(container, (list, tuple)):
        return run_or(False, *[_comparison(value, item) for item in container])
    if isinstance(container, TracedDict):
        container.get(value.value)  # lets the run decide
    return run_and(value.present, lambda: run_in(value.value, container))


def run_in(value: object, container: object) -> object:
    """`value in container`."""
    trace = current_trace()
    if trace is None:
        return value in container  # type: ignore[operator]
    if is_maybe(container):
        container = container.required("argument of type 'NoneType' is not iterable")
    if is_maybe(value):
        return _maybe_in(value, container)
    if isinstance(container, _SEARCHED):
        return container.contains(value)
    if isinstance(container, str) and isinstance(value, StagedStr):
        return cast(StagedStr, trace.wrap(trace.lift(container))).contains(value)
    if isinstance(container, TracedDict) and isinstance(value, (StagedValue, tuple)):
        container.get(value)  # lets the run decide where the key is staged
    is_staged = isinstance(value, StagedValue)
    if isinstance(container, (list, tuple)) and (is_staged or any(map(trace.is_staged, container))):
        return run_or(False, *[_comparison(value, item) for item in container])
    return value in container  # type: ignore[operator]


def _comparison(value: object, item: object) -> Callable[[], object]:
    return lambda: item is value or item == value


# What `__call` does with them.


def length(_trace: Trace, value: object) -> object:
    """`len(value)`."""
    return value.length() if is_staged_container(value) or is_staged_array(value) else len(value)  # type: ignore[arg-type]


def as_list(trace: Trace, *args: object) -> object:
    """`list(...)`."""
    if not args:
        return make_list([])
    (value,) = args
    if isinstance(value, StagedList):
        return value.copy()
    if isinstance(value, StagedDict):
        return value.keys().as_list()
    if isinstance(value, (StagedKeys, StagedValues)):
        return value.as_list()
    if loops_natively(trace, value):
        made = new_list(trace, [], caller_loc())
        run_each(value, made.append)
        return made
    return make_list(list(value))  # type: ignore[call-overload]


def as_dict(trace: Trace, *args: object, **items: object) -> object:
    """`dict(...)`."""
    if len(args) == 1 and not items and isinstance(args[0], StagedDict):
        return args[0].copy()
    return make_dict(dict(*args, **items))


def as_sorted(trace: Trace, value: object, *, key: object = None, reverse: object = False) -> object:
    """`sorted(value)`: a new list, sorted."""
    if not loops_natively(trace, value):
        return make_list(sorted(value, key=key, reverse=reverse))  # type: ignore[call-overload]
    made = as_list(trace, value)
    assert isinstance(made, StagedList)
    made.sort(key=key, reverse=reverse)
    return made


def as_str(trace: Trace, *args: object) -> object:
    """`str(value)`."""
    if args and isinstance(args[0], StagedStr):
        return args[0]
    return format_text("{}", *args) if args else ""


def as_repr(_trace: Trace, value: object) -> object:
    """`repr(value)`."""
    return format_text("{!r}", value)


def ordinal(_trace: Trace, value: object) -> object:
    """`ord(value)`."""
    return value.ord() if isinstance(value, StagedStr) else ord(value)  # type: ignore[arg-type]


def character(trace: Trace, value: object) -> object:
    """`chr(value)`."""
    return trace.wrap(trace.emit(TEXT_CHR, [as_int(trace, value, "an integer is required")])[0])


def total(trace: Trace, items: object) -> object:
    """`sum(items)` of a list of numbers."""
    numbers = _numbers(items, "sum()")
    element = numbers.type.element
    assert isinstance(element, ScalarType)
    if element == FLOAT and sys.version_info >= (3, 12):
        _refuse("sum() of a staged list of floats", "add them in a loop, which rounds otherwise than sum()")
    zero = Const(0.0 if element.is_float else 0, element)
    return _folded(trace, numbers, zero, Const(0, INT), lambda so_far, item: so_far + item)  # type: ignore[operator]


def smallest(trace: Trace, items: object) -> object:
    """`min(items)` of a list of numbers."""
    return _extreme(trace, items, "min", lambda item, best: item < best)  # type: ignore[operator]


def greatest(trace: Trace, items: object) -> object:
    """`max(items)` of a list of numbers."""
    return _extreme(trace, items, "max", lambda item, best: item > best)  # type: ignore[operator]


def _extreme(trace: Trace, items: object, name: str, is_better: Callable[[object, object], object]) -> object:
    numbers = _numbers(items, f"{name}()")
    (length,) = trace.emit(LIST_LENGTH, [numbers.atom])
    (some,) = trace.emit(NE, [length, Const(0, INT)])
    trace.emit(CHECK, [some], attrs={"error": "ValueError", "message": empty_sequence(name)})
    first = trace.lift(numbers.item(Const(0, INT)))

    def better(best: object, item: object) -> object:
        chosen = [trace.lift(is_better(item, best)), trace.lift(item), trace.lift(best)]
        return trace.wrap(trace.emit(SELECT, chosen)[0])

    return _folded(trace, numbers, first, Const(1, INT), better)


def _numbers(items: object, what: str) -> StagedList:
    if isinstance(items, StagedList) and items.type.element in (INT, FLOAT, INT64, FLOAT64):
        return items
    _refuse(f"{what} of {_described(items)}", "compute it in a loop")


def _folded(
    trace: Trace, items: StagedList, first: Atom, start: Const, step: Callable[[object, object], object]
) -> object:
    """What a native loop makes of the items from `start` on, one after the other."""
    (result,) = trace.emit(VAR_NEW, [first])
    (length,) = trace.emit(LIST_LENGTH, [items.atom])
    index = trace.builder.fresh(INT, "i")
    with trace.builder.block([index]) as body:
        so_far = trace.wrap(trace.emit(VAR_GET, [result])[0])
        trace.emit(VAR_SET, [result, trace.lift(step(so_far, items.item(index)))])
    trace.emit(FOR, [start, length, Const(1, INT)], blocks=[body.finish([])])
    return trace.wrap(trace.emit(VAR_GET, [result])[0])


def backwards(_trace: Trace, items: object) -> object:
    """`reversed(items)`."""
    if isinstance(items, (StagedList, StagedStr)):
        return items[::-1]
    _refuse(f"reversed() of {_described(items)}", "make a list of it first")


def _refuse(what: str, hint: str) -> NoReturn:
    raise NotSupportedYetError(f"{what} is not supported yet", loc=caller_loc(), hint=hint)


def _described(value: object) -> str:
    return describe_operand(value) if isinstance(value, StagedValue) else "a view of a staged dict"


OF_CONTAINERS: Mapping[object, Callable[..., object]] = {
    sum: total,
    min: smallest,
    max: greatest,
    reversed: backwards,
}
"""Builtins that mean something else for a container than for several numbers."""

HANDLERS: Mapping[object, Callable[..., object]] = {
    len: length,
    list: as_list,
    dict: as_dict,
    sorted: as_sorted,
    str: as_str,
    repr: as_repr,
    ord: ordinal,
    chr: character,
}
"""Builtins that mean something for staged containers, strings and, some of them, numbers."""
