"""What is in force while a PyTorch program is traced: every call of a PyTorch function comes through `dispatch`.

A call is staged when an operand is a staged tensor, or a real one that staged code owns: under staged control, or
captured already, or a parameter that is older than the trace. Every other call runs for real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode

from ..errors import StagedTypeError, TorchFeatureError
from ..loc import caller_loc
from ..staging.rep import Rep
from . import (  # noqa: F401 - loading them fills the table
    functions_activation,
    functions_arithmetic,
    functions_autograd,
    functions_conv,
    functions_convert,
    functions_einsum,
    functions_elementary,
    functions_embedding,
    functions_in_place,
    functions_index,
    functions_join,
    functions_linear,
    functions_loss,
    functions_loss_classes,
    functions_normalize,
    functions_norms,
    functions_pad,
    functions_pick,
    functions_pool,
    functions_recurrent,
    functions_reduce,
    functions_shape,
    functions_similarity,
    functions_softmax,
    functions_sort,
    functions_statistics,
    functions_value,
)
from .compositions import is_composition, run_composition
from .context import TorchContext
from .functions_create import creation_functions
from .functions_random import RANDOM_FUNCTIONS
from .table import accessor, functions, methods, name_of
from .tensor import StagedTensor
from .torch_calls import TorchCall


def _named(*names: str) -> frozenset[object]:
    """The functions and methods of those names, as many as this PyTorch has."""
    return frozenset(methods(*names))


def _attributes(kind: str, *names: str) -> frozenset[object]:
    """Reading or writing those attributes, as many as this PyTorch has."""
    return frozenset(accessor(name, kind) for name in names if hasattr(torch.Tensor, name))


# What only concerns a tensor's type, which is a plain value.
_ABOUT_TYPES = (
    _named("size", "dim", "ndimension", "numel", "nelement", "element_size", "stride", "__len__", "get_device")
    | _named("is_floating_point", "is_complex", "is_signed", "is_contiguous", "is_same_size", "result_type")
    | _named("can_cast", "is_tensor", "__hash__", "has_names")
    | _attributes("get", "shape", "dtype", "device", "ndim", "layout", "itemsize", "nbytes", "names")
    | _attributes("get", "is_cuda", "is_cpu", "is_meta", "is_mps", "is_xpu", "is_sparse", "is_sparse_csr")
    | _attributes("get", "is_quantized", "is_nested", "is_mkldnn")
)

# What PyTorch answers about real tensors without reading or changing their content.
_ABOUT_REAL_TENSORS = (
    _named("untyped_storage", "storage_offset", "data_ptr", "is_pinned", "requires_grad_")
    | _attributes("get", "requires_grad", "grad_fn", "is_leaf", "_version", "_backward_hooks", "name")
    | _attributes("set", "requires_grad", "_backward_hooks")
)

# What Python's operators on real tensors are called here.
_OPERATORS = frozenset(
    {"add", "sub", "rsub", "mul", "div", "true_divide", "floor_divide", "remainder", "pow", "rpow", "matmul"}
    | {"and", "or", "xor", "bitwise_and", "bitwise_or", "bitwise_xor", "eq", "ne", "lt", "le", "gt", "ge"}
)

# They take no more than a tensor's type.
_LIKE = _named(
    *("zeros_like", "ones_like", "empty_like", "full_like", "new_zeros", "new_ones", "new_empty", "new_full")
)
_ALIASES = frozenset({accessor("data"), torch.Tensor.detach})
_WISHES_FOR_GRADIENT = _named("requires_grad_") | _attributes("set", "requires_grad")
_GET_GRADIENT = accessor("grad")
_SET_GRADIENT = accessor("grad", "set")
_DELETE_GRADIENT = accessor("grad", "delete")


@contextmanager
def torch_functions(context: TorchContext) -> Iterator[None]:
    """While this is open, PyTorch's functions go to `dispatch`."""

    def take_part(
        _kind: type, function: object, _types: object, args: Sequence[object] = (), kwargs: Any = None
    ) -> Any:
        return dispatch(context, function, args, kwargs or {})

    # With it PyTorch's own operators take staged numbers: `weight * rate`.
    method: Any = classmethod(take_part)
    protocol: AbstractContextManager[object] = mock.patch.object(Rep, "__torch_function__", method, create=True)
    with protocol, _TracingMode(context):
        yield


class _TracingMode(TorchFunctionMode):
    """Sends every PyTorch function to `dispatch`."""

    def __init__(self, context: TorchContext) -> None:
        super().__init__()
        self._context = context

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return dispatch(self._context, func, args, kwargs or {})
        except StagedTypeError as error:
            if getattr(func, "__name__", "").strip("_") not in _OPERATORS:
                raise
            # PyTorch's operators take a TypeError for an operand that they do not know, and forget what it says.
            raise TorchFeatureError(error.message, loc=error.loc, hint=error.hint) from None


