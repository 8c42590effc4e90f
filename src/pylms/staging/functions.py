"""Calls of virtualised functions: inlined, unless they recur on staged values; then native functions (DESIGN D5).

In: a function and its arguments. Out: what the call gives, and the nodes that compute it.

A call is inlined by running the function. When one that is being inlined is entered again under staged control, with a
signature that it covers, tracing goes back to the outermost such activation, which becomes a call of a native function
(`native.py`). That place is remembered, so that tracing it again goes there at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..ir.node import Atom
from .budget import Activation, require_shallow
from .call_signature import Signature, code_of, signature_of, take_apart
from .context import Trace
from .native import trace_native
from .native_call import NativeFunction, call_native
from .values import TupleOf


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
        require_shallow(trace.activations, activation)
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
