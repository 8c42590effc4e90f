"""Let loop nests write their results where they are to go, instead of storing them twice (DESIGN D8).

In: a function with `fused` nodes and `store(buffer, tensor)` nodes. Out: an equal one in which a nest has the buffer
as a destination wherever the tensor comes from a nest, the nest reads of the buffer at most the element that it
writes, and nothing that still wants the old content stands between: a write waits for all borrowers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..ir.builder import Builder
from ..ir.node import Atom, Block, Function, Node, Sym
from ..ir.ops.buffers import LOAD, SLICE_ROWS, STORE
from ..ir.ops.fusion import FUSED
from ..ir.ops.tensors import RESHAPE, STOP_GRADIENT, integers_of
from ..ir.types import BufferType
from .merge_nests import element_reads, nest_shape, reads_own_element
from .rewrite import symbols_used, with_body, with_results

_NAMES_OF_MEMORY = frozenset({LOAD, RESHAPE, SLICE_ROWS, STOP_GRADIENT})


@dataclass(frozen=True)
class Place:
    """`store(p, fused(...))` becomes `fused(p, ...)`."""

    name: str = "place"

    def run(self, function: Function) -> Function:
        body = _place_in_block(function.body, Builder.after(function), {})
        return with_body(function, body)


# Tensors that lie in buffers, under whatever names, and the buffers.
_Borrowers = dict[Sym, Sym]


def _place_in_block(block: Block, builder: Builder, borrowers: _Borrowers) -> Block:
    nodes: list[Node] = []
    for node in block.nodes:
        _note_borrower(node, borrowers)
        if node.primitive is not FUSED and node.blocks:
            blocks = [_place_in_block(inner, builder, borrowers) for inner in node.blocks]
            node = with_results(node, node.results, node.args, blocks)
        nodes.append(node)
    for store in [node for node in nodes if node.primitive is STORE]:
        _place_store(nodes, block.results, store, builder, borrowers)
    return Block(block.params, tuple(nodes), block.results)


def _note_borrower(node: Node, borrowers: _Borrowers) -> None:
    if node.primitive not in _NAMES_OF_MEMORY:
        return
    source = node.args[0]
    if isinstance(source, Sym) and (isinstance(source.type, BufferType) or source in borrowers):
        borrowers[node.results[0]] = borrowers.get(source, source)


def _place_store(
    nodes: list[Node], results: tuple[Atom, ...], store: Node, builder: Builder, borrowers: _Borrowers
) -> None:
    """Replace the store, and the nest it takes from, in the list, if that can be done."""
    buffer, value = store.args
    store_at = nodes.index(store)
    nest_at = next((at for at, node in enumerate(nodes[:store_at]) if value in node.results), None)
    if nest_at is None or not isinstance(value, Sym) or not isinstance(buffer, Sym):
        return
    nest = nodes[nest_at]
    if nest.primitive is not FUSED or not _can_write(nest, buffer):
        return
    between = nodes[nest_at + 1 : store_at]
    if all(node.effect.commutes_with(store.effect) and not _looks_at(node, buffer, borrowers) for node in between):
        before, after = nodes[:nest_at], between + nodes[store_at + 1 :]
    elif _can_move_down(nest, between):
        before, after = nodes[:nest_at] + between, nodes[store_at + 1 :]
    else:
        return
    written = _with_destination(nest, buffer, value, builder)
    if _is_used(value, after, results):
        if _may_change(buffer, value, after, results):
            return
        before = [*before, written, _reload(buffer, value, store, builder)]
        borrowers[value] = buffer
    else:
        before = [*before, written]
    nodes[:] = before + after


def _can_write(nest: Node, buffer: Sym) -> bool:
    """Whether the nest reads of the buffer, if anything, the element that it would write, and does not write it yet."""
    reads = [read for read in element_reads(nest) if read.args[0] is buffer]
    return buffer not in nest.args and all(reads_own_element(read, nest) for read in reads)


def _looks_at(node: Node, buffer: Sym, borrowers: _Borrowers) -> bool:
    """Whether a node uses a tensor that lies in the buffer; its effect does not tell, for it only takes a tensor."""
    return any(borrowers.get(symbol) is buffer for symbol in symbols_used(node))


def _can_move_down(nest: Node, between: Sequence[Node]) -> bool:
    results = set(nest.results)
    return all(node.effect.commutes_with(nest.effect) and results.isdisjoint(symbols_used(node)) for node in between)


def _is_used(value: Sym, nodes: Sequence[Node], results: tuple[Atom, ...]) -> bool:
    return value in results or any(value in symbols_used(node) for node in nodes)


def _may_change(buffer: Sym, value: Sym, nodes: Sequence[Node], results: tuple[Atom, ...]) -> bool:
    """Whether the buffer is written before the last use of the value that it holds."""
    written = False
    for node in nodes:
        written = written or buffer in node.effect.writes
        if written and value in symbols_used(node):
            return True
    return value in results


def _with_destination(nest: Node, buffer: Sym, value: Sym, builder: Builder) -> Node:
    """The nest that writes the value to the buffer instead of giving it."""
    (block,) = nest.blocks
    stored = len(nest.args)
    position = stored + nest.results.index(value)
    order = [*range(stored), position, *(k for k in range(stored, len(block.results)) if k != position)]
    ranks = integers_of(nest, "ranks")
    made = builder.node(
        FUSED,
        (*nest.args, buffer),
        loc=nest.loc,
        attrs={"shape": nest_shape(nest), "ranks": tuple(ranks[k] for k in order)},
        blocks=(Block(block.params, block.nodes, tuple(block.results[k] for k in order)),),
    )
    results = [result for result in nest.results if result is not value]
    return with_results(made, results, made.args, made.blocks)


def _reload(buffer: Sym, value: Sym, store: Node, builder: Builder) -> Node:
    """What later users of the value read."""
    node = builder.node(LOAD, (buffer,), loc=store.loc)
    return with_results(node, (value,), node.args, ())
