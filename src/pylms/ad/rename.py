"""Replacing symbols by other atoms in nodes and blocks, and finding the symbols a block takes from outside."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.builder import rebuild
from ..ir.node import Atom, Block, Node, Sym


def renamed(atom: Atom, mapping: Mapping[Sym, Atom]) -> Atom:
    """The atom that stands for this one."""
    return mapping.get(atom, atom) if isinstance(atom, Sym) else atom


def renamed_node(node: Node, mapping: Mapping[Sym, Atom]) -> Node:
    """The node with its uses of the mapped symbols replaced, in its blocks too; the same node if there are none."""
    args = tuple(renamed(arg, mapping) for arg in node.args)
    blocks = tuple(renamed_block(block, mapping) for block in node.blocks)
    same_blocks = all(new is old for new, old in zip(blocks, node.blocks, strict=True))
    return node if args == node.args and same_blocks else rebuild(node, args, blocks)


def renamed_block(block: Block, mapping: Mapping[Sym, Atom]) -> Block:
    """The block with every use of the mapped symbols replaced; the same block if there are none."""
    nodes = tuple(renamed_node(node, mapping) for node in block.nodes)
    results = tuple(renamed(result, mapping) for result in block.results)
    same_nodes = all(new is old for new, old in zip(nodes, block.nodes, strict=True))
    return block if same_nodes and results == block.results else Block(block.params, nodes, results)


def resolved(mapping: dict[Sym, Atom]) -> dict[Sym, Atom]:
    """The mapping with chains followed to their ends; keys come in program order."""
    ends: dict[Sym, Atom] = {}
    for symbol, atom in mapping.items():
        ends[symbol] = renamed(atom, ends)
    return ends


def renamed_params(block: Block, mapping: Mapping[Sym, Sym]) -> Block:
    """The block with other symbols for some of its parameters."""
    inside = renamed_block(block, mapping)
    return Block(tuple([mapping.get(param, param) for param in block.params]), inside.nodes, inside.results)


def free_symbols(block: Block) -> list[Sym]:
    """The symbols a block uses and does not define, in the order of their first use."""
    bound: set[Sym] = set()
    free: dict[Sym, None] = {}
    _collect(block, bound, free)
    return list(free)


def _collect(block: Block, bound: set[Sym], free: dict[Sym, None]) -> None:
    bound.update(block.params)
    for node in block.nodes:
        _note(node.args, bound, free)
        for inner in node.blocks:
            _collect(inner, bound, free)
        bound.update(node.results)
    _note(block.results, bound, free)


def _note(atoms: tuple[Atom, ...], bound: set[Sym], free: dict[Sym, None]) -> None:
    for atom in atoms:
        if isinstance(atom, Sym) and atom not in bound:
            free.setdefault(atom)
