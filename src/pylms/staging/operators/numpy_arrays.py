"""NumPy's functions of arrays, when rewritten code calls them: what they make is staged where it is of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..context import Trace
from ..creation import CREATORS, CREATORS_OF_STAGED
from ..numpy_tables import call_function
from ..rep import StagedValue

Maker = Callable[..., object]


def maker_of_arrays(
    trace: Trace, function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]
) -> Maker | None:
    """What the call means, `trace` coming first; None where Python's own call is meant.

    Memory to be filled is always of the run; other arrays are if something that goes into them is.
    """
    if getattr(function, "__module__", None) != "numpy" or not trace.front.makes_arrays:
        return None
    name = str(getattr(function, "__name__", ""))
    if name in CREATORS:
        return CREATORS[name]
    return CREATORS_OF_STAGED.get(name) if _has_staged((*args, *kwargs.values())) else None


def _has_staged(values: Iterable[object]) -> bool:
    return any(
        isinstance(value, StagedValue) or (isinstance(value, (tuple, list)) and _has_staged(value)) for value in values
    )


def has_array(trace: Trace, values: Iterable[object]) -> bool:
    """Whether an array is among the values, or in a list among them."""
    return any(
        trace.is_array(value) or (isinstance(value, (tuple, list)) and has_array(trace, value)) for value in values
    )


def call_on_arrays(
    trace: Trace, function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]
) -> object:
    """A function of NumPy's with arrays and staged values among its arguments."""
    if type(function).__name__ == "ufunc":
        return function(*args, **kwargs)  # which asks the staged arguments
    return call_function(trace, function, args, kwargs)
