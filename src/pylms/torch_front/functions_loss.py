"""Softmax and losses: `softmax`, `log_softmax`, `nll_loss`, `cross_entropy`, `mse_loss`."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError
from ..ir.node import Atom
from ..ir.ops.arithmetic import ADD, EXP, LOG, LT, MUL, NEG, SELECT, SUB, TRUEDIV
from ..ir.ops.tensors import BROADCAST, PICK, REDUCE_MAX, REDUCE_SUM, STOP_GRADIENT
from ..ir.types import TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext, normalised_axis
from .dtypes import scalar_type
from .functions_reduce import divided
from .positions import require_positions
from .table import functions, methods, refuse_options
from .tensor import StagedTensor


def _floating(context: TorchContext, input: Operand, dtype: object) -> tuple[Atom, TensorType]:
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


def _log_softmax_atom(context: TorchContext, atom: Atom, type_: TensorType, axis: int) -> Atom:
    shifted = _shifted(context, atom, type_, axis)
    total = context.emit(LOG, context.emit(REDUCE_SUM, context.emit(EXP, shifted), axes=(axis,)))
    return context.emit(SUB, shifted, _repeated(context, total, type_, axis))


@functions.define(*methods("log_softmax"), F.log_softmax)
def _log_softmax(
    context: TorchContext, input: Operand, dim: int | None = None, _stacklevel: int = 3, dtype: object = None
) -> object:
    atom, type_ = _floating(context, input, dtype)
    if not type_.rank:
        return context.wrap(context.full(0, type_))
    return context.wrap(_log_softmax_atom(context, atom, type_, _default_axis(dim, type_.rank)))


@functions.define(*methods("softmax"), F.softmax)
def _softmax(
    context: TorchContext, input: Operand, dim: int | None = None, _stacklevel: int = 3, dtype: object = None
) -> object:
    atom, type_ = _floating(context, input, dtype)
    if not type_.rank:
        return context.wrap(context.full(1, type_))
    axis = _default_axis(dim, type_.rank)
    powers = context.emit(EXP, _shifted(context, atom, type_, axis))
    total = context.emit(REDUCE_SUM, powers, axes=(axis,))
    return context.wrap(context.emit(TRUEDIV, powers, _repeated(context, total, type_, axis)))


def _reduced(context: TorchContext, losses: Atom, reduction: str) -> StagedTensor:
    assert isinstance(losses.type, TensorType)
    if reduction == "none":
        return context.wrap(losses)
    if reduction not in ("mean", "sum"):
        raise StagedTypeError(f"{reduction!r} is not a reduction: use 'mean', 'sum' or 'none'", loc=caller_loc())
    axes = tuple(range(losses.type.rank))
    total: Atom = context.emit(REDUCE_SUM, losses, axes=axes) if axes else losses
    return context.wrap(divided(context, total, losses.type.size) if reduction == "mean" else total)


def _legacy_reduction(function: str, size_average: object, reduce: object) -> None:
    refuse_options(function, size_average=(size_average, None), reduce=(reduce, None))


def _picked(context: TorchContext, logarithms: Atom, target: Operand, ignore_index: int) -> Atom:
    """Minus the log-probability of each row's target class; rank 1."""
    assert isinstance(logarithms.type, TensorType)
    shape, target_type = logarithms.type.shape, context.type_of(target)
    if len(shape) not in (1, 2) or target_type.shape != shape[:-1] or target_type.dtype.is_float:
        raise StagedTypeError(
            f"a loss over classes takes [B, C] and integer classes [B], not {list(shape)} and {target_type.dtype} "
            f"{list(target_type.shape)}",
            loc=caller_loc(),
        )
    rows = context.reshape(logarithms, (1, *shape)[-2:])
    classes = context.reshape(context.atom(target), (rows.type.shape[0],))  # type: ignore[union-attr]
    _require_classes(context, classes, target, shape[-1], ignore_index)
    return context.reshape(context.emit(NEG, context.emit(PICK, rows, classes)), target_type.shape)


