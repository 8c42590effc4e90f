"""`__call`: builtins and functions of `math` on staged values; anything else is called as it is."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Sequence
from functools import partial

from ...errors import StagedTypeError
from ...ir.node import Atom, AttributeValue
from ...ir.ops import arithmetic as ops
from ...ir.ops.host import HOST_CALL
from ...ir.primitive import Primitive
from ...ir.types import BOOL, FLOAT, INT, ScalarType, Type
from ...loc import caller_loc
from ..arrays import StagedArray
from ..context import Trace, current_trace
from ..promotion import arithmetic_type, convert, refuse_operation
from ..rep import Rep, StagedValue
from ..truth import scalar_of, truth
from .boolean import run_and, run_or
from .loop import StagedEnumerate, StagedRange

Handler = Callable[..., object]


def call(function: Callable[..., object], *args: object, **kwargs: object) -> object:
    """`function(*args, **kwargs)`, staged where an argument is and the function has a staged meaning."""
    trace = current_trace()
    if trace is None:
        return function(*args, **kwargs)
    if function is enumerate and args and _loops_natively(trace, args[0]):
        return StagedEnumerate(args[0], kwargs.get("start", args[1] if len(args) > 1 else 0))
    is_conversion = function in _CONVERSIONS and len(args) == 1 and trace.is_staged(args[0])
    if not is_conversion and not any(_has_staged_scalar(item) for item in (*args, *kwargs.values())):
        return function(*args, **kwargs)
    handler = _HANDLERS.get(function)
    if handler is None:
        return _call_unknown(function, args, kwargs)
    return handler(trace, *args, **kwargs)


_CONVERSIONS = frozenset({int, float, bool})


def _has_staged_scalar(value: object) -> bool:
    if isinstance(value, StagedValue):
        return True
    return isinstance(value, (tuple, list)) and any(isinstance(item, StagedValue) for item in value)


def _loops_natively(trace: Trace, iterable: object) -> bool:
    return isinstance(iterable, (StagedRange, StagedArray)) or trace.front.loop_plan(trace, iterable) is not None


# Builtins that work on staged values through the operators that `Rep` has.
_TRANSPARENT = frozenset({builtins.abs, builtins.sum, builtins.divmod, builtins.zip, builtins.len, builtins.enumerate})


def _call_unknown(function: Callable[..., object], args: Sequence[object], kwargs: dict[str, object]) -> object:
    if function in _TRANSPARENT or getattr(function, "__module__", None) not in ("builtins", "math"):
        return function(*args, **kwargs)
    module = function.__module__
    name = function.__name__ if module == "builtins" else f"math.{function.__name__}"
    types = [value.atom.type for value in (*args, *kwargs.values()) if isinstance(value, Rep)]
    refuse_operation(name, types[0] if types else INT)


def _range(trace: Trace, *bounds: object) -> StagedRange:
    if not 1 <= len(bounds) <= 3:
        range(*bounds)  # type: ignore[call-overload]  # raises what Python raises
    start, stop, step = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    return StagedRange(*[_as_int(trace, bound) for bound in (start, stop, step)])


def _as_int(trace: Trace, bound: object) -> object:
    atom = trace.lift(bound)
    if isinstance(bound, Rep) and atom.type == BOOL:
        return trace.wrap(convert(trace, atom, INT))
    if not isinstance(atom.type, ScalarType) or atom.type not in (INT, BOOL):
        raise StagedTypeError(
            f"range() takes ints, and a staged {atom.type} was given",
            loc=caller_loc(),
            hint="convert it: range(int(x))",
        )
    return bound


def _convert_to(target: ScalarType, trace: Trace, value: object) -> object:
    if target == BOOL and not isinstance(value, (tuple, list)):
        return trace.wrap(truth(trace, value))
    if not trace.is_staged(value):
        return _PYTHON_CLASSES[target](value)
    number = trace.wrap(scalar_of(trace, value, f"`{target}`"))
    assert isinstance(number, Rep)
    return trace.wrap(convert(trace, number.atom, target))


def _round(trace: Trace, value: object, digits: object = None) -> object:
    """Python's own, called back: it rounds decimally, as nothing else does."""
    assert isinstance(value, Rep)
    type_ = value.atom.type
    if type_ not in (BOOL, INT, FLOAT):
        refuse_operation("round", type_)
    result = FLOAT if type_ == FLOAT and digits is not None else INT
    numbers = [value.atom] if digits is None else [value.atom, trace.lift(digits)]
    callback = trace.host_function(round, "round")
    attrs: dict[str, AttributeValue] = {"callback": callback, "results": (result,), "mutates": ()}
    return trace.wrap(trace.emit(HOST_CALL, numbers, attrs=attrs)[0])


