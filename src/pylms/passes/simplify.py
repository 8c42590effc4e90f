"""Smaller ways to say the same: algebraic identities, decided conditions, values that control flow does not change.

In: a function. Out: the same with `identities` applied; what a condition implies put to use where it holds (inside an
`if`, inside a `while`, after a `check`); results of an `if` that do not depend on it, and values that a loop carries
unchanged, taken from outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from ..ir.builder import Builder
from ..ir.node import Atom, AttributeValue, Block, Const, Function, Node, Sym
from ..ir.ops.arithmetic import EQ, LOGICAL_AND, LOGICAL_NOT, LOGICAL_OR, NE
from ..ir.ops.control import CHECK, FOR, IF, WHILE
from ..ir.ops.tensors import BROADCAST
from ..ir.primitive import Primitive
from ..ir.rules import effect_rules
from ..ir.types import BOOL, ScalarType
from . import identities_arrays  # noqa: F401 - fills the table of rules
from .identities import identity_rules
from .rewrite import Replacements, replace_atoms, with_blocks, with_body, with_nodes, with_results

Item = TypeVar("Item")

_TRUE, _FALSE = Const(True, BOOL), Const(False, BOOL)
# So many pure nodes are computed sooner than branched around.
_FEW_NODES = 16
_NO_ATTRIBUTES: Mapping[str, AttributeValue] = {}


@dataclass(frozen=True)
class Simplify:
    """Local simplification."""

    name: ClassVar[str] = "simplify"

    def run(self, function: Function) -> Function:
        return with_body(function, _Simplifier(Builder.after(function)).block(function.body))


class _Simplifier:
    """One walk in program order; it is the `Facts` that the identities ask."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._replacements: Replacements = {}
        self._definitions: dict[Sym, Node] = {}
        # What a bool is the negation of, also where an inverse comparison has taken the place of `logical_not`.
        self._negations: dict[Sym, Atom] = {}
        self._nodes: list[Node] = []

    # ---- Facts

    def definition(self, atom: Atom, *primitives: Primitive) -> Node | None:
        node = self._definitions.get(atom) if isinstance(atom, Sym) else None
        return node if node is not None and node.primitive in primitives else None

    def constant(self, atom: Atom) -> Const | None:
        if isinstance(atom, Const):
            return atom
        fill = self.definition(atom, BROADCAST)
        return fill.args[0] if fill is not None and isinstance(fill.args[0], Const) else None

    def emit(self, primitive: Primitive, args: tuple[Atom, ...], like: Node) -> Sym:
        node = self._builder.node(primitive, args, loc=like.loc)
        self._append(node)
        return node.results[0]

    def instead(
        self,
        node: Node,
        primitive: Primitive,
        args: tuple[Atom, ...],
        attrs: Mapping[str, AttributeValue] = _NO_ATTRIBUTES,
    ) -> Node:
        effect = effect_rules[primitive](args, attrs, ())
        return Node(node.results, primitive, args, tuple(attrs.items()), (), effect, node.loc)

    # ---- the walk

    def block(self, block: Block, assumptions: Mapping[Sym, Atom] | None = None) -> Block:
        """The block simplified under assumptions that hold throughout."""
        outer, self._nodes = self._nodes, []
        before: dict[Sym, Atom | None] = {}
        self._assume(assumptions or {}, before)
        for node in block.nodes:
            self._node(node, before)
        results = replace_atoms(block.results, self._replacements)
        self._restore(before)
        nodes, self._nodes = self._nodes, outer
        return with_nodes(block, nodes, results)

    def _node(self, node: Node, before: dict[Sym, Atom | None]) -> None:
        args = replace_atoms(node.args, self._replacements)
        if node.primitive is IF:
            self._branch(node, args, before)
        elif node.blocks:
            self._control(node, args)
        elif node.primitive is CHECK:
            self._check(node, args, before)
        else:
            self._plain(with_blocks(node, args, ()))

    def _check(self, node: Node, args: tuple[Atom, ...], before: dict[Sym, Atom | None]) -> None:
        if args[0] != _TRUE:
            self._append(with_blocks(node, args, ()))
            self._assume(self._known_once(args[0], True), before)

    def _plain(self, node: Node) -> None:
        if node.primitive is LOGICAL_NOT:
            self._negations[node.results[0]] = node.args[0]
        while node.primitive in identity_rules:
            better = identity_rules[node.primitive](self, node)
            if better is None:
                break
            if not isinstance(better, Node):
                self._replacements[node.results[0]] = better
                return
            node = better
        self._append(node)

    def _append(self, node: Node) -> None:
        self._nodes.append(node)
        for result in node.results:
            self._definitions[result] = node

    def _control(self, node: Node, args: tuple[Atom, ...]) -> None:
        if node.primitive is WHILE:
            self._while(node, args)
        elif node.primitive is FOR:
            self._for(node, args)
        else:
            self._append(with_blocks(node, args, [self.block(block) for block in node.blocks]))

    # ---- branches

    def _branch(self, node: Node, args: tuple[Atom, ...], before: dict[Sym, Atom | None]) -> None:
        condition, (then, otherwise) = args[0], node.blocks
        while isinstance(condition, Sym) and condition in self._negations:
            (condition,) = replace_atoms((self._negations[condition],), self._replacements)
            then, otherwise = otherwise, then
        then = self.block(then, self._known_once(condition, True))
        otherwise = self.block(otherwise, self._known_once(condition, False))
        if self._only_raises(otherwise):
            self._check(otherwise.nodes[0], (condition,), before)
            self._take(then, node)
            return
        if self._only_raises(then):
            holds = self.emit(LOGICAL_NOT, (condition,), node)
            self._negations[holds] = condition
            self._check(then.nodes[0], (holds,), before)
            self._take(otherwise, node)
            return
        if (logical := self._as_logical(condition, then, otherwise, node)) is not None:
            self._replacements[node.results[0]] = logical
            return
        kept: list[int] = []
        for index, pair in enumerate(zip(then.results, otherwise.results, strict=True)):
            value = self._same_either_way(condition, pair, node)
            if value is None:
                kept.append(index)
            else:
                self._replacements[node.results[index]] = value
        args = args if condition is args[0] else (condition,)
        if len(kept) == len(node.results):
            self._append(with_blocks(node, args, (then, otherwise)))
            return
        blocks = [Block((), block.nodes, _chosen(block.results, kept)) for block in (then, otherwise)]
        self._append(with_results(node, _chosen(node.results, kept), args, blocks))

    def _same_either_way(self, condition: Atom, pair: tuple[Atom, Atom], node: Node) -> Atom | None:
        """What a result of a branch is outside it, if it can be said there.

        A symbol that both sides give was defined before the branch.
        """
        then, otherwise = pair
        if then == otherwise:
            return then
        if pair == (_TRUE, _FALSE):
            return condition
        return self.emit(LOGICAL_NOT, (condition,), node) if pair == (_FALSE, _TRUE) else None

    @staticmethod
    def _only_raises(block: Block) -> bool:
        """Whether the block is one `check` that always fails (an `assert`, a `raise`)."""
        return bool(block.nodes) and block.nodes[0].primitive is CHECK and block.nodes[0].args[0] == _FALSE

    def _take(self, side: Block, node: Node) -> None:
        """A branch of which only one side comes to its end is that side."""
        for each in side.nodes:
            self._append(each)
        self._replacements.update(zip(node.results, side.results, strict=True))

    def _as_logical(self, condition: Atom, then: Block, otherwise: Block, node: Node) -> Atom | None:
        """`and` or `or` of two bools where computing the second one always does no harm."""
        if len(node.results) != 1 or node.results[0].type != BOOL:
            return None
        if otherwise.results == (_FALSE,) and not otherwise.nodes:
            primitive, chosen = LOGICAL_AND, then
        elif then.results == (_TRUE,) and not then.nodes:
            primitive, chosen = LOGICAL_OR, otherwise
        else:
            return None
        if len(chosen.nodes) > _FEW_NODES or not all(each.effect.is_pure and not each.blocks for each in chosen.nodes):
            return None
        for each in chosen.nodes:
            self._append(each)
        return self.emit(primitive, (condition, chosen.results[0]), node)

    # ---- loops

    def _while(self, node: Node, args: tuple[Atom, ...]) -> None:
        condition, body = node.blocks
        kept = self._take_unchanged(node, args, body.results, (condition.params, body.params))
        condition = self.block(condition)
        implied = self._implied(condition.results[0], True)
        in_body = {body.params[index]: implied[param] for index, param in _at(condition.params, implied)}
        outside = {symbol: value for symbol, value in implied.items() if symbol not in condition.params}
        body = self.block(body, {**outside, **in_body})
        ended = self._implied(condition.results[0], False)
        for index, param in _at(condition.params, ended):
            self._replacements.setdefault(node.results[index], ended[param])
        if len(kept) == len(args):
            self._append(with_blocks(node, args, (condition, body)))
            return
        condition = Block(_chosen(condition.params, kept), condition.nodes, condition.results)
        body = Block(_chosen(body.params, kept), body.nodes, _chosen(body.results, kept))
        self._append(with_results(node, _chosen(node.results, kept), _chosen(args, kept), (condition, body)))

    def _for(self, node: Node, args: tuple[Atom, ...]) -> None:
        (body,) = node.blocks
        kept = self._take_unchanged(node, args[3:], body.results, (body.params[1:],))
        body = self.block(body)
        if len(kept) == len(node.results):
            self._append(with_blocks(node, args, (body,)))
            return
        params = (body.params[0], *_chosen(body.params[1:], kept))
        body = Block(params, body.nodes, _chosen(body.results, kept))
        self._append(with_results(node, _chosen(node.results, kept), (*args[:3], *_chosen(args[3:], kept)), (body,)))

    def _take_unchanged(
        self, node: Node, initial: Sequence[Atom], final: Sequence[Atom], params: Sequence[Sequence[Sym]]
    ) -> list[int]:
        """Replace what a loop carries unchanged by its initial value, inside and after; the positions that remain."""
        kept: list[int] = []
        for index, result in enumerate(replace_atoms(tuple(final), self._replacements)):
            if result not in (initial[index], params[-1][index]):
                kept.append(index)
                continue
            self._replacements[node.results[index]] = initial[index]
            for group in params:
                self._replacements[group[index]] = initial[index]
        return kept

    # ---- what conditions imply

    def _implied(self, condition: Atom, truth: bool) -> dict[Sym, Const]:
        """The bools, and the integers that they are compared with constants by, known once `condition` is `truth`."""
        known: dict[Sym, Const] = {}
        pending = [(condition, truth)]
        while pending:
            atom, holds = pending.pop()
            if isinstance(atom, Sym) and atom not in known:
                known[atom] = _TRUE if holds else _FALSE
                known.update(self._equal_constant(atom, holds))
                pending.extend(self._reasons(atom, holds))
        return known

    def _known_once(self, condition: Atom, truth: bool) -> dict[Sym, Atom]:
        """As `_implied`, and the integers that are equal to others: the older ones stand for the younger ones."""
        implied = self._implied(condition, truth)
        known: dict[Sym, Atom] = {**implied}
        for atom, value in implied.items():
            comparison = self.definition(atom, EQ if value == _TRUE else NE)
            if comparison is None or not all(isinstance(arg, Sym) for arg in comparison.args):
                continue
            older, younger = sorted((arg for arg in comparison.args if isinstance(arg, Sym)), key=lambda arg: arg.id)
            if isinstance(older.type, ScalarType) and older.type.is_integer:
                known.setdefault(younger, older)
        return known

    def _equal_constant(self, condition: Sym, truth: bool) -> dict[Sym, Const]:
        """What a comparison says an integer is. (A float that equals zero may have another sign.)"""
        comparison = self.definition(condition, EQ if truth else NE)
        if comparison is None:
            return {}
        left, right = comparison.args
        symbol, constant = (left, right) if isinstance(right, Const) else (right, left)
        if isinstance(symbol, Sym) and isinstance(constant, Const) and constant.type.is_integer:
            return {symbol: constant}
        return {}

    def _reasons(self, condition: Sym, truth: bool) -> Iterator[tuple[Atom, bool]]:
        """What must have been for `condition` to be `truth`."""
        if condition in self._negations:
            yield self._negations[condition], not truth
        node = self.definition(condition, LOGICAL_AND if truth else LOGICAL_OR, IF)
        if node is None:
            return
        if node.primitive is not IF:
            yield from ((arg, truth) for arg in node.args)
            return
        # A side that gives the opposite was not taken.
        index = node.results.index(condition)
        for side, block in zip((True, False), node.blocks, strict=True):
            if block.results[index] == (_FALSE if truth else _TRUE):
                yield node.args[0], not side

    def _assume(self, assumptions: Mapping[Sym, Atom], before: dict[Sym, Atom | None]) -> None:
        """Put assumptions to use, and note in `before` what there was, for `_restore`."""
        for symbol, value in assumptions.items():
            before.setdefault(symbol, self._replacements.get(symbol))
            self._replacements[symbol] = value

    def _restore(self, before: Mapping[Sym, Atom | None]) -> None:
        for symbol, replacement in before.items():
            if replacement is None:
                del self._replacements[symbol]
            else:
                self._replacements[symbol] = replacement


def _chosen(items: Sequence[Item], kept: Sequence[int]) -> tuple[Item, ...]:
    return tuple([items[index] for index in kept])


def _at(params: Sequence[Sym], wanted: Mapping[Sym, Const]) -> Iterator[tuple[int, Sym]]:
    return ((index, param) for index, param in enumerate(params) if param in wanted)
