"""Which results may be written straight into a variable that is to receive them.

In: a block, and the C++ variables that its results go to at its end (carried values, results of branches). Out: for
a number among the results, its variable, if nothing that runs after it reads what the variable holds until then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...ir.node import Atom, Block, Node, Sym
from .literals import is_in_register
from .usage import symbols_used


@dataclass(frozen=True, slots=True)
class Destination:
    """The variable for a result, and what still runs or is read before the block ends."""

    name: str
    following: Sequence[Node]
    others: Sequence[Atom]

    def is_free(self, name_of: Mapping[Sym, str]) -> bool:
        """Whether nobody reads the variable's present value from here on."""
        read = [*symbols_used(self.following), *(atom for atom in self.others if isinstance(atom, Sym))]
        return all(name_of.get(symbol) != self.name for symbol in read)


def destinations_of(block: Block, names: Sequence[str]) -> dict[Sym, Destination]:
    """For the results that the block's own nodes define, where they may go; `names` has a variable for each result."""
    definers = {symbol: index for index, node in enumerate(block.nodes) for symbol in node.results}
    found: dict[Sym, Destination] = {}
    for position, (result, name) in enumerate(zip(block.results, names, strict=True)):
        if isinstance(result, Sym) and result in definers and is_in_register(result.type):
            others = (*block.results[:position], *block.results[position + 1 :])
            found[result] = Destination(name, block.nodes[definers[result] + 1 :], others)
    return found
