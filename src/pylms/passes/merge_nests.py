"""Merge loop nests that run over the same elements, so that a value is used while it is in a register.

In: a function with `fused` nodes that write no buffers yet. Out: an equal one with fewer of them. Two nests of one
block merge where they have one shape, or where one uses the other's results and its shape begins with the other's;
where each element the later one uses of the earlier one's results is the one it has at hand; and where one of them
can move to the other's place. Results that nobody uses any more are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..ir.builder import Builder
from ..ir.node import Atom, Block, Function, Node, Sym
from ..ir.ops.fusion import ELEMENT_AT, FUSED
from ..ir.ops.tensors import integers_of
from ..ir.types import BufferType, ScalarType
from .nest_builder import Shape, nest_indices
from .rewrite import replace_atoms, symbols_used, with_body, with_results

# How far back a nest looks for one to join: bounds the time that long straight-line code takes.
_WINDOW = 64
# Distinct arrays in one nest: beyond, the loops would run out of registers for addresses.
_MOST_ARRAYS = 12


@dataclass(frozen=True)
class MergeNests:
    """Loop nests over the same elements become one."""

    name: str = "merge_nests"

    def run(self, function: Function) -> Function:
        builder = Builder.after(function)
        return with_body(function, _merge_in_block(function.body, builder))


def _merge_in_block(block: Block, builder: Builder) -> Block:
    nodes: list[Node] = []
    for node in block.nodes:
        if node.primitive is not FUSED and node.blocks:
            node = with_results(node, node.results, node.args, [_merge_in_block(b, builder) for b in node.blocks])
        if node.primitive is FUSED:
            nodes.append(node)
            _merge_last(nodes, builder)
        else:
            nodes.insert(_place_of(node, nodes), node)
    return Block(block.params, tuple(nodes), block.results)


def _place_of(node: Node, before: Sequence[Node]) -> int:
    """Where a node goes after those before it: a step of scalars goes before the nests it does not wait for.

    It would be in the way of a nest that uses it and merges with one of them.
    """
    place = len(before)
    if node.blocks or not all(
        isinstance(value.type, (ScalarType, BufferType)) for value in (*node.args, *node.results)
    ):
        return place
    used = set(node.args)
    while place and before[place - 1].primitive is FUSED:
        nest = before[place - 1]
        if not used.isdisjoint(nest.results) or not nest.effect.commutes_with(node.effect):
            break
        place -= 1
    return place


def _merge_last(nodes: list[Node], builder: Builder) -> None:
    """Merge the last node, a nest, into an earlier one, if it can be; the result may in turn join one before."""
    later_at = len(nodes) - 1
    while True:
        found = _find_partner(nodes, later_at)
        if found is None:
            return
        earlier_at, moves_up = found
        merged = merge(nodes[earlier_at], nodes[later_at], builder)
        place = earlier_at if moves_up else later_at
        nodes[place] = merged
        del nodes[later_at if moves_up else earlier_at]
        later_at = place if moves_up else place - 1


def _find_partner(nodes: Sequence[Node], later_at: int) -> tuple[int, bool] | None:
    """The nearest nest before that the one at `later_at` can join, and whether it moves up to it."""
    later = nodes[later_at]
    used = set(symbols_used(later))
    can_move_up = True
    for index in range(later_at - 1, max(later_at - _WINDOW, 0) - 1, -1):
        earlier = nodes[index]
        if earlier.primitive is FUSED and _fit(earlier, later):
            if can_move_up:
                return index, True
            if _can_move_down(nodes, index, later_at):
                return index, False
        if any(result in used for result in earlier.results) or not earlier.effect.commutes_with(later.effect):
            can_move_up = False
    return None


def _can_move_down(nodes: Sequence[Node], index: int, target: int) -> bool:
    node = nodes[index]
    results = set(node.results)
    return all(
        between.effect.commutes_with(node.effect) and results.isdisjoint(symbols_used(between))
        for between in nodes[index + 1 : target]
    )


def nest_shape(nest: Node) -> Shape:
    """The iteration space of a `fused` node."""
    return integers_of(nest, "shape")


def _fit(earlier: Node, later: Node) -> bool:
    first, second = nest_shape(earlier), nest_shape(later)
    length = min(len(first), len(second))
    if first[:length] != second[:length]:
        return False
    results = set(earlier.results)
    reads = [node for node in element_reads(later) if node.args[0] in results]
    if len(first) != len(second) and not reads:
        return False
    arrays = {node.args[0] for nest in (earlier, later) for node in element_reads(nest)}
    if len(arrays) > _MOST_ARRAYS:
        return False
    # A read of a longer result than the later nest has axes for is in a reduction: it needs the whole tensor first.
    return all(reads_own_element(node, later) for node in reads)


def element_reads(nest: Node) -> list[Node]:
    """All reads of elements in a nest, those in its reductions included."""
    found = []
    pending = list(nest.blocks)
    while pending:
        block = pending.pop()
        for node in block.nodes:
            pending.extend(node.blocks)
            if node.primitive is ELEMENT_AT:
                found.append(node)
    return found


def reads_own_element(read: Node, nest: Node) -> bool:
    """Whether a read in a nest is of the element that the nest's outer loops stand at."""
    source, *indices = read.args
    shape = integers_of(read, "shape")
    if getattr(source.type, "shape", None) != shape or shape != nest_shape(nest)[: len(shape)]:
        return False
    return tuple(indices) == nest_indices(nest.blocks[0].params[: len(shape)], shape)


