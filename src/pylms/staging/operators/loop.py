"""`__while`, `__for`, `__for_dataloader`: Python's loops, native where something staged decides (DESIGN D3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from inspect import GEN_CREATED, getgeneratorstate
from types import GeneratorType
from typing import TYPE_CHECKING, Any, cast

from ...errors import PylmsError, StagingError
from ...ir.node import Atom, Const
from ...ir.ops.arithmetic import ADD, LOGICAL_AND, NE
from ...ir.ops.control import CHECK, WHILE
from ...ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from ...ir.types import BOOL, INT
from ...late import late_module
from ...loc import caller_loc
from ..constructs import NOTHING_ASSIGNED, Assigned, Construct, Watch, trace_construct
from ..context import Trace, current_trace
from ..kinds import is_staged_array, is_staged_container, is_staged_list, is_staged_text
from ..raising import AlwaysRaises
from ..truth import truth
from ..values import is_maybe
from .boolean import run_not
from .branch import run_if
from .iterables import StagedEnumerate, StagedRange, StagedZip
from .native_loop import BecomesNative, Item, LoopBody, Thunk, begin_native_loop, do_nothing, native_for

if TYPE_CHECKING:
    import logging

    from ..arrays import StagedArray
    from ..containers.strings import StagedStr
    from . import walks, zips
else:
    logging = late_module("logging")
    walks = late_module("pylms.staging.operators.walks")
    zips = late_module("pylms.staging.operators.zips")


def run_while(condition: Thunk, body: Thunk, assigned: Assigned) -> None:
    """Runs now until the condition is staged, or depends on cells that a body which emits code assigns."""
    trace = current_trace()
    if trace is None:
        while condition():
            body()
        return
    restore = trace.checkpoint()
    while True:
        trace.static_requested = False
        with_condition, test = _watched(trace, condition)
        unrolled = trace.static_requested
        if trace.is_staged(test):
            break
        if not test:
            return
        emitted_before = _emitted(trace)
        with_body, _ = _watched(trace, body)
        assigned_in_round = with_condition.writes | with_body.writes
        becomes_native = _emitted(trace) != emitted_before and with_condition.reads & assigned_in_round
        if becomes_native and not unrolled:
            break
    restore()
    trace_construct(
        trace, "loop", (condition, body), assigned, lambda construct: _trace_while(construct, condition, body)
    )


def _watched(trace: Trace, function: Thunk) -> tuple[Watch, object]:
    watch = Watch()
    trace.watches.append(watch)
    try:
        return watch, function()
    finally:
        trace.watches.remove(watch)


def _emitted(trace: Trace) -> int:
    return len(trace.builder.scope.nodes)


def _trace_while(construct: Construct, condition: Thunk, body: Thunk) -> None:
    trace = construct.trace
    loc = caller_loc()
    begin_native_loop(trace)
    test: Atom = Const(False, BOOL)
    with construct.block(repeats=True) as condition_block:
        test = truth(trace, condition())
    with construct.block(repeats=True) as body_block:
        body()
    trace.emit(WHILE, [], blocks=[condition_block.finish([test]), body_block.finish([])], loc=loc)
    if condition_block.always_raises:
        raise AlwaysRaises


def run_for(iterable: object, body: LoopBody) -> None:
    """A native loop over staged ranges and what the front knows; Python's own over everything else.

    A plain `range` whose body emits a native loop (an epoch loop) is native as well.
    """
    trace = current_trace()
    if trace is None:
        _iterate(iterable, body)
        return
    if is_maybe(iterable):
        iterable = iterable.required("'NoneType' object is not iterable")
    if isinstance(iterable, StagedEnumerate):
        source, item_of = iterable.iterable, _numbered(iterable.start)
    elif type(iterable) is enumerate:
        source, start = _behind(iterable)
        item_of = _numbered(start)
    else:
        source, item_of = iterable, _bare
    if is_staged_array(source):
        _run_array(trace, source, item_of, body)
        return
    if isinstance(source, StagedZip):
        zips.run_zip(trace, source, item_of, body)
        return
    if is_staged_container(source):
        run_container(trace, source, item_of, body)
        return
    plan = trace.front.loop_plan(trace, source)
    if isinstance(source, StagedRange):
        _run_staged_range(trace, source, item_of, body)
    elif plan is not None:
        plan.run(trace, item_of, body)
    elif type(iterable) is range and len(iterable) > 1:
        _run_plain_range(trace, iterable, body)
    else:
        tried = trace.front.tried_plan(trace, source)
        if tried is not None and _comes_to_native_loop(trace, item_of(0, tried.first), body):
            tried.run(trace, item_of, body)
        else:
            _require_not_begun(trace, source)
            _iterate(iterable, body)


def _require_not_begun(trace: Trace, source: object) -> None:
    """A located error where a staged loop would go on with a generator: each round, and each attempt to trace it."""
    if trace.constructs and isinstance(source, GeneratorType) and getgeneratorstate(source) != GEN_CREATED:
        raise StagingError(
            f"the generator `{source.__name__}` is older than the staged loop which goes through it: that would go on "
            "with it in each round",
            loc=caller_loc(),
            hint="make it where it is needed: `for batch in batches(data)`, or have a list of the batches",
        )


def _behind(numbered: enumerate[object]) -> tuple[object, object]:
    """What an `enumerate` that was just made goes over, and the number that it begins with. Takes nothing from it."""
    _, (iterator, start) = cast(tuple[object, tuple[Any, object]], numbered.__reduce__())
    if type(iterator) in _WALKS:
        _, (source,), *position = iterator.__reduce__()
        if position == [0]:
            return source, start
    return iterator, start


_WALKS: tuple[type, ...] = (type(iter([])), type(iter(())))


def _comes_to_native_loop(trace: Trace, item: object, body: LoopBody) -> bool:
    """Whether a round does, with that item. Nothing is left of it."""
    restore = trace.checkpoint()
    try:
        return _tries_native(trace, item, body) is not None
    finally:
        restore()


def _tries_native(trace: Trace, item: object, body: LoopBody) -> BecomesNative | None:
    """Run a round to see whether it comes to a native loop, or to what counts as one; which, if it does."""
    loops_before, probe = trace.emitted_loops, object()
    trace.probes.append(probe)
    try:
        body.call(item)
    except BecomesNative as found:
        if found.probe is not probe:
            raise
        return found
    finally:
        trace.probes.remove(probe)
    return BecomesNative(probe, is_rolled=False) if trace.emitted_loops != loops_before else None


def run_container(trace: Trace, source: object, item_of: Item, body: LoopBody) -> None:
    """A native loop over a staged list, dict, view or string."""
    if is_staged_text(source):
        _run_text(trace, source, item_of, body)
        return
    walk = walks.list_walk(trace, source) if is_staged_list(source) else walks.DictWalk(trace, source)
    run_walk(trace, walk, item_of, body)


def run_walk(trace: Trace, walk: walks.Walk, item_of: Item, body: LoopBody) -> None:
    """A native loop as the walk goes."""
    trace_construct(
        trace,
        "loop",
        body.functions,
        body.assigned,
        lambda construct: _trace_walk(construct, walk, item_of, body),
    )


def _run_text(trace: Trace, source: StagedStr, item_of: Item, body: LoopBody) -> None:
    def call(index: object) -> object:
        return body.call(item_of(index, source.item(trace.lift(index))))

    run_over_indices(trace, source.length(), replace(body, call=call))


def _trace_walk(construct: Construct, walk: walks.Walk, item_of: Item, body: LoopBody) -> None:
    """A `while` over positions of a container that may change meanwhile."""
    trace, loc = construct.trace, caller_loc()
    begin_native_loop(trace)
    walk.begin()
    (count,) = trace.emit(VAR_NEW, [Const(0, INT)], names=["i"])
    (wanted,) = trace.emit(VAR_NEW, [Const(True, BOOL)], names=["wanted"])
    with construct.block(repeats=True) as condition_block:
        (more,) = trace.emit(VAR_GET, [wanted])
        (test,) = trace.emit(LOGICAL_AND, [more, walk.is_at_item()])
    with construct.block(repeats=True) as body_block:
        (number,) = trace.emit(VAR_GET, [count])
        item = walk.item()
        (following,) = trace.emit(ADD, [number, Const(1, INT)])
        trace.emit(VAR_SET, [count, following])
        body.call(item_of(trace.wrap(number), item))
        if body.stop is not None:
            trace.emit(VAR_SET, [wanted, truth(trace, run_not(body.stop()))])
        (goes_on,) = trace.emit(VAR_GET, [wanted])
        walk.advance(goes_on)
    trace.emit(WHILE, [], blocks=[condition_block.finish([test]), body_block.finish([])], loc=loc)


def run_each(iterable: object, body: Callable[[object], object]) -> None:
    """The loop of a comprehension: native over what only the run knows, else Python's own."""
    trace = current_trace()
    if trace is not None and loops_natively(trace, iterable):
        run_for(iterable, LoopBody(body, None, (body,), NOTHING_ASSIGNED))
        return
    for item in cast(Iterable[object], iterable):
        body(item)


