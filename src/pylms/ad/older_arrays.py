"""Arrays that are older than the nodes that are differentiated.

They begin with a shadow of zeros. Where several of one region are used, they may be one memory under several names, of
which the shadows would not know; that matters only if one of them is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import NotSupportedYetError
from ..ir.node import Atom, Block, Node, Sym, walk
from ..ir.ops.array_nests import ARRAY_UPDATE
from ..ir.ops.arrays import ARRAY_STORE
from ..ir.ops.control import FOR, IF, WHILE
from ..ir.ops.functions import CALL
from ..ir.ops.tapes import TAPE_PUSH
from ..ir.types import ArrayType, TapeType
from .rename import free_symbols
from .sweep import Sweep


def shadows_of_older_arrays(sweep: Sweep, nodes: Sequence[Node]) -> list[Node]:
    """The nodes that make the shadows which `nodes` use and do not make. Located error where that may not do."""
    shadows = sweep.context.shadows
    missing = set(free_symbols(Block((), tuple(nodes), ())))
    older = [array for array in shadows if shadows.of(array) in missing and not shadows.are_shared(array)]
    regions = [array.type.region for array in older if isinstance(array.type, ArrayType)]
    doubtful = [array for array, region in zip(older, regions, strict=True) if regions.count(region) > 1]
    written = _first_write(nodes, doubtful) if doubtful else None
    if written is not None:
        raise NotSupportedYetError(
            "the derivative goes through memory that is older than the function and may have several names, "
            "which is not supported yet",
            loc=written.loc,
            hint="write into an array that is made within the function that is differentiated",
        )
    return [node for array in older for node in shadows.zeros(array, sweep.loc)]


def names_of(nodes: Sequence[Node], arrays: Iterable[Sym]) -> set[Atom]:
    """The symbols that may be (views of) one of the arrays, and the tapes that may hold one."""
    names: set[Atom] = set(arrays)
    size = -1
    while size != len(names):
        size = len(names)
        for node in walk(Block((), tuple(nodes), ())):
            _follow(node, names)
    return names


def _first_write(nodes: Sequence[Node], arrays: Sequence[Sym]) -> Node | None:
    """What may write to one of the arrays."""
    names = names_of(nodes, arrays)
    for node in walk(Block((), tuple(nodes), ())):
        is_write = node.primitive in (ARRAY_STORE, ARRAY_UPDATE) and node.args[0] in names
        if is_write or (node.primitive is CALL and node.effect.writes and not names.isdisjoint(node.args)):
            return node
    return None


def _follow(node: Node, names: set[Atom]) -> None:
    """Add what a node makes a further name of the arrays in `names`, or a tape that holds one."""
    if node.primitive is IF:
        sources = [block.results for block in node.blocks]
        _follow_each([node.results], sources, names)
    elif node.primitive in (FOR, WHILE):
        fixed = 3 if node.primitive is FOR else 0
        carried = [block.params[1 if fixed else 0 :] for block in node.blocks]
        _follow_each([node.results, *carried], [node.args[fixed:], node.blocks[-1].results], names)
    elif node.primitive is TAPE_PUSH:
        if not names.isdisjoint(node.args):
            names.add(node.args[0])
    elif not names.isdisjoint(node.args):
        names.update(result for result in node.results if isinstance(result.type, ArrayType))
        if node.primitive is CALL:
            names.update(arg for arg in node.args if isinstance(arg.type, TapeType))


def _follow_each(targets: Sequence[Sequence[Sym]], sources: Sequence[Sequence[Atom]], names: set[Atom]) -> None:
    for index in range(len(targets[0])):
        if any(each[index] in names for each in sources):
            names.update(each[index] for each in targets)
