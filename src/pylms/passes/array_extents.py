"""What is known of the extents of an array from the node that made it."""

from __future__ import annotations

from ..ir.node import Atom, Const, Node
from ..ir.ops.array_nests import ARRAY_BUILD
from ..ir.ops.arrays import (
    ARRAY_EXPAND,
    ARRAY_NEW,
    ARRAY_OF_BUFFER,
    ARRAY_PERMUTE,
    ARRAY_PICK,
    ARRAY_RESHAPE,
    ARRAY_SLICE,
    VIEWS,
)
from ..ir.ops.tensors import integers_of
from ..ir.types import INT, BufferType

MAKERS = (ARRAY_NEW, ARRAY_BUILD, ARRAY_OF_BUFFER, *VIEWS)
"""What makes arrays whose extents can be said."""


def extent_of(maker: Node, axis: int) -> Atom | tuple[Atom, int]:
    """The extent of that dimension of the array made; or the array, and its dimension, that has the same."""
    if maker.primitive in (ARRAY_NEW, ARRAY_BUILD):
        return maker.args[axis]
    if maker.primitive is ARRAY_OF_BUFFER:
        buffer = maker.args[0].type
        assert isinstance(buffer, BufferType)
        return Const(buffer.shape[axis], INT)
    if maker.primitive is ARRAY_RESHAPE:
        return maker.args[1 + axis]
    if maker.primitive is ARRAY_PERMUTE:
        return maker.args[0], integers_of(maker, "permutation")[axis]
    if maker.primitive not in (ARRAY_SLICE, ARRAY_PICK, ARRAY_EXPAND):
        return maker.args[0], axis
    own = maker.attr("axis")
    assert isinstance(own, int)
    if maker.primitive is ARRAY_PICK:
        return maker.args[0], axis + (axis >= own)
    if axis != own:
        return maker.args[0], axis - (axis > own and maker.primitive is ARRAY_EXPAND)
    return Const(1, INT) if maker.primitive is ARRAY_EXPAND else maker.args[2]
