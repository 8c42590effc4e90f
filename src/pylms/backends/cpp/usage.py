"""What the emitter asks of the IR before it writes anything: how often values are used, and how large blocks are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ...ir.node import Block, Function, Node, Sym

# Operations in one C++ function: compilers take more than linear time in the length of straight-line code.
OPERATIONS_IN_A_FUNCTION = 1000
# And where longer code is split, those of a part with loops over tensors, which take longer each.
_OPERATIONS_ON_TENSORS = 300


def symbols_used_once(function: Function) -> frozenset[Sym]:
    """Symbols used a single time, directly in the block that defines them: by its nodes or as its result."""
    everywhere: Counter[Sym] = Counter()
    at_home: set[Sym] = set()
    _count_uses(function.body, everywhere, at_home)
    return frozenset(symbol for symbol in at_home if everywhere[symbol] == 1)


def _count_uses(block: Block, everywhere: Counter[Sym], at_home: set[Sym]) -> None:
    defined: set[Sym] = set(block.params)
    for node in block.nodes:
        _note_uses(node.args, defined, everywhere, at_home)
        for inner in node.blocks:
            _count_uses(inner, everywhere, at_home)
        defined.update(node.results)
    _note_uses(block.results, defined, everywhere, at_home)


def _note_uses(atoms: Iterable[object], defined: set[Sym], everywhere: Counter[Sym], at_home: set[Sym]) -> None:
    for atom in atoms:
        if isinstance(atom, Sym):
            everywhere[atom] += 1
            if atom in defined:
                at_home.add(atom)


def symbols_used(nodes: Sequence[Node]) -> dict[Sym, None]:
    """The symbols from outside that these nodes use, in order of first use."""
    used: dict[Sym, None] = {}
    defined: set[Sym] = set()
    _collect_uses(nodes, used, defined)
    return {symbol: None for symbol in used if symbol not in defined}


def _collect_uses(nodes: Sequence[Node], used: dict[Sym, None], defined: set[Sym]) -> None:
    for node in nodes:
        used.update((arg, None) for arg in node.args if isinstance(arg, Sym))
        for block in node.blocks:
            defined.update(block.params)
            _collect_uses(block.nodes, used, defined)
            used.update((result, None) for result in block.results if isinstance(result, Sym))
        defined.update(node.results)


class Weights:
    """How many operations blocks put into one C++ function, blocks too large for one being split."""

    def __init__(self, *, of_tensors: bool) -> None:
        self._in_a_part = _OPERATIONS_ON_TENSORS if of_tensors else OPERATIONS_IN_A_FUNCTION
        self._of_block: dict[Block, int] = {}

    def of_block(self, block: Block) -> int:
        """Operations of a block, before it is split itself."""
        weight = self._of_block.get(block)
        if weight is None:
            weight = sum(self.of_node(node) for node in block.nodes)
            self._of_block[block] = weight
        return weight

    def of_node(self, node: Node) -> int:
        """Operations of a node; a block within that is split counts for the calls that it becomes."""
        total = 1
        for block in node.blocks:
            weight = self.of_block(block)
            total += weight if weight <= OPERATIONS_IN_A_FUNCTION else weight // self._in_a_part + 1
        return total

    def parts(self, block: Block) -> list[Sequence[Node]]:
        """The nodes of a block in runs that each fit one function."""
        parts: list[Sequence[Node]] = []
        first, total = 0, 0
        for index, node in enumerate(block.nodes):
            weight = self.of_node(node)
            if total and total + weight > self._in_a_part:
                parts.append(block.nodes[first:index])
                first, total = index, 0
            total += weight
        parts.append(block.nodes[first:])
        return parts
