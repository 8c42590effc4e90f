"""How deep calls may be inlined in each other, and what to say where they go deeper (DESIGN D5).

In: the calls that are being inlined. Out: nothing, or a located error that names the function and the argument.
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


def require_shallow(trace: Trace, call: Activation) -> None:
    """A located error where calls of a function within each other go on and on."""
    if len(trace.activations) < _DEEPEST_UNDER_CONTROL:
        return
    same = [outer for outer in trace.activations if outer.code is call.code]
    under_control = len({outer.depth for outer in same})
    if under_control >= _DEEPEST_UNDER_CONTROL:
        _refuse(trace, call, same[-1], under_control)
    if len(trace.activations) >= _deepest():
        _refuse(trace, call, same[-1] if same else call, len(trace.activations))


def _refuse(trace: Trace, call: Activation, before: Activation, depth: int) -> NoReturn:
    what = f"`{call.function.__name__}`: its calls go {depth} deep while staging"
    hint = "let something end the recursion that is known only when the code runs, or make it shallower"
    changing = _changing_number(before.signature(trace), call.signature(trace), call.code)
    if changing is not None:
        what += f", and `{changing}` is another number each time"
        hint = f"where that is only known when the code runs, let it begin as a staged value: staged({changing})"
    raise StagingError(what, loc=caller_loc(), hint=hint)


def _changing_number(before: Signature, now: Signature, code: CodeType | None) -> str | None:
    """The first parameter whose value is a plain number, and another one in the two calls."""
    if code is None or len(before.arguments) != len(now.arguments):
        return None
    names = [*code.co_varnames[: len(now.arguments) - len(now.names)], *now.names]
    for name, old, new in zip(names, before.arguments, now.arguments, strict=False):
        if _differs(old, new):
            return name
    return None


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
