"""Further elementwise functions: of the family of `exp` and `tan`, and compositions such as `rsqrt`, `lerp`, `sign`."""

from __future__ import annotations

import math

import torch

from ..errors import StagedTypeError
from ..ir.ops import arithmetic as op
from ..ir.ops import elementary
from ..ir.primitive import Primitive
from ..ir.types import BOOL, TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .functions_arithmetic import apply, floating_dtype, truths
from .table import functions, methods, refuse_options
from .tensor import StagedTensor

_UNARY: dict[str, Primitive] = {
    "asin": elementary.ASIN,
    "arcsin": elementary.ASIN,
    "acos": elementary.ACOS,
    "arccos": elementary.ACOS,
    "atan": elementary.ATAN,
    "arctan": elementary.ATAN,
    "sinh": elementary.SINH,
    "cosh": elementary.COSH,
    "asinh": elementary.ASINH,
    "acosh": elementary.ACOSH,
    "atanh": elementary.ATANH,
    "expm1": elementary.EXPM1,
    "exp2": elementary.EXP2,
    "log1p": elementary.LOG1P,
    "log2": elementary.LOG2,
    "log10": elementary.LOG10,
    "erf": elementary.ERF,
    "erfc": elementary.ERFC,
}


def _define_unary(name: str, primitive: Primitive) -> None:
    @functions.define(*methods(name), *special(name))
    def function(context: TorchContext, input: Operand, *, out: object = None) -> object:
        refuse_options(name, out=(out, None))
        return apply(context, primitive, input, dtype=floating_dtype(context, input))


def special(name: str) -> list[object]:
    """The function of that name in `torch.special`, if there is one."""
    found = getattr(torch.special, name, None)
    return [] if found is None else [found]


for _name, _primitive in _UNARY.items():
    _define_unary(_name, _primitive)


def _define_rounding(name: str, primitive: Primitive) -> None:
    @functions.define(*methods(name))
    def rounded(context: TorchContext, input: Operand) -> object:
        dtype = context.result_dtype(input)
        return apply(context, primitive, input, dtype=dtype) if dtype.is_float else context.wrap(context.atom(input))


_define_rounding("round", elementary.RINT)
_define_rounding("trunc", elementary.TRUNC)
_define_rounding("fix", elementary.TRUNC)


@functions.define(*methods("frac"))
def _frac(context: TorchContext, input: Operand) -> object:
    return context.dispatch(torch.sub, (input, context.dispatch(torch.trunc, (input,), {})), {})


def _define_binary(primitive: Primitive, *names: str) -> None:
    @functions.define(*methods(*names))
    def function(context: TorchContext, input: Operand, other: Operand) -> object:
        return apply(context, primitive, input, other, dtype=floating_dtype(context, input, other))


_define_binary(elementary.ATAN2, "atan2", "arctan2")
_define_binary(elementary.HYPOT, "hypot")
_define_binary(elementary.COPYSIGN, "copysign")


@functions.define(*methods("fmod"))
def _fmod(context: TorchContext, input: Operand, other: Operand) -> object:
    dtype = context.result_dtype(input, other)
    if not dtype.is_float:
        raise StagedTypeError("fmod() of integers cannot be staged yet", loc=caller_loc(), hint="use torch.remainder")
    return apply(context, elementary.FMOD, input, other, dtype=dtype)


def composed(context: TorchContext, function: object, *operands: Operand) -> StagedTensor:
    """The result of another function of PyTorch, as a part of this one."""
    result = context.dispatch_staged(function, operands, {})
    assert isinstance(result, StagedTensor)
    return result


@functions.define(*methods("rsqrt"))
def _rsqrt(context: TorchContext, input: Operand) -> object:
    return composed(context, torch.div, 1, composed(context, torch.sqrt, input))


@functions.define(*methods("reciprocal"))
def _reciprocal(context: TorchContext, input: Operand) -> object:
    return composed(context, torch.div, 1, input)


