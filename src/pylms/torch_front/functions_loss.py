"""Losses that compare element by element: `mse_loss`, `l1_loss`, `huber_loss`, `binary_cross_entropy`, `kl_div`, ..."""

from __future__ import annotations

import torch.nn.functional as F

from ..errors import StagedTypeError
from ..ir.node import Atom
from ..ir.ops import elementary
from ..ir.ops.arithmetic import ABS, ADD, EXP, GT, LE, LOG, LT, MAXIMUM, MUL, NEG, SELECT, SUB, TRUEDIV
from ..ir.ops.tensors import REDUCE_SUM, STOP_GRADIENT
from ..ir.types import TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .functions_reduce import divided
from .table import functions, refuse_options
from .tensor import StagedTensor
from .view_steps import tensor_type


def reduced(context: TorchContext, losses: Atom, reduction: str, *, batch: int | None = None) -> StagedTensor:
    """Losses, their sum, their mean, or with "batchmean" their sum over `batch`."""
    type_ = tensor_type(losses)
    if reduction == "none":
        return context.wrap(losses)
    if reduction not in ("mean", "sum") and (batch is None or reduction != "batchmean"):
        raise StagedTypeError(f"{reduction!r} is not a reduction: use 'mean', 'sum' or 'none'", loc=caller_loc())
    total = summed(context, losses)
    if reduction == "batchmean" and batch is not None:
        return context.wrap(divided(context, total, batch))
    return context.wrap(divided(context, total, type_.size) if reduction == "mean" else total)


def summed(context: TorchContext, losses: Atom) -> Atom:
    """The sum of all elements."""
    axes = tuple(range(tensor_type(losses).rank))
    return context.emit(REDUCE_SUM, losses, axes=axes) if axes else losses


def refuse_legacy(function: str, size_average: object, reduce: object) -> None:
    """The options that PyTorch replaced by `reduction`."""
    refuse_options(function, size_average=(size_average, None), reduce=(reduce, None))


class _Pair:
    """Input and target in their common type and shape, and arithmetic on them."""

    def __init__(self, context: TorchContext, input: Operand, target: Operand, name: str, *, broadcasts: bool) -> None:
        self.context = context
        shapes = context.type_of(input).shape, context.type_of(target).shape
        if not broadcasts and shapes[0] != shapes[1]:
            raise StagedTypeError(
                f"{name}() takes a target of the shape of the input, {list(shapes[0])}, not {list(shapes[1])}",
                loc=caller_loc(),
            )
        shape, dtype = context.result_shape(input, target), context.result_dtype(input, target)
        if not dtype.is_float:
            raise StagedTypeError(f"{name}() of tensors of {dtype}: convert them first", loc=caller_loc())
        self.type = TensorType(dtype, shape)
        self.x, self.target = context.operand(input, dtype, shape), context.operand(target, dtype, shape)

    def number(self, value: float) -> Atom:
        return self.context.full(value, self.type)

    def times(self, left: Atom, right: Atom | float) -> Atom:
        return self.context.emit(MUL, left, self._operand(right))

    def plus(self, left: Atom, right: Atom | float) -> Atom:
        return self.context.emit(ADD, left, self._operand(right))

    def minus(self, left: Atom | float, right: Atom | float) -> Atom:
        return self.context.emit(SUB, self._operand(left), self._operand(right))

    def over(self, left: Atom, right: Atom | float) -> Atom:
        return self.context.emit(TRUEDIV, left, self._operand(right))

    def difference(self) -> Atom:
        return self.minus(self.x, self.target)

    def size(self) -> Atom:
        return self.context.emit(ABS, self.difference())

    def weighted(self, losses: Atom, weight: object) -> Atom:
        """The losses times a weight that broadcasts to them."""
        if weight is None:
            return losses
        return self.times(losses, self.context.operand(weight, self.type.dtype, self.type.shape))

    def _operand(self, value: Atom | float) -> Atom:
        return self.number(value) if isinstance(value, (int, float)) else value


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
    refuse_legacy("mse_loss", size_average, reduce)
    refuse_options("mse_loss", weight=(weight, None))
    pair = _Pair(context, input, target, "mse_loss", broadcasts=True)
    difference = pair.difference()
    return reduced(context, pair.times(difference, difference), reduction)


@functions.define(F.l1_loss)
def _l1_loss(
    context: TorchContext,
    input: Operand,
    target: Operand,
    size_average: object = None,
    reduce: object = None,
    reduction: str = "mean",
    weight: object = None,
) -> object:
    refuse_legacy("l1_loss", size_average, reduce)
    refuse_options("l1_loss", weight=(weight, None))
    return reduced(context, _Pair(context, input, target, "l1_loss", broadcasts=True).size(), reduction)


