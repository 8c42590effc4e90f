"""NumPy's reductions of staged arrays: over all elements, or along some axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..errors import NotSupportedYetError, StagedTypeError
from ..ir.node import Atom, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops.array_nests import FOLDS, TESTS
from ..ir.ops.control import CHECK
from ..ir.types import BOOL, FLOAT64, INT64, UINT64, ScalarType, element_type
from ..loc import caller_loc
from .known_arrays import element_type_of, lift_operand
from .nests import ONE, ZERO, Operands, build, reduce
from .promotion import convert

if TYPE_CHECKING:
    from .context import Trace

# The type that the elements are converted to.
Prepare = Callable[[ScalarType], ScalarType]


def sum_type(type_: ScalarType) -> ScalarType:
    """What sums and products are made in: the widest integers, or the floats there are."""
    if type_.is_float:
        return type_
    return UINT64 if type_.kind == "uint" else INT64


def mean_type(type_: ScalarType) -> ScalarType:
    """What means are made in."""
    return type_ if type_.is_float else FLOAT64


def dtype_named(dtype: object, otherwise: ScalarType) -> ScalarType:
    """The type that a `dtype` argument names; `otherwise` where it is None."""
    if dtype is None:
        return otherwise
    import numpy

    return element_type_of(numpy.dtype(dtype))  # type: ignore[call-overload]


class Reduction:
    """Which axes of an array of some shape go, and what remains."""

    def __init__(self, trace: Trace, extents: Sequence[Atom], axis: object, *, keepdims: bool) -> None:
        rank = len(extents)
        self._trace = trace
        self._gone = range(rank) if axis is None else _axes(axis, rank)
        self._keepdims = keepdims
        self._kept = [place for place in range(rank) if place not in self._gone]
        self.gone = [extents[place] for place in self._gone]
        self.kept = [extents[place] for place in self._kept]
        self._rank = rank

    def run(self, kind: str, element: Callable[[Sequence[Atom]], Atom]) -> Atom:
        """The reduction of what `element` emits for the indices of the array."""

        def at(outer: Sequence[Atom]) -> Atom:
            kept = [outer[place] for place in self._kept] if self._keepdims else list(outer)
            return reduce(self._trace, kind, self.gone, lambda inner: element(self._places(kept, inner)))

        return build(self._trace, self.shape(), at)

    def shape(self) -> list[Atom]:
        """The shape of the result."""
        if not self._keepdims:
            return self.kept
        left = iter(self.kept)
        return [next(left) if place in self._kept else ONE for place in range(self._rank)]

    def _places(self, kept: Sequence[Atom], gone: Sequence[Atom]) -> list[Atom]:
        places = dict(zip(self._kept, kept, strict=True)) | dict(zip(self._gone, gone, strict=True))
        return [places[place] for place in range(self._rank)]

    def count(self) -> Atom:
        """How many elements make up one of the result."""
        count: Atom = ONE
        for extent in self.gone:
            count = extent if count == ONE else self._trace.emit(ops.MUL, [count, extent])[0]
        return count

    def require_elements(self, kind: str) -> None:
        """ValueError where an extreme is to be made of no elements, even if there are no results."""
        trace, message = self._trace, _OF_NOTHING[kind]
        holds: Atom = Const(True, BOOL)
        for extent in self.gone:
            holds = trace.emit(ops.LOGICAL_AND, [holds, trace.emit(ops.NE, [extent, ZERO])[0]])[0]
        trace.emit(CHECK, [holds], attrs={"error": "ValueError", "message": message})


def _axes(axis: object, rank: int) -> list[int]:
    axes = list(axis) if isinstance(axis, (tuple, list)) else [axis]
    if any(not isinstance(each, int) or not -rank <= each < rank for each in axes):
        raise StagedTypeError(
            f"axis {axis!r} is not among the {rank} dimensions of the array",
            loc=caller_loc(),
            hint="axes must be known while staging",
        )
    found = sorted({each % rank for each in axes if isinstance(each, int)})
    if len(found) < len(axes):
        raise StagedTypeError(f"duplicate value in axis {axis!r}", loc=caller_loc(), hint="name each axis once")
    return found


def reduced(
    trace: Trace,
    kind: str,
    array: object,
    *,
    axis: object = None,
    keepdims: bool = False,
    prepare: Prepare = lambda type_: type_,
) -> object:
    """A reduction of the elements, each converted to what `prepare` makes of their type."""
    atom = lift_operand(trace, array, kind)
    target = prepare(element_type(atom.type))
    operand = Operands(trace, [atom])
    extents = operand.together()
    reduction = Reduction(trace, extents, axis, keepdims=keepdims)
    if kind not in ("sum", "prod", *TESTS):
        reduction.require_elements(kind)
    if target == BOOL and kind in FOLDS:
        kind = "all" if kind == "min" else "any"
    return trace.wrap(reduction.run(kind, lambda indices: convert(trace, operand.at(indices, extents)[0], target)))


_OF_NOTHING = {
    "min": "zero-size array to reduction operation minimum which has no identity",
    "max": "zero-size array to reduction operation maximum which has no identity",
    "argmin": "attempt to get argmin of an empty sequence",
    "argmax": "attempt to get argmax of an empty sequence",
}


def total(trace: Trace, array: object, axis: object = None, dtype: object = None, keepdims: bool = False) -> object:
    """`np.sum`."""
    return _accumulated("sum", trace, array, axis=axis, dtype=dtype, keepdims=keepdims)


def product(trace: Trace, array: object, axis: object = None, dtype: object = None, keepdims: bool = False) -> object:
    """`np.prod`."""
    return _accumulated("prod", trace, array, axis=axis, dtype=dtype, keepdims=keepdims)


def _accumulated(kind: str, trace: Trace, array: object, *, axis: object, dtype: object, keepdims: bool) -> object:
    def prepare(type_: ScalarType) -> ScalarType:
        chosen = dtype_named(dtype, sum_type(type_))
        if chosen == BOOL:
            raise NotSupportedYetError(
                f"`{kind}` with dtype bool is not supported", loc=caller_loc(), hint="use np.any or np.all"
            )
        return chosen

    return reduced(trace, kind, array, axis=axis, keepdims=keepdims, prepare=prepare)


def smallest(trace: Trace, array: object, axis: object = None, keepdims: bool = False) -> object:
    """`np.min`."""
    return reduced(trace, "min", array, axis=axis, keepdims=keepdims)


def largest(trace: Trace, array: object, axis: object = None, keepdims: bool = False) -> object:
    """`np.max`."""
    return reduced(trace, "max", array, axis=axis, keepdims=keepdims)


def any_true(trace: Trace, array: object, axis: object = None, keepdims: bool = False) -> object:
    """`np.any`."""
    return reduced(trace, "any", array, axis=axis, keepdims=keepdims, prepare=lambda _type: BOOL)


def all_true(trace: Trace, array: object, axis: object = None, keepdims: bool = False) -> object:
    """`np.all`."""
    return reduced(trace, "all", array, axis=axis, keepdims=keepdims, prepare=lambda _type: BOOL)


def place_of_smallest(trace: Trace, array: object, axis: object = None, keepdims: bool = False) -> object:
    """`np.argmin`."""
    return reduced(trace, "argmin", array, axis=axis, keepdims=keepdims)


def place_of_largest(trace: Trace, array: object, axis: object = None, keepdims: bool = False) -> object:
    """`np.argmax`."""
    return reduced(trace, "argmax", array, axis=axis, keepdims=keepdims)


def mean(trace: Trace, array: object, axis: object = None, dtype: object = None, keepdims: bool = False) -> object:
    """`np.mean`: NaN of no elements."""
    atom = lift_operand(trace, array, "mean")
    target = dtype_named(dtype, mean_type(element_type(atom.type)))
    operand = Operands(trace, [atom])
    extents = operand.together()
    reduction = Reduction(trace, extents, axis, keepdims=keepdims)
    sums = reduction.run("sum", lambda indices: convert(trace, operand.at(indices, extents)[0], target))
    return trace.wrap(_divided(trace, sums, convert(trace, reduction.count(), target)))


def _divided(trace: Trace, sums: Atom, count: Atom) -> Atom:
    operand = Operands(trace, [sums])
    extents = operand.together()
    return build(trace, extents, lambda indices: trace.emit(ops.TRUEDIV, [operand.at(indices, extents)[0], count])[0])


def variance(
    trace: Trace,
    array: object,
    axis: object = None,
    dtype: object = None,
    ddof: object = 0,
    keepdims: bool = False,
) -> object:
    """`np.var`: the mean of the squared distances from the mean; NaN of no elements."""
    atom = lift_operand(trace, array, "var")
    target = dtype_named(dtype, mean_type(element_type(atom.type)))
    middle = trace.lift(mean(trace, array, axis, dtype, keepdims=axis is not None))
    operands = Operands(trace, [atom, middle])
    extents = Operands(trace, [atom]).together()

    def squared_distance(indices: Sequence[Atom]) -> Atom:
        element, centre = operands.at(indices, extents)
        (distance,) = trace.emit(ops.SUB, [convert(trace, element, target), centre])
        return trace.emit(ops.MUL, [distance, distance])[0]

    reduction = Reduction(trace, extents, axis, keepdims=keepdims)
    sums = reduction.run("sum", squared_distance)
    if ddof == 0:
        degrees = convert(trace, reduction.count(), target)
    else:
        count = convert(trace, reduction.count(), target)
        (left,) = trace.emit(ops.SUB, [count, convert(trace, trace.lift(ddof), target)])
        (degrees,) = trace.emit(ops.MAXIMUM, [left, Const(0.0, target)])
    return trace.wrap(_divided(trace, sums, degrees))


def count_nonzero(trace: Trace, array: object, axis: object = None, keepdims: bool = False) -> object:
    """`np.count_nonzero`."""
    atom = lift_operand(trace, array, "count_nonzero")
    operand = Operands(trace, [atom])
    extents = operand.together()

    def counted(indices: Sequence[Atom]) -> Atom:
        return convert(trace, convert(trace, operand.at(indices, extents)[0], BOOL), INT64)

    return trace.wrap(Reduction(trace, extents, axis, keepdims=keepdims).run("sum", counted))
