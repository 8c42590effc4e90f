"""Between Python values and IR atoms.

A `Front` says which Python values stand for staged ones: scalars always (`Rep`), tensors where a front knows
them. `flatten` takes a Python value apart into leaves that may be staged and a `Structure` that puts it together
again, so that branches, cells and results may hold tuples.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, cast

from ..ir.node import Atom, Const
from ..ir.types import BOOL, FLOAT, INT, SCALAR_TYPES, ScalarType, Type
from ..late import late_module
from ..records import record

if TYPE_CHECKING:
    from . import maybe
    from .cells import Cell
    from .context import Trace
    from .operators.native_loop import LoopBody
    from .rep import Rep
else:
    maybe = late_module("pylms.staging.maybe")

INT_MIN, INT_MAX = -(2**63), 2**63 - 1


class LoopPlan(Protocol):
    """How a native loop runs over an iterable that a front knows (a data loader)."""

    def run(self, trace: Trace, item_of: Callable[[object, object], object], body: LoopBody) -> None:
        """Trace the loop. `item_of` makes what the body takes of an item's number and the item."""


class TriedPlan(LoopPlan, Protocol):
    """The same for what Python iterates over, unless the loop's body comes to a native loop (a training step)."""

    @property
    def first(self) -> object:
        """An item to try the body with."""


@record(frozen=True, slots=True)
class Segment:
    """`count` items of one shape, the first of which is item number `first` of the whole iteration."""

    first: int
    count: int
    item: Callable[[object], object]
    """Emits item number i (a plain int or a Rep, counted over the whole iteration) and gives its Python value."""


class Front(Protocol):
    """What a kind of staging knows beyond Python scalars."""

    @property
    def makes_arrays(self) -> bool:
        """Whether NumPy's functions make staged arrays, rather than arrays of generation time."""

    def atom_of(self, trace: Trace, value: object) -> Atom | None:
        """The atom a staged or liftable value stands for, or None. May emit (reading a captured buffer)."""

    def is_staged(self, value: object) -> bool:
        """Whether the value stands for an IR value (and is not merely liftable)."""

    def modes(self) -> Hashable:
        """What besides its arguments decides how a function is traced now (whether gradients are wanted)."""

    def content_of(self, value: object) -> object:
        """What stands for the content of a value that is not staged, where only the run knows it; else the value."""

    def keeps_changes(self, value: object) -> bool:
        """Whether stores to it, though it is not staged, go into the compiled code (a parameter's gradient)."""

    def value_of(self, trace: Trace, atom: Atom) -> object:
        """The Python value that stands for an atom of a type this front knows."""

    def argument(self, trace: Trace, atom: Atom, *, requires_grad: bool) -> object:
        """The Python value that stands for a tensor that the staged function is given."""

    def held(self, cell: Cell, value: object) -> object:
        """What reading a variable that holds a tensor gives: `value`, which was made for its present content."""

    def hold(self, cell: Cell, value: object) -> None:
        """A variable that holds a tensor is assigned this one."""

    def loop_plan(self, trace: Trace, iterable: object) -> LoopPlan | None:
        """How to loop over an iterable natively, or None where Python iterates it while generating."""

    def stand_in(self, function: Callable[..., object]) -> Callable[..., object]:
        """What is called in place of a function or class of a library, so that it is staged; others as they are."""

    def tried_plan(self, trace: Trace, iterable: object) -> TriedPlan | None:
        """How to loop natively over what holds or makes batches, if the loop's body takes that; None for others."""

    def snapshot(self, trace: Trace) -> Callable[[], None]:
        """Remember state that tracing may change outside cells (RNG, gradients); the result restores it."""

    def moment(self, trace: Trace) -> Callable[[], None]:
        """Remember what it knows now of state that tracing goes through; the result brings that back."""

    def session(self, trace: Trace) -> AbstractContextManager[None]:
        """What must be in force while the function is traced (a TorchFunctionMode)."""

    def resumed(self, trace: Trace) -> AbstractContextManager[None]:
        """The same, for a trace that was over."""

    def finish(self, trace: Trace, result: object) -> object:
        """The function's result with every part that is no scalar replaced by a `Deferred`."""


class ScalarFront:
    """Python scalars and NumPy arrays: the front of `@stage`."""

    makes_arrays = True

    def atom_of(self, trace: Trace, value: object) -> Atom | None:
        return None

    def is_staged(self, value: object) -> bool:
        return False

    def modes(self) -> Hashable:
        return None

    def content_of(self, value: object) -> object:
        return value

    def keeps_changes(self, value: object) -> bool:
        return False

    def value_of(self, trace: Trace, atom: Atom) -> object:
        raise AssertionError(f"no Python value stands for {atom.type}")

    def argument(self, trace: Trace, atom: Atom, *, requires_grad: bool) -> object:
        return self.value_of(trace, atom)

    def held(self, cell: Cell, value: object) -> object:
        return value

    def hold(self, cell: Cell, value: object) -> None:
        return None

    def loop_plan(self, trace: Trace, iterable: object) -> LoopPlan | None:
        return None

    def stand_in(self, function: Callable[..., object]) -> Callable[..., object]:
        return function

    def tried_plan(self, trace: Trace, iterable: object) -> TriedPlan | None:
        return None

    def snapshot(self, trace: Trace) -> Callable[[], None]:
        return _nothing

    def moment(self, trace: Trace) -> Callable[[], None]:
        return _nothing

    def session(self, trace: Trace) -> AbstractContextManager[None]:
        return nullcontext()

    def resumed(self, trace: Trace) -> AbstractContextManager[None]:
        return nullcontext()

    def finish(self, trace: Trace, result: object) -> object:
        return result


