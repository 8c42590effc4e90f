"""NumPy's ways to make an array, in staged code: memory of the run, of a shape that may be known only then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..errors import NotSupportedYetError, StagedTypeError
from ..ir.node import Atom, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops.arrays import ARRAY_STORE
from ..ir.ops.control import CHECK, FOR
from ..ir.types import BOOL, FLOAT64, INT, INT64, ArrayType, ScalarType, element_type
from ..loc import caller_loc
from .elementwise import common_type, copied, quotient_type
from .kinds import has_staged_length, is_staged_list
from .known_arrays import lift_operand
from .nests import ZERO, build, extents_of, new
from .promotion import adapt, convert
from .reductions import dtype_named
from .rep import StagedValue

if TYPE_CHECKING:
    from .context import Trace


def zeros(trace: Trace, shape: object, dtype: object = None) -> object:
    """`np.zeros`."""
    return trace.wrap(new(trace, shape_of(trace, shape), dtype_named(dtype, FLOAT64), zeroed=True))


def empty(trace: Trace, shape: object, dtype: object = None) -> object:
    """`np.empty`: of bools it holds False, since other bytes are none."""
    type_ = dtype_named(dtype, FLOAT64)
    return trace.wrap(new(trace, shape_of(trace, shape), type_, zeroed=type_ == BOOL))


def ones(trace: Trace, shape: object, dtype: object = None) -> object:
    """`np.ones`."""
    return full(trace, shape, 1, dtype=dtype_named(dtype, FLOAT64))


def full(trace: Trace, shape: object, fill_value: object, dtype: object = None) -> object:
    """`np.full`."""
    value = lift_operand(trace, fill_value, "full")
    if isinstance(value.type, ArrayType):
        raise NotSupportedYetError("`np.full` with an array is not supported yet", loc=caller_loc(), hint="assign it")
    if isinstance(dtype, ScalarType):
        type_ = dtype
    else:
        type_ = dtype_named(dtype, common_type("full", [element_type(value.type)] * 2))
    element = adapt(trace, value, type_)
    return trace.wrap(_filled(trace, shape_of(trace, shape), element))


def _filled(trace: Trace, extents: Sequence[Atom], element: Atom) -> Atom:
    """A new array of equal elements; of no dimensions, too, an array."""
    if not extents:
        assert isinstance(element.type, ScalarType)
        made = new(trace, [], element.type)
        trace.emit(ARRAY_STORE, [made, element])
        return made
    return build(trace, extents, lambda _indices: element)


def shape_of(trace: Trace, shape: object) -> list[Atom]:
    """A shape argument as extents, none negative: ValueError at run time."""
    extents = [as_extent(trace, each) for each in (shape if isinstance(shape, (tuple, list)) else [shape])]
    for extent in extents:
        if isinstance(extent, Const):
            if extent.value < 0:
                raise StagedTypeError(
                    "negative dimensions are not allowed", loc=caller_loc(), hint="an extent is zero or more"
                )
            continue
        (fits,) = trace.emit(ops.GE, [extent, ZERO])
        message = "negative dimensions are not allowed"
        trace.emit(CHECK, [fits], attrs={"error": "ValueError", "message": message})
    return extents


def as_extent(trace: Trace, value: object) -> Atom:
    """One extent as a Python int."""
    atom = trace.try_lift(value)
    if atom is None or not isinstance(atom.type, ScalarType) or not atom.type.is_integer:
        raise StagedTypeError("an extent must be an int", loc=caller_loc(), hint="convert it: int(n)")
    return convert(trace, atom, INT)


def zeros_like(trace: Trace, prototype: object, dtype: object = None) -> object:
    """`np.zeros_like`."""
    extents, type_ = _like(trace, prototype, dtype)
    return trace.wrap(new(trace, extents, type_, zeroed=True))


def empty_like(trace: Trace, prototype: object, dtype: object = None) -> object:
    """`np.empty_like`."""
    extents, type_ = _like(trace, prototype, dtype)
    return trace.wrap(new(trace, extents, type_, zeroed=type_ == BOOL))


def ones_like(trace: Trace, prototype: object, dtype: object = None) -> object:
    """`np.ones_like`."""
    return full_like(trace, prototype, 1, dtype)


def full_like(trace: Trace, prototype: object, fill_value: object, dtype: object = None) -> object:
    """`np.full_like`."""
    extents, type_ = _like(trace, prototype, dtype)
    value = lift_operand(trace, fill_value, "full_like")
    if isinstance(value.type, ArrayType):
        raise NotSupportedYetError(
            "`np.full_like` with an array is not supported yet", loc=caller_loc(), hint="assign the array: b[:] = a"
        )
    return trace.wrap(_filled(trace, extents, adapt(trace, value, type_)))


def _like(trace: Trace, prototype: object, dtype: object) -> tuple[list[Atom], ScalarType]:
    atom = lift_operand(trace, prototype, "zeros_like")
    found = element_type(atom.type)
    return extents_of(trace, atom), dtype_named(dtype, common_type("zeros_like", [found, found]))


def arange(trace: Trace, *bounds: object, dtype: object = None) -> object:
    """`np.arange`: as many steps from the start on as come before the stop."""
    if not 1 <= len(bounds) <= 3:
        raise StagedTypeError(
            "`np.arange` takes one to three bounds", loc=caller_loc(), hint="write np.arange(start, stop, step)"
        )
    start, stop, step = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    atoms = [lift_operand(trace, bound, "arange") for bound in (start, stop, step)]
    found = [element_type(atom.type) for atom in atoms]
    if any(isinstance(atom.type, ArrayType) for atom in atoms) or BOOL in found:
        raise StagedTypeError("`np.arange` takes numbers", loc=caller_loc(), hint="pass ints or floats")
    meeting = common_type("arange", found)
    type_ = dtype_named(dtype, meeting)
    counted_in, computed_in = (FLOAT64, FLOAT64) if meeting.is_float else (INT, INT64)
    first, last, by = (convert(trace, atom, counted_in) for atom in atoms)
    length = _length_of_range(trace, first, last, by)
    origin, advance = convert(trace, first, computed_in), convert(trace, by, computed_in)
    if meeting.is_float:
        # As NumPy: what lies between the first two elements.
        (second,) = trace.emit(ops.ADD, [origin, advance])
        (advance,) = trace.emit(ops.SUB, [second, origin])

    def element(indices: Sequence[Atom]) -> Atom:
        (distance,) = trace.emit(ops.MUL, [convert(trace, indices[0], computed_in), advance])
        return convert(trace, trace.emit(ops.ADD, [origin, distance])[0], type_)

    return trace.wrap(build(trace, [length], element))


def _length_of_range(trace: Trace, first: Atom, last: Atom, by: Atom) -> Atom:
    zero = convert(trace, ZERO, element_type(by.type))
    if not isinstance(by, Const):
        (nonzero,) = trace.emit(ops.NE, [by, zero])
        trace.emit(CHECK, [nonzero], attrs={"error": "ZeroDivisionError", "message": "division by zero"})
    elif by.value == 0:
        raise StagedTypeError("the step of `np.arange` cannot be zero", loc=caller_loc(), hint="use another step")
    (distance,) = trace.emit(ops.SUB, [last, first])
    if by.type == INT:
        # Rounded up: the opposite of the opposite, rounded down.
        (opposite,) = trace.emit(ops.NEG, [distance])
        (steps,) = trace.emit(ops.FLOORDIV, [opposite, by])
        (length,) = trace.emit(ops.NEG, [steps])
    else:
        (steps,) = trace.emit(ops.TRUEDIV, [distance, by])
        (rounded,) = trace.emit(ops.CEIL, [steps])
        (length,) = trace.emit(ops.CONVERT, [rounded], attrs={"dtype": INT})
    return trace.emit(ops.MAXIMUM, [length, ZERO])[0]


def linspace(trace: Trace, start: object, stop: object, num: object = 50, endpoint: bool = True) -> object:
    """`np.linspace`: as many numbers, evenly spaced, with the stop or without it."""
    bounds = [lift_operand(trace, bound, "linspace") for bound in (start, stop)]
    if any(isinstance(atom.type, ArrayType) for atom in bounds):
        raise NotSupportedYetError(
            "`np.linspace` between arrays is not supported yet",
            loc=caller_loc(),
            hint="call it for each pair of elements",
        )
    if quotient_type("linspace", [element_type(atom.type) for atom in bounds]) != FLOAT64:
        raise NotSupportedYetError(
            "`np.linspace` of float32 is not supported yet", loc=caller_loc(), hint="convert the bounds: float(x)"
        )
    first, last = (convert(trace, atom, FLOAT64) for atom in bounds)
    (length,) = shape_of(trace, num)
    gaps = trace.emit(ops.SUB, [length, Const(1, INT)])[0] if endpoint else length
    (distance,) = trace.emit(ops.SUB, [last, first])
    (step,) = trace.emit(ops.TRUEDIV, [distance, convert(trace, gaps, FLOAT64)])

    def element(indices: Sequence[Atom]) -> Atom:
        (index,) = indices
        (way,) = trace.emit(ops.MUL, [convert(trace, index, FLOAT64), step])
        (value,) = trace.emit(ops.ADD, [way, first])
        if not endpoint:
            return value
        (is_last,) = trace.emit(ops.EQ, [index, gaps])
        (is_first,) = trace.emit(ops.EQ, [index, ZERO])
        (value,) = trace.emit(ops.SELECT, [is_last, last, value])
        return trace.emit(ops.SELECT, [is_first, first, value])[0]

    return trace.wrap(build(trace, [length], element))


def eye(trace: Trace, rows: object, columns: object = None, k: object = 0, dtype: object = None) -> object:
    """`np.eye`: ones on the k-th diagonal."""
    extents = shape_of(trace, [rows, rows if columns is None else columns])
    type_, offset = dtype_named(dtype, FLOAT64), convert(trace, as_extent(trace, k), INT64)
    zero, one = convert(trace, Const(False, BOOL), type_), convert(trace, Const(True, BOOL), type_)

    def element(indices: Sequence[Atom]) -> Atom:
        row, column = (convert(trace, index, INT64) for index in indices)
        (away,) = trace.emit(ops.SUB, [column, row])
        (on_diagonal,) = trace.emit(ops.EQ, [away, offset])
        return trace.emit(ops.SELECT, [on_diagonal, one, zero])[0]

    return trace.wrap(build(trace, extents, element))


def array(trace: Trace, items: object, dtype: object = None) -> object:
    """`np.array`: a copy of an array, or an array of staged numbers or of a staged list of numbers."""
    if isinstance(items, (list, tuple)):
        return trace.wrap(_array_of(trace, items, dtype))
    if has_staged_length(items):
        return trace.wrap(_array_of_staged(trace, items, dtype))
    atom = lift_operand(trace, items, "array")
    found = element_type(atom.type)
    type_ = dtype_named(dtype, common_type("array", [found, found]))
    if isinstance(atom.type, ArrayType) and atom.type.rank:
        return trace.wrap(copied(trace, atom, type_))
    number = copied(trace, atom) if isinstance(atom.type, ArrayType) else atom
    return trace.wrap(_filled(trace, [], adapt(trace, number, type_)))


def asarray(trace: Trace, items: object, dtype: object = None) -> object:
    """`np.asarray`: the array itself where it is one of that type."""
    if isinstance(items, StagedValue) and isinstance(items.atom.type, ArrayType):
        found = items.atom.type.dtype
        if dtype_named(dtype, found) == found:
            return items
    return array(trace, items, dtype)


def _array_of_staged(trace: Trace, items: object, dtype: object) -> Atom:
    """A new array with what a list of the run has in it."""
    if not is_staged_list(items) or not isinstance(items.type.element, ScalarType):
        raise NotSupportedYetError(
            "`np.array` of a staged str, dict, or list of others than numbers is not supported yet",
            loc=caller_loc(),
            hint="make an array of zeros and assign its elements in a loop",
        )
    element = items.type.element
    type_ = dtype_named(dtype, common_type("array", [element, element]))
    length, index = trace.lift(items.length()), trace.builder.fresh(INT, "i")
    made = new(trace, [length], type_)
    with trace.builder.block([index]) as body:
        item = trace.lift(items.item(index))
        trace.emit(ARRAY_STORE, [made, adapt(trace, item, type_), index])
    trace.emit(FOR, [ZERO, length, Const(1, INT)], blocks=[body.finish([])])
    return made


def _array_of(trace: Trace, items: Sequence[object], dtype: object) -> Atom:
    """A new array, and one store for each number that goes into it."""
    places: list[tuple[tuple[int, ...], Atom]] = []
    shape = _collect(trace, items, (), places)
    if any(len(place) != len(shape) for place, _ in places):
        raise StagedTypeError(
            "the rows of an array must be equally long", loc=caller_loc(), hint="give each row as many numbers"
        )
    types = [common_type("array", [element_type(atom.type)]) for _, atom in places]
    found = common_type("array", types) if types else FLOAT64
    type_ = dtype_named(dtype, found)
    made = new(trace, [Const(extent, INT) for extent in shape], type_)
    for place, atom in places:
        indices = [Const(index, INT) for index in place]
        trace.emit(ARRAY_STORE, [made, adapt(trace, atom, type_), *indices])
    return made


def _collect(
    trace: Trace, items: Sequence[object], place: tuple[int, ...], places: list[tuple[tuple[int, ...], Atom]]
) -> tuple[int, ...]:
    """The numbers in nested lists, with where they stand; gives the shape."""
    shapes = set()
    for index, item in enumerate(items):
        if isinstance(item, (list, tuple)):
            shapes.add(_collect(trace, item, (*place, index), places))
            continue
        atom = lift_operand(trace, item, "array")
        if isinstance(atom.type, ArrayType):
            raise NotSupportedYetError(
                "`np.array` of a list of arrays is not supported yet", loc=caller_loc(), hint="assign the rows"
            )
        places.append(((*place, index), atom))
        shapes.add(())
    if len(shapes) > 1:
        raise StagedTypeError(
            "the rows of an array must be equally long", loc=caller_loc(), hint="give each row as many numbers"
        )
    return (len(items), *(shapes.pop() if shapes else ()))


CREATORS: dict[str, Callable[..., object]] = {"zeros": zeros, "empty": empty, "ones": ones, "full": full}
"""What makes a staged array wherever code is staged, since its elements may be assigned."""

CREATORS_OF_STAGED: dict[str, Callable[..., object]] = {
    "arange": arange,
    "linspace": linspace,
    "eye": eye,
    "identity": eye,
    "array": array,
    "asarray": asarray,
    "ascontiguousarray": asarray,
}
"""What makes a staged array out of staged values, and runs at generation time otherwise."""
