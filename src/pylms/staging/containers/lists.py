"""`StagedList`: a list of the run, with Python's methods. Each builds IR (DESIGN D7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ...errors import NotSupportedYetError, StagedTypeError
from ...ir import python_errors as errors
from ...ir.node import Atom, Const
from ...ir.ops import arithmetic
from ...ir.ops import lists as ops
from ...ir.ops.control import CHECK
from ...ir.primitive import Primitive
from ...ir.types import BOOL, INT, ContainerType, ElementType, ListType, RecordType, ScalarType, TextType, UnknownType
from ...loc import Loc, caller_loc
from ..raising import always_raise
from ..rep import StagedValue
from ..values import INT_MAX, INT_MIN, is_maybe
from .base import StagedContainer, describe_operand
from .elements import Place, as_leaves, put_together
from .sites import unify

if TYPE_CHECKING:
    from ..context import Trace


class StagedList(StagedContainer):
    """A staged list: a reference, as Python's are."""

    __slots__ = ()
    KIND, LENGTH = "list", ops.LIST_LENGTH

    @property
    def type(self) -> ListType:
        """What it holds."""
        assert isinstance(self.atom.type, ListType)
        return self.atom.type

    # Elements

    def __getitem__(self, index: object) -> object:
        if isinstance(index, slice):
            return self._slice(index)
        atom = as_int(self.trace, index, "list indices must be integers or slices")
        self._require_known("IndexError", "list index out of range")
        return self._element(ops.LIST_GET, [atom])

    def item(self, index: Atom) -> object:
        """The element at an index that is in range."""
        self._require_known("IndexError", "list index out of range")
        return self._element(ops.LIST_ITEM, [index])

    def _slice(self, bounds: slice) -> object:
        start, stop, step = slice_bounds(self.trace, bounds)
        return self._get(ops.LIST_SLICE, start, stop, step=step)

    def __setitem__(self, index: object, value: object) -> None:
        if isinstance(index, slice):
            _refuse_method("assigning to a slice", "assign the elements in a loop")
        atom = as_int(self.trace, index, "list indices must be integers or slices")
        self._do(ops.LIST_SET, atom, *self._leaves(value))

    def __delitem__(self, index: object) -> None:
        if isinstance(index, slice):
            _refuse_method("deleting a slice", "build a new list")
        self.pop(index)

    def append(self, value: object) -> None:
        """As Python's."""
        self._do(ops.LIST_APPEND, *self._leaves(value))

    def insert(self, index: object, value: object) -> None:
        """As Python's."""
        atom = as_int(self.trace, index, "an index must be an integer")
        self._do(ops.LIST_INSERT, atom, *self._leaves(value))

    def pop(self, index: object = -1) -> object:
        """As Python's."""
        atom = as_int(self.trace, index, "an index must be an integer")
        self._require_known("IndexError", "pop from empty list")
        return self._element(ops.LIST_POP, [atom])

    def remove(self, value: object) -> None:
        """As Python's."""
        found = self._found(value)
        (inside,) = self.trace.emit(arithmetic.GE, [found, Const(0, INT)])
        self.trace.emit(CHECK, [inside], attrs={"error": "ValueError", "message": errors.REMOVE_NOT_IN_LIST})
        self._element(ops.LIST_POP, [found])

    def index(self, value: object) -> object:
        """As Python's, without bounds."""
        return self._get(ops.LIST_INDEX, *self._leaves(value))

    def count(self, value: object) -> object:
        """As Python's."""
        return self._get(ops.LIST_COUNT, *self._leaves(value))

    def contains(self, value: object) -> object:
        """`value in self`."""
        (inside,) = self.trace.emit(arithmetic.GE, [self._found(value), Const(0, INT)])
        return self.trace.wrap(inside)

    def _found(self, value: object) -> Atom:
        return self.trace.emit(ops.LIST_FIND, [self._own(), *self._leaves(value)])[0]

    # The whole

    def extend(self, values: object) -> None:
        """As Python's, by another list, staged or plain, or a tuple."""
        other = self._as_list(values)
        self._do(ops.LIST_EXTEND, other)

    def clear(self) -> None:
        """As Python's."""
        self._do(ops.LIST_CLEAR)

    def reverse(self) -> None:
        """As Python's."""
        self._do(ops.LIST_REVERSE)

    def copy(self) -> object:
        """As Python's."""
        return self._slice(slice(None))

    def sort(self, *, key: object = None, reverse: object = False) -> None:
        """As Python's, without a key; `reverse` must be known now."""
        if key is not None:
            _refuse_method("sort() with a key", "sort a list of tuples that begin with the key")
        if not isinstance(reverse, (bool, int)):
            _refuse_method("sort() with a staged `reverse`", "branch on it: two calls")
        if not _is_ordered(self.type.element):
            raise StagedTypeError(
                f"a {self.type} cannot be sorted: its elements have no order here",
                loc=caller_loc(),
                hint="sort numbers, strings, or tuples of them",
            )
        self.trace.emit(ops.LIST_SORT, [self._own()], attrs={"reverse": bool(reverse)})

    def __add__(self, other: object) -> object:
        if is_maybe(other):
            other = other.required('can only concatenate list (not "NoneType") to list')
        if not isinstance(other, (StagedList, list)):
            raise StagedTypeError(
                f"can only concatenate a list to a list, not {describe_operand(other)}",
                loc=caller_loc(),
                hint="append it, or put it into a list",
            )
        return self._get(ops.LIST_CONCAT, self._as_list(other))

    def __radd__(self, other: object) -> object:
        if not isinstance(other, list):
            return NotImplemented
        (joined,) = self.trace.emit(ops.LIST_CONCAT, [self._as_list(other), self._own()])
        return self.trace.wrap(joined)

    def __iadd__(self, other: object) -> StagedList:
        self.extend(other)
        return self

    def __mul__(self, count: object) -> object:
        return self._get(ops.LIST_REPEAT, as_int(self.trace, count, "a list is repeated by an int"))

    __rmul__ = __mul__

    def __imul__(self, count: object) -> StagedList:
        repeated = self * count
        self.clear()
        self.extend(repeated)
        return self

    def __eq__(self, other: object) -> object:  # type: ignore[override]
        if is_maybe(other):
            return NotImplemented
        if not isinstance(other, (StagedList, list)):
            return False
        return self._get(ops.LIST_EQUAL, self._as_list(other))

    def __ne__(self, other: object) -> object:  # type: ignore[override]
        if is_maybe(other):
            return NotImplemented
        equal = self.__eq__(other)
        if not isinstance(equal, StagedValue):
            return not equal
        return self.trace.wrap(self.trace.emit(arithmetic.LOGICAL_NOT, [equal.atom])[0])

    # Helpers

    def _element(self, primitive: Primitive, args: list[Atom]) -> object:
        leaves = self.trace.emit(primitive, [self._own(), *args])
        return put_together(self.trace, self.type.element, leaves)

    def _leaves(self, value: object) -> list[Atom]:
        return as_leaves(self.trace, Place(self.type.element, "element", self.site), value)

    def _as_list(self, values: object) -> Atom:
        """Another list of the same type."""
        if isinstance(values, StagedList):
            if not unify(self.trace.sites, self.type.element, values.type.element):
                refuse_two_types(self.type, values.type)
            return values._own()
        if not isinstance(values, (list, tuple)):
            _refuse_method(f"adding {describe_operand(values)} to a staged list", "append the elements in a loop")
        leaves = [leaf for value in values for leaf in self._leaves(value)]
        return self.trace.emit(ops.LIST_NEW, leaves, attrs={"type": self.type})[0]

    def _require_known(self, error: str, message: str) -> None:
        require_known(self.trace, self.type.element, error, message)


