"""Calls of NumPy's functions and types with staged numbers.

In: the function as the user's code names it. Out: a staged number. Whole-array meaning is not here; what NumPy has and
staged code does not is a located error, never an array of objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...errors import NotSupportedYetError, StagedTypeError
from ...ir.ops import elementary
from ...loc import caller_loc
from ..context import Trace
from ..numpy_scalars import NUMPY_FUNCTIONS, common_type, name_of, numpy_type, to_numpy_type
from ..promotion import convert, scalar_type
from .number_builtins import scaled_rounding

_ROUND = frozenset({"round", "around"})


def call_numpy(
    trace: Trace, function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]
) -> object:
    """`function(*args, **kwargs)` for a function or type of NumPy's, an argument being a staged number."""
    target = numpy_type(function)
    if target is not None and len(args) == 1 and not kwargs:
        return trace.wrap(to_numpy_type(trace, trace.lift(args[0]), target))
    name = name_of(function)
    if name in _ROUND:
        return _round(trace, *args, **kwargs)
    if name is None or name not in NUMPY_FUNCTIONS:
        raise NotSupportedYetError(
            f"`np.{name}` of staged numbers is not supported yet",
            loc=caller_loc(),
            hint="NumPy's elementwise functions work on staged numbers; write the rest with them, or with a loop",
        )
    if kwargs:
        raise StagedTypeError(
            f"`np.{name}` of staged numbers takes no keyword arguments here: {', '.join(kwargs)}",
            loc=caller_loc(),
            hint="pass the operands by position, and convert the result afterwards",
        )
    if len(args) != getattr(function, "nin", len(args)):
        raise StagedTypeError(
            f"`np.{name}` takes {getattr(function, 'nin', '')} operands, and {len(args)} were passed",
            loc=caller_loc(),
            hint="an array to put the result into is not supported: assign the result",
        )
    atoms = [trace.lift(arg) for arg in args]
    return trace.wrap(NUMPY_FUNCTIONS[name](trace, *atoms))


def _round(trace: Trace, a: object, decimals: object = 0) -> object:
    if type(decimals) is not int:
        raise StagedTypeError(
            "np.round of staged numbers needs to know now to how many decimals",
            loc=caller_loc(),
            hint="pass a plain int",
        )
    atom = trace.lift(a)
    atom = convert(trace, atom, common_type(atom))
    if not scalar_type(atom).is_float and decimals >= 0:
        return trace.wrap(atom)
    if decimals == 0:
        return trace.wrap(trace.emit(elementary.RINT, [atom])[0])
    if not scalar_type(atom).is_float:
        raise StagedTypeError(
            "np.round of staged integers to tens or hundreds is not supported", loc=caller_loc(), hint="round float(x)"
        )
    return scaled_rounding(trace, atom, decimals)
