"""Matrix products: `matmul`, `mm`, `@`, `linear`, `addmm`, `dot`."""

from __future__ import annotations

import torch.nn.functional as F

from ..errors import StagedTypeError, TorchFeatureError
from ..ir.node import Atom
from ..ir.ops.arithmetic import ADD, MUL
from ..ir.ops.tensors import MATMUL, REDUCE_SUM
from ..ir.types import TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .table import functions, methods, refuse_options


def _require_same_dtype(context: TorchContext, left: Operand, right: Operand) -> None:
    dtypes = context.type_of(left).dtype, context.type_of(right).dtype
    if dtypes[0] != dtypes[1]:
        raise StagedTypeError(f"a product of matrices of {dtypes[0]} and {dtypes[1]}", loc=caller_loc())


def _product(context: TorchContext, left: Atom, right: Atom, *, transpose_right: bool = False) -> Atom:
    return context.emit(MATMUL, left, right, transpose_a=False, transpose_b=transpose_right)


@functions.define(*methods("matmul", "mm", "mv", "__matmul__"))
def _matmul(context: TorchContext, input: Operand, other: Operand) -> object:
    """Vectors stand for rows on the left and for columns on the right, as in PyTorch."""
    _require_same_dtype(context, input, other)
    left_shape, right_shape = context.type_of(input).shape, context.type_of(other).shape
    if not left_shape or not right_shape or len(right_shape) > 2:
        raise TorchFeatureError(
            f"a product of tensors of shapes {list(left_shape)} and {list(right_shape)} cannot be staged yet",
            loc=caller_loc(),
            hint="the right side must be a matrix or a vector",
        )
    if left_shape[-1] != right_shape[0]:
        raise StagedTypeError(
            f"tensors of shapes {list(left_shape)} and {list(right_shape)} cannot be multiplied", loc=caller_loc()
        )
    left, right = context.atom(input), context.atom(other)
    if len(left_shape) == len(right_shape) == 1:
        return context.wrap(context.emit(REDUCE_SUM, context.emit(MUL, left, right), axes=(0,)))
    rows = context.reshape(left, (_rows(left_shape), left_shape[-1]))
    columns = right_shape[1:]
    matrix = context.reshape(right, (right_shape[0], columns[0] if columns else 1))
    return context.wrap(context.reshape(_product(context, rows, matrix), (*left_shape[:-1], *columns)))


def _rows(shape: tuple[int, ...]) -> int:
    total = 1
    for size in shape[:-1]:
        total *= size
    return total


@functions.define(*methods("dot"))
def _dot(context: TorchContext, input: Operand, other: Operand) -> object:
    return _matmul(context, input, other)


@functions.define(F.linear)
def _linear(context: TorchContext, input: Operand, weight: Operand, bias: Operand | None = None) -> object:
    _require_same_dtype(context, input, weight)
    shape, (outputs, inputs) = context.type_of(input).shape, context.type_of(weight).shape
    if not shape or shape[-1] != inputs:
        raise StagedTypeError(
            f"linear() with {inputs} input features was given a tensor of shape {list(shape)}", loc=caller_loc()
        )
    rows = context.reshape(context.atom(input), (_rows(shape), inputs))
    result = _product(context, rows, context.atom(weight), transpose_right=True)
    if bias is not None:
        result = context.emit(ADD, result, _spread(context, bias, result))
    return context.wrap(context.reshape(result, (*shape[:-1], outputs)))


def _spread(context: TorchContext, bias: Operand, like: Atom) -> Atom:
    assert isinstance(like.type, TensorType)
    return context.operand(bias, like.type.dtype, like.type.shape)


@functions.define(*methods("addmm"))
def _addmm(
    context: TorchContext, input: Operand, mat1: Operand, mat2: Operand, *, beta: float = 1, alpha: float = 1
) -> object:
    refuse_options("addmm", beta=(beta, 1), alpha=(alpha, 1))
    _require_same_dtype(context, mat1, mat2)
    product = _product(context, context.atom(mat1), context.atom(mat2))
    return context.wrap(context.emit(ADD, product, _spread(context, input, product)))
