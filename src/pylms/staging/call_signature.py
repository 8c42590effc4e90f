"""What tells one call of a function from another: its code, what that captured, its static arguments, the staged types.

In: a function and the arguments of a call. Out: a `Signature`, which can be compared, and the staged atoms in the
arguments. Plain numbers are static here; `covers` tells where a call may take them for staged ones.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType

from ..ir.node import Atom, Const
from ..ir.types import Type
from ..records import record
from ..virtualize import OPERATOR_NAMES
from .cells import Cell
from .context import Trace
from .parameters import is_changeable, items_of, made_of
from .rep import StagedValue
from .values import Leaf, Static, Structure, TupleOf, constant, is_maybe, maybe_of

_OPERATORS_FROM = ("pylms", "_operator")
_VALUES = (str, bytes, type(None))


@record(frozen=True, slots=True)
class Identical:
    """An object as a key: by identity. It is kept, so that no other object comes to its place."""

    value: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identical) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


@record(frozen=True, slots=True)
class Staged:
    """The key of a staged value."""

    type: Type


@record(frozen=True, slots=True)
class Signature:
    """`function` is the key of what is called, `arguments` those of the positional ones, then of the named ones.

    `modes` are the front's.
    """

    function: Hashable
    modes: Hashable
    names: tuple[str, ...]
    arguments: tuple[Hashable, ...]

    def covers(self, other: Signature) -> bool:
        """Whether what was traced for this call serves the other one: it may have a number where this is staged."""
        same = self.function == other.function and self.names == other.names and self.modes == other.modes
        return same and _all_cover(self.arguments, other.arguments)


def _all_cover(general: Sequence[Hashable], special: Sequence[Hashable]) -> bool:
    return len(general) == len(special) and all(map(_covers, general, special))


def _covers(general: Hashable, special: Hashable) -> bool:
    if isinstance(general, tuple) and isinstance(special, tuple):
        return _all_cover(general, special)
    return general == special or (
        isinstance(general, Staged) and isinstance(special, Const) and special.type == general.type
    )


def code_of(function: Callable[..., object]) -> CodeType | None:
    """The code object behind a Python function."""
    return getattr(function, "__code__", None)


def signature_of(
    trace: Trace, function: Callable[..., object], structure: TupleOf, kwargs: Mapping[str, object], modes: Hashable
) -> Signature:
    """The signature of a call whose arguments have that structure."""
    key = identity_of(trace, function, set())
    return Signature(key, modes, tuple(kwargs), tuple(_key_of(trace, item) for item in structure.items))


def _key_of(trace: Trace, structure: Structure) -> Hashable:
    match structure:
        case Leaf(type_):
            return Staged(type_)
        case Static(value):
            return identity_of(trace, value, set())
        case TupleOf(items, _, name):
            return (name, *[_key_of(trace, item) for item in items])


def identity_of(trace: Trace, value: object, visited: set[int]) -> Hashable:
    """A key for a value of generation time: equal keys mean that code which uses it is traced alike."""
    if isinstance(value, StagedValue):
        return Identical(value.atom)
    if isinstance(value, Cell):
        return trace.birth_of(value)
    number = constant(value)
    if number is not None:
        return number
    if isinstance(value, _VALUES):
        return (type(value), value)
    if isinstance(value, (FunctionType, MethodType, partial)):
        return _identity_of_callable(trace, value, visited)
    return Identical(value)


def _identity_of_callable(
    trace: Trace, function: FunctionType | MethodType | partial[object], visited: set[int]
) -> Hashable:
    if id(function) in visited:
        return "itself"
    visited.add(id(function))
    if isinstance(function, MethodType):
        return (identity_of(trace, function.__func__, visited), Identical(function.__self__))
    if isinstance(function, partial):
        parts = (function.func, *function.args, *function.keywords.values())
        return (*[identity_of(trace, part, visited) for part in parts], *function.keywords)
    parts = (*_captured(function), *(function.__defaults__ or ()))
    return (Identical(function.__code__), *[identity_of(trace, part, visited) for part in parts])


def _captured(function: FunctionType) -> list[object]:
    """What a function's variables from around it hold, without the operators that virtualised code calls."""
    contents = map(_content_of, function.__closure__ or ())
    named = zip(function.__code__.co_freevars, contents, strict=True)
    return [content for name, content in named if not _is_operator(name, content)]


def _is_operator(name: str, content: object) -> bool:
    # In classes, Python puts the name of the class before that of the operator.
    is_named_so = name.startswith("_") and f"__{name.rpartition('__')[2]}" in OPERATOR_NAMES
    return is_named_so and getattr(content, "__module__", "").partition(".")[0] in _OPERATORS_FROM


def _content_of(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return cell


def take_apart(trace: Trace, value: object, atoms: list[Atom], *, numbers: bool) -> Structure:
    """The structure of an argument; staged parts go to `atoms`. `numbers`: whether plain numbers count as staged."""
    if is_maybe(value):
        atoms.append(trace.lift(value.present))
        return maybe_of(take_apart(trace, value.value, atoms, numbers=True))
    if isinstance(value, tuple):
        items = tuple(take_apart(trace, item, atoms, numbers=numbers) for item in value)
        kind = type(value)
        make: Callable[[list[object]], object] = getattr(kind, "_make", tuple)
        return TupleOf(items, make, kind.__name__)
    fields = None if is_changeable(value) else items_of(value)
    if fields is not None:
        parts: list[Atom] = []
        structures = tuple(take_apart(trace, field, parts, numbers=numbers) for field in fields)
        if parts:
            atoms += parts
            return TupleOf(structures, partial(made_of, type(value)), type(value).__name__)
    if not trace.is_staged(value) and not (numbers and constant(value) is not None):
        return Static(value)
    atom = trace.lift(value)
    atoms.append(atom)
    return Leaf(atom.type)


def leaves_for(trace: Trace, structure: Structure, value: object) -> list[Atom]:
    """The atoms of an argument for parameters of that structure, which its own signature is covered by."""
    match structure:
        case Leaf():
            return [trace.lift(value)]
        case Static():
            return []
        case TupleOf(items, _, _):
            parts = value if isinstance(value, tuple) else value.parts() if is_maybe(value) else items_of(value)
            assert parts is not None
            return [atom for item, part in zip(items, parts, strict=True) for atom in leaves_for(trace, item, part)]
