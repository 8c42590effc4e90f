"""`__invoke`: calls of the user's functions, which are virtualised on the way where that is needed.

In: what is called, its arguments, and how to virtualise a function. Out: what the call gives. Functions that are
virtualised already, as those defined within decorated ones are, are called as `staging.functions` says; the user's
other Python functions are virtualised first if they get something staged. Libraries' functions run as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import FunctionType, GeneratorType, MethodType

from ...errors import StagingError
from ...loc import caller_loc, is_library_file
from ...virtualize import is_rewritten
from ..changes import register_made
from ..context import Trace, current_trace
from ..functions import call_function
from ..parameters import TrackedFields

Rewrite = Callable[[FunctionType], FunctionType | None]
_DEEPEST_LOOK = 3
# They would give the text of what stands for a value while staging.
_TEXTS = (repr, ascii)


def invoke_operator(rewrite: Rewrite | None) -> Callable[..., object]:
    """The operator of one virtualised function. `rewrite` virtualises a function that it calls, where it can."""

    def invoke(function: Callable[..., object], /, *args: object, **kwargs: object) -> object:
        trace = current_trace()
        return function(*args, **kwargs) if trace is None else _invoke(trace, rewrite, function, args, kwargs)

    return invoke


def _invoke(
    trace: Trace,
    rewrite: Rewrite | None,
    function: Callable[..., object],
    args: Sequence[object],
    kwargs: Mapping[str, object],
) -> object:
    if isinstance(function, partial):
        return _invoke(trace, rewrite, function.func, (*function.args, *args), {**function.keywords, **kwargs})
    if isinstance(function, MethodType) and isinstance(function.__func__, FunctionType):
        return _invoke(trace, rewrite, function.__func__, (function.__self__, *args), kwargs)
    function = trace.front.stand_in(function)
    if function in _TEXTS and any(map(trace.is_staged, args)):
        raise StagingError(
            "a staged value has no text while staging: it is known only when the compiled code runs",
            loc=caller_loc(),
            hint="print it, or format it inside the print, by an f-string",
        )
    if function is type and len(args) == 1 and isinstance(args[0], TrackedFields):
        return args[0].__class__
    if not isinstance(function, FunctionType):
        text = getattr(function, "__self__", None)
        if isinstance(text, str) and _holds_staged(trace, (*args, *kwargs.values()), _DEEPEST_LOOK):
            method: Callable[..., object] = getattr(trace.wrap(trace.lift(text)), function.__name__)
            return method(*args, **kwargs)
        return register_made(trace, function, args, function(*args, **kwargs))
    if is_rewritten(function.__code__):
        return call_function(trace, function, args, kwargs)
    if rewrite is None or not trace.options.recursive or is_library_file(function.__code__.co_filename):
        return _called(trace, function, args, kwargs)
    # Under staged control what it changes matters, and when it prints.
    if not trace.constructs and not _holds_staged(trace, (*args, *kwargs.values()), _DEEPEST_LOOK):
        return _called(trace, function, args, kwargs)
    if function not in trace.rewritten:
        trace.rewritten[function] = rewrite(function)
    rewritten = trace.rewritten[function]
    if rewritten is None:
        return _called(trace, function, args, kwargs)
    return call_function(trace, rewritten, args, kwargs)


def _called(trace: Trace, function: FunctionType, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    """Call it as it is. How a generator was made is remembered: a loop of the run makes it again."""
    result: object = function(*args, **kwargs)
    takes = (function, *args, *kwargs.values())
    if isinstance(result, GeneratorType) and not _holds_staged(trace, takes, _DEEPEST_LOOK):
        trace.generators[id(result)] = (result, partial(function, *args, **kwargs))
    return result


def _holds_staged(trace: Trace, values: Iterable[object], depth: int) -> bool:
    """Whether a staged value is among these, or in containers and the user's objects among them."""
    return any(trace.is_staged(value) or _holds_staged(trace, _parts(value), depth - 1) for value in values if depth)


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, (tuple, list)):
        return value
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, FunctionType):
        return [cell.cell_contents for cell in value.__closure__ or () if _has_content(cell)]
    return vars(value).values() if hasattr(value, "__dict__") and not isinstance(value, type) else ()


def _has_content(cell: object) -> bool:
    try:
        cell.cell_contents  # type: ignore[attr-defined]  # noqa: B018 - it may be empty
    except ValueError:
        return False
    return True
