"""`__match_...`: the tests of `match` patterns that only generation time can make: lengths, keys, classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...ir.types import BOOL
from ..context import current_trace
from ..rep import Rep
from ..values import is_maybe
from .boolean import run_not
from .call import call


def run_is_none(value: object) -> object:
    """`value is None`."""
    return value.is_absent() if is_maybe(value) else value is None


_NO_SEQUENCES = (str, bytes, bytearray)
_MATCHED_WHOLE = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)
"""The classes whose one positional pattern is about the object itself."""


def match_singleton(subject: object, value: bool | None) -> object:
    """`case None`, `case True`, `case False`: a staged bool is one of the latter two."""
    trace = current_trace()
    if value is None:
        return run_is_none(subject)
    if trace is None or not isinstance(subject, Rep):
        return subject is value
    if subject.atom.type != BOOL:
        return False
    return subject if value else run_not(subject)


def match_sequence(subject: object, least: int, most: int | None) -> bool:
    """Whether it is a sequence, as patterns have it, of that many items (None: or more)."""
    if not isinstance(subject, Sequence) or isinstance(subject, _NO_SEQUENCES):
        return False
    return least <= len(subject) and (most is None or len(subject) <= most)


def match_mapping(subject: object, *keys: object) -> bool:
    """Whether it is a mapping with those keys."""
    missing = object()
    return isinstance(subject, Mapping) and all(subject.get(key, missing) is not missing for key in keys)


def match_rest(subject: Mapping[object, object], *keys: object) -> dict[object, object]:
    """`**rest`: what the mapping has besides those keys."""
    rest = dict(subject)
    for key in keys:
        del rest[key]
    return rest


def match_class(subject: object, cls: Any, count: int, *names: str) -> bool:
    """Whether it is of the class, and has the attributes that `count` positional patterns and `names` stand for."""
    if not isinstance(cls, type):
        raise TypeError("called match pattern must be a class")
    if not call(isinstance, subject, cls):
        return False
    fields = () if count == 0 or (count == 1 and _is_matched_whole(cls)) else _fields(cls, count)
    for name in names:
        if name in fields:
            raise TypeError(f"{cls.__name__}() got multiple sub-patterns for attribute {name!r}")
    return all(hasattr(subject, name) for name in (*fields, *names))


def match_field(subject: object, cls: type, index: int) -> object:
    """What positional pattern number `index` is about."""
    return subject if _is_matched_whole(cls) else getattr(subject, _fields(cls, index + 1)[index])


def _is_matched_whole(cls: type) -> bool:
    return not hasattr(cls, "__match_args__") and issubclass(cls, _MATCHED_WHOLE)


def _fields(cls: type, count: int) -> tuple[str, ...]:
    """The first attributes of `__match_args__`. Raises TypeError, in CPython's words, where there are fewer."""
    known: Any = getattr(cls, "__match_args__", ())
    if not isinstance(known, tuple):
        raise TypeError(f"{cls.__name__}.__match_args__ must be a tuple (got {type(known).__name__})")
    allowed = 1 if _is_matched_whole(cls) else len(known)
    if count > allowed:
        plural = "" if allowed == 1 else "s"
        raise TypeError(f"{cls.__name__}() accepts {allowed} positional sub-pattern{plural} ({count} given)")
    return known[:count]
