"""C++ for loop nests: plain loops that compilers vectorise, with what does not vary written outside.

A destination is written at the very element that was read of it, so iterations are independent of each other. Sums
along memory take several partial sums side by side; sums across it, for neighbouring elements, are done for all of
these at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.node import Atom, Node, Sym
from ...ir.ops.fusion import FUSED, REDUCTION
from ...ir.ops.tensors import integers_of
from ...ir.types import INT64, BufferType, TensorType, Type
from .emit_parallel import may_use_threads
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import declaration, is_in_register
from .loop_writer import Finish, LoopWriter
from .nest_shape import shape_attribute
from .nest_tasks import tasks_of
from .reductions import accumulate_across, emit_reduction, is_across, needs_scratch
from .shared_nests import Form, with_parameters
from .text import Line, list_lines

_FIRST_LEVEL_CACHE = 32 * 1024

emit_rules.define(REDUCTION)(emit_reduction)


@emit_rules.define(FUSED)
def _emit_fused(emitter: Emitter, node: Node) -> None:
    for result in node.results:
        if not is_in_register(result.type):
            assert isinstance(result.type, TensorType)
            emitter.define(result, emitter.allocate(result, result.type.size * result.type.dtype.itemsize))
    form = emitter.shared_nests.form(node)
    if form is None:
        _write_nest(emitter, node)
        return
    if form.key not in emitter.shared_nests.functions:
        emitter.shared_nests.functions[form.key] = _write_function(emitter, node, form)
    name, leading = emitter.shared_nests.functions[form.key]
    emitter.function.uses_arena |= "arena" in leading
    operands: list[Atom] = [*form.operands, *(form.positions[number] for number in form.varying)]
    emitter.line(f"{name}({', '.join([*leading, *map(emitter.expression, operands)])});")


def _write_function(emitter: Emitter, node: Node, form: Form) -> tuple[str, tuple[str, ...]]:
    """A function for all nests of the form, the first of which is `node`: its name, and what it takes first of all."""
    name = emitter.fresh_global_name("nest")
    operands = {symbol: Sym(symbol.id, symbol.type, symbol.name) for symbol in form.operands}
    places = {number: Sym(number, INT64, "at") for number in form.varying}
    positions = [places.get(number, position) for number, position in enumerate(form.positions)]
    parameters = []
    with emitter.new_function() as function:
        for symbol in (*operands.values(), *places.values()):
            emitter.alias(symbol, emitter.fresh_name(symbol.name or "x"))
            parameters.append(declaration(symbol.type, emitter.name_of(symbol)))
        _write_nest(emitter, with_parameters(node, operands, positions))
    # Without `noinline`, compilers would make copies of it again.
    leading = function.leading_parameters()
    parameters[:0] = [parameter for parameter, _ in leading]
    head = f"static __attribute__((noinline)) void {name}("
    emitter.top_level.extend(list_lines(head, parameters, ") {", depth=0))
    emitter.top_level.extend((*function.lines, Line(0, "}"), Line(0, "")))
    return name, tuple(argument for _, argument in leading)


def _write_nest(emitter: Emitter, node: Node) -> None:
    (block,) = node.blocks
    ranks = integers_of(node, "ranks")
    backwards = any(_is_large(target.type) for target in node.args)
    # A destination may be read where it is written; a tensor that the nest makes is nowhere yet.
    writer = LoopWriter(emitter, block, shape_attribute(node), ranks, backwards=backwards, may_repeat=not node.args)
    stores = _stores(writer, node, ranks)
    across = [each for each in block.nodes if each.primitive is REDUCTION and is_across(writer, each)]
    if may_use_threads(emitter) and not any(needs_scratch(writer) for _ in across):
        # What is added up across memory is done before the innermost loop.
        apart = across if writer.depth == 1 else ()
        writer.tasks = tasks_of(block, writer.shape, apart)

    def sum_up_across(nodes: Sequence[Node]) -> Sequence[Node]:
        here = [each for each in across if each in nodes]
        for reduction in here:
            accumulate_across(writer, reduction)
        return here

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
