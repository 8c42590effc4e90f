"""The functions of `math` on staged numbers.

They give Python's own numbers and raise Python's errors, also on NumPy's. What is here is compiled; the few functions
that CPython computes in a way of its own (`gamma`, `factorial`, ...) are called back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce

from ...errors import StagedTypeError
from ...ir.node import Atom, AttributeValue, Const
from ...ir.ops import arithmetic as ops
from ...ir.ops import elementary, integers
from ...ir.ops.control import CHECK
from ...ir.ops.host import HOST_CALL
from ...ir.primitive import Primitive
from ...ir.types import BOOL, FLOAT, INT, UINT64, ScalarType
from ...loc import caller_loc
from ..context import Trace
from ..promotion import convert, scalar_type
from ..rep import Rep

Handler = Callable[..., object]


def as_float(trace: Trace, value: object) -> Atom:
    """What `math` makes of an argument: a float."""
    if not isinstance(value, Rep):
        return Const(float(value), FLOAT)  # type: ignore[arg-type]  # Python's own TypeError
    return convert(trace, trace.lift(value), FLOAT)


def as_int(trace: Trace, value: object, function: str) -> Atom:
    """An argument that must be an integer: as Python's int, which 64 bits must hold."""
    atom = trace.lift(value)
    type_ = scalar_type(atom)
    if type_.is_float:
        raise StagedTypeError(
            f"{function}() takes ints, and a staged {type_} was given",
            loc=caller_loc(),
            hint="convert it: int(x)",
        )
    return to_python_int(trace, atom)


def to_python_int(trace: Trace, atom: Atom) -> Atom:
    """`int(x)` of a number; OverflowError at run time where 64 bits do not hold it."""
    if atom.type == UINT64:
        (fits,) = trace.emit(ops.LE, [atom, Const(INT.largest, UINT64)])
        message = "integer overflow: the uint64 is too large for a 64-bit int"
        trace.emit(CHECK, [fits], attrs={"error": "OverflowError", "message": message})
    return convert(trace, atom, INT)


def through_python(
    trace: Trace, function: Callable[..., object], arguments: Sequence[Atom], *results: ScalarType
) -> list[object]:
    """Call a Python function back at run time; what it gives."""
    callback = trace.host_function(function, getattr(function, "__name__", "function"))
    attrs: dict[str, AttributeValue] = {"callback": callback, "results": results, "mutates": ()}
    return [trace.wrap(result) for result in trace.emit(HOST_CALL, arguments, attrs=attrs)]


def _of_one(primitive: Primitive, trace: Trace, value: object) -> object:
    return trace.wrap(trace.emit(primitive, [as_float(trace, value)])[0])


def _of_two(primitive: Primitive, trace: Trace, left: object, right: object) -> object:
    return trace.wrap(trace.emit(primitive, [as_float(trace, left), as_float(trace, right)])[0])


def _log(trace: Trace, value: object, base: object = None) -> object:
    logarithm = _of_one(ops.LOG, trace, value)
    return logarithm if base is None else logarithm / _of_one(ops.LOG, trace, base)  # type: ignore[operator]


def _rounded(primitive: Primitive, trace: Trace, value: object) -> object:
    """`floor`, `ceil`, `trunc`: an int."""
    atom = trace.lift(value)
    if atom.type in (INT, BOOL):
        return trace.wrap(convert(trace, atom, INT))
    rounded = trace.emit(primitive, [as_float(trace, value)])[0]
    return trace.wrap(convert(trace, rounded, INT))


def _is_nan(trace: Trace, value: object) -> object:
    number = as_float(trace, value)
    return trace.wrap(trace.emit(ops.NE, [number, number])[0])


def _against_infinity(primitive: Primitive, trace: Trace, value: object) -> object:
    (size,) = trace.emit(ops.ABS, [as_float(trace, value)])
    return trace.wrap(trace.emit(primitive, [size, Const(math.inf, FLOAT)])[0])


def _is_close(trace: Trace, left: object, right: object, *, rel_tol: float = 1e-09, abs_tol: float = 0.0) -> object:
    if any(trace.is_staged(tolerance) for tolerance in (rel_tol, abs_tol)):
        raise StagedTypeError(
            "the tolerances of math.isclose must be known while staging",
            loc=caller_loc(),
            hint="write the comparison out: abs(a - b) <= tolerance",
        )
    if rel_tol < 0 or abs_tol < 0:
        raise ValueError("tolerances must be non-negative")
    a, b = as_float(trace, left), as_float(trace, right)
    (difference,) = trace.emit(ops.ABS, [trace.emit(ops.SUB, [b, a])[0]])
    bounds: list[Atom] = [Const(float(abs_tol), FLOAT)]
    for each in (a, b):
        (scaled,) = trace.emit(ops.MUL, [Const(float(rel_tol), FLOAT), each])
        bounds.append(trace.emit(ops.ABS, [scaled])[0])
    within: list[Atom] = [trace.emit(ops.LE, [difference, bound])[0] for bound in bounds]
    near = reduce(lambda x, y: trace.emit(ops.LOGICAL_OR, [x, y])[0], within)
    # An infinite number is close to itself alone, which the difference of two infinities does not tell.
    (finite,) = trace.emit(ops.LT, [difference, Const(math.inf, FLOAT)])
    (close,) = trace.emit(ops.LOGICAL_AND, [finite, near])
    (equal,) = trace.emit(ops.EQ, [a, b])
    return trace.wrap(trace.emit(ops.LOGICAL_OR, [equal, close])[0])


def _scaled(factor: float, trace: Trace, value: object) -> object:
    return trace.wrap(trace.emit(ops.MUL, [as_float(trace, value), Const(factor, FLOAT)])[0])


