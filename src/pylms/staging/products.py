"""NumPy's products of vectors and matrices, as nests of sums; and sums that go on from element to element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import NotSupportedYetError, StagedTypeError
from ..ir.node import Atom
from ..ir.ops import arithmetic as ops
from ..ir.ops.array_nests import empty_result
from ..ir.ops.arrays import ARRAY_LOAD, ARRAY_STORE
from ..ir.ops.control import CHECK, FOR
from ..ir.primitive import Primitive
from ..ir.types import BOOL, INT, ArrayType, ScalarType, element_type
from ..loc import caller_loc
from .elementwise import apply, common_type
from .known_arrays import lift_operand
from .nests import ONE, ZERO, build, extents_of, new, reduce
from .promotion import convert
from .reductions import dtype_named, sum_type
from .ufuncs import UFUNCS

if TYPE_CHECKING:
    from .context import Trace


def dot(trace: Trace, left: object, right: object) -> object:
    """`np.dot`: with a number, the multiples."""
    atoms = [lift_operand(trace, each, "dot") for each in (left, right)]
    if any(not isinstance(atom.type, ArrayType) or atom.type.rank == 0 for atom in atoms):
        return apply(trace, UFUNCS["multiply"], left, right)
    return trace.wrap(_contracted(trace, "dot", *atoms))


def matmul(trace: Trace, left: object, right: object) -> object:
    """`np.matmul`, which is `@`."""
    atoms = [lift_operand(trace, each, "matmul") for each in (left, right)]
    if any(not isinstance(atom.type, ArrayType) or atom.type.rank == 0 for atom in atoms):
        raise StagedTypeError("`@` takes arrays of one or more dimensions", loc=caller_loc(), hint="multiply by *")
    return trace.wrap(_contracted(trace, "matmul", *atoms))


def inner(trace: Trace, left: object, right: object) -> object:
    """`np.inner` and `np.vdot` of vectors."""
    atoms = [lift_operand(trace, each, "inner") for each in (left, right)]
    if any(not isinstance(atom.type, ArrayType) or atom.type.rank != 1 for atom in atoms):
        raise NotSupportedYetError(
            "`inner` of other arrays than vectors is not supported yet", loc=caller_loc(), hint="use @"
        )
    return trace.wrap(_contracted(trace, "inner", *atoms))


def outer(trace: Trace, left: object, right: object) -> object:
    """`np.outer` of vectors."""
    atoms = [lift_operand(trace, each, "outer") for each in (left, right)]
    if any(not isinstance(atom.type, ArrayType) or atom.type.rank != 1 for atom in atoms):
        raise NotSupportedYetError(
            "`outer` of other arrays than vectors is not supported yet",
            loc=caller_loc(),
            hint="multiply with a further dimension: a[:, None] * b",
        )
    target = _number(trace, "outer", atoms)
    extents = [*extents_of(trace, atoms[0]), *extents_of(trace, atoms[1])]

    def element(indices: Sequence[Atom]) -> Atom:
        return _product(trace, target, [(atom, [index]) for atom, index in zip(atoms, indices, strict=True)])

    return trace.wrap(build(trace, extents, element))


def _contracted(trace: Trace, name: str, left: Atom, right: Atom) -> Atom:
    """The sum of products over the last dimension of one, and the last but one of the other."""
    target = _number(trace, name, [left, right])
    rows, columns = extents_of(trace, left), extents_of(trace, right)
    if len(rows) > 2 or len(columns) > 2:
        raise NotSupportedYetError(
            f"`{name}` of arrays of more than two dimensions is not supported yet",
            loc=caller_loc(),
            hint="loop over the first dimensions",
        )
    *kept_rows, length = rows
    contracted = columns[0]
    kept_columns = columns[1:]
    if length != contracted:
        (fits,) = trace.emit(ops.EQ, [length, contracted])
        message = f"{name}: the last dimension of the first array and the first of the second differ"
        trace.emit(CHECK, [fits], attrs={"error": "ValueError", "message": message})

    def element(indices: Sequence[Atom]) -> Atom:
        row, column = indices[: len(kept_rows)], indices[len(kept_rows) :]
        return reduce(
            trace, "sum", [length], lambda k: _product(trace, target, [(left, [*row, *k]), (right, [*k, *column])])
        )

    return build(trace, [*kept_rows, *kept_columns], element)


def _number(_trace: Trace, name: str, atoms: Sequence[Atom]) -> ScalarType:
    found = common_type(name, [element_type(atom.type) for atom in atoms])
    if found == BOOL:
        raise NotSupportedYetError(f"`{name}` of bools is not supported", loc=caller_loc(), hint="convert them first")
    return found


def _product(trace: Trace, target: ScalarType, factors: Sequence[tuple[Atom, Sequence[Atom]]]) -> Atom:
    loaded = [convert(trace, trace.emit(ARRAY_LOAD, [array, *place])[0], target) for array, place in factors]
    return trace.emit(ops.MUL, loaded)[0]


def cumulative_sum(trace: Trace, array: object, axis: object = None, dtype: object = None) -> object:
    """`np.cumsum`."""
    return _cumulative(trace, "sum", ops.ADD, array, axis=axis, dtype=dtype)


def cumulative_product(trace: Trace, array: object, axis: object = None, dtype: object = None) -> object:
    """`np.cumprod`."""
    return _cumulative(trace, "prod", ops.MUL, array, axis=axis, dtype=dtype)


def _cumulative(trace: Trace, kind: str, primitive: Primitive, array: object, *, axis: object, dtype: object) -> object:
    atom = lift_operand(trace, array, f"cum{kind}")
    target = dtype_named(dtype, sum_type(element_type(atom.type)))
    extents = extents_of(trace, atom)
    rank = len(extents)
    if rank == 0 or target == BOOL or (axis is None and rank > 1):
        raise NotSupportedYetError(
            f"`cum{kind}` of such an array is not supported yet", loc=caller_loc(), hint="give the axis"
        )
    if axis is not None and (not isinstance(axis, int) or not -rank <= axis < rank):
        raise StagedTypeError(
            f"axis {axis!r} is not among the {rank} dimensions of the array",
            loc=caller_loc(),
            hint="axes must be known while staging",
        )
    along = 0 if axis is None else axis % rank
    result = new(trace, extents, target)

    def run_along(places: dict[int, Atom]) -> None:
        """The loop along the axis, at these places of the other axes; it carries what has accumulated."""
        index, so_far = trace.builder.fresh(INT), trace.builder.fresh(target)
        with trace.builder.block([index, so_far]) as body:
            where = [index if place == along else places[place] for place in range(rank)]
            (loaded,) = trace.emit(ARRAY_LOAD, [atom, *where])
            (following,) = trace.emit(primitive, [so_far, convert(trace, loaded, target)])
            trace.emit(ARRAY_STORE, [result, following, *where])
            block = body.finish([following])
        trace.emit(FOR, [ZERO, extents[along], ONE, empty_result(kind, target)], blocks=[block])

    def run_over(others: Sequence[int], places: dict[int, Atom]) -> None:
        if not others:
            run_along(places)
            return
        index = trace.builder.fresh(INT)
        with trace.builder.block([index]) as body:
            run_over(others[1:], {**places, others[0]: index})
            block = body.finish([])
        trace.emit(FOR, [ZERO, extents[others[0]], ONE], blocks=[block])

    run_over([place for place in range(rank) if place != along], {})
    return trace.wrap(result)


def trace_of(trace: Trace, array: object) -> object:
    """`np.trace` of a matrix."""
    atom = lift_operand(trace, array, "trace")
    if not isinstance(atom.type, ArrayType) or atom.type.rank != 2:
        raise StagedTypeError("`trace` takes a matrix", loc=caller_loc(), hint="pass an array of two dimensions")
    target = sum_type(atom.type.dtype)
    (shorter,) = trace.emit(ops.MINIMUM, extents_of(trace, atom))
    return trace.wrap(
        reduce(
            trace,
            "sum",
            [shorter],
            lambda i: convert(trace, trace.emit(ARRAY_LOAD, [atom, *i, *i])[0], target),
        )
    )
