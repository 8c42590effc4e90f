"""C++ for loop nests: plain loops that compilers vectorise, with what does not vary written outside.

What holds: a destination is written at the very element that was read, so iterations are independent of each other.
Reductions along memory use vectors or several partial sums side by side; reductions across it, for neighbouring
elements, are done for all of them at a time (the loops change places).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.node import Atom, Node, Sym
from ...ir.ops import arithmetic as ops
from ...ir.ops.fusion import ELEMENT_AT, FUSED, REDUCTION
from ...ir.ops.tensors import integers
from ...ir.types import FLOAT32, BufferType, TensorType
from .emit_reduction import Reduction, accumulate_across, emit_reduction, is_across
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import is_in_register
from .nest_shape import NestShape, atoms_used, nodes_within, shape_attribute, shape_of_nest
from .nest_text import emit_scalar, index_names, position

_HEADER = "loops.h"


@emit_rules.define(FUSED)
def _emit_fused(emitter: Emitter, node: Node) -> None:
    _NestWriter(emitter, node).write()


class _NestWriter:
    """Writes one nest, from the outermost loop inwards."""

    def __init__(self, emitter: Emitter, node: Node) -> None:
        self._emitter = emitter
        self._node = node
        (self._block,) = node.blocks
        self._extents = shape_attribute(node)
        self._ranks = integers(dict(node.attrs), "ranks")
        self._targets = (*node.args, *node.results)
        self._shape: NestShape = shape_of_nest(self._block.params, self._block, self._extents, self._ranks)
        self._indices = index_names(emitter, node, len(self._shape.loops))

    def write(self) -> None:
        for result in self._node.results:
            if not is_in_register(result.type):
                assert isinstance(result.type, TensorType)
                size = result.type.size * result.type.dtype.itemsize
                self._emitter.define(result, self._emitter.allocate(result, size))
        for axis, param in enumerate(self._block.params):
            loop = min(axis, len(self._shape.loops) - 1)
            self._emitter.alias(param, "0" if self._extents[axis] == 1 else self._indices[loop])
        self._write_depth(0)

    def _write_depth(self, depth: int) -> None:
        """The nodes of one depth, and the loops within."""
        loops = self._shape.loops
        across: list[Reduction] = []
        nodes = [node for node in self._block.nodes if self._shape.depth(node.results[0]) == depth]
        for node in nodes:
            if node not in across:
                emit_scalar(self._emitter, node)
        self._settle_what_goes_inwards(nodes, depth)
        self._store(depth)
        if depth == len(loops):
            return
        if loops[depth] == 1:
            self._write_depth(depth + 1)
            return
        index = self._indices[depth]
        if depth == len(loops) - 1:
            self._emitter.include(_HEADER)
            self._emitter.line("PYLMS_INDEPENDENT")
        with self._emitter.braces(f"for (long long {index} = 0; {index} < {loops[depth]}; ++{index})"):
            self._write_depth(depth + 1)
