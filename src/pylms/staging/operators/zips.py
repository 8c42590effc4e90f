"""`zip` over what native loops run over: arrays, lists, strings and ranges of the run, beside sequences that are known.

In: the arguments of `zip`, one at least of the run. Out: a loop over an index where all of them keep their lengths, or
else one that looks at each round whether every list still has an item, as Python does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from ...errors import NotSupportedYetError
from ...ir.node import Atom
from ...ir.ops.arithmetic import LOGICAL_AND, MINIMUM
from ...loc import caller_loc
from ..context import Trace
from ..kinds import is_known_array, is_staged_array, is_staged_list, is_staged_text
from .item import item
from .iterables import StagedRange, StagedZip, length_of_range
from .loop import run_over_indices, run_walk
from .native_loop import Item, LoopBody
from .walks import IndexWalk, Walk, list_walk

_KNOWN = (list, tuple, range, str)


def is_staged_zip(sources: Sequence[object]) -> bool:
    """Whether `zip` of these is one that a native loop runs over."""
    return any(
        isinstance(each, StagedRange) or is_staged_array(each) or is_staged_list(each) or is_staged_text(each)
        for each in sources
    )


def staged_zip(*sources: object, strict: object = False) -> StagedZip:
    """`zip` itself. A located error for what has no items by number, and where lengths are to be compared."""
    if strict is not False:
        raise NotSupportedYetError(
            "zip(strict=True) of values of the run is not supported yet",
            loc=caller_loc(),
            hint="compare their lengths before the loop",
        )
    for each in sources:
        is_fine = is_staged_zip([each]) or isinstance(each, _KNOWN) or is_known_array(each)
        if not is_fine:
            raise NotSupportedYetError(
                f"zip() of {type(each).__name__} and values of the run is not supported yet",
                loc=caller_loc(),
                hint="make a list of it first",
            )
    return StagedZip(sources)


def run_zip(trace: Trace, source: StagedZip, item_of: Item, body: LoopBody) -> None:
    """The loop over it."""
    if any(map(is_staged_list, source.sources)):
        run_walk(trace, _ZipWalk(trace, source.sources), item_of, body)
        return
    lengths = [trace.lift(_length(trace, each)) for each in source.sources]
    shortest = reduce(lambda a, b: trace.emit(MINIMUM, [a, b])[0], lengths)

    def call(index: object) -> object:
        return body.call(item_of(index, tuple([_item(trace, each, index) for each in source.sources])))

    run_over_indices(trace, trace.wrap(shortest), replace(body, call=call))


def _length(trace: Trace, source: object) -> object:
    if isinstance(source, StagedRange):
        return length_of_range(trace, source)
    if is_staged_array(source) or is_staged_text(source):
        return source.length()
    return len(source)  # type: ignore[arg-type]


def _item(trace: Trace, source: object, index: object) -> object:
    if isinstance(source, (StagedRange, range)):
        return source.start + index * source.step  # type: ignore[operator]
    return source.item(trace.lift(index)) if is_staged_text(source) else item(source, index)


def _walk(trace: Trace, source: object) -> Walk:
    """Over one of them; all but lists keep their length."""
    if is_staged_list(source):
        return list_walk(trace, source)
    length = trace.lift(_length(trace, source))
    return IndexWalk(trace, lambda: length, lambda index: _item(trace, source, trace.wrap(index)))


class _ZipWalk:
    """Over several things at once, until one of them ends."""

    def __init__(self, trace: Trace, sources: Sequence[object]) -> None:
        self._trace = trace
        self._walks = [_walk(trace, each) for each in sources]

    def begin(self) -> None:
        for walk in self._walks:
            walk.begin()

    def is_at_item(self) -> Atom:
        tests = [walk.is_at_item() for walk in self._walks]
        return reduce(lambda a, b: self._trace.emit(LOGICAL_AND, [a, b])[0], tests)

    def item(self) -> object:
        return tuple([walk.item() for walk in self._walks])

    def advance(self, goes_on: Atom) -> None:
        for walk in self._walks:
            walk.advance(goes_on)
