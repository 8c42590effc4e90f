"""NumPy's elementwise functions on staged numbers, by NumPy's names: what each does to one element.

In: atoms, Python's numbers among them being weak as in NumPy 2. Out: the atom of the result. Functions are known by
name, so that importing this package does not import NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, TypeAlias

from ..errors import StagedTypeError
from ..ir.node import Atom, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops import elementary, integers
from ..ir.ops.control import CHECK
from ..ir.primitive import Primitive
from ..ir.types import BOOL, FLOAT, FLOAT32, FLOAT64, INT, INT64, SCALAR_TYPES, ScalarType
from ..loc import caller_loc
from .comparisons import compared
from .promotion import adapt, arithmetic_type, convert, require_in_range, scalar_type

if TYPE_CHECKING:
    from .context import Trace

ScalarFunction: TypeAlias = Callable[..., Atom]
"""From a trace and the operands' atoms to the result's."""

_OWN_TYPES = {INT: INT64, FLOAT: FLOAT64}


def common_type(*atoms: Atom) -> ScalarType:
    """The NumPy type that operands meet in; Python's numbers alone are int64 and float64."""
    met = reduce(arithmetic_type, map(scalar_type, atoms))
    return _OWN_TYPES.get(met, met)


def _in_common_type(trace: Trace, *atoms: Atom) -> list[Atom]:
    target = common_type(*atoms)
    return [adapt(trace, atom, target) for atom in atoms]


def float_type(type_: ScalarType) -> ScalarType:
    """The type in which NumPy computes a function of real numbers."""
    if type_.is_float:
        return type_
    if type_.bits < 16:
        raise StagedTypeError(
            f"NumPy computes this function of a {type_} in float16, which staged code does not have",
            loc=caller_loc(),
            hint="convert it first: np.float64(x)",
        )
    return FLOAT32 if type_.bits == 16 else FLOAT64


def _refuse_bool(name: str) -> StagedTypeError:
    return StagedTypeError(f"np.{name} of bools is not defined", loc=caller_loc(), hint="convert them: int(x)")


def _of_reals(primitive: Primitive) -> ScalarFunction:
    def apply(trace: Trace, *atoms: Atom) -> Atom:
        type_ = float_type(common_type(*atoms))
        return trace.emit(primitive, [convert(trace, atom, type_) for atom in atoms])[0]

    return apply


def _arithmetic(primitive: Primitive, of_bools: Primitive | None = None) -> ScalarFunction:
    def apply(trace: Trace, *atoms: Atom) -> Atom:
        operands = _in_common_type(trace, *atoms)
        if operands[0].type != BOOL:
            return trace.emit(primitive, operands)[0]
        if of_bools is None:
            raise _refuse_bool(primitive.name)
        return trace.emit(of_bools, operands)[0]

    return apply


def _divide(trace: Trace, left: Atom, right: Atom) -> Atom:
    type_ = common_type(left, right)
    target = type_ if type_.is_float else FLOAT64
    return trace.emit(ops.TRUEDIV, [convert(trace, atom, target) for atom in (left, right)])[0]


def _power(trace: Trace, left: Atom, right: Atom) -> Atom:
    base, exponent = _in_common_type(trace, left, right)
    if base.type == BOOL:
        raise _refuse_bool("power")
    if scalar_type(exponent).kind == "int":
        (fits,) = trace.emit(ops.GE, [exponent, Const(0, scalar_type(exponent))])
        message = "Integers to negative integer powers are not allowed."
        trace.emit(CHECK, [fits], attrs={"error": "ValueError", "message": message})
    return trace.emit(ops.POW, [base, exponent])[0]


def _fmod(trace: Trace, left: Atom, right: Atom) -> Atom:
    if not common_type(left, right).is_float:
        raise StagedTypeError(
            "np.fmod of integers is not supported", loc=caller_loc(), hint="use np.mod, or convert them to floats"
        )
    return _of_reals(elementary.FMOD)(trace, left, right)


def _ignoring_nan(primitive: Primitive) -> ScalarFunction:
    """`fmin`, `fmax`: the other operand where one is NaN."""

    def apply(trace: Trace, left: Atom, right: Atom) -> Atom:
        left, right = _in_common_type(trace, left, right)
        extreme: Atom = trace.emit(primitive, [left, right])[0]
        for operand, other in ((right, left), (left, right)):
            (is_nan,) = trace.emit(ops.NE, [operand, operand])
            (extreme,) = trace.emit(ops.SELECT, [is_nan, other, extreme])
        return extreme

    return apply


def _compare(primitive: Primitive) -> ScalarFunction:
    def apply(trace: Trace, left: Atom, right: Atom) -> Atom:
        if scalar_type(left).python and scalar_type(right).python:
            left, right = (convert(trace, atom, common_type(atom)) for atom in (left, right))
        return compared(trace, primitive, left, right)

    return apply


