"""The table of NumPy's functions of elements: how operands meet, and what is emitted for one element."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import NotSupportedYetError, StagedTypeError
from ..ir.node import Atom, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops import elementary, integers
from ..ir.ops.control import CHECK
from ..ir.primitive import Primitive
from ..ir.types import BOOL, INT64, ArrayType, ScalarType
from ..loc import caller_loc
from .comparisons import compared
from .elementwise import (
    ComputeElement,
    Meet,
    Ufunc,
    bool_type,
    common_type,
    compared_type,
    float_type,
    number_type,
    quotient_type,
)
from .nests import Operands, reduce
from .promotion import convert

if TYPE_CHECKING:
    from .context import Trace


def _type(atom: Atom) -> ScalarType:
    assert isinstance(atom.type, ScalarType)
    return atom.type


def _primitive(primitive: Primitive) -> ComputeElement:
    return lambda trace, elements: trace.emit(primitive, elements)[0]


def _on_bools(primitive: Primitive, of_bools: Primitive) -> ComputeElement:
    """Some functions are logic on bools."""
    return lambda trace, elements: trace.emit(of_bools if _type(elements[0]) == BOOL else primitive, elements)[0]


def _not_on_bools(name: str, primitive: Primitive) -> ComputeElement:
    def compute(trace: Trace, elements: Sequence[Atom]) -> Atom:
        if _type(elements[0]) == BOOL:
            raise StagedTypeError(f"numpy boolean {name} is not supported", loc=caller_loc(), hint="use ^ or ~")
        return trace.emit(primitive, elements)[0]

    return compute


def _compare(primitive: Primitive) -> ComputeElement:
    """Integers of different types compare exactly, in the type of the elements where a known int is one of them."""

    def compute(trace: Trace, elements: Sequence[Atom]) -> Atom:
        types = [_type(element) for element in elements]
        if types[0] != types[1]:
            elements = [_narrowed(one, other) for one, other in zip(elements, reversed(types), strict=True)]
        return compared(trace, primitive, *elements)

    return compute


def _narrowed(element: Atom, other: ScalarType) -> Atom:
    is_one = isinstance(element, Const) and other.is_integer and other.smallest <= element.value <= other.largest
    return Const(int(element.value), other) if is_one and isinstance(element, Const) else element


def _absolute(trace: Trace, elements: Sequence[Atom]) -> Atom:
    return elements[0] if _type(elements[0]) == BOOL else trace.emit(ops.ABS, elements)[0]


def _positive(_trace: Trace, elements: Sequence[Atom]) -> Atom:
    if _type(elements[0]) == BOOL:
        raise StagedTypeError("numpy boolean positive is not supported", loc=caller_loc(), hint="convert it first")
    return elements[0]


def _square(trace: Trace, elements: Sequence[Atom]) -> Atom:
    return trace.emit(ops.MUL, [elements[0], elements[0]])[0]


def _reciprocal(trace: Trace, elements: Sequence[Atom]) -> Atom:
    if not _type(elements[0]).is_float:
        raise NotSupportedYetError(
            "`reciprocal` of integers is not supported", loc=caller_loc(), hint="write 1 // x or 1 / x"
        )
    return trace.emit(ops.TRUEDIV, [Const(1.0, _type(elements[0])), elements[0]])[0]


def _times(factor: float) -> ComputeElement:
    return lambda trace, elements: trace.emit(ops.MUL, [elements[0], Const(factor, _type(elements[0]))])[0]


def _is_nan(trace: Trace, elements: Sequence[Atom]) -> Atom:
    return trace.emit(ops.NE, [elements[0], elements[0]])[0]


def _is_infinite(trace: Trace, elements: Sequence[Atom]) -> Atom:
    (size,) = trace.emit(ops.ABS, elements)
    return trace.emit(ops.EQ, [size, Const(math.inf, _type(size))])[0]


def _is_finite(trace: Trace, elements: Sequence[Atom]) -> Atom:
    (size,) = trace.emit(ops.ABS, elements)
    return trace.emit(ops.LT, [size, Const(math.inf, _type(size))])[0]


def _sign(trace: Trace, elements: Sequence[Atom]) -> Atom:
    """-1, 0 or 1; NaN of NaN."""
    (element,) = elements
    type_ = _type(element)
    if type_ == BOOL:
        raise StagedTypeError("`sign` of bools is not defined", loc=caller_loc(), hint="convert them to an int type")
    zero, one = convert(trace, Const(0, INT64), type_), convert(trace, Const(1, INT64), type_)
    (is_positive,) = trace.emit(ops.GT, [element, zero])
    (rest,) = trace.emit(ops.SELECT, [is_positive, one, element])
    if type_.kind == "uint":
        return rest
    (is_negative,) = trace.emit(ops.LT, [element, zero])
    minus_one = convert(trace, Const(-1, INT64), type_)
    (signed,) = trace.emit(ops.SELECT, [is_negative, minus_one, rest])
    if not type_.is_float:
        return signed
    # Zero of either sign is +0.0.
    (is_zero,) = trace.emit(ops.EQ, [element, zero])
    return trace.emit(ops.SELECT, [is_zero, zero, signed])[0]


def _rounded_down_or_up(primitive: Primitive) -> ComputeElement:
    """Integers are whole already."""
    return lambda trace, elements: trace.emit(primitive, elements)[0] if _type(elements[0]).is_float else elements[0]


def _require_powers(trace: Trace, operands: Sequence[Atom], target: ScalarType | None) -> None:
    """NumPy refuses negative powers of integers."""
    exponent = operands[1]
    if target is None or target.kind != "int" or (isinstance(exponent, Const) and exponent.value >= 0):
        return
    operand = Operands(trace, [exponent])
    extents = operand.together() if isinstance(exponent.type, ArrayType) else []

    def is_natural(indices: Sequence[Atom]) -> Atom:
        (element,) = operand.at(indices, extents)
        return trace.emit(ops.GE, [element, convert(trace, Const(0, INT64), _type(element))])[0]

    holds = reduce(trace, "all", extents, is_natural) if extents else is_natural([])
    message = "Integers to negative integer powers are not allowed."
    trace.emit(CHECK, [holds], attrs={"error": "ValueError", "message": message})


def bits_type(name: str, types: Sequence[ScalarType]) -> ScalarType:
    """What bit operations are done in: bools or integers."""
    found = common_type(name, types)
    if found.is_float:
        raise StagedTypeError(
            f"`{name}` takes bools and integers, not {found}",
            loc=caller_loc(),
            hint="convert them first: a.astype(int)",
        )
    return found


def shift_type(name: str, types: Sequence[ScalarType]) -> ScalarType:
    """As `bits_type`; bools count as int8."""
    return number_type(name, [bits_type(name, types)])


def _real(name: str, types: Sequence[ScalarType]) -> ScalarType:
    """What questions about NaN and infinities are asked of: integers become floats that answer the same."""
    found = common_type(name, types)
    return found if found.is_float else quotient_type(name, types)


_UNARY: dict[str, tuple[Meet, ComputeElement]] = {
    "negative": (common_type, _not_on_bools("negative", ops.NEG)),
    "positive": (common_type, _positive),
    "absolute": (common_type, _absolute),
    "fabs": (float_type, _primitive(ops.ABS)),
    "square": (number_type, _square),
    "reciprocal": (common_type, _reciprocal),
    "sign": (common_type, _sign),
    "sqrt": (float_type, _primitive(ops.SQRT)),
    "exp": (float_type, _primitive(ops.EXP)),
    "log": (float_type, _primitive(ops.LOG)),
    "sin": (float_type, _primitive(ops.SIN)),
    "cos": (float_type, _primitive(ops.COS)),
    "tan": (float_type, _primitive(ops.TAN)),
    "tanh": (float_type, _primitive(ops.TANH)),
    "arcsin": (float_type, _primitive(elementary.ASIN)),
    "arccos": (float_type, _primitive(elementary.ACOS)),
    "arctan": (float_type, _primitive(elementary.ATAN)),
    "sinh": (float_type, _primitive(elementary.SINH)),
    "cosh": (float_type, _primitive(elementary.COSH)),
    "arcsinh": (float_type, _primitive(elementary.ASINH)),
    "arccosh": (float_type, _primitive(elementary.ACOSH)),
    "arctanh": (float_type, _primitive(elementary.ATANH)),
    "expm1": (float_type, _primitive(elementary.EXPM1)),
    "exp2": (float_type, _primitive(elementary.EXP2)),
    "log1p": (float_type, _primitive(elementary.LOG1P)),
    "log2": (float_type, _primitive(elementary.LOG2)),
    "log10": (float_type, _primitive(elementary.LOG10)),
    "cbrt": (float_type, _primitive(elementary.CBRT)),
    "rint": (float_type, _primitive(elementary.RINT)),
    "trunc": (common_type, _rounded_down_or_up(elementary.TRUNC)),
    "floor": (common_type, _rounded_down_or_up(ops.FLOOR)),
    "ceil": (common_type, _rounded_down_or_up(ops.CEIL)),
    "deg2rad": (float_type, _times(math.pi / 180)),
    "radians": (float_type, _times(math.pi / 180)),
    "rad2deg": (float_type, _times(180 / math.pi)),
    "degrees": (float_type, _times(180 / math.pi)),
    "isnan": (_real, _is_nan),
    "isinf": (_real, _is_infinite),
    "isfinite": (_real, _is_finite),
    "invert": (bits_type, _on_bools(integers.INVERT, ops.LOGICAL_NOT)),
    "logical_not": (bool_type, _primitive(ops.LOGICAL_NOT)),
}

_BINARY: dict[str, tuple[Meet, ComputeElement]] = {
    "add": (common_type, _on_bools(ops.ADD, ops.LOGICAL_OR)),
    "subtract": (common_type, _not_on_bools("subtract", ops.SUB)),
    "multiply": (common_type, _on_bools(ops.MUL, ops.LOGICAL_AND)),
    "divide": (quotient_type, _primitive(ops.TRUEDIV)),
    "floor_divide": (number_type, _primitive(ops.FLOORDIV)),
    "remainder": (number_type, _primitive(ops.MOD)),
    "minimum": (common_type, _on_bools(ops.MINIMUM, ops.LOGICAL_AND)),
    "maximum": (common_type, _on_bools(ops.MAXIMUM, ops.LOGICAL_OR)),
    "equal": (compared_type, _compare(ops.EQ)),
    "not_equal": (compared_type, _compare(ops.NE)),
    "less": (compared_type, _compare(ops.LT)),
    "less_equal": (compared_type, _compare(ops.LE)),
    "greater": (compared_type, _compare(ops.GT)),
    "greater_equal": (compared_type, _compare(ops.GE)),
    "bitwise_and": (bits_type, _on_bools(integers.BIT_AND, ops.LOGICAL_AND)),
    "bitwise_or": (bits_type, _on_bools(integers.BIT_OR, ops.LOGICAL_OR)),
    "bitwise_xor": (bits_type, _on_bools(integers.BIT_XOR, ops.NE)),
    "left_shift": (shift_type, _primitive(integers.SHIFT_LEFT)),
    "right_shift": (shift_type, _primitive(integers.SHIFT_RIGHT)),
    "arctan2": (float_type, _primitive(elementary.ATAN2)),
    "hypot": (float_type, _primitive(elementary.HYPOT)),
    "copysign": (float_type, _primitive(elementary.COPYSIGN)),
    "logical_and": (bool_type, _primitive(ops.LOGICAL_AND)),
    "logical_or": (bool_type, _primitive(ops.LOGICAL_OR)),
    "logical_xor": (bool_type, _primitive(ops.NE)),
}

UFUNCS: dict[str, Ufunc] = {
    **{name: Ufunc(name, meet, compute) for name, (meet, compute) in (*_UNARY.items(), *_BINARY.items())},
    "power": Ufunc("power", number_type, _primitive(ops.POW), _require_powers),
}
"""By the name that NumPy's own function has."""


def ufunc_named(name: str) -> Ufunc:
    """The function of that name; a located error where there is none."""
    found = UFUNCS.get(name)
    if found is None:
        raise NotSupportedYetError(
            f"`np.{name}` of staged arrays is not supported yet", loc=caller_loc(), hint="write it as a loop"
        )
    return found