def require_known(trace: Trace, element: ElementType, error: str, message: str) -> None:
    """Reading a container that nothing has been put into so far: if nothing ever is, it raises."""
    if isinstance(element, UnknownType):
        always_raise(trace, error, message)


def _is_ordered(element: ElementType) -> bool:
    if isinstance(element, RecordType):
        return all(map(_is_ordered, element.items))
    return isinstance(element, (ScalarType, TextType, UnknownType))


def new_list(trace: Trace, items: list[object], site: Loc) -> StagedList:
    """The run-time list that a display of those items makes."""
    place = Place(trace.sites.element(site, "element"), "element", site)
    leaves = [leaf for item in items for leaf in as_leaves(trace, place, item)]
    (atom,) = trace.emit(ops.LIST_NEW, leaves, attrs={"type": ListType(place.element)}, loc=site)
    return StagedList(atom, trace, site)


def as_int(trace: Trace, value: object, rule: str) -> Atom:
    """An index or a count, as an int. `rule` is what Python says of others."""
    atom = trace.try_lift(value)
    if atom is not None and atom.type == BOOL:
        return trace.emit(arithmetic.CONVERT, [atom], attrs={"dtype": INT})[0]
    if atom is None or not isinstance(atom.type, ScalarType) or not atom.type.is_integer:
        raise StagedTypeError(f"{rule}, not {describe_operand(value)}", loc=caller_loc(), hint="convert it: int(x)")
    if atom.type != INT:
        return trace.emit(arithmetic.CONVERT, [atom], attrs={"dtype": INT})[0]
    return atom


def slice_bounds(trace: Trace, bounds: slice) -> tuple[Atom, Atom, int]:
    """Start, stop and step of a slice; bounds left out are the furthest ints."""
    step = 1 if bounds.step is None else bounds.step
    if type(step) is not int:
        raise NotSupportedYetError(
            "a slice with a staged step is not supported yet", loc=caller_loc(), hint="use a step that is known now"
        )
    if step == 0:
        raise StagedTypeError("slice step cannot be zero", loc=caller_loc(), hint="use another step")
    furthest = (0, INT_MAX) if step > 0 else (INT_MAX, INT_MIN)
    rule = "slice indices must be integers or None"
    start, stop = (
        Const(default, INT) if bound is None else as_int(trace, bound, rule)
        for bound, default in zip((bounds.start, bounds.stop), furthest, strict=True)
    )
    return start, stop, step


def refuse_two_types(left: ContainerType, right: ContainerType) -> NoReturn:
    """The error of an operation on containers of different types."""
    raise StagedTypeError(
        f"a {left} and a {right} are given to one operation",
        loc=caller_loc(),
        hint="containers that meet hold values of the same types",
    )


def _refuse_method(what: str, hint: str) -> NoReturn:
    raise NotSupportedYetError(f"{what} is not supported yet", loc=caller_loc(), hint=hint)
