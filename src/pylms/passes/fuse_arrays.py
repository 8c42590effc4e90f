"""Computing elements where they are used, instead of storing them in arrays first (DESIGN D14).

In: a function with nests over arrays. Out: an equal one in which the block of an `array_build` stands in place of the
loads of its elements, where these are in one nest that needs each element about once and nothing that the block reads
is written in between. What is so cheap that it reads nothing is computed wherever it is used. Builds that are left
without users are dead code.

A value that is stored into the array it reads is computed on the way only where each element depends on no other
element of that array: whatever overlaps, NumPy computes first and stores then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.builder import Builder
from ..ir.effects import Place
from ..ir.node import Atom, Block, Function, Node, Sym, walk
from ..ir.ops import arithmetic
from ..ir.ops.array_nests import (
    ARRAY_BUILD,
    ARRAY_REDUCE,
    ARRAY_UPDATE,
    BROADCAST_EXTENT,
    BROADCAST_INDEX,
    NESTS,
    reads_of_other_elements,
)
from ..ir.ops.arrays import ARRAY_DIM, ARRAY_LOAD
from ..ir.rules import effect_of_block
from .array_extents import MAKERS, extent_of
from .rewrite import Replacements, copy_nodes, replace_atoms, with_blocks, with_body

_LONGEST_CHEAP = 6
_COSTLY = frozenset({*arithmetic.ELEMENTARY, arithmetic.POW, arithmetic.FLOORDIV, arithmetic.MOD})


@dataclass(frozen=True)
class FuseArrays:
    """No arrays for what is used once."""

    name: ClassVar[str] = "fuse_arrays"

    def run(self, function: Function) -> Function:
        if not any(node.primitive in NESTS for node in walk(function.body)):
            return function
        return with_body(function, _Fuser(function).block(function.body))


@dataclass(frozen=True, slots=True)
class _Use:
    """A load of an element in a nest. `indices` are those of the nests around it, `looked_up` those it loads at."""

    node: Node
    indices: frozenset[Atom]
    looked_up: tuple[Atom, ...]

    @property
    def runs_once(self) -> bool:
        """Whether each element is used at most once, but for what is broadcast at run time."""
        return self.indices <= set(self.looked_up)


class _Fuser:
    """One walk in program order; nests are fused with what comes before them."""

    def __init__(self, function: Function) -> None:
        self._builder = Builder.after(function)
        self._definitions: dict[Sym, Node] = {}
        self._dimensions: dict[tuple[Atom, int], Sym] = {}
        self._mentions = Counter(arg for node in walk(function.body) for arg in _mentioned(node))
        self._mentions.update(function.body.results)

    def block(self, block: Block) -> Block:
        nodes: list[Node | None] = []
        builds: dict[Sym, int] = {}
        for node in block.nodes:
            if node.primitive in NESTS:
                fused = self._fused(node, nodes, builds)
            else:
                fused = with_blocks(node, node.args, [self.block(inner) for inner in node.blocks])
            if fused.primitive is ARRAY_BUILD:
                builds[fused.results[0]] = len(nodes)
            self._learn(fused)
            if not _stores_what_is_there(fused):
                nodes.append(fused)
        kept = tuple([node for node in nodes if node is not None])
        same = len(kept) == len(block.nodes) and all(new is old for new, old in zip(kept, block.nodes, strict=True))
        return block if same else Block(block.params, kept, block.results)

    def _learn(self, node: Node) -> None:
        for result in node.results:
            self._definitions[result] = node
        if node.primitive is ARRAY_DIM:
            axis = node.attr("axis")
            assert isinstance(axis, int)
            self._dimensions.setdefault((node.args[0], axis), node.results[0])

    # ---- one nest

    def _fused(self, nest: Node, before: list[Node | None], builds: Mapping[Sym, int]) -> Node:
        """The nest with what it uses computed in it; builds that it alone used are taken out of `before`."""
        extents = self._extents(nest)
        nest = self._with_block(nest, _Inliner(self, {}).block(nest.blocks[0], extents))
        uses: dict[Sym, list[_Use]] = {}
        for use in _uses(nest, frozenset()):
            source = use.node.args[0]
            if isinstance(source, Sym) and source in builds:
                uses.setdefault(source, []).append(use)
        for source, found in uses.items():
            build = before[builds[source]]
            if build is None or not (_is_cheap(build) or self._is_sole_use(source, found, nest, build)):
                continue
            if not _may_wait(build, before[builds[source] + 1 :]):
                continue
            inlined = self._with_block(nest, _Inliner(self, {source: build}).block(nest.blocks[0], extents))
            if nest.primitive is ARRAY_UPDATE and self._would_disturb(nest, inlined):
                continue
            nest = inlined
            if self._mentions[source] == len(found):
                before[builds[source]] = None
        return nest

    def _is_sole_use(self, source: Sym, uses: Sequence[_Use], nest: Node, build: Node) -> bool:
        """Whether every element is needed about once, by one load in this nest."""
        if len(uses) != 1 or self._mentions[source] != 1 or not uses[0].runs_once:
            return False
        # Sums over and over again are worth an array, unless all that is done with one is to store it.
        is_stored = nest.primitive is not ARRAY_REDUCE and nest.blocks[0].results == uses[0].node.results
        return is_stored or not any(node.blocks for node in build.blocks[0].nodes)

    @staticmethod
    def _would_disturb(old: Node, new: Node) -> bool:
        """Whether what was put into an update reads what the update may have written by then."""
        target = new.args[0]
        assert isinstance(target, Sym)
        there = {result for node in walk(old.blocks[0]) for result in node.results}
        return any(node.results[0] not in there for node in reads_of_other_elements(new.blocks[0], target))

    @staticmethod
    def _with_block(nest: Node, block: Block) -> Node:
        return with_blocks(nest, nest.args, [block])

    def _extents(self, nest: Node) -> dict[Atom, Atom]:
        """How far each index of a nest goes, where there is a name for it."""
        params = nest.blocks[0].params
        if nest.primitive is not ARRAY_UPDATE:
            return dict(zip(params, nest.args, strict=True))
        known = [self._extent(nest.args[0], axis) for axis in range(len(params))]
        return {param: extent for param, extent in zip(params, known, strict=True) if extent is not None}

    def _extent(self, array: Atom, axis: int) -> Atom | None:
        """The name of an extent, if it has one at this point."""
        found = self._dimensions.get((array, axis))
        maker = self._definitions.get(array) if isinstance(array, Sym) else None
        if found is not None or maker is None or maker.primitive not in MAKERS:
            return found
        extent = extent_of(maker, axis)
        return self._extent(*extent) if isinstance(extent, tuple) else extent

    def simpler_index(self, index: Atom, extent: Atom, extents: Mapping[Atom, Atom]) -> tuple[Atom, bool]:
        """What to broadcast instead of `index`, and whether it need not be broadcast at all."""
        inner = self._definitions.get(index) if isinstance(index, Sym) else None
        if inner is not None and inner.primitive is BROADCAST_INDEX and self._is_joined(inner.args[1], extent):
            return self.simpler_index(inner.args[0], extent, extents)
        return index, extents.get(index) == extent

    def note(self, node: Node) -> None:
        """Remember what an index inside a nest is."""
        self._definitions[node.results[0]] = node

    def _is_joined(self, whole: Atom, part: Atom) -> bool:
        """Whether `whole` is what `part` and other extents have together: it is 1 only if they are."""
        if whole == part:
            return True
        node = self._definitions.get(whole) if isinstance(whole, Sym) else None
        return (
            node is not None
            and node.primitive is BROADCAST_EXTENT
            and any(self._is_joined(arg, part) for arg in node.args)
        )

    def copies(self, nodes: Sequence[Node], replacements: Replacements) -> list[Node]:
        return copy_nodes(nodes, self._builder, replacements)


class _Inliner:
    """A rewriting of one nest's blocks: elements of `builds` are computed in place, indices get simpler."""

    def __init__(self, fuser: _Fuser, builds: Mapping[Sym, Node]) -> None:
        self._fuser = fuser
        self._builds = builds
        self._replacements: Replacements = {}

    def block(self, block: Block, extents: Mapping[Atom, Atom]) -> Block:
        nodes: list[Node] = []
        for node in block.nodes:
            self._node(node, nodes, extents)
        results = replace_atoms(block.results, self._replacements)
        return Block(block.params, tuple(nodes), results)

    def _node(self, node: Node, out: list[Node], extents: Mapping[Atom, Atom]) -> None:
        args = replace_atoms(node.args, self._replacements)
        if node.primitive is ARRAY_LOAD and args[0] in self._builds:
            self._inline(node, args[1:], out, extents)
            return
        inside = dict(extents)
        if node.primitive is ARRAY_REDUCE:
            inside.update(zip(node.blocks[0].params, args, strict=True))
        new = with_blocks(node, args, [self.block(inner, inside) for inner in node.blocks])
        if new.primitive is BROADCAST_INDEX:
            index, is_plain = self._fuser.simpler_index(args[0], args[1], extents)
            if is_plain:
                self._replacements[node.results[0]] = index
                return
            new = with_blocks(new, (index, args[1]), ())
            self._fuser.note(new)
        out.append(new)

    def _inline(self, load: Node, places: Sequence[Atom], out: list[Node], extents: Mapping[Atom, Atom]) -> None:
        (source,) = self._builds[load.args[0]].blocks  # type: ignore[index]
        replacements: Replacements = dict(zip(source.params, places, strict=True))
        copies = self._fuser.copies(source.nodes, replacements)
        (value,) = replace_atoms(source.results, replacements)
        for copy in copies:
            self._node(copy, out, extents)
        self._replacements[load.results[0]] = replace_atoms((value,), self._replacements)[0]


