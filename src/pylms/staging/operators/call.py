"""`__call`: builtins and functions of `math` on staged values; anything else is called as it is."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ...errors import StagedTypeError
from ...ir.types import BOOL, FLOAT, INT, ScalarType, Type
from ...late import late_module
from ...loc import caller_loc
from ..changes import require_changeable
from ..context import Trace, current_trace
from ..kinds import is_staged_array, is_staged_container, is_staged_view
from ..promotion import convert, refuse_operation
from ..rep import Rep, StagedValue
from ..truth import scalar_of, truth
from ..values import Maybe, is_maybe
from .changing import changing
from .iterables import StagedEnumerate, StagedRange, length_of_range, reversed_range
from .loop import loops_natively
from .math_functions import MATH_HANDLERS, to_python_int
from .number_builtins import NUMBER_BUILTINS, TAKE_ITERABLES, as_sequence

if TYPE_CHECKING:
    from .. import maybe, numpy_scalars
    from . import array_builtins, container, numpy_arrays, numpy_functions, zips
else:
    maybe = late_module("pylms.staging.maybe")
    numpy_scalars = late_module("pylms.staging.numpy_scalars")
    array_builtins = late_module("pylms.staging.operators.array_builtins")
    container = late_module("pylms.staging.operators.container")
    numpy_arrays = late_module("pylms.staging.operators.numpy_arrays")
    numpy_functions = late_module("pylms.staging.operators.numpy_functions")
    zips = late_module("pylms.staging.operators.zips")

Handler = Callable[..., object]


def call(function: Callable[..., object], *args: object, **kwargs: object) -> object:
    """`function(*args, **kwargs)`, staged where an argument is and the function has a staged meaning."""
    trace = current_trace()
    if trace is None:
        return function(*args, **kwargs)
    if any(map(is_maybe, args)) and function not in _TAKE_NONE:
        args = maybe.require_arguments(function, args)
    if function in _CHANGING and args:
        _before_change(trace, function, args)
    is_numpys = _is_numpys(function)
    maker = numpy_arrays.maker_of_arrays(trace, function, args, kwargs) if is_numpys else None
    if maker is not None:
        return maker(trace, *args, **kwargs)
    if function in _MAKERS:
        return container.HANDLERS[function](trace, *args, **kwargs)
    if function is enumerate and args and loops_natively(trace, args[0]):
        return StagedEnumerate(args[0], kwargs.get("start", args[1] if len(args) > 1 else 0))
    if function is zip and args and zips.is_staged_zip(args):
        return zips.staged_zip(*args, **kwargs)
    if args and isinstance(args[0], StagedRange) and function in _OF_RANGES:
        return _OF_RANGES[function](trace, *args, **kwargs)
    on_array = array_builtins.array_builtin(function, args) if args and is_staged_array(args[0]) else None
    if on_array is not None:
        return on_array(trace, *args, **kwargs)
    if function in TAKE_ITERABLES and len(args) > 0:
        args = (as_sequence(trace, function, args[0]), *args[1:])
    is_conversion = function in _CONVERSIONS and len(args) == 1
    if is_conversion:
        args = (trace.front.content_of(args[0]),)
        is_conversion = trace.is_staged(args[0])
    if not is_conversion and not any(_has_staged_scalar(item) for item in (*args, *kwargs.values())):
        return function(*args, **kwargs)
    handler = _handler_for(function, args)
    if handler is None and is_numpys and numpy_scalars.name_of(function) is not None:
        on_arrays = numpy_arrays.has_array(trace, (*args, *kwargs.values()))
        staged_call = numpy_arrays.call_on_arrays if on_arrays else numpy_functions.call_numpy
        return staged_call(trace, function, args, kwargs)
    if handler is None:
        return _call_unknown(function, args, kwargs)
    try:
        return handler(trace, *args, **kwargs)
    except TypeError as error:
        if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
            raise
        raise _wrong_arguments(function) from None


def _wrong_arguments(function: Callable[..., object]) -> StagedTypeError:
    return StagedTypeError(
        f"{function.__name__}() does not take these arguments, one of which is staged",
        loc=caller_loc(),
        hint="pass as many as it takes in Python, by position where it has no names for them",
    )


def _is_numpys(function: object) -> bool:
    """Whether it may be a function, a ufunc or a type of NumPy's."""
    return "numpy" in (getattr(function, "__module__", None), type(function).__module__)