def _truth(trace: Trace, atom: Atom) -> Atom:
    type_ = scalar_type(atom)
    return atom if type_ == BOOL else trace.emit(ops.NE, [atom, _number(0, type_)])[0]


def _logic(primitive: Primitive) -> ScalarFunction:
    return lambda trace, *atoms: trace.emit(primitive, [_truth(trace, atom) for atom in atoms])[0]


def _bitwise(primitive: Primitive, of_bools: Primitive | None) -> ScalarFunction:
    def apply(trace: Trace, *atoms: Atom) -> Atom:
        operands = _in_common_type(trace, *atoms)
        type_ = scalar_type(operands[0])
        if type_ == BOOL and of_bools is not None:
            return trace.emit(of_bools, operands)[0]
        if not type_.is_integer:
            raise StagedTypeError(
                f"np.{primitive.name} is not defined on {type_}",
                loc=caller_loc(),
                hint="convert the operands to integers",
            )
        return trace.emit(primitive, operands)[0]

    return apply


def _to_whole(primitive: Primitive) -> ScalarFunction:
    """Rounding; integers are whole."""

    def apply(trace: Trace, atom: Atom) -> Atom:
        (atom,) = _in_common_type(trace, atom)
        return trace.emit(primitive, [atom])[0] if scalar_type(atom).is_float else atom

    return apply


def _number(value: int, type_: ScalarType) -> Const:
    return Const(float(value) if type_.is_float else bool(value) if type_ == BOOL else value, type_)


def _absolute(trace: Trace, atom: Atom) -> Atom:
    (atom,) = _in_common_type(trace, atom)
    return atom if scalar_type(atom).kind in ("bool", "uint") else trace.emit(ops.ABS, [atom])[0]


def _square(trace: Trace, atom: Atom) -> Atom:
    return _arithmetic(ops.MUL, ops.LOGICAL_AND)(trace, atom, atom)


def _reciprocal(trace: Trace, atom: Atom) -> Atom:
    (atom,) = _in_common_type(trace, atom)
    type_ = scalar_type(atom)
    division = ops.TRUEDIV if type_.is_float else ops.FLOORDIV
    return trace.emit(division, [_number(1, type_), atom])[0]


def _sign(trace: Trace, atom: Atom) -> Atom:
    """-1, 0 or 1; NaN stays."""
    (atom,) = _in_common_type(trace, atom)
    type_ = scalar_type(atom)
    if type_ == BOOL:
        raise _refuse_bool("sign")
    zero, found = _number(0, type_), atom
    for relation, value in ((ops.EQ, 0), (ops.LT, -1), (ops.GT, 1)):
        if value < 0 and type_.kind == "uint":
            continue
        (holds,) = trace.emit(relation, [atom, zero])
        (found,) = trace.emit(ops.SELECT, [holds, _number(value, type_), found])
    return found


def _is_nan(trace: Trace, atom: Atom) -> Atom:
    return trace.emit(ops.NE, [atom, atom])[0]


def _against_infinity(primitive: Primitive) -> ScalarFunction:
    def apply(trace: Trace, atom: Atom) -> Atom:
        (atom,) = _in_common_type(trace, atom)
        type_ = scalar_type(atom)
        if not type_.is_float:
            return Const(primitive is ops.LT, BOOL)
        (size,) = trace.emit(ops.ABS, [atom])
        return trace.emit(primitive, [size, Const(math.inf, type_)])[0]

    return apply


def _sign_bit(trace: Trace, atom: Atom) -> Atom:
    type_ = float_type(common_type(atom))
    signed = trace.emit(elementary.COPYSIGN, [Const(1.0, type_), convert(trace, atom, type_)])[0]
    return trace.emit(ops.LT, [signed, Const(0.0, type_)])[0]


def _scaled(factor: float) -> ScalarFunction:
    def apply(trace: Trace, atom: Atom) -> Atom:
        type_ = float_type(common_type(atom))
        return trace.emit(ops.MUL, [convert(trace, atom, type_), Const(factor, type_)])[0]

    return apply


def _where(trace: Trace, condition: Atom, left: Atom, right: Atom) -> Atom:
    """Unlike in arithmetic, a Python int that does not fit wraps."""
    target = common_type(left, right)
    return trace.emit(ops.SELECT, [_truth(trace, condition), *(convert(trace, a, target) for a in (left, right))])[0]


def _clip(trace: Trace, atom: Atom, lowest: Atom, highest: Atom) -> Atom:
    atom, lowest, highest = _in_common_type(trace, atom, lowest, highest)
    (raised,) = trace.emit(ops.MAXIMUM, [atom, lowest])
    return trace.emit(ops.MINIMUM, [raised, highest])[0]


