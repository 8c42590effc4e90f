"""From NumPy's functions to what they mean on staged arrays, by name: NumPy itself need not be loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any

from ..errors import NotSupportedYetError
from ..loc import caller_loc
from . import array_shapes, creation, products, reductions, selections

if TYPE_CHECKING:
    from .context import Trace

Handler = Callable[..., object]

FUNCTIONS: Mapping[str, Handler] = {
    "sum": reductions.total,
    "prod": reductions.product,
    "min": reductions.smallest,
    "amin": reductions.smallest,
    "max": reductions.largest,
    "amax": reductions.largest,
    "any": reductions.any_true,
    "all": reductions.all_true,
    "argmin": reductions.place_of_smallest,
    "argmax": reductions.place_of_largest,
    "mean": reductions.mean,
    "var": reductions.variance,
    "std": selections.standard_deviation,
    "count_nonzero": reductions.count_nonzero,
    "ptp": selections.spread,
    "dot": products.dot,
    "matmul": products.matmul,
    "inner": products.inner,
    "vdot": products.inner,
    "outer": products.outer,
    "trace": products.trace_of,
    "cumsum": products.cumulative_sum,
    "cumprod": products.cumulative_product,
    "where": selections.where,
    "clip": selections.clip,
    "round": selections.rounded,
    "around": selections.rounded,
    "copyto": selections.copy_to,
    "allclose": selections.all_close,
    "isclose": selections.is_close,
    "zeros_like": creation.zeros_like,
    "ones_like": creation.ones_like,
    "empty_like": creation.empty_like,
    "full_like": creation.full_like,
    "copy": creation.array,
    "transpose": array_shapes.transpose,
    "reshape": array_shapes.reshape,
    "ravel": array_shapes.ravel,
    "shape": array_shapes.shape,
    "size": array_shapes.size,
    "ndim": array_shapes.ndim,
    "concatenate": array_shapes.concatenate,
    "diff": array_shapes.diff,
    "expand_dims": array_shapes.expand_dims,
    "flip": array_shapes.flip,
}


def call_function(trace: Trace, function: Any, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    """A NumPy function on staged arrays; a located error where its arguments mean nothing yet."""
    handler = function_handler(function)
    try:
        bound = signature(handler).bind(trace, *args, **kwargs)
    except TypeError as error:
        raise NotSupportedYetError(
            f"`np.{function.__name__}` of staged arrays does not take these arguments: {error}",
            loc=caller_loc(),
            hint="pass the array and the axis only",
        ) from None
    return handler(*bound.args, **bound.kwargs)


def function_handler(function: Any) -> Handler:
    """What a NumPy function means on staged arrays; a located error where it means nothing yet."""
    name, module = str(function.__name__), str(function.__module__)
    handler = FUNCTIONS.get(name) if module == "numpy" else None
    if handler is None:
        raise NotSupportedYetError(
            f"`{module.replace('numpy', 'np', 1)}.{name}` of staged arrays is not supported yet",
            loc=caller_loc(),
            hint="write it as a loop, or with the functions that docs/language.md lists",
        )
    return handler
