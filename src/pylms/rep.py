"""The extension layer: staged values and how to build IR from Python directly.

`Rep` is a staged scalar; `static(x)` asserts that a value is known now, `staged(x)` makes a known one staged;
`reflect` appends an IR node to the running trace, `fresh` makes an unused symbol, `reify` stages a function.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, cast

from .errors import StagingError
from .ir.node import AttributeValue, Sym
from .ir.primitive import Primitive
from .ir.types import Type
from .late import late_module
from .loc import caller_loc
from .staging.context import Trace, current_trace
from .staging.reify import reify
from .staging.rep import Rep

if TYPE_CHECKING:
    from .staging.operators import container, iterables
else:
    container = late_module("pylms.staging.operators.container")
    iterables = late_module("pylms.staging.operators.iterables")

Value = TypeVar("Value")


def static(value: Value) -> Value:
    """`value`, which must be known now; as the condition of a `while`, or as what a `for` runs over, it unrolls a loop.

    A range comes as the tuple of its ints. Raises StagingError when the value is staged.
    """
    trace = current_trace()
    if trace is None:
        return value
    if trace.is_staged(value):
        raise StagingError(
            f"static(...) was given a staged value: {value!r}",
            loc=caller_loc(),
            hint="what static marks must depend on plain values only",
        )
    trace.static_requested = True
    return cast(Value, tuple(value)) if isinstance(value, range) else value


def staged(value: object, *, parallel: bool = False) -> object:
    """A number, string, list or dict as a staged value, or a `range` as one that a native loop runs over.

    Outside staging, `value` itself.

    With `parallel=True` the rounds of the loop run on several threads (`PYLMS_NUM_THREADS`, by default as many as there
    are cores). They must not depend on each other, but for sums, products, minima and maxima that they carry; what the
    partial sums of floats are does not depend on the number of threads.
    """
    trace = current_trace()
    if trace is None:
        return value
    if isinstance(value, range):
        return iterables.StagedRange(value.start, value.stop, value.step, parallel)
    if isinstance(value, iterables.StagedRange):
        return replace(value, is_parallel=parallel)
    if isinstance(value, (list, dict)):
        return container.staged_container(trace, value)
    return trace.wrap(trace.lift(value))


def reflect(primitive: Primitive, *args: object, **attrs: AttributeValue) -> object:
    """Append `primitive(args) {attrs}`, which has one result, to the running trace; the value that stands for it."""
    return _running_trace().reflect(primitive, *args, **attrs)


def fresh(type_: Type, name: str = "") -> Sym:
    """A symbol of that type which the running trace has not used."""
    return _running_trace().builder.fresh(type_, name)


def _running_trace() -> Trace:
    trace = current_trace()
    if trace is None:
        raise StagingError(
            "no function is being staged",
            loc=caller_loc(),
            hint="call this from a function that @stage or @stageTensor stages",
        )
    return trace


__all__ = ["Rep", "fresh", "reflect", "reify", "staged", "static"]
