"""NumPy's functions of elements on staged arrays: which type the elements meet in, and one nest for all of them.

In: what a program may operate on: staged arrays and numbers, plain numbers, arrays that are known while staging. Out:
a staged array (a number where no operand has dimensions). Element types meet as in NumPy 2: Python's ints and floats
adapt to the arrays, everything else is promoted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from ..errors import NotSupportedYetError, StagedTypeError
from ..ir.node import Atom
from ..ir.types import BOOL, FLOAT, FLOAT32, FLOAT64, INT, INT8, INT64, ArrayType, ScalarType, element_type
from ..loc import caller_loc
from ..records import record
from .known_arrays import lift_operand
from .nests import Operands, build, update
from .promotion import adapt, arithmetic_type, convert

if TYPE_CHECKING:
    from .context import Trace

_PYTHON_NUMBERS = (INT, FLOAT)

Meet = Callable[[str, Sequence[ScalarType]], "ScalarType | None"]
ComputeElement = Callable[["Trace", Sequence[Atom]], Atom]
Require = Callable[["Trace", Sequence[Atom], "ScalarType | None"], None]


@record(frozen=True, slots=True)
class Ufunc:
    """A NumPy function of elements.

    `meet` gives the type that operands of those types are converted to, None if they stay what they are; `compute`
    emits the result of such elements; `require` emits what must hold of the operands first.
    """

    name: str
    meet: Meet
    compute: ComputeElement
    require: Require | None = None


def apply(trace: Trace, ufunc: Ufunc, *values: object) -> object:
    """The result for all elements: a new array."""
    atoms = [lift_operand(trace, value, ufunc.name) for value in values]
    target = ufunc.meet(ufunc.name, [element_type(atom.type) for atom in atoms])
    atoms = [_number_as(trace, atom, target) for atom in atoms]
    if ufunc.require is not None:
        ufunc.require(trace, atoms, target)
    operands = Operands(trace, atoms)
    extents = operands.together()

    def compute(indices: Sequence[Atom]) -> Atom:
        elements = operands.at(indices, extents)
        return ufunc.compute(trace, [convert(trace, element, target) for element in elements] if target else elements)

    return trace.wrap(build(trace, extents, compute))


def _number_as(trace: Trace, atom: Atom, target: ScalarType | None) -> Atom:
    """Numbers are converted once; the elements of arrays where they are read."""
    is_number = isinstance(atom.type, ScalarType)
    return adapt(trace, atom, target) if is_number and target is not None else atom


def apply_into(trace: Trace, target: Atom, ufunc: Ufunc, *values: object) -> None:
    """The result for all elements, stored into an array that has at least the shape of each operand."""
    assert isinstance(target.type, ArrayType)
    computed = trace.lift(apply(trace, ufunc, *values))
    found, dtype = element_type(computed.type), target.type.dtype
    if _KINDS.index(found.kind) > _KINDS.index(dtype.kind):
        raise StagedTypeError(
            f"the result of `{ufunc.name}` is {found} and cannot be stored into an array of {dtype}",
            loc=caller_loc(),
            hint="write a[:] = ..., which converts, or make a new array",
        )
    store(trace, target, computed)


_KINDS = ("bool", "uint", "int", "float")
"""NumPy's in-place operators store into an array only what is of its kind, or of a lower one."""


def store(trace: Trace, target: Atom, value: Atom) -> None:
    """Store a number, or an array element by element, as if it were computed before anything is stored."""
    assert isinstance(target.type, ArrayType)
    dtype = target.type.dtype
    if not isinstance(value.type, ArrayType):
        value = adapt(trace, value, dtype)
    elif value.type.region == target.type.region:
        value = copied(trace, value)
    into, operands = Operands(trace, [target]), Operands(trace, [value])
    extents = into.together()
    operands.require_fit_into(extents)
    update(trace, target, lambda indices: convert(trace, operands.at(indices, extents)[0], dtype))


def copied(trace: Trace, array: Atom, dtype: ScalarType | None = None) -> Atom:
    """A new array of the same elements, or of these as another type."""
    source = Operands(trace, [array])
    extents = source.together()

    def compute(indices: Sequence[Atom]) -> Atom:
        (element,) = source.at(indices, extents)
        return element if dtype is None else convert(trace, element, dtype)

    return build(trace, extents, compute)


# Types


def common_type(_name: str, types: Sequence[ScalarType]) -> ScalarType:
    """The type that elements meet in."""
    strong = [type_ for type_ in types if type_ not in _PYTHON_NUMBERS]
    found = reduce(arithmetic_type, strong) if strong else BOOL
    if FLOAT in types and not found.is_float:
        return FLOAT64
    return INT64 if found == BOOL and INT in types else found


def number_type(name: str, types: Sequence[ScalarType]) -> ScalarType:
    """As `common_type`; bools count as int8."""
    found = common_type(name, types)
    return INT8 if found == BOOL else found


def quotient_type(name: str, types: Sequence[ScalarType]) -> ScalarType:
    """What true division is done in."""
    found = common_type(name, types)
    return found if found.is_float else FLOAT64


def float_type(name: str, types: Sequence[ScalarType]) -> ScalarType:
    """What functions of real numbers are computed in: NumPy takes the smallest float type that holds the integers."""
    found = common_type(name, types)
    if found.is_float:
        return found
    if found.bits <= 8:
        raise NotSupportedYetError(
            f"`{name}` of elements of type {found} would be float16, which is not supported",
            loc=caller_loc(),
            hint="convert them first: a.astype(np.float64)",
        )
    return FLOAT32 if found.bits == 16 else FLOAT64


def bool_type(_name: str, _types: Sequence[ScalarType]) -> ScalarType:
    """Truth."""
    return BOOL


def compared_type(name: str, types: Sequence[ScalarType]) -> ScalarType | None:
    """What elements are compared in; integers of different types as they are, since they compare exactly."""
    return common_type(name, types) if any(type_.is_float for type_ in types) else None