def loops_natively(trace: Trace, iterable: object) -> bool:
    """Whether a loop over it is native whatever its body does."""
    if (
        isinstance(iterable, (StagedRange, StagedEnumerate, StagedZip))
        or is_staged_array(iterable)
        or is_staged_container(iterable)
    ):
        return True
    return trace.front.loop_plan(trace, iterable) is not None


def run_for_dataloader(loader: object, body: LoopBody) -> None:
    """`for i, (a, b) in enumerate(loader)`: `body.call((i, (a, b)))`."""
    trace = current_trace()
    if trace is not None and loops_natively(trace, loader):
        run_for(StagedEnumerate(loader, 0), body)
    else:
        run_for(enumerate(cast(Iterable[object], loader)), body)


def _bare(_number: object, item: object) -> object:
    return item


def _numbered(start: object) -> Callable[[object, object], object]:
    from_zero = type(start) is int and start == 0
    return lambda number, item: (number if from_zero else number + start, item)  # type: ignore[operator]


def _iterate(iterable: object, body: LoopBody, stop: object = False) -> None:
    """Python's own loop. Once the wish to stop is staged (that of a round before may be), it guards each round."""
    trace = current_trace()
    for item in cast(Iterable[object], iterable):
        if trace is not None and trace.is_staged(stop):
            round_ = partial(body.call, item)
            run_if(stop, do_nothing, round_, body.assigned, functions=body.functions)
        else:
            body.call(item)
        stop = body.stop is not None and body.stop()
        if (trace is None or not trace.is_staged(stop)) and stop:
            return


