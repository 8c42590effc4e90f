"""`grad` and its relatives: from functions to functions that compute their derivatives.

What they give is called like the function. Within staged code it is a part of that; staged (`stage(grad(f))`) it is
compiled like any function; called plainly it is staged at the first call with arguments of a type.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

from .decorators import count_as_virtualised, stage
from .errors import ArgumentError, StagedTypeError
from .ir.types import ScalarType
from .late import late_module
from .loc import caller_loc
from .staging import differentiation
from .staging.context import Trace, current_trace
from .tracebacks import hiding_library_frames

if TYPE_CHECKING:
    from . import jacobians
else:
    jacobians = late_module("pylms.jacobians")

AnyFunction = Callable[..., Any]
ArgumentNumbers = int | tuple[int, ...]


@hiding_library_frames
def grad(function: AnyFunction, argnums: ArgumentNumbers = 0) -> AnyFunction:
    """The function that computes the gradient of `function`, which gives one floating-point number.

    The gradient by a float is a float, by an array an array of its shape and dtype, by a tuple or dataclass one of
    gradients; with a tuple of `argnums`, a tuple of those for each argument named. Where a function has no derivative
    it is what PyTorch takes for it: 0 for `abs` at 0, half of it for each operand of `max` where they are equal.
    Raises StagedTypeError for arguments that are not floating-point, and for functions that give anything else.
    """

    def gradient(trace: Trace, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
        return _gradient(trace, function, args, kwargs, argnums)[1]

    return _transformed(function, gradient, "grad")


@hiding_library_frames
def value_and_grad(function: AnyFunction, argnums: ArgumentNumbers = 0) -> AnyFunction:
    """As `grad`; the result is a tuple of what `function` gives and the gradient."""

    def value_and_gradient(trace: Trace, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
        return _gradient(trace, function, args, kwargs, argnums)

    return _transformed(function, value_and_gradient, "value_and_grad")


@hiding_library_frames
def custom_gradient(function: AnyFunction) -> AnyFunction:
    """A function whose derivatives are what it says. It gives a pair: its value, and a function that pulls back.

    The latter takes what is like the value, and gives for each argument what is like it, or None; for several arguments
    in a tuple. What else the function uses has no part in its derivatives. Use as a decorator, above `@lms`.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        trace = current_trace()
        if trace is None:
            return function(*args, **kwargs)[0]
        return differentiation.with_own_rule(trace, function, args, kwargs)

    return call


