"""`__changing`, `__new`: what virtualised code is about to change, and what it has made."""

from __future__ import annotations

from ..changes import CHANGED_BY_METHODS, register_new, require_changeable
from ..containers.traced import TracedDict, TracedList
from ..context import current_trace
from ..parameters import TrackedFields


def changing(value: object, method: str | None = None) -> object:
    """The object, which a store, or a method of that name, changes next.

    Staged values, lists and dicts that traced functions made, and what the front keeps itself, know what that means; so
    do methods of the user's classes.
    """
    trace = current_trace()
    if trace is None or trace.is_staged(value) or trace.front.keeps_changes(value):
        return value
    if isinstance(value, (TracedList, TracedDict, TrackedFields)):
        return value
    if method is None or isinstance(value, CHANGED_BY_METHODS):
        require_changeable(trace, value)
    return value


def note_new(value: object) -> object:
    """The list, dict or set, just made."""
    trace = current_trace()
    if trace is not None:
        register_new(trace, value)
    return value
