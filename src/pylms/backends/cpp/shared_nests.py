"""Loop nests that a program has several times, on other memory: one C++ function for all of them.

In: a legalised function. Out: for a nest, its `Form` where enough others have the same. Two nests have one form if they
differ only in the tensors, buffers and numbers they take from outside, in where they write, and in constant positions:
those become parameters. Unrolled steps of time are made of such nests, and compilers take as long for each copy as for
the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from ...ir.builder import rebuild
from ...ir.node import Atom, Block, Const, Function, Node, Sym, walk
from ...ir.ops.arithmetic import ADD
from ...ir.ops.fusion import ELEMENT_AT, FUSED
from ...ir.types import INT64
from ...passes.rewrite import with_results
from .literals import is_in_register

FEWEST = 3
"""How many nests of one form make a function worth its call."""


@dataclass(frozen=True, slots=True)
class Form:
    """key: what nests of one form have in common. operands, positions: what each has of its own, in order.

    varying: numbers of the positions that are not the same in all nests of the form.
    """

    key: Hashable
    operands: tuple[Sym, ...]
    positions: tuple[Const, ...]
    varying: tuple[int, ...] = ()


class SharedNests:
    """Which forms a program has often enough, and the functions written for them so far."""

    def __init__(self, functions: Iterable[Function]) -> None:
        self._forms: dict[Node, Form] = {}
        for function in functions:
            for node in walk(function.body):
                if node.primitive is FUSED and not any(is_in_register(result.type) for result in node.results):
                    self._forms[node] = form_of(node)
        groups: defaultdict[Hashable, list[Form]] = defaultdict(list)
        for form in self._forms.values():
            groups[form.key].append(form)
        varying = {key: _varying(forms) for key, forms in groups.items() if len(forms) >= FEWEST}
        self._forms = {
            node: replace(form, varying=varying[form.key]) for node, form in self._forms.items() if form.key in varying
        }
        self.functions: dict[Hashable, tuple[str, tuple[str, ...]]] = {}
        """Their names, and what they take before the operands."""

    def form(self, node: Node) -> Form | None:
        """The nest's form, where it is to be a call."""
        return self._forms.get(node)


def _varying(forms: Sequence[Form]) -> tuple[int, ...]:
    columns = zip(*(form.positions for form in forms), strict=True)
    return tuple(number for number, column in enumerate(columns) if len(set(column)) > 1)


def form_of(node: Node) -> Form:
    """What a nest has in common with others, and what not. Destinations and results come first among the operands."""
    reader = _Reader()
    targets = [reader.atom(target) for target in (*node.args, *node.results)]
    body = reader.block(node.blocks[0])
    return Form((tuple(targets), node.attrs, body), tuple(reader.operands), tuple(reader.positions))


@dataclass(slots=True)
class _Reader:
    """Numbers what is met."""

    operands: dict[Sym, int] = field(default_factory=dict)
    positions: list[Const] = field(default_factory=list)
    _own: dict[Sym, int] = field(default_factory=dict)

    def block(self, block: Block) -> Hashable:
        for param in block.params:
            self._own[param] = len(self._own)
        nodes = [self._node(node) for node in block.nodes]
        return len(block.params), tuple(nodes), tuple(self.atom(result) for result in block.results)

    def _node(self, node: Node) -> Hashable:
        args = tuple(
            self._position(arg) if _is_position(node, index) else self.atom(arg) for index, arg in enumerate(node.args)
        )
        blocks = tuple(self.block(block) for block in node.blocks)
        for result in node.results:
            self._own[result] = len(self._own)
        return node.primitive, args, node.attrs, blocks, tuple(result.type for result in node.results)

    def _position(self, atom: Atom) -> Hashable:
        if not isinstance(atom, Const):
            return self.atom(atom)
        self.positions.append(atom)
        return "position"

    def atom(self, atom: Atom) -> Hashable:
        if isinstance(atom, Const):
            return atom
        if atom in self._own:
            return "own", self._own[atom]
        number = self.operands.setdefault(atom, len(self.operands))
        return "operand", number, atom.type


def _is_position(node: Node, index: int) -> bool:
    """Whether an argument is an index, or a part of one."""
    is_index = node.primitive is ADD or (node.primitive is ELEMENT_AT and index > 0)
    return is_index and node.args[index].type == INT64


def with_parameters(node: Node, operands: dict[Sym, Sym], positions: Sequence[Atom]) -> Node:
    """The nest with other operands and constant positions, the latter in the order in which they are met."""
    remaining = iter(positions)

    def renamed(atom: Atom) -> Atom:
        return operands.get(atom, atom) if isinstance(atom, Sym) else atom

    def rewritten(each: Node) -> Node:
        args = [
            next(remaining) if _is_position(each, index) and isinstance(arg, Const) else renamed(arg)
            for index, arg in enumerate(each.args)
        ]
        return rebuild(each, args, [of_block(block) for block in each.blocks])

    def of_block(block: Block) -> Block:
        nodes = tuple(rewritten(each) for each in block.nodes)
        return Block(block.params, nodes, tuple(renamed(result) for result in block.results))

    args = [renamed(arg) for arg in node.args]
    results = [operands[result] for result in node.results]
    return with_results(node, results, args, [of_block(node.blocks[0])])
