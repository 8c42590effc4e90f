"""Evaluating what is known: operations on constants, branches and loops whose course is decided.

In: a function. Out: the same with exact results in place of constant operations (`fold_rules` says which), with the
taken block in place of a decided `if`, and the initial values in place of a loop that never runs. Nothing that would
raise is folded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.node import Atom, Block, Const, Function, Node
from ..ir.ops.arithmetic import SELECT
from ..ir.ops.control import CHECK, FOR, IF, WHILE
from . import fold_rules_numbers  # noqa: F401 - fills the table of rules
from .fold_rules import fold_rules
from .rewrite import Replacements, replace_atoms, trip_count, with_blocks, with_body, with_nodes


@dataclass(frozen=True)
class Fold:
    """Constant folding."""

    name: ClassVar[str] = "fold"

    def run(self, function: Function) -> Function:
        return with_body(function, _Folder().block(function.body))


class _Folder:
    """One walk in program order; constants found replace symbols in all that follows."""

    def __init__(self) -> None:
        self._replacements: Replacements = {}

    def block(self, block: Block) -> Block:
        nodes: list[Node] = []
        self._nodes(block.nodes, nodes)
        results = replace_atoms(block.results, self._replacements)
        return with_nodes(block, nodes, results)

    def _nodes(self, nodes: Sequence[Node], out: list[Node]) -> None:
        for node in nodes:
            args = replace_atoms(node.args, self._replacements)
            if node.blocks:
                self._control(node, args, out)
            elif not self._known(node, args):
                out.append(with_blocks(node, args, ()))

    def _known(self, node: Node, args: tuple[Atom, ...]) -> bool:
        """Whether the node may go, its result (if it has one) being replaced."""
        if node.primitive is SELECT and isinstance(args[0], Const):
            self._replacements[node.results[0]] = args[1] if args[0].value else args[2]
            return True
        if node.primitive is CHECK:
            return isinstance(args[0], Const) and bool(args[0].value)
        folded = _evaluate(node, args)
        if folded is None:
            return False
        self._replacements[node.results[0]] = folded
        return True

    def _control(self, node: Node, args: tuple[Atom, ...], out: list[Node]) -> None:
        if node.primitive is IF and isinstance(args[0], Const):
            self._inline(node, node.blocks[0] if args[0].value else node.blocks[1], out)
        elif node.primitive is FOR and trip_count(args) == 0:
            self._replace_results(node, args[3:])
        elif node.primitive is WHILE and self._ends_at_once(node.blocks[0], args):
            condition = node.blocks[0]
            self._replacements.update(zip(condition.params, args, strict=True))
            self._nodes(condition.nodes, out)
            self._replace_results(node, args)
        else:
            out.append(with_blocks(node, args, [self.block(block) for block in node.blocks]))

    def _inline(self, node: Node, block: Block, out: list[Node]) -> None:
        self._nodes(block.nodes, out)
        self._replace_results(node, replace_atoms(block.results, self._replacements))

    def _replace_results(self, node: Node, values: Sequence[Atom]) -> None:
        self._replacements.update(zip(node.results, values, strict=True))

    def _ends_at_once(self, condition: Block, args: tuple[Atom, ...]) -> bool:
        """Whether the condition, computed for the initial values, is surely false."""
        values: Replacements = dict(zip(condition.params, args, strict=True))
        for node in condition.nodes:
            if node.blocks:
                return False
            known = replace_atoms(replace_atoms(node.args, self._replacements), values)
            folded = _evaluate(node, known)
            if folded is not None:
                values[node.results[0]] = folded
        (holds,) = replace_atoms(replace_atoms(condition.results, self._replacements), values)
        return isinstance(holds, Const) and not holds.value


def _evaluate(node: Node, args: tuple[Atom, ...]) -> Const | None:
    constants = tuple([arg for arg in args if isinstance(arg, Const)])
    if len(constants) != len(args) or not constants or node.primitive not in fold_rules:
        return None
    return fold_rules[node.primitive](constants, dict(node.attrs))
