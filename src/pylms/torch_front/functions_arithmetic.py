"""Elementwise functions of one or two tensors, with PyTorch's broadcasting and type promotion."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError
from ..ir.node import Atom
from ..ir.ops import arithmetic as op
from ..ir.ops import elementary
from ..ir.primitive import Primitive
from ..ir.types import BOOL, ScalarType, TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .dtypes import scalar_type
from .table import functions, methods, refuse_options
from .tensor import StagedTensor

BinaryHandler = Callable[[TorchContext, Operand, Operand], StagedTensor]


def apply(context: TorchContext, primitive: Primitive, *operands: Operand, dtype: ScalarType) -> StagedTensor:
    """One primitive on operands brought to `dtype` and to their common shape."""
    shape = context.result_shape(*operands)
    return context.wrap(context.emit(primitive, *[context.operand(operand, dtype, shape) for operand in operands]))


def floating_dtype(context: TorchContext, *operands: Operand) -> ScalarType:
    """The promoted type, or the default floating-point type where that is no float."""
    dtype = context.result_dtype(*operands)
    return dtype if dtype.is_float else scalar_type(torch.get_default_dtype())


def _arithmetic_dtype(context: TorchContext, name: str, left: Operand, right: Operand) -> ScalarType:
    dtype = context.result_dtype(left, right)
    if dtype == BOOL:
        raise StagedTypeError(f"`{name}` of two bool tensors", loc=caller_loc(), hint="convert one with .to(...)")
    return dtype


def _scaled(context: TorchContext, operand: Operand, alpha: Operand) -> Operand:
    return operand if isinstance(alpha, (int, float)) and alpha == 1 else _mul(context, operand, alpha)


@functions.define(*methods("add", "__add__", "__radd__"))
def _add(context: TorchContext, input: Operand, other: Operand, *, alpha: Operand = 1, out: object = None) -> object:
    refuse_options("add", out=(out, None))
    dtype = _arithmetic_dtype(context, "add", input, other)
    return apply(context, op.ADD, input, _scaled(context, other, alpha), dtype=dtype)


@functions.define(*methods("sub", "subtract", "__sub__"))
def _sub(context: TorchContext, input: Operand, other: Operand, *, alpha: Operand = 1, out: object = None) -> object:
    refuse_options("sub", out=(out, None))
    dtype = _arithmetic_dtype(context, "sub", input, other)
    return apply(context, op.SUB, input, _scaled(context, other, alpha), dtype=dtype)


@functions.define(*methods("__rsub__", "rsub"))
def _rsub(context: TorchContext, input: Operand, other: Operand, *, alpha: Operand = 1) -> object:
    return _sub(context, other, input, alpha=alpha)


@functions.define(*methods("mul", "multiply", "__mul__", "__rmul__"))
def _mul(context: TorchContext, input: Operand, other: Operand, *, out: object = None) -> StagedTensor:
    refuse_options("mul", out=(out, None))
    return apply(context, op.MUL, input, other, dtype=_arithmetic_dtype(context, "mul", input, other))


@functions.define(*methods("div", "divide", "true_divide", "__truediv__", "__div__"))
def _div(
    context: TorchContext, input: Operand, other: Operand, *, rounding_mode: str | None = None, out: object = None
) -> object:
    refuse_options("div", out=(out, None))
    if rounding_mode == "floor":
        return _floor_divide(context, input, other)
    if rounding_mode == "trunc":
        return _truncated_quotient(context, input, other)
    refuse_options("div", rounding_mode=(rounding_mode, None))
    return apply(context, op.TRUEDIV, input, other, dtype=floating_dtype(context, input, other))


def _truncated_quotient(context: TorchContext, input: Operand, other: Operand) -> object:
    """Rounded towards zero. Of integers: the quotient rounded down, and one more where that is below a remainder."""
    dtype = _arithmetic_dtype(context, "div", input, other)
    if dtype.is_float:
        quotient = apply(context, op.TRUEDIV, input, other, dtype=dtype)
        return context.wrap(context.emit(elementary.TRUNC, quotient.atom))
    down = apply(context, op.FLOORDIV, input, other, dtype=dtype)
    rest = apply(context, op.MOD, input, other, dtype=dtype)
    zero, one = context.full(0, context.type_of(down)), context.full(1, context.type_of(down))
    is_below = context.emit(op.LOGICAL_AND, context.emit(op.LT, down.atom, zero), context.emit(op.NE, rest.atom, zero))
    return context.wrap(context.emit(op.SELECT, is_below, context.emit(op.ADD, down.atom, one), down.atom))


@functions.define(*methods("__rdiv__", "__rtruediv__"))
def _rdiv(context: TorchContext, input: Operand, other: Operand) -> object:
    return _div(context, other, input)


@functions.define(*methods("floor_divide", "__floordiv__"))
def _floor_divide(context: TorchContext, input: Operand, other: Operand) -> object:
    return apply(context, op.FLOORDIV, input, other, dtype=_arithmetic_dtype(context, "floor_divide", input, other))


@functions.define(*methods("__rfloordiv__"))
def _rfloor_divide(context: TorchContext, input: Operand, other: Operand) -> object:
    return _floor_divide(context, other, input)


@functions.define(*methods("remainder", "__mod__"))
def _remainder(context: TorchContext, input: Operand, other: Operand) -> object:
    return apply(context, op.MOD, input, other, dtype=_arithmetic_dtype(context, "remainder", input, other))


@functions.define(*methods("pow", "__pow__"))
def _pow(context: TorchContext, input: Operand, exponent: Operand) -> object:
    dtype = _arithmetic_dtype(context, "pow", input, exponent)
    if isinstance(exponent, (int, float)) and exponent == 2:
        return apply(context, op.MUL, input, input, dtype=dtype)
    if isinstance(exponent, (int, float)) and exponent == 0.5 and dtype.is_float:
        return apply(context, op.SQRT, input, dtype=dtype)
    return apply(context, op.POW, input, exponent, dtype=dtype)


@functions.define(*methods("__rpow__"))
def _rpow(context: TorchContext, input: Operand, other: Operand) -> object:
    return _pow(context, other, input)


def _define_extremum(primitive: Primitive, *names: str) -> None:
    @functions.define(*methods(*names))
    def extremum(context: TorchContext, input: Operand, other: Operand) -> object:
        return apply(context, primitive, input, other, dtype=context.result_dtype(input, other))


_define_extremum(op.MAXIMUM, "maximum")
_define_extremum(op.MINIMUM, "minimum")


def _define_comparison(primitive: Primitive, *names: str) -> None:
    @functions.define(*methods(*names))
    def compare(context: TorchContext, input: Operand, other: Operand) -> object:
        return apply(context, primitive, input, other, dtype=context.result_dtype(input, other))


_define_comparison(op.EQ, "eq", "__eq__")
_define_comparison(op.NE, "ne", "not_equal", "__ne__")
_define_comparison(op.LT, "lt", "less", "__lt__")
_define_comparison(op.LE, "le", "less_equal", "__le__")
_define_comparison(op.GT, "gt", "greater", "__gt__")
_define_comparison(op.GE, "ge", "greater_equal", "__ge__")


def _define_logical(primitive: Primitive, *names: str) -> None:
    @functions.define(*methods(*names))
    def logical(context: TorchContext, input: Operand, other: Operand) -> object:
        shape = context.result_shape(input, other)
        return context.wrap(context.emit(primitive, truths(context, input, shape), truths(context, other, shape)))


def truths(context: TorchContext, operand: Operand, shape: tuple[int, ...]) -> Atom:
    """Each element's truth: whether it is not zero."""
    dtype = context.result_dtype(operand)
    atom = context.operand(operand, dtype, shape)
    return atom if dtype == BOOL else context.emit(op.NE, atom, context.full(0, TensorType(dtype, shape)))


