"""What NumPy's functions of elements find when they ask staged arguments what to do (`__array_ufunc__`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import NotSupportedYetError
from ..loc import caller_loc
from .elementwise import apply, apply_into
from .kinds import is_known_array
from .known_arrays import captured
from .products import matmul
from .ufuncs import ufunc_named

if TYPE_CHECKING:
    from .context import Trace


def call_ufunc(trace: Trace, ufunc: Any, method: str, inputs: Sequence[object], kwargs: Mapping[str, Any]) -> object:
    """`ufunc(*inputs, **kwargs)` on arrays and numbers, some of them staged; `out` may be an array."""
    (out,) = kwargs.get("out", (None,))
    others = [name for name in kwargs if name != "out"]
    name = str(ufunc.__name__)
    if method != "__call__" or others:
        what = f"np.{name}" + (f".{method}" if method != "__call__" else f" with {', '.join(others)}")
        raise NotSupportedYetError(
            f"`{what}` of staged arrays is not supported yet",
            loc=caller_loc(),
            hint="call the function itself, or write it as a loop",
        )
    if name == "matmul" and out is None:
        return matmul(trace, *inputs)
    if out is None:
        return apply(trace, ufunc_named(name), *inputs)
    target = captured(trace, out, writes=True) if is_known_array(out) else trace.lift(out)
    apply_into(trace, target, ufunc_named(name), *inputs)
    return out
