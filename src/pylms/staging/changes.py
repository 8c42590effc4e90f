"""Changes of generation-time objects: in a staged block they would happen once, while staging, and not each time.

In: objects that rewritten code is about to change, and those it has just made. Out: a located error where a staged
branch or loop would change what is older than it; else the change is remembered, so that a loop that is traced again
finds the object as it was.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import NotSupportedYetError
from ..late import late_module
from ..loc import caller_loc
from .context import Trace
from .parameters import is_changeable
from .values import describe_static

if TYPE_CHECKING:
    from . import fields
else:
    fields = late_module("pylms.staging.fields")

CHANGED_BY_METHODS = (list, dict, set, bytearray, deque, io.IOBase)
"""The classes whose methods change them and are not virtualised."""


def register_new(trace: Trace, value: object) -> None:
    """Note that the value was just made: blocks that are open now may change it."""
    if trace.constructs:
        trace.made[id(value)] = (value, trace.tick())


def register_made(trace: Trace, function: object, args: Sequence[object], value: object) -> object:
    """The value that a call gave: noted as new where the call made it, as calling a class does."""
    if isinstance(function, type):
        if is_changeable(value):
            fields.track_fields(trace, value)
        register_new(trace, value)
    elif function in _MAKERS and not any(value is each for each in args):
        register_new(trace, value)
    return value


_MAKERS = (sorted, iter)


def require_changeable(trace: Trace, value: object) -> None:
    """A located error where an open staged construct is younger than the object that is to be changed."""
    if trace.constructs:
        innermost = trace.constructs[-1]
        _, birth = trace.made.get(id(value), (None, 0))
        if birth <= innermost.entry:
            _refuse(value, innermost.kind)
    if trace.probes or trace.watches:
        _remember(trace, value)


def require_no_construct(trace: Trace, what: str) -> None:
    """A located error under staged control, for what Python does once."""
    if trace.constructs:
        raise NotSupportedYetError(
            f"{what} in a staged {trace.constructs[-1].kind}: that would happen once, while staging, and not each time",
            loc=caller_loc(),
            hint="do it before the staged branch or loop",
        )


def _refuse(value: object, kind: str) -> NoReturn:
    raise NotSupportedYetError(
        f"{describe_static(value)} that is older than this staged {kind} is changed in it: that would happen once, "
        "while staging, and not each time",
        loc=caller_loc(),
        hint=f"keep what the run computes in variables (total += value), or make the object inside the {kind}",
    )


def _remember(trace: Trace, value: Any) -> None:
    """How to bring the object back to what it is, unless that is remembered since the last checkpoint."""
    known = trace.remembered.get(id(value))
    if known is not None and trace.last_checkpoint <= known < len(trace.undo_log):
        return
    restore = _restorer(value)
    if restore is not None:
        trace.remembered[id(value)] = len(trace.undo_log)
        trace.on_undo(restore)


def _restorer(value: Any) -> Callable[[], None] | None:
    if isinstance(value, (list, bytearray)):
        items = value[:]
        return lambda: value.__setitem__(slice(None), items)
    if isinstance(value, (dict, set, deque)):
        return _refilling(value, value.copy())
    attributes = getattr(value, "__dict__", None)
    return None if attributes is None else _refilling(attributes, dict(attributes))


def _refilling(container: Any, content: Any) -> Callable[[], None]:
    def restore() -> None:
        container.clear()
        (container.extend if isinstance(container, deque) else container.update)(content)

    return restore
