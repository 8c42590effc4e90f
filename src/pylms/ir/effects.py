"""What running a node does besides giving its results; passes move and drop nodes by this alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from ..records import record
from .types import Heap, Region

if TYPE_CHECKING:
    from .node import Sym

Place: TypeAlias = "Sym | Region | Heap"
"""What can be read and written: a variable, a buffer, where arrays of one origin lie, or containers of one type."""

_NOTHING: frozenset[Place] = frozenset()


@record(frozen=True, slots=True)
class Effect:
    """reads, writes: the variables and buffers touched.

    io: seen from outside (prints, host calls); kept, and in order with every other io.
    raises: may leave the function with an error, so it must not run where it would not have run, nor move
    across a write or io.
    keep: must not be dropped even when no result is used (a zero divisor is an error in unused code as
    well; a 64-bit overflow, which Python does not have, is not).
    """

    reads: frozenset[Place] = _NOTHING
    writes: frozenset[Place] = _NOTHING
    io: bool = False
    raises: bool = False
    keep: bool = False

    @property
    def is_pure(self) -> bool:
        """No effect at all: may be dropped, duplicated, and moved anywhere its arguments are known."""
        return not (self.reads or self.writes or self.io or self.raises or self.keep)

    def __or__(self, other: Effect) -> Effect:
        if other is PURE or self is other:
            return self
        if self is PURE:
            return other
        return Effect(
            self.reads | other.reads,
            self.writes | other.writes,
            self.io or other.io,
            self.raises or other.raises,
            self.keep or other.keep,
        )

    def without(self, symbols: frozenset[Sym]) -> Effect:
        """The effect as seen from outside a block that made `symbols` itself."""
        if not (self.reads & symbols or self.writes & symbols):
            return self
        return Effect(self.reads - symbols, self.writes - symbols, self.io, self.raises, self.keep)

    def commutes_with(self, other: Effect) -> bool:
        """Whether two nodes with these effects may change places."""
        if self.writes & (other.reads | other.writes) or self.reads & other.writes:
            return False
        visible_self = self.io or bool(self.writes)
        visible_other = other.io or bool(other.writes)
        if self.io and other.io:
            return False
        return not ((self.raises and (visible_other or other.raises)) or (other.raises and visible_self))


PURE = Effect()
RAISES = Effect(raises=True)
RAISES_KEPT = Effect(raises=True, keep=True)
IO = Effect(io=True)

_WITHOUT_PLACES = {(each.io, each.raises, each.keep): each for each in (PURE, RAISES, RAISES_KEPT, IO)}


def all_of(effects: Iterable[Effect]) -> Effect:
    """What running several nodes does."""
    read: set[Place] = set()
    written: set[Place] = set()
    io = raises = keep = False
    last = PURE
    for effect in effects:
        if effect is last or effect is PURE:
            continue
        last = effect
        read |= effect.reads
        written |= effect.writes
        io, raises, keep = io or effect.io, raises or effect.raises, keep or effect.keep
    known = None if read or written else _WITHOUT_PLACES.get((io, raises, keep))
    return known or Effect(frozenset(read), frozenset(written), io, raises, keep)


def reads(*places: Place) -> Effect:
    """Only reading those variables, buffers, regions or heaps."""
    return Effect(frozenset(places))


def writes(*places: Place) -> Effect:
    """Only writing those variables, buffers, regions or heaps."""
    return Effect(_NOTHING, frozenset(places))
