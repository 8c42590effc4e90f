"""What the operations on arrays tell: extents, indices in range.

In: a node, and the facts before it. Out: as `ranges_rules` says, whose table this fills.
"""

from __future__ import annotations

from ..ir.node import Atom, Node, Sym
from ..ir.ops.array_nests import ARRAY_BUILD, BROADCAST_INDEX
from ..ir.ops.arrays import (
    ARRAY_AS_STRIDED,
    ARRAY_DIM,
    ARRAY_NEW,
    ARRAY_PERMUTE,
    ARRAY_PICK,
    ARRAY_RESHAPE,
    ARRAY_SLICE,
    IN_BOUNDS,
    NORMALIZE_INDEX,
)
from ..ir.ops.tensors import integers_of
from ..ir.types import element_type
from .ranges_facts import LARGEST, Facts
from .ranges_polynomials import add, at_most, equate, expand, is_not_positive, not_negative
from .ranges_rules import Decision, Point, known_truth, range_rules


def _is_in_bounds(facts: Facts, index: Atom, extent: Atom) -> bool:
    """Whether -extent <= index < extent for sure."""
    if facts.noted(("in bounds", index, extent)):
        return True
    return _reaches_from_the_end(facts, index, extent) and at_most(facts, index, extent, -1)


def _reaches_from_the_end(facts: Facts, index: Atom, extent: Atom) -> bool:
    """Whether -extent <= index."""
    if facts.interval(index)[0] + facts.interval(extent)[0] >= 0:
        return True
    return is_not_positive(add(add({}, expand(index, facts), -1), expand(extent, facts), -1), facts)


@range_rules.define(IN_BOUNDS)
def _in_bounds(point: Point, node: Node) -> Decision | None:
    index, extent = node.args
    return known_truth(point, node, True) if _is_in_bounds(point.facts, index, extent) else None


@range_rules.define(NORMALIZE_INDEX)
def _normalize_index(point: Point, node: Node) -> Decision | None:
    (index, extent), (result,), facts = node.args, node.results, point.facts
    if not_negative(facts, index):
        equate(result, index, facts)
        return index
    if _is_in_bounds(facts, index, extent):
        facts.restrict(result, 0, LARGEST)
        facts.relate(result, extent, -1)
        facts.relate(index, result, 0)
    return None


@range_rules.define(ARRAY_DIM)
def _array_dim(point: Point, node: Node) -> Decision | None:
    (array,), (result,), facts = node.args, node.results, point.facts
    axis = node.attr("axis")
    assert isinstance(axis, int)
    extent = _extent(point, array, axis)
    # What is made here, or got another shape, may turn out to be needed for nothing but this number: then nothing sees
    # to it that there is room for so many elements.
    facts.restrict(result, 0, LARGEST if extent is not None else LARGEST // element_type(array.type).itemsize)
    if extent is None:
        known: Sym | None = facts.noted(("dim", array, axis))
        if known is None:
            facts.note(("dim", array, axis), result)
            return None
        extent = known
    equate(result, extent, facts)
    return None


def _extent(point: Point, array: Atom, axis: int) -> Atom | None:
    """The value that made an array so long, where one did."""
    made = point.defining(array, ARRAY_NEW) or point.defining(array, ARRAY_BUILD)
    if made is not None:
        return made.args[axis]
    shaped = point.defining(array, ARRAY_RESHAPE)
    if shaped is not None:
        return shaped.args[1 + axis]
    cut = point.defining(array, ARRAY_SLICE)
    if cut is not None:
        return cut.args[2] if cut.attr("axis") == axis else _known_extent(point, cut.args[0], axis)
    picked = point.defining(array, ARRAY_PICK)
    if picked is not None:
        dropped = picked.attr("axis")
        assert isinstance(dropped, int)
        return _known_extent(point, picked.args[0], axis + (axis >= dropped))
    turned = point.defining(array, ARRAY_PERMUTE)
    if turned is not None:
        return _known_extent(point, turned.args[0], integers_of(turned, "permutation")[axis])
    same = point.defining(array, ARRAY_AS_STRIDED)
    return None if same is None else _known_extent(point, same.args[0], axis)


def _known_extent(point: Point, array: Atom, axis: int) -> Atom | None:
    extent = _extent(point, array, axis)
    if extent is not None:
        return extent
    known: Sym | None = point.facts.noted(("dim", array, axis))
    return known


@range_rules.define(BROADCAST_INDEX)
def _broadcast_index(point: Point, node: Node) -> Decision | None:
    (index, extent), (result,), facts = node.args, node.results, point.facts
    low, high = facts.interval(index)
    facts.restrict(result, min(low, 0), max(high, 0))
    if facts.is_at_most(index, extent, -1):
        facts.relate(result, extent, -1)
    return None
