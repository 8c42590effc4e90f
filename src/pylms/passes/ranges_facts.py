"""What is known about integers at one point of a program: intervals, and bounds on differences.

In: facts, as a walk in program order meets them; `mark` and `undo` take back those of a block. Out: intervals,
differences, and whether an inequality is surely true. Values are mathematical integers: whoever states a fact about a
sum has made sure that it did not wrap. All questions are answered with bounded work, so an answer may be "not known".

Contradicting facts mean that the point is never reached (`is_dead`); then any answer is right.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any

from ..ir.node import Atom, Const, Sym
from ..ir.types import INT, ScalarType, Type

Interval = tuple[int, int]

# How far questions and consequences are followed.
_VISITED_VALUES = 24
_VISITED_RELATIONS = 96
# Differences beyond this say nothing that intervals do not.
FURTHEST = 1 << 62

_ABSENT = object()
# A cache: the same for ever.
_INTERVALS: dict[Type, Interval] = {}


def interval_of_type(type_: Type) -> Interval:
    """The values an integer type has."""
    known = _INTERVALS.get(type_)
    if known is None:
        assert isinstance(type_, ScalarType) and type_.is_integer
        low = 0 if type_.kind == "uint" else -(1 << type_.bits - 1)
        known = _INTERVALS[type_] = (low, low + (1 << type_.bits) - 1)
    return known


def is_integer(atom: Atom) -> bool:
    """Whether a value is one that facts are about: an integer of any width."""
    return isinstance(atom.type, ScalarType) and atom.type.is_integer


SMALLEST, LARGEST = interval_of_type(INT)


class Facts:
    """The facts at the point a walk has reached."""

    def __init__(self) -> None:
        self._intervals: dict[Sym, Interval] = {}
        self._above: dict[Sym, dict[Sym, int]] = {}
        self._below: dict[Sym, dict[Sym, int]] = {}
        self._order: dict[Sym, int] = {}
        self._flags: dict[Hashable, Any] = {}
        self._trail: list[tuple[dict[Any, Any], Any, Any]] = []
        self.next_order = 0

    # Scopes.

    def mark(self) -> int:
        """The present, to return to."""
        return len(self._trail)

    def undo(self, mark: int) -> None:
        """Forget what was learnt since the mark."""
        trail = self._trail
        while len(trail) > mark:
            table, key, old = trail.pop()
            if old is _ABSENT:
                del table[key]
            else:
                table[key] = old

    def _put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        self._trail.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    def introduce(self, symbol: Sym) -> None:
        """A value begins: what is known of earlier ones may speak of it, not the other way about."""
        self._order[symbol] = self.next_order
        self.next_order += 1

    def order(self, symbol: Sym) -> int:
        """How late a value began."""
        return self._order.get(symbol, -1)

    # What is known besides.

    def note(self, key: Hashable, value: object) -> None:
        """Remember something under a key of the caller's, until it is undone."""
        self._put(self._flags, key, value)

    def noted(self, key: Hashable) -> Any:
        """What was remembered under that key, else None."""
        return self._flags.get(key)

    @property
    def is_dead(self) -> bool:
        """Whether this point is never reached."""
        return bool(self._flags.get("dead"))

    def die(self) -> None:
        """This point is never reached."""
        if not self.is_dead:
            self.note("dead", True)

    # Intervals.

    def interval(self, atom: Atom) -> Interval:
        """The least and the greatest value an integer may have."""
        if isinstance(atom, Const):
            return int(atom.value), int(atom.value)
        return self._intervals.get(atom) or interval_of_type(atom.type)

    def restrict(self, atom: Atom, low: int, high: int) -> None:
        """low <= atom <= high."""
        old_low, old_high = self.interval(atom)
        low, high = max(low, old_low), min(high, old_high)
        if low > high:
            self.die()
            return
        if isinstance(atom, Const) or (low, high) == (old_low, old_high):
            return
        self._put(self._intervals, atom, (low, high))
        self._propagate(atom)

    def _propagate(self, start: Sym) -> None:
        """Bring what changed to the values related to it."""
        pending = deque((start,))
        relations = 0
        while pending and relations < _VISITED_RELATIONS:
            symbol = pending.popleft()
            low, high = self.interval(symbol)
            for other, bound in self._below.get(symbol, {}).items():
                relations += 1
                other_low, other_high = self.interval(other)
                if high + bound < other_high:
                    if high + bound < other_low:
                        self.die()
                        return
                    self._put(self._intervals, other, (other_low, high + bound))
                    pending.append(other)
            for other, bound in self._above.get(symbol, {}).items():
                relations += 1
                other_low, other_high = self.interval(other)
                if low - bound > other_low:
                    if low - bound > other_high:
                        self.die()
                        return
                    self._put(self._intervals, other, (low - bound, other_high))
                    pending.append(other)

    # Differences.

    def relate(self, left: Atom, right: Atom, bound: int) -> None:
        """left - right <= bound."""
        left_low, right_high = self.interval(left)[0], self.interval(right)[1]
        if isinstance(left, Sym) and isinstance(right, Sym):
            if left is right:
                if bound < 0:
                    self.die()
                return
            known = self._above.get(left, {}).get(right)
            # What the intervals say already need not be kept, unless they may be all that it is learnt from.
            if bound < FURTHEST and (known is None or bound < known):
                self._put(self._above.setdefault(left, {}), right, bound)
                self._put(self._below.setdefault(right, {}), left, bound)
        self.restrict(left, left_low, right_high + bound)
        self.restrict(right, left_low - bound, right_high)

    def equate(self, new: Sym, old: Atom) -> None:
        """new == old."""
        self.restrict(new, *self.interval(old))
        self.relate(new, old, 0)
        self.relate(old, new, 0)

    def reach(self, start: Atom, *, upwards: bool) -> dict[Sym, int]:
        """Values z with bounds: start - z <= bound going upwards, z - start <= bound going down."""
        if isinstance(start, Const):
            return {}
        table = self._above if upwards else self._below
        found = {start: 0}
        pending = deque((start,))
        values = relations = 0
        while pending and values < _VISITED_VALUES and relations < _VISITED_RELATIONS:
            symbol = pending.popleft()
            values += 1
            distance = found[symbol]
            for other, bound in table.get(symbol, {}).items():
                relations += 1
                total = distance + bound
                if total < found.get(other, FURTHEST):
                    found[other] = total
                    pending.append(other)
        return found

    def distance(self, left: Atom, right: Atom) -> int | None:
        """The least known bound of left - right; None where there is none worth telling."""
        if left == right:
            return 0
        best = self.interval(left)[1] - self.interval(right)[0]
        if isinstance(left, Sym) and isinstance(right, Sym):
            best = min(best, self.reach(left, upwards=True).get(right, best))
        return best if best < FURTHEST else None

    def is_at_most(self, left: Atom, right: Atom, bound: int) -> bool:
        """Whether left - right <= bound for sure."""
        if self.interval(left)[1] - self.interval(right)[0] <= bound:
            return True
        if not (isinstance(left, Sym) and isinstance(right, Sym)):
            return False
        return self.reach(left, upwards=True).get(right, FURTHEST) <= bound