def _stores_what_is_there(node: Node) -> bool:
    """Whether an update gives each element the value it has, as `a[1:] += x` does when it has added."""
    if node.primitive is not ARRAY_UPDATE:
        return False
    (block,) = node.blocks
    return any(
        each.primitive is ARRAY_LOAD and each.args == (*node.args, *block.params) and each.results == block.results
        for each in block.nodes
    )


def _mentioned(node: Node) -> Iterator[Atom]:
    """What a node and the ends of its blocks name."""
    yield from node.args
    for block in node.blocks:
        yield from block.results


def _uses(nest: Node, around: frozenset[Atom]) -> Iterator[_Use]:
    """The loads in a nest and in the nests within."""
    (block,) = nest.blocks
    indices = around | set(block.params)
    stands_for: dict[Atom, Atom] = {}
    for node in block.nodes:
        if node.primitive is BROADCAST_INDEX:
            stands_for[node.results[0]] = stands_for.get(node.args[0], node.args[0])
        elif node.primitive is ARRAY_LOAD:
            yield _Use(node, indices, tuple([stands_for.get(arg, arg) for arg in node.args[1:]]))
        elif node.primitive in NESTS:
            yield from _uses(node, indices)


def _is_cheap(build: Node) -> bool:
    """Whether elements are as well computed as loaded."""
    (block,) = build.blocks
    if len(block.nodes) > _LONGEST_CHEAP:
        return False
    return not any(node.blocks or node.effect.reads or node.primitive in _COSTLY for node in block.nodes)


def _may_wait(build: Node, later: Sequence[Node | None]) -> bool:
    """Whether what a build reads is the same after those nodes."""
    reads: frozenset[Place] = effect_of_block(build.blocks[0]).reads
    return not any(node is not None and node.effect.writes & reads for node in later)
