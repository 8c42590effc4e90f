"""What emission has to know about a loop nest before it writes one: its loops, and the depth that everything stands at.

In: a `fused` node. Out: a `NestShape`. Depth 0 is outside all loops; what depends on the index of axis d stands in
loop d + 1. Trailing axes that every access walks through in memory order are one loop ("flat").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from ...ir.node import Atom, Block, Node, Sym
from ...ir.ops.fusion import ELEMENT_AT
from ...ir.ops.tensors import integers_of


def shape_attribute(node: Node) -> tuple[int, ...]:
    """The attribute `shape`."""
    return integers_of(node, "shape")


def nodes_within(nodes: Sequence[Node]) -> Iterator[Node]:
    """The nodes, and those of the reductions among them."""
    for node in nodes:
        yield node
        for block in node.blocks:
            yield from nodes_within(block.nodes)


def atoms_used(node: Node) -> Iterator[Atom]:
    """All that a node uses, the blocks of a reduction included."""
    for inner in nodes_within((node,)):
        yield from inner.args
        for block in inner.blocks:
            yield from block.results


@dataclass(frozen=True, slots=True)
class Access:
    """An `element_at`: what it reads, with one index an axis of an array of that shape."""

    source: Atom
    shape: tuple[int, ...]
    indices: tuple[Atom, ...]

    @staticmethod
    def of(node: Node) -> Access:
        return Access(node.args[0], shape_attribute(node), node.args[1:])

    def long_axes(self) -> list[tuple[Atom, int]]:
        """Index and extent of the axes of more than one element."""
        return [(index, extent) for index, extent in zip(self.indices, self.shape, strict=True) if extent != 1]


@dataclass(frozen=True, slots=True)
class NestShape:
    """loops: the extents of the loops; `flat` indices at the end share the last one. depths: of the nodes' results."""

    loops: tuple[int, ...]
    flat: tuple[Sym, ...]
    depths: dict[Sym, int]

    def depth(self, atom: Atom) -> int:
        return self.depths.get(atom, 0) if isinstance(atom, Sym) else 0


def shape_of_nest(params: Sequence[Sym], block: Block, extents: tuple[int, ...], ranks: Sequence[int]) -> NestShape:
    """The loops for a block with these indices; `ranks` tell how many of them each result depends on."""
    flat = _flat_axes(params, block, extents, ranks)
    kept = len(extents) - len(flat)
    loops = (*extents[:kept], prod(extents[kept:])) if flat else extents
    depths = {param: min(axis + 1, len(loops)) for axis, param in enumerate(params)}
    for node in block.nodes:
        depth = max((depths.get(atom, 0) for atom in atoms_used(node) if isinstance(atom, Sym)), default=0)
        depths.update((result, depth) for result in node.results)
    return NestShape(loops, tuple(params[kept:]) if flat else (), depths)


def _flat_axes(params: Sequence[Sym], block: Block, extents: tuple[int, ...], ranks: Sequence[int]) -> tuple[Sym, ...]:
    """The most trailing axes, two at least, that can be one loop."""
    for first in range(len(params) - 1):
        chosen = tuple(params[first:])
        if any(first < rank < len(params) for rank in ranks):
            continue
        if all(_is_flat(node, chosen, extents[first:]) for node in nodes_within(block.nodes)):
            return chosen
    return ()


def _is_flat(node: Node, params: tuple[Sym, ...], extents: tuple[int, ...]) -> bool:
    """Whether a node uses all the indices, to walk through memory, or none."""
    if not any(arg in params for arg in node.args):
        return True
    if node.primitive is not ELEMENT_AT:
        return False
    axes = Access.of(node).long_axes()
    walked = [(param, extent) for param, extent in zip(params, extents, strict=True) if extent != 1]
    before = axes[: len(axes) - len(walked)]
    return axes[len(before) :] == walked and not any(index in params for index, _ in before)
