"""`grad` and its relatives: from functions to functions that compute their derivatives.

What they give is called like the function. Within staged code it is a part of that; staged (`stage(grad(f))`) it is
compiled like any function; called plainly it is staged at the first call with arguments of a type.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, cast

from .decorators import count_as_virtualised, stage
from .errors import ArgumentError
from .loc import caller_loc
from .staging import differentiation
from .staging.context import Trace, current_trace
from .tracebacks import hiding_library_frames

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


def _gradient(
    trace: Trace, function: AnyFunction, args: Sequence[object], kwargs: Mapping[str, object], argnums: ArgumentNumbers
) -> tuple[object, object]:
    chosen = _positions(function, argnums, len(args))
    value, gradients = differentiation.value_and_gradient(trace, function, args, kwargs, chosen)
    return value, tuple(gradients) if isinstance(argnums, tuple) else gradients[0]


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

    call.__name__ = f"{name}_of_{getattr(function, '__name__', 'function')}"
    count_as_virtualised(cast(FunctionType, call), function)
    return call
