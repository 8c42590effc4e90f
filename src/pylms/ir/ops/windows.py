"""Convolutions and pooling: what a window sees at each of its places, along the dimensions after the first two.

Tensors are [batch, channels, rows, columns] or [batch, channels, columns]. In each of the further dimensions the window
at place t sees, as its k-th element, position t * stride + k * dilation - padding; what lies outside the tensor counts
for nothing. A window has `kernel` elements and `counts` places; these may be more than the tensor has room for.

`conv(x, weight[, bias]) {strides, padding, dilation, groups, counts}`: x[N, C, ..], weight[O, C / groups, kernel..],
bias[O] -> [N, O, counts..]. Output channels are in `groups` runs, each of which sees its own run of input channels.
`conv_input_gradient(u, weight) {strides, padding, dilation, groups, extents}`: the adjoint of `conv` in x, -> [N, C,
extents..].
`conv_weight_gradient(x, u) {strides, padding, dilation, groups, kernel}`: its adjoint in the weight, -> [O, C / groups,
kernel..].
`max_pool(x) {kernel, strides, padding, dilation, counts}`: the largest element of each window, -> [N, C, counts..].
`max_pool_pick(x, v) {..}`: the elements of v where x has its maxima: the first of equal ones, the last NaN.
`max_pool_place(x, u) {..}`: the adjoint of that in v: zeros, to which each element of u is added where its maximum is.
`window_sum(x) {kernel, strides, padding, dilation, counts}`: the sum of each window.
`window_spread(u) {kernel, strides, padding, dilation, extents}`: the adjoint of that, -> [N, C, extents..].
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import StagedTypeError
from ..node import AttributeValue, Block
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import TensorType, Type
from .tensors import integers

CONV = Primitive("conv")
CONV_INPUT_GRADIENT = Primitive("conv_input_gradient")
CONV_WEIGHT_GRADIENT = Primitive("conv_weight_gradient")
MAX_POOL = Primitive("max_pool")
MAX_POOL_PICK = Primitive("max_pool_pick")
MAX_POOL_PLACE = Primitive("max_pool_place")
WINDOW_SUM = Primitive("window_sum")
WINDOW_SPREAD = Primitive("window_spread")
PRIMITIVES = (
    CONV,
    CONV_INPUT_GRADIENT,
    CONV_WEIGHT_GRADIENT,
    MAX_POOL,
    MAX_POOL_PICK,
    MAX_POOL_PLACE,
    WINDOW_SUM,
    WINDOW_SPREAD,
)

effect_rules.define(*PRIMITIVES)(pure)

Shape = tuple[int, ...]
_Attrs = Mapping[str, AttributeValue]


def groups_of(attrs: _Attrs) -> int:
    """Into how many runs a convolution divides its channels."""
    groups = attrs["groups"]
    if isinstance(groups, int) and groups >= 1:
        return groups
    raise StagedTypeError(f"`groups` must be a positive int, not {groups!r}")


def _tensor(type_: Type, rank: int | None = None) -> TensorType:
    if not isinstance(type_, TensorType) or type_.rank not in (3, 4) or rank not in (None, type_.rank):
        raise StagedTypeError(f"a tensor [batch, channels, rows, columns] or one without rows is needed, not {type_}")
    return type_


def _require_windows(attrs: _Attrs, rank: int, *others: str) -> None:
    """The attributes have one number for each dimension, from the least that makes sense on."""
    for name, least in (("strides", 1), ("padding", 0), ("dilation", 1), *((other, 0) for other in others)):
        values = integers(attrs, name)
        if len(values) != rank or any(value < least for value in values):
            raise StagedTypeError(f"`{name}` {values} does not fit {rank} dimensions")


def _channels(weight: TensorType, groups: int) -> tuple[int, int]:
    """The output and input channels of a convolution."""
    outputs, inputs = weight.shape[:2]
    if not weight.size:
        raise StagedTypeError(f"a convolution with a weight that has no elements: {weight}")
    if outputs % groups:
        raise StagedTypeError(f"{outputs} output channels do not divide into {groups} groups")
    return outputs, inputs * groups


def _require(condition: bool, what: str, *types: Type) -> None:
    if not condition:
        raise StagedTypeError(f"{what} of {' and '.join(map(str, types))} that do not fit")


@type_rules.define(CONV)
def _conv_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    x = _tensor(args[0])
    weight = _tensor(args[1], x.rank)
    _require_windows(attrs, x.rank - 2, "counts")
    outputs, inputs = _channels(weight, groups_of(attrs))
    _require(x.dtype == weight.dtype and x.shape[1] == inputs, "a convolution", *args)
    _require(len(args) < 3 or args[2] == TensorType(x.dtype, (outputs,)), "a convolution", *args)
    return (TensorType(x.dtype, (x.shape[0], outputs, *integers(attrs, "counts"))),)


@type_rules.define(CONV_INPUT_GRADIENT)
def _conv_input_gradient_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    u = _tensor(args[0])
    weight = _tensor(args[1], u.rank)
    _require_windows(attrs, u.rank - 2, "extents")
    outputs, inputs = _channels(weight, groups_of(attrs))
    _require(u.dtype == weight.dtype and u.shape[1] == outputs, "the gradient of a convolution", *args)
    return (TensorType(u.dtype, (u.shape[0], inputs, *integers(attrs, "extents"))),)


@type_rules.define(CONV_WEIGHT_GRADIENT)
def _conv_weight_gradient_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    x = _tensor(args[0])
    u = _tensor(args[1], x.rank)
    _require_windows(attrs, x.rank - 2, "kernel")
    groups = groups_of(attrs)
    fits = x.dtype == u.dtype and x.shape[0] == u.shape[0] and not x.shape[1] % groups
    _require(fits, "the gradient of a convolution", *args)
    weight = TensorType(x.dtype, (u.shape[1], x.shape[1] // groups, *integers(attrs, "kernel")))
    _channels(weight, groups)
    return (weight,)


def _pooled(x: TensorType, attrs: _Attrs) -> TensorType:
    _require_windows(attrs, x.rank - 2, "kernel", "counts")
    return TensorType(x.dtype, (*x.shape[:2], *integers(attrs, "counts")))


@type_rules.define(MAX_POOL, WINDOW_SUM)
def _pool_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    return (_pooled(_tensor(args[0]), attrs),)


@type_rules.define(MAX_POOL_PICK)
def _max_pool_pick_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    x, v = _tensor(args[0]), _tensor(args[1])
    _require(x.shape == v.shape, "a choice", *args)
    return (_pooled(v, attrs),)


@type_rules.define(MAX_POOL_PLACE)
def _max_pool_place_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    x, u = _tensor(args[0]), _tensor(args[1])
    _require(u.shape == _pooled(x, attrs).shape, "the gradient of a pooling", *args)
    return (TensorType(u.dtype, x.shape),)


@type_rules.define(WINDOW_SPREAD)
def _window_spread_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    u = _tensor(args[0])
    _require_windows(attrs, u.rank - 2, "kernel", "extents")
    return (TensorType(u.dtype, (*u.shape[:2], *integers(attrs, "extents"))),)
