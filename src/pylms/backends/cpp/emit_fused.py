"""C++ for loop nests: plain loops that compilers vectorise, with what does not vary written outside.

A destination is written at the very element that was read of it, so iterations are independent of each other. Sums
along memory take several partial sums side by side; sums across it, for neighbouring elements, are done for all of
these at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.node import Node, Sym
from ...ir.ops.fusion import FUSED, REDUCTION
from ...ir.ops.tensors import integers
from ...ir.types import BufferType, TensorType, Type
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import is_in_register
from .loop_writer import Finish, LoopWriter
from .nest_shape import shape_attribute
from .reductions import accumulate_across, emit_reduction, is_across

_FIRST_LEVEL_CACHE = 32 * 1024

emit_rules.define(REDUCTION)(emit_reduction)


@emit_rules.define(FUSED)
def _emit_fused(emitter: Emitter, node: Node) -> None:
    for result in node.results:
        if not is_in_register(result.type):
            assert isinstance(result.type, TensorType)
            emitter.define(result, emitter.allocate(result, result.type.size * result.type.dtype.itemsize))
    (block,) = node.blocks
    ranks = integers(dict(node.attrs), "ranks")
    backwards = any(_is_large(target.type) for target in node.args)
    writer = LoopWriter(emitter, block, shape_attribute(node), ranks, backwards=backwards)
    stores = _stores(writer, node, ranks)

    def sum_up_across(nodes: Sequence[Node]) -> Sequence[Node]:
        across = [each for each in nodes if each.primitive is REDUCTION and is_across(writer, each)]
        for reduction in across:
            accumulate_across(writer, reduction)
        return across

    writer.write(stores, sum_up_across)


def _is_large(type_: Type) -> bool:
    """Whether a buffer does not fit into the first-level cache.

    What was read last of it, in order, is there still: an update that begins at the end finds it there.
    """
    return isinstance(type_, BufferType) and type_.size * type_.dtype.itemsize > _FIRST_LEVEL_CACHE


def _stores(writer: LoopWriter, node: Node, ranks: Sequence[int]) -> Finish:
    emitter, block = writer.emitter, node.blocks[0]
    targets = (*node.args, *node.results)

    def store(depth: int) -> None:
        here = [k for k, rank in enumerate(ranks) if min(rank, writer.depth) == depth]
        if len(here) > 1:
            for k in here:
                emitter.settle(block.results[k])
        for k in here:
            target, value = targets[k], emitter.inline(block.results[k])
            if is_in_register(target.type) and isinstance(target, Sym):
                emitter.define(target, value)
            else:
                emitter.line(f"{emitter.expression(target)}[{writer.position(ranks[k])}] = {value};")

    return store
