"""Regions of their own for arrays that share memory with no argument, where staging took all arrays to be of one.

In: a program whose arrays are of the shared region as soon as one variable holds arrays of several. Out: the same, with
the arrays that can be one another in a region together: views, what a loop carries, what a call passes. What may
be the memory of an argument, or of the surrounding program, stays in the shared region.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count

from ..ir.call_graph import all_functions, callee_of, with_call_effects
from ..ir.node import Atom, AttributeValue, Block, Function, Node, Sym, walk
from ..ir.ops.array_nests import ARRAY_BUILD
from ..ir.ops.arrays import ARRAY_NEW, ARRAY_OF_BUFFER, VIEWS
from ..ir.ops.control import FINALLY, FOR, IF, WHILE
from ..ir.ops.differentiation import INDEPENDENT, PULLBACK
from ..ir.ops.functions import CALL
from ..ir.ops.tensors import integers
from ..ir.rules import effect_rules
from ..ir.types import SHARED_REGION, ArrayType, Region


def separate_arrays(function: Function) -> Function:
    """The program with as many regions as can be told apart."""
    if not any(_is_shared(symbol) for each in all_functions(function) for symbol in _symbols(each)):
        return function
    together = _Together(function)
    regions = together.regions()
    if not regions:
        return function
    rewriter = _Rewriter(regions)
    main, *others = [replace(each, body=rewriter.block(each.body)) for each in all_functions(function)]
    return with_call_effects(replace(main, functions=tuple(others)))


def _symbols(function: Function) -> Iterable[Sym]:
    yield from function.params
    for node in walk(function.body):
        yield from node.results
        for block in node.blocks:
            yield from block.params


def _is_shared(atom: Atom) -> bool:
    return isinstance(atom.type, ArrayType) and atom.type.region == SHARED_REGION


class _Together:
    """Which arrays of the shared region can be one another: classes, each with a symbol that stands for it."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._functions = {each.name: each for each in all_functions(function)}
        self._parents: dict[Sym, Sym] = {}
        for each in all_functions(function):
            for node in walk(each.body):
                self._node(node)

    def regions(self) -> dict[Sym, Region]:
        """New regions of arrays, where they have such."""
        outside = {self._find(param) for param in self._function.params if _is_shared(param)}
        symbols = [symbol for each in self._functions.values() for symbol in _symbols(each)]
        for each in self._functions.values():
            buffers = [node.results[0] for node in walk(each.body) if node.primitive is ARRAY_OF_BUFFER]
            outside.update(self._find(array) for array in buffers if _is_shared(array))
        highest = max(symbol.type.region.number for symbol in symbols if isinstance(symbol.type, ArrayType))
        numbers = count(highest + 1)
        of_class: dict[Sym, Region] = {}
        found: dict[Sym, Region] = {}
        for symbol in filter(_is_shared, symbols):
            stands_for = self._find(symbol)
            if stands_for not in outside:
                found[symbol] = of_class.get(stands_for) or of_class.setdefault(stands_for, Region(next(numbers)))
        return found

    def _node(self, node: Node) -> None:
        if node.primitive in VIEWS or node.primitive is INDEPENDENT:
            self._join(node.results, node.args[:1])
        elif node.primitive is IF:
            for block in node.blocks:
                self._join(node.results, block.results)
        elif node.primitive is FINALLY:
            self._join(node.results, node.blocks[0].results)
        elif node.primitive in (FOR, WHILE):
            first = 3 if node.primitive is FOR else 0
            for block in node.blocks:
                self._join(node.results, block.params[1 if first else 0 :])
            self._join(node.results, node.args[first:])
            self._join(node.results, node.blocks[-1].results)
        elif node.primitive is CALL:
            callee = self._functions[callee_of(node)].body
            self._join(callee.params, node.args)
            self._join(node.results, callee.results)

    def _join(self, left: Sequence[Atom], right: Sequence[Atom]) -> None:
        for one, other in zip(left, right, strict=True):
            if isinstance(one, Sym) and isinstance(other, Sym) and _is_shared(one):
                self._parents[self._find(one)] = self._find(other)

    def _find(self, symbol: Sym) -> Sym:
        while symbol in self._parents and self._parents[symbol] is not symbol:
            symbol = self._parents[symbol]
        return symbol


class _Rewriter:
    """Writes the new regions everywhere."""

    def __init__(self, regions: dict[Sym, Region]) -> None:
        self._new = {symbol: _with_region(symbol, region) for symbol, region in regions.items()}

    def block(self, block: Block) -> Block:
        """The block with the arrays of new regions."""
        nodes = tuple([self._node(node) for node in block.nodes])
        return Block(self._symbols(block.params), nodes, self._atoms(block.results))

    def _node(self, node: Node) -> Node:
        args, results = self._atoms(node.args), self._symbols(node.results)
        blocks = tuple([self.block(inner) for inner in node.blocks])
        attrs = dict(node.attrs)
        if node.primitive in (ARRAY_NEW, ARRAY_BUILD):
            attrs["region"] = _region_of(results[0])
        elif node.primitive is PULLBACK:
            numbers = zip(integers(attrs, "regions"), results, strict=True)
            attrs["regions"] = tuple([_region_of(each) if number == 0 else number for number, each in numbers])
        elif node.primitive is CALL:
            types: tuple[AttributeValue, ...] = tuple([each.type for each in results])  # type: ignore[misc]
            attrs["results"] = types
        effect = effect_rules[node.primitive](args, attrs, blocks)
        return Node(results, node.primitive, args, tuple(attrs.items()), blocks, effect, node.loc)

    def _symbols(self, symbols: Sequence[Sym]) -> tuple[Sym, ...]:
        return tuple([self._new.get(symbol, symbol) for symbol in symbols])

    def _atoms(self, atoms: Sequence[Atom]) -> tuple[Atom, ...]:
        return tuple([self._new.get(atom, atom) if isinstance(atom, Sym) else atom for atom in atoms])


def _with_region(symbol: Sym, region: Region) -> Sym:
    assert isinstance(symbol.type, ArrayType)
    return replace(symbol, type=replace(symbol.type, region=region))


def _region_of(symbol: Sym) -> int:
    return symbol.type.region.number if isinstance(symbol.type, ArrayType) else 0
