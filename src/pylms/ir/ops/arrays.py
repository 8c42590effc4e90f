"""Arrays: references to mutable memory whose shape is known at run time (DESIGN D6, D8).

`array_new(n...) {dtype, region, zeroed}`: memory that lives as long as the call, zeros if asked for; the extents must
not be negative.
`array_dim(a) {axis}`: the extent of one dimension, never negative.
`in_bounds(i, n)`: whether -n <= i < n, as Python's indices count.
`normalize_index(i, n)`: i, or i + n where i is negative.
`array_load(a, i...)`, `array_store(a, value, i...)`: one element; indices are normalised and in range.
`array_pick(a, i) {axis}`: the view without that dimension, at index i of it.
`array_slice(a, start, length, step) {axis, unit_step}`: the view of `length` elements from `start` on, `step` apart;
all in range. `unit_step` tells that the step is 1.
`array_permute(a) {permutation}`: dimension d of the view is dimension permutation[d] of a.
`array_expand(a) {axis}`: the view with a further dimension of extent 1 there.
`array_reshape(a, n...)`: the elements of a dense array under another shape, of as many elements.
`array_as_strided(a)`: the same array as one that may have any strides, to meet another.
`array_of_buffer(b) {region, strides}`: memory of the surrounding program as an array of the buffer's shape; `strides`
tells how many elements apart they are in each dimension, and is empty where the memory is dense.

Views are of their array's region. Two arrays may overlap only if they are of one region.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import StagedTypeError
from ..effects import Effect, reads, writes
from ..node import Atom, AttributeValue, Block
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import BOOL, INT, ArrayType, BufferType, Region, ScalarType, Type
from .tensors import integers

ARRAY_NEW = Primitive("array_new")
ARRAY_DIM = Primitive("array_dim", "dim")
IN_BOUNDS = Primitive("in_bounds")
NORMALIZE_INDEX = Primitive("normalize_index")
ARRAY_LOAD = Primitive("array_load", "array-get")
ARRAY_STORE = Primitive("array_store", "array-set")
ARRAY_PICK = Primitive("array_pick")
ARRAY_SLICE = Primitive("array_slice")
ARRAY_PERMUTE = Primitive("array_permute")
ARRAY_EXPAND = Primitive("array_expand")
ARRAY_RESHAPE = Primitive("array_reshape")
ARRAY_AS_STRIDED = Primitive("array_as_strided")
ARRAY_OF_BUFFER = Primitive("array_of_buffer")
VIEWS = (ARRAY_PICK, ARRAY_SLICE, ARRAY_PERMUTE, ARRAY_EXPAND, ARRAY_RESHAPE, ARRAY_AS_STRIDED)
PRIMITIVES = (ARRAY_NEW, ARRAY_DIM, IN_BOUNDS, NORMALIZE_INDEX, ARRAY_LOAD, ARRAY_STORE, ARRAY_OF_BUFFER, *VIEWS)

_Attrs = Mapping[str, AttributeValue]


def _array(type_: Type) -> ArrayType:
    if isinstance(type_, ArrayType):
        return type_
    raise StagedTypeError(f"an array is needed here, not {type_}")


def _require_ints(types: Sequence[Type], count: int) -> None:
    if len(types) != count or any(type_ != INT for type_ in types):
        raise StagedTypeError(f"{count} ints are needed here, not ({', '.join(map(str, types))})")


def _axis(attrs: _Attrs, array: ArrayType) -> int:
    axis = attrs["axis"]
    if not isinstance(axis, int) or axis not in range(array.rank):
        raise StagedTypeError(f"{array} has no dimension {axis}")
    return axis


@type_rules.define(ARRAY_NEW)
def _array_new_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    dtype, region = attrs["dtype"], attrs["region"]
    assert isinstance(dtype, ScalarType) and isinstance(region, int)
    _require_ints(args, len(args))
    return (ArrayType(dtype, len(args), True, Region(region)),)


@type_rules.define(ARRAY_DIM)
def _array_dim_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    _axis(attrs, _array(args[0]))
    return (INT,)


@type_rules.define(IN_BOUNDS)
def _in_bounds_type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    _require_ints(args, 2)
    return (BOOL,)


@type_rules.define(NORMALIZE_INDEX)
def _normalize_index_type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    _require_ints(args, 2)
    return (INT,)


@type_rules.define(ARRAY_LOAD)
def _array_load_type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    array = _array(args[0])
    _require_ints(args[1:], array.rank)
    return (array.dtype,)


@type_rules.define(ARRAY_STORE)
def _array_store_type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    array = _array(args[0])
    _require_ints(args[2:], array.rank)
    if args[1] != array.dtype:
        raise StagedTypeError(f"{args[1]} does not fit into {array}")
    return ()


@type_rules.define(ARRAY_PICK)
def _array_pick_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    array = _array(args[0])
    _require_ints(args[1:], 1)
    stays_dense = array.is_dense and _axis(attrs, array) == 0
    return (ArrayType(array.dtype, array.rank - 1, stays_dense, array.region),)


@type_rules.define(ARRAY_SLICE)
def _array_slice_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    array = _array(args[0])
    _require_ints(args[1:], 3)
    stays_dense = array.is_dense and _axis(attrs, array) == 0 and attrs["unit_step"] is True
    return (ArrayType(array.dtype, array.rank, stays_dense, array.region),)


@type_rules.define(ARRAY_PERMUTE)
def _array_permute_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    array = _array(args[0])
    if sorted(integers(attrs, "permutation")) != list(range(array.rank)):
        raise StagedTypeError(f"{attrs['permutation']} does not permute the dimensions of {array}")
    return (ArrayType(array.dtype, array.rank, array.is_dense and array.rank < 2, array.region),)


@type_rules.define(ARRAY_EXPAND)
def _array_expand_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    array, axis = _array(args[0]), attrs["axis"]
    if not isinstance(axis, int) or axis not in range(array.rank + 1):
        raise StagedTypeError(f"{array} cannot have a further dimension {axis}")
    return (ArrayType(array.dtype, array.rank + 1, array.is_dense, array.region),)


@type_rules.define(ARRAY_RESHAPE)
def _array_reshape_type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    array, *extents = args
    array = _array(array)
    _require_ints(extents, len(extents))
    if not array.is_dense:
        raise StagedTypeError(f"{array} is not dense and cannot take another shape without a copy")
    return (ArrayType(array.dtype, len(extents), True, array.region),)


@type_rules.define(ARRAY_AS_STRIDED)
def _array_as_strided_type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    array = _array(args[0])
    return (ArrayType(array.dtype, array.rank, False, array.region),)


@type_rules.define(ARRAY_OF_BUFFER)
def _array_of_buffer_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    (buffer,) = args
    region, strides = attrs["region"], integers(attrs, "strides")
    assert isinstance(region, int)
    if not isinstance(buffer, BufferType) or len(strides) not in (0, len(buffer.shape)):
        raise StagedTypeError(f"{buffer} is not memory of {len(strides)} dimensions")
    return (ArrayType(buffer.dtype, len(buffer.shape), not strides, Region(region)),)


effect_rules.define(ARRAY_NEW, ARRAY_DIM, ARRAY_OF_BUFFER, IN_BOUNDS, NORMALIZE_INDEX, *VIEWS)(pure)


@effect_rules.define(ARRAY_LOAD)
def _array_load_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return reads(_array(args[0].type).region)


@effect_rules.define(ARRAY_STORE)
def _array_store_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return writes(_array(args[0].type).region)
