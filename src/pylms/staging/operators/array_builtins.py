"""Python's `sum`, `min`, `max`, `any` and `all` of staged arrays: loops over the elements, in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NoReturn

from ...errors import NotSupportedYetError, StagedTypeError
from ...ir.node import Atom, Const
from ...ir.ops import arithmetic as ops
from ...ir.ops.arrays import ARRAY_LOAD
from ...ir.ops.control import CHECK, FOR
from ...ir.primitive import Primitive
from ...ir.types import INT, ScalarType
from ...loc import caller_loc
from ..arrays import StagedArray
from ..context import Trace
from ..elementwise import common_type
from ..nests import ONE, ZERO
from ..promotion import adapt, convert
from ..reductions import all_true, any_true


def _sum(trace: Trace, array: StagedArray, start: object = 0) -> object:
    """Of nothing, the start as a number of the array's kind."""
    _require_vector("sum", array)
    first = trace.lift(start)
    if not isinstance(first.type, ScalarType):
        raise StagedTypeError("sum() starts from a number here", loc=caller_loc(), hint="add the arrays: a.sum() + b")
    target = common_type("sum", [first.type, array.type.dtype])

    def added(so_far: Atom, element: Atom) -> Atom:
        return trace.emit(ops.ADD, [so_far, convert(trace, element, target)])[0]

    return _folded(trace, array, ZERO, adapt(trace, first, target), added)


def _extreme(name: str, primitive: Primitive, trace: Trace, array: StagedArray) -> object:
    """The first extreme element; comparisons with NaN are false."""
    _require_vector(name, array)
    (fits,) = trace.emit(ops.NE, [array.extent(0), ZERO])
    message = f"{name}() iterable argument is empty"
    trace.emit(CHECK, [fits], attrs={"error": "ValueError", "message": message})
    (first,) = trace.emit(ARRAY_LOAD, [array.atom, ZERO])

    def better(best: Atom, element: Atom) -> Atom:
        (is_better,) = trace.emit(primitive, [element, best])
        return trace.emit(ops.SELECT, [is_better, element, best])[0]

    return _folded(trace, array, ONE, first, better)


def _folded(
    trace: Trace, array: StagedArray, begin: Const, initial: Atom, combine: Callable[[Atom, Atom], Atom]
) -> object:
    """What `combine` makes of `initial` and the elements from `begin` on."""
    index, so_far = trace.builder.fresh(INT, "i"), trace.builder.fresh(initial.type)
    extent = array.extent(0)
    with trace.builder.block([index, so_far]) as body:
        (element,) = trace.emit(ARRAY_LOAD, [array.atom, index])
        block = body.finish([combine(so_far, element)])
    return trace.wrap(trace.emit(FOR, [begin, extent, ONE, initial], blocks=[block])[0])


def _require_vector(name: str, array: StagedArray) -> None:
    if array.ndim != 1:
        raise NotSupportedYetError(
            f"{name}() of an array of {array.ndim} dimensions is not supported",
            loc=caller_loc(),
            hint=f"write a.{name}() or a.{name}(axis=0)",
        )


def _refused(name: str, hint: str) -> Callable[..., object]:
    def refuse(_trace: Trace, *_args: object, **_kwargs: object) -> NoReturn:
        raise StagedTypeError(f"{name}() of an array is not defined", loc=caller_loc(), hint=hint)

    return refuse


_ARRAY_BUILTINS: Mapping[object, Callable[..., object]] = {
    sum: _sum,
    min: partial(_extreme, "min", ops.LT),
    max: partial(_extreme, "max", ops.GT),
    any: any_true,
    all: all_true,
    divmod: lambda _trace, array, other: (array // other, array % other),
    reversed: lambda _trace, array: array[::-1],
    round: _refused("round", "use np.round"),
}


def array_builtin(function: object, args: Sequence[object]) -> Callable[..., object] | None:
    """What a builtin means whose first argument is a staged array; None where it has no meaning of its own there."""
    if function in (min, max) and len(args) > 1:
        return _refused("min" if function is min else "max", "use np.minimum or np.maximum")
    return _ARRAY_BUILTINS.get(function)
