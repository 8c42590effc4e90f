"""Tensors made inside staged loops and branches: constants of the IR, made anew in every iteration."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..errors import StagingError
from ..loc import caller_loc
from ..staging.rep import Rep
from .context import Operand, TorchContext
from .dtypes import scalar_type
from .functions_shape import sizes
from .table import FunctionTable, name_of, refuse_options
from .tensor import StagedTensor

# Applied only under staged control; elsewhere these run for real and give real tensors.
creation_functions = FunctionTable()


def _filled(context: TorchContext, value: object, shape: tuple[int, ...], dtype: object) -> StagedTensor:
    if not isinstance(dtype, torch.dtype):
        dtype = torch.get_default_dtype()
    scalar = scalar_type(dtype)
    return StagedTensor(context.operand(value, scalar, shape), context)


def _refuse(name: str, *, out: object, device: object, requires_grad: object) -> None:
    refuse_options(name, out=(out, None), requires_grad=(requires_grad, False))
    if device is not None and torch.device(str(device)).type != "cpu":
        refuse_options(name, device=(device, "cpu"))


def _define_constant(name: str, value: int) -> None:
    @creation_functions.define(getattr(torch, name))
    def create(
        context: TorchContext,
        *arguments: object,
        size: object = None,
        dtype: object = None,
        device: object = None,
        out: object = None,
        layout: object = None,
        pin_memory: object = None,
        requires_grad: bool = False,
    ) -> object:
        _refuse(name, out=out, device=device, requires_grad=requires_grad)
        return _filled(context, value, sizes((size,) if size is not None else arguments), dtype)

    @creation_functions.define(getattr(torch, f"{name}_like"))
    def create_like(
        context: TorchContext,
        input: Operand,
        *,
        dtype: object = None,
        device: object = None,
        requires_grad: bool = False,
        memory_format: object = None,
    ) -> object:
        assert isinstance(input, torch.Tensor)
        _refuse(f"{name}_like", out=None, device=device, requires_grad=requires_grad)
        return _filled(context, value, tuple(input.shape), dtype or input.dtype)


_define_constant("zeros", 0)
_define_constant("ones", 1)


_define_constant("empty", 0)


@creation_functions.define(torch.full)
def _full(
    context: TorchContext,
    size: object,
    fill_value: Operand,
    *,
    dtype: object = None,
    device: object = None,
    out: object = None,
    layout: object = None,
    requires_grad: bool = False,
) -> object:
    _refuse("full", out=out, device=device, requires_grad=requires_grad)
    if dtype is None:
        dtype = _dtype_of(fill_value)
    return _filled(context, fill_value, sizes((size,)), dtype)


@creation_functions.define(torch.full_like)
def _full_like(
    context: TorchContext,
    input: Operand,
    fill_value: Operand,
    *,
    dtype: object = None,
    device: object = None,
    requires_grad: bool = False,
    memory_format: object = None,
) -> object:
    assert isinstance(input, torch.Tensor)
    _refuse("full_like", out=None, device=device, requires_grad=requires_grad)
    return _filled(context, fill_value, tuple(input.shape), dtype or input.dtype)


def _define_new(name: str, value: int) -> None:
    @creation_functions.define(getattr(torch.Tensor, f"new_{name}"))
    def create(
        context: TorchContext,
        input: Operand,
        *arguments: object,
        size: object = None,
        dtype: object = None,
        device: object = None,
        requires_grad: bool = False,
    ) -> object:
        assert isinstance(input, torch.Tensor)
        _refuse(f"new_{name}", out=None, device=device, requires_grad=requires_grad)
        return _filled(context, value, sizes((size,) if size is not None else arguments), dtype or input.dtype)


_define_new("zeros", 0)
_define_new("ones", 1)
_define_new("empty", 0)


@creation_functions.define(torch.Tensor.new_full)
def _new_full(
    context: TorchContext,
    input: Operand,
    size: object,
    fill_value: Operand,
    *,
    dtype: object = None,
    device: object = None,
    requires_grad: bool = False,
) -> object:
    assert isinstance(input, torch.Tensor)
    _refuse("new_full", out=None, device=device, requires_grad=requires_grad)
    return _filled(context, fill_value, sizes((size,)), dtype or input.dtype)


def _define_known(function: Callable[..., torch.Tensor]) -> None:
    """What is made of plain numbers alone: it is made once, while staging, and each round begins with it."""

    @creation_functions.define(function)
    def create(context: TorchContext, *arguments: object, **options: object) -> object:
        for value in (*arguments, *options.values()):
            if isinstance(value, (Rep, torch.Tensor)):
                raise StagingError(
                    f"`{name_of(function)}` of what only the run knows cannot be staged: it would make the shape",
                    loc=caller_loc(),
                    hint="make it for the largest number, and take a part by a mask",
                )
        refuse_options(name_of(function), out=(options.pop("out", None), None))
        refuse_options(name_of(function), requires_grad=(options.get("requires_grad", False), False))
        return StagedTensor(context.constant_tensor(function(*arguments, **options)), context)


for _function in (torch.arange, torch.eye, torch.linspace, torch.logspace, torch.tril_indices, torch.triu_indices):
    _define_known(_function)


@creation_functions.define(torch.tensor, torch.as_tensor, torch.scalar_tensor)
def _tensor(
    context: TorchContext, data: object, dtype: object = None, device: object = None, requires_grad: bool = False
) -> object:
    """Numbers and nested lists of them, of which some may be staged; a tensor as it is."""
    _refuse("tensor", out=None, device=device, requires_grad=requires_grad)
    if isinstance(data, torch.Tensor):
        copied = context.dispatch_staged(torch.Tensor.clone, (data,), {})
        return copied if dtype is None else context.dispatch_staged(torch.Tensor.to, (copied, dtype), {})
    if not _has_staged(data):
        made = torch.tensor(data, dtype=dtype if isinstance(dtype, torch.dtype) else None)
        if made.dim() == 0:
            return _filled(context, made.item(), (), made.dtype)
        return StagedTensor(context.constant_tensor(made), context)
    if not isinstance(data, (tuple, list)):
        return _filled(context, data, (), dtype or _dtype_of(data))
    if not isinstance(dtype, torch.dtype):
        dtype = _common_dtype(data)
    return context.dispatch_staged(torch.stack, ([_tensor(context, part, dtype) for part in data],), {})


def _has_staged(data: object) -> bool:
    if isinstance(data, (tuple, list)):
        return any(map(_has_staged, data))
    return isinstance(data, (Rep, StagedTensor))


def _common_dtype(data: object) -> torch.dtype:
    """Floats where there is one, else ints, else bools."""
    if isinstance(data, (tuple, list)):
        found = [_common_dtype(part) for part in data]
        order = (torch.bool, torch.int64, torch.get_default_dtype())
        return max(found, key=order.index, default=torch.get_default_dtype())
    return _dtype_of(data)


def _dtype_of(value: object) -> torch.dtype:
    """What PyTorch makes of a number."""
    if isinstance(value, torch.Tensor):
        return value.dtype
    if not isinstance(value, Rep):
        return torch.tensor(value).dtype
    kind = getattr(value.atom.type, "kind", "float")
    if kind == "bool":
        return torch.bool
    return torch.get_default_dtype() if kind == "float" else torch.int64