_TAKE_NONE = frozenset({bool, isinstance, min, max, str, repr})
"""What has a meaning of its own for None, or tells itself what is wrong with it."""
_MAKERS = frozenset({list, dict})
"""What makes containers whatever it is given."""
_CHANGING = (next, setattr, delattr)


def _before_change(trace: Trace, function: Callable[..., object], args: Sequence[object]) -> None:
    if function is not next:
        changing(args[0])
        return
    if trace.constructs:
        require_changeable(trace, args[0])
    trace.items_taken += 1  # that cannot be taken back


def _handler_for(function: Callable[..., object], args: Sequence[object]) -> Handler | None:
    """What the function means where arguments are staged; None where nothing is known of it."""
    if len(args) == 1 and is_staged_container(args[0]) and function in container.OF_CONTAINERS:
        return container.OF_CONTAINERS[function]
    if function in _HANDLERS:
        return _HANDLERS[function]
    return container.HANDLERS.get(function) if getattr(function, "__module__", None) == "builtins" else None


_OF_RANGES: Mapping[object, Callable[..., object]] = {len: length_of_range, reversed: reversed_range}
_CONVERSIONS = frozenset({int, float, bool})


def _has_staged_scalar(value: object) -> bool:
    if isinstance(value, (StagedValue, Maybe)) or is_staged_view(value):
        return True
    return isinstance(value, (tuple, list)) and any(isinstance(item, (StagedValue, Maybe)) for item in value)


# Builtins that work on staged values through the operators that `Rep` has.
_TRANSPARENT = frozenset({builtins.zip, builtins.enumerate})


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
    return StagedRange(_as_int(trace, start), _as_int(trace, stop), _as_int(trace, step))


def _as_int(trace: Trace, bound: object) -> object:
    atom = trace.lift(bound)
    if isinstance(atom.type, ScalarType) and not atom.type.is_float and atom.type != INT:
        return trace.wrap(to_python_int(trace, atom))
    if atom.type != INT:
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
    if not isinstance(number, Rep):
        refuse_operation(f"{target}()", trace.lift(value).type)
    if target == INT:
        return trace.wrap(to_python_int(trace, number.atom))
    return trace.wrap(convert(trace, number.atom, target))


_PYTHON_CLASSES: dict[Type, type] = {BOOL: bool, INT: int, FLOAT: float}


def python_class(type_: Type) -> type:
    """The class of the Python or NumPy numbers of a scalar type."""
    known = _PYTHON_CLASSES.get(type_)
    if known is not None:
        return known
    import numpy

    found: type = getattr(numpy, str(type_))
    return found


def _isinstance(trace: Trace, value: object, classes: object) -> object:
    """What it will be for the number that a staged value stands for."""
    if is_maybe(value):
        of_value, of_none = _isinstance(trace, value.value, classes), isinstance(None, classes)  # type: ignore[arg-type]
        return of_none if of_value == of_none else value.is_absent() if of_none else value.present
    if not isinstance(value, Rep):
        return isinstance(value, classes)  # type: ignore[arg-type]
    return issubclass(python_class(value.atom.type), classes)  # type: ignore[arg-type]


_HANDLERS: dict[object, Handler] = {
    isinstance: _isinstance,
    range: _range,
    int: partial(_convert_to, INT),
    float: partial(_convert_to, FLOAT),
    bool: partial(_convert_to, BOOL),
    **NUMBER_BUILTINS,
    **MATH_HANDLERS,
}
