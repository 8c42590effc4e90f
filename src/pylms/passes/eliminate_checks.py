"""Dropping Python's checks where analysis proves that they pass (DESIGN D7).

In: a function in SSA form. Out: the same with arithmetic marked that cannot overflow or divide by zero, with checks
gone whose conditions hold, and with known values in place of what is sure: comparisons, extremes, normalised indices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..ir.builder import Builder
from ..ir.node import Attributes, Block, Function, Node
from ..ir.ops.control import IF, VERSIONS
from ..ir.rules import effect_rules
from .ranges import Ranges
from .ranges_rules import Decision
from .rewrite import (
    Replacements,
    awaits_differentiation,
    copy_nodes,
    replace_atoms,
    with_blocks,
    with_body,
    with_nodes,
    with_results,
)
from .version_loops import Version, Versions, test_nodes


@dataclass(frozen=True)
class EliminateChecks:
    """Removal of checks that surely pass.

    `versions_loops`: where that can be tested before a loop nest, choose between the nest without and with its checks.
    """

    name: ClassVar[str] = "eliminate_checks"
    versions_loops: bool = True

    def run(self, function: Function) -> Function:
        ranges = Ranges(function)
        versions: dict[Node, Version] = {}
        if self.versions_loops and not awaits_differentiation(function):
            versions = Versions(ranges).found
        ranges.enter(function.body)
        ranges.block(function.body)
        return with_body(function, _Rewriter(ranges.decisions, versions, Builder.after(function)).block(function.body))


class _Rewriter:
    """Rewrites nodes as was decided, in program order."""

    def __init__(
        self,
        decisions: Mapping[Node, Decision],
        versions: Mapping[Node, Version],
        builder: Builder,
        replacements: Replacements | None = None,
    ) -> None:
        self._decisions = decisions
        self._versions = versions
        self._builder = builder
        self._replacements: Replacements = {} if replacements is None else replacements

    def block(self, block: Block) -> Block:
        """The block with what was decided about its nodes."""
        nodes: list[Node] = []
        for node in block.nodes:
            self.node(node, nodes)
        return with_nodes(block, nodes, replace_atoms(block.results, self._replacements))

    def node(self, node: Node, nodes: list[Node]) -> None:
        """Append what becomes of the node."""
        decision = self._decisions.get(node)
        version = self._versions.get(node)
        args = replace_atoms(node.args, self._replacements)
        if version is not None:
            nodes.extend(self._select(node, version))
        elif decision is None or isinstance(decision, tuple):
            rewritten = with_blocks(node, args, [self.block(inner) for inner in node.blocks])
            nodes.append(_with_attributes(rewritten, decision) if decision else rewritten)
        else:
            (value,) = replace_atoms((decision,), self._replacements)
            self._replacements.update((result, value) for result in node.results)

    def _select(self, loop: Node, version: Version) -> list[Node]:
        """The loop twice, and the choice between the two."""
        builder = self._builder
        tests = [
            with_blocks(test, replace_atoms(test.args, self._replacements), ())
            for test in test_nodes(version, builder, loop.loc)
        ]
        sides: list[Block] = []
        for decisions in (version.decisions, self._decisions):
            rewritten: list[Node] = []
            _Rewriter(decisions, {}, builder, dict(self._replacements)).node(loop, rewritten)
            own: Replacements = {}
            copies = copy_nodes(rewritten, builder, own)
            sides.append(Block((), tuple(copies), replace_atoms(loop.results, own)))
        choice = builder.node(IF, tests[-1].results, loc=loop.loc, attrs=dict((VERSIONS,)), blocks=sides)
        return [*tests, with_results(choice, loop.results, choice.args, choice.blocks)]


def _with_attributes(node: Node, attributes: Attributes) -> Node:
    attrs = (*node.attrs, *[attribute for attribute in attributes if attribute not in node.attrs])
    effect = effect_rules[node.primitive](node.args, dict(attrs), node.blocks)
    return Node(node.results, node.primitive, node.args, attrs, node.blocks, effect, node.loc)
