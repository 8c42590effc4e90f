"""How a native loop walks over a container: what Python's iterators do while the container changes.

A list's iterator counts up, and ends when it has passed the list's present end. A dict's raises RuntimeError when it is
asked for the next entry of a dict that has another size now.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ...ir import python_errors as errors
from ...ir.node import Atom, Const, Sym
from ...ir.ops.arithmetic import ADD, EQ, GE, GT, LOGICAL_NOT, LOGICAL_OR, LT, SUB
from ...ir.ops.control import CHECK
from ...ir.ops.dicts import DICT_LENGTH, DICT_NEXT
from ...ir.ops.lists import LIST_LENGTH
from ...ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from ...ir.types import INT
from ..containers.dicts import StagedDict, StagedKeys, StagedView
from ..containers.lists import StagedList
from ..context import Trace

_ONE, _ZERO = Const(1, INT), Const(0, INT)


class Walk(Protocol):
    """Emits the parts of a loop, in this order: the beginning, the test, the item, the step to the next."""

    def begin(self) -> None: ...
    def is_at_item(self) -> Atom: ...
    def item(self) -> object: ...
    def advance(self, goes_on: Atom) -> None:
        """To the next item, if the loop goes on."""


class IndexWalk:
    """Over what has items by number, until its present length is passed."""

    def __init__(self, trace: Trace, length: Callable[[], Atom], item_at: Callable[[Atom], object]) -> None:
        """`length`: emits what is looked at before each round."""
        self._trace = trace
        self._length = length
        self._item_at = item_at
        self._index: Sym

    def begin(self) -> None:
        (self._index,) = self._trace.emit(VAR_NEW, [_ZERO], names=["index"])

    def is_at_item(self) -> Atom:
        (index,) = self._trace.emit(VAR_GET, [self._index])
        return self._trace.emit(LT, [index, self._length()])[0]

    def item(self) -> object:
        (index,) = self._trace.emit(VAR_GET, [self._index])
        (following,) = self._trace.emit(ADD, [index, _ONE])
        self._trace.emit(VAR_SET, [self._index, following])
        return self._item_at(index)

    def advance(self, goes_on: Atom) -> None:
        pass


def list_walk(trace: Trace, items: StagedList) -> IndexWalk:
    """Over a list, which may grow and shrink."""
    return IndexWalk(trace, lambda: trace.emit(LIST_LENGTH, [items.atom])[0], items.item)


class DictWalk:
    """Over a dict or a view of one."""

    def __init__(self, trace: Trace, source: object) -> None:
        self._trace = trace
        view = StagedKeys(source) if isinstance(source, StagedDict) else source
        assert isinstance(view, StagedView)
        self._view = view
        self._position: Sym
        self._left: Sym
        self._length: Atom

    def begin(self) -> None:
        entries = self._view.dict.atom
        (self._length,) = self._trace.emit(DICT_LENGTH, [entries])
        (first,) = self._trace.emit(DICT_NEXT, [entries, _ZERO])
        (self._position,) = self._trace.emit(VAR_NEW, [first], names=["position"])
        (self._left,) = self._trace.emit(VAR_NEW, [self._length], names=["left"])

    def is_at_item(self) -> Atom:
        (position,) = self._trace.emit(VAR_GET, [self._position])
        return self._trace.emit(GE, [position, _ZERO])[0]

    def item(self) -> object:
        return self._view.at(self._trace.emit(VAR_GET, [self._position])[0])

    def advance(self, goes_on: Atom) -> None:
        trace, entries = self._trace, self._view.dict.atom
        (length,) = trace.emit(DICT_LENGTH, [entries])
        (is_as_before,) = trace.emit(EQ, [length, self._length])
        self._require(goes_on, is_as_before, errors.DICT_CHANGED_SIZE)
        (position,) = trace.emit(VAR_GET, [self._position])
        (following,) = trace.emit(ADD, [position, _ONE])
        (found,) = trace.emit(DICT_NEXT, [entries, following])
        trace.emit(VAR_SET, [self._position, found])
        (left,) = trace.emit(VAR_GET, [self._left])
        (left,) = trace.emit(SUB, [left, _ONE])
        trace.emit(VAR_SET, [self._left, left])
        (is_end,) = trace.emit(LT, [found, _ZERO])
        (are_left,) = trace.emit(GT, [left, _ZERO])
        (is_expected,) = trace.emit(LOGICAL_OR, [is_end, are_left])
        self._require(goes_on, is_expected, errors.DICT_CHANGED_KEYS)

    def _require(self, goes_on: Atom, condition: Atom, message: str) -> None:
        (stops,) = self._trace.emit(LOGICAL_NOT, [goes_on])
        (holds,) = self._trace.emit(LOGICAL_OR, [stops, condition])
        self._trace.emit(CHECK, [holds], attrs={"error": "RuntimeError", "message": message})
