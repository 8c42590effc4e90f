"""Arrays of adjoints: beside each active array a shadow, whose elements are the adjoints of the array's elements.

An array is a reference to memory, so its shadow is made where it is made, and goes with it wherever it goes: a view has
a view of the shadow, and branches, loops and functions that give an array give its shadow as well. The forward nodes do
that; the reverse sweep reads and writes the shadows. Arrays that may overlap have shadows of one region.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..ir.builder import Builder
from ..ir.node import Atom, AttributeValue, Node, Sym
from ..ir.ops.arrays import ARRAY_AS_STRIDED, ARRAY_DIM, ARRAY_NEW
from ..ir.primitive import Primitive
from ..ir.types import SHARED_REGION, ArrayType, Region
from ..loc import Loc
from .program import Program


class ShadowRegions:
    """The regions of the shadows of one differentiation."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._of: dict[Region, Region] = {SHARED_REGION: SHARED_REGION}

    def of(self, region: Region) -> Region:
        """Where the shadows lie of what lies in that region."""
        if region not in self._of:
            self._of[region] = self._program.fresh_region()
        return self._of[region]

    def choose(self, region: Region, shadows: Region) -> None:
        """Have the shadows of a region lie in that one."""
        self._of[region] = shadows


class Shadows:
    """The shadows of the arrays of one function. Asking for one asks for it to be made where its array is."""

    def __init__(self, builder: Builder, regions: ShadowRegions) -> None:
        self.regions = regions
        self._builder = builder
        self._of: dict[Sym, Sym] = {}
        self._copies: set[Sym] = set()

    def __contains__(self, array: object) -> bool:
        """Whether the shadow was asked for."""
        return array in self._of

    def __iter__(self) -> Iterator[Sym]:
        """The arrays whose shadows were asked for."""
        return iter(self._of)

    def of(self, array: Atom) -> Sym:
        """The shadow of an array."""
        assert isinstance(array, Sym) and isinstance(array.type, ArrayType)
        shadow = self._of.get(array)
        if shadow is None:
            type_ = replace(array.type, region=self.regions.of(array.type.region))
            shadow = self._of[array] = self._builder.fresh(type_, f"{array.name}_grad" if array.name else "")
        return shadow

    def share(self, copy: Sym, array: Sym) -> None:
        """Have the adjoints of a copy go to the shadow of the array that it was made of."""
        self._of[copy] = self.of(array)
        self._copies.add(copy)

    def are_shared(self, array: Atom) -> bool:
        """Whether it is a copy whose adjoints go to another array's shadow."""
        return array in self._copies

    def made(
        self, array: Sym, primitive: Primitive, args: Sequence[Atom], attrs: dict[str, AttributeValue], loc: Loc
    ) -> Node:
        """The node that makes the shadow of an array."""
        node = self._builder.node(primitive, args, loc=loc, attrs=attrs)
        return replace(node, results=(self.of(array),))

    def zeros(self, array: Sym, loc: Loc, extents: Sequence[Atom] | None = None) -> list[Node]:
        """The nodes that make the shadow of an array whose elements have no adjoints yet; `extents`: if known."""
        assert isinstance(array.type, ArrayType)
        type_, nodes = array.type, []
        if extents is None:
            for axis in range(type_.rank):
                nodes.append(self._builder.node(ARRAY_DIM, [array], loc=loc, attrs={"axis": axis}))
            extents = [node.results[0] for node in nodes]
        number = self.regions.of(type_.region).number
        attrs: dict[str, AttributeValue] = {"dtype": type_.dtype, "region": number, "zeroed": True}
        if type_.is_dense:
            return [*nodes, self.made(array, ARRAY_NEW, extents, attrs, loc)]
        nodes.append(self._builder.node(ARRAY_NEW, extents, loc=loc, attrs=attrs))
        return [*nodes, self.made(array, ARRAY_AS_STRIDED, nodes[-1].results, {}, loc)]