_define_logical(op.LOGICAL_AND, "logical_and")
_define_logical(op.LOGICAL_OR, "logical_or")


def _define_bool_operator(primitive: Primitive, *names: str) -> None:
    @functions.define(*methods(*names))
    def operate(context: TorchContext, input: Operand, other: Operand) -> object:
        if context.result_dtype(input, other) != BOOL:
            raise StagedTypeError(f"`{names[0]}` of integers cannot be staged yet: bool tensors can", loc=caller_loc())
        return apply(context, primitive, input, other, dtype=BOOL)


_define_bool_operator(op.LOGICAL_AND, "bitwise_and", "__and__", "__rand__")
_define_bool_operator(op.LOGICAL_OR, "bitwise_or", "__or__", "__ror__")
_define_bool_operator(op.NE, "bitwise_xor", "__xor__", "__rxor__")


@functions.define(*methods("bitwise_not", "__invert__"))
def _invert(context: TorchContext, input: Operand) -> object:
    if context.result_dtype(input) != BOOL:
        raise StagedTypeError("`~` of integers cannot be staged yet: bool tensors can", loc=caller_loc())
    return _logical_not(context, input)


@functions.define(*methods("logical_not"))
def _logical_not(context: TorchContext, input: Operand) -> object:
    return context.wrap(context.emit(op.LOGICAL_NOT, truths(context, input, context.result_shape(input))))


@functions.define(torch.Tensor.where)
def _where_method(context: TorchContext, input: Operand, condition: Operand, other: Operand) -> object:
    return _where(context, condition, input, other)


@functions.define(torch.where)
def _where(context: TorchContext, condition: Operand, input: Operand, other: Operand) -> object:
    if isinstance(condition, torch.Tensor) and context.type_of(condition).dtype != BOOL:
        raise StagedTypeError("the condition of torch.where must be a bool tensor", loc=caller_loc())
    shape = context.result_shape(condition, input, other)
    dtype = context.result_dtype(input, other)
    chosen = [context.operand(operand, dtype, shape) for operand in (input, other)]
    return context.wrap(context.emit(op.SELECT, context.operand(condition, BOOL, shape), *chosen))


