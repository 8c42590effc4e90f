"""Python's slices with staged bounds: where they begin, how many elements they have, how far these are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import StagedTypeError
from ..ir.node import Atom, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops.arrays import NORMALIZE_INDEX
from ..ir.ops.control import CHECK
from ..ir.types import INT
from ..loc import caller_loc
from ..records import record
from .values import INT_MAX

if TYPE_CHECKING:
    from .context import Trace


@record(frozen=True, slots=True)
class Slice:
    """`length` elements from `start` on, `step` apart; all of them are there."""

    start: Atom
    length: Atom
    step: Atom


def resolved_slice(trace: Trace, part: slice, extent: Atom) -> Slice:
    """What `part` selects of `extent` elements, by the rules of `slice.indices`."""
    step = 1 if part.step is None else part.step
    if not isinstance(step, int):
        return _with_staged_step(trace, part, extent)
    if step == 0:
        raise StagedTypeError("slice step cannot be zero", loc=caller_loc())
    if step > 0:
        start = _bound(trace, part.start, extent, default=_ZERO, lowest=_ZERO, highest=extent)
        stop = _bound(trace, part.stop, extent, default=extent, lowest=_ZERO, highest=extent)
        left_out = _left_out(part) if step == 1 else None
        # In one form, so that equally long slices are seen to be.
        length = count_of(trace, start, stop, step) if left_out is None else _less(trace, extent, left_out)
    else:
        last, before = _less_one(trace, extent), Const(-1, INT)
        start = _bound(trace, part.start, extent, default=last, lowest=before, highest=last)
        stop = _bound(trace, part.stop, extent, default=before, lowest=before, highest=last)
        length = count_of(trace, stop, start, -step)
        # An empty selection may begin before the first element.
        (start,) = trace.emit(ops.MAXIMUM, [start, _ZERO])
    return Slice(start, length, Const(step, INT))


def _with_staged_step(trace: Trace, part: slice, extent: Atom) -> Slice:
    """The same where the run tells which way it goes."""
    step = _bound_atom(trace, part.step)
    (is_step,) = trace.emit(ops.NE, [step, _ZERO])
    trace.emit(CHECK, [is_step], attrs={"error": "ValueError", "message": "slice step cannot be zero"})
    (forwards,) = trace.emit(ops.GT, [step, _ZERO])

    def either(first: Atom, second: Atom) -> Atom:
        return trace.emit(ops.SELECT, [forwards, first, second])[0]

    last, before = _less_one(trace, extent), Const(-1, INT)
    lowest, highest = either(_ZERO, before), either(extent, last)
    start = _bound(trace, part.start, extent, default=either(_ZERO, last), lowest=lowest, highest=highest)
    stop = _bound(trace, part.stop, extent, default=either(extent, before), lowest=lowest, highest=highest)
    (up,), (down,) = trace.emit(ops.SUB, [stop, start]), trace.emit(ops.SUB, [start, stop])
    (beyond,) = trace.emit(ops.SUB, [either(up, down), Const(1, INT)])
    # The smallest int has no negative.
    (most,) = trace.emit(ops.MAXIMUM, [step, Const(-INT_MAX, INT)])
    (size,) = trace.emit(ops.MAXIMUM, [either(step, trace.emit(ops.NEG, [most])[0]), Const(1, INT)])
    (whole,) = trace.emit(ops.FLOORDIV, [beyond, size])
    (count,) = trace.emit(ops.ADD, [whole, Const(1, INT)])
    start, length = (trace.emit(ops.MAXIMUM, [each, _ZERO])[0] for each in (start, count))
    return Slice(start, length, step)


_ZERO = Const(0, INT)
_MOST_LEFT_OUT = 1 << 31


def _left_out(part: slice) -> int | None:
    """How many elements a slice such as `1:-1` leaves out at both ends together; None where that depends."""
    first = 0 if part.start is None else part.start
    last = 0 if part.stop is None else part.stop
    is_counted = type(first) is int and 0 <= first < _MOST_LEFT_OUT and type(last) is int
    if not is_counted or not (part.stop is None or -_MOST_LEFT_OUT < last < 0):
        return None
    return int(first - last)


def _less(trace: Trace, extent: Atom, count: int) -> Atom:
    """An extent without `count` elements, or all there are."""
    (rest,) = trace.emit(ops.SUB, [extent, Const(count, INT)])
    return trace.emit(ops.MAXIMUM, [rest, _ZERO])[0]


def _bound(trace: Trace, value: object, extent: Atom, *, default: Atom, lowest: Atom, highest: Atom) -> Atom:
    if value is None:
        return default
    atom = _bound_atom(trace, value)
    (position,) = trace.emit(NORMALIZE_INDEX, [atom, extent])
    (at_least,) = trace.emit(ops.MAXIMUM, [position, lowest])
    return trace.emit(ops.MINIMUM, [at_least, highest])[0]


def _bound_atom(trace: Trace, value: object) -> Atom:
    atom = trace.lift(value)
    if atom.type != INT:
        raise StagedTypeError(f"a slice bound must be an int, not a staged {atom.type}", loc=caller_loc())
    return atom


def _less_one(trace: Trace, extent: Atom) -> Atom:
    return trace.emit(ops.SUB, [extent, Const(1, INT)])[0]


def count_of(trace: Trace, first: Atom, last: Atom, step: int) -> Atom:
    """How many numbers `first, first + step, ...` come before `last`."""
    (distance,) = trace.emit(ops.SUB, [last, first])
    if step != 1:
        (rounded,) = trace.emit(ops.ADD, [distance, Const(step - 1, INT)])
        (distance,) = trace.emit(ops.FLOORDIV, [rounded, Const(step, INT)])
    return trace.emit(ops.MAXIMUM, [distance, _ZERO])[0]