def dispatch(context: TorchContext, function: object, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    """Run or stage one call."""
    tensors = list(_tensors_in((*args, *kwargs.values())))
    any_staged = any(isinstance(tensor, StagedTensor) for tensor in tensors)
    if function in _WISHES_FOR_GRADIENT and context.is_under_control:
        _refuse_change_of_wish(args, kwargs)
    if function in _ABOUT_TYPES or (function in _ABOUT_REAL_TENSORS and not any_staged):
        return _run(function, args, kwargs)
    with torch._C.DisableTorchFunction():
        staged = any_staged or _any_rep((*args, *kwargs.values())) or any(context.owns(tensor) for tensor in tensors)
        staged = staged or (function in RANDOM_FUNCTIONS and context.random.is_drawn_in_run)
        if function in creation_functions and (staged or context.is_under_control):
            if not any_staged and not context.is_under_control and function in _LIKE:
                return _run_for_real(context, function, args, kwargs, tensors)
            return creation_functions.call(context, function, args, kwargs)
        if not staged:
            return _run_for_real(context, function, args, kwargs, tensors)
        if not any_staged and function in (_GET_GRADIENT, _SET_GRADIENT, _DELETE_GRADIENT):
            return _access_gradient(context, function, args)
        if not any_staged and function in _ALIASES:
            context.buffers.capture(tensors[0])
            return _run(function, args, kwargs)
        if function in functions or not is_composition(function) or function in context.composing:
            return context.dispatch_staged(function, args, kwargs)
    context.composing.append(function)
    try:
        with _TracingMode(context):
            return run_composition(function, args, kwargs)
    finally:
        context.composing.pop()


def call_torch(context: TorchContext, function: object, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    """Have PyTorch called for a function, if its results can be told; NotImplemented if they cannot."""
    call = TorchCall(context, function, args, kwargs)
    return call.emit(context, name_of(function)) if call.find_results() else NotImplemented


def _refuse_change_of_wish(args: Sequence[object], kwargs: Mapping[str, object]) -> None:
    """It would happen once, while tracing."""
    tensor, wish = args[0], args[1] if len(args) > 1 else kwargs.get("requires_grad", True)
    if isinstance(tensor, StagedTensor) or not isinstance(tensor, torch.Tensor):
        return
    with torch._C.DisableTorchFunction():
        if tensor.requires_grad != wish:
            raise TorchFeatureError(
                "`requires_grad` is changed inside a staged loop or branch, which cannot be staged",
                loc=caller_loc(),
                hint="change it before the loop, or between calls of the staged function",
            )


def _access_gradient(context: TorchContext, function: object, args: Sequence[object]) -> object:
    leaf = args[0]
    assert isinstance(leaf, torch.Tensor)
    if not leaf.requires_grad:
        return None
    if function == _GET_GRADIENT:
        return context.gradients.read(leaf)
    context.gradients.write(leaf, args[1] if function == _SET_GRADIENT else None)
    return None


def _tensors_in(values: Sequence[object]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        else:
            yield from _tensors_in(_parts(value))


def _any_rep(values: Sequence[object]) -> bool:
    return any(isinstance(value, Rep) or _any_rep(_parts(value)) for value in values)


def _parts(value: object) -> Sequence[object]:
    """What may be staged within an argument."""
    if isinstance(value, slice):
        return value.start, value.stop, value.step
    return value if isinstance(value, (tuple, list)) else ()


def _run(function: object, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    with torch._C.DisableTorchFunctionSubclass():
        return cast(Callable[..., object], function)(*args, **kwargs)


def _run_for_real(
    context: TorchContext,
    function: object,
    args: Sequence[object],
    kwargs: Mapping[str, object],
    tensors: Sequence[torch.Tensor],
) -> object:
    """Run a call that staged code has no part in; what it changes is put back if this is traced again."""
    name = getattr(function, "__name__", "")
    if tensors and name.endswith("_") and not name.endswith("__"):
        _restore_when_undone(context, tensors[0])
    generator = next((value for value in (*args, *kwargs.values()) if isinstance(value, torch.Generator)), None)
    if generator is not None:
        context.trace.on_undo(_setter(generator, generator.get_state()))
        context.guards.note_made_anew("random numbers of a generator")
    result = _run(function, args, kwargs)
    storages = {tensor.untyped_storage().data_ptr() for tensor in tensors if tensor.layout is torch.strided}
    for made in _tensors_in((result,)):
        if made.layout is torch.strided and made.untyped_storage().data_ptr() not in storages:
            context.buffers.note_made(made, under_control=context.is_under_control)
    return result


def _setter(generator: torch.Generator, state: torch.Tensor) -> Callable[[], None]:
    def restore() -> None:
        generator.set_state(state)

    return restore


def _restore_when_undone(context: TorchContext, tensor: torch.Tensor) -> None:
    saved = tensor.detach().clone()

    def undo() -> None:
        with torch._C.DisableTorchFunction(), torch.no_grad():
            tensor.copy_(saved)

    context.trace.on_undo(undo)