def _require_classes(context: TorchContext, classes: Atom, target: Operand, depth: int, ignore_index: int) -> None:
    if ignore_index >= 0:
        refuse_options("nll_loss", ignore_index=(ignore_index, -100))
    message = f"a target class is out of bounds: there are {depth} classes (ignore_index cannot be staged yet)"
    require_positions(context, classes, target, depth, message)


@functions.define(F.nll_loss)
def _nll_loss(
    context: TorchContext,
    input: Operand,
    target: Operand,
    weight: object = None,
    size_average: object = None,
    ignore_index: int = -100,
    reduce: object = None,
    reduction: str = "mean",
) -> object:
    _legacy_reduction("nll_loss", size_average, reduce)
    refuse_options("nll_loss", weight=(weight, None))
    return _reduced(context, _picked(context, context.atom(input), target, ignore_index), reduction)


@functions.define(F.cross_entropy)
def _cross_entropy(
    context: TorchContext,
    input: Operand,
    target: Operand,
    weight: object = None,
    size_average: object = None,
    ignore_index: int = -100,
    reduce: object = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> object:
    _legacy_reduction("cross_entropy", size_average, reduce)
    refuse_options("cross_entropy", weight=(weight, None), label_smoothing=(label_smoothing, 0.0))
    atom, type_ = _floating(context, input, None)
    if not type_.rank:
        raise StagedTypeError("cross_entropy() needs scores for at least one class", loc=caller_loc())
    logarithms = _log_softmax_atom(context, atom, type_, type_.rank - 1)
    return _reduced(context, _picked(context, logarithms, target, ignore_index), reduction)


@functions.define(F.mse_loss)
def _mse_loss(
    context: TorchContext,
    input: Operand,
    target: Operand,
    size_average: object = None,
    reduce: object = None,
    reduction: str = "mean",
    weight: object = None,
) -> object:
    _legacy_reduction("mse_loss", size_average, reduce)
    refuse_options("mse_loss", weight=(weight, None))
    shape, dtype = context.result_shape(input, target), context.result_dtype(input, target)
    difference = context.emit(SUB, context.operand(input, dtype, shape), context.operand(target, dtype, shape))
    return _reduced(context, context.emit(MUL, difference, difference), reduction)


@functions.define(F.binary_cross_entropy_with_logits)
def _binary_cross_entropy_with_logits(
    context: TorchContext,
    input: Operand,
    target: Operand,
    weight: object = None,
    size_average: object = None,
    reduce: object = None,
    reduction: str = "mean",
    pos_weight: object = None,
) -> object:
    """(1 - t) x + m + log(exp(-m) + exp(-x - m)) where m, max(-x, 0), only keeps exp from overflowing."""
    name = "binary_cross_entropy_with_logits"
    _legacy_reduction(name, size_average, reduce)
    refuse_options(name, weight=(weight, None), pos_weight=(pos_weight, None))
    type_, target_type = context.type_of(input), context.type_of(target)
    if type_.shape != target_type.shape or not type_.dtype.is_float:
        raise StagedTypeError(
            f"{name}() takes floats and a target of the same shape, not {type_} and {target_type}", loc=caller_loc()
        )
    scores, zero, one = context.atom(input), context.full(0, type_), context.full(1, type_)
    negated = context.emit(NEG, scores)
    beyond = context.emit(SELECT, context.emit(LT, scores, zero), negated, zero)
    beyond = context.emit(STOP_GRADIENT, beyond)
    powers = [context.emit(EXP, context.emit(SUB, start, beyond)) for start in (zero, negated)]
    rest = context.emit(ADD, beyond, context.emit(LOG, context.emit(ADD, *powers)))
    against = context.emit(SUB, one, context.operand(target, type_.dtype, type_.shape))
    return _reduced(context, context.emit(ADD, context.emit(MUL, against, scores), rest), reduction)
