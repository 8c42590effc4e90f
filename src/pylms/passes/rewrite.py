"""What passes share: replacing symbols, making nodes anew, copying blocks, and questions about nodes.

In: nodes and blocks. Out: others; the ones given are not changed, and are given back where nothing would change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import is_

from ..ir.builder import Builder, rebuild
from ..ir.node import Atom, Block, Const, Function, Node, Sym, walk
from ..ir.ops.array_nests import ARRAY_BUILD
from ..ir.ops.arrays import ARRAY_NEW
from ..ir.ops.dicts import NEW_FROM_DICTS
from ..ir.ops.differentiation import BACKWARD, CHECKPOINT_BEGIN
from ..ir.ops.functions import CALL
from ..ir.ops.lists import NEW_LISTS
from ..ir.rules import effect_rules
from ..ir.types import ArrayType, BufferType, DictType, ListType, TapeType, VarType

Replacements = dict[Sym, Atom]
_MAKES_REFERENCES = frozenset({ARRAY_NEW, ARRAY_BUILD, CHECKPOINT_BEGIN, *NEW_LISTS, *NEW_FROM_DICTS})
_NEW = frozenset({BufferType, VarType, TapeType})
_NEW_FROM_CALLS = _NEW | {ArrayType, ListType, DictType}


def with_body(function: Function, body: Block) -> Function:
    """The same function around another body."""
    return function if body is function.body else replace(function, body=body)


def with_nodes(block: Block, nodes: Sequence[Node], results: tuple[Atom, ...]) -> Block:
    """The block with other contents; the very same block where they are the ones it has."""
    same = results is block.results and len(nodes) == len(block.nodes)
    if same and all(map(is_, nodes, block.nodes)):
        return block
    return Block(block.params, tuple(nodes), results)


def replace_atoms(atoms: tuple[Atom, ...], replacements: Mapping[Sym, Atom]) -> tuple[Atom, ...]:
    """The atoms after replacement; the very same tuple where none is replaced."""
    for atom in atoms:
        if atom.__class__ is Sym and atom in replacements:
            return tuple([replacements.get(each, each) if isinstance(each, Sym) else each for each in atoms])
    return atoms


def with_blocks(node: Node, args: tuple[Atom, ...], blocks: Sequence[Block]) -> Node:
    """The node with these parts; the very same node where they are the ones it has."""
    if args is node.args and (not blocks or all(map(is_, blocks, node.blocks))):
        return node
    return rebuild(node, args, blocks)


def with_results(node: Node, results: Sequence[Sym], args: Sequence[Atom], blocks: Sequence[Block]) -> Node:
    """The node with other results, arguments and blocks, which fit each other."""
    arg_tuple, block_tuple = tuple(args), tuple(blocks)
    effect = effect_rules[node.primitive](arg_tuple, dict(node.attrs), block_tuple)
    return Node(tuple(results), node.primitive, arg_tuple, node.attrs, block_tuple, effect, node.loc)


def copy_block(block: Block, builder: Builder, replacements: Replacements) -> Block:
    """A copy with symbols of its own. `replacements` says what outer symbols become, and learns the new ones."""
    params = tuple([_fresh_copy(param, builder, replacements) for param in block.params])
    nodes = copy_nodes(block.nodes, builder, replacements)
    return Block(params, tuple(nodes), replace_atoms(block.results, replacements))


def copy_nodes(nodes: Sequence[Node], builder: Builder, replacements: Replacements) -> list[Node]:
    """Copies of nodes, with results of their own, as `copy_block`."""
    copies: list[Node] = []
    for node in nodes:
        args = replace_atoms(node.args, replacements)
        blocks = [copy_block(block, builder, replacements) for block in node.blocks]
        results = [_fresh_copy(result, builder, replacements) for result in node.results]
        copies.append(with_results(node, results, args, blocks))
    return copies


def _fresh_copy(symbol: Sym, builder: Builder, replacements: Replacements) -> Sym:
    copy = builder.fresh(symbol.type, symbol.name)
    replacements[symbol] = copy
    return copy


def makes_memory(node: Node) -> bool:
    """Whether each run of the node makes something new that can be written: not to be merged or moved out of a loop.

    The beginning of a checkpoint counts as such: it tells where it is.
    """
    if node.primitive in _MAKES_REFERENCES:
        return True
    of_new_memory = _NEW_FROM_CALLS if node.primitive is CALL else _NEW
    return not of_new_memory.isdisjoint([result.type.__class__ for result in node.results])


def reads_at_index(node: Node) -> bool:
    """Whether the node, or one within it, reads at positions that a check before it may have to prove in range."""
    effect = node.effect
    if not effect.reads or effect.writes:
        return False
    if node.blocks:
        return any(reads_at_index(inner) for block in node.blocks for inner in block.nodes)
    return len(node.args) > len(effect.reads)


def awaits_differentiation(function: Function) -> bool:
    """Whether a `backward` is left. It goes by the loads of buffers, which must stay as they are until then."""
    return any(node.primitive is BACKWARD for node in walk(function.body))


def symbols_used(node: Node) -> Iterator[Sym]:
    """Every symbol that a node or its blocks name, in any order, some more than once."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield from (arg for arg in current.args if isinstance(arg, Sym))
        for block in current.blocks:
            yield from (result for result in block.results if isinstance(result, Sym))
            pending.extend(block.nodes)


def trip_count(args: Sequence[Atom]) -> int | None:
    """How often a `for` with these arguments runs, where that is known."""
    bounds = [int(arg.value) for arg in args[:3] if isinstance(arg, Const)]
    if len(bounds) != 3 or bounds[2] == 0:
        return None
    start, stop, step = bounds
    distance, stride = (stop - start, step) if step > 0 else (start - stop, -step)
    return max(0, -(-distance // stride))
