"""Arrays of sums (products of matrices, sums over columns) in the order that memory lies in.

Where each element is a sum, product or extreme over some indices, and what is summed up lies along the last index of
the element, a loop over those indices goes around the one over the elements of a row: each round adds to all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.node import Atom, Block, Node
from ...ir.ops.array_nests import ARRAY_REDUCE, BROADCAST_INDEX, FOLDS, empty_result
from ...ir.ops.arrays import ARRAY_LOAD
from ...ir.types import ScalarType
from .array_loops import ArrayNest, loop
from .emitter import Emitter
from .literals import literal, scalar_c_type


def accumulates(block: Block) -> bool:
    """Whether a nest with this block is better written so."""
    if not block.params or not block.nodes:
        return False
    reduction = block.nodes[-1]
    if reduction.primitive is not ARRAY_REDUCE or reduction.results != block.results:
        return False
    if reduction.attr("kind") not in FOLDS or any(node.blocks for node in block.nodes[:-1]):
        return False
    (inner,) = reduction.blocks
    return not any(node.blocks for node in inner.nodes) and _goes_along(block.params[-1], inner)


def _goes_along(last: Atom, inner: Block) -> bool:
    """Whether elements next to each other in a row are made of elements next to each other, over all that is summed."""
    stands_for: dict[Atom, Atom] = {}
    for node in inner.nodes:
        if node.primitive is BROADCAST_INDEX:
            stands_for[node.results[0]] = node.args[0]
        elif node.primitive is ARRAY_LOAD and len(node.args) > 2:
            *others, end = [stands_for.get(index, index) for index in node.args[1:]]
            if end == last and any(param in others for param in inner.params):
                return True
    return False


def write_accumulation(emitter: Emitter, block: Block, target: str, extents: Sequence[str]) -> None:
    """The loops that fill `target`, whose dimensions have those extents."""
    reduction = block.nodes[-1]
    (inner,) = reduction.blocks
    summed = [emitter.expression(extent) for extent in reduction.args]
    *rows, last = block.params
    whole = Block((*rows, *inner.params, last), (*block.nodes[:-1], *inner.nodes), inner.results)
    nest = ArrayNest(emitter, whole)
    places = [*nest.names[: len(rows)], nest.names[-1]]
    element = f"{target}({', '.join(places)})"
    _write(nest, _Accumulation(reduction, element, len(rows)), [*extents[:-1], *summed, extents[-1]], 0)


class _Accumulation:
    """What is done to one element: once at the start, and then for each set of indices that are summed over."""

    def __init__(self, reduction: Node, element: str, rows: int) -> None:
        self.kind = str(reduction.attr("kind"))
        self.element = element
        self.rows = rows
        type_ = reduction.results[0].type
        assert isinstance(type_, ScalarType)
        self.type = type_

    def start(self) -> str:
        return f"{self.element} = {literal(empty_result(self.kind, self.type)).text};"

    def lines(self, emitter: Emitter, value: str) -> list[str]:
        if self.kind in ("sum", "prod"):
            return [f"{self.element} {'+=' if self.kind == 'sum' else '*='} {value};"]
        name, sign = emitter.fresh_name("value"), "<" if self.kind == "min" else ">"
        is_nan = f" || {name} != {name}" if self.type.is_float else ""
        declared = f"const {scalar_c_type(self.type)} {name} = {value};"
        return [declared, f"{self.element} = {name} {sign} {self.element}{is_nan} ? {name} : {self.element};"]


def _write(nest: ArrayNest, accumulation: _Accumulation, extents: Sequence[str], depth: int) -> None:
    """What stands at `depth`, and the loops within."""
    emitter = nest.emitter
    is_innermost = depth == nest.rank - 1
    nest.write_nodes(depth)
    if depth == accumulation.rows:
        with loop(nest, nest.rank - 1, extents[-1], independent=False):
            emitter.line(accumulation.start())
    with loop(nest, depth, extents[depth], independent=is_innermost):
        if not is_innermost:
            _write(nest, accumulation, extents, depth + 1)
            if depth == 0:
                emitter.poll()
            return
        nest.write_nodes(nest.rank)
        for line in accumulation.lines(emitter, nest.result()):
            emitter.line(line)
