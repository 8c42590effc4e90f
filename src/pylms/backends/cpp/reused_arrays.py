"""Arrays that a loop makes in each round and that no round leaves behind: their memory serves the next one as well."""

from __future__ import annotations

from ...ir.node import Atom, Block, Function, Sym
from ...ir.ops.array_nests import ARRAY_BUILD, NESTS
from ...ir.ops.arrays import ARRAY_DIM, ARRAY_LOAD, ARRAY_NEW, ARRAY_STORE, VIEWS
from ...ir.ops.control import FOR, WHILE

_KEEPING = frozenset({ARRAY_LOAD, ARRAY_STORE, ARRAY_DIM, *NESTS})
"""What takes an array without handing it on."""


def arrays_made_again(function: Function) -> frozenset[Sym]:
    """The arrays whose memory may be taken again when the node that made them runs again."""
    search = _Search()
    search.block(function.body, in_loop=False)
    return frozenset(search.made_in_loops - search.handed_on)


class _Search:
    """One walk over a function; views stand for the array that they show."""

    def __init__(self) -> None:
        self.made_in_loops: set[Sym] = set()
        self.handed_on: set[Sym] = set()
        self._shown: dict[Atom, Sym] = {}

    def block(self, block: Block, *, in_loop: bool) -> None:
        for node in block.nodes:
            if node.primitive in (ARRAY_BUILD, ARRAY_NEW):
                (made,) = node.results
                self._shown[made] = made
                if in_loop:
                    self.made_in_loops.add(made)
            elif node.primitive in VIEWS:
                if node.args[0] in self._shown:
                    self._shown[node.results[0]] = self._shown[node.args[0]]
            elif node.primitive not in _KEEPING:
                self._hand_on(node.args)
            for inner in node.blocks:
                self.block(inner, in_loop=in_loop or node.primitive in (FOR, WHILE))
        self._hand_on(block.results)

    def _hand_on(self, atoms: tuple[Atom, ...]) -> None:
        self.handed_on.update(self._shown[atom] for atom in atoms if atom in self._shown)
