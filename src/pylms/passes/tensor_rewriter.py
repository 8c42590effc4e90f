"""Rewriting tensor nodes one by one: what `simplify_tensors` and its rules share.

In: a function. Out: the same function with every node offered, operands first, to the rule of its primitive. A rule
gives the atom that replaces the node's result, or None to keep the node; nodes it emits are simplified in turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from ..ir.builder import Builder
from ..ir.node import Atom, AttributeValue, Block, Function, Node, Sym, walk
from ..ir.ops.tensors import BROADCAST
from ..ir.primitive import Primitive, RuleTable
from ..ir.types import TensorType
from ..loc import Loc
from .rewrite import replace_atoms, with_blocks, with_body, with_nodes

SimplifyRule = Callable[["TensorRewriter", Node], "Atom | None"]

simplify_rules: RuleTable[SimplifyRule] = RuleTable("simplify")


def shape_of(atom: Atom) -> tuple[int, ...]:
    """The shape of a tensor; () for a scalar."""
    return atom.type.shape if isinstance(atom.type, TensorType) else ()


def count_uses(function: Function) -> Counter[Sym]:
    """How often each symbol is an argument or a block's result."""
    uses: Counter[Sym] = Counter(atom for atom in function.body.results if isinstance(atom, Sym))
    for node in walk(function.body):
        uses.update(arg for arg in node.args if isinstance(arg, Sym))
        for block in node.blocks:
            uses.update(atom for atom in block.results if isinstance(atom, Sym))
    return uses


class TensorRewriter:
    """The state of one run: what has been replaced, what defines each symbol, how often each is used."""

    def __init__(self, function: Function) -> None:
        self._builder = Builder.after(function)
        self._function = function
        self._uses = count_uses(function)
        self._replacements: dict[Sym, Atom] = {}
        self._definitions: dict[Sym, Node] = {}

    def run(self) -> Function:
        body = self._rewrite_block(self._function.body)
        return with_body(self._function, body)

    # ---- what rules ask

    def definition(self, atom: Atom, *primitives: Primitive) -> Node | None:
        """The node that defines `atom`, if it is one of these primitives."""
        node = self._definitions.get(atom) if isinstance(atom, Sym) else None
        return node if node is not None and node.primitive in primitives else None

    def used_once(self, atom: Atom) -> bool:
        """Whether the node being simplified is the only user of `atom`."""
        return isinstance(atom, Sym) and self._uses[atom] == 1

    def scalar_of(self, atom: Atom) -> Atom | None:
        """The number that every element of the tensor `atom` is, where it is the broadcast of one."""
        node = self.definition(atom, BROADCAST)
        return node.args[0] if node is not None and shape_of(node.args[0]) == () else None

    # ---- what rules do

    def emit(self, primitive: Primitive, args: Sequence[Atom], loc: Loc, **attrs: AttributeValue) -> Atom:
        """The value of a new node, itself simplified."""
        node = self._builder.node(primitive, args, loc=loc, attrs=attrs)
        self._uses.update(arg for arg in node.args if isinstance(arg, Sym))
        value = self._simplify(node)
        if value is not node.results[0]:
            self._release(node)
        return value

    def broadcast(self, atom: Atom, shape: tuple[int, ...], axes: tuple[int, ...], loc: Loc) -> Atom:
        return self.emit(BROADCAST, (atom,), loc, shape=shape, axes=axes)

    # ---- the walk

    def _simplify(self, node: Node) -> Atom:
        if node.primitive in simplify_rules:
            replacement = simplify_rules[node.primitive](self, node)
            if replacement is not None:
                return replacement
        self._append(node)
        return node.results[0]

    def _append(self, node: Node) -> None:
        self._builder.append(node)
        for symbol in node.results:
            self._definitions[symbol] = node

    def _rewrite_block(self, block: Block) -> Block:
        with self._builder.block(block.params) as scope:
            for node in block.nodes:
                self._rewrite_node(node)
            return with_nodes(block, scope.nodes, replace_atoms(block.results, self._replacements))

    def _rewrite_node(self, node: Node) -> None:
        blocks = [self._rewrite_block(block) for block in node.blocks]
        node = with_blocks(node, replace_atoms(node.args, self._replacements), blocks)
        if node.primitive not in simplify_rules:
            self._append(node)
            return
        (result,) = node.results
        before = len(self._builder.scope.nodes)
        value = self._simplify(node)
        if value is result:
            return
        if isinstance(value, Sym):
            self._uses[value] += self._uses[result]
        self._release(node)
        is_new = len(self._builder.scope.nodes) > before
        if not (is_new and self._keep_name(value, result)):
            self._replacements[result] = value

    def _release(self, node: Node) -> None:
        """`node` is gone: its arguments have one use less, and what has none left goes as well."""
        for arg in node.args:
            if not isinstance(arg, Sym):
                continue
            self._uses[arg] -= 1
            definition = self._definitions.get(arg)
            if self._uses[arg] == 0 and definition is not None and definition.effect.is_pure:
                self._release(definition)

    def _keep_name(self, value: Atom, result: Sym) -> bool:
        """Let the node just emitted define the old symbol, which has the user's name; False if it cannot."""
        nodes = self._builder.scope.nodes
        if not nodes or not isinstance(value, Sym) or value.name or nodes[-1].results != (value,):
            return False
        last = nodes.pop()
        self._append(Node((result,), last.primitive, last.args, last.attrs, last.blocks, last.effect, last.loc))
        return True