def _run_plain_range(trace: Trace, values: range, body: LoopBody) -> None:
    """Python's loop, unless the first round comes to a native loop or the whole is too long to unroll (D3)."""
    restore = trace.checkpoint()
    made_before, taken_before = trace.builder.symbols_made, trace.items_taken
    found = _tries_native(trace, values[0], body)
    is_native, is_rolled = found is not None, found is not None and found.is_rolled
    size = (trace.builder.symbols_made - made_before) * len(values)
    may_roll = trace.may_roll and trace.items_taken == taken_before  # where the first round can be taken back
    if not is_native and size > trace.options.unroll_budget and may_roll:
        is_native = is_rolled = True
    if not is_native:
        trace.note("loop", f"unrolled while staging, in {len(values)} rounds")
        _iterate_rest(trace, values[1:], body)
        return
    restore()
    rolled = StagedRange(values.start, values.stop, values.step)
    if is_rolled:
        _roll(trace, restore, rolled, values, body)
    else:
        _run_staged_range(trace, rolled, _bare, body)


def _iterate_rest(trace: Trace, values: range, body: LoopBody) -> None:
    """The rounds after the first."""
    stop = body.stop is not None and body.stop()
    if trace.is_staged(stop) or not stop:
        _iterate(values, body, stop)


def _roll(trace: Trace, restore: Callable[[], None], rolled: StagedRange, values: range, body: LoopBody) -> None:
    """One native loop where unrolling would exceed its budget; unrolled after all, with a warning, where that fails."""
    loc = caller_loc()
    outer, trace.is_rolling = trace.is_rolling, True
    try:
        _run_staged_range(trace, rolled, _bare, body)
        trace.note("loop", "one native loop, since unrolled it would exceed PYLMS_UNROLL_BUDGET")
        return
    except PylmsError as error:
        reason = error.message
    finally:
        trace.is_rolling = outer
    restore()
    made_before = trace.builder.symbols_made
    may_roll, trace.may_roll = trace.may_roll, False
    try:
        _iterate(values, body)
    finally:
        trace.may_roll = may_roll
    logging.getLogger("pylms").warning(
        "%s:%d: a loop is unrolled to %d operations in %d rounds: it cannot be one native loop (%s). "
        "`static(range(...))` says that unrolling is meant; PYLMS_UNROLL_BUDGET is the limit.",
        loc.file,
        loc.line,
        trace.builder.symbols_made - made_before,
        len(values),
        reason,
    )


def _run_staged_range(trace: Trace, source: StagedRange, item_of: Item, body: LoopBody) -> None:
    start, stop, step = (trace.lift(bound) for bound in (source.start, source.stop, source.step))
    if not isinstance(step, Const):
        (nonzero,) = trace.emit(NE, [step, Const(0, INT)])
        trace.emit(CHECK, [nonzero], attrs={"error": "ValueError", "message": "range() arg 3 must not be zero"})

    def run_item(index: object) -> None:
        number = (index - source.start) // source.step if item_of is not _bare else index  # type: ignore[operator]
        body.call(item_of(number, index))

    native_for(trace, (start, stop, step), run_item, body, is_parallel=source.is_parallel)


def _run_array(trace: Trace, source: StagedArray, item_of: Item, body: LoopBody) -> None:
    """A native loop over the first dimension."""

    def call(index: object) -> object:
        return body.call(item_of(index, source[index]))

    run_over_indices(trace, source.length(), replace(body, call=call))


def run_over_indices(trace: Trace, length: object, body: LoopBody) -> None:
    """A native loop over the ints below a length."""
    _run_staged_range(trace, StagedRange(0, length, 1), _bare, body)