@functions.define(F.smooth_l1_loss)
def _smooth_l1_loss(
    context: TorchContext,
    input: Operand,
    target: Operand,
    size_average: object = None,
    reduce: object = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> object:
    """d**2 / (2 beta) where |d| < beta, |d| - beta / 2 elsewhere."""
    refuse_legacy("smooth_l1_loss", size_average, reduce)
    pair = _Pair(context, input, target, "smooth_l1_loss", broadcasts=True)
    if beta < 0:
        raise StagedTypeError(f"smooth_l1_loss() with beta = {beta}: it must not be negative", loc=caller_loc())
    size = pair.size()
    if beta == 0:
        return reduced(context, size, reduction)
    square = pair.over(pair.times(pair.times(size, size), 0.5), beta)
    is_small = context.emit(LT, size, pair.number(beta))
    return reduced(context, context.emit(SELECT, is_small, square, pair.minus(size, 0.5 * beta)), reduction)


@functions.define(F.huber_loss)
def _huber_loss(
    context: TorchContext,
    input: Operand,
    target: Operand,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: object = None,
) -> object:
    """d**2 / 2 where |d| <= delta, delta (|d| - delta / 2) elsewhere."""
    refuse_options("huber_loss", weight=(weight, None))
    pair = _Pair(context, input, target, "huber_loss", broadcasts=True)
    if delta <= 0:
        raise StagedTypeError(f"huber_loss() with delta = {delta}: it must be positive", loc=caller_loc())
    size = pair.size()
    is_small = context.emit(LE, size, pair.number(delta))
    far = pair.times(pair.minus(size, 0.5 * delta), delta)
    return reduced(context, context.emit(SELECT, is_small, pair.times(pair.times(size, size), 0.5), far), reduction)


@functions.define(F.binary_cross_entropy)
def _binary_cross_entropy(
    context: TorchContext,
    input: Operand,
    target: Operand,
    weight: object = None,
    size_average: object = None,
    reduce: object = None,
    reduction: str = "mean",
) -> object:
    """Logarithms are at least -100, and the derivative is (x - t) / max(x (1 - x), 1e-12), as PyTorch has them."""
    refuse_legacy("binary_cross_entropy", size_average, reduce)
    pair = _Pair(context, input, target, "binary_cross_entropy", broadcasts=False)
    x = context.emit(STOP_GRADIENT, pair.x)
    rest, floor = pair.minus(1, x), pair.number(-100)
    logarithms = [context.emit(MAXIMUM, context.emit(LOG, chance), floor) for chance in (x, rest)]
    against = pair.minus(1, pair.target)
    gain = pair.plus(pair.times(pair.target, logarithms[0]), pair.times(against, logarithms[1]))
    stopped = context.emit(STOP_GRADIENT, pair.target)
    spread = context.emit(MAXIMUM, pair.times(rest, x), pair.number(1e-12))
    # Nothing, but for its derivative.
    slope = pair.times(pair.minus(pair.x, x), pair.over(pair.minus(x, stopped), spread))
    losses = pair.minus(slope, gain)
    return reduced(context, pair.weighted(losses, weight), reduction)


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
    """(1 - t) x + w (m + log(exp(-m) + exp(-x - m))), w = 1 + (pos_weight - 1) t.

    m = max(-x, 0) only keeps exp from overflowing.
    """
    name = "binary_cross_entropy_with_logits"
    refuse_legacy(name, size_average, reduce)
    pair = _Pair(context, input, target, name, broadcasts=False)
    zero = pair.number(0)
    negated = context.emit(NEG, pair.x)
    beyond = context.emit(STOP_GRADIENT, context.emit(SELECT, context.emit(LT, pair.x, zero), negated, zero))
    powers = [context.emit(EXP, pair.minus(start, beyond)) for start in (zero, negated)]
    rest = pair.plus(beyond, context.emit(LOG, context.emit(ADD, *powers)))
    if pos_weight is not None:
        extra = pair.minus(context.operand(pos_weight, pair.type.dtype, pair.type.shape), 1)
        rest = pair.times(rest, pair.plus(pair.times(extra, pair.target), 1))
    losses = pair.plus(pair.times(pair.minus(1, pair.target), pair.x), rest)
    return reduced(context, pair.weighted(losses, weight), reduction)


@functions.define(F.kl_div)
def _kl_div(
    context: TorchContext,
    input: Operand,
    target: Operand,
    size_average: object = None,
    reduce: object = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> object:
    """t (log t - x), 0 where t is 0; with `log_target`, exp(t) (t - x)."""
    refuse_legacy("kl_div", size_average, reduce)
    pair = _Pair(context, input, target, "kl_div", broadcasts=True)
    if log_target:
        losses = pair.times(context.emit(EXP, pair.target), pair.minus(pair.target, pair.x))
    else:
        is_there = context.emit(GT, pair.target, pair.number(0))
        safe = context.emit(SELECT, is_there, pair.target, pair.number(1))
        entropy = context.emit(SELECT, is_there, pair.times(pair.target, context.emit(LOG, safe)), pair.number(0))
        losses = pair.minus(entropy, pair.times(pair.target, pair.x))
    shape = context.type_of(input).shape
    return reduced(context, losses, reduction, batch=shape[0] if shape else 1)


@functions.define(F.soft_margin_loss)
def _soft_margin_loss(
    context: TorchContext,
    input: Operand,
    target: Operand,
    size_average: object = None,
    reduce: object = None,
    reduction: str = "mean",
) -> object:
    """log(1 + exp(-t x))."""
    refuse_legacy("soft_margin_loss", size_average, reduce)
    pair = _Pair(context, input, target, "soft_margin_loss", broadcasts=True)
    power = context.emit(EXP, context.emit(NEG, pair.times(pair.target, pair.x)))
    return reduced(context, context.emit(elementary.LOG1P, power), reduction)


@functions.define(F.poisson_nll_loss)
def _poisson_nll_loss(
    context: TorchContext,
    input: Operand,
    target: Operand,
    log_input: bool = True,
    full: bool = False,
    size_average: object = None,
    eps: float = 1e-8,
    reduce: object = None,
    reduction: str = "mean",
) -> object:
    """exp(x) - t x, or x - t log(x + eps)."""
    refuse_legacy("poisson_nll_loss", size_average, reduce)
    refuse_options("poisson_nll_loss", full=(full, False))
    pair = _Pair(context, input, target, "poisson_nll_loss", broadcasts=True)
    if log_input:
        losses = pair.minus(context.emit(EXP, pair.x), pair.times(pair.target, pair.x))
    else:
        losses = pair.minus(pair.x, pair.times(pair.target, context.emit(LOG, pair.plus(pair.x, eps))))
    return reduced(context, losses, reduction)
