"""Tensors: values of static shape (DESIGN D8). All are pure.

`broadcast(x) {shape, axes}`: dimension d of x becomes dimension axes[d] of the result; the others repeat.
`reshape(x) {shape}`; `transpose(x) {permutation}`: result dimension d is x's dimension permutation[d].
`reduce_sum(x) {axes}`, `reduce_max(x) {axes}`: those dimensions disappear; the order of summation is open.
`matmul(a, b) {transpose_a, transpose_b}`: two matrices, either read transposed.
`batch_matmul(a, b) {transpose_a, transpose_b}`: [N, ., .] and [N, ., .], as many products of matrices.
`pick(x, index)`: x[B, C], index[B] integer -> [B] with x[i, index[i]].
`one_hot(index) {depth, dtype}`: [B] -> [B, depth].
`argmax(x) {axis}`: int64 positions of the first maximum along one dimension.
`element(x)`: the scalar in a rank-0 tensor; `broadcast` with no axes goes the other way.
`stop_gradient(x)`: x, through which no derivative passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from ...errors import StagedTypeError
from ..node import AttributeValue, Block, Node
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import INT64, ScalarType, TensorType, Type, element_type

BROADCAST = Primitive("broadcast")
RESHAPE = Primitive("reshape")
TRANSPOSE = Primitive("transpose")
REDUCE_SUM = Primitive("reduce_sum")
REDUCE_MAX = Primitive("reduce_max")
MATMUL = Primitive("matmul", "dot")
BATCH_MATMUL = Primitive("batch_matmul")
PICK = Primitive("pick")
ONE_HOT = Primitive("one_hot")
ARGMAX = Primitive("argmax")
ELEMENT = Primitive("element")
STOP_GRADIENT = Primitive("stop_gradient")
PRIMITIVES = (
    BROADCAST,
    RESHAPE,
    TRANSPOSE,
    REDUCE_SUM,
    REDUCE_MAX,
    MATMUL,
    BATCH_MATMUL,
    PICK,
    ONE_HOT,
    ARGMAX,
    ELEMENT,
    STOP_GRADIENT,
)

effect_rules.define(*PRIMITIVES)(pure)

Attrs = Mapping[str, AttributeValue]


def require_tensor(type_: Type) -> TensorType:
    """The type, which must be a tensor's."""
    if isinstance(type_, TensorType):
        return type_
    raise StagedTypeError(f"a tensor is needed here, not {type_}")


def integers(attrs: Attrs, name: str) -> tuple[int, ...]:
    """An attribute that is a tuple of ints."""
    value = attrs[name]
    if isinstance(value, tuple):
        found = tuple(item for item in value if isinstance(item, int))
        if len(found) == len(value):
            return found
    raise StagedTypeError(f"`{name}` must be a tuple of ints, not {value!r}")


def integers_of(node: Node, name: str) -> tuple[int, ...]:
    """An attribute of a node that is a tuple of ints."""
    return integers({name: node.attr(name)}, name)


def distinct_axes(attrs: Attrs, name: str, rank: int) -> tuple[int, ...]:
    """An attribute that names some of `rank` dimensions, each at most once."""
    axes = integers(attrs, name)
    if len(set(axes)) != len(axes) or any(axis not in range(rank) for axis in axes):
        raise StagedTypeError(f"`{name}` {axes} does not fit {rank} dimensions")
    return axes


@type_rules.define(BROADCAST)
def _broadcast_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    source = args[0]
    shape = integers(attrs, "shape")
    axes = distinct_axes(attrs, "axes", len(shape))
    source_shape = source.shape if isinstance(source, TensorType) else ()
    if tuple(shape[axis] for axis in axes) != source_shape or list(axes) != sorted(axes):
        raise StagedTypeError(f"{source} does not broadcast to {shape} along {axes}")
    return (TensorType(element_type(source), shape),)


@type_rules.define(RESHAPE)
def _reshape_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    source = require_tensor(args[0])
    shape = integers(attrs, "shape")
    if prod(shape) != source.size:
        raise StagedTypeError(f"{source} has {source.size} elements and cannot take the shape {shape}")
    return (TensorType(source.dtype, shape),)


@type_rules.define(TRANSPOSE)
def _transpose_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    source = require_tensor(args[0])
    permutation = distinct_axes(attrs, "permutation", source.rank)
    if len(permutation) != source.rank:
        raise StagedTypeError(f"{permutation} does not permute the dimensions of {source}")
    return (TensorType(source.dtype, tuple(source.shape[axis] for axis in permutation)),)


@type_rules.define(REDUCE_SUM, REDUCE_MAX)
def _reduce_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    source = require_tensor(args[0])
    axes = distinct_axes(attrs, "axes", source.rank)
    return (TensorType(source.dtype, tuple(n for axis, n in enumerate(source.shape) if axis not in axes)),)


@type_rules.define(MATMUL)
def _matmul_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    left, right = require_tensor(args[0]), require_tensor(args[1])
    if left.rank != 2 or right.rank != 2 or left.dtype != right.dtype:
        raise StagedTypeError(f"matmul needs two matrices of one dtype, not {left} and {right}")
    rows, inner = left.shape[::-1] if attrs["transpose_a"] else left.shape
    inner_right, columns = right.shape[::-1] if attrs["transpose_b"] else right.shape
    if inner != inner_right:
        raise StagedTypeError(f"the inner dimensions of a product differ: {inner} and {inner_right}")
    return (TensorType(left.dtype, (rows, columns)),)


@type_rules.define(BATCH_MATMUL)
def _batch_matmul_type(args: tuple[Type, ...], attrs: Attrs, blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    left, right = require_tensor(args[0]), require_tensor(args[1])
    if left.rank != 3 or right.rank != 3 or left.shape[0] != right.shape[0]:
        raise StagedTypeError(f"batch_matmul needs as many matrices on both sides, not {left} and {right}")
    matrices = tuple(TensorType(each.dtype, each.shape[1:]) for each in (left, right))
    (product,) = _matmul_type(matrices, attrs, blocks)
    return (TensorType(left.dtype, (left.shape[0], *require_tensor(product).shape)),)


@type_rules.define(PICK)
def _pick_type(args: tuple[Type, ...], _attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    source, index = require_tensor(args[0]), require_tensor(args[1])
    if source.rank != 2 or index.shape != source.shape[:1] or not index.dtype.is_integer:
        raise StagedTypeError(f"pick needs [B, C] and integer [B], not {source} and {index}")
    return (TensorType(source.dtype, index.shape),)


@type_rules.define(ONE_HOT)
def _one_hot_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    index = require_tensor(args[0])
    depth, dtype = attrs["depth"], attrs["dtype"]
    if not index.dtype.is_integer or not isinstance(depth, int) or not isinstance(dtype, ScalarType):
        raise StagedTypeError(f"one_hot needs integer positions, not {index}")
    return (TensorType(dtype, (*index.shape, depth)),)


@type_rules.define(ARGMAX)
def _argmax_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    source, axis = require_tensor(args[0]), attrs["axis"]
    if axis not in range(source.rank):
        raise StagedTypeError(f"{source} has no dimension {axis}")
    return (TensorType(INT64, tuple(n for d, n in enumerate(source.shape) if d != axis)),)


@type_rules.define(ELEMENT)
def _element_type(args: tuple[Type, ...], _attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    source = require_tensor(args[0])
    if source.shape != ():
        raise StagedTypeError(f"only a tensor with one element converts to a number, not {source}")
    return (source.dtype,)


@type_rules.define(STOP_GRADIENT)
def _stop_gradient_type(args: tuple[Type, ...], _attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    return args
