"""Computing once what is computed twice.

In: a function. Out: the same without a node whose value an earlier one, in its block or an enclosing one, has already.
Reads of a buffer count as equal while nothing writes it between; an operation that may raise is merged into an earlier
equal one, which would have raised; a load right after a store is the value stored (once nothing awaits
differentiation, which goes by loads).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

from ..ir.effects import Place
from ..ir.node import Atom, Block, Function, Node, Sym
from ..ir.ops.arithmetic import ADD, EQ, LOGICAL_AND, LOGICAL_OR, MUL, NE, is_unchecked
from ..ir.ops.arrays import ARRAY_LOAD, ARRAY_STORE
from ..ir.ops.buffers import LOAD, LOAD_ELEMENT, STORE, STORE_ELEMENT
from ..ir.ops.control import CHECK, IF
from ..ir.primitive import Primitive
from ..ir.types import ArrayType
from .rewrite import (
    Replacements,
    awaits_differentiation,
    makes_memory,
    replace_atoms,
    with_blocks,
    with_body,
    with_nodes,
)

_COMMUTATIVE = frozenset({ADD, MUL, EQ, NE, LOGICAL_AND, LOGICAL_OR})
_Key = tuple[Hashable, ...]


@dataclass(frozen=True)
class EliminateCommonSubexpressions:
    """Merging of equal computations."""

    name: ClassVar[str] = "cse"

    def run(self, function: Function) -> Function:
        forwards_stores = not awaits_differentiation(function)
        return with_body(function, _Merger(forwards_stores=forwards_stores).block(function.body))


class _Merger:
    """One walk in program order, with the computations available at the point reached.

    `_versions` counts the writes of each buffer: equal versions mean equal contents.
    """

    def __init__(self, *, forwards_stores: bool) -> None:
        self._forwards_stores = forwards_stores
        self._available: dict[_Key, tuple[Atom, ...]] = {}
        self._versions: dict[Place, int] = {}
        self._next_version = count(1)
        self._replacements: Replacements = {}

    def block(self, block: Block) -> Block:
        nodes: list[Node] = []
        added: list[_Key] = []
        for node in block.nodes:
            args = replace_atoms(node.args, self._replacements)
            if node.blocks:
                nodes.append(self._control(node, args))
            else:
                self._plain(with_blocks(node, args, ()), nodes, added)
        for key in added:
            del self._available[key]
        results = replace_atoms(block.results, self._replacements)
        return with_nodes(block, nodes, results)

    def _control(self, node: Node, args: tuple[Atom, ...]) -> Node:
        # What a loop writes may have been written, by an earlier iteration, wherever its body reads.
        if node.primitive is not IF:
            self._written(node)
        blocks = [self.block(block) for block in node.blocks]
        self._written(node)
        return with_blocks(node, args, blocks)

    def _written(self, node: Node) -> None:
        for symbol in node.effect.writes:
            self._versions[symbol] = next(self._next_version)

    def _plain(self, node: Node, nodes: list[Node], added: list[_Key]) -> None:
        effect = node.effect
        if effect.writes or effect.io or makes_memory(node):
            nodes.append(node)
            self._written(node)
            if self._forwards_stores:
                self._offer_stored(node, added)
            return
        key = self._key(node.primitive, node.args, node)
        earlier = self._available.get(key)
        if earlier is None and is_unchecked(node):
            # A checked one that came through has the same value.
            earlier = self._available.get(key[:2])
        if earlier is None:
            self._offer(key, node.results, added)
            nodes.append(node)
        else:
            self._replacements.update(zip(node.results, earlier, strict=True))

    def _key(self, primitive: Primitive, args: tuple[Atom, ...], node: Node) -> _Key:
        if primitive is CHECK:
            # Whatever the error and its message: the earlier check would have left the function.
            return (primitive, args[:1])
        if primitive in _COMMUTATIVE and _order(args[1]) < _order(args[0]):
            args = (args[1], args[0])
        key: _Key = (primitive, args)
        if node.attrs:
            # As text, since 1 == 1.0 == True.
            key = (*key, repr(node.attrs))
        if node.effect.reads:
            key = (*key, frozenset((place, self._versions.get(place, 0)) for place in node.effect.reads))
        return key

    def _offer(self, key: _Key, values: tuple[Atom, ...], added: list[_Key]) -> None:
        self._available[key] = values
        added.append(key)

    def _offer_stored(self, node: Node, added: list[_Key]) -> None:
        """After a store, the value stored is what a load there gives."""
        if node.primitive is ARRAY_STORE:
            array, value, *indices = node.args
            assert isinstance(array.type, ArrayType)
            self._offer(self._load_key(ARRAY_LOAD, (array, *indices), array.type.region), (value,), added)
        if node.primitive not in (STORE, STORE_ELEMENT):
            return
        buffer, value, *indices = node.args
        assert isinstance(buffer, Sym)
        load = LOAD if node.primitive is STORE else LOAD_ELEMENT
        self._offer(self._load_key(load, (buffer, *indices), buffer), (value,), added)

    def _load_key(self, load: Primitive, args: tuple[Atom, ...], place: Place) -> _Key:
        return (load, args, frozenset({(place, self._versions[place])}))


def _order(atom: Atom) -> int:
    """Symbols by age, constants last."""
    return atom.id if isinstance(atom, Sym) else 1 << 62
