"""Dropping Python's checks where analysis proves that they pass (DESIGN D7).

In: a function in SSA form. Out: the same with arithmetic marked that cannot overflow or divide by zero, with checks gone
whose conditions hold, and with known values in place of what is sure: comparisons, extremes, normalised indices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..ir.node import Atom, Attributes, Block, Function, Node
from ..ir.rules import effect_rules
from .ranges import Ranges
from .ranges_rules import Decision
from .rewrite import Replacements, replace_atoms, with_blocks, with_body, with_nodes


@dataclass(frozen=True)
class EliminateChecks:
    """Removal of checks that surely pass."""

    name: ClassVar[str] = "eliminate_checks"

    def run(self, function: Function) -> Function:
        ranges = Ranges(function)
        ranges.facts.introduce_block(function.body)
        ranges.block(function.body)
        return with_body(function, Decided(ranges.decisions).block(function.body))


class Decided:
    """Rewrites nodes as was decided, in program order."""

    def __init__(self, decisions: Mapping[Node, Decision]) -> None:
        self._decisions = decisions
        self._replacements: Replacements = {}

    def block(self, block: Block) -> Block:
        """The block with what was decided about its nodes."""
        nodes: list[Node] = []
        for node in block.nodes:
            self.node(node, nodes)
        return with_nodes(block, nodes, replace_atoms(block.results, self._replacements))

    def node(self, node: Node, nodes: list[Node]) -> None:
        """Append what becomes of the node."""
        decision = self._decisions.get(node)
        if isinstance(decision, tuple):
            nodes.append(_with_attributes(node, replace_atoms(node.args, self._replacements), decision))
        elif decision is None:
            args = replace_atoms(node.args, self._replacements)
            nodes.append(with_blocks(node, args, [self.block(inner) for inner in node.blocks]))
        else:
            (value,) = replace_atoms((decision,), self._replacements)
            self._replacements.update((result, value) for result in node.results)


def _with_attributes(node: Node, args: tuple[Atom, ...], attributes: Attributes) -> Node:
    attrs = (*node.attrs, *[attribute for attribute in attributes if attribute not in node.attrs])
    effect = effect_rules[node.primitive](args, dict(attrs), ())
    return Node(node.results, node.primitive, args, attrs, (), effect, node.loc)
