"""Sums of tensors that were placed side by side, the derivative of slicing: they are joins.

In: the operands of an addition. Out: `place(concat(...))` where they are placements of neighbours along one dimension.
"""

from __future__ import annotations

from ..ir.node import Atom, Node
from ..ir.ops.arithmetic import ADD
from ..ir.ops.tensor_regions import CONCAT, PLACE
from ..ir.ops.tensors import integers_of
from .tensor_rewriter import TensorRewriter, shape_of


def sum_of_places(rewriter: TensorRewriter, node: Node) -> Atom | None:
    """What the sum is, if every summand is the placement of a part and the parts follow one another without a gap."""
    places = _summands(rewriter, node)
    if places is None:
        return None
    starts = [integers_of(place, "starts") for place in places]
    differing = [axis for axis, column in enumerate(zip(*starts, strict=True)) if len(set(column)) > 1]
    if len(differing) != 1 or any(set(integers_of(place, "steps")) != {1} for place in places):
        return None
    (axis,) = differing
    order = sorted(range(len(places)), key=lambda index: starts[index][axis])
    parts = [places[index].args[0] for index in order]
    if len({_without(shape_of(part), axis) for part in parts}) != 1:
        return None
    position = starts[order[0]][axis]
    for index, part in zip(order, parts, strict=True):
        if starts[index][axis] != position:
            return None
        position += shape_of(part)[axis]
    joined = rewriter.emit(CONCAT, parts, node.loc, axis=axis)
    attrs = {name: integers_of(places[order[0]], name) for name in ("shape", "starts", "steps")}
    return rewriter.emit(PLACE, (joined,), node.loc, **attrs)


def _summands(rewriter: TensorRewriter, node: Node) -> list[Node] | None:
    """The placements that are added up; None where anything else is."""
    found: list[Node] = []
    pending = list(node.args)
    while pending:
        atom = pending.pop()
        place = rewriter.definition(atom, PLACE)
        if place is not None:
            found.append(place)
            continue
        inner = rewriter.definition(atom, ADD)
        if inner is None or not rewriter.used_once(atom):
            return None
        pending += inner.args
    return found


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])
