"""Tensors made inside staged loops and branches: constants of the IR, made anew in every iteration."""

from __future__ import annotations

import torch

from ..staging.rep import Rep
from .context import Operand, TorchContext
from .dtypes import scalar_type
from .functions_shape import sizes
from .table import FunctionTable, refuse_options
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


@creation_functions.define(torch.full)
def _full(
    context: TorchContext,
    size: object,
    fill_value: Operand,
    *,
    dtype: object = None,
    device: object = None,
    requires_grad: bool = False,
) -> object:
    _refuse("full", out=None, device=device, requires_grad=requires_grad)
    if dtype is None and not isinstance(fill_value, Rep):
        dtype = torch.tensor(fill_value).dtype
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


@creation_functions.define(torch.tensor)
def _tensor(
    context: TorchContext, data: object, *, dtype: object = None, device: object = None, requires_grad: bool = False
) -> object:
    """Numbers become constants; anything bigger is made once, for real, and never changes."""
    _refuse("tensor", out=None, device=device, requires_grad=requires_grad)
    if isinstance(data, Rep):
        return _filled(context, data, (), dtype or _dtype_of_rep(data))
    made = torch.tensor(data, dtype=dtype if isinstance(dtype, torch.dtype) else None)
    if made.dim() == 0:
        return _filled(context, made.item(), (), made.dtype)
    context.buffers.note_made(made, under_control=True)
    return made


def _dtype_of_rep(value: Rep) -> torch.dtype:
    kind = getattr(value.atom.type, "kind", "float")
    if kind == "bool":
        return torch.bool
    return torch.get_default_dtype() if kind == "float" else torch.int64
