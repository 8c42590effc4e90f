"""What a signature knows of an argument: the types of its leaves, and how they make up its value.

Numbers, arrays and tensors are leaves. Tuples, named tuples and dataclasses travel as the leaves that they are made of,
and so do lists and dicts with arrays or tensors in them; None as what is made of none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from ..ir.types import ArrayType, ContainerType, ListType, TensorType, Type
from ..late import late_module
from ..records import record

if TYPE_CHECKING:
    from . import tensor_arguments
    from .containers import arguments
else:
    tensor_arguments = late_module("pylms.staging.tensor_arguments")
    arguments = late_module("pylms.staging.containers.arguments")


@record(frozen=True, slots=True)
class ArrayParameter:
    """An array as an argument: its type, and whether staged code may write into it."""

    type: ArrayType
    is_writeable: bool = True

    def __str__(self) -> str:
        return f"{self.type}" if self.is_writeable else f"read-only {self.type}"


@record(frozen=True, slots=True)
class TensorParameter:
    """A tensor as an argument: its type, shape included, and whether PyTorch would follow gradients to it."""

    type: TensorType
    requires_grad: bool = False

    def __str__(self) -> str:
        return f"{self.type}"


@record(frozen=True, slots=True)
class TupleParameter:
    """A tuple, named tuple, dataclass or None as an argument: its class, and what its items are.

    Or a list or dict with arrays or tensors in it; see `container_type`.
    """

    kind: type
    items: tuple[ParameterType, ...]

    def __str__(self) -> str:
        return "None" if self == NONE else f"{self.kind.__name__}({', '.join(map(str, self.items))})"


LeafType: TypeAlias = Type | ArrayParameter | TensorParameter


@record(frozen=True, slots=True)
class ContainerParameter:
    """A list or dict as an argument: its type, and the types of the columns that it travels as; none if it is empty."""

    type: ContainerType
    columns: tuple[LeafType, ...]

    def __str__(self) -> str:
        return f"{self.type}" if self.columns else f"empty {'list' if isinstance(self.type, ListType) else 'dict'}"


ParameterType: TypeAlias = LeafType | TupleParameter | ContainerParameter
Signature: TypeAlias = tuple[ParameterType, ...]
NONE = TupleParameter(type(None), ())


class TrackedFields:
    """A dataclass whose fields are cells (`fields`)."""

    __slots__ = ()


@lru_cache(maxsize=1024)
def _keywords_type(names: tuple[str, ...]) -> Any:
    """The class of tuples whose items have these names, which need not be Python's."""
    make: Any = classmethod(tuple.__new__)
    return type("keywords", (tuple,), {"__slots__": (), "_fields": names, "_make": make})


def keywords_of(values: Mapping[str, object]) -> object:
    """What a `**` parameter is given, as a named tuple."""
    return _keywords_type(tuple(values))._make(values.values())


def container_type(value: list[object] | dict[Any, object]) -> type:
    """What a list or dict is the leaves of: `list`, or a class of dicts with these keys."""
    return list if isinstance(value, list) else _dict_type(tuple(value))


@lru_cache(maxsize=1024)
def _dict_type(keys: tuple[object, ...]) -> type:
    return type("dict", (dict,), {"__slots__": (), "_fields": keys})


def item_names(kind: type, count: int) -> list[str]:
    """What the items of such a value are called: their fields, or their places."""
    if is_dataclass(kind):
        return [field.name for field in fields(kind)]
    named: tuple[object, ...] = getattr(kind, "_fields", ())
    return [str(name) for name in named or range(count)]


def items_of(value: Any) -> list[object] | None:
    """The items of a tuple, named tuple or dataclass; None for anything else."""
    kind = type(value)
    if kind is tuple or (isinstance(value, tuple) and hasattr(kind, "_fields")):
        return list(value)
    return [getattr(value, field.name) for field in fields(kind)] if is_dataclass(kind) else None


def parts_of(value: Any) -> list[object] | None:
    """As `items_of`, and what is in a list or dict of generation time."""
    if type(value) is list:
        return list(value)
    return list(value.values()) if type(value) is dict else items_of(value)


def is_changeable(value: object) -> bool:
    """Whether it is a dataclass whose fields can be assigned."""
    is_instance = is_dataclass(value) and not isinstance(value, type)
    return is_instance and not getattr(type(value), "__dataclass_params__").frozen  # noqa: B009 - not declared


def made_of(kind: Any, items: Sequence[object]) -> object:
    """The value of that class with those items. No `__init__` of a dataclass runs: what it checks holds already."""
    if kind is type(None):
        return None
    if issubclass(kind, tuple):
        return kind._make(items) if hasattr(kind, "_make") else tuple(items)
    if issubclass(kind, (list, dict)):
        return list(items) if kind is list else dict(zip(kind._fields, items, strict=True))
    made: object = object.__new__(kind)
    for name, item in zip(item_names(kind, len(items)), items, strict=True):
        object.__setattr__(made, name, item)
    return made


def takes_tensors(types: Sequence[ParameterType]) -> bool:
    """Whether tensors are among arguments of those types."""
    return any(isinstance(leaf, TensorParameter) for leaf in leaf_types(types))


def leaf_types(types: Sequence[ParameterType]) -> list[LeafType]:
    """The leaves of arguments of those types, in order."""
    return [leaf for type_ in types for leaf in _leaves_of(type_)]


def _leaves_of(type_: ParameterType) -> list[LeafType]:
    match type_:
        case TupleParameter(_, items):
            return leaf_types(items)
        case ContainerParameter(_, columns):
            return list(columns)
        case _:
            return [type_]


def leaf_names(names: Sequence[str], types: Sequence[ParameterType]) -> list[str]:
    """A name for each leaf."""
    found: list[str] = []
    for name, type_ in zip(names, types, strict=True):
        if isinstance(type_, TupleParameter):
            inner = [f"{name}_{item}" for item in item_names(type_.kind, len(type_.items))]
            found += leaf_names(inner, type_.items)
        elif isinstance(type_, ContainerParameter):
            found += [f"{name}_{place}" for place in range(len(type_.columns))]
        else:
            found.append(name)
    return found


def leaf_values(values: Sequence[object], types: Sequence[ParameterType]) -> list[object]:
    """The leaves themselves."""
    found: list[object] = []
    for value, type_ in zip(values, types, strict=True):
        if isinstance(type_, TupleParameter):
            found += leaf_values(parts_of(value) or (), type_.items)
        elif isinstance(type_, ContainerParameter):
            found += arguments.taken_apart(type_.type, [value]) if type_.columns else ()
        elif isinstance(type_, TensorParameter):
            found.append(tensor_arguments.in_order(value))
        else:
            found.append(value)
    return found


def rebuilt(type_: ParameterType, leaves: Iterator[object], make: Callable[[ContainerParameter], object]) -> object:
    """The value of that type over the next leaves; `make` makes lists and dicts of theirs."""
    match type_:
        case TupleParameter(kind, items):
            return made_of(kind, [rebuilt(item, leaves, make) for item in items])
        case ContainerParameter():
            return make(type_)
        case _:
            return next(leaves)
