"""Norms of tensors as vectors: `norm`, `linalg.vector_norm`; what clipping gradients computes with."""

from __future__ import annotations

from math import inf

import torch

from ..errors import StagedTypeError
from ..ir.node import Atom
from ..ir.ops import arithmetic as op
from ..ir.types import TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .dtypes import scalar_type
from .table import functions, methods, refuse_options
from .tensor import StagedTensor


@functions.define(torch.linalg.vector_norm)
def _vector_norm(
    context: TorchContext,
    x: Operand,
    ord: float = 2,
    dim: object = None,
    keepdim: bool = False,
    *,
    dtype: object = None,
    out: object = None,
) -> object:
    """The norm of order `ord`, 0 and infinities included. Where a norm of order 2 is 0 its derivative is 0."""
    refuse_options("vector_norm", out=(out, None))
    atom = context.atom(x)
    if isinstance(dtype, torch.dtype):
        atom = context.convert(atom, scalar_type(dtype))
    assert isinstance(atom.type, TensorType)
    if not atom.type.dtype.is_float:
        raise StagedTypeError(f"a norm of a tensor of {atom.type.dtype}: convert it to floats first", loc=caller_loc())
    order = float(ord)
    size = context.emit(op.ABS, atom)
    if abs(order) == inf:
        sign = 1 if order > 0 else -1
        return _reduced(context, torch.amax, context.wrap(size) * sign, dim, keepdim) * sign
    if order == 0:
        is_there = context.convert(context.emit(op.NE, atom, context.full(0, atom.type)), atom.type.dtype)
        return _reduced(context, torch.sum, context.wrap(is_there), dim, keepdim)
    if order == 1:
        return _reduced(context, torch.sum, context.wrap(size), dim, keepdim)
    if order == 2:
        total = _reduced(context, torch.sum, context.wrap(context.emit(op.MUL, atom, atom)), dim, keepdim)
        return context.wrap(_square_root(context, total.atom))
    powers = context.emit(op.POW, size, context.full(order, atom.type))
    total = _reduced(context, torch.sum, context.wrap(powers), dim, keepdim)
    return context.wrap(context.emit(op.POW, total.atom, context.full(1 / order, context.type_of(total))))


def _reduced(context: TorchContext, function: object, tensor: StagedTensor, dim: object, keepdim: bool) -> StagedTensor:
    axes = tuple(range(tensor.dim())) if dim is None else dim
    result = context.dispatch_staged(function, (tensor, axes, keepdim), {})
    assert isinstance(result, StagedTensor)
    return result


def _square_root(context: TorchContext, atom: Atom) -> Atom:
    assert isinstance(atom.type, TensorType)
    zero = context.full(0, atom.type)
    is_zero = context.emit(op.EQ, atom, zero)
    root = context.emit(op.SQRT, context.emit(op.SELECT, is_zero, context.full(1, atom.type), atom))
    return context.emit(op.SELECT, is_zero, zero, root)


@functions.define(*methods("norm"))
def _norm(
    context: TorchContext,
    input: Operand,
    p: object = "fro",
    dim: object = None,
    keepdim: bool = False,
    dtype: object = None,
    out: object = None,
) -> object:
    """Of any number of dimensions; the order `fro` is 2."""
    order = 2.0 if p is None or p == "fro" else p
    if not isinstance(order, (int, float)):
        refuse_options("norm", p=(p, "fro"))
    return _vector_norm(context, input, order, dim, keepdim, dtype=dtype, out=out)  # type: ignore[arg-type]


@functions.define(torch.linalg.norm)
def _linalg_norm(
    context: TorchContext,
    A: Operand,
    ord: object = None,
    dim: object = None,
    keepdim: bool = False,
    *,
    dtype: object = None,
) -> object:
    """Of vectors, and of matrices the root of the sum of squares."""
    if not isinstance(dim, int) and len(context.type_of(A).shape) != 1:
        refuse_options("linalg.norm", ord=(None if ord == "fro" else ord, None))
    return _norm(context, A, 2.0 if ord in (None, "fro") else ord, dim, keepdim, dtype=dtype)


@functions.define(*methods("dist"))
def _dist(context: TorchContext, input: Operand, other: Operand, p: float = 2) -> object:
    return _norm(context, context.dispatch_staged(torch.sub, (input, other), {}), p)
