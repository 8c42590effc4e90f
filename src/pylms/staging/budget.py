"""How deep calls may be inlined in each other, and what to say where they go deeper (DESIGN D5).

In: the calls that are being inlined. Out: nothing, or a located error that names the function and the argument.
"""

from __future__ import annotations

import resource
import sys
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from ..errors import StagingError
from ..ir.node import Const
from ..loc import caller_loc
from .call_signature import Signature, code_of

# As deep as Python goes by default; each call under staged control of the last makes a branch inside the last one's.
_DEEPEST = 1000
_DEEPEST_UNDER_CONTROL = 150
# What inlining a call takes of Python's stack, in frames, and of the machine's, in bytes.
_FRAMES = 25
_BYTES = 4096
_USUAL_STACK = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """A call that is being inlined: of what, with what, how deep in staged constructs; its place in the program."""

    function: Callable[..., object]
    signature: Signature
    depth: int
    place: tuple[object, ...]


def require_shallow(activations: Sequence[Activation], activation: Activation) -> None:
    """A located error where calls of a function within each other go on and on."""
    if len(activations) < _DEEPEST_UNDER_CONTROL:
        return
    code = code_of(activation.function)
    same = [outer for outer in activations if code_of(outer.function) is code]
    under_control = len({outer.depth for outer in same})
    if under_control >= _DEEPEST_UNDER_CONTROL:
        _refuse(activation, same[-1].signature, under_control)
    if len(activations) >= _deepest():
        _refuse(activation, same[-1].signature if same else activation.signature, len(activations))


def _refuse(activation: Activation, before: Signature, depth: int) -> NoReturn:
    what = f"`{activation.function.__name__}`: its calls go {depth} deep while staging"
    hint = "let something end the recursion that is known only when the code runs, or make it shallower"
    changing = _changing_number(before, activation)
    if changing is not None:
        what += f", and `{changing}` is another number each time"
        hint = f"where that is only known when the code runs, let it begin as a staged value: staged({changing})"
    raise StagingError(what, loc=caller_loc(), hint=hint)


def _changing_number(before: Signature, activation: Activation) -> str | None:
    """The first parameter whose value is a plain number, and another one in the two calls."""
    code = code_of(activation.function)
    if code is None or len(before.arguments) != len(activation.signature.arguments):
        return None
    named = activation.signature.names
    names = [*code.co_varnames[: len(before.arguments) - len(named)], *named]
    for name, old, new in zip(names, before.arguments, activation.signature.arguments, strict=False):
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