_PYTHON_CLASSES: dict[Type, type] = {BOOL: bool, INT: int, FLOAT: float}


def python_class(type_: Type) -> type:
    """The class of the Python or NumPy numbers of a scalar type."""
    known = _PYTHON_CLASSES.get(type_)
    if known is not None:
        return known
    import numpy

    found: type = getattr(numpy, str(type_))
    return found


def _extreme(primitive: Primitive, trace: Trace, *args: object) -> object:
    """`min` or `max` as Python has them: the first extreme one; comparisons with NaN are false."""
    items = list(args[0]) if len(args) == 1 and isinstance(args[0], (tuple, list)) else list(args)
    best, *others = items
    for item in others:
        best = _better_of(primitive, trace, item, best)
    return best


def _better_of(primitive: Primitive, trace: Trace, candidate: object, best: object) -> object:
    atoms = trace.lift(candidate), trace.lift(best)
    types = [atom.type for atom in atoms if isinstance(atom.type, ScalarType)]
    target = arithmetic_type(types[0], types[1])
    rep = candidate if isinstance(candidate, Rep) else best
    if not isinstance(rep, Rep):
        return candidate if (candidate < best if primitive is ops.LT else candidate > best) else best  # type: ignore[operator]
    operands = [convert(trace, atom, target) for atom in atoms]
    (better,) = trace.emit(primitive, operands)
    return trace.wrap(trace.emit(ops.SELECT, [better, *operands])[0])


def _elementary(primitive: Primitive, trace: Trace, value: object) -> object:
    assert isinstance(value, Rep)
    return trace.wrap(trace.emit(primitive, [_as_float(value)])[0])


def _as_float(value: Rep) -> Atom:
    type_ = value.atom.type
    assert isinstance(type_, ScalarType)
    return convert(value.trace, value.atom, type_ if type_.is_float else FLOAT)


def _rounded(primitive: Primitive, trace: Trace, value: object) -> object:
    """`math.floor`, `math.ceil`: an int."""
    assert isinstance(value, Rep)
    if value.atom.type == INT:
        return value
    rounded = trace.emit(primitive, [_as_float(value)])[0]
    return trace.wrap(trace.emit(ops.CONVERT, [rounded], attrs={"dtype": INT})[0])


def _float_power(trace: Trace, base: object, exponent: object) -> object:
    operands: list[Atom] = []
    for value in (base, exponent):
        operands.append(_as_float(value) if isinstance(value, Rep) else trace.lift(float(value)))  # type: ignore[arg-type]
    return trace.wrap(trace.emit(ops.POW, operands)[0])


def _any(trace: Trace, items: Sequence[object]) -> object:
    return run_or(False, *[partial(lambda item: trace.wrap(truth(trace, item)), item) for item in items])


def _all(trace: Trace, items: Sequence[object]) -> object:
    return run_and(True, *[partial(lambda item: trace.wrap(truth(trace, item)), item) for item in items])


def _isinstance(_trace: Trace, value: object, classes: object) -> object:
    """What it will be for the number that a staged value stands for."""
    if not isinstance(value, Rep):
        return isinstance(value, classes)  # type: ignore[arg-type]
    return issubclass(python_class(value.atom.type), classes)  # type: ignore[arg-type]


def _length(_trace: Trace, value: object) -> object:
    return value.length() if isinstance(value, StagedArray) else len(value)  # type: ignore[arg-type]


_HANDLERS: dict[object, Handler] = {
    len: _length,
    isinstance: _isinstance,
    round: _round,
    range: _range,
    int: partial(_convert_to, INT),
    float: partial(_convert_to, FLOAT),
    bool: partial(_convert_to, BOOL),
    min: partial(_extreme, ops.LT),
    max: partial(_extreme, ops.GT),
    pow: lambda _trace, base, exponent: base**exponent,
    any: _any,
    all: _all,
    math.floor: partial(_rounded, ops.FLOOR),
    math.ceil: partial(_rounded, ops.CEIL),
    math.fabs: lambda trace, value: abs(_convert_to(FLOAT, trace, value)),  # type: ignore[arg-type]
    math.pow: _float_power,
    math.sqrt: partial(_elementary, ops.SQRT),
    math.exp: partial(_elementary, ops.EXP),
    math.log: partial(_elementary, ops.LOG),
    math.sin: partial(_elementary, ops.SIN),
    math.cos: partial(_elementary, ops.COS),
    math.tan: partial(_elementary, ops.TAN),
    math.tanh: partial(_elementary, ops.TANH),
}
