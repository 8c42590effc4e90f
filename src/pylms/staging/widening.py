"""Which numbers become which where one variable, or the two sides of a branch, hold several types (DESIGN D2).

A number that is known while staging adapts to the type it meets, as Python's numbers do in NumPy: an int to any type of
number, a float to any floating-point type, and either to a tensor of no dimensions. A Python int or float of the run
becomes int64 or float64, which hold the same values. A dense array becomes one of any strides. Nothing else changes its
type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..ir.node import Atom, Const
from ..ir.types import FLOAT, FLOAT64, INT, INT64, ArrayType, BufferType, ScalarType, TensorType, Type
from ..records import record
from .regions import RegionsMeet
from .values import Leaf, Static, Structure, TupleOf, is_none, item_of_maybe, leaf_types, maybe_of, same_static

_SAME_VALUES = {INT: INT64, FLOAT: FLOAT64}


def widens(atom: Atom, target: Type) -> bool:
    """Whether a value may become one of type `target`. RegionsMeet where only the arrays' regions speak against it."""
    if atom.type == target:
        return True
    if isinstance(target, ArrayType) and isinstance(atom.type, ArrayType):
        return _array_widens(atom.type, target)
    if isinstance(target, TensorType):
        return target.shape == () and isinstance(atom, Const) and widens(atom, target.dtype)
    if not isinstance(target, ScalarType) or not isinstance(atom.type, ScalarType):
        return False
    if not isinstance(atom, Const):
        return _SAME_VALUES.get(atom.type) == target
    if atom.type == INT and target.is_integer:
        return target.smallest <= atom.value <= target.largest
    return target.is_float and (atom.type == INT or (atom.type == FLOAT and not target.python))


def _array_widens(found: ArrayType, target: ArrayType) -> bool:
    """A dense array may become one of any strides."""
    if (found.dtype, found.rank) != (target.dtype, target.rank):
        return False
    if found.region != target.region:
        raise RegionsMeet
    return found.is_dense


def widened_constant(constant: Const, target: ScalarType) -> Const:
    """A number known now as one of the type that it widens to."""
    return Const(float(constant.value) if target.is_float else constant.value, target)


def joined(
    structure: Structure, origin: Sequence[Atom], met: Structure, atoms: Sequence[Atom], *, takes_literals: bool
) -> Structure | None:
    """The structure of a variable that began as `origin` and meets `atoms`; None where they have none in common.

    `takes_literals`: whether int literals become Python floats as well; they always become what NumPy has.
    """
    return _Joining(iter(origin), iter(atoms), takes_literals).join(structure, met)


@record(frozen=True, slots=True)
class _Joining:
    """The leaves of what is held (as it began) and of what is met, those not yet looked at."""

    origin: Iterator[Atom]
    atoms: Iterator[Atom]
    takes_literals: bool

    def join(self, held: Structure, met: Structure) -> Structure | None:
        match held, met:
            case Static(left), Static(right) if same_static(left, right):
                return held
            case Leaf(type_), Leaf():
                return self._join_leaves(type_, next(self.origin), next(self.atoms))
            case TupleOf(items, make, name), TupleOf(others, _, other) if (name, len(items)) == (other, len(others)):
                found: list[Structure] = []
                for item, each in zip(items, others, strict=True):
                    common = self.join(item, each)
                    if common is None:
                        return None
                    found.append(common)
                return TupleOf(tuple(found), make, name)
            case _:
                return self._join_maybe(held, met)

    def _join_leaves(self, held: Type, first: Atom, atom: Atom) -> Structure | None:
        is_adapting = self.takes_literals or not isinstance(held, ScalarType) or not held.python
        if atom.type == held or (is_adapting and widens(atom, held)):
            return Leaf(held)
        return Leaf(atom.type) if widens(first, atom.type) else None

    def _join_maybe(self, held: Structure, met: Structure) -> Structure | None:
        """None and a value, or either and what may be both."""
        if is_none(met) and may_be_absent(held):
            _skip(self.origin, held)
            return held if item_of_maybe(held) else maybe_of(held)
        if is_none(held) and may_be_absent(met):
            _skip(self.atoms, met)
            return met if item_of_maybe(met) else maybe_of(met)
        item, other = item_of_maybe(held), item_of_maybe(met)
        if (item is None) == (other is None):
            return None
        next(self.origin if item is not None else self.atoms)
        common = self.join(item or held, other or met)
        return None if common is None else maybe_of(common)


def _skip(atoms: Iterator[Atom], structure: Structure) -> None:
    for _ in leaf_types(structure):
        next(atoms)


def may_be_absent(structure: Structure) -> bool:
    """Whether a variable may hold None or what has that structure: a value of the run, and no tensor."""
    match structure:
        case Leaf(type_):
            return not isinstance(type_, (TensorType, BufferType))
        case Static(value):
            return value is None
        case TupleOf(items, _, _):
            return all(map(may_be_absent, items))
