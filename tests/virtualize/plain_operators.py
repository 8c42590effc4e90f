"""The operators as plain Python: what rewritten code must mean outside staging. No trace is involved."""

from __future__ import annotations

import contextlib
import operator
from typing import Any

from pylms.staging.operators import matching, reduction
from pylms.virtualize import Virtualized, virtualize
from pylms.virtualize.pipeline import PASSES, Pass

_UNSET = object()


class Cell:
    def __init__(self, name, value=_UNSET):
        self.name = name
        self.value = value


def var(*initial, name):
    return Cell(name, *initial)


def assign(cell, value):
    cell.value = value
    return value


def delete(cell):
    read(cell)
    cell.value = _UNSET


def read(cell):
    if cell.value is _UNSET:
        raise UnboundLocalError(f"cannot access local variable {cell.name!r} where it is not associated with a value")
    return cell.value


def choose(test, then, otherwise):
    return then() if test else otherwise()


def loop_while(condition, body):
    while condition():
        assert body() is None


def loop_for(iterable, body, stop=None):
    for item in iterable:
        assert body(item) is None
        if stop is not None and stop():
            break


def loop_for_dataloader(loader, body, stop=None):
    count = body.__code__.co_argcount - 1
    for number, item in enumerate(loader):
        values = tuple(item)
        if len(values) < count:
            raise ValueError(f"not enough values to unpack (expected {count}, got {len(values)})")
        if len(values) > count:
            raise ValueError(f"too many values to unpack (expected {count})")
        assert body(number, *values) is None
        if stop is not None and stop():
            break


def both(first, *others):
    value = first
    for other in others:
        if not value:
            return value
        value = other()
    return value


def either(first, *others):
    value = first
    for other in others:
        if value:
            return value
        value = other()
    return value


def call(function, /, *args, **kwargs):
    return function(*args, **kwargs)


def format_text(template, /, *args, **kwargs):
    return template.format(*args, **kwargs)


def print_text(template, /, *args, **kwargs):
    print(template.format(*args, **kwargs))


OPERATORS = {
    "__var": var,
    "__assign": assign,
    "__delete": delete,
    "__read": read,
    "__if": choose,
    "__while": loop_while,
    "__for": loop_for,
    "__for_dataloader": loop_for_dataloader,
    "__return": lambda value: value,
    "__and": both,
    "__or": either,
    "__not": operator.not_,
    "__try": lambda *_catches: contextlib.nullcontext(),
    "__uncaught": (),
    "__finally": lambda: True,
    "__is_none": matching.run_is_none,
    "__match_singleton": matching.match_singleton,
    "__match_sequence": matching.match_sequence,
    "__match_mapping": matching.match_mapping,
    "__match_rest": matching.match_rest,
    "__match_class": matching.match_class,
    "__match_field": matching.match_field,
    "__changing": lambda value, method=None: value,
    "__new": lambda value: value,
    "__reduce": reduction.reduce,
    "__each": lambda iterable, body: [body(item) for item in iterable],
    "__entering": lambda manager: manager,
    "__list": lambda items: items,
    "__dict": dict,
    "__in": lambda value, container: value in container,
    "__call": call,
    "__invoke": call,
    "__print": print,
    "__format": format_text,
    "__percent": operator.mod,
    "__item": operator.getitem,
    "__printf": print_text,
    **{
        f"__i{name}": getattr(operator, f"i{name}")
        for name in "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()
    },
}


def virtualized(function: Any) -> Virtualized:
    """What `virtualize` makes of any function (mypy does not know that a `def` makes a FunctionType)."""
    return virtualize(function)


def rewritten(function: Any, passes: tuple[Pass, ...] = PASSES) -> Any:
    """The function after virtualisation, with the operators above."""
    return virtualize(function, passes).instantiate(function, OPERATORS)
