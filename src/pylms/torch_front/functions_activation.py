"""Activations: `gelu`, `silu`, `elu`, `leaky_relu`, `hardtanh`, `softplus`, `mish` and their kin.

At the points where they have no derivative they follow PyTorch, hence selections with its very comparisons.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError
from ..ir.node import Atom
from ..ir.ops import arithmetic as op
from ..ir.ops import elementary
from ..ir.types import TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext, normalised_axis
from .functions_arithmetic import finish_in_place
from .functions_elementary import composed
from .table import functions, methods, refuse_options
from .tensor import StagedTensor


class _Formula:
    """Arithmetic on one floating-point tensor, in its own type."""

    def __init__(self, context: TorchContext, input: Operand, name: str) -> None:
        self.context = context
        self.type: TensorType = context.type_of(input)
        if not self.type.dtype.is_float:
            raise StagedTypeError(f"{name}() of a tensor of {self.type.dtype}: convert it first", loc=caller_loc())
        self.x = context.atom(input)

    def number(self, value: float) -> Atom:
        return self.context.full(value, self.type)

    def plus(self, left: Atom, right: Atom | float) -> Atom:
        return self.context.emit(op.ADD, left, self._operand(right))

    def times(self, left: Atom, right: Atom | float) -> Atom:
        return self.context.emit(op.MUL, left, self._operand(right))

    def over(self, left: Atom, right: Atom | float) -> Atom:
        return self.context.emit(op.TRUEDIV, left, self._operand(right))

    def minus(self, left: Atom, right: Atom | float) -> Atom:
        return self.context.emit(op.SUB, left, self._operand(right))

    def where(self, condition: Atom, chosen: Atom, other: Atom | float) -> Atom:
        return self.context.emit(op.SELECT, condition, chosen, self._operand(other))

    def exceeds(self, left: Atom, right: float) -> Atom:
        return self.context.emit(op.GT, left, self.number(right))

    def below(self, left: Atom, right: float) -> Atom:
        return self.context.emit(op.LT, left, self.number(right))

    def clamped(self, low: float, high: float) -> Atom:
        """Within the bounds; at them and beyond the derivative is 0."""
        context = self.context
        inner = self.where(context.emit(op.LE, self.x, self.number(low)), self.number(low), self.x)
        return self.where(context.emit(op.GE, inner, self.number(high)), self.number(high), inner)

    def _operand(self, value: Atom | float) -> Atom:
        return self.number(value) if isinstance(value, (int, float)) else value


def _finished(formula: _Formula, input: Operand, result: Atom, inplace: bool = False) -> object:
    return finish_in_place(formula.context, input, result) if inplace else formula.context.wrap(result)


@functions.define(F.leaky_relu, *methods("leaky_relu"))
def _leaky_relu(context: TorchContext, input: Operand, negative_slope: float = 0.01, inplace: bool = False) -> object:
    f = _Formula(context, input, "leaky_relu")
    return _finished(f, input, f.where(f.exceeds(f.x, 0), f.x, f.times(f.x, negative_slope)), inplace)


def _exponential_unit(f: _Formula, alpha: float, scale: float, speed: float = 1.0) -> Atom:
    """scale x above 0, and scale alpha (exp(speed x) - 1) below, computed where it cannot overflow."""
    is_positive = f.exceeds(f.x, 0)
    bounded = f.where(is_positive, f.number(0), f.x)
    curve = f.context.emit(elementary.EXPM1, f.times(bounded, speed) if speed != 1 else bounded)
    return f.where(is_positive, f.times(f.x, scale) if scale != 1 else f.x, f.times(curve, alpha * scale))


@functions.define(F.elu)
def _elu(context: TorchContext, input: Operand, alpha: float = 1.0, inplace: bool = False) -> object:
    f = _Formula(context, input, "elu")
    return _finished(f, input, _exponential_unit(f, alpha, 1.0), inplace)


@functions.define(F.celu, *methods("celu"))
def _celu(context: TorchContext, input: Operand, alpha: float = 1.0, inplace: bool = False) -> object:
    f = _Formula(context, input, "celu")
    return _finished(f, input, _exponential_unit(f, alpha, 1.0, 1 / alpha), inplace)


@functions.define(F.selu, *methods("selu"))
def _selu(context: TorchContext, input: Operand, inplace: bool = False) -> object:
    f = _Formula(context, input, "selu")
    return _finished(f, input, _exponential_unit(f, 1.6732632423543772, 1.0507009873554805), inplace)


@functions.define(F.gelu)
def _gelu(context: TorchContext, input: Operand, *, approximate: str = "none") -> object:
    f = _Formula(context, input, "gelu")
    half = f.times(f.x, 0.5)
    if approximate == "tanh":
        cube = f.times(f.times(f.x, f.x), f.x)
        inner = f.times(f.plus(f.x, f.times(cube, 0.044715)), math.sqrt(2 / math.pi))
        return context.wrap(f.times(half, f.plus(context.emit(op.TANH, inner), 1)))
    if approximate != "none":
        raise StagedTypeError(f"gelu() is approximated by 'none' or 'tanh', not {approximate!r}", loc=caller_loc())
    return context.wrap(f.times(half, f.plus(context.emit(elementary.ERF, f.times(f.x, math.sqrt(0.5))), 1)))


@functions.define(F.silu)
def _silu(context: TorchContext, input: Operand, inplace: bool = False) -> object:
    f = _Formula(context, input, "silu")
    return _finished(f, input, f.times(f.x, context.emit(op.SIGMOID, f.x)), inplace)


def _softplus_atom(f: _Formula, beta: float, threshold: float) -> Atom:
    """log(1 + exp(beta x)) / beta, and x itself beyond the threshold."""
    scaled = f.times(f.x, beta) if beta != 1 else f.x
    is_large = f.exceeds(scaled, threshold)
    bounded = f.where(is_large, f.number(0), scaled)
    curve = f.context.emit(elementary.LOG1P, f.context.emit(op.EXP, bounded))
    return f.where(is_large, f.x, f.over(curve, beta) if beta != 1 else curve)


@functions.define(F.softplus)
def _softplus(context: TorchContext, input: Operand, beta: float = 1.0, threshold: float = 20.0) -> object:
    f = _Formula(context, input, "softplus")
    return context.wrap(_softplus_atom(f, beta, threshold))


@functions.define(F.mish)
def _mish(context: TorchContext, input: Operand, inplace: bool = False) -> object:
    f = _Formula(context, input, "mish")
    return _finished(f, input, f.times(f.x, context.emit(op.TANH, _softplus_atom(f, 1.0, 20.0))), inplace)


@functions.define(F.logsigmoid)
def _logsigmoid(context: TorchContext, input: Operand) -> object:
    """min(x, 0) - log(1 + exp(-|x|))."""
    f = _Formula(context, input, "logsigmoid")
    is_negative = f.below(f.x, 0)
    size = f.where(is_negative, f.x, context.emit(op.NEG, f.x))
    rest = context.emit(elementary.LOG1P, context.emit(op.EXP, size))
    return context.wrap(f.minus(f.where(is_negative, f.x, 0.0), rest))


@functions.define(F.hardtanh)
def _hardtanh(
    context: TorchContext, input: Operand, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> object:
    f = _Formula(context, input, "hardtanh")
    return _finished(f, input, f.clamped(min_val, max_val), inplace)


@functions.define(F.relu6)
def _relu6(context: TorchContext, input: Operand, inplace: bool = False) -> object:
    f = _Formula(context, input, "relu6")
    return _finished(f, input, f.clamped(0.0, 6.0), inplace)


@functions.define(F.hardsigmoid)
def _hardsigmoid(context: TorchContext, input: Operand, inplace: bool = False) -> object:
    """x / 6 + 1 / 2 between -3 and 3."""
    f = _Formula(context, input, "hardsigmoid")
    return _finished(f, input, f.over(f.plus(f.clamped(-3.0, 3.0), 3), 6), inplace)


@functions.define(F.hardswish)
def _hardswish(context: TorchContext, input: Operand, inplace: bool = False) -> object:
    """x (x + 3) / 6 between -3 and 3, 0 below, x above."""
    f = _Formula(context, input, "hardswish")
    curve = f.over(f.times(f.x, f.plus(f.x, 3)), 6)
    above = f.where(context.emit(op.GE, f.x, f.number(3.0)), f.x, curve)
    return _finished(f, input, f.where(context.emit(op.LE, f.x, f.number(-3.0)), f.number(0), above), inplace)


@functions.define(F.softsign)
def _softsign(context: TorchContext, input: Operand) -> object:
    f = _Formula(context, input, "softsign")
    return context.wrap(f.over(f.x, f.plus(context.emit(op.ABS, f.x), 1)))


@functions.define(F.tanhshrink)
def _tanhshrink(context: TorchContext, input: Operand) -> object:
    f = _Formula(context, input, "tanhshrink")
    return context.wrap(f.minus(f.x, context.emit(op.TANH, f.x)))


@functions.define(F.softshrink)
def _softshrink(context: TorchContext, input: Operand, lambd: float = 0.5) -> object:
    f = _Formula(context, input, "softshrink")
    below = f.where(f.below(f.x, -lambd), f.plus(f.x, lambd), 0.0)
    return context.wrap(f.where(f.exceeds(f.x, lambd), f.minus(f.x, lambd), below))


@functions.define(F.hardshrink, *methods("hardshrink"))
def _hardshrink(context: TorchContext, input: Operand, lambd: float = 0.5) -> object:
    f = _Formula(context, input, "hardshrink")
    is_small = context.emit(op.LE, context.emit(op.ABS, f.x), f.number(lambd))
    return context.wrap(f.where(is_small, f.number(0), f.x))


@functions.define(F.threshold)
def _threshold(context: TorchContext, input: Operand, threshold: float, value: float, inplace: bool = False) -> object:
    f = _Formula(context, input, "threshold")
    is_small = context.emit(op.LE, f.x, f.number(threshold))
    return _finished(f, input, f.where(is_small, f.number(value), f.x), inplace)


@functions.define(F.prelu, *methods("prelu"))
def _prelu(context: TorchContext, input: Operand, weight: Operand) -> object:
    """One slope for all, or one for each channel (dimension 1)."""
    f = _Formula(context, input, "prelu")
    count, shape = context.type_of(weight).size, f.type.shape
    slope = context.reshape(context.atom(weight), (count,))
    if count == 1:
        slopes = context.broadcast(slope, shape)
    elif len(shape) > 1 and shape[1] == count:
        slopes = context.emit_broadcast(slope, shape, (1,))
    else:
        raise StagedTypeError(f"prelu() of a tensor of shape {list(shape)} with {count} slopes", loc=caller_loc())
    return context.wrap(f.where(f.exceeds(f.x, 0), f.x, f.times(f.x, slopes)))


@functions.define(F.glu)
def _glu(context: TorchContext, input: Operand, dim: int = -1) -> object:
    shape = context.type_of(input).shape
    axis = normalised_axis(dim, len(shape))
    if not shape or shape[axis] % 2:
        raise StagedTypeError(f"glu() halves a dimension of even size, not one of {list(shape)}", loc=caller_loc())
    half = shape[axis] // 2
    values, gates = (composed(context, torch.narrow, input, axis, start, half) for start in (0, half))
    return composed(context, torch.mul, values, composed(context, torch.sigmoid, gates))


@functions.define(F.softmin)
def _softmin(
    context: TorchContext, input: Operand, dim: int | None = None, _stacklevel: int = 3, dtype: object = None
) -> object:
    negated = composed(context, torch.neg, input)
    result = context.dispatch_staged(F.softmax, (negated, dim), {"dtype": dtype})
    assert isinstance(result, StagedTensor)
    return result


@functions.define(F.normalize)
def _normalize(
    context: TorchContext, input: Operand, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: object = None
) -> object:
    refuse_options("normalize", out=(out, None))
    length = context.dispatch_staged(torch.norm, (input, p, dim), {"keepdim": True})
    return composed(context, torch.div, input, composed(context, torch.clamp_min, length, eps))