def _hypot(trace: Trace, *coordinates: object) -> object:
    if len(coordinates) == 2:
        return _of_two(elementary.HYPOT, trace, *coordinates)
    return through_python(trace, math.hypot, [as_float(trace, each) for each in coordinates], FLOAT)[0]


def _dist(trace: Trace, left: Sequence[object], right: Sequence[object]) -> object:
    if len(left) != len(right):
        raise ValueError("both points must have the same number of dimensions")
    sides = [trace.emit(ops.SUB, [as_float(trace, a), as_float(trace, b)])[0] for a, b in zip(left, right, strict=True)]
    return _hypot(trace, *map(trace.wrap, sides))


def _modf(trace: Trace, value: object) -> object:
    """What is beyond the point keeps the sign, also where it is zero."""
    number = as_float(trace, value)
    (whole,) = trace.emit(elementary.TRUNC, [number])
    (size,) = trace.emit(ops.ABS, [number])
    (infinite,) = trace.emit(ops.EQ, [size, Const(math.inf, FLOAT)])
    (rest,) = trace.emit(ops.SUB, [number, whole])
    (rest,) = trace.emit(ops.SELECT, [infinite, Const(0.0, FLOAT), rest])
    (fraction,) = trace.emit(elementary.COPYSIGN, [rest, number])
    return trace.wrap(fraction), trace.wrap(whole)


def _gcd(trace: Trace, *values: object) -> object:
    first, *others = [as_int(trace, value, "math.gcd") for value in (*values, 0)]
    for other in others:
        (first,) = trace.emit(integers.GCD, [first, other])
    return trace.wrap(first)


def _lcm(trace: Trace, *values: object) -> object:
    multiple: Atom = Const(1, INT)
    for value in values:
        atom = as_int(trace, value, "math.lcm")
        (divisor,) = trace.emit(integers.GCD, [multiple, atom])
        (divisor,) = trace.emit(ops.MAXIMUM, [divisor, Const(1, INT)])
        (factor,) = trace.emit(ops.FLOORDIV, [multiple, divisor])
        (product,) = trace.emit(ops.MUL, [factor, atom])
        (multiple,) = trace.emit(ops.ABS, [product])
    return trace.wrap(multiple)


def _isqrt(trace: Trace, value: object) -> object:
    return trace.wrap(trace.emit(integers.ISQRT, [as_int(trace, value, "math.isqrt")])[0])


def _called_with_floats(function: Callable[..., object], trace: Trace, *values: object) -> object:
    return through_python(trace, function, [as_float(trace, value) for value in values], FLOAT)[0]


def _called_with_ints(function: Callable[..., object], trace: Trace, *values: object) -> object:
    name = f"math.{function.__name__}"
    return through_python(trace, function, [as_int(trace, value, name) for value in values], INT)[0]


def _frexp(trace: Trace, value: object) -> object:
    return tuple(through_python(trace, math.frexp, [as_float(trace, value)], FLOAT, INT))


def _ldexp(trace: Trace, value: object, exponent: object) -> object:
    arguments = [as_float(trace, value), as_int(trace, exponent, "math.ldexp")]
    return through_python(trace, math.ldexp, arguments, FLOAT)[0]


def _fsum(trace: Trace, values: Iterable[object]) -> object:
    atoms = [as_float(trace, value) for value in values]
    return through_python(trace, _fsum_of, atoms, FLOAT)[0]


def _fsum_of(*values: float) -> float:
    return math.fsum(values)


def _prod(_trace: Trace, values: Iterable[object], *, start: object = 1) -> object:
    return reduce(lambda product, value: product * value, values, start)  # type: ignore[operator]


_OF_ONE: dict[str, Primitive] = {
    "sqrt": ops.SQRT,
    "exp": ops.EXP,
    "sin": ops.SIN,
    "cos": ops.COS,
    "tan": ops.TAN,
    "tanh": ops.TANH,
    "fabs": ops.ABS,
    **{primitive.name: primitive for primitive in elementary.UNARY if hasattr(math, primitive.name)},
}
_OF_TWO: dict[str, Primitive] = {
    "pow": elementary.MATH_POW,
    **{primitive.name: primitive for primitive in elementary.BINARY if hasattr(math, primitive.name)},
}

_NAMED: dict[str, Handler] = {
    **{name: partial(_of_one, primitive) for name, primitive in _OF_ONE.items()},
    **{name: partial(_of_two, primitive) for name, primitive in _OF_TWO.items()},
    **{name: partial(_called_with_floats, getattr(math, name)) for name in ("gamma", "lgamma", "nextafter", "ulp")},
    **{name: partial(_called_with_ints, getattr(math, name)) for name in ("factorial", "comb", "perm")},
    "log": _log,
    "floor": partial(_rounded, ops.FLOOR),
    "ceil": partial(_rounded, ops.CEIL),
    "trunc": partial(_rounded, elementary.TRUNC),
    "isnan": _is_nan,
    "isinf": partial(_against_infinity, ops.EQ),
    "isfinite": partial(_against_infinity, ops.LT),
    "isclose": _is_close,
    "degrees": partial(_scaled, 180.0 / math.pi),
    "radians": partial(_scaled, math.pi / 180.0),
    "hypot": _hypot,
    "dist": _dist,
    "modf": _modf,
    "gcd": _gcd,
    "lcm": _lcm,
    "isqrt": _isqrt,
    "frexp": _frexp,
    "ldexp": _ldexp,
    "fsum": _fsum,
    "prod": _prod,
}

MATH_HANDLERS: dict[object, Handler] = {
    getattr(math, name): handler for name, handler in _NAMED.items() if hasattr(math, name)
}
"""From functions of `math` to what they are on staged numbers."""
