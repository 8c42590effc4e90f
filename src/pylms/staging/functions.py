"""Calls of virtualised functions: inlined, unless they recur on staged values; then native functions (DESIGN D5).

In: a function and its arguments. Out: what the call gives, and the nodes that compute it.

A call is inlined by running the function. When one that is being inlined is entered again under staged control, with a
signature that it covers, tracing goes back to the outermost such activation, which becomes a call of a native function
(`native.py`). So it does where calls have gone deep under staged control and are of another known number each time,
which is staged from then on. That place is remembered, so that tracing it again goes there at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..late import late_module
from .activation import Activation
from .budget import outgrown, require_shallow
from .call_signature import code_of
from .context import Trace

if TYPE_CHECKING:
    from . import native, native_call
else:
    native = late_module("pylms.staging.native")
    native_call = late_module("pylms.staging.native_call")


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
    code = code_of(function)
    place, modes = trace.place("call", id(code)), trace.front.modes()
    call = Activation(function, code, args, kwargs, trace.depth, place, modes, is_native=is_native)
    if place in trace.native_places:
        call = call.with_staged(trace.native_places[place])
    known = _find(trace, call)
    if known is not None:
        return native_call.call_native(trace, known, call.arguments)
    if not is_native and call.place not in trace.native_places:
        restore = trace.checkpoint()
        _restart_outer(trace, call)
        require_shallow(trace, call)
        trace.activations.append(call)
        try:
            return function(*args, **kwargs)
        except _Restart as restart:
            if restart.activation is not call:
                raise
            restore()
            call = call.with_staged(trace.native_places[call.place])
        finally:
            trace.activations.pop()
    made = native_call.NativeFunction(trace, call)
    native.trace_native(trace, made)
    return native_call.call_native(trace, made, call.arguments)


def _find(trace: Trace, call: Activation) -> native_call.NativeFunction | None:
    """A native function, finished or being traced, that serves a call."""
    for known in reversed(trace.natives):
        if known.code is call.code and known.signature.covers(call.signature(trace)) and known.is_usable(trace):
            return known
    return None


def _restart_outer(trace: Trace, call: Activation) -> None:
    """Go back to the outermost activation that this one repeats under staged control, be it with other numbers."""
    for outer in trace.activations:
        if outer.code is not call.code or outer.depth >= call.depth:
            continue
        if outer.signature(trace).covers(call.signature(trace)):
            trace.native_places[outer.place] = frozenset()
            raise _Restart(outer)
    grown = outgrown(trace, call)
    if grown is not None:
        outer, numbers = grown
        trace.native_places[outer.place] = numbers
        raise _Restart(outer)
