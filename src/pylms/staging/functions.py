"""Calls of virtualised functions: inlined, unless they recur on staged values; then native functions (DESIGN D5).

In: a function and its arguments. Out: what the call gives, and the nodes that compute it.

A call is inlined by running the function. When one that is being inlined is entered again under staged control, with a
signature that it covers, tracing goes back to the outermost such activation, which becomes a call of a native function
(`native.py`). That place is remembered, so that tracing it again goes there at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import StagingError
from ..ir.node import Atom, Const
from ..loc import caller_loc
from .call_signature import Signature, code_of, signature_of, take_apart
from .context import Trace
from .native import trace_native
from .native_call import NativeFunction, call_native
from .values import TupleOf

# As deep as Python itself goes by default.
_DEEPEST = 1000
_FRAMES_A_CALL = 25


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """A call that is being inlined: of what, with what, how deep in staged constructs; its place in the program."""

    function: Callable[..., object]
    signature: Signature
    depth: int
    place: tuple[object, ...]


class _Restart(BaseException):
    """An activation was entered again: it becomes a native function."""

    def __init__(self, activation: Activation) -> None:
        super().__init__()
        self.activation = activation


def call_function(
    trace: Trace,
    function: Callable[..., object],
    args: Sequence[object],
    kwargs: Mapping[str, object],
    *,
    is_native: bool = False,
) -> object:
    """Call a virtualised function. `is_native`: whether it becomes a native function in any case (`@rep_fun`)."""
    place = trace.place("call", code_of(function))
    atoms: list[Atom] = []
    structure = take_apart(trace, (*args, *kwargs.values()), atoms, numbers=is_native)
    assert isinstance(structure, TupleOf)
    signature = signature_of(trace, function, structure, kwargs)
    known = _find(trace, signature)
    if known is not None:
        return call_native(trace, known, (*args, *kwargs.values()))
    if not is_native and place not in trace.native_places:
        restore = trace.checkpoint()
        activation = Activation(function, signature, trace.depth, place)
        _restart_outer(trace, activation)
        _require_shallow(trace, activation)
        trace.activations.append(activation)
        try:
            return function(*args, **kwargs)
        except _Restart as restart:
            if restart.activation is not activation:
                raise
            restore()
        finally:
            trace.activations.pop()
    native = NativeFunction(trace, function, structure, signature, tuple(kwargs), place)
    trace_native(trace, native)
    return call_native(trace, native, (*args, *kwargs.values()))


def _find(trace: Trace, signature: Signature) -> NativeFunction | None:
    """A native function, finished or being traced, that serves a call."""
    for native in reversed(trace.natives):
        if native.signature.covers(signature) and native.is_usable(trace):
            return native
    return None


def _restart_outer(trace: Trace, activation: Activation) -> None:
    """Go back to the outermost activation that this one repeats under staged control."""
    for outer in trace.activations:
        if outer.depth < activation.depth and outer.signature.covers(activation.signature):
            trace.native_places.add(outer.place)
            raise _Restart(outer)


def _require_shallow(trace: Trace, activation: Activation) -> None:
    """A located error where calls of a function within each other go on and on."""
    if len(trace.activations) < _DEEPEST:
        return
    code = code_of(activation.function)
    same = [outer for outer in trace.activations if code_of(outer.function) is code]
    if len(same) < _DEEPEST // 2:
        _refuse(activation, "calls go", "", "make the recursion shallower")
    changing = _changing_number(same[-1].signature, activation)
    if changing is None:
        _refuse(activation, "its calls of itself go", "", "let a staged value, or one known now, end the recursion")
    hint = f"where that is only known when the code runs, let it begin as a staged value: staged({changing})"
    _refuse(activation, "its calls of itself go", f", and `{changing}` is another number each time", hint)


def _refuse(activation: Activation, what: str, why: str, hint: str) -> None:
    name = activation.function.__name__
    raise StagingError(
        f"`{name}`: {what} {_DEEPEST} deep while staging{why}",
        loc=caller_loc(),
        hint=hint,
    )


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
    """Let Python recur as deep as inlining calls up to the limit takes: each is a dozen of Python's own."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEEPEST * _FRAMES_A_CALL))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
