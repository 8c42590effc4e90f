"""Frozen dataclasses with slots, made in a quarter of the time: what all of them have in common is not compiled anew.

`record` is `dataclasses.dataclass` to type checkers and readers, and what it makes is a dataclass in every respect:
fields, `replace`, patterns, comparison, hashing, pickling and the error of an assignment. `import pylms` makes several
dozen of them (ADR 11).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, Literal, TypeVar

Class = TypeVar("Class", bound=type)


def _record(*, frozen: Literal[True], slots: Literal[True], eq: bool = True) -> Callable[[Class], Class]:
    """As `dataclass` with these arguments. Fields may have defaults; there are no factories and no `__post_init__`."""

    def decorate(written: Class) -> Class:
        made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(written)
        names = tuple(field.name for field in fields(made))
        made.__dataclass_params__.frozen = True
        made.__new__ = _maker_of_first(made)
        methods: dict[str, object] = {
            "__repr__": _representation(names),
            "__setattr__": _refuse_assignment,
            "__delattr__": _refuse_deletion,
            "__reduce__": _reduced(names),
            **(_comparison(names) if eq else {}),
        }
        own = vars(written)
        for name, method in methods.items():
            if own.get(name) is None:
                setattr(made, name, method)
        return made  # type: ignore[no-any-return]

    return decorate


def _maker_of_first(cls: type) -> Callable[..., object]:
    """`__new__` until there is an instance: of many classes, none is ever made."""

    def __new__(kind: type, *values: object, **named: object) -> object:
        cls.__new__ = made = _maker(cls)  # type: ignore[assignment]
        return made(kind, *values, **named)

    return __new__


def _maker(cls: type) -> Callable[..., object]:
    """`__new__`, compiled: IR is made of records, and making them takes most of the time.

    The interpreter assigns to slots fastest where nothing refuses it: an object begins its life in a class of the same
    slots without that refusal.
    """
    names = tuple(field.name for field in fields(cls))
    assigned = {"__slots__": cls.__slots__, "__setattr__": object.__setattr__}  # type: ignore[attr-defined]
    known: dict[str, Any] = {"new": object.__new__, "unfinished": type(cls.__name__, cls.__bases__, assigned)}
    parameters = ["cls"]
    for field in fields(cls):
        assert field.default_factory is MISSING, "a record's defaults are values"
        known[f"default_{field.name}"] = field.default
        parameters.append(field.name if field.default is MISSING else f"{field.name}=default_{field.name}")
    lines = [
        "self = new(unfinished)",
        *[f"self.{name} = {name}" for name in names],
        "self.__class__ = cls",
        "return self",
    ]
    exec(f"def __new__({', '.join(parameters)}): {'; '.join(lines)}", known)
    made: Callable[..., object] = known["__new__"]
    made.__qualname__ = f"{cls.__qualname__}.__new__"
    return made


def _values(names: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    """What gives the fields of a record."""
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return lambda _record: ()
    value = attrgetter(*names)
    return lambda record: (value(record),)


def _comparison(names: tuple[str, ...]) -> dict[str, object]:
    """Records of one class are equal where their fields are."""
    values = _values(names)

    def __eq__(self: object, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: object) -> int:
        return hash(values(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


def _representation(names: tuple[str, ...]) -> Callable[[object], str]:
    @recursive_repr()
    def __repr__(self: object) -> str:
        shown = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
        return f"{self.__class__.__qualname__}({shown})"

    return __repr__


def _reduced(names: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    values = _values(names)
    return lambda self: (self.__class__, values(self))


def _refuse_assignment(self: object, name: str, value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    record = _record

__all__ = ["record"]