@functions.define(*methods("sign", "sgn"))
def _sign(context: TorchContext, input: Operand) -> object:
    """1, 0 or -1, and 0 of a NaN; its derivative is 0."""
    atom, type_ = context.without_gradient(input), context.type_of(input)
    zero, one = context.full(0, type_), context.full(1, type_)
    if type_.dtype == BOOL:
        return context.wrap(atom)
    positive = context.emit(op.SELECT, context.emit(op.GT, atom, zero), one, zero)
    if type_.dtype.kind == "uint":
        return context.wrap(positive)
    negative = context.emit(op.LT, atom, zero)
    return context.wrap(context.emit(op.SELECT, negative, context.full(-1, type_), positive))


@functions.define(*methods("logit"), torch.special.logit)
def _logit(context: TorchContext, input: Operand, eps: float | None = None) -> object:
    if eps is not None:
        result = context.dispatch_staged(torch.clamp, (input, eps, 1 - eps), {})
        assert isinstance(result, StagedTensor)
        input = result
    return composed(context, torch.log, composed(context, torch.div, input, composed(context, torch.rsub, input, 1)))


@functions.define(*methods("sinc"), torch.special.sinc)
def _sinc(context: TorchContext, input: Operand) -> object:
    """sin(pi x) / (pi x), and 1 at 0, where the derivative is 0."""
    scaled = composed(context, torch.mul, input, math.pi)
    type_ = context.type_of(scaled)
    is_zero = context.emit(op.EQ, scaled.atom, context.full(0, type_))
    one = context.full(1, type_)
    safe = context.emit(op.SELECT, is_zero, one, scaled.atom)
    quotient = context.emit(op.TRUEDIV, context.emit(op.SIN, safe), safe)
    return context.wrap(context.emit(op.SELECT, is_zero, one, quotient))


@functions.define(*methods("isinf"))
def _isinf(context: TorchContext, input: Operand) -> object:
    return _compared_with_infinity(context, input, op.EQ)


@functions.define(*methods("isfinite"))
def _isfinite(context: TorchContext, input: Operand) -> object:
    """Less than infinity in size, which a NaN is not."""
    return _compared_with_infinity(context, input, op.LT)


def _compared_with_infinity(context: TorchContext, input: Operand, primitive: Primitive) -> object:
    type_ = context.type_of(input)
    if not type_.dtype.is_float:
        return context.wrap(context.full(primitive is op.LT, TensorType(BOOL, type_.shape)))
    size = context.emit(op.ABS, context.atom(input))
    return context.wrap(context.emit(primitive, size, context.full(math.inf, type_)))


