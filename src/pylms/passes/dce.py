"""Dropping what nobody needs.

In: a function. Out: the same without nodes, results of branches and values carried by loops that neither the function's
results nor anything seen from outside depends on. By marking: from what must stay, along what it needs, however loops
tie the knot.

A `while` stays, since it may never end, unless it surely does. Writes to a variable or buffer that the
function made itself stay only where its content is needed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from ..ir.effects import Place
from ..ir.node import Atom, Block, Const, Function, Node, Sym
from ..ir.ops.arithmetic import ADD, GE, GT, LE, LT, SUB
from ..ir.ops.control import FOR, IF, WHILE
from ..ir.types import INT
from .rewrite import makes_memory, with_blocks, with_body, with_results

# Of `for`, the arguments before the carried values: start, stop, step.
_RANGE_ARGUMENTS = 3
_STRUCTURED = (IF, WHILE, FOR)
_UPWARDS = (LT, LE)
_DOWNWARDS = (GT, GE)
Item = TypeVar("Item")


@dataclass(frozen=True)
class EliminateDeadCode:
    """Removal of what is not needed."""

    name: ClassVar[str] = "dce"

    def run(self, function: Function) -> Function:
        marker = _Marker()
        marker.read(function.body, None)
        marker.need_atoms(function.body.results)
        marker.run()
        return with_body(function, _sweep(function.body, marker))


class _Marker:
    """Which nodes and symbols are needed: first `read` what there is, then `run` from the roots."""

    def __init__(self) -> None:
        self.nodes: set[Node] = set()
        self.symbols: set[Sym] = set()
        self._pending: list[Sym] = []
        self._definitions: dict[Sym, Node] = {}
        self._parents: dict[Node, Node | None] = {}
        self._carried: dict[Sym, tuple[Node, int]] = {}
        self._own_memory: set[Place] = set()
        self._writers: defaultdict[Place, list[Node]] = defaultdict(list)
        self._roots: list[Node] = []

    def read(self, block: Block, parent: Node | None) -> None:
        """Learn what defines, encloses and writes what, and which nodes stay whatever happens."""
        for node in block.nodes:
            self._parents[node] = parent
            for result in node.results:
                self._definitions[result] = node
            if makes_memory(node):
                self._own_memory.update(node.results)
            if node.primitive not in _STRUCTURED:
                self._read_effect(node)
            else:
                self._read_params(node)
                if node.primitive is WHILE and not surely_ends(node):
                    self._roots.append(node)
            for inner in node.blocks:
                self.read(inner, node)

    def _read_effect(self, node: Node) -> None:
        effect = node.effect
        if effect.io or effect.keep or not effect.writes <= self._own_memory:
            self._roots.append(node)
        else:
            for place in effect.writes:
                self._writers[place].append(node)

    def _read_params(self, node: Node) -> None:
        skipped = 1 if node.primitive is FOR else 0
        for block in node.blocks:
            for index, param in enumerate(block.params[skipped:]):
                self._carried[param] = (node, index)

    def run(self) -> None:
        """Mark all that the roots, and the symbols asked for, need."""
        for root in self._roots:
            self._need_node(root)
        while self._pending:
            symbol = self._pending.pop()
            carried = self._carried.get(symbol)
            if carried is not None:
                self._need_carried(*carried)
            node = self._definitions.get(symbol)
            if node is not None:
                self._need_node(node)
                self._need_result(node, symbol)
            for writer in self._writers.get(symbol, ()):
                self._need_node(writer)

    def need_atoms(self, atoms: Iterable[Atom]) -> None:
        for atom in atoms:
            if isinstance(atom, Sym) and atom not in self.symbols:
                self.symbols.add(atom)
                self._pending.append(atom)

    def _need_node(self, node: Node) -> None:
        """The node runs: what decides how is needed, and so is all that encloses it."""
        current: Node | None = node
        while current is not None and current not in self.nodes:
            self.nodes.add(current)
            if current.primitive is WHILE:
                self.need_atoms(current.blocks[0].results)
            elif current.primitive is FOR:
                self.need_atoms(current.args[:_RANGE_ARGUMENTS])
            else:
                self.need_atoms(current.args)
            if current.blocks and current.primitive not in _STRUCTURED:
                for block in current.blocks:
                    self.need_atoms(block.results)
            current = self._parents[current]

    def _need_result(self, node: Node, symbol: Sym) -> None:
        if node.primitive is IF:
            index = node.results.index(symbol)
            self.need_atoms(block.results[index] for block in node.blocks)
        elif node.primitive in (WHILE, FOR):
            self._need_carried(node, node.results.index(symbol))

    def _need_carried(self, node: Node, index: int) -> None:
        first = _RANGE_ARGUMENTS if node.primitive is FOR else 0
        body = node.blocks[-1]
        param = body.params[index + (1 if node.primitive is FOR else 0)]
        self.need_atoms((param, node.args[first + index], body.results[index]))

    def kept_results(self, node: Node) -> list[int]:
        """The positions of results of a branch, or carried values of a loop, that stay."""
        if node.primitive is IF:
            return [index for index, result in enumerate(node.results) if result in self.symbols]
        params = node.blocks[-1].params[1 if node.primitive is FOR else 0 :]
        # The parameters of the condition block stand for the same values and may be what was asked for.
        return [index for index, param in enumerate(params) if param in self.symbols]


def _sweep(block: Block, marker: _Marker) -> Block:
    """The block with what is marked."""
    nodes: list[Node] = []
    changed = False
    for node in block.nodes:
        if node not in marker.nodes:
            changed = True
            continue
        swept = _sweep_control(node, marker) if node.blocks else node
        changed = changed or swept is not node
        nodes.append(swept)
    return Block(block.params, tuple(nodes), block.results) if changed else block


def _sweep_control(node: Node, marker: _Marker) -> Node:
    blocks = [_sweep(block, marker) for block in node.blocks]
    if node.primitive not in _STRUCTURED:
        return with_blocks(node, node.args, blocks)
    kept = marker.kept_results(node)
    if len(kept) == len(node.results):
        return with_blocks(node, node.args, blocks)
    args, index_params = node.args, 1 if node.primitive is FOR else 0
    if node.primitive is not IF:
        fixed = _RANGE_ARGUMENTS if node.primitive is FOR else 0
        args = (*args[:fixed], *_chosen(args[fixed:], kept))
    trimmed = [
        Block(
            (*block.params[:index_params], *_chosen(block.params[index_params:], kept if block.params else ())),
            block.nodes,
            block.results if node.primitive is WHILE and position == 0 else _chosen(block.results, kept),
        )
        for position, block in enumerate(blocks)
    ]
    return with_results(node, _chosen(node.results, kept), args, trimmed)


def _chosen(items: Sequence[Item], kept: Sequence[int]) -> tuple[Item, ...]:
    return tuple([items[index] for index in kept])


def surely_ends(loop: Node) -> bool:
    """Whether a `while` counts a Python int towards a bound that it does not change.

    Its counter reaches the bound or overflows 64 bits, which raises. (Inner loops speak for themselves.)
    """
    condition, body = loop.blocks
    test = next((node for node in condition.nodes if node.results and node.results[0] == condition.results[0]), None)
    if test is None or test.primitive not in (*_UPWARDS, *_DOWNWARDS):
        return False
    left, right = test.args
    upwards = test.primitive in _UPWARDS
    inside = {*condition.params, *[result for node in condition.nodes for result in node.results]}
    for counter, bound, up in ((left, right, upwards), (right, left, not upwards)):
        if isinstance(counter, Sym) and counter.type == INT and counter in condition.params and bound not in inside:
            index = condition.params.index(counter)
            return _advances(body, body.params[index], body.results[index], upwards=up)
    return False


def _advances(body: Block, param: Sym, result: Atom, *, upwards: bool) -> bool:
    """Whether a body makes `result` of its parameter by adding a constant in the right direction."""
    step = next((node for node in body.nodes if result in node.results), None)
    if step is None or step.primitive not in (ADD, SUB) or step.args[0] != param or not isinstance(step.args[1], Const):
        return False
    change = step.args[1].value if step.primitive is ADD else -step.args[1].value
    return change > 0 if upwards else change < 0
