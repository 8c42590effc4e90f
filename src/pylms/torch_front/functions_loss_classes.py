"""Losses over classes: `nll_loss` and `cross_entropy`, of class numbers or of probabilities.

A class out of range is an IndexError when the code runs; `ignore_index` is a class that counts nothing.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError
from ..ir.node import Atom
from ..ir.ops.arithmetic import ADD, MUL, NE, NEG, SELECT, TRUEDIV
from ..ir.ops.tensor_gathers import TAKE
from ..ir.ops.tensors import PICK, REDUCE_SUM, TRANSPOSE
from ..ir.types import INT64, TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .functions_loss import reduced, refuse_legacy, summed
from .functions_reduce import divided
from .functions_softmax import floating, log_softmax_atom
from .positions import require_positions
from .table import functions
from .tensor import StagedTensor
from .view_steps import Shape, tensor_type


class _Classes:
    """Log-probabilities [N, C] and the class [N] of each row, out of [C], [B, C] or [B, C, ...] and their classes."""

    def __init__(
        self, context: TorchContext, logarithms: Atom, target: Operand, weight: Operand | None, ignored: int
    ) -> None:
        self.context = context
        shape, target_type = tensor_type(logarithms).shape, context.type_of(target)
        self.shape: Shape = shape[:-1] if len(shape) < 3 else (shape[0], *shape[2:])
        if not shape or target_type.shape != self.shape or target_type.dtype.is_float:
            raise StagedTypeError(
                f"a loss over classes takes [B, C] and integer classes [B], not {list(shape)} and "
                f"{target_type.dtype} {list(target_type.shape)}",
                loc=caller_loc(),
            )
        self.axis = class_axis(shape)
        self.count, self.depth = math.prod(self.shape), shape[self.axis]
        self.rows = self._as_rows(logarithms)
        classes = context.convert(context.reshape(context.atom(target), (self.count,)), INT64)
        self.counted = self._counted(classes, target, ignored)
        """Which rows count; None for all."""
        if self.counted is not None:
            zero = context.full(0, tensor_type(classes))
            classes = context.emit(SELECT, self.counted, classes, zero)
        message = f"a target class is out of bounds: there are {self.depth} classes"
        require_positions(context, classes, target, self.depth, message)
        self.classes = classes
        self.weight = None if weight is None else self._weight(weight)

    def _as_rows(self, atom: Atom) -> Atom:
        """[B, C, ...] as [N, C]."""
        rank = tensor_type(atom).rank
        if rank > 2:
            atom = self.context.emit(TRANSPOSE, atom, permutation=(0, *range(2, rank), 1))
        return self.context.reshape(atom, (self.count, self.depth))

    def _counted(self, classes: Atom, target: Operand, ignored: int) -> Atom | None:
        bounds = target.bounds if isinstance(target, StagedTensor) else None
        if bounds is not None and not bounds.low <= ignored <= bounds.high:
            return None
        return self.context.emit(NE, classes, self.context.full(ignored, tensor_type(classes)))

    def _weight(self, weight: Operand) -> Atom:
        type_ = self.context.type_of(weight)
        if type_.shape != (self.depth,) or type_.dtype != tensor_type(self.rows).dtype:
            raise StagedTypeError(
                f"the weight of {self.depth} classes is {type_}, and has to be of {tensor_type(self.rows).dtype} "
                f"[{self.depth}]",
                loc=caller_loc(),
            )
        return self.context.atom(weight)

    def own_weights(self) -> Atom | None:
        """How much each row counts: the weight of its class, 0 where it is ignored; None where all count the same."""
        context = self.context
        type_ = TensorType(tensor_type(self.rows).dtype, (self.count,))
        weights = None if self.weight is None else context.emit(TAKE, self.weight, self.classes, axis=0)
        if self.counted is None:
            return weights
        counts = context.full(1, type_) if weights is None else weights
        return context.emit(SELECT, self.counted, counts, context.full(0, type_))

    def losses(self) -> Atom:
        """Minus the log-probability of each row's class, times what it counts."""
        context = self.context
        found = context.emit(NEG, context.emit(PICK, self.rows, self.classes))
        weights = self.own_weights()
        if weights is None:
            return found
        product = context.emit(MUL, found, weights)
        # An ignored row counts nothing, not even where its log-probability is infinite.
        return product if self.counted is None else self._only_counted(product)

    def smoothed(self) -> Atom:
        """Minus the sum of each row's log-probabilities, weighted."""
        context, rows = self.context, self.rows
        if self.weight is not None:
            rows = context.emit(MUL, rows, context.emit_broadcast(self.weight, tensor_type(rows).shape, (1,)))
        total = context.emit(NEG, context.emit(REDUCE_SUM, rows, axes=(1,)))
        return total if self.counted is None else self._only_counted(total)

    def _only_counted(self, values: Atom) -> Atom:
        assert self.counted is not None
        return self.context.emit(SELECT, self.counted, values, self.context.full(0, tensor_type(values)))

    def reduced(self, losses: Atom, reduction: str) -> StagedTensor:
        """With "mean": the sum over the sum of weights."""
        context = self.context
        weights = self.own_weights()
        if reduction != "mean" or weights is None:
            return reduced(context, context.reshape(losses, self.shape), reduction)
        return context.wrap(context.emit(TRUEDIV, summed(context, losses), summed(context, weights)))