@functions.define(*methods("nan_to_num"))
def _nan_to_num(
    context: TorchContext, input: Operand, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> object:
    atom, type_ = context.atom(input), context.type_of(input)
    if not type_.dtype.is_float:
        return context.wrap(atom)
    limit = torch.finfo(torch.float32 if type_.dtype.bits == 32 else torch.float64).max
    for unwanted, number in (
        (context.emit(op.NE, atom, atom), nan),
        (context.emit(op.EQ, atom, context.full(math.inf, type_)), limit if posinf is None else posinf),
        (context.emit(op.EQ, atom, context.full(-math.inf, type_)), -limit if neginf is None else neginf),
    ):
        atom = context.emit(op.SELECT, unwanted, context.full(number, type_), atom)
    return context.wrap(atom)


@functions.define(*methods("logical_xor"))
def _logical_xor(context: TorchContext, input: Operand, other: Operand) -> object:
    shape = context.result_shape(input, other)
    return context.wrap(context.emit(op.NE, truths(context, input, shape), truths(context, other, shape)))


@functions.define(*methods("clamp_min"))
def _clamp_min(context: TorchContext, input: Operand, min: Operand) -> object:
    return composed(context, torch.clamp, input, min)


@functions.define(*methods("clamp_max"))
def _clamp_max(context: TorchContext, input: Operand, max: Operand) -> object:
    return composed(context, torch.clamp, input, None, max)


@functions.define(*methods("lerp"))
def _lerp(context: TorchContext, input: Operand, end: Operand, weight: Operand) -> object:
    """From whichever end is nearer, as PyTorch computes it."""
    difference = composed(context, torch.sub, end, input)
    near = composed(context, torch.add, input, composed(context, torch.mul, weight, difference))
    rest = composed(context, torch.rsub, weight, 1) if isinstance(weight, torch.Tensor) else 1 - weight  # type: ignore[operator]
    far = composed(context, torch.sub, end, composed(context, torch.mul, difference, rest))
    if not isinstance(weight, torch.Tensor):
        return near if abs(weight) < 0.5 else far  # type: ignore[arg-type]
    is_near = composed(context, torch.lt, composed(context, torch.abs, weight), 0.5)
    return composed(context, torch.where, is_near, near, far)


@functions.define(*methods("addcmul"))
def _addcmul(
    context: TorchContext, input: Operand, tensor1: Operand, tensor2: Operand, *, value: Operand = 1
) -> object:
    product = composed(context, torch.mul, composed(context, torch.mul, value, tensor1), tensor2)
    return composed(context, torch.add, input, product)


@functions.define(*methods("addcdiv"))
def _addcdiv(
    context: TorchContext, input: Operand, tensor1: Operand, tensor2: Operand, *, value: Operand = 1
) -> object:
    quotient = composed(context, torch.div, composed(context, torch.mul, value, tensor1), tensor2)
    return composed(context, torch.add, input, quotient)


@functions.define(*methods("logaddexp"))
def _logaddexp(context: TorchContext, input: Operand, other: Operand) -> object:
    """The larger one and log(1 + exp(-distance)); two equal infinities are at no distance."""
    dtype, shape = floating_dtype(context, input, other), context.result_shape(input, other)
    left, right = (context.operand(operand, dtype, shape) for operand in (input, other))
    type_ = TensorType(dtype, shape)
    larger = context.emit(op.MAXIMUM, left, right)
    distance = context.emit(op.ABS, context.emit(op.SUB, left, right))
    is_same = context.emit(op.EQ, left, right)
    distance = context.emit(op.SELECT, is_same, context.full(0, type_), distance)
    rest = context.emit(elementary.LOG1P, context.emit(op.EXP, context.emit(op.NEG, distance)))
    return context.wrap(context.emit(op.ADD, larger, rest))


@functions.define(*methods("xlogy"), torch.special.xlogy)
def _xlogy(context: TorchContext, input: Operand, other: Operand) -> object:
    """x log(y), and 0 where x is 0, unless y is a NaN."""
    dtype, shape = floating_dtype(context, input, other), context.result_shape(input, other)
    x, y = (context.operand(operand, dtype, shape) for operand in (input, other))
    type_ = TensorType(dtype, shape)
    zero, one = context.full(0, type_), context.full(1, type_)
    is_zero = context.emit(op.LOGICAL_AND, context.emit(op.EQ, x, zero), context.emit(op.EQ, y, y))
    logarithm = context.emit(op.LOG, context.emit(op.SELECT, is_zero, one, y))
    return context.wrap(context.emit(op.SELECT, is_zero, zero, context.emit(op.MUL, x, logarithm)))


@functions.define(*methods("isclose"))
def _isclose(
    context: TorchContext,
    input: Operand,
    other: Operand,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> object:
    refuse_options("isclose", equal_nan=(equal_nan, False))
    distance = composed(context, torch.abs, composed(context, torch.sub, input, other))
    allowed = composed(
        context, torch.add, composed(context, torch.mul, composed(context, torch.abs, other), rtol), atol
    )
    is_near = composed(
        context, torch.logical_and, composed(context, torch.le, distance, allowed), _finite(context, distance)
    )
    return composed(context, torch.logical_or, composed(context, torch.eq, input, other), is_near)


def _finite(context: TorchContext, distance: StagedTensor) -> StagedTensor:
    return composed(context, torch.isfinite, distance)
