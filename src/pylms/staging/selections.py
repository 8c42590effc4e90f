"""NumPy's functions that choose among elements or compare whole arrays, and what is made of other functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..errors import NotSupportedYetError
from ..ir.node import Atom, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops.arrays import ARRAY_DIM
from ..ir.ops.control import IF
from ..ir.types import BOOL, INT, ArrayType, element_type
from ..loc import caller_loc
from .elementwise import apply, common_type, copied, store
from .known_arrays import lift_operand
from .nests import Operands, build
from .promotion import adapt, convert
from .reductions import all_true, dtype_named, largest, smallest, variance
from .ufuncs import UFUNCS

if TYPE_CHECKING:
    from .context import Trace


def where(trace: Trace, condition: object, *alternatives: object) -> object:
    """`np.where` with two alternatives."""
    if len(alternatives) != 2:
        raise NotSupportedYetError(
            "`np.where` with a condition alone is not supported",
            loc=caller_loc(),
            hint="how many elements it would find is known only at run time; write the loop",
        )
    test, *chosen = (lift_operand(trace, each, "where") for each in (condition, *alternatives))
    target = common_type("where", [element_type(atom.type) for atom in chosen])
    numbers = [adapt(trace, atom, target) if not isinstance(atom.type, ArrayType) else atom for atom in chosen]
    operands = Operands(trace, [test, *numbers])
    extents = operands.together()

    def element(indices: Sequence[Atom]) -> Atom:
        holds, left, right = operands.at(indices, extents)
        sides = [convert(trace, side, target) for side in (left, right)]
        return trace.emit(ops.SELECT, [convert(trace, holds, BOOL), *sides])[0]

    return trace.wrap(build(trace, extents, element))


def store_where(trace: Trace, target: Atom, mask: Atom, value: Atom) -> None:
    """`target[mask] = number`: stored where the mask holds."""
    assert isinstance(target.type, ArrayType) and isinstance(mask.type, ArrayType)
    if isinstance(value.type, ArrayType):
        raise NotSupportedYetError(
            "assigning an array to the elements that a mask selects is not supported",
            loc=caller_loc(),
            hint="write np.where(mask, value, a) if value has the shape of a",
        )
    if mask.type.rank != target.type.rank:
        raise NotSupportedYetError(
            f"a mask of {mask.type.rank} dimensions for an array of {target.type.rank} is not supported",
            loc=caller_loc(),
            hint="use a mask of the array's own shape",
        )
    number = adapt(trace, value, target.type.dtype)
    if mask.type.rank > 1:
        _store_where(trace, target, mask, number)
        return
    (length,) = trace.emit(ARRAY_DIM, [mask], attrs={"axis": 0})
    (size,) = trace.emit(ARRAY_DIM, [target], attrs={"axis": 0})
    (fits,) = trace.emit(ops.EQ, [length, size])
    (has_elements,) = trace.emit(ops.NE, [length, Const(0, INT)])
    # NumPy takes a mask without elements for an array of any length. Mostly a mask is made of the array: its length is
    # the same value, and what does not fit is seen not to happen.
    _either(
        trace,
        fits,
        lambda: _store_where(trace, target, mask, number),
        lambda: _either(trace, has_elements, lambda: _require_fit(trace, target, mask), _nothing),
    )


def _either(trace: Trace, condition: Atom, then: Callable[[], None], otherwise: Callable[[], None]) -> None:
    blocks = []
    for side in (then, otherwise):
        with trace.builder.block() as scope:
            side()
        blocks.append(scope.finish([]))
    trace.emit(IF, [condition], blocks=tuple(blocks))


def _nothing() -> None:
    """The side on which nothing is to do."""


def _require_fit(trace: Trace, target: Atom, mask: Atom) -> None:
    """An error unless the array has the mask's shape."""
    Operands(trace, [mask, target]).require_same_shape(Operands(trace, [target]).together())


def _store_where(trace: Trace, target: Atom, mask: Atom, number: Atom) -> None:
    _require_fit(trace, target, mask)
    operands, extents = Operands(trace, [mask, target]), Operands(trace, [target]).together()

    def element(indices: Sequence[Atom]) -> Atom:
        holds, old = operands.at(indices, extents)
        return trace.emit(ops.SELECT, [holds, number, old])[0]

    store(trace, target, build(trace, extents, element))


def clip(trace: Trace, array: object, low: object = None, high: object = None) -> object:
    """`np.clip`."""
    if low is not None:
        array = apply(trace, UFUNCS["maximum"], array, low)
    return array if high is None else apply(trace, UFUNCS["minimum"], array, high)


def rounded(trace: Trace, array: object, decimals: object = 0) -> object:
    """`np.round` to whole numbers."""
    if decimals != 0:
        raise NotSupportedYetError(
            "`np.round` of staged arrays to decimals is not supported yet",
            loc=caller_loc(),
            hint="scale them: np.round(a * 100) / 100",
        )
    atom = lift_operand(trace, array, "round")
    return apply(trace, UFUNCS["rint" if element_type(atom.type).is_float else "positive"], array)


def copy_to(trace: Trace, target: object, source: object) -> None:
    """`np.copyto`."""
    store(trace, trace.lift(target), lift_operand(trace, source, "copyto"))


def standard_deviation(
    trace: Trace,
    array: object,
    axis: object = None,
    dtype: object = None,
    ddof: object = 0,
    keepdims: bool = False,
) -> object:
    """`np.std`."""
    return apply(trace, UFUNCS["sqrt"], variance(trace, array, axis, dtype, ddof, keepdims))


def spread(trace: Trace, array: object, axis: object = None, keepdims: bool = False) -> object:
    """`np.ptp`: from the smallest to the largest element."""
    high, low = largest(trace, array, axis, keepdims), smallest(trace, array, axis, keepdims)
    return apply(trace, UFUNCS["subtract"], high, low)


def is_close(trace: Trace, left: object, right: object, rtol: object = 1e-05, atol: object = 1e-08) -> object:
    """`np.isclose`: equal, or apart by no more than the tolerances, the second one being finite."""
    distance = apply(trace, UFUNCS["absolute"], apply(trace, UFUNCS["subtract"], left, right))
    scaled = apply(trace, UFUNCS["multiply"], apply(trace, UFUNCS["absolute"], right), rtol)
    near = apply(trace, UFUNCS["less_equal"], distance, apply(trace, UFUNCS["add"], scaled, atol))
    near = apply(trace, UFUNCS["logical_and"], near, apply(trace, UFUNCS["isfinite"], right))
    return apply(trace, UFUNCS["logical_or"], near, apply(trace, UFUNCS["equal"], left, right))


def all_close(trace: Trace, left: object, right: object, rtol: object = 1e-05, atol: object = 1e-08) -> object:
    """`np.allclose`."""
    return all_true(trace, is_close(trace, left, right, rtol, atol))


def astype(trace: Trace, array: Atom, dtype: object) -> object:
    """A copy with elements of another type."""
    return trace.wrap(copied(trace, array, dtype_named(dtype, element_type(array.type))))
