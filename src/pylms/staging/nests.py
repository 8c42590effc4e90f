"""Tracing loop nests over arrays: what is computed for each element, and how operands of different shapes meet.

In: staged arrays, and functions that say what to emit for one element. Out: `array_build`, `array_update` and
`array_reduce` nodes. Shapes meet by NumPy's rules: aligned at their ends, where an extent of 1 goes with any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..ir.node import Atom, Block, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops import array_nests as nests
from ..ir.ops.arrays import ARRAY_DIM, ARRAY_LOAD, ARRAY_NEW
from ..ir.ops.control import CHECK
from ..ir.types import INT, ArrayType, ScalarType

if TYPE_CHECKING:
    from .context import Trace

ONE = Const(1, INT)
ZERO = Const(0, INT)

Compute = Callable[[Sequence[Atom]], Atom]
"""Emits what an element is, for its indices."""


def build(trace: Trace, extents: Sequence[Atom], compute: Compute) -> Atom:
    """A new array of those extents; a number where there are none."""
    if not extents:
        return compute([])
    attrs = {"region": trace.regions.fresh().number}
    return trace.emit(nests.ARRAY_BUILD, extents, attrs=attrs, blocks=[_block(trace, len(extents), compute)])[0]


def new(trace: Trace, extents: Sequence[Atom], dtype: ScalarType, *, zeroed: bool = False) -> Atom:
    """Memory for an array of those extents."""
    region = trace.regions.fresh().number
    return trace.emit(ARRAY_NEW, extents, attrs={"dtype": dtype, "region": region, "zeroed": zeroed})[0]


def update(trace: Trace, target: Atom, compute: Compute) -> None:
    """Store something to each element of an array. What is computed must not read other elements of it."""
    assert isinstance(target.type, ArrayType)
    trace.emit(nests.ARRAY_UPDATE, [target], blocks=[_block(trace, target.type.rank, compute)])


def reduce(trace: Trace, kind: str, extents: Sequence[Atom], compute: Compute) -> Atom:
    """One number out of what is computed for all indices; of no extents, that is the one there is."""
    block = _block(trace, len(extents), compute)
    return trace.emit(nests.ARRAY_REDUCE, extents, attrs={"kind": kind}, blocks=[block])[0]


def _block(trace: Trace, rank: int, compute: Compute) -> Block:
    indices = [trace.builder.fresh(INT) for _ in range(rank)]
    with trace.builder.block(indices) as scope:
        return scope.finish([compute(indices)])


def extents_of(trace: Trace, array: Atom) -> list[Atom]:
    """The extent of each dimension of an array; none for a number."""
    if not isinstance(array.type, ArrayType):
        return []
    return [trace.emit(ARRAY_DIM, [array], attrs={"axis": axis})[0] for axis in range(array.type.rank)]


class Operands:
    """Arrays and numbers that meet element by element."""

    def __init__(self, trace: Trace, atoms: Sequence[Atom]) -> None:
        self._trace = trace
        self._atoms = atoms
        extents = {atom: extents_of(trace, atom) for atom in atoms}
        self._extents = [extents[atom] for atom in atoms]

    def together(self) -> list[Atom]:
        """The shape that all operands have together; ValueError at run time where there is none."""
        rank = max(map(len, self._extents))
        return [self._together_at(from_end) for from_end in range(rank, 0, -1)]

    def _together_at(self, from_end: int) -> Atom:
        """The extent of the dimension that far from the end."""
        there = dict.fromkeys(extents[-from_end] for extents in self._extents if len(extents) >= from_end)
        there.pop(ONE, None)
        # What is known decides: then nothing is left to find out.
        found = sorted(there, key=lambda extent: not isinstance(extent, Const))
        if not found:
            return ONE
        whole = found[0]
        for other in found[1:] if not isinstance(whole, Const) else ():
            (whole,) = self._trace.emit(nests.BROADCAST_EXTENT, [whole, other])
        for extent in found[1:]:
            self._require_fits(extent, whole, "operands could not be broadcast together")
        return whole

    def require_fit_into(self, extents: Sequence[Atom]) -> None:
        """ValueError where an operand is larger than what it is to be stored into."""
        message = "could not broadcast the operands into the shape of the array they are stored into"
        for own in self._extents:
            beyond = len(own) - len(extents)
            for extent, whole in zip(own, [*[ONE] * beyond, *extents[max(-beyond, 0) :]], strict=True):
                if extent not in (whole, ONE):
                    self._require_fits(extent, whole, message)

    def require_same_shape(self, extents: Sequence[Atom]) -> None:
        """IndexError where an operand has another shape."""
        message = "boolean index did not match the shape of the indexed array"
        for own in self._extents:
            for extent, whole in zip(own, extents, strict=True):
                if extent != whole:
                    (same,) = self._trace.emit(ops.EQ, [extent, whole])
                    self._trace.emit(CHECK, [same], attrs={"error": "IndexError", "message": message})

    def _require_fits(self, extent: Atom, whole: Atom, message: str) -> None:
        trace = self._trace
        (fits,) = trace.emit(ops.EQ, [extent, whole])
        if not isinstance(extent, Const):
            (is_one,) = trace.emit(ops.EQ, [extent, ONE])
            (fits,) = trace.emit(ops.LOGICAL_OR, [fits, is_one])
        trace.emit(CHECK, [fits], attrs={"error": "ValueError", "message": message})

    def at(self, indices: Sequence[Atom], extents: Sequence[Atom]) -> list[Atom]:
        """Each operand's element at the indices of a nest of these extents."""
        dimensions = list(zip(indices, extents, strict=True))
        return [self._element(atom, own, dimensions) for atom, own in zip(self._atoms, self._extents, strict=True)]

    def _element(self, atom: Atom, extents: Sequence[Atom], dimensions: Sequence[tuple[Atom, Atom]]) -> Atom:
        if not isinstance(atom.type, ArrayType):
            return atom
        beyond = len(extents) - len(dimensions)
        aligned = [*[(ZERO, ONE)] * beyond, *dimensions[max(-beyond, 0) :]]
        places = [self._place(index, n, own) for (index, n), own in zip(aligned, extents, strict=True)]
        return self._trace.emit(ARRAY_LOAD, [atom, *places])[0]

    def _place(self, index: Atom, extent: Atom, own: Atom) -> Atom:
        """Where a dimension of extent `own` is read at an index of the nest's."""
        if own == extent:
            return index
        return ZERO if own == ONE else self._trace.emit(nests.BROADCAST_INDEX, [index, own])[0]
