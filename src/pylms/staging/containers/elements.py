"""What goes into containers and comes out of them: Python values, and the leaves that the IR knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from ...errors import StagedTypeError
from ...ir.node import Atom, Const
from ...ir.types import (
    BOOL,
    FLOAT,
    FLOAT64,
    INT,
    INT64,
    DictType,
    ElementType,
    ListType,
    RecordType,
    ScalarType,
    TextType,
    UnknownType,
)
from ...loc import Loc, caller_loc
from ...records import record
from ..values import Leaf, Structure, TupleOf, describe_static
from .sites import Restart, unify
from .traced import TracedDict, TracedList

if TYPE_CHECKING:
    from ..context import Trace


@record(frozen=True, slots=True)
class Place:
    """Where elements go: `element` as far as it is known, and for messages and widening, of which container.

    `site`: where the container was made, if that is known here; `role`: "element", "key" or "value".
    """

    element: ElementType
    role: str
    site: Loc | None = None


def as_leaves(trace: Trace, place: Place, value: object) -> list[Atom]:
    """The leaves of a value that is put into a container. Located error where it does not fit.

    The first value settles what is not known of the container yet, and starts the trace again.
    """
    found, atoms = taken_apart(trace, value)
    if isinstance(place.element, UnknownType):
        is_literal = all(isinstance(atom, Const) for atom in atoms)
        trace.sites.settle(place.element, found, is_literal=is_literal)
        raise Restart
    return _fitted(trace, place, found, atoms)


def _fitted(trace: Trace, place: Place, found: ElementType, atoms: list[Atom]) -> list[Atom]:
    if found == INT and place.element == FLOAT and isinstance(atoms[0], Const):
        if float(atoms[0].value) != atoms[0].value:
            refuse_element(place, f"the int {atoms[0].value}")
        return [Const(float(atoms[0].value), FLOAT)]
    if found == FLOAT and place.element == INT:
        trace.sites.widen(place.site, place.role)
    if isinstance(place.element, RecordType) and isinstance(found, RecordType):
        atoms = _fitted_items(trace, place.element, found, atoms)
    elif not unify(trace.sites, place.element, found):
        refuse_element(place, describe_element(found))
    if found == INT and not isinstance(atoms[0], Const):
        trace.sites.is_firm(place.site, place.role)
    return atoms


def _fitted_items(trace: Trace, expected: RecordType, found: RecordType, atoms: list[Atom]) -> list[Atom]:
    """The leaves of a tuple, item by item."""
    if len(expected.items) != len(found.items):
        refuse_element(Place(expected, "element"), describe_element(found))
    fitted: list[Atom] = []
    rest = list(atoms)
    for wanted, item in zip(expected.items, found.items, strict=True):
        count = _leaf_count(item)
        fitted += _fitted(trace, Place(wanted, "element"), item, rest[:count])
        rest = rest[count:]
    return fitted


def _leaf_count(element: ElementType) -> int:
    return sum(map(_leaf_count, element.items)) if isinstance(element, RecordType) else 1


def taken_apart(trace: Trace, value: object) -> tuple[ElementType, list[Atom]]:
    """The type that a value has as an element, and its leaves. Located error for what containers cannot hold."""
    if isinstance(value, tuple):
        parts = [taken_apart(trace, item) for item in value]
        if not parts:
            refuse_value("an empty tuple")
        return RecordType(tuple(type_ for type_, _ in parts)), [atom for _, atoms in parts for atom in atoms]
    if isinstance(value, (TracedList, TracedDict)):
        trace.sites.make_run_time(value.site)
    atom = trace.lift(value) if type(value) is str else trace.try_lift(value)
    if atom is None:
        refuse_value(describe_static(value))
    if isinstance(atom.type, ScalarType) and atom.type not in _NUMBERS:
        refuse_value(f"a NumPy {atom.type}", "convert it: int(x), float(x)")
    if not isinstance(atom.type, (ScalarType, TextType, ListType, DictType)):
        refuse_value(f"a {atom.type}")
    return atom.type, [atom]


def put_together(trace: Trace, element: ElementType, leaves: Sequence[Atom]) -> object:
    """The Python value that an element of a container is."""
    return trace.unflatten(structure_of(element), iter(leaves))


def structure_of(element: ElementType) -> Structure:
    """An element as branches and cells know it."""
    if isinstance(element, RecordType):
        return TupleOf(tuple(map(structure_of, element.items)), tuple, "tuple")
    assert not isinstance(element, UnknownType), "what is not settled is not read"
    return Leaf(element)


def describe_element(element: ElementType) -> str:
    """How messages name what containers hold."""
    match element:
        case ListType():
            return f"a {element}"
        case DictType():
            return f"a {element}"
        case RecordType(items):
            return f"a tuple ({', '.join(map(describe_element, items))})"
        case UnknownType():
            return "nothing yet"
        case TextType() | ScalarType():
            return str(element)


def refuse_element(place: Place, found: str) -> NoReturn:
    """The error of a value that is not of the type that a container holds."""
    what = {"element": "a staged list", "key": "the keys of a staged dict", "value": "the values of a staged dict"}
    verb = "holds" if place.role == "element" else "are"
    raise StagedTypeError(
        f"{what[place.role]} {verb} {describe_element(place.element)}, and {found} is given here",
        loc=caller_loc(),
        hint="a staged container holds values of one type, that of the first one; convert the value",
    )


# Of NumPy's those that fill a word, as Python's do.
_NUMBERS = (BOOL, INT, FLOAT, INT64, FLOAT64)
_HELD = "they hold bools, ints, floats, strings, lists, dicts, and tuples of them"


def refuse_value(found: str, hint: str = _HELD) -> NoReturn:
    """The error of a value that no staged container can hold."""
    raise StagedTypeError(f"{found} cannot be put into a staged list or dict", loc=caller_loc(), hint=hint)