def merge(earlier: Node, later: Node, builder: Builder) -> Node:
    """One nest that does what both do."""
    first, second = earlier.blocks[0], later.blocks[0]
    longer = max((earlier, later), key=lambda nest: len(nest_shape(nest)))
    params = longer.blocks[0].params
    own = dict(zip(earlier.results, first.results, strict=True))
    replacements: dict[Sym, Atom] = {
        **dict(zip(first.params, params, strict=False)),
        **dict(zip(second.params, params, strict=False)),
    }
    merger = _BlockMerger(own)
    nodes = [*merger.copy(first.nodes, replacements), *merger.copy(second.nodes, replacements)]
    results = replace_atoms((*first.results, *second.results), replacements)
    ranks = (*integers_of(earlier, "ranks"), *integers_of(later, "ranks"))
    made = builder.node(
        FUSED,
        (),
        loc=later.loc if longer is later else earlier.loc,
        attrs={"shape": nest_shape(longer), "ranks": ranks},
        blocks=(Block(params, tuple(nodes), results),),
    )
    return with_results(made, (*earlier.results, *later.results), (), made.blocks)


class _BlockMerger:
    """Copies the nodes of two nests into one block, each operation once."""

    def __init__(self, own: Mapping[Sym, Atom]) -> None:
        self._own = own
        self._known: dict[object, Sym] = {}

    def copy(self, nodes: Sequence[Node], replacements: dict[Sym, Atom]) -> list[Node]:
        copies: list[Node] = []
        for node in nodes:
            args = replace_atoms(node.args, replacements)
            (result,) = node.results
            source = args[0] if args else None
            if node.primitive is ELEMENT_AT and isinstance(source, Sym) and source in self._own:
                replacements[result] = replace_atoms((self._own[source],), replacements)[0]
                continue
            key = (node.primitive, args, node.attrs)
            if not node.blocks and key in self._known:
                replacements[result] = self._known[key]
                continue
            blocks = [self._copy_block(block, replacements) for block in node.blocks]
            copies.append(with_results(node, (result,), args, blocks))
            if not node.blocks:
                self._known[key] = result
        return copies

    def _copy_block(self, block: Block, replacements: dict[Sym, Atom]) -> Block:
        known, self._known = self._known, dict(self._known)
        nodes = tuple(self.copy(block.nodes, replacements))
        self._known = known
        return Block(block.params, nodes, replace_atoms(block.results, replacements))
