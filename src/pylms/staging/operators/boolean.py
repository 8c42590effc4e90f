"""`__and`, `__or`, `__not`: Python's short-circuit operators, staged where an operand is."""

from __future__ import annotations

from collections.abc import Callable

from ...ir.ops.arithmetic import LOGICAL_NOT
from ..constructs import NOTHING_ASSIGNED
from ..context import current_trace
from ..truth import truth
from ..values import is_maybe
from .branch import run_logical

Thunk = Callable[[], object]


def run_and(first: object, *rest: Thunk) -> object:
    """`first and ...`: the first false operand, or the last one."""
    if not rest:
        return first
    return run_logical(first, lambda: run_and(rest[0](), *rest[1:]), lambda: first, NOTHING_ASSIGNED)


def run_or(first: object, *rest: Thunk) -> object:
    """`first or ...`: the first true operand, or the last one."""
    if not rest:
        return first
    true = first.value if is_maybe(first) else first  # None is false
    return run_logical(first, lambda: true, lambda: run_or(rest[0](), *rest[1:]), NOTHING_ASSIGNED)


def run_not(value: object) -> object:
    """`not value`."""
    trace = current_trace()
    if trace is None or not trace.is_staged(value):
        return not value
    return trace.wrap(trace.emit(LOGICAL_NOT, [truth(trace, value)])[0])
