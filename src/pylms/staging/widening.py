"""Which numbers become which where one variable, or the two sides of a branch, hold several types (DESIGN D2).

A number that is known while staging adapts to the type it meets, as Python's numbers do in NumPy: an int to any type of
number, a float to any floating-point type. A Python int or float of the run becomes int64 or float64, which hold
the same values. A dense array becomes one of any strides. Nothing else changes its type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..ir.node import Atom, Const
from ..ir.types import FLOAT, FLOAT64, INT, INT64, ArrayType, ScalarType, Type
from .regions import RegionsMeet
from .values import Leaf, Static, Structure, TupleOf, leaf_types, same_structure

_SAME_VALUES = {INT: INT64, FLOAT: FLOAT64}


def widens(atom: Atom, target: Type) -> bool:
    """Whether a value may become one of type `target`. RegionsMeet where only the arrays' regions speak against it."""
    if atom.type == target:
        return True
    if isinstance(target, ArrayType) and isinstance(atom.type, ArrayType):
        return _array_widens(atom.type, target)
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
    known = leaf_types(structure)
    if not same_structure(structure, _retyped(met, iter(known))):
        return None
    types: list[Type] = []
    for first, held, atom in zip(origin, known, atoms, strict=True):
        is_adapting = takes_literals or not isinstance(held, ScalarType) or not held.python
        if atom.type == held or (is_adapting and widens(atom, held)):
            types.append(held)
        elif widens(first, atom.type):
            types.append(atom.type)
        else:
            return None
    return _retyped(structure, iter(types))


def _retyped(structure: Structure, types: Iterator[Type]) -> Structure:
    """The same nesting over leaves of other types; a leaf that no type is left for keeps its own."""
    match structure:
        case Leaf(type_):
            return Leaf(next(types, type_))
        case Static():
            return structure
        case TupleOf(items, make, name):
            return TupleOf(tuple(_retyped(item, types) for item in items), make, name)
