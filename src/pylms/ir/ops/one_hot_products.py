"""Matrix products one side of which is one-hot, without that matrix. Both are pure.

`one_hot_product(index, x)`: index is an integer tensor [B], x is [D, N]. The product of the matrix [B, D] whose row b
is one at index[b] and zero elsewhere, and x: the rows of x at these positions, and zeros for a position outside. What
is not finite in x spreads over its column, as 0 * inf is NaN.
`one_hot_sums(index, x) {depth}`: x is [B, N]. The product of that matrix transposed and x: [depth, N].
"""

from __future__ import annotations

from ...errors import StagedTypeError
from ..node import Block
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import TensorType, Type
from .tensors import Attrs, require_tensor

ONE_HOT_PRODUCT = Primitive("one_hot_product")
ONE_HOT_SUMS = Primitive("one_hot_sums")
PRIMITIVES = (ONE_HOT_PRODUCT, ONE_HOT_SUMS)

effect_rules.define(*PRIMITIVES)(pure)


def _operands(args: tuple[Type, ...]) -> tuple[TensorType, TensorType]:
    index, matrix = map(require_tensor, args)
    if index.rank != 1 or not index.dtype.is_integer or matrix.rank != 2 or not matrix.dtype.is_float:
        raise StagedTypeError(f"a one-hot product needs integer positions [B] and a matrix, not {index} and {matrix}")
    return index, matrix


@type_rules.define(ONE_HOT_PRODUCT)
def _product_type(args: tuple[Type, ...], _attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    index, matrix = _operands(args)
    return (TensorType(matrix.dtype, (index.shape[0], matrix.shape[1])),)


@type_rules.define(ONE_HOT_SUMS)
def _sums_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    index, matrix = _operands(args)
    depth = attrs["depth"]
    if index.shape[0] != matrix.shape[0] or not isinstance(depth, int):
        raise StagedTypeError(f"{index} gives no position to each row of {matrix}")
    return (TensorType(matrix.dtype, (depth, matrix.shape[1])),)
