"""Matrix products: `matmul`, `bmm`, `@`, `linear`, `addmm`, `dot`, `outer`, `tensordot`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError
from ..ir.node import Atom
from ..ir.ops.arithmetic import ADD, MUL
from ..ir.ops.tensors import BATCH_MATMUL, MATMUL, REDUCE_SUM, TRANSPOSE
from ..ir.types import TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext, normalised_axis
from .functions_shape import sizes
from .table import functions, methods, refuse_options
from .view_steps import Shape, tensor_type


def _require_same_dtype(context: TorchContext, left: Operand, right: Operand) -> None:
    dtypes = context.type_of(left).dtype, context.type_of(right).dtype
    if dtypes[0] != dtypes[1]:
        raise StagedTypeError(f"a product of matrices of {dtypes[0]} and {dtypes[1]}", loc=caller_loc())


def _refuse_shapes(left: Shape, right: Shape) -> None:
    raise StagedTypeError(f"tensors of shapes {list(left)} and {list(right)} cannot be multiplied", loc=caller_loc())


def _product(context: TorchContext, left: Atom, right: Atom, *, transpose_right: bool = False) -> Atom:
    return context.emit(MATMUL, left, right, transpose_a=False, transpose_b=transpose_right)


def matrix_product(context: TorchContext, left: Atom, right: Atom) -> Atom:
    """`torch.matmul`: vectors stand for rows on the left and for columns on the right, batches broadcast."""
    left_shape, right_shape = tensor_type(left).shape, tensor_type(right).shape
    if not left_shape or not right_shape or left_shape[-1] != right_shape[-2:][0]:
        _refuse_shapes(left_shape, right_shape)
    if len(left_shape) == len(right_shape) == 1:
        return context.emit(REDUCE_SUM, context.emit(MUL, left, right), axes=(0,))
    rows, columns = left_shape[-2:-1], right_shape[-1:] if len(right_shape) > 1 else ()
    inner = left_shape[-1]
    if len(right_shape) <= 2:
        matrix = context.reshape(right, (inner, *(columns or (1,))))
        many = context.reshape(left, (math.prod(left_shape[:-1]), inner))
        return context.reshape(_product(context, many, matrix), (*left_shape[:-1], *columns))
    batch = context.broadcast_shapes(left_shape[:-2], right_shape[:-2])
    factors = [
        context.reshape(context.broadcast(matrices, (*batch, *ends)), (math.prod(batch), *ends))
        for matrices, ends in (
            (context.reshape(left, (*left_shape[:-2], *(rows or (1,)), inner)), (*(rows or (1,)), inner)),
            (right, (inner, *columns)),
        )
    ]
    product = context.emit(BATCH_MATMUL, *factors, transpose_a=False, transpose_b=False)
    return context.reshape(product, (*batch, *rows, *columns))


@functions.define(*methods("matmul", "__matmul__"), torch.linalg.matmul)
def _matmul(context: TorchContext, input: Operand, other: Operand, *, out: object = None) -> object:
    refuse_options("matmul", out=(out, None))
    _require_same_dtype(context, input, other)
    return context.wrap(matrix_product(context, context.atom(input), context.atom(other)))


def _define_of_ranks(name: str, left: int, right: int) -> None:
    @functions.define(*methods(name))
    def product(context: TorchContext, input: Operand, other: Operand) -> object:
        shapes = context.type_of(input).shape, context.type_of(other).shape
        if (len(shapes[0]), len(shapes[1])) != (left, right) or shapes[0][: left - 2] != shapes[1][: right - 2]:
            raise StagedTypeError(
                f"{name}() of tensors of shapes {list(shapes[0])} and {list(shapes[1])}", loc=caller_loc()
            )
        return _matmul(context, input, other)


_define_of_ranks("mm", 2, 2)
_define_of_ranks("mv", 2, 1)
_define_of_ranks("dot", 1, 1)
_define_of_ranks("vdot", 1, 1)
_define_of_ranks("bmm", 3, 3)


@functions.define(*methods("inner"))
def _inner(context: TorchContext, input: Operand, other: Operand) -> object:
    """Sums of products along the last dimensions of both."""
    left, right = context.type_of(input).shape, context.type_of(other).shape
    if not left or not right:
        return context.dispatch_staged(torch.mul, (input, other), {})
    return _tensordot(context, input, other, ([len(left) - 1], [len(right) - 1]))


@functions.define(*methods("outer", "ger"))
def _outer(context: TorchContext, input: Operand, vec2: Operand) -> object:
    columns = context.dispatch_staged(torch.Tensor.reshape, (input, (-1, 1)), {})
    return context.dispatch_staged(torch.mul, (columns, vec2), {})


@functions.define(torch.tensordot)
def _tensordot(context: TorchContext, a: Operand, b: Operand, dims: object = 2, out: object = None) -> object:
    """Sums of products along pairs of dimensions."""
    refuse_options("tensordot", out=(out, None))
    _require_same_dtype(context, a, b)
    shapes = context.type_of(a).shape, context.type_of(b).shape
    if isinstance(dims, int):
        axes: list[Shape] = [tuple(range(len(shapes[0]) - dims, len(shapes[0]))), tuple(range(dims))]
    else:
        assert isinstance(dims, (tuple, list))
        axes = [
            tuple(normalised_axis(axis, len(shape)) for axis in sizes((each,)))
            for each, shape in zip(dims, shapes, strict=True)
        ]
    return context.wrap(contracted(context, (context.atom(a), context.atom(b)), axes))


def contracted(context: TorchContext, factors: tuple[Atom, Atom], axes: Sequence[Shape]) -> Atom:
    """Sums of products along pairs of dimensions; the others, of the left factor first, are the result's."""
    shapes = [tensor_type(factor).shape for factor in factors]
    summed = [tuple(shape[axis] for axis in each) for shape, each in zip(shapes, axes, strict=True)]
    if summed[0] != summed[1]:
        _refuse_shapes(*shapes)
    kept = [
        tuple(axis for axis in range(len(shape)) if axis not in each) for shape, each in zip(shapes, axes, strict=True)
    ]
    inner = math.prod(summed[0])
    left = _as_matrix(context, factors[0], (*kept[0], *axes[0]), (-1, inner))
    right = _as_matrix(context, factors[1], (*axes[1], *kept[1]), (inner, -1))
    ends = [tuple(shape[axis] for axis in each) for shape, each in zip(shapes, kept, strict=True)]
    return context.reshape(_product(context, left, right), (*ends[0], *ends[1]))


