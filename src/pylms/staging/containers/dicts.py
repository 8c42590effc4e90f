"""`StagedDict`: a dict of the run, with Python's methods and views. Each builds IR (DESIGN D7)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn, cast

from ...errors import NotSupportedYetError, StagedTypeError
from ...ir.node import Atom, Const
from ...ir.ops import arithmetic
from ...ir.ops import dicts as ops
from ...ir.ops.control import CHECK, IF
from ...ir.types import BOOL, INT, DictType, UnknownType
from ...loc import Loc, caller_loc
from ..kinds import DictView
from ..raising import AlwaysRaises
from ..rep import StagedValue
from ..values import is_maybe
from .base import StagedContainer, describe_operand, refuse_use
from .elements import Place, as_leaves, put_together
from .lists import refuse_two_types
from .sites import Restart, unify

if TYPE_CHECKING:
    from ..context import Trace

_ABSENT = object()


class StagedDict(StagedContainer):
    """A staged dict: a reference, as Python's are."""

    __slots__ = ()
    KIND, LENGTH = "dict", ops.DICT_LENGTH

    @property
    def type(self) -> DictType:
        """What its keys and values are."""
        assert isinstance(self.atom.type, DictType)
        return self.atom.type

    def __getitem__(self, key: object) -> object:
        leaves = self._key(key)
        self._require_known()
        return put_together(self.trace, self.type.value, self.trace.emit(ops.DICT_GET, [self._own(), *leaves]))

    def __setitem__(self, key: object, value: object) -> None:
        self.trace.emit(ops.DICT_SET, [self._own(), *self._entry(key, value)])

    def __delitem__(self, key: object) -> None:
        self.trace.emit(ops.DICT_DELETE, [self._own(), *self._key(key)])

    def get(self, key: object, default: object = _ABSENT) -> object:
        """As Python's; the default must be given."""
        if default is _ABSENT or default is None:
            raise NotSupportedYetError(
                "`get` without a default gives None, and a staged value is of one type",
                loc=caller_loc(),
                hint="give a default: d.get(key, 0)",
            )
        leaves = self._key(key, default)
        default_leaves = as_leaves(self.trace, self._place("value"), default)
        return self._if_found(leaves, self._value_leaves, lambda: default_leaves)

    def setdefault(self, key: object, default: object) -> object:
        """As Python's; the default must be given."""
        entry = self._entry(key, default)
        leaves = self._key(key)
        default_leaves = entry[len(leaves) :]

        def insert() -> Sequence[Atom]:
            self.trace.emit(ops.DICT_SET, [self._own(), *entry])
            return default_leaves

        return self._if_found(leaves, self._value_leaves, insert)

    def pop(self, key: object, default: object = _ABSENT) -> object:
        """As Python's."""
        if default is _ABSENT:
            value = self[key]
            del self[key]
            return value
        leaves = self._key(key, default)
        default_leaves = as_leaves(self.trace, self._place("value"), default)

        def take(position: Atom) -> Sequence[Atom]:
            value = self._value_leaves(position)
            self.trace.emit(ops.DICT_DELETE, [self._own(), *leaves])
            return value

        return self._if_found(leaves, take, lambda: default_leaves)

    def contains(self, key: object) -> object:
        """`key in self`."""
        return self.trace.wrap(self._is_found(self._position(self._key(key))))

    def clear(self) -> None:
        """As Python's."""
        self.trace.emit(ops.DICT_CLEAR, [self._own()])

    def copy(self) -> object:
        """As Python's."""
        return self._get(ops.DICT_COPY)

    def update(self, other: object) -> None:
        """As Python's, by another dict, staged or plain."""
        if isinstance(other, StagedDict):
            self.trace.emit(ops.DICT_UPDATE, [self._own(), self._same_type(other)])
            return
        if not isinstance(other, Mapping):
            _refuse_method(f"updating a staged dict by {describe_operand(other)}", "assign the entries in a loop")
        for key, value in other.items():
            self[key] = value

    def keys(self) -> StagedKeys:
        """The view of the keys: to loop over, to search, and for list()."""
        return StagedKeys(self)

    def values(self) -> StagedValues:
        """The view of the values: to loop over, and for list()."""
        return StagedValues(self)

    def items(self) -> StagedItems:
        """The view of the entries: to loop over."""
        return StagedItems(self)

    def popitem(self) -> NoReturn:
        """Not there yet."""
        _refuse_method("popitem()", "pop a key that you know")

    def __ior__(self, other: object) -> StagedDict:
        self.update(other)
        return self

    def __or__(self, other: object) -> object:
        both = cast(StagedDict, self.copy())
        both.update(other)
        return both

    def __eq__(self, other: object) -> object:  # type: ignore[override]
        if is_maybe(other):
            return NotImplemented
        if not isinstance(other, StagedDict):
            if isinstance(other, dict):
                _refuse_method("comparing a staged dict with a plain one", "make both staged")
            return False
        return self._get(ops.DICT_EQUAL, self._same_type(other))

    def __ne__(self, other: object) -> object:  # type: ignore[override]
        if is_maybe(other):
            return NotImplemented
        equal = self.__eq__(other)
        if not isinstance(equal, StagedValue):
            return not equal
        return self.trace.wrap(self.trace.emit(arithmetic.LOGICAL_NOT, [equal.atom])[0])

    # Positions

    def key_at(self, position: Atom) -> object:
        """The key of the entry at a position that was found."""
        return put_together(self.trace, self.type.key, self.trace.emit(ops.DICT_KEY, [self._own(), position]))

    def value_at(self, position: Atom) -> object:
        """The value of the entry at a position that was found."""
        return put_together(self.trace, self.type.value, self._value_leaves(position))

    def _value_leaves(self, position: Atom) -> Sequence[Atom]:
        return self.trace.emit(ops.DICT_VALUE, [self._own(), position])

    def _position(self, leaves: list[Atom]) -> Atom:
        return self.trace.emit(ops.DICT_FIND, [self._own(), *leaves])[0]

    def _is_found(self, position: Atom) -> Atom:
        return self.trace.emit(arithmetic.GE, [position, Const(0, INT)])[0]

    def _if_found(
        self, key: list[Atom], found: Callable[[Atom], Sequence[Atom]], absent: Callable[[], Sequence[Atom]]
    ) -> object:
        """The value that one of two blocks gives, by whether there is such a key."""
        trace, position = self.trace, self._position(key)
        test = self._is_found(position)
        with trace.builder.block() as then:
            found_leaves = found(position)
        with trace.builder.block() as otherwise:
            absent_leaves = absent()
        blocks = (then.finish(found_leaves), otherwise.finish(absent_leaves))
        return put_together(trace, self.type.value, trace.emit(IF, [test], blocks=blocks))

    # Helpers

    def _place(self, role: str) -> Place:
        return Place(self.type.key if role == "key" else self.type.value, role, self.site)

    def _key(self, key: object, value: object = _ABSENT) -> list[Atom]:
        """The leaves of a key that is looked for: a bool finds the int that it equals."""
        if self.type.key == INT:
            atom = self.trace.try_lift(key)
            if atom is not None and atom.type == BOOL:
                return list(self.trace.emit(arithmetic.CONVERT, [atom], attrs={"dtype": INT}))
        return self._new_key(key, value)

    def _new_key(self, key: object, value: object) -> list[Atom]:
        """The leaves of a key that is put in. `value`: what goes with it, so that both are settled in one restart."""
        require_hashable(key)
        try:
            return as_leaves(self.trace, self._place("key"), key)
        except Restart:
            if value is not _ABSENT and isinstance(self.type.value, UnknownType):
                as_leaves(self.trace, self._place("value"), value)
            raise

    def _entry(self, key: object, value: object) -> list[Atom]:
        return [*self._new_key(key, value), *as_leaves(self.trace, self._place("value"), value)]

    def _same_type(self, other: StagedDict) -> Atom:
        sites = self.trace.sites
        if not (unify(sites, self.type.key, other.type.key) and unify(sites, self.type.value, other.type.value)):
            refuse_two_types(self.type, other.type)
        return other._own()

    def _require_known(self) -> None:
        """Reading a dict that nothing has been put into so far: if nothing ever is, it raises."""
        if isinstance(self.type.value, UnknownType):
            self.trace.emit(CHECK, [Const(False, BOOL)], attrs={"error": "KeyError", "message": ""})
            raise AlwaysRaises