def class_axis(shape: Shape) -> int:
    """Which dimension the classes are."""
    return 0 if len(shape) == 1 else 1


@functions.define(F.nll_loss)
def _nll_loss(
    context: TorchContext,
    input: Operand,
    target: Operand,
    weight: Operand | None = None,
    size_average: object = None,
    ignore_index: int = -100,
    reduce: object = None,
    reduction: str = "mean",
) -> object:
    refuse_legacy("nll_loss", size_average, reduce)
    classes = _Classes(context, context.atom(input), target, weight, ignore_index)
    return classes.reduced(classes.losses(), reduction)


@functions.define(F.cross_entropy)
def _cross_entropy(
    context: TorchContext,
    input: Operand,
    target: Operand,
    weight: Operand | None = None,
    size_average: object = None,
    ignore_index: int = -100,
    reduce: object = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> object:
    refuse_legacy("cross_entropy", size_average, reduce)
    atom, type_ = floating(context, input, None)
    if not type_.rank:
        raise StagedTypeError("cross_entropy() needs scores for at least one class", loc=caller_loc())
    if not 0.0 <= label_smoothing <= 1.0:
        raise StagedTypeError(f"label_smoothing = {label_smoothing} is not between 0 and 1", loc=caller_loc())
    logarithms = log_softmax_atom(context, atom, type_, class_axis(type_.shape))
    if context.type_of(target).shape == type_.shape and context.type_of(target).dtype.is_float:
        return _with_probabilities(context, logarithms, target, weight, reduction, label_smoothing)
    classes = _Classes(context, logarithms, target, weight, ignore_index)
    loss = classes.reduced(classes.losses(), reduction)
    if not label_smoothing:
        return loss
    smooth = classes.reduced(classes.smoothed(), reduction)
    parts = [context.dispatch_staged(torch.mul, (loss, 1 - label_smoothing), {})]
    parts.append(context.dispatch_staged(torch.mul, (smooth, label_smoothing / classes.depth), {}))
    return context.dispatch_staged(torch.add, parts, {})


def _with_probabilities(
    context: TorchContext,
    logarithms: Atom,
    target: Operand,
    weight: Operand | None,
    reduction: str,
    label_smoothing: float,
) -> StagedTensor:
    """The target gives the probability of each class; the mean is over samples."""
    type_ = tensor_type(logarithms)
    axis = class_axis(type_.shape)
    chances = context.operand(target, type_.dtype, type_.shape)
    if label_smoothing:
        scaled = context.emit(MUL, chances, context.full(1 - label_smoothing, type_))
        chances = context.emit(ADD, scaled, context.full(label_smoothing / type_.shape[axis], type_))
    if weight is not None:
        spread = context.emit_broadcast(context.atom(weight), type_.shape, (axis,))
        chances = context.emit(MUL, chances, spread)
    losses = context.emit(NEG, context.emit(REDUCE_SUM, context.emit(MUL, logarithms, chances), axes=(axis,)))
    if reduction == "mean":
        return context.wrap(divided(context, summed(context, losses), max(1, type_.size // type_.shape[axis])))
    return reduced(context, losses, reduction)