@record(frozen=True, slots=True)
class Deferred:
    """A part of a staged function's result that Python makes after each run (a tensor that the run filled)."""

    get: Callable[[], object]


def _nothing() -> None:
    return None


def constant(value: object) -> Const | None:
    """The constant that a Python or NumPy number stands for; None for anything else and for ints beyond 64 bits."""
    if type(value) is bool:
        return Const(value, BOOL)
    if type(value) is int:
        return Const(value, INT) if INT_MIN <= value <= INT_MAX else None
    if type(value) is float:
        return Const(value, FLOAT)
    if type(value).__module__ == "numpy" and (type_ := SCALAR_TYPES.get(type(value).__name__.rstrip("_"))) is not None:
        number: bool | int | float = value.item()  # type: ignore[attr-defined]
        return Const(number, type_)
    return None


@record(frozen=True, slots=True)
class MadeAnew:
    """A list or dict of a result: its items, and how each call makes a new one of them."""

    items: tuple[object, ...]
    make: Callable[[list[object]], object]

    @staticmethod
    def like(container: list[Any] | dict[Any, Any], items: Iterable[object]) -> MadeAnew:
        """A list, or a dict with the keys of that one, of these items."""
        make = partial(_dict_of, list(container)) if isinstance(container, dict) else list
        return MadeAnew(tuple(items), make)


def _dict_of(keys: Sequence[object], values: Sequence[object]) -> dict[object, object]:
    return dict(zip(keys, values, strict=True))


@record(frozen=True, slots=True)
class Leaf:
    """A place for one atom of that type."""

    type: Type


LEAVES: Mapping[Type, Leaf] = {type_: Leaf(type_) for type_ in SCALAR_TYPES.values()}
"""Those for numbers."""


@record(frozen=True, slots=True)
class Static:
    """A value that only exists while generating; it is the same at every run."""

    value: object


@record(frozen=True, slots=True)
class TupleOf:
    """A tuple (or named tuple) of structures; `make` builds it from the list of its items."""

    items: tuple[Structure, ...]
    make: Callable[[list[object]], object]
    name: str


Structure = Leaf | Static | TupleOf
_MAYBE = "value or None"


class Maybe:
    """None or a value, which the run knows."""

    __slots__ = ()


def is_maybe(value: object) -> TypeGuard[maybe.StagedMaybe]:
    """Whether it is None or a value, which the run knows."""
    return isinstance(value, Maybe)


def maybe_of(item: Structure) -> Structure:
    """The structure of what is None or has that structure: a bool, whether it is there, and the value."""
    return TupleOf((Leaf(BOOL), item), _made_maybe, _MAYBE)


def _made_maybe(parts: list[object]) -> object:
    present, value = parts
    if isinstance(present, bool):
        return value if present else None
    return maybe.StagedMaybe(cast("Rep", present), value)


def item_of_maybe(structure: Structure) -> Structure | None:
    """The structure of the value, where a structure is that of None or a value."""
    return structure.items[1] if isinstance(structure, TupleOf) and structure.name == _MAYBE else None


def is_none(structure: Structure) -> bool:
    """Whether it is that of None."""
    return isinstance(structure, Static) and structure.value is None


def leaf_types(structure: Structure) -> list[Type]:
    """The types of the atoms that a value of that structure is made of, in order."""
    match structure:
        case Leaf(type_):
            return [type_]
        case Static():
            return []
        case TupleOf(items, _, _):
            return [type_ for item in items for type_ in leaf_types(item)]


def same_structure(left: Structure, right: Structure) -> bool:
    """Whether two values have one shape: the same nesting, leaf types, and static parts."""
    if left is right:
        return True
    match left, right:
        case Leaf(left_type), Leaf(right_type):
            return left_type == right_type
        case Static(left_value), Static(right_value):
            return same_static(left_value, right_value)
        case TupleOf(left_items, _, left_name), TupleOf(right_items, _, right_name):
            return (
                left_name == right_name
                and len(left_items) == len(right_items)
                and all(same_structure(a, b) for a, b in zip(left_items, right_items, strict=True))
            )
        case _:
            return False


def same_static(left: object, right: object) -> bool:
    """Identity, or equality of immutable plain values."""
    if left is right:
        return True
    return type(left) is type(right) and isinstance(left, (bool, int, float, str, bytes)) and left == right


def describe(structure: Structure) -> str:
    """How error messages name a kind of value: `int`, `a tuple`, `a list`."""
    match structure:
        case Leaf(type_):
            return f"{type_}" if isinstance(type_, ScalarType) else f"a {type_}"
        case Static(value):
            return describe_static(value)
        case TupleOf((_, item), _, name) if name == _MAYBE:
            return f"{describe(item)} or None"
        case TupleOf(items, _, name):
            return f"a {name} of {len(items)}"


def describe_static(value: object) -> str:
    """The same for a value of generation time."""
    if value is None:
        return "None"
    if type(value) is int and constant(value) is None:
        return "an int beyond 64 bits"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
