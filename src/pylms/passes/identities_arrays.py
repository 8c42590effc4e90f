"""Identities of arrays: extents that are known from how an array was made, and indices that need no normalising."""

from __future__ import annotations

from ..ir.node import Atom, Const, Node
from ..ir.ops.arithmetic import ADD
from ..ir.ops.array_nests import BROADCAST_EXTENT, BROADCAST_INDEX
from ..ir.ops.arrays import ARRAY_AS_STRIDED, ARRAY_DIM, IN_BOUNDS, NORMALIZE_INDEX
from ..ir.types import BOOL, INT
from .array_extents import MAKERS, extent_of
from .identities import Facts, identity_rules

_ZERO = Const(0, INT)


@identity_rules.define(ARRAY_DIM)
def _dim(facts: Facts, node: Node) -> Atom | Node | None:
    maker, axis = facts.definition(node.args[0], *MAKERS), node.attr("axis")
    if maker is None or not isinstance(axis, int):
        return None
    found = extent_of(maker, axis)
    if not isinstance(found, tuple):
        return found
    array, own_axis = found
    return facts.instead(node, ARRAY_DIM, (array,), {"axis": own_axis})


@identity_rules.define(BROADCAST_EXTENT)
def _broadcast_extent(facts: Facts, node: Node) -> Atom | Node | None:
    first, second = node.args
    if _is_joined(facts, first, second):
        return first
    if isinstance(first, Const):
        return second if first.value == 1 else first
    return None


def _is_joined(facts: Facts, whole: Atom, part: Atom) -> bool:
    """Whether `whole` is what `part` and other extents have together: then it is 1 only if `part` is."""
    if whole == part:
        return True
    joined = facts.definition(whole, BROADCAST_EXTENT)
    return joined is not None and any(_is_joined(facts, arg, part) for arg in joined.args)


@identity_rules.define(BROADCAST_INDEX)
def _broadcast_index(_facts: Facts, node: Node) -> Atom | Node | None:
    index, extent = node.args
    if isinstance(extent, Const):
        return _ZERO if extent.value == 1 else index
    return index if index == _ZERO else None


@identity_rules.define(ARRAY_AS_STRIDED)
def _as_strided(_facts: Facts, node: Node) -> Atom | Node | None:
    return node.args[0] if node.args[0].type == node.results[0].type else None


@identity_rules.define(IN_BOUNDS)
def _in_bounds(_facts: Facts, node: Node) -> Atom | Node | None:
    index, extent = node.args
    if isinstance(index, Const) and isinstance(extent, Const):
        return Const(-extent.value <= index.value < extent.value, BOOL)
    return None


@identity_rules.define(NORMALIZE_INDEX)
def _normalize_index(facts: Facts, node: Node) -> Atom | Node | None:
    index, extent = node.args
    if not isinstance(index, Const):
        return None
    if index.value >= 0:
        return index
    if isinstance(extent, Const):
        return Const(int(index.value + extent.value), INT)
    # An extent is never negative: this cannot overflow.
    return facts.instead(node, ADD, (extent, index))
