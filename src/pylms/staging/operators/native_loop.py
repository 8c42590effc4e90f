"""Native loops as they are traced: a counted `for`, and a `while` that may be left early.

In: bounds, and what to do with each index. Out: the loop in the IR, its cells promoted. Plain ranges whose first round
comes to one of these become native themselves (`BecomesNative`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ...errors import StagedTypeError
from ...ir.node import Atom, AttributeValue, Const
from ...ir.ops.arithmetic import ADD, GT, LOGICAL_AND, LT, SELECT
from ...ir.ops.control import FOR, WHILE
from ...ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from ...ir.types import BOOL, INT
from ...loc import caller_loc
from ...records import record
from ..constructs import Assigned, Construct, trace_construct
from ..context import Trace
from ..truth import truth
from ..values import Segment
from .boolean import run_not
from .branch import run_if

Thunk = Callable[[], object]
Item = Callable[[object, object], object]
"""What the body of a loop takes, of an item's number and the item."""


@record(frozen=True, slots=True)
class LoopBody:
    """The body of a `for`: what to call with each item, when to stop, and which cells that assigns.

    `functions` are the block functions as the user's code made them; `assigned` names the cells they assign.
    """

    call: Callable[[object], object]
    stop: Thunk | None
    functions: tuple[object, ...]
    assigned: Assigned


class BecomesNative(BaseException):
    """The first round of a plain range has come to a native loop."""

    def __init__(self, probe: object, *, is_rolled: bool) -> None:
        """`is_rolled`: whether that loop is native only because it is too long to unroll."""
        super().__init__()
        self.probe = probe
        self.is_rolled = is_rolled


def begin_native_loop(trace: Trace) -> None:
    """Called before a native loop is traced. The outermost loop around it that is tried as a plain one goes first."""
    if trace.probes:
        raise BecomesNative(trace.probes[0], is_rolled=trace.is_rolling)
    trace.emitted_loops += 1


def native_for(
    trace: Trace,
    bounds: tuple[Atom, Atom, Atom],
    run_item: Callable[[object], None],
    body: LoopBody,
    *,
    is_parallel: bool = False,
) -> None:
    """Trace a loop over a range; `run_item` does one round."""
    if body.stop is None:
        attempt = partial(_trace_for, bounds=bounds, run_item=run_item, is_parallel=is_parallel)
        trace_construct(trace, "loop", body.functions, body.assigned, attempt)
    else:
        if is_parallel:
            raise StagedTypeError(
                "a parallel loop cannot be left by break or return",
                loc=caller_loc(),
                hint="leave out parallel=True",
            )
        stop = body.stop
        trace_construct(
            trace,
            "loop",
            body.functions,
            body.assigned,
            lambda construct: _trace_stoppable_for(construct, bounds, run_item, stop),
        )


def _trace_for(
    construct: Construct, bounds: tuple[Atom, Atom, Atom], run_item: Callable[[object], None], is_parallel: bool
) -> None:
    trace = construct.trace
    loc = caller_loc()
    begin_native_loop(trace)
    index = trace.builder.fresh(INT, "i")
    with construct.block([index], repeats=True) as block:
        run_item(trace.wrap(index))
    attrs: dict[str, AttributeValue] = {"parallel": True} if is_parallel else {}
    trace.emit(FOR, bounds, attrs=attrs, blocks=[block.finish([])], loc=loc)


def _trace_stoppable_for(
    construct: Construct, bounds: tuple[Atom, Atom, Atom], run_item: Callable[[object], None], stop: Thunk
) -> None:
    """A `for` that may leave early: a `while` over a counter that also asks `stop` after each round."""
    trace = construct.trace
    loc = caller_loc()
    begin_native_loop(trace)
    first, last, step = bounds
    (index,) = trace.emit(VAR_NEW, [first], names=["i"])
    (wanted,) = trace.emit(VAR_NEW, [Const(True, BOOL)], names=["wanted"])
    with construct.block(repeats=True) as condition_block:
        (now,) = trace.emit(VAR_GET, [index])
        (more,) = trace.emit(VAR_GET, [wanted])
        (inside,) = _within(trace, now, last, step)
        (test,) = trace.emit(LOGICAL_AND, [more, inside])
    with construct.block(repeats=True) as body_block:
        (now,) = trace.emit(VAR_GET, [index])
        run_item(trace.wrap(now))
        trace.emit(VAR_SET, [wanted, truth(trace, run_not(stop()))])
        (following,) = trace.emit(ADD, [now, step])
        trace.emit(VAR_SET, [index, following])
    trace.emit(WHILE, [], blocks=[condition_block.finish([test]), body_block.finish([])], loc=loc)


def _within(trace: Trace, index: Atom, last: Atom, step: Atom) -> tuple[Atom, ...]:
    """Whether a range that counts by `step` still has `index`."""
    if isinstance(step, Const):
        return trace.emit(LT if step.value > 0 else GT, [index, last])
    (up,) = trace.emit(GT, [step, Const(0, INT)])
    (below,) = trace.emit(LT, [index, last])
    (above,) = trace.emit(GT, [index, last])
    return trace.emit(SELECT, [up, below, above])


def run_segments(trace: Trace, segments: Sequence[Segment], item_of: Item, body: LoopBody) -> None:
    """One native loop a segment; a segment of one item needs none."""
    for position, segment in enumerate(segments):

        def run_segment(segment: Segment = segment) -> None:
            def run_item(index: object) -> None:
                body.call(item_of(index, segment.item(index)))

            bounds = (Const(segment.first, INT), Const(segment.first + segment.count, INT), Const(1, INT))
            native_for(trace, bounds, run_item, body)

        if position == 0 or body.stop is None:
            run_segment()
        else:
            run_if(body.stop(), do_nothing, run_segment, body.assigned, functions=body.functions)


def do_nothing() -> None:
    """The side of a branch where there is nothing to do."""
