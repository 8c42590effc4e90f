"""What loops run over that is known only when the code runs: `range`, `enumerate` and `zip` in staged code."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ...errors import NotSupportedYetError, StagingError
from ...ir.node import Const
from ...late import late_module
from ...loc import caller_loc
from ...records import record
from ..context import Trace

if TYPE_CHECKING:
    from .. import slices
else:
    slices = late_module("pylms.staging.slices")


@record(frozen=True, slots=True)
class StagedRange:
    """`range` with staged bounds: its ints are known when the code runs."""

    start: object
    stop: object
    step: object
    is_parallel: bool = False

    def __len__(self) -> int:
        self._refuse("asked for its length")

    def __iter__(self) -> NoReturn:
        self._refuse("iterated over here")

    def __getitem__(self, index: object) -> NoReturn:
        self._refuse("indexed")

    def __contains__(self, value: object) -> NoReturn:
        self._refuse("searched with `in`")

    def _refuse(self, use: str) -> NoReturn:
        _refuse("a range with staged bounds", use)


@record(frozen=True, slots=True)
class StagedEnumerate:
    """`enumerate` over something that a native loop runs over."""

    iterable: object
    start: object


@record(frozen=True, slots=True)
class StagedZip:
    """`zip` of things of which a native loop runs over one at least."""

    sources: tuple[object, ...]

    def __iter__(self) -> NoReturn:
        _refuse("a zip over values of the run", "iterated over here")


def _refuse(what: str, use: str) -> NoReturn:
    raise StagingError(
        f"{what} cannot be {use}: how long it is, is known only when the compiled code runs",
        loc=caller_loc(),
        hint="loop over it with a for statement in a decorated function",
    )


def length_of_range(trace: Trace, source: StagedRange) -> object:
    """`len` of it. A located error where the run knows the step."""
    start, stop, step = (trace.lift(bound) for bound in (source.start, source.stop, source.step))
    if not isinstance(step, Const):
        raise NotSupportedYetError(
            "a range with a staged step is not counted yet", loc=caller_loc(), hint="use a step that is known now"
        )
    if not step.value:
        raise ValueError("range() arg 3 must not be zero")
    first, last = (start, stop) if step.value > 0 else (stop, start)
    return trace.wrap(slices.count_of(trace, first, last, abs(int(step.value))))


def reversed_range(trace: Trace, source: StagedRange) -> StagedRange:
    """`reversed` of it."""
    start, step = source.start, source.step
    last = start + (length_of_range(trace, source) - 1) * step  # type: ignore[operator]
    return StagedRange(last, start - step, -step)  # type: ignore[operator]
