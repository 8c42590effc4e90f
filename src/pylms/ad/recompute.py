"""What a reverse block computes again, instead of having the forward block keep it.

In: the nodes of a forward block, and the symbols of it that the reverse block needs. Out: those that must be kept, and
nodes that compute the others from them, from what is known there anyway, and from what is outside.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set

from ..ir.builder import Builder
from ..ir.effects import Place
from ..ir.node import Atom, Node, Sym
from ..ir.ops import arithmetic as op
from ..ir.ops.array_nests import BROADCAST_EXTENT, BROADCAST_INDEX
from ..ir.ops.arrays import ARRAY_DIM, ARRAY_LOAD, IN_BOUNDS, NORMALIZE_INDEX, VIEWS
from ..ir.ops.buffers import LOAD, LOAD_ELEMENT, SLICE_ROWS
from ..ir.ops.tensors import BROADCAST, ELEMENT, RESHAPE
from ..ir.types import INT
from .rename import renamed

_INTS_THAT_FIT = frozenset({op.ADD, op.SUB, op.MUL, op.NEG, op.ABS})
"""Where they came through in the forward block, they come through again."""
_CHEAP = frozenset(
    {
        *(*_INTS_THAT_FIT, op.MINIMUM, op.MAXIMUM, *op.COMPARISONS, *op.LOGICAL, op.SELECT, op.CONVERT),
        *(
            BROADCAST_EXTENT,
            BROADCAST_INDEX,
            IN_BOUNDS,
            NORMALIZE_INDEX,
            ARRAY_DIM,
            *VIEWS,
            BROADCAST,
            ELEMENT,
            RESHAPE,
        ),
    }
)

_LOADS = frozenset({ARRAY_LOAD, LOAD, LOAD_ELEMENT, SLICE_ROWS})


class Recomputation:
    """The plan for one block."""

    def __init__(
        self, nodes: Sequence[Node], inside: Collection[Sym], known: Mapping[Sym, Atom], unstable: Set[Place]
    ) -> None:
        """`inside`: the symbols that the block defines; `known`: what stands for some of them in the reverse block.

        `unstable`: memory that may be another when the reverse block runs.
        """
        self._unstable = unstable
        self._nodes = nodes
        self._inside = inside
        self._known = known

    def to_keep(self, needed: Sequence[Sym]) -> list[Sym]:
        """Those of `needed` that do not follow from the others."""
        wanted = set(needed)
        made = {result for node in self._nodes for result in node.results}
        kept = [symbol for symbol in needed if symbol not in made and symbol not in self._known]
        there = {*self._known, *kept}
        for node in self._nodes:
            if self._is_cheap(node) and all(self._is_there(arg, there) for arg in node.args):
                there.update(node.results)
            else:
                kept += [result for result in node.results if result in wanted]
                there.update(wanted.intersection(node.results))
        return kept

    def _is_there(self, atom: Atom, there: Set[Sym]) -> bool:
        return not isinstance(atom, Sym) or atom in there or atom not in self._inside

    def recompute(self, builder: Builder, needed: Sequence[Sym], found: dict[Sym, Atom]) -> None:
        """Emit what computes those of `needed` that are not in `found` yet, and note there where they are."""
        wanted = {symbol for symbol in needed if symbol not in found}
        chosen: list[Node] = []
        for node in reversed(self._nodes):
            if wanted.isdisjoint(node.results):
                continue
            chosen.append(node)
            wanted.update(arg for arg in node.args if isinstance(arg, Sym) and arg not in found)
        for node in reversed(chosen):
            args = [renamed(arg, found) for arg in node.args]
            attrs = dict(node.attrs)
            if node.primitive in _INTS_THAT_FIT and node.args[0].type == INT:
                attrs.update([op.UNCHECKED])
            names = [result.name for result in node.results]
            found.update(
                zip(
                    node.results,
                    builder.emit(node.primitive, args, loc=node.loc, attrs=attrs, names=names),
                    strict=True,
                )
            )

    def _is_cheap(self, node: Node) -> bool:
        if node.primitive in _LOADS:
            return self._unstable.isdisjoint(node.effect.reads)
        if node.primitive not in _CHEAP:
            return False
        return node.effect.is_pure or (node.primitive in _INTS_THAT_FIT and node.args[0].type == INT)