@hiding_library_frames
def checkpoint(function: AnyFunction) -> AnyFunction:
    """The same function, of which derivatives compute again what they need instead of keeping it until then.

    It must do the same again: not print, not call Python, not change what is older than it.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        trace = current_trace()
        if trace is None:
            return function(*args, **kwargs)
        return differentiation.computed_again(trace, function, args, kwargs)

    return call


@hiding_library_frames
def jvp(function: AnyFunction, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """What `function` gives for the arguments `primals`, and how that changes where they change by `tangents`.

    Each tangent is like its argument; the change is like the result, which may be floats, arrays and tuples of them.
    """

    result: tuple[Any, Any] = _run(function, _push_forward, tuple(primals), tuple(tangents))
    return result


@hiding_library_frames
def vjp(function: AnyFunction, *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """What `function` gives for the arguments `primals`, and a function that pulls cotangents back.

    That takes values like the result, and gives for each argument the sum of these times the derivatives of the result.
    """
    if current_trace() is not None:
        linearized = _linearized(function, primals)
        return linearized.value, lambda cotangents: tuple(linearized.pull_back(cotangents))
    return _run(function, _value, primals), lambda cotangents: _run(function, _pull_back, primals, cotangents)


@hiding_library_frames
def hvp(function: AnyFunction, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
    """The second derivatives of `function`, which gives one number, by the arguments `primals`, times `tangents`.

    A tuple of what is like each argument. The matrix of second derivatives is never made.
    """

    result: tuple[Any, ...] = _run(function, _second_order, tuple(primals), tuple(tangents))
    return result


def _value(function: AnyFunction) -> AnyFunction:
    return lambda primals: _linearized(function, primals).value


def _push_forward(function: AnyFunction) -> AnyFunction:
    def push_forward(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        linearized = _linearized(function, primals)
        return linearized.value, linearized.push_forward(tangents)

    return push_forward


def _pull_back(function: AnyFunction) -> AnyFunction:
    return lambda primals, cotangents: tuple(_linearized(function, primals).pull_back(cotangents))


def _second_order(function: AnyFunction) -> AnyFunction:
    return lambda primals, tangents: tuple(_linearized(function, primals).second_order(tangents))


def _linearized(function: AnyFunction, primals: Sequence[object]) -> differentiation.Linearized:
    trace = current_trace()
    assert trace is not None
    return differentiation.Linearized(trace, function, primals, {}, range(len(primals)))


def _run(function: AnyFunction, make: Callable[[AnyFunction], AnyFunction], *args: Any) -> Any:
    """Call what `make` makes of a function: at once where a program is staged, and compiled elsewhere."""
    return (make(function) if current_trace() is not None else _compiled(function, make))(*args)


@functools.lru_cache(maxsize=256)
def _compiled(function: AnyFunction, make: Callable[[AnyFunction], AnyFunction]) -> AnyFunction:
    """Kept for as long as some others are not: the next call runs at once."""
    traced = make(function)
    traced.__name__ = f"{make.__name__.lstrip('_')}_of_{_name_of(function)}"
    count_as_virtualised(cast(FunctionType, traced), function)
    compiled: AnyFunction = stage(traced)
    return compiled


def _name_of(function: AnyFunction) -> str:
    return getattr(function, "__name__", "function")


@hiding_library_frames
def jacobian(function: AnyFunction, argnums: ArgumentNumbers = 0) -> AnyFunction:
    """The function that computes all derivatives of `function`, which gives a number, an array or a tensor of floats.

    Between numbers, arrays and tensors: of the shape of the result followed by that of the argument. With a tuple of
    `argnums`, a tuple of those for each argument named. Arrays by arrays are computed row by row, each in reverse.
    StagedTypeError for arguments and results that are none of these, and for an array by a tensor.
    """

    def derivatives(trace: Trace, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
        chosen = _positions(function, argnums, len(args))
        found = [_jacobian(trace, function, args, kwargs, number) for number in chosen]
        return tuple(found) if isinstance(argnums, tuple) else found[0]

    return _transformed(function, derivatives, "jacobian")


@hiding_library_frames
def hessian(function: AnyFunction, argnums: int = 0) -> AnyFunction:
    """The function that computes the second derivatives of `function`, which gives one number, by one argument.

    For an array of shape s, an array of shape s + s. See `hvp` for products with them, which need no such array.
    """
    return jacobian(grad(function, argnums), argnums)


def _jacobian(
    trace: Trace, function: AnyFunction, args: Sequence[object], kwargs: Mapping[str, object], number: int
) -> object:
    def linearized() -> differentiation.Linearized:
        return differentiation.Linearized(trace, function, args, kwargs, [number])

    here, argument = linearized(), args[number]
    for what, value in ((f"argument {number} of {_name_of(function)}", argument), ("its result", here.value)):
        if not trace.is_array(value) and trace.try_lift(value) is None:
            raise StagedTypeError(
                f"{what} is neither a number, an array nor a tensor, and has no jacobian",
                loc=caller_loc(),
                hint="for tuples there are vjp() and jvp()",
            )
    if _is_number(trace, here.value):
        return here.pull_back(1.0)[0]
    if _is_number(trace, argument):
        return here.push_forward([1.0])
    if trace.is_array(argument) != trace.is_array(here.value):
        raise StagedTypeError("an array by a tensor, or a tensor by an array, has no jacobian", loc=caller_loc())
    rows = jacobians.jacobian_of_arrays if trace.is_array(argument) else jacobians.jacobian_of_tensors
    return rows(lambda unit: linearized().pull_back(unit)[0], here.value, argument)


def _is_number(trace: Trace, value: object) -> bool:
    return not trace.is_array(value) and isinstance(trace.lift(value).type, ScalarType)


def _gradient(
    trace: Trace, function: AnyFunction, args: Sequence[object], kwargs: Mapping[str, object], argnums: ArgumentNumbers
) -> tuple[object, object]:
    chosen = _positions(function, argnums, len(args))
    linearized = differentiation.Linearized(trace, function, args, kwargs, chosen)
    gradients = linearized.gradient()
    return linearized.value, tuple(gradients) if isinstance(argnums, tuple) else gradients[0]


def _positions(function: AnyFunction, argnums: ArgumentNumbers, count: int) -> list[int]:
    """The arguments that are differentiated by; negative numbers count from the last one."""
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    for number in numbers:
        if not -count <= number < count:
            raise ArgumentError(
                f"argnums names argument {number}, and {function.__name__} is called with {count}",
                loc=caller_loc(),
                hint="arguments to differentiate by are passed by position, and counted from 0",
            )
    return [number % count for number in numbers]


Traced = Callable[[Trace, Sequence[object], Mapping[str, object]], object]


def _transformed(function: AnyFunction, traced: Traced, name: str) -> AnyFunction:
    """What users call: `traced` where a program is staged, and the compiled function elsewhere."""
    compiled: list[AnyFunction] = []

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        trace = current_trace()
        if trace is not None:
            return traced(trace, args, kwargs)
        if not compiled:
            compiled.append(stage(call))
        return compiled[0](*args, **kwargs)

    call.__name__ = f"{name}_of_{_name_of(function)}"
    count_as_virtualised(cast(FunctionType, call), function)
    return call
