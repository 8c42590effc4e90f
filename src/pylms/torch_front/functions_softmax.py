"""`softmax` and `log_softmax`."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError
from ..ir.node import Atom
from ..ir.ops.arithmetic import EXP, LOG, SUB, TRUEDIV
from ..ir.ops.tensors import BROADCAST, REDUCE_MAX, REDUCE_SUM, STOP_GRADIENT
from ..ir.types import TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext, normalised_axis
from .dtypes import scalar_type
from .table import functions, methods


def floating(context: TorchContext, input: Operand, dtype: object) -> tuple[Atom, TensorType]:
    """The tensor as floats of the dtype wanted, if any, and its type."""
    atom = context.atom(input)
    if isinstance(dtype, torch.dtype):
        atom = context.convert(atom, scalar_type(dtype))
    assert isinstance(atom.type, TensorType)
    if not atom.type.dtype.is_float:
        raise StagedTypeError(f"softmax of a tensor of {atom.type.dtype}: convert it first", loc=caller_loc())
    return atom, atom.type


def _default_axis(dim: int | None, rank: int) -> int:
    """PyTorch's choice where none is given: 0 for ranks 0, 1 and 3, else 1."""
    return normalised_axis((0 if rank in (0, 1, 3) else 1) if dim is None else dim, rank)


def _repeated(context: TorchContext, reduced: Atom, type_: TensorType, axis: int) -> Atom:
    """A reduction along one dimension, spread over it again."""
    axes = tuple(other for other in range(type_.rank) if other != axis)
    return context.emit(BROADCAST, reduced, shape=type_.shape, axes=axes)


def _shifted(context: TorchContext, atom: Atom, type_: TensorType, axis: int) -> Atom:
    """Minus the maximum along the dimension, which changes no softmax and keeps exp from overflowing."""
    maximum = context.emit(STOP_GRADIENT, context.emit(REDUCE_MAX, atom, axes=(axis,)))
    return context.emit(SUB, atom, _repeated(context, maximum, type_, axis))


def log_softmax_atom(context: TorchContext, atom: Atom, type_: TensorType, axis: int) -> Atom:
    """The logarithm of the softmax along a dimension."""
    shifted = _shifted(context, atom, type_, axis)
    total = context.emit(LOG, context.emit(REDUCE_SUM, context.emit(EXP, shifted), axes=(axis,)))
    return context.emit(SUB, shifted, _repeated(context, total, type_, axis))


@functions.define(*methods("log_softmax"), F.log_softmax)
def _log_softmax(
    context: TorchContext, input: Operand, dim: int | None = None, _stacklevel: int = 3, dtype: object = None
) -> object:
    atom, type_ = floating(context, input, dtype)
    if not type_.rank:
        return context.wrap(context.full(0, type_))
    return context.wrap(log_softmax_atom(context, atom, type_, _default_axis(dim, type_.rank)))


@functions.define(*methods("softmax"), F.softmax)
def _softmax(
    context: TorchContext, input: Operand, dim: int | None = None, _stacklevel: int = 3, dtype: object = None
) -> object:
    atom, type_ = floating(context, input, dtype)
    if not type_.rank:
        return context.wrap(context.full(1, type_))
    axis = _default_axis(dim, type_.rank)
    powers = context.emit(EXP, _shifted(context, atom, type_, axis))
    total = context.emit(REDUCE_SUM, powers, axes=(axis,))
    return context.wrap(context.emit(TRUEDIV, powers, _repeated(context, total, type_, axis)))