_REALS: dict[str, Primitive] = {
    "sqrt": ops.SQRT,
    "exp": ops.EXP,
    "log": ops.LOG,
    "sin": ops.SIN,
    "cos": ops.COS,
    "tan": ops.TAN,
    "tanh": ops.TANH,
    "arcsin": elementary.ASIN,
    "arccos": elementary.ACOS,
    "arctan": elementary.ATAN,
    "sinh": elementary.SINH,
    "cosh": elementary.COSH,
    "arcsinh": elementary.ASINH,
    "arccosh": elementary.ACOSH,
    "arctanh": elementary.ATANH,
    "expm1": elementary.EXPM1,
    "exp2": elementary.EXP2,
    "log1p": elementary.LOG1P,
    "log2": elementary.LOG2,
    "log10": elementary.LOG10,
    "cbrt": elementary.CBRT,
    "fabs": ops.ABS,
    "arctan2": elementary.ATAN2,
    "hypot": elementary.HYPOT,
    "copysign": elementary.COPYSIGN,
}

NUMPY_FUNCTIONS: Mapping[str, ScalarFunction] = {
    **{name: _of_reals(primitive) for name, primitive in _REALS.items()},
    "add": _arithmetic(ops.ADD, ops.LOGICAL_OR),
    "subtract": _arithmetic(ops.SUB),
    "multiply": _arithmetic(ops.MUL, ops.LOGICAL_AND),
    "divide": _divide,
    "floor_divide": _arithmetic(ops.FLOORDIV),
    "remainder": _arithmetic(ops.MOD),
    "power": _power,
    "fmod": _fmod,
    "minimum": _arithmetic(ops.MINIMUM, ops.LOGICAL_AND),
    "maximum": _arithmetic(ops.MAXIMUM, ops.LOGICAL_OR),
    "fmin": _ignoring_nan(ops.MINIMUM),
    "fmax": _ignoring_nan(ops.MAXIMUM),
    "negative": _arithmetic(ops.NEG),
    "positive": lambda trace, atom: _in_common_type(trace, atom)[0],
    "absolute": _absolute,
    "square": _square,
    "reciprocal": _reciprocal,
    "sign": _sign,
    "equal": _compare(ops.EQ),
    "not_equal": _compare(ops.NE),
    "less": _compare(ops.LT),
    "less_equal": _compare(ops.LE),
    "greater": _compare(ops.GT),
    "greater_equal": _compare(ops.GE),
    "logical_and": _logic(ops.LOGICAL_AND),
    "logical_or": _logic(ops.LOGICAL_OR),
    "logical_xor": _logic(ops.NE),
    "logical_not": _logic(ops.LOGICAL_NOT),
    "bitwise_and": _bitwise(integers.BIT_AND, ops.LOGICAL_AND),
    "bitwise_or": _bitwise(integers.BIT_OR, ops.LOGICAL_OR),
    "bitwise_xor": _bitwise(integers.BIT_XOR, ops.NE),
    "invert": _bitwise(integers.INVERT, ops.LOGICAL_NOT),
    "left_shift": _bitwise(integers.SHIFT_LEFT, None),
    "right_shift": _bitwise(integers.SHIFT_RIGHT, None),
    "floor": _to_whole(ops.FLOOR),
    "ceil": _to_whole(ops.CEIL),
    "trunc": _to_whole(elementary.TRUNC),
    "rint": _of_reals(elementary.RINT),
    "isnan": _is_nan,
    "isinf": _against_infinity(ops.EQ),
    "isfinite": _against_infinity(ops.LT),
    "signbit": _sign_bit,
    "deg2rad": _scaled(math.pi / 180.0),
    "radians": _scaled(math.pi / 180.0),
    "rad2deg": _scaled(180.0 / math.pi),
    "degrees": _scaled(180.0 / math.pi),
    "where": _where,
    "clip": _clip,
}
"""By the name that the function itself bears: `np.abs` is `absolute`, `np.mod` `remainder`."""


def name_of(function: object) -> str | None:
    """The name of a function or type of NumPy's; None for anything else."""
    is_ufunc = type(function).__module__ == "numpy" and type(function).__name__ == "ufunc"
    if not is_ufunc and getattr(function, "__module__", None) != "numpy":
        return None
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else None


def numpy_type(function: object) -> ScalarType | None:
    """The type that a class of NumPy numbers stands for."""
    name = name_of(function) if isinstance(function, type) else None
    return None if name is None else SCALAR_TYPES.get(name.rstrip("_"))


def to_numpy_type(trace: Trace, atom: Atom, target: ScalarType) -> Atom:
    """`np.int8(x)` and the like: a Python int that does not fit raises OverflowError, NumPy's numbers wrap."""
    if target == BOOL:
        return _truth(trace, atom)
    if atom.type == INT and target.is_integer and target != INT64:
        require_in_range(trace, atom, target)
    return convert(trace, atom, target)
