"""Which lists and dicts of the program are run-time ones, and what they hold: found out while tracing.

A list or dict display is one of generation time until the program changes it, or looks into it, in a way that only
the run can decide. Then its place in the program is noted here, and the function is traced from its start again
(`Restart`): the display there makes a run-time container. What that holds is settled by the first thing put into it,
which starts the trace once more, so that every finished trace has known it from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from ...ir.types import FLOAT, INT, DictType, ElementType, ListType, RecordType, Type, UnknownType
from ...loc import Loc


class Restart(BaseException):
    """Trace the function from its start again: more is known of its containers."""


class Sites:
    """What is known of the places where a traced function makes containers."""

    def __init__(self) -> None:
        self._run_time: set[Loc] = set()
        self._origins: dict[tuple[Loc, str], int] = {}
        self._settled: dict[int, ElementType] = {}
        self._literal: set[int] = set()
        """Origins that have met int literals only: these may still be floats."""
        self._unknown: dict[int, None] = {}
        """Origins that the present trace has asked for in vain."""
        self.text_cells: set[int] = set()
        """Cells, by their birth, whose strings of generation time must be the run's."""
        self.met: dict[int, object] = {}
        """Cells, by their birth, and the last value of generation time that staged control flow gave them."""

    def is_run_time(self, loc: Loc) -> bool:
        """Whether the display at that place makes a run-time container."""
        return loc in self._run_time

    def make_run_time(self, loc: Loc) -> NoReturn:
        """From now on the display there makes run-time containers."""
        self._run_time.add(loc)
        raise Restart

    def make_text_cell(self, birth: int) -> NoReturn:
        """From now on that cell holds its strings as the run's."""
        self.text_cells.add(birth)
        raise Restart

    def element(self, loc: Loc, role: str) -> ElementType:
        """What containers made at that place hold; `role` tells a dict's keys from its values."""
        origin = self._origins.setdefault((loc, role), len(self._origins))
        settled = self._settled.get(origin)
        if settled is None:
            self._unknown[origin] = None
            return UnknownType(origin)
        return self._resolved(settled)

    def settle(self, unknown: UnknownType, element: ElementType, *, is_literal: bool) -> None:
        """Note what a container holds; the caller starts the trace again."""
        self._settled[unknown.origin] = element
        if is_literal and element == INT:
            self._literal.add(unknown.origin)

    def settle_rest(self) -> None:
        """At the end of a trace: what nothing was put into might as well hold ints. Restarts if there is such."""
        if not self._unknown:
            return
        for origin in self._unknown:
            self._settled.setdefault(origin, INT)
        self.begin()
        raise Restart

    def begin(self) -> None:
        """A trace begins."""
        self._unknown.clear()

    def widen(self, loc: Loc | None, role: str) -> None:
        """A container that met int literals only meets a float: it holds floats. Restarts if that may be."""
        origin = None if loc is None else self._origins.get((loc, role))
        if origin in self._literal:
            self._literal.discard(origin)
            self._settled[origin] = FLOAT
            raise Restart

    def is_firm(self, loc: Loc | None, role: str) -> None:
        """An int of the run was put into a container: it holds ints for good."""
        if loc is not None:
            self._literal.discard(self._origins.get((loc, role), -1))

    def _resolved(self, element: ElementType) -> ElementType:
        match element:
            case UnknownType(origin):
                settled = self._settled.get(origin)
                if settled is None:
                    self._unknown[origin] = None
                    return element
                return self._resolved(settled)
            case RecordType(items):
                return RecordType(tuple(map(self._resolved, items)))
            case ListType(inner):
                return ListType(self._resolved(inner))
            case DictType(key, value):
                return DictType(self._resolved(key), self._resolved(value))
            case _:
                return element


def unify(sites: Sites, left: ElementType, right: ElementType) -> bool:
    """Whether two types are one. What is unknown in either is settled by the other, and the trace starts again."""
    settled = list(_settling(sites, left, right))
    if any(settled):
        raise Restart
    return left == right


def _settling(sites: Sites, left: ElementType, right: ElementType) -> Iterator[bool]:
    """Settle what is unknown; True for each that was."""
    match left, right:
        case (UnknownType(), UnknownType()) if left == right:
            return
        case UnknownType(), _:
            sites.settle(left, right, is_literal=False)
            yield True
        case _, UnknownType():
            sites.settle(right, left, is_literal=False)
            yield True
        case RecordType(left_items), RecordType(right_items) if len(left_items) == len(right_items):
            for one, other in zip(left_items, right_items, strict=True):
                yield from _settling(sites, one, other)
        case ListType(left_inner), ListType(right_inner):
            yield from _settling(sites, left_inner, right_inner)
        case DictType(left_key, left_value), DictType(right_key, right_value):
            yield from _settling(sites, left_key, right_key)
            yield from _settling(sites, left_value, right_value)
        case _:
            return


def holds_unknown(type_: Type | ElementType) -> bool:
    """Whether something in a type is still to be settled."""
    match type_:
        case UnknownType():
            return True
        case RecordType(items):
            return any(map(holds_unknown, items))
        case ListType(inner):
            return holds_unknown(inner)
        case DictType(key, value):
            return holds_unknown(key) or holds_unknown(value)
        case _:
            return False