def _as_matrix(context: TorchContext, atom: Atom, order: Shape, shape: Shape) -> Atom:
    type_: TensorType = tensor_type(atom)
    if order != tuple(range(len(order))):
        atom = context.emit(TRANSPOSE, atom, permutation=order)
    known = math.prod(size for size in shape if size != -1)
    rest = type_.size // known if known else math.prod(type_.shape[axis] for axis in order if type_.shape[axis])
    return context.reshape(atom, tuple(rest if size == -1 else size for size in shape))


@functions.define(F.linear)
def _linear(context: TorchContext, input: Operand, weight: Operand, bias: Operand | None = None) -> object:
    _require_same_dtype(context, input, weight)
    shape, weight_shape = context.type_of(input).shape, context.type_of(weight).shape
    if len(weight_shape) == 1:
        result = context.dispatch_staged(torch.matmul, (input, weight), {})
        return result if bias is None else context.dispatch_staged(torch.add, (result, bias), {})
    outputs, inputs = weight_shape
    if not shape or shape[-1] != inputs:
        raise StagedTypeError(
            f"linear() with {inputs} input features was given a tensor of shape {list(shape)}", loc=caller_loc()
        )
    rows = context.reshape(context.atom(input), (math.prod(shape[:-1]), inputs))
    result = _product(context, rows, context.atom(weight), transpose_right=True)
    if bias is not None:
        result = context.emit(ADD, result, _spread(context, bias, result))
    return context.wrap(context.reshape(result, (*shape[:-1], outputs)))


def _spread(context: TorchContext, bias: Operand, like: Atom) -> Atom:
    type_ = tensor_type(like)
    return context.operand(bias, type_.dtype, type_.shape)


def _define_added(name: str, function: object) -> None:
    """`beta * input + alpha * product`; with beta = 0 the input does not count, not even its NaNs."""

    @functions.define(*methods(name))
    def added(
        context: TorchContext, input: Operand, first: Operand, second: Operand, *, beta: float = 1, alpha: float = 1
    ) -> object:
        product: object = context.dispatch_staged(function, (first, second), {})
        if alpha != 1:
            product = context.dispatch_staged(torch.mul, (product, alpha), {})
        if beta == 0:
            return product
        if beta != 1:
            input = context.dispatch_staged(torch.mul, (input, beta), {})
        assert isinstance(product, torch.Tensor)
        atom = context.atom(product)
        return context.wrap(context.emit(ADD, atom, _spread(context, input, atom)))


_define_added("addmm", torch.mm)
_define_added("addmv", torch.mv)
_define_added("addr", torch.outer)
_define_added("baddbmm", torch.bmm)


@functions.define(*methods("addbmm"))
def _addbmm(
    context: TorchContext, input: Operand, batch1: Operand, batch2: Operand, *, beta: float = 1, alpha: float = 1
) -> object:
    total = context.dispatch_staged(torch.sum, (context.dispatch_staged(torch.bmm, (batch1, batch2), {}), 0), {})
    scaled = context.dispatch_staged(torch.mul, (total, alpha), {})
    return scaled if beta == 0 else context.dispatch_staged(torch.add, (scaled, input), {"alpha": beta})


@functions.define(F.bilinear)
def _bilinear(
    context: TorchContext, input1: Operand, input2: Operand, weight: Operand, bias: Operand | None = None
) -> object:
    """input1 [..., I], weight [O, I, J], input2 [..., J] -> [..., O]."""
    first = context.dispatch_staged(torch.tensordot, (input1, weight, ([-1], [1])), {})
    second = context.dispatch_staged(torch.Tensor.unsqueeze, (input2, -2), {})
    product = context.dispatch_staged(torch.mul, (first, second), {})
    result = context.dispatch_staged(torch.sum, (product, -1), {})
    return result if bias is None else context.dispatch_staged(torch.add, (result, bias), {})
