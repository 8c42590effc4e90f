"""Writing the loops of a nest over arrays, with each node in the outermost loop that knows its operands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ...ir.node import Atom, Block, Node
from ...ir.ops.arrays import ARRAY_LOAD
from .emitter import Emitter
from .literals import Binding

_LOOPS_HEADER = "loops.h"
_INDEX_NAMES = ("i", "j", "k", "l", "m")


class ArrayNest:
    """The block of a nest, its nodes by the depth at which they stand."""

    def __init__(self, emitter: Emitter, block: Block, *, keeps_order: bool = False) -> None:
        """`keeps_order`: whether all nodes stand in the innermost loop."""
        self.emitter = emitter
        self.block = block
        self.rank = len(block.params)
        self.names = [emitter.fresh_name(_INDEX_NAMES[min(axis, 4)]) for axis in range(self.rank)]
        for param, name in zip(block.params, self.names, strict=True):
            emitter.alias(param, name)
        self._nodes: list[list[Node]] = [[] for _ in range(self.rank + 1)]
        depths: dict[Atom, int] = {param: axis + 1 for axis, param in enumerate(block.params)}
        for node in block.nodes:
            depth = self.rank if keeps_order else max([depths.get(atom, 0) for atom in _used(node)], default=0)
            depths.update(dict.fromkeys(node.results, depth))
            self._nodes[depth].append(node)

    def write_nodes(self, depth: int) -> None:
        """What stands at a depth. What inner loops use is written down there, so that it is not computed again."""
        for node in self._nodes[depth]:
            if node.primitive is ARRAY_LOAD:
                _emit_load(self.emitter, node)
            else:
                self.emitter.emit_node(node)
        for node in self._nodes[depth] if depth < self.rank else ():
            for result in node.results:
                self.emitter.settle(result)

    def has_loops(self, depth: int) -> bool:
        """Whether a node at that depth is itself a nest."""
        return any(node.blocks for node in self._nodes[depth])

    def result(self) -> str:
        """The number that the block gives, to be written once in the innermost loop."""
        return self.emitter.inline(self.block.results[0])

    def place(self) -> str:
        """The indices, as those of an element."""
        return ", ".join(self.names)


def _emit_load(emitter: Emitter, node: Node) -> None:
    """An element where it is used, since nothing is written meanwhile."""
    array, *indices = node.args
    place = ", ".join([emitter.inline(index) for index in indices])
    emitter.define_pure(node.results[0], f"{emitter.expression(array)}({place})", Binding.POSTFIX)


def _used(node: Node) -> list[Atom]:
    """What the node and its blocks name."""
    used = list(node.args)
    for block in node.blocks:
        used += block.results
        for inner in block.nodes:
            used += _used(inner)
    return used


def write_loops(
    nest: ArrayNest, extents: Sequence[str], store: Callable[[], None], *, first: int = 0, independent: bool = True
) -> None:
    """The loops from depth `first` on, `store` being written in the innermost; what stands at each depth with them.

    `independent`: whether no round of the innermost loop writes what another one reads or writes.
    """
    emitter = nest.emitter
    nest.write_nodes(first)
    if first == nest.rank:
        store()
        return
    is_innermost = first == nest.rank - 1 and not nest.has_loops(first + 1)
    with loop(nest, first, extents[first], independent=independent and is_innermost):
        write_loops(nest, extents, store, first=first + 1, independent=independent)
        if first == 0 and not is_innermost:
            emitter.poll()


@contextmanager
def loop(nest: ArrayNest, depth: int, extent: str, *, independent: bool) -> Iterator[None]:
    """The loop over one index, around what is written inside the `with`."""
    emitter, index = nest.emitter, nest.names[depth]
    if independent:
        emitter.include(_LOOPS_HEADER)
        emitter.line("PYLMS_INDEPENDENT")
    with emitter.braces(f"for (long long {index} = 0; {index} < {extent}; ++{index})"):
        yield
