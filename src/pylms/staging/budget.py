"""How deep calls may be inlined in each other, and what to say where they go deeper (DESIGN D5).

In: the calls that are being inlined. Out: nothing, or arguments that had better be staged, or a located error that
names the function and the argument.
"""

from __future__ import annotations

import resource
import sys
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import NoReturn

from ..errors import StagingError
from ..ir.node import Const
from ..loc import caller_loc
from .activation import Activation
from .call_signature import Signature
from .context import Trace

# As deep as Python goes by default; each call under staged control of the last makes a branch inside the last one's.
_DEEPEST = 1000
_DEEPEST_UNDER_CONTROL = 150
# What inlining a call takes of Python's stack, in frames, and of the machine's, in bytes.
_FRAMES = 25
_BYTES = 4096
_USUAL_STACK = 8 * 1024 * 1024


def outgrown(trace: Trace, call: Activation) -> tuple[Activation, frozenset[int]] | None:
    """The first of the calls that recursion under staged control consists of, and the arguments that are other known
    numbers in each; None where the calls are not so deep, or differ in something else."""
    same = _deep_under_control(trace, call)
    if not same:
        return None
    now = call.signature(trace)
    numbers = frozenset(_changing_numbers(same[-1].signature(trace), now))
    like = [outer for outer in same if _is_alike(outer.signature(trace), now, numbers)]
    return (like[0], numbers) if numbers and len(like) > 1 else None


def _is_alike(before: Signature, now: Signature, numbers: frozenset[int]) -> bool:
    """Whether two calls differ in nothing but the numbers in these arguments."""
    if (before.function, before.modes, before.names) != (now.function, now.modes, now.names):
        return False
    return len(before.arguments) == len(now.arguments) and numbers.issuperset(_changing(before, now))


def require_shallow(trace: Trace, call: Activation) -> None:
    """A located error where calls of a function within each other go on and on."""
    deep = _deep_under_control(trace, call)
    if deep:
        _refuse(trace, call, deep[-1], _DEEPEST_UNDER_CONTROL)
    if len(trace.activations) >= _deepest():
        same = [call, *[outer for outer in trace.activations if outer.code is call.code]]
        _refuse(trace, call, same[-1], len(trace.activations))


def _deep_under_control(trace: Trace, call: Activation) -> list[Activation]:
    """The calls of the same code around this one, if they are many, each under staged control of the one before."""
    if len(trace.activations) < _DEEPEST_UNDER_CONTROL:
        return []
    same = [outer for outer in trace.activations if outer.code is call.code]
    return same if len({outer.depth for outer in same}) >= _DEEPEST_UNDER_CONTROL else []


def _refuse(trace: Trace, call: Activation, before: Activation, depth: int) -> NoReturn:
    what = f"`{call.function.__name__}`: its calls go {depth} deep while staging"
    hint = "let something end the recursion that is known only when the code runs, or make it shallower"
    old, now = before.signature(trace), call.signature(trace)
    numbers = _changing_numbers(old, now)
    others = [position for position in _changing(old, now) if position not in numbers]
    if others:
        what += f", and `{_name_of(call.code, now, others[0])}` is another object each time"
    elif numbers:
        changing = _name_of(call.code, now, numbers[0])
        what += f", and `{changing}` is another number each time"
        hint = f"where that is only known when the code runs, let it begin as a staged value: staged({changing})"
    raise StagingError(what, loc=caller_loc(), hint=hint)


def _changing(before: Signature, now: Signature) -> list[int]:
    """The arguments that tell the two calls apart."""
    if len(before.arguments) != len(now.arguments):
        return []
    pairs = zip(before.arguments, now.arguments, strict=True)
    return [position for position, (old, new) in enumerate(pairs) if old != new]


def _changing_numbers(before: Signature, now: Signature) -> list[int]:
    """Those of them that are plain numbers, or tuples with some."""
    return [each for each in _changing(before, now) if _differs(before.arguments[each], now.arguments[each])]


def _name_of(code: CodeType | None, call: Signature, position: int) -> str:
    """A parameter's name; its number where nobody knows it."""
    if code is None:
        return str(position)
    names = [*code.co_varnames[: len(call.arguments) - len(call.names)], *call.names]
    return names[position]


def _differs(old: Hashable, new: Hashable) -> bool:
    """Whether a plain number in an argument is another one."""
    if isinstance(old, tuple) and isinstance(new, tuple):
        return any(map(_differs, old, new))
    return isinstance(old, Const) and isinstance(new, Const) and old != new


@contextmanager
def room_to_recur() -> Iterator[None]:
    """Let Python recur as deep as inlining calls up to the limit takes."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _deepest() * _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _deepest() -> int:
    """How many calls this thread's stack has room for."""
    return min(_DEEPEST, _stack_size() // _BYTES)


def _stack_size() -> int:
    own = 0 if threading.current_thread() is threading.main_thread() else threading.stack_size()
    size = own or resource.getrlimit(resource.RLIMIT_STACK)[0]
    return size if size > 0 else _USUAL_STACK
