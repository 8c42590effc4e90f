"""C++ for sums and maxima within loop nests.

Three forms. Along memory, long: a kernel on vectors where they do all that there is to do, else partial results side by
side. Across memory, for neighbouring elements: an array of results, to which one
row after the other is added. Short or irregular: a plain loop.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from ...ir.node import Atom, Node, Sym
from ...ir.ops.fusion import ELEMENT_AT, REDUCTION
from ...ir.types import FLOAT32, FLOAT64, ScalarType
from .emitter import Emitter
from .literals import declaration, scalar_c_type
from .loop_writer import LoopWriter
from .nest_shape import Access, atoms_used, nodes_within, shape_attribute
from .vector_bodies import has_vector_body, vector_body, write_lambda

_KERNEL_TYPES = (FLOAT32, FLOAT64)
_LANES = 32
_FEWEST_LANES = 16
_LARGEST_ON_STACK = 1024
# Fewer rows than this are added up one element at a time.
_FEWEST_ROWS = 4


def emit_reduction(emitter: Emitter, node: Node) -> None:
    """One number; statements at the present depth."""
    (result,) = node.results
    assert isinstance(result.type, ScalarType)
    emitter.alias(result, emitter.fresh_name(result.name or str(node.attr("kind"))))
    writer = LoopWriter(emitter, node.blocks[0], shape_attribute(node), (len(node.blocks[0].params),))
    is_long = writer.depth > 0 and writer.shape.loops[-1] >= _FEWEST_LANES and result.type in _KERNEL_TYPES
    if is_long and has_vector_body(writer, node):
        _emit_vectors(writer, node)
    elif is_long:
        _emit_side_by_side(writer, node)
    else:
        emitter.line(f"{declaration(result.type, emitter.name_of(result))} = {_neutral(node)};")
        writer.write(lambda depth: _add_innermost(writer, node, depth), independent=False)


def _neutral(node: Node) -> str:
    """What a sum or maximum of nothing is."""
    (result,) = node.results
    assert isinstance(result.type, ScalarType)
    if node.attr("kind") == "sum":
        return "0"
    if result.type.is_float:
        return "-__builtin_inff()" if result.type == FLOAT32 else "-__builtin_inf()"
    if result.type.kind != "int":
        return "0"
    return f"({scalar_c_type(result.type)})(1ull << {result.type.bits - 1})"


def _add_innermost(writer: LoopWriter, node: Node, depth: int) -> None:
    if depth == writer.depth:
        _add(writer.emitter, node, writer.emitter.name_of(node.results[0]))


def _add(emitter: Emitter, node: Node, total: str) -> None:
    """Take the body's value into a total; a NaN stays in a maximum once it is there."""
    (value,) = node.blocks[0].results
    is_sum = node.attr("kind") == "sum"
    _add_text(emitter, node, total, emitter.inline(value) if is_sum else emitter.expression(value))


def _add_text(emitter: Emitter, node: Node, total: str, text: str) -> None:
    if node.attr("kind") == "sum":
        emitter.line(f"{total} += {text};")
        return
    test = f"{text} > {total}"
    if node.results[0].type in _KERNEL_TYPES:
        test = f"(({test}) | ({text} != {text}))"
    emitter.line(f"{total} = {test} ? {text} : {total};")


# ---- along memory


@contextmanager
def _outer_loops(writer: LoopWriter) -> Iterator[None]:
    """Write inside the `with` what stands in all loops but the innermost, behind what does not vary in that."""
    with ExitStack() as stack:
        for depth in range(writer.depth):
            nodes = writer.nodes_at(depth)
            writer.write_nodes(nodes)
            writer.settle_for_inside(nodes, depth)
            if depth < writer.depth - 1:
                stack.enter_context(writer.emitter.braces(writer.header(depth)))
        yield


def _emit_vectors(writer: LoopWriter, node: Node) -> None:
    """The innermost loop by a kernel on vectors, whose lanes are taken together at the end of all loops."""
    emitter, (result,) = writer.emitter, node.results
    assert isinstance(result.type, ScalarType)
    emitter.include("reduce.h")
    is_sum, name, type_ = node.attr("kind") == "sum", emitter.name_of(result), scalar_c_type(result.type)
    arguments = f"<{writer.shape.loops[-1]}, {type_}>("
    if writer.depth == 1:
        with _outer_loops(writer):
            function = "sum_of" if is_sum else "maximum_of"
            head = f"const {declaration(result.type, name)} = pylms::{function}{arguments}"
            write_lambda(emitter, head, vector_body(writer, node))
        return
    lanes = emitter.fresh_name(f"{name}_lanes")
    start = "{}" if is_sum else f"pylms::broadcast<{type_}>({_neutral(node)})"
    emitter.line(f"pylms::Vec<{type_}> {lanes} = {start};")
    with _outer_loops(writer):
        if is_sum:
            write_lambda(emitter, f"{lanes} += pylms::sums_of{arguments}", vector_body(writer, node))
        else:
            head = f"{lanes} = pylms::larger<{type_}>({lanes}, pylms::maxima_of{arguments}"
            write_lambda(emitter, head, vector_body(writer, node), tail="))")
    together = "horizontal_sum" if is_sum else "largest_lane"
    emitter.line(f"const {declaration(result.type, name)} = pylms::{together}<{type_}>({lanes});")


