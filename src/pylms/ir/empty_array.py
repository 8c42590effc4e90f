"""An array without elements: what a variable of arrays holds before it is set."""

from __future__ import annotations

from ..loc import Loc
from .builder import Builder
from .node import AttributeValue, Const, Node
from .ops.arrays import ARRAY_AS_STRIDED, ARRAY_NEW
from .types import INT, ArrayType


def empty_array(builder: Builder, type_: ArrayType, loc: Loc) -> list[Node]:
    """Nodes, the last of which gives an array without elements."""
    attrs: dict[str, AttributeValue] = {"dtype": type_.dtype, "region": type_.region.number, "zeroed": False}
    nodes = [builder.node(ARRAY_NEW, [Const(0, INT)] * type_.rank, loc=loc, attrs=attrs)]
    if not type_.is_dense:
        nodes.append(builder.node(ARRAY_AS_STRIDED, nodes[0].results, loc=loc))
    return nodes
