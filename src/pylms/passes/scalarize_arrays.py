"""Small arrays whose every element is named become variables, and then values: no memory, no loads.

In: a function after simplification. Out: the same without arrays that it makes itself, of few elements, all of whose
uses are loads and stores at constant indices. `promote_variables` turns the variables into values afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from ..ir.builder import Builder
from ..ir.node import Atom, AttributeValue, Block, Const, Function, Node, Sym, walk
from ..ir.ops.arrays import ARRAY_LOAD, ARRAY_NEW, ARRAY_STORE
from ..ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from ..ir.types import element_type
from .promote_variables import PromoteVariables
from .rewrite import with_blocks, with_body, with_nodes

_MOST_ELEMENTS = 32


@dataclass(frozen=True)
class ScalarizeArrays:
    """Scalar replacement of small arrays."""

    name: ClassVar[str] = "scalarize_arrays"

    def run(self, function: Function) -> Function:
        chosen = dict(_replaceable(function.body))
        if not chosen:
            return function
        builder = Builder.after(function)
        return PromoteVariables().run(with_body(function, _Replacement(chosen, builder).block(function.body)))


def _replaceable(body: Block) -> Iterator[tuple[Sym, tuple[int, ...]]]:
    """The arrays that can go, with their extents."""
    shapes: dict[Sym, tuple[int, ...]] = {}
    for node in walk(body):
        if node.primitive is ARRAY_NEW:
            extents = tuple([int(arg.value) for arg in node.args if isinstance(arg, Const)])
            if len(extents) == len(node.args) and prod(extents) <= _MOST_ELEMENTS:
                shapes[node.results[0]] = extents
    spoiled: set[Atom] = set(body.results)
    for node in walk(body):
        for block in node.blocks:
            spoiled.update(block.results)
        first = 0
        if node.primitive in (ARRAY_LOAD, ARRAY_STORE) and node.args[0] in shapes:
            first = 1
            if _position(node, shapes) is None:
                spoiled.add(node.args[0])
        spoiled.update(node.args[first:])
    return ((array, shape) for array, shape in shapes.items() if array not in spoiled)


def _position(node: Node, shapes: dict[Sym, tuple[int, ...]]) -> int | None:
    """Which element, in row-major order, a load or store names; None where only the run knows, or there is none."""
    array = node.args[0]
    assert isinstance(array, Sym)
    indices = node.args[1:] if node.primitive is ARRAY_LOAD else node.args[2:]
    position = 0
    for index, extent in zip(indices, shapes[array], strict=True):
        if not isinstance(index, Const) or not 0 <= index.value < extent:
            return None
        position = position * extent + int(index.value)
    return position


class _Replacement:
    """One walk: variables for the elements of the chosen arrays."""

    def __init__(self, shapes: dict[Sym, tuple[int, ...]], builder: Builder) -> None:
        self._shapes = shapes
        self._builder = builder
        self._variables: dict[Sym, list[Sym]] = {}

    def block(self, block: Block) -> Block:
        nodes: list[Node] = []
        for node in block.nodes:
            if node.primitive is ARRAY_NEW and node.results[0] in self._shapes:
                nodes += self._new(node)
            elif node.primitive in (ARRAY_LOAD, ARRAY_STORE) and node.args[0] in self._shapes:
                nodes.append(self._access(node))
            else:
                nodes.append(with_blocks(node, node.args, [self.block(inner) for inner in node.blocks]))
        return with_nodes(block, nodes, block.results)

    def _new(self, node: Node) -> list[Node]:
        (array,) = node.results
        attrs: dict[str, AttributeValue] = {"content": element_type(array.type)}
        names = [array.name] if array.name else []
        made = [
            self._builder.node(VAR_NEW, (), loc=node.loc, attrs=attrs, names=names)
            for _ in range(prod(self._shapes[array]))
        ]
        self._variables[array] = [each.results[0] for each in made]
        return made

    def _access(self, node: Node) -> Node:
        array = node.args[0]
        assert isinstance(array, Sym)
        position = _position(node, self._shapes)
        assert position is not None, "checked: every index is known"
        variable = self._variables[array][position]
        if node.primitive is ARRAY_STORE:
            return self._builder.node(VAR_SET, (variable, node.args[1]), loc=node.loc)
        get = self._builder.node(VAR_GET, (variable,), loc=node.loc)
        return Node(node.results, VAR_GET, get.args, get.attrs, (), get.effect, node.loc)
