"""Elements at positions that are known when the code runs, and sums at such positions; sorting. All are pure.

`take(x, index) {axis}`: index is an integer tensor of any rank, whose dimensions stand in the result where the
dimension `axis` of x was: the shape is x.shape[:axis] + index.shape + x.shape[axis + 1:].
`scatter_add(index, updates) {axis, size}`: its adjoint. Zeros, to which updates[:, i..., :] is added at position
index[i...] of dimension `axis`, which has `size` elements and stands where index's dimensions were.
`take_along(x, index) {axis}`: x and index have the same shape except along `axis`, and the result has index's:
result[i..., j, k...] = x[i..., index[i..., j, k...], k...].
`scatter_add_along(index, updates) {axis, size}`: its adjoint; index and updates have one shape.
`order(x) {descending}`: int64 positions of x's shape, those that sort its last dimension: what `take_along` takes there
is sorted. What is equal keeps its order, and NaN is greater than everything.

A position below 0 counts as 0, and one beyond the end as the last: the program checks before that none is, but a
pure operation may be computed before the check. Where a position is taken several times its updates are added in order.
"""

from __future__ import annotations

from ...errors import StagedTypeError
from ..node import Block
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import INT64, TensorType, Type
from .tensors import Attrs, require_tensor

TAKE = Primitive("take")
SCATTER_ADD = Primitive("scatter_add")
TAKE_ALONG = Primitive("take_along")
SCATTER_ADD_ALONG = Primitive("scatter_add_along")
ORDER = Primitive("order")
PRIMITIVES = (TAKE, SCATTER_ADD, TAKE_ALONG, SCATTER_ADD_ALONG, ORDER)

effect_rules.define(*PRIMITIVES)(pure)


def _index(type_: Type) -> TensorType:
    index = require_tensor(type_)
    if not index.dtype.is_integer:
        raise StagedTypeError(f"positions are integers, not {index}")
    return index


def _axis_and_size(attrs: Attrs) -> tuple[int, int]:
    axis, size = attrs["axis"], attrs["size"]
    if not isinstance(axis, int) or not isinstance(size, int) or size < 0:
        raise StagedTypeError(f"{size!r} elements along dimension {axis!r}")
    return axis, size


def _require_room(size: int, index: TensorType) -> None:
    if not size and index.size:
        raise StagedTypeError(f"{index} has no position in an empty dimension")


@type_rules.define(TAKE)
def _take_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    source, index = require_tensor(args[0]), _index(args[1])
    axis = attrs["axis"]
    if not isinstance(axis, int) or axis not in range(source.rank):
        raise StagedTypeError(f"{source} has no dimension {axis}")
    _require_room(source.shape[axis], index)
    return (TensorType(source.dtype, (*source.shape[:axis], *index.shape, *source.shape[axis + 1 :])),)


@type_rules.define(SCATTER_ADD)
def _scatter_add_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    index, updates = _index(args[0]), require_tensor(args[1])
    axis, size = _axis_and_size(attrs)
    end = axis + index.rank
    if axis not in range(updates.rank - index.rank + 1) or updates.shape[axis:end] != index.shape:
        raise StagedTypeError(f"{updates} does not have the dimensions of {index} from {axis} on")
    _require_room(size, index)
    return (TensorType(updates.dtype, (*updates.shape[:axis], size, *updates.shape[end:])),)


@type_rules.define(TAKE_ALONG)
def _take_along_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    source, index = require_tensor(args[0]), _index(args[1])
    axis = attrs["axis"]
    if not isinstance(axis, int) or axis not in range(source.rank):
        raise StagedTypeError(f"{source} has no dimension {axis}")
    if _without(source.shape, axis) != _without(index.shape, axis):
        raise StagedTypeError(f"{index} does not fit {source} along dimension {axis}")
    _require_room(source.shape[axis], index)
    return (TensorType(source.dtype, index.shape),)


@type_rules.define(SCATTER_ADD_ALONG)
def _scatter_add_along_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    index, updates = _index(args[0]), require_tensor(args[1])
    axis, size = _axis_and_size(attrs)
    if index.shape != updates.shape or axis not in range(updates.rank):
        raise StagedTypeError(f"{index} gives no position along dimension {axis} to each element of {updates}")
    _require_room(size, index)
    return (TensorType(updates.dtype, (*updates.shape[:axis], size, *updates.shape[axis + 1 :])),)


@type_rules.define(ORDER)
def _order_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    source = require_tensor(args[0])
    if not source.rank or not isinstance(attrs["descending"], bool):
        raise StagedTypeError(f"{source} has no last dimension to sort")
    return (TensorType(INT64, source.shape),)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])