def require_hashable(key: object) -> None:
    """TypeError, as Python raises it, for a key that is a container."""
    if isinstance(key, (list, dict, set)) or getattr(key, "__hash__", None) is None:
        raise StagedTypeError(
            f"unhashable key: {describe_operand(key)}", loc=caller_loc(), hint="use a tuple of its elements"
        )


class StagedView(DictView, ABC):
    """A view of a staged dict: `dict` is what it looks at, `at` gives what it has for the entry at a position."""

    def __init__(self, of: StagedDict) -> None:
        self.dict = of

    @abstractmethod
    def at(self, position: Atom) -> object:
        """What the view has for an entry."""

    def length(self) -> object:
        """What `len()` is."""
        return self.dict.length()

    def __iter__(self) -> NoReturn:
        refuse_use("a view of a staged dict", "iterated over here", "loop over it with a for statement")

    def __len__(self) -> int:
        refuse_use("a view of a staged dict", "asked for its length here", "call len() in a decorated function")

    def __contains__(self, key: object) -> bool:
        refuse_use("a view of a staged dict", "searched here", "use `in` in a decorated function")


class StagedKeys(StagedView):
    """`d.keys()`."""

    def at(self, position: Atom) -> object:
        return self.dict.key_at(position)

    def contains(self, key: object) -> object:
        """`key in d.keys()`."""
        return self.dict.contains(key)

    def as_list(self) -> object:
        """`list(d.keys())`."""
        return self.dict._get(ops.DICT_KEYS)


class StagedValues(StagedView):
    """`d.values()`."""

    def at(self, position: Atom) -> object:
        return self.dict.value_at(position)

    def contains(self, value: object) -> object:
        """`value in d.values()`."""
        return cast("StagedKeys", self.as_list()).contains(value)

    def as_list(self) -> object:
        """`list(d.values())`."""
        return self.dict._get(ops.DICT_VALUES)


class StagedItems(StagedView):
    """`d.items()`."""

    def at(self, position: Atom) -> object:
        return self.dict.key_at(position), self.dict.value_at(position)


def new_dict(trace: Trace, items: Iterable[tuple[object, object]], site: Loc) -> StagedDict:
    """The run-time dict that a display of those entries makes."""
    type_ = DictType(trace.sites.element(site, "key"), trace.sites.element(site, "value"))
    (atom,) = trace.emit(ops.DICT_NEW, [], attrs={"type": type_}, loc=site)
    made = StagedDict(atom, trace, site)
    for key, value in items:
        made[key] = value
    return made


def _refuse_method(what: str, hint: str) -> NoReturn:
    raise NotSupportedYetError(f"{what} is not supported yet", loc=caller_loc(), hint=hint)