def _emit_side_by_side(writer: LoopWriter, node: Node) -> None:
    """Partial results for elements of the innermost loop that are `lanes` apart, which do not wait for each other."""
    emitter, (result,) = writer.emitter, node.results
    extent, index = writer.shape.loops[-1], writer.indices[-1]
    lanes = _LANES if extent >= _LANES else _FEWEST_LANES
    name, whole = emitter.name_of(result), extent // lanes * lanes
    parts = emitter.fresh_name(f"{name}_parts")
    _declare_totals(emitter, node, parts, lanes)
    with _outer_loops(writer):
        with emitter.braces(f"for (long long {index} = 0; {index} < {whole}; {index} += {lanes})"):
            writer.rename(f"({index} + lane)")
            writer.mark_independent()
            with emitter.braces(f"for (long long lane = 0; lane < {lanes}; ++lane)"):
                writer.write_nodes(writer.nodes_at(writer.depth))
                _add(emitter, node, f"{parts}[lane]")
        writer.rename(index)
        if whole != extent:
            with emitter.braces(f"for (long long {index} = {whole}; {index} < {extent}; ++{index})"):
                writer.write_nodes(writer.nodes_at(writer.depth))
                _add(emitter, node, f"{parts}[{index} - {whole}]")
    emitter.include("reduce.h")
    kernel = "sum" if node.attr("kind") == "sum" else "maximum"
    assert isinstance(result.type, ScalarType)
    emitter.line(f"{declaration(result.type, name)} = pylms::{kernel}<{lanes}>({parts});")


def _declare_totals(emitter: Emitter, node: Node, name: str, count: int) -> None:
    """An array of results that nothing was added to yet."""
    (result,) = node.results
    assert isinstance(result.type, ScalarType)
    spelled = scalar_c_type(result.type)
    is_sum = node.attr("kind") == "sum"
    if count <= _LARGEST_ON_STACK:
        emitter.line(f"{spelled} {name}[{count}]{' = {}' if is_sum else ''};")
    else:
        size = count * result.type.itemsize
        emitter.line(f"{spelled} *{name} = {emitter.scratch(result.type, size)};")
        if is_sum:
            emitter.line(f"__builtin_memset({name}, 0, {size});")
    if not is_sum:
        emitter.line(f"for (long long i = 0; i < {count}; ++i) {name}[i] = {_neutral(node)};")


# ---- across memory


def is_across(writer: LoopWriter, node: Node) -> bool:
    """Whether a reduction in the innermost loop of a nest had better be done for all of that loop at a time.

    That is so where the loop walks along memory, and the reduction itself does not.
    """
    if writer.depth == 0 or min(writer.shape.loops[-1], math.prod(shape_attribute(node))) < _FEWEST_ROWS:
        return False
    own = {param for each in nodes_within((node,)) for block in each.blocks for param in block.params}
    reads = [Access.of(each).long_axes() for each in nodes_within((node,)) if each.primitive is ELEMENT_AT]
    last = [axes[-1][0] for axes in reads if axes]
    return any(index in writer.innermost for index in last) and not any(index in own for index in last)


def needs_scratch(writer: LoopWriter) -> bool:
    """Whether what is added up across memory lies in the call's memory, which threads must not share."""
    return writer.shape.loops[-1] > _LARGEST_ON_STACK


def accumulate_across(writer: LoopWriter, node: Node) -> None:
    """Write the loops that add up, before the innermost loop opens; the result is then an array's element."""
    emitter, (result,), (block,) = writer.emitter, node.results, node.blocks
    totals = emitter.fresh_name(result.name or f"{node.attr('kind')}s")
    _declare_totals(emitter, node, totals, writer.shape.loops[-1])
    rows = LoopWriter(emitter, block, shape_attribute(node), (len(block.params),))
    outer = _needed_in_loop(writer, block.nodes, block.results)
    moving = _depending(block.nodes, {symbol for each in outer for symbol in each.results} | set(writer.innermost))

    def add_row(depth: int) -> None:
        if depth < rows.depth:
            return
        for each in block.nodes:
            if each not in moving:
                emitter.settle(each.results[0])
        writer.mark_independent()
        with emitter.braces(writer.header(writer.depth - 1)):
            writer.write_nodes([*outer, *moving])
            _add(emitter, node, f"{totals}[{writer.indices[-1]}]")

    rows.write(add_row, independent=False, skip=moving)
    emitter.alias(result, f"{totals}[{writer.indices[-1]}]")


def _needed_in_loop(writer: LoopWriter, nodes: Sequence[Node], results: Sequence[Atom]) -> list[Node]:
    """The nodes of the innermost loop that these depend on, in order; sums that are done already are values."""
    needed: set[Atom] = {atom for node in nodes for atom in atoms_used(node)} | set(results)
    found: list[Node] = []
    for node in reversed(writer.nodes_at(writer.depth)):
        is_done = node.primitive is REDUCTION and is_across(writer, node)
        if node.results[0] in needed and not is_done:
            found.append(node)
            needed.update(atoms_used(node))
    return found[::-1]


def _depending(nodes: Sequence[Node], symbols: set[Sym]) -> list[Node]:
    """The nodes that depend on any of the symbols."""
    found: list[Node] = []
    known: set[Atom] = set(symbols)
    for node in nodes:
        if any(atom in known for atom in atoms_used(node)):
            found.append(node)
            known.update(node.results)
    return found