@functions.define(*methods("masked_fill"))
def _masked_fill(context: TorchContext, input: Operand, mask: Operand, value: Operand) -> object:
    """The value, in the tensor's dtype, where the mask is true; the mask broadcasts, and the tensor does to it."""
    if context.type_of(mask).dtype != BOOL:
        raise StagedTypeError("masked_fill() takes a mask of bools", loc=caller_loc())
    type_, shape = context.type_of(input), context.result_shape(input, mask)
    chosen = [context.operand(operand, type_.dtype, shape) for operand in (value, input)]
    return context.wrap(context.emit(op.SELECT, context.operand(mask, BOOL, shape), *chosen))


def _define_float_function(primitive: Primitive, *names: str) -> None:
    @functions.define(*methods(*names))
    def elementary(context: TorchContext, input: Operand, *, out: object = None) -> object:
        refuse_options(names[0], out=(out, None))
        return apply(context, primitive, input, dtype=floating_dtype(context, input))


_define_float_function(op.EXP, "exp")
_define_float_function(op.LOG, "log")
_define_float_function(op.SQRT, "sqrt")
_define_float_function(op.SIN, "sin")
_define_float_function(op.COS, "cos")
_define_float_function(op.TAN, "tan")
_define_float_function(op.TANH, "tanh")
_define_float_function(op.SIGMOID, "sigmoid")
functions.define(F.tanh)(lambda context, input: apply(context, op.TANH, input, dtype=floating_dtype(context, input)))
functions.define(F.sigmoid, torch.special.expit)(
    lambda context, input: apply(context, op.SIGMOID, input, dtype=floating_dtype(context, input))
)


@functions.define(*methods("floor"))
def _floor(context: TorchContext, input: Operand) -> object:
    dtype = context.result_dtype(input)
    return apply(context, op.FLOOR, input, dtype=dtype) if dtype.is_float else context.wrap(context.atom(input))


@functions.define(*methods("ceil"))
def _ceil(context: TorchContext, input: Operand) -> object:
    dtype = context.result_dtype(input)
    return apply(context, op.CEIL, input, dtype=dtype) if dtype.is_float else context.wrap(context.atom(input))


@functions.define(*methods("neg", "negative", "__neg__"))
def _neg(context: TorchContext, input: Operand) -> object:
    return apply(context, op.NEG, input, dtype=_arithmetic_dtype(context, "neg", input, input))


@functions.define(*methods("positive", "__pos__"))
def _positive(context: TorchContext, input: Operand) -> object:
    return context.wrap(context.atom(input))


@functions.define(*methods("abs", "absolute", "__abs__"))
def _abs(context: TorchContext, input: Operand) -> object:
    return apply(context, op.ABS, input, dtype=_arithmetic_dtype(context, "abs", input, input))


@functions.define(*methods("isnan"))
def _isnan(context: TorchContext, input: Operand) -> object:
    return apply(context, op.NE, input, input, dtype=context.type_of(input).dtype)


@functions.define(*methods("square"))
def _square(context: TorchContext, input: Operand) -> object:
    return _mul(context, input, input)


@functions.define(*methods("relu"), F.relu)
def _relu(context: TorchContext, input: Operand, inplace: bool = False) -> object:
    """Zero where x <= 0, so that a NaN stays one and the derivative at 0 is 0, as in PyTorch."""
    atom = context.atom(input)
    type_ = context.type_of(input)
    zero = context.full(0, type_)
    result = context.emit(op.SELECT, context.emit(op.LE, atom, zero), zero, atom)
    return finish_in_place(context, input, result) if inplace else context.wrap(result)


def finish_in_place(context: TorchContext, target: Operand, result: Atom) -> object:
    """What an activation with `inplace=True` gives: its argument, changed."""
    context.write(target, result)
    return target


@functions.define(*methods("clamp", "clip"))
def _clamp(context: TorchContext, input: Operand, min: Operand | None = None, max: Operand | None = None) -> object:
    """The derivative at a bound passes, as in PyTorch, hence selections and not minimum and maximum."""
    bounds = [(bound, beyond) for bound, beyond in ((min, op.LT), (max, op.GT)) if bound is not None]
    shape = context.result_shape(input, *[bound for bound, _ in bounds])
    dtypes = [context.result_dtype(input, bound) for bound, _ in bounds] or [context.result_dtype(input)]
    dtype = next((each for each in dtypes if each.is_float), dtypes[0])
    result = context.operand(input, dtype, shape)
    for bound, beyond in bounds:
        limit = context.operand(bound, dtype, shape)
        result = context.emit(op.SELECT, context.emit(beyond, result, limit), limit, result)
    return context.wrap(result)
