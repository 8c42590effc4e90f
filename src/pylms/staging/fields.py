"""Dataclasses whose fields staged code may assign: while tracing, each field is a cell (DESIGN D6).

In: an instance that a traced function has made, or that stands for an argument. Out: the same instance, of a subclass
whose fields are properties on cells, so that staged control flow decides about them as about variables. Fields of
classes that have attribute access of their own stay attributes.
"""

from __future__ import annotations

from abc import ABCMeta
from contextlib import suppress
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import StagingError
from ..loc import caller_loc
from .cells import Cell
from .changes import require_changeable
from .context import current_trace
from .parameters import TrackedFields, is_changeable, items_of, made_of

if TYPE_CHECKING:
    from .context import Trace


def track_fields(trace: Trace, value: object) -> None:
    """From here on the fields of a dataclass that can be assigned are cells."""
    kind: Any = type(value)
    if not is_changeable(value) or isinstance(value, TrackedFields) or not _can_be_tracked(kind):
        return
    names = [field.name for field in fields(kind)]
    if not all(hasattr(value, name) for name in names):
        return
    contents = {name: getattr(value, name) for name in names}
    for name in names:
        with suppress(AttributeError):  # what nothing was assigned to is the class's default
            object.__delattr__(value, name)
    value.__class__ = _tracked_class(kind)
    trace.fields[id(value)] = (value, {name: Cell(f"{kind.__name__}.{name}", each) for name, each in contents.items()})


@lru_cache(maxsize=256)
def _can_be_tracked(kind: Any) -> bool:
    """Whether attributes of its instances are what Python makes of them."""
    own = {name for each in kind.__mro__[:-1] for name in vars(each)}
    is_plain = own.isdisjoint({"__new__", "__setattr__", "__getattribute__", "__delattr__", "__init_subclass__"})
    names = {field.name for field in fields(kind)}
    has_properties = any(isinstance(vars(each).get(name), property) for each in kind.__mro__ for name in names)
    return is_plain and not has_properties and type(kind) in (type, ABCMeta)


@lru_cache(maxsize=256)
def _tracked_class(kind: Any) -> Any:
    """The subclass; to Python code that asks it is the class itself."""
    namespace: dict[str, object] = {
        "__slots__": (),
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__class__": property(lambda _: kind),
        "__setattr__": _set_attribute,
        "__reduce_ex__": lambda self, _protocol: (made_of, (kind, items_of(self))),
        **{field.name: _property_of(field.name) for field in fields(kind)},
    }
    return type(kind)(kind.__name__, (kind, TrackedFields), namespace)


def _property_of(name: str) -> property:
    return property(lambda value: _cell(value, name).read(), lambda value, content: _cell(value, name).assign(content))


def _cell(value: object, name: str) -> Cell:
    trace = current_trace()
    found = None if trace is None else trace.fields.get(id(value))
    if found is None:
        raise StagingError(
            f"a {type(value).__name__} was kept after the staging run that made it",
            loc=caller_loc(),
            hint="return it from the staged function instead of storing it",
        )
    return found[1][name]


def _set_attribute(value: object, name: str, content: object) -> None:
    trace = current_trace()
    known = None if trace is None else trace.fields.get(id(value))
    if trace is not None and known is not None and name not in known[1]:
        require_changeable(trace, value)
    object.__setattr__(value, name, content)
