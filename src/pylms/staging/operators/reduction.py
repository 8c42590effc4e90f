"""`__reduce`: `sum`, `any`, `all`, `min`, `max` of what loops hand on; staged where a loop, condition or value is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...ir.ops.control import CHECK
from ..cells import Cell
from ..constructs import NOTHING_ASSIGNED
from ..context import Trace, current_trace
from ..truth import truth
from .boolean import run_not
from .branch import run_if
from .container import make_dict, make_list

Loops = Callable[..., object]


def reduce(function: Callable[..., object] | str, loops: Loops, *start: object) -> object:
    """What the builtin gives for the values that `loops` hands to its first argument, one by one.

    The second argument of `loops`, for `any` and `all`, tells whether the answer is known. `"list"` and `"dict"`
    collect what is handed on.
    """
    if isinstance(function, str):
        return _collected(function, loops)
    if function is any or function is all:
        return _any_or_all(loops, is_any=function is any)
    values = _Values(current_trace())
    result = _sum(loops, values, *start) if function is sum else _extreme(function, loops, values)
    # Among plain values it is Python's own, to the last bit.
    return function(values.plain, *start) if values.are_plain else result()


def _collected(kind: str, loops: Loops) -> object:
    made: Any = make_list([]) if kind == "list" else make_dict({})
    loops(made.append if kind == "list" else made.__setitem__)
    return made


class _Values:
    """The values so far, as long as all are plain and handed on once, however the compiled code runs."""

    def __init__(self, trace: Trace | None) -> None:
        self.trace = trace
        self.plain: list[object] = []
        self.are_plain = True
        self._depth = 0 if trace is None else len(trace.constructs)

    def add(self, value: object) -> None:
        """One more; taken back where the loop around is traced again."""
        if self.trace is not None and (self.trace.is_staged(value) or len(self.trace.constructs) > self._depth):
            self.are_plain = False
            return
        self.plain.append(value)
        if self.trace is not None:
            self.trace.on_undo(lambda: (self.plain.pop(), None)[-1])


def _sum(loops: Loops, values: _Values, start: Any = 0) -> Callable[[], object]:
    total = Cell("sum$", start)

    def add(value: Any) -> None:
        values.add(value)
        total.assign(total.read() + value)

    loops(add)
    return total.read


def _extreme(function: Callable[..., object], loops: Loops, values: _Values) -> Callable[[], object]:
    best, has_items = Cell("best$"), Cell("has_items$", False)
    is_minimum = function is min

    def is_better(value: Any) -> object:
        return value < best.read() if is_minimum else value > best.read()

    def consider(value: object) -> None:
        values.add(value)
        take = lambda: _take(best, value)  # noqa: E731 - two of the four thunks of a nested branch
        compare = lambda: run_if(is_better(value), take, _nothing, NOTHING_ASSIGNED)  # noqa: E731
        run_if(has_items.read(), compare, take, NOTHING_ASSIGNED)
        has_items.assign(True)

    loops(consider)
    return lambda: _best_of(function, best, has_items)


def _take(best: Cell, value: object) -> None:
    best.assign(value)


def _best_of(function: Callable[..., object], best: Cell, has_items: Cell) -> object:
    """The best one; Python's ValueError where there is none."""
    trace = current_trace()
    found = has_items.read()
    if trace is None or not trace.is_staged(found):
        return best.read() if found else function(())
    attrs = {"error": "ValueError", "message": _message_of_empty(function)}
    trace.emit(CHECK, [truth(trace, found)], attrs=attrs)
    return best.read()


def _message_of_empty(function: Callable[..., object]) -> str:
    try:
        function(())
    except ValueError as error:
        return str(error)
    raise AssertionError("no items have no best one")


def _any_or_all(loops: Loops, *, is_any: bool) -> object:
    is_known = Cell("is_known$", False)

    def know() -> None:
        is_known.assign(True)

    def ask(value: object) -> None:
        run_if(value, know if is_any else _nothing, _nothing if is_any else know, NOTHING_ASSIGNED)

    loops(ask, is_known.read)
    return is_known.read() if is_any else run_not(is_known.read())


def _nothing() -> None:
    return None
